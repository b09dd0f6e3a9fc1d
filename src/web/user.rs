//! The user as an argument of an axum handler.

use std::time::SystemTime;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use super::refusal::UserRejection;
use crate::error::Error;
use crate::session::Session;
use crate::user::UserSessions;

/// The user who is logged in, as an argument of an axum handler: for a guest the handler does not run.
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
/// does: [`Error::Unavailable`] (503), never a guest, if the store does not answer, and [`Error::Config`] (500) without
/// a [`SessionLayer`](crate::SessionLayer). `Option<User>` rejects with the latter two alone.
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

    fn of(session: &Session) -> Option<Self> {
        let (id, since) = session.user().zip(session.auth_time())?;
        Some(Self { id, since, session: session.clone() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        let session = Session::from_request_parts(parts, state).await?;
        Self::of(&session).ok_or_else(|| UserRejection::Guest(session.ended()))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Error> {
        Ok(Self::of(&Session::from_request_parts(parts, state).await?))
    }
}
