//! A visitor's browser: a name, and the one cookie that it keeps.
//!
//! Not a cookie jar: HTTP clients send no `Secure` cookie to `http://127.0.0.1`; browsers do.

use hyper::header::{HeaderMap, SET_COOKIE};

/// One device of the visitor.
#[derive(Clone)]
pub(crate) struct Visitor {
    name: &'static str,
    cookie: Option<String>,
}

impl Visitor {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, cookie: None }
    }

    /// Someone else with a copy of this one's cookie.
    pub(crate) fn copied_by(&self, name: &'static str) -> Self {
        Self { name, cookie: self.cookie.clone() }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The `Cookie` header to send.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Applies the response's cookies as a browser does.
    pub(crate) fn hear(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let pair = parts.next().unwrap_or_default().to_owned();
            let removed = parts.any(|part| part.eq_ignore_ascii_case("Max-Age=0"));
            self.cookie = (!removed).then_some(pair);
        }
    }
}
