//! axum and actix-web behind one interface, so that the web suite is written once.
//!
//! Handlers are plain async functions over the crate's extractors: each framework turns the same function into its own.

#[allow(clippy::future_not_send)] // a worker of actix-web is one thread
pub(crate) mod actix;
pub(crate) mod axum;

use std::net::SocketAddr;

/// A request as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    uri: String,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
    peer: Option<SocketAddr>,
    http2: bool,
}

impl Request {
    pub(crate) fn new(method: &str, uri: &str) -> Self {
        let (method, uri) = (method.to_owned(), uri.to_owned());
        Self { method, uri, headers: Vec::new(), body: String::new(), peer: None, http2: false }
    }

    pub(crate) fn get(uri: &str) -> Self {
        Self::new("GET", uri)
    }

    pub(crate) fn post(uri: &str) -> Self {
        Self::new("POST", uri)
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }

    /// From this end of the connection.
    pub(crate) fn from(self, peer: SocketAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }

    pub(crate) fn http2(self) -> Self {
        Self { http2: true, ..self }
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, and values as a log would show them.
    headers: Vec<(String, Vec<u8>, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(other, _, _)| other == name);
        values.map(|(_, value, _)| std::str::from_utf8(value).expect("ASCII")).collect()
    }

    /// The only `Set-Cookie` of the session's name, split at its semicolons.
    pub(crate) fn set_cookie(&self) -> Option<Vec<&str>> {
        let ours = |line: &&str| line.starts_with("__Host-id=");
        let lines: Vec<_> = self.all("set-cookie").into_iter().filter(ours).collect();
        assert!(lines.len() <= 1, "at most one cookie: {lines:?}");
        lines.first().map(|line| line.split("; ").collect())
    }

    /// The token that was set; none if the cookie was removed.
    pub(crate) fn token(&self) -> Option<String> {
        let cookie = self.set_cookie()?;
        let value = cookie[0].split_once('=').expect("a pair").1;
        (!cookie.contains(&"Max-Age=0")).then(|| value.to_owned())
    }

    pub(crate) fn removes_cookie(&self) -> bool {
        self.set_cookie().is_some_and(|cookie| cookie.contains(&"Max-Age=0"))
    }

    /// The headers as a log would show them.
    pub(crate) fn shown(&self) -> String {
        self.headers.iter().map(|(name, _, shown)| format!("{name}: {shown}\n")).collect()
    }
}

/// A handler's response, where text is not enough.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    status: Option<u16>,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    pub(crate) fn text(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// With these further headers, also several of one name.
    pub(crate) fn headers(mut self, headers: &[(&'static str, &'static str)]) -> Self {
        self.headers.extend(headers);
        self
    }
}
