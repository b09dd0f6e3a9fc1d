//! The session as an argument of an axum handler.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{COOKIE, USER_AGENT};
use axum::http::request::Parts;

use super::slot::Slot;
use crate::client::ClientInfo;
use crate::config::ConfigError;
use crate::error::Error;
use crate::session::Session;

/// Loads the session when it is first extracted; every further extraction in the same request gets the same one.
///
/// The client's address is that of the connection, if the server was made with
/// `into_make_service_with_connect_info::<SocketAddr>()`; behind a proxy that is the proxy's.
///
/// Rejects with [`Error::Unavailable`] (503) if the store does not answer: the handler then does not run. Without a
/// [`SessionLayer`](crate::SessionLayer) around it, an [`Error::Config`] (500) says so in the log.
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
        let slot = parts.extensions.get::<Slot>().cloned().ok_or_else(no_layer)?;
        if let Some(session) = slot.loaded() {
            return Ok(session.clone());
        }
        let client = client(parts).await;
        let found = slot.find(parts.headers.get_all(COOKIE).iter().map(|value| value.as_bytes()));
        slot.load(found, client).await
    }
}

pub(super) fn no_layer() -> Error {
    let advice =
        "add `.layer(SessionLayer::new(sessions))` outside of `CsrfLayer` and of what extracts `Session` or `User`";
    ConfigError::new("session layer", "missing", advice).into()
}

async fn client(parts: &mut Parts) -> ClientInfo {
    let mut client = ClientInfo::new();
    if let Ok(ConnectInfo(address)) = ConnectInfo::<SocketAddr>::from_request_parts(parts, &()).await {
        client = client.address(address.ip().to_canonical());
    }
    match parts.headers.get(USER_AGENT) {
        Some(agent) => client.user_agent(String::from_utf8_lossy(agent.as_bytes())),
        None => client,
    }
}
