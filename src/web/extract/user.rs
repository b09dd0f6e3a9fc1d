//! Extractor of the logged-in user.

use std::time::SystemTime;

use crate::session::Session;
use crate::sessions::user::UserSessions;
use crate::web::extract::refusal::UserRejection;

/// The logged-in user; for a guest the handler does not run.
///
/// The response to a guest is 401 with `{"ended": reason}`, an [`EndReason::as_str`](crate::EndReason::as_str) or
/// `null`; the layer treats the cookie as for any other response. `Option<User>` lets guests in as `None`, and with
/// `Result<User, UserRejection>` the handler responds to them. The extraction loads the session as [`Session`] does,
/// once per request.
///
/// Id and login time are those of the extraction: a login or logout by this request does not change them. For actions
/// that need a recent login, use [`RequireFresh`](crate::RequireFresh).
///
/// # Errors
/// Rejects with [`UserRejection::Guest`] (401), or with [`UserRejection::Session`] as the extraction of [`Session`]
/// does: [`Error::Unavailable`](crate::Error::Unavailable) (503), never a guest, if the store does not reply, and
/// [`Error::Config`](crate::Error::Config) (500) without a [`SessionLayer`](crate::SessionLayer). `Option<User>`
/// rejects with the latter two only.
///
/// actix-web converts every error of an `Option<T>` to `None`. So there the layer responds to an outage before the
/// handler would run: `Result<User, UserRejection>` never contains it, and without a layer `Option<User>` is `None`.
/// Where the layer cannot respond, in a middleware around it after the handler or in another task, an outage is an
/// error as in axum, and `Option<User>` is `None`: use `Result<User, UserRejection>` there.
///
/// # Examples
/// ```
/// use cloakroom::{Error, User};
///
/// async fn everywhere(user: User) -> Result<String, Error> {
///     Ok(user.sessions().revoke_all().await?.ended.to_string())
/// }
///
/// async fn greet(user: Option<User>) -> String {
///     user.map_or("Hello!".to_owned(), |user| format!("Hello, {}!", user.id()))
/// }
/// # use axum::routing::{get, post};
/// # let _ = axum::Router::<()>::new().route("/", get(greet)).route("/everywhere", post(everywhere));
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "AuthSession")]
pub struct User {
    id: String,
    since: SystemTime,
    session: Session,
}

impl User {
    /// The user's id, as passed to the login.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session of this request: the one that [`Session`] extracts.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// All sessions of this user, on any server; no I/O yet.
    #[must_use]
    pub fn sessions(&self) -> UserSessions {
        self.session.sessions().user(&self.id)
    }

    /// Time of the user's last login in this session, by the store's clock.
    #[must_use]
    pub const fn auth_time(&self) -> SystemTime {
        self.since
    }

    /// The user of this session; for a guest, the rejection.
    pub(crate) fn of(session: Session) -> Result<Self, UserRejection> {
        match session.user().zip(session.auth_time()) {
            Some((id, since)) => Ok(Self { id, since, session }),
            None => Err(UserRejection::Guest(session.ended())),
        }
    }
}
