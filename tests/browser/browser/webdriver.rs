//! WebDriver commands that the client library lacks, or whose result it changes.

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::Value;
use url::{ParseError, Url};

/// One command within a session.
#[derive(Debug)]
pub(super) struct Raw {
    path: &'static str,
    body: Option<Value>,
}

impl Raw {
    pub(super) const fn get(path: &'static str) -> Self {
        Self { path, body: None }
    }

    pub(super) const fn post(path: &'static str, body: Value) -> Self {
        Self { path, body: Some(body) }
    }
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        match &self.body {
            Some(body) => (Method::POST, Some(body.to_string())),
            None => (Method::GET, None),
        }
    }
}
