//! Rejections of the user extractors.

use crate::end::EndReason;
use crate::error::Error;

/// Why an extraction of [`User`](crate::User) or [`RequireFresh`](crate::RequireFresh) failed, so that the handler did
/// not run. It is a response itself.
///
/// A handler that takes `Result<User, UserRejection>` runs anyway, and can redirect a guest to the login page.
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
    /// No user is logged in; with the reason why the client's session ended, if it has and the reason is known.
    #[error("no user is logged in")]
    Guest(Option<EndReason>),
    /// The login is older than the handler allows.
    #[error("the login is too old")]
    LoginTooOld,
    /// The session could not be loaded.
    #[error(transparent)]
    Session(#[from] Error),
}
