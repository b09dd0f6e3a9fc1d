//! The layer around an application's routes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::caching::{forbids_storing, varies_by_cookie};
use super::config::SessionCookie;
use super::policy::{self, Reply, SaveOn};
use super::slot::{Shared, Slot};
use crate::config::ConfigError;
use crate::session::Session;
use crate::sessions::Sessions;

/// Gives the requests inside it their sessions: loaded when a handler first extracts [`Session`], saved before the
/// response's headers leave.
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
/// Changes made after the response was returned, as while its body streams, are not saved. Of two such layers of the
/// same cookie name, one inside the other, the outer one serves both.
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
#[derive(Debug, Clone)]
#[doc(alias = "SessionManagerLayer")]
#[doc(alias = "SessionMiddleware")]
pub struct SessionLayer(Arc<Shared>);

impl SessionLayer {
    /// A layer with the default cookie, [`SessionCookie::new`], that saves nothing after a server error.
    #[must_use]
    pub fn new(sessions: Sessions) -> Self {
        Self(Arc::new(Shared { sessions, cookie: SessionCookie::new(), save_on: SaveOn::default() }))
    }

    /// The same with another cookie.
    ///
    /// # Errors
    /// [`ConfigError`] if browsers would refuse such a cookie.
    pub fn cookie(self, cookie: SessionCookie) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Shared { cookie: cookie.checked()?, ..Arc::unwrap_or_clone(self.0) })))
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

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, shared: Arc::clone(&self.0) }
    }
}

/// A service with sessions; made by [`SessionLayer`].
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, B> Service<Request<B>> for SessionService<S>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let slot = self.slot(&mut request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?.into_response();
            Ok(match slot {
                Some(slot) => finish(&slot, response).await,
                None => response,
            })
        })
    }
}

impl<S> SessionService<S> {
    /// Puts a slot into the request; none if a layer around this one already serves the same cookie.
    fn slot<B>(&self, request: &mut Request<B>) -> Option<Slot> {
        let ours = |slot: &Slot| slot.cookie().name_str() == self.shared.cookie.name_str();
        if request.extensions().get::<Slot>().is_some_and(ours) {
            return None;
        }
        let slot = Slot::new(Arc::clone(&self.shared));
        request.extensions_mut().insert(slot.clone());
        Some(slot)
    }
}

/// Saves, and completes the response's headers.
///
/// Dropped midway, when the client hangs up, a save is done or not.
async fn finish(slot: &Slot, mut response: Response) -> Response {
    drop_cookie_of(slot.cookie(), response.headers_mut());
    if let Some(session) = slot.loaded() {
        response = conclude(slot, session, response).await;
    }
    if slot.was_looked_at() {
        vary_by_cookie(response.headers_mut());
    }
    response
}

async fn conclude(slot: &Slot, session: &Session, mut response: Response) -> Response {
    let settled = policy::settle(session, response.status().as_u16(), slot.save_on()).await;
    if let Err(error) = settled {
        response = error.into_response();
    }
    let status = response.status().as_u16();
    let reply = Reply { cookie: slot.cookie(), carried: slot.carried(), status };
    let set_cookie = reply.set_cookie(session);
    if let Some(mut value) = set_cookie.and_then(|line| HeaderValue::from_str(&line).ok()) {
        value.set_sensitive(true);
        append_cookie(response.headers_mut(), value);
    }
    response
}

fn append_cookie(headers: &mut HeaderMap, value: HeaderValue) {
    headers.append(SET_COOKIE, value);
    if !forbids_storing(values(headers, &CACHE_CONTROL)) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn vary_by_cookie(headers: &mut HeaderMap) {
    if !varies_by_cookie(values(headers, &VARY)) {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}

/// Drops what a handler set under our name: beside ours, a browser would keep whichever came last.
fn drop_cookie_of(cookie: &SessionCookie, headers: &mut HeaderMap) {
    if !values(headers, &SET_COOKIE).any(|value| cookie.is_ours(value)) {
        return;
    }
    tracing::warn!(name = cookie.name_str(), "a handler set a cookie under the session's name: dropped");
    let all: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for value in all.into_iter().filter(|value| !cookie.is_ours(value.as_bytes())) {
        headers.append(SET_COOKIE, value);
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}
