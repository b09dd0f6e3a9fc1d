//! Errors as framework-free responses.

use crate::config::limits::LimitExceeded;
use crate::end::EndReason;
use crate::error::Error;
use crate::util::rarely::rarely;
use crate::web::extract::refusal::UserRejection;
use crate::web::policy::UNAVAILABLE;

/// Seconds until a client may retry after an outage: the request has already waited for the store's whole budget, and a
/// recovered store is found within a second.
const RETRY_AFTER_SECS: u8 = 1;

const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;

/// The response to an error: a status, and a JSON body without session data.
pub(crate) struct ErrorReply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl ErrorReply {
    /// The response to an error; details that it omits are logged.
    pub(crate) fn to(error: &Error) -> Self {
        let status = Self::status_of(error);
        let body = match error {
            Error::Gone(reason) => ended(*reason),
            Error::Conflict => ended(None),
            // Internal errors are only logged.
            _ if status == 500 => said("the server failed"),
            _ => said(&error.to_string()),
        };
        Self { status, body }.traced(error)
    }

    /// The response to a rejected user.
    pub(crate) fn to_user(rejection: &UserRejection) -> Self {
        let body = match rejection {
            UserRejection::Guest(reason) => ended(*reason),
            UserRejection::LoginTooOld => r#"{"reauthenticate":true}"#.to_owned(),
            UserRejection::Session(error) => return Self::to(error),
        };
        Self { status: UNAUTHORIZED, body }.traced(rejection)
    }

    pub(crate) const fn status_of(error: &Error) -> u16 {
        match error {
            Error::Unavailable(_) | Error::Indeterminate(_) => UNAVAILABLE,
            Error::Gone(_) | Error::Conflict | Error::Withheld => 409,
            Error::Limit(LimitExceeded::FieldName | LimitExceeded::UserId { .. }) => 400,
            Error::Limit(_) => 413,
            Error::WrongKind { .. } | Error::Overflow { .. } => 422,
            Error::Missing { .. }
            | Error::Decode { .. }
            | Error::Encode { .. }
            | Error::Config(_)
            | Error::Random(_)
            | Error::TooLate
            | Error::Unreadable(_) => 500,
        }
    }

    #[cfg(feature = "actix-web")]
    pub(crate) const fn status_of_user(rejection: &UserRejection) -> u16 {
        match rejection {
            UserRejection::Guest(_) | UserRejection::LoginTooOld => UNAUTHORIZED,
            UserRejection::Session(error) => Self::status_of(error),
        }
    }

    /// The response to a forged request.
    pub(crate) fn forbidden(why: &str) -> Self {
        tracing::debug!(why, "request rejected by the CSRF check");
        Self { status: FORBIDDEN, body: said(why) }
    }

    /// Seconds until a retry, if one may help.
    pub(crate) fn retry_after(&self) -> Option<u8> {
        (self.status == UNAVAILABLE).then_some(RETRY_AFTER_SECS)
    }

    fn traced(self, error: &(dyn std::error::Error + 'static)) -> Self {
        match self.status {
            // The store logs its outages.
            UNAVAILABLE => tracing::debug!(error, "request failed: session store unavailable"),
            500 => rarely!(error of &error.to_string(), error, "a request failed"),
            status => tracing::debug!(status, error, "a request was refused"),
        }
        self
    }
}

fn ended(reason: Option<EndReason>) -> String {
    reason.map_or_else(|| r#"{"ended":null}"#.to_owned(), |reason| format!(r#"{{"ended":"{reason}"}}"#))
}

/// A body with an error text.
fn said(text: &str) -> String {
    format!(r#"{{"error":"{}"}}"#, escaped(text))
}

/// Escapes a JSON string: a field name in a message may be anything the application passed.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => escaped.extend(['\\', char]),
            char if char.is_ascii_control() => escaped.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_valid_json() {
        let text = "\"\\\n\u{0}\u{7f}é {}";
        let read: serde_json::Value = serde_json::from_str(&said(text)).expect("JSON");
        assert_eq!(read, serde_json::json!({ "error": text }));
        let read: serde_json::Value = serde_json::from_str(&ended(Some(EndReason::LoggedOut))).expect("JSON");
        assert_eq!(read, serde_json::json!({ "ended": "logged_out" }));
        let read: serde_json::Value = serde_json::from_str(&ended(None)).expect("JSON");
        assert_eq!(read, serde_json::json!({ "ended": null }));
    }
}
