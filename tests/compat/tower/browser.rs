//! A minimal browser: one cookie, and what the last response set.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

/// A response: its status, its body, and its `Set-Cookie`.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) cookie: Option<SetCookie>,
}

/// A `Set-Cookie`: name, value and attributes, an attribute without a value as an empty one.
#[derive(Debug)]
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl SetCookie {
    fn read(line: &str) -> Self {
        let pair = |text: &str| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (name.to_owned(), value.to_owned())
        };
        let mut parts = line.split("; ").map(pair);
        let (name, value) = parts.next().expect("a name and a value");
        Self { name, value, attributes: parts.collect() }
    }

    pub(super) fn has(&self, attribute: &str, value: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|given| given == value)
    }

    /// In seconds; none for a cookie of the browser's session.
    pub(super) fn max_age(&self) -> Option<i64> {
        self.attributes.get("Max-Age").map(|seconds| seconds.parse().expect("a number"))
    }
}

/// Sends a request with this session cookie, if any.
pub(super) async fn get(app: &Router, path: &str, cookie: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(cookie) = cookie {
        request = request.header("cookie", format!("id={cookie}"));
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let lines = response.headers().get_all("set-cookie").iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect();
    assert!(lines.len() <= 1, "at most one cookie: {lines:?}");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
    let body = String::from_utf8(body.to_vec()).expect("text");
    Answer { status, body, cookie: lines.first().map(|line| SetCookie::read(line)) }
}

impl Answer {
    /// The value of the cookie that was set.
    pub(super) fn id(&self) -> &str {
        &self.cookie.as_ref().expect("a cookie was set").value
    }
}
