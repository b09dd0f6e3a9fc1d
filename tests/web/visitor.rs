//! A browser as far as these tests need one, and an application of one handler.

use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::handler::Handler;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::any;
use cloakroom::{SessionLayer, Sessions};
use tower::ServiceExt;

pub(super) const NAME: &str = "__Host-id";

/// Sessions in this process, new for each test.
pub(super) async fn memory() -> Sessions {
    Sessions::builder("memory:").namespace("test").connect().await.expect("memory is always there")
}

/// How many sessions are stored.
pub(super) async fn stored(sessions: &Sessions) -> u64 {
    sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("memory is always there")
}

/// An application that answers every request with this handler.
pub(super) fn app<H: Handler<T, ()>, T: 'static>(sessions: &Sessions, handler: H) -> Router {
    Router::new().fallback(any(handler)).layer(SessionLayer::new(sessions.clone()))
}

/// A response, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    /// All values of a header.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect()
    }

    /// The only `Set-Cookie` of our name, split at its semicolons.
    pub(super) fn set_cookie(&self) -> Option<Vec<&str>> {
        let ours = |line: &&str| line.starts_with(&format!("{NAME}="));
        let lines: Vec<_> = self.all("set-cookie").into_iter().filter(ours).collect();
        assert!(lines.len() <= 1, "at most one cookie: {lines:?}");
        lines.first().map(|line| line.split("; ").collect())
    }

    /// The token that was set; none too if the cookie was removed.
    pub(super) fn token(&self) -> Option<String> {
        let cookie = self.set_cookie()?;
        let value = cookie[0].split_once('=').expect("a pair").1;
        (!cookie.contains(&"Max-Age=0")).then(|| value.to_owned())
    }

    pub(super) fn removes_cookie(&self) -> bool {
        self.set_cookie().is_some_and(|cookie| cookie.contains(&"Max-Age=0"))
    }
}

pub(super) async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
    let body = String::from_utf8(body.to_vec()).expect("text");
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A request with these `Cookie` headers.
pub(super) async fn get_with(app: &Router, path: &str, cookies: &[&[u8]]) -> Answer {
    let request = cookies.iter().fold(Request::get(path), |request, cookie| request.header("cookie", *cookie));
    send(app, request.body(Body::empty()).expect("a request")).await
}

/// Someone with a browser: keeps the session's cookie as it is told to.
pub(super) struct Visitor {
    app: Router,
    pub(super) token: Option<String>,
}

impl Visitor {
    pub(super) fn of(app: &Router) -> Self {
        Self { app: app.clone(), token: None }
    }

    /// The same browser, as it is now, elsewhere.
    pub(super) fn on(&self, app: &Router) -> Self {
        Self { app: app.clone(), token: self.token.clone() }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let cookie = self.token.as_ref().map(|token| format!("theme=dark; {NAME}={token}"));
        let cookies: Vec<_> = cookie.iter().map(|cookie| cookie.as_bytes()).collect();
        let answer = get_with(&self.app, path, &cookies).await;
        if answer.set_cookie().is_some() {
            self.token = answer.token();
        }
        answer
    }

    /// The visitor's token; there has to be one.
    pub(super) fn held(&self) -> &str {
        self.token.as_deref().expect("the visitor has a cookie")
    }
}
