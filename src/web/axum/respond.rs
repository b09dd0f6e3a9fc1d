//! Errors as axum responses.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::web::error_response::ErrorReply;
use crate::web::extract::refusal::UserRejection;

/// Responds in JSON, so that handlers can use `?`. No body contains session data.
///
/// | error | status | body |
/// |---|---|---|
/// | `Unavailable`, `Indeterminate` | 503, `Retry-After: 1` | `{"error": ".."}` |
/// | `Gone` | 409 | `{"ended": reason}`, [`EndReason::as_str`](crate::EndReason::as_str) or `null` |
/// | `Conflict` | 409 | `{"ended": null}` |
/// | `Withheld` | 409 | `{"error": ".."}` |
/// | `Limit`: a field's name, a user id | 400 | `{"error": ".."}` |
/// | `Limit`: any size or number | 413 | `{"error": ".."}` |
/// | `WrongKind`, `Overflow` | 422 | `{"error": ".."}` |
/// | all others | 500 | `{"error": "the server failed"}`; details are logged |
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        ErrorReply::to(&self).into_response()
    }
}

/// Responds in JSON, see [`UserRejection`].
impl IntoResponse for UserRejection {
    fn into_response(self) -> Response {
        ErrorReply::to_user(&self).into_response()
    }
}

impl IntoResponse for ErrorReply {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (status, json, self.body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(u16::from(seconds)));
        }
        response
    }
}
