//! The error responses of handlers: always JSON.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::Error;
use serde_json::json;

/// Why a request is rejected.
pub(crate) enum Fault {
    /// An error of Cloakroom, which has its own response: 503, 409, 413 and so on.
    Session(Error),
    /// The request itself is wrong.
    Request(StatusCode, String),
}

impl Fault {
    pub(crate) fn request(status: StatusCode, what: impl Into<String>) -> Self {
        Self::Request(status, what.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Request(status, error) => (status, Json(json!({ "error": error }))).into_response(),
        }
    }
}
