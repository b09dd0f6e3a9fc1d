//! The page as a response, also when something is wrong.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use cloakroom::{Error, Session};

use super::notice::Notice;
use super::view;

/// Loads only our own two files, no inline scripts, no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The tokens in the page must not be cached. Not `no-referrer`: with that, browsers send `Origin: null` for the page's
/// own forms, and those that do not send `Sec-Fetch-Site` would be rejected.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
];

/// The page as this visitor sees it.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    html: String,
}

impl Page {
    /// With a notice; the reason for an end that the visitor did not cause here goes before it.
    pub(super) async fn of(session: &Session, notice: Option<Notice>) -> Result<Self, Trouble> {
        let ended = session.ended().and_then(Notice::ended);
        let html = view::page(session, ended.or(notice)).await?;
        Ok(Self { status: StatusCode::OK, html })
    }

    /// The request failed, with the reason.
    pub(super) async fn refused(session: &Session, status: StatusCode, notice: Notice) -> Result<Self, Trouble> {
        Ok(Self { status, ..Self::of(session, Some(notice)).await? })
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        (self.status, HEADERS, Html(self.html)).into_response()
    }
}

/// Cloakroom's error as a page, where the API responds in JSON: same status, same `Retry-After`, same trace in the log.
#[derive(Debug)]
pub(super) struct Trouble(Error);

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let notice = if self.0.is_retryable() { Notice::Away } else { Notice::Failed };
        let answer = self.0.into_response();
        let mut response = (answer.status(), HEADERS, Html(view::bare(notice))).into_response();
        if let Some(seconds) = answer.headers().get(RETRY_AFTER) {
            response.headers_mut().insert(RETRY_AFTER, seconds.clone());
        }
        response
    }
}
