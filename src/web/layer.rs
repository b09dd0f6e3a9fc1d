//! The layer around an application's routes, whatever the framework.

use std::sync::Arc;

use super::passive::{Passive, RequestView};
use super::policy::SaveOn;
use super::proxies::TrustedProxies;
use super::slot::LayerSettings;
use crate::config::ConfigError;
use crate::sessions::Sessions;
use crate::web::token_in::carrier::Carrier;
use crate::web::token_in::cookie_settings::SessionCookie;
use crate::web::token_in::header::SessionHeader;

/// Gives the requests inside it their sessions: loaded when a handler first extracts [`Session`](crate::Session), saved
/// before the response's headers leave.
///
/// It is a layer of tower for axum (`Router::layer`), and a middleware of actix-web (`App::wrap`, `Scope::wrap`).
///
/// - A request whose handler extracts no session costs no command. However many extract it, it is loaded once.
/// - What is pending is saved unless the response is a server error (5xx; see [`SaveOn`]). If it cannot be, the response says so
///   instead of the handler's: 503 if the store is away, 409 if the session has ended or was logged in again more than a minute
///   ago, 413 if it grew too large. A success is never answered for a write that was lost. A handler that reports that
///   itself calls [`Session::discard`](crate::Session::discard): its response is then sent as it is.
/// - The cookie is set with a new token, also beside a server error: what was stored is stored. The same token is set again
///   where the session would outlive its cookie: after [`set_timeouts`](crate::Session::set_timeouts) to a longer absolute
///   timeout, and without one at the first noted use in each 30 days since the login. One read of the store checks before
///   that it is still the current token. The cookie is removed
///   when the session that it names is found ended, with the same attributes; not if it ended by a login, for the
///   client has a newer one then. An outage never changes it. A request that began with a session that was ended
///   otherwise may still remove the cookie of a login that another tab did meanwhile.
/// - On a cross-site request without our cookie, which the browser may have withheld by `SameSite`, a draft is neither stored
///   nor given a cookie, so that it replaces no login; unless the handler logs in or asks for it, see
///   [`Session::cookie_may_be_withheld`](crate::Session::cookie_may_be_withheld).
/// - What a browser prefetches or prerenders is no use of the session, see [`passive_when`](Self::passive_when).
/// - `Vary: Cookie` goes with every response whose session was looked at, `Cache-Control: no-store` with every cookie. The
///   response to a request that looked at a user's session is `Cache-Control: private` unless the handler set that header.
/// - Several values of our name, as of an old path beside the present one, are each tried, the first four that are well-formed,
///   with one read each. If exactly one session opens, it is used; if several do, none is, and the log says so, at most once a
///   minute. [`SessionCookie::former_place`] has the others removed.
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
pub struct SessionLayer(pub(crate) Arc<LayerSettings>);

impl SessionLayer {
    /// A layer with the default cookie, [`SessionCookie::new`], that saves nothing after a server error.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        let carrier = Carrier::Cookie(SessionCookie::new());
        let (save_on, proxies, private) = (SaveOn::default(), TrustedProxies::default(), true);
        let passive = Passive::default();
        Self(Arc::new(LayerSettings { sessions, carrier, save_on, proxies, private, passive }))
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
    /// [`ConfigError`] if the header's name is none, or is a standard header with another meaning.
    pub fn header(self, header: SessionHeader) -> Result<Self, ConfigError> {
        Ok(self.carrier(Carrier::Header(header.checked()?)))
    }

    /// The same, taking these proxies' word on the client's address; nobody's by default.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self(Arc::new(LayerSettings { proxies, ..Arc::unwrap_or_clone(self.0) }))
    }

    fn carrier(self, carrier: Carrier) -> Self {
        Self(Arc::new(LayerSettings { carrier, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// The same, where requests for which the rule returns true are *passive*: their session opens, but they keep it no longer
    /// alive, as with [`ReadSession`](crate::ReadSession). For pages that poll a handler which real use calls too.
    ///
    /// By default, and whatever the rule says, the only passive requests are those that a browser sends before its user asks
    /// for the page: with `prefetch` or `prerender` in `Sec-Purpose`, or in `Purpose` or `X-Moz` of older browsers. Otherwise
    /// a browser that is left alone could keep a session alive. A page that is shown from a prefetch sends no second request for
    /// itself: the use is noted with the next one, such as one of its scripts.
    ///
    /// A passive request does not move the idle deadline, and it is no first use of a rotated token: both are one write, and
    /// the previous token goes on working until a real use. All else works: changes are saved, a login or a new session gets
    /// its cookie, and what the handler asks for by name counts, such as [`touch`](crate::Session::touch) or
    /// [`set_timeouts`](crate::Session::set_timeouts).
    ///
    /// The rule runs in the layer once for each request, also of a handler that extracts no session: it should be cheap. Called
    /// again, the new rule replaces the old one. Of two layers of the same cookie, the outer one's rule counts.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use cloakroom::{SessionLayer, Sessions};
    ///
    /// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
    /// let layer = SessionLayer::new(sessions)
    ///     .passive_when(|request| request.path() == "/unread" && request.header("x-poll").is_some());
    /// # drop(layer);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn passive_when(self, rule: impl Fn(&RequestView<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(LayerSettings { passive: Passive::when(rule), ..Arc::unwrap_or_clone(self.0) }))
    }

    /// The same, leaving `Cache-Control` to the handlers: by default, the response to a request that used or looked at a
    /// user's session gets `Cache-Control: private` if it has no `Cache-Control`.
    ///
    /// That default keeps caches which ignore `Vary` from giving one user's page to another. It costs a header of 24 bytes, and
    /// shared caches no longer store such pages: change it if a page is the same for all users and a shared cache is to store it,
    /// or let its handler set `Cache-Control: public`. A response that sets or removes the cookie is `no-store` in any case.
    #[must_use]
    pub fn leave_cache_control(self) -> Self {
        Self(Arc::new(LayerSettings { private: false, ..Arc::unwrap_or_clone(self.0) }))
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
        Self(Arc::new(LayerSettings { save_on, ..Arc::unwrap_or_clone(self.0) }))
    }
}
