//! Errors as actix-web responses.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};

use crate::error::Error;
use crate::web::error_response::ErrorReply;
use crate::web::extract::refusal::UserRejection;

/// Responds in JSON, so that handlers can use `?`: the same status, headers and body as in axum.
impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        code(ErrorReply::status_of(self))
    }

    fn error_response(&self) -> HttpResponse {
        ErrorReply::to(self).into_actix()
    }
}

/// Responds in JSON, see [`UserRejection`].
impl ResponseError for UserRejection {
    fn status_code(&self) -> StatusCode {
        code(ErrorReply::status_of_user(self))
    }

    fn error_response(&self) -> HttpResponse {
        ErrorReply::to_user(self).into_actix()
    }
}

impl ErrorReply {
    pub(crate) fn into_actix(self) -> HttpResponse {
        let mut response = HttpResponse::build(code(self.status));
        response.insert_header((CONTENT_TYPE, "application/json"));
        if let Some(seconds) = self.retry_after() {
            response.insert_header((RETRY_AFTER, HeaderValue::from(u16::from(seconds))));
        }
        response.body(self.body)
    }
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
