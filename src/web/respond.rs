//! An error as axum's response.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::answer::{Answer, RETRY_AFTER_SECS};
use super::policy::UNAVAILABLE;
use super::refusal::UserRejection;
use crate::error::Error;

/// Answers in JSON, so that handlers can use `?`; no body holds data of the session.
///
/// | error | status | body |
/// |---|---|---|
/// | `Unavailable`, `Indeterminate` | 503, `Retry-After: 1` | `{"error": ".."}` |
/// | `Gone` | 409 | `{"ended": reason}`, [`EndReason::as_str`](crate::EndReason::as_str) or `null` |
/// | `Conflict` | 409 | `{"ended": null}` |
/// | `Limit`: a field's name, a user id | 400 | `{"error": ".."}` |
/// | `Limit`: any size or number | 413 | `{"error": ".."}` |
/// | `WrongKind`, `Overflow` | 422 | `{"error": ".."}` |
/// | all others | 500 | `{"error": "the server failed"}`; the log has more |
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let answer = Answer::to(&self);
        answer.trace(&self);
        answer.into_response()
    }
}

impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        let answer = Answer::to_user(&self);
        answer.trace(&self);
        answer.into_response()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let retry = self.status == UNAVAILABLE;
        let mut response = json(self.status, self.body);
        if retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(u16::from(RETRY_AFTER_SECS)));
        }
        response
    }
}

pub(super) fn json(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
