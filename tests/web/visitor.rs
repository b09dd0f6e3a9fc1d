//! A minimal browser for these tests.

use std::time::SystemTime;

use cloakroom::Sessions;

use super::framework::App;
pub(super) use crate::frameworks::{Answer, Reply, Request};

/// The store of one test, which holds it: a server ends with its last holder.
pub(super) async fn stage() -> crate::common::Stage {
    super::stage(|builder| builder).await
}

/// The number of stored sessions.
pub(super) async fn stored(sessions: &Sessions) -> u64 {
    sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("the store is there")
}

/// A request with these `Cookie` headers.
pub(super) async fn get_with(app: &App, path: &str, cookies: &[&[u8]]) -> Answer {
    app.send(cookies.iter().fold(Request::get(path), |request, cookie| request.header("cookie", cookie))).await
}

/// A visitor's browser: it keeps the session's cookie as responses set it.
pub(super) struct Visitor {
    app: App,
    pub(super) token: Option<String>,
}

impl Visitor {
    pub(super) fn of(app: &App) -> Self {
        Self { app: app.clone(), token: None }
    }

    /// A copy of the browser in its current state.
    pub(super) fn on(&self, app: &App) -> Self {
        Self { app: app.clone(), token: self.token.clone() }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        let cookie = self.token.as_ref().map(|token| format!("theme=dark; __Host-id={token}"));
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
