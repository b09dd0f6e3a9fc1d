//! Extractors of the session and its user for axum.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;

use crate::error::Error;
use crate::session::Session;
use crate::web::extract::fresh::RequireFresh;
use crate::web::extract::read::ReadSession;
use crate::web::extract::refusal::UserRejection;
use crate::web::extract::user::User;
use crate::web::slot::{SessionSlot, no_layer};

/// Loads the session at the first extraction; further extractions in the same request return the same one.
///
/// The client's address is that of the connection, if the server was created with
/// `into_make_service_with_connect_info::<SocketAddr>()`; behind a proxy it is the proxy's, unless the layer
/// [trusts](crate::SessionLayer::trusted_proxies) it.
///
/// Rejects with [`Error::Unavailable`] (503) if the store does not reply; the handler then does not run. Without a
/// surrounding [`SessionLayer`](crate::SessionLayer), rejects with [`Error::Config`] (500), with a log line.
///
/// # Examples
/// ```
/// use cloakroom::{Error, Session};
///
/// async fn hits(session: Session) -> Result<String, Error> {
///     Ok(session.increment("hits", 1).await?.to_string())
/// }
/// # let _ = axum::Router::<()>::new().route("/", axum::routing::get(hits));
/// ```
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = parts.extensions.get::<SessionSlot>().cloned().ok_or_else(no_layer)?;
        match slot.used() {
            Some(session) => Ok(session.clone()),
            None => slot.load(slot.asked(parts)).await,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ReadSession {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let slot = parts.extensions.get::<SessionSlot>().cloned().ok_or_else(no_layer)?;
        slot.look(slot.asked(parts)).await.map(Self::of)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        Self::of(Session::from_request_parts(parts, state).await?)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for User {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Error> {
        Ok(Self::of(Session::from_request_parts(parts, state).await?).ok())
    }
}

impl<S: Send + Sync, const SECS: u64> FromRequestParts<S> for RequireFresh<SECS> {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        Self::of(<User as FromRequestParts<S>>::from_request_parts(parts, state).await?)
    }
}
