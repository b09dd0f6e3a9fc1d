//! Extractor of a user with a recent login.

use std::time::Duration;

use crate::web::extract::refusal::UserRejection;
use crate::web::extract::user::User;

/// The [`User`] whose last login in this session is at most `SECS` seconds old: for actions that an unattended session
/// must not perform, such as a change of password.
///
/// After an older login the handler does not run; the response is 401 with `{"reauthenticate": true}`, and the session
/// and its cookie stay. Another login of the same user makes it fresh again. Use this, not a field, to grant
/// privileges: for one minute after that login, whoever had the old secret can still write fields
/// ([`Session::save`](crate::Session::save)). The age is determined as by
/// [`Session::reauthentication_due`](crate::Session::reauthentication_due).
///
/// # Errors
/// Rejects with [`UserRejection::LoginTooOld`], otherwise as [`User`] does; a guest gets that response.
///
/// # Examples
/// ```
/// use cloakroom::{RequireFresh, User};
///
/// async fn change_password(RequireFresh(user): RequireFresh<300>) -> String {
///     format!("A new password for {}.", user.id())
/// }
/// # let _ = axum::Router::<()>::new().route("/password", axum::routing::post(change_password));
/// ```
#[derive(Debug, Clone)]
pub struct RequireFresh<const SECS: u64>(
    /// The user.
    pub User,
);

impl<const SECS: u64> RequireFresh<SECS> {
    pub(crate) fn of(user: User) -> Result<Self, UserRejection> {
        let due = user.session().reauthentication_due(Duration::from_secs(SECS));
        if due { Err(UserRejection::LoginTooOld) } else { Ok(Self(user)) }
    }
}
