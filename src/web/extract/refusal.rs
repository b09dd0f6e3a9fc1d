//! Why a handler that is for users did not run.

use crate::end::EndReason;
use crate::error::Error;

/// Why a handler that asks for a [`User`](crate::User) or [`RequireFresh`](crate::RequireFresh) did not run; it answers
/// for itself.
///
/// A handler that takes `Result<User, UserRejection>` runs anyway, and can send a guest to the page for logging in.
///
/// | rejection | status | body |
/// |---|---|---|
/// | `Guest` | 401 | `{"ended": reason}`, [`EndReason::as_str`] or `null` |
/// | `LoginTooOld` | 401 | `{"reauthenticate": true}` |
/// | `Session` | as the error's | as the error's |
///
/// # Examples
/// ```
/// use axum::response::{IntoResponse, Redirect, Response};
/// use cloakroom::{User, UserRejection};
///
/// async fn account(user: Result<User, UserRejection>) -> Response {
///     match user {
///         Ok(user) => format!("This is {}.", user.id()).into_response(),
///         Err(UserRejection::Guest(_)) => Redirect::to("/login").into_response(),
///         Err(other) => other.into_response(),
///     }
/// }
/// # let _ = axum::Router::<()>::new().route("/account", axum::routing::get(account));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserRejection {
    /// Nobody is logged in; and why the session that the client names has ended, if it has and that is known.
    #[error("nobody is logged in")]
    Guest(Option<EndReason>),
    /// The login is older than the handler allows.
    #[error("the login is too old")]
    LoginTooOld,
    /// The session could not be loaded.
    #[error(transparent)]
    Session(#[from] Error),
}
