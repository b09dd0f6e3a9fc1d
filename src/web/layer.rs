//! The layer around an application's routes, whatever the framework.

use std::sync::Arc;

use super::carrier::Carrier;
use super::config::SessionCookie;
use super::header::SessionHeader;
use super::policy::SaveOn;
use super::proxies::TrustedProxies;
use super::slot::Shared;
use crate::config::ConfigError;
use crate::sessions::Sessions;

/// Gives the requests inside it their sessions: loaded when a handler first extracts [`Session`](crate::Session), saved
/// before the response's headers leave.
///
/// It is a layer of tower for axum (`Router::layer`), and a middleware of actix-web (`App::wrap`, `Scope::wrap`).
///
/// - A request whose handler extracts no session costs no command. However many extract it, it is loaded once.
/// - What is pending is saved unless the response is a server error (5xx; see [`SaveOn`]). If it cannot be, the response says so
///   instead of the handler's: 503 if the store is away, 409 if the session has ended or was logged in again meanwhile,
///   413 if it grew too large. A success is never answered for a write that was lost.
/// - The cookie is set with a new token only, also beside a server error: what was stored is stored. It is removed
///   when the session that it names is found ended, with the same attributes; not if it ended by a login, for the
///   client has a newer one then. An outage never changes it. A request that began with a session that was ended
///   otherwise may still remove the cookie of a login that another tab did meanwhile.
/// - `Vary: Cookie` goes with every response whose session was looked at, `Cache-Control: no-store` with every cookie.
/// - The cookie's name is the layer's: a `Set-Cookie` of that name by a handler is dropped.
///
/// A session whose token certainly reached no client is ended, 5 s after the request was dropped: the client went away, a
/// timeout around this layer expired, or the handler panicked; also where the handler dropped the login, or its outcome
/// was unknown. It ends as [`EndReason::Undelivered`](crate::EndReason::Undelivered), and keeps no place under a cap; sessions
/// that its login evicted stay ended. As long as a handle of the request lives, as in a task, the session does. Once the
/// response's head was handed to the server, nobody knows whether it arrived: then the session stays. The chapter
/// [`operations`](crate::guide::operations) says what servers do with clients that close half of their connection.
///
/// In axum, what fails belongs inside it: where a service of tower such as `TimeoutLayer` answers with an error, put the
/// `HandleErrorLayer` that makes a response of it nearer to the handler than this layer. An error that passes this
/// layer has no headers: nothing pending is saved, no cookie goes out, a login that was done is ended, and the
/// session cannot be changed any more. In actix-web an error is a response, and carries the cookie.
///
/// Once the response's head is finished, as while its body streams, nothing can be changed any more: that is
/// [`Error::TooLate`](crate::Error::TooLate); reading goes on, and so do ends and counts. Of two such layers of the same
/// cookie or header, one inside the other, the outer one serves both; if they have different [`Sessions`], not clones of
/// one, every request of the inner one is answered 500, and the log says why: who is logged in to one store would be
/// taken for a user of the other.
///
/// # Examples
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use axum::{Router, routing::get};
/// use cloakroom::{Error, Session, SessionLayer, Sessions};
///
/// async fn hits(session: Session) -> Result<String, Error> {
///     Ok(session.increment("hits", 1).await?.to_string())
/// }
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let app: Router = Router::new().route("/", get(hits)).layer(SessionLayer::new(sessions));
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// The same in actix-web; one `Sessions` for all its workers:
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use actix_web::{App, web};
/// use cloakroom::{Error, Session, SessionLayer, Sessions};
///
/// async fn hits(session: Session) -> Result<String, Error> {
///     Ok(session.increment("hits", 1).await?.to_string())
/// }
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let app = App::new().wrap(SessionLayer::new(sessions)).route("/", web::get().to(hits));
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "SessionManagerLayer")]
#[doc(alias = "SessionMiddleware")]
pub struct SessionLayer(pub(super) Arc<Shared>);

impl SessionLayer {
    /// A layer with the default cookie, [`SessionCookie::new`], that saves nothing after a server error.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        let carrier = Carrier::Cookie(SessionCookie::new());
        Self(Arc::new(Shared { sessions, carrier, save_on: SaveOn::default(), proxies: TrustedProxies::default() }))
    }

    /// The same with another cookie.
    ///
    /// # Errors
    /// [`ConfigError`] if browsers would refuse such a cookie.
    pub fn cookie(self, cookie: SessionCookie) -> Result<Self, ConfigError> {
        Ok(self.carrier(Carrier::Cookie(cookie.checked()?)))
    }

    /// The same with a header instead of the cookie, for programs that are no browsers.
    ///
    /// # Errors
    /// [`ConfigError`] if the header's name is none, or means something else already.
    pub fn header(self, header: SessionHeader) -> Result<Self, ConfigError> {
        Ok(self.carrier(Carrier::Header(header.checked()?)))
    }

    /// The same, taking these proxies' word on the client's address; nobody's by default.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Shared { proxies, ..Arc::unwrap_or_clone(self.0) }))
    }

    fn carrier(self, carrier: Carrier) -> Self {
        Self(Arc::new(Shared { carrier, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// The same, saving after other responses; [`SaveOn::Success`] by default.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use cloakroom::{SaveOn, SessionLayer, Sessions};
    ///
    /// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
    /// let layer = SessionLayer::new(sessions).save_on(SaveOn::Always);
    /// # drop(layer);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn save_on(self, save_on: SaveOn) -> Self {
        Self(Arc::new(Shared { save_on, ..Arc::unwrap_or_clone(self.0) }))
    }
}
