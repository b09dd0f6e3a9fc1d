//! The user as an argument of a handler.

use std::time::SystemTime;

use crate::session::Session;
use crate::sessions::user::UserSessions;
use crate::web::extract::refusal::UserRejection;

/// The user who is logged in, as an argument of a handler: for a guest the handler does not run.
///
/// A guest is answered 401 with `{"ended": reason}`, an [`EndReason::as_str`](crate::EndReason::as_str) or `null`; what
/// the layer does about the cookie is the same as for any other response. `Option<User>` lets guests in as `None`, and
/// `Result<User, UserRejection>` has the handler answer them. To extract it loads the session as [`Session`] does, once
/// per request.
///
/// Who the user is and when they logged in is what the extraction found: a login or logout by this request does not
/// change it. For what a session must not do late, ask [`RequireFresh`](crate::RequireFresh).
///
/// # Errors
/// Rejects with [`UserRejection::Guest`] (401), or with [`UserRejection::Session`] as the extraction of [`Session`]
/// does: [`Error::Unavailable`](crate::Error::Unavailable) (503), never a guest, if the store does not answer, and [`Error::Config`](crate::Error::Config) (500) without
/// a [`SessionLayer`](crate::SessionLayer). `Option<User>` rejects with the latter two alone.
///
/// In actix-web, where `Option<T>` turns every error into `None` by itself, an outage is answered by the layer before the
/// handler would run; so `Result<User, UserRejection>` never sees it there, and without a layer `Option<User>` is `None`.
/// Where the layer cannot answer, in a middleware around it after the handler and in a task of its own, an outage is an
/// error as in axum, and `Option<User>` is `None`: ask for `Result<User, UserRejection>` there.
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
    /// The user's id, as the login named it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The session of this request: the one that [`Session`] extracts.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// All sessions of this user, on whatever server they were opened; no I/O yet.
    #[must_use]
    pub fn sessions(&self) -> UserSessions {
        self.session.sessions().user(&self.id)
    }

    /// When the user last logged in here, by the store's clock.
    #[must_use]
    pub const fn auth_time(&self) -> SystemTime {
        self.since
    }

    /// The user of this session; for a guest, why the handler does not run.
    pub(crate) fn of(session: Session) -> Result<Self, UserRejection> {
        match session.user().zip(session.auth_time()) {
            Some((id, since)) => Ok(Self { id, since, session }),
            None => Err(UserRejection::Guest(session.ended())),
        }
    }
}
