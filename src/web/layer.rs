//! The framework-free layer around an application's routes.

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

/// Provides sessions to the requests inside it. Each session is loaded when a handler first extracts
/// [`Session`](crate::Session), and saved before the response's headers are sent.
///
/// A tower layer for axum (`Router::layer`), and an actix-web middleware (`App::wrap`, `Scope::wrap`).
///
/// - A request whose handler extracts no session sends no command. A session is loaded once per request.
/// - Pending changes are saved unless the response is a server error (5xx; see [`SaveOn`]). If the save fails, an error
///   replaces the handler's response: 503 if the store is unavailable, 409 if the session has ended or was logged in
///   again more than a minute ago, 413 if it grew too large. A lost write never gets a success. A handler that reports
///   this itself calls [`Session::discard`](crate::Session::discard); its response is then sent.
/// - A new token is set as a cookie, also with a server error, since its session is stored. The same token is set again
///   if the session would outlive its cookie: after [`set_timeouts`](crate::Session::set_timeouts) to a longer absolute
///   timeout, and without one at the first recorded use in each 30 days since the login. Before that, one read checks
///   that it is still the current token.
/// - The cookie is removed, with the same attributes, if its session is found ended; not if it ended by a login, since
///   the client then has a newer cookie. An outage never changes it. A request that began with a session that ended
///   otherwise may still remove the cookie of a concurrent login in another tab.
/// - On a cross-site request without our cookie, which the browser may have withheld by `SameSite`, a draft is neither
///   stored nor gets a cookie, so that it replaces no login; unless the handler logs in or requests it, see
///   [`Session::cookie_may_be_withheld`](crate::Session::cookie_may_be_withheld).
/// - Prefetches and prerenders by a browser are not a use of the session, see [`passive_when`](Self::passive_when).
/// - `Vary: Cookie` is added to every response whose session was read, `Cache-Control: no-store` with every cookie. The
///   response to a request that read a user's session is `Cache-Control: private` unless the handler set that header.
/// - Of several values of our name, such as of an old and the current path, the first four well-formed ones are tried,
///   with one read each. If exactly one session opens, it is used; if several do, none is, with a log line at most once
///   a minute. [`SessionCookie::former_place`] removes the others.
/// - The layer owns the cookie's name: a `Set-Cookie` of that name by a handler is dropped.
///
/// A session whose token certainly did not reach its client is ended 5 s after the request was dropped: the client
/// disconnected, a timeout around this layer expired, the handler panicked or dropped the login, or the login's outcome
/// was unknown. Its reason is [`EndReason::Undelivered`](crate::EndReason::Undelivered), and it then holds no place
/// under a cap; sessions that its login evicted stay ended. As long as a handle of the request lives, such as in a
/// task, the session does too. Once the response's head was passed to the server, delivery is unknown, and the session
/// stays. The chapter [`operations`](crate::guide::operations) describes what servers do with clients that close half
/// of their connection.
///
/// In axum, place fallible services inside it: if a tower service such as `TimeoutLayer` returns an error, put the
/// `HandleErrorLayer` that converts it to a response closer to the handler than this layer. An error that passes this
/// layer has no headers: nothing is saved, no cookie is sent, a completed login is ended, and the session can no longer
/// be changed. In actix-web an error is a response, and carries the cookie.
///
/// Once the response's head is finished, such as while its body streams, changes return
/// [`Error::TooLate`](crate::Error::TooLate); reads, ends and increments still work. If two such layers of the same
/// cookie or header are nested, the outer one serves both. If they have different [`Sessions`], not clones of one,
/// every request of the inner one gets 500, with a log line: a user logged in to one store would be taken for a user of
/// the other.
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
/// The same in actix-web, with one `Sessions` for all workers:
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
    /// A layer with the default cookie, [`SessionCookie::new`], that does not save after a server error.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        let carrier = Carrier::Cookie(SessionCookie::new());
        let (save_on, proxies, private) = (SaveOn::default(), TrustedProxies::default(), true);
        let passive = Passive::default();
        Self(Arc::new(LayerSettings { sessions, carrier, save_on, proxies, private, passive }))
    }

    /// Sets the cookie.
    ///
    /// # Errors
    /// [`ConfigError`] if browsers would reject such a cookie.
    pub fn cookie(self, cookie: SessionCookie) -> Result<Self, ConfigError> {
        Ok(self.carrier(Carrier::Cookie(cookie.checked()?)))
    }

    /// Uses a header instead of the cookie, for clients that are not browsers.
    ///
    /// # Errors
    /// [`ConfigError`] if the header's name is invalid, or is a standard header with another meaning.
    pub fn header(self, header: SessionHeader) -> Result<Self, ConfigError> {
        Ok(self.carrier(Carrier::Header(header.checked()?)))
    }

    /// Sets the proxies that are trusted to report the client's address; none by default.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self(Arc::new(LayerSettings { proxies, ..Arc::unwrap_or_clone(self.0) }))
    }

    fn carrier(self, carrier: Carrier) -> Self {
        Self(Arc::new(LayerSettings { carrier, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Makes requests *passive* for which the rule returns true: their session opens, but they do not extend it, as
    /// with [`ReadSession`](crate::ReadSession). For pages that poll a handler that is also used otherwise.
    ///
    /// With or without a rule, requests that a browser sends before its user asks for the page are passive: with
    /// `prefetch` or `prerender` in `Sec-Purpose`, or in `Purpose` or `X-Moz` of older browsers. Otherwise an
    /// unattended browser could keep a session alive. A page shown from a prefetch sends no second request for itself:
    /// the use is recorded with the next one, such as for one of its scripts.
    ///
    /// A passive request does not move the idle deadline and is not the first use of a rotated token: both are one
    /// write, and the previous token stays valid until a real use. Everything else works: changes are saved, a login or
    /// a new session gets its cookie, and explicit calls such as [`touch`](crate::Session::touch) or
    /// [`set_timeouts`](crate::Session::set_timeouts) count.
    ///
    /// The rule runs once per request, even if the handler extracts no session, so it should be cheap. A second call
    /// replaces the rule. If two layers of the same cookie are nested, the outer one's rule counts.
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

    /// Leaves `Cache-Control` to the handlers. By default, the response to a request that used or read a user's session
    /// gets `Cache-Control: private` if it has no `Cache-Control`.
    ///
    /// The default keeps caches that ignore `Vary` from sending one user's page to another. It costs a header of 24
    /// bytes, and shared caches no longer store such pages. If a page is the same for all users and a shared cache
    /// should store it, change this, or set `Cache-Control: public` in its handler. A response that sets or removes the
    /// cookie is `no-store` in any case.
    #[must_use]
    pub fn leave_cache_control(self) -> Self {
        Self(Arc::new(LayerSettings { private: false, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Sets after which responses to save; [`SaveOn::Success`] by default.
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
