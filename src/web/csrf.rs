//! The layer against forged requests.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::answer::said;
use super::extract::no_layer;
use super::origin::{self, Evidence, Sent, Source};
use super::respond::json;
use super::slot::Slot;
use crate::config::ConfigError;
use crate::error::Error;
use crate::session::Session;

/// Named here, as `Method::is_safe` grows with the methods that `http` knows.
const SAFE: [Method; 4] = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// Refuses requests that another site's page made the visitor's browser send (cross-site request forgery).
///
/// `GET`, `HEAD`, `OPTIONS` and `TRACE` pass: they must change nothing. Of all others:
///
/// | what came | answer |
/// |---|---|
/// | `Sec-Fetch-Site: same-origin` or `none` | passes |
/// | `Sec-Fetch-Site: same-site` or `cross-site` | 403, unless `Origin` is a [trusted](Self::trust) one |
/// | only `Origin`: `http://` or `https://` and the request's `Host`, byte for byte, or a trusted one | passes |
/// | only `Origin`: any other, `null` too | 403 |
/// | neither | by [`MissingOrigin`]: 403 without the session's token in `X-CSRF-Token`, or passes |
/// | a header twice, or with a value that is none of these | 403 |
///
/// A 403 has the body `{"error": ".."}`, and the handler does not run. Browsers of the last years send the first header
/// over HTTPS and to `localhost`, older ones the second with every `POST`; so the token is for what is neither. The
/// session is loaded only to compare it; nothing is stored, and a visitor without a session has none to send.
///
/// It belongs inside a [`SessionLayer`](crate::SessionLayer). Without one around it, requests that are not safe are
/// answered 500, and the log says why; with [`MissingOrigin::Allow`] it needs none.
///
/// What it does not do: a `GET` that changes something, a WebSocket's handshake among them, is not protected. A page of
/// the same host over plain HTTP counts as ours, where only the origin tells: use HSTS. A proxy has to pass `Host` on, or
/// the site's own origin has to be trusted. Bodies are not read: for a token in a form's field, `Allow` and
/// [`Session::csrf_matches`] in the handler.
///
/// # Examples
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use axum::{Router, routing::post};
/// use cloakroom::{CsrfLayer, Error, Session, SessionLayer, Sessions};
///
/// async fn logout(session: Session) -> Result<(), Error> {
///     session.logout().await.map(drop)
/// }
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let csrf = CsrfLayer::new().trust("https://admin.shop.example")?;
/// let routes = Router::new().route("/logout", post(logout));
/// let app: Router = routes.layer(csrf).layer(SessionLayer::new(sessions)); // the last one is outside
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "add it to a router, inside of `SessionLayer`"]
pub struct CsrfLayer(Arc<Rules>);

/// What becomes of a request that says nothing of where it comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MissingOrigin {
    /// It needs the session's token in the header `X-CSRF-Token`, see [`Session::csrf_token`].
    #[default]
    Token,
    /// It passes. For programs that are no browsers, and for handlers that check a form's field with
    /// [`Session::csrf_matches`]; a browser so old that it sends neither header is then protected by those alone.
    Allow,
}

#[derive(Debug, Clone, Default)]
struct Rules {
    trusted: Vec<String>,
    missing: MissingOrigin,
}

/// What is to be done with a request.
enum Admission {
    Pass,
    Refuse(Response),
    /// Passes with the session's token.
    Token,
}

impl CsrfLayer {
    /// Trusts the request's own host alone; [`MissingOrigin::Token`].
    pub fn new() -> Self {
        Self::default()
    }

    /// What becomes of a request with neither header.
    pub fn missing_origin(self, missing: MissingOrigin) -> Self {
        Self(Arc::new(Rules { missing, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Lets the pages of one more origin in, such as `https://admin.shop.example`; none by default. For several, call it again.
    ///
    /// They can do whatever the visitor can: trust only what is run as carefully as this site.
    ///
    /// # Errors
    /// [`ConfigError`] if browsers would never write it so: `http` or `https`, lower case, no path, no default port.
    pub fn trust(self, origin: &str) -> Result<Self, ConfigError> {
        origin::checked(origin)?;
        let mut rules = Arc::unwrap_or_clone(self.0);
        rules.trusted.push(origin.to_owned());
        Ok(Self(Arc::new(rules)))
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfService { inner, rules: Arc::clone(&self.0) }
    }
}

/// A service that refuses forged requests; made by [`CsrfLayer`].
#[derive(Debug, Clone)]
pub struct CsrfService<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S, B> Service<Request<B>> for CsrfService<S>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.rules.admit(&request) {
            Admission::Pass => {
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(answer.await?.into_response()) })
            }
            Admission::Refuse(response) => Box::pin(async move { Ok(response) }),
            Admission::Token => {
                // The one that was polled ready is the one to call.
                let next = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, next);
                Box::pin(async move {
                    let (mut parts, body) = request.into_parts();
                    match check_token(&mut parts).await {
                        Ok(()) => Ok(inner.call(Request::from_parts(parts, body)).await?.into_response()),
                        Err(response) => Ok(response),
                    }
                })
            }
        }
    }
}

impl Rules {
    fn admit<B>(&self, request: &Request<B>) -> Admission {
        if SAFE.contains(request.method()) {
            return Admission::Pass;
        }
        // Whatever came: so that a missing layer shows with the first request, not with the first old browser.
        if self.missing == MissingOrigin::Token && request.extensions().get::<Slot>().is_none() {
            return Admission::Refuse(no_layer().into_response());
        }
        match (evidence(request).source(&self.trusted), self.missing) {
            (Source::Ours, _) | (Source::Unknown, MissingOrigin::Allow) => Admission::Pass,
            (Source::Unknown, MissingOrigin::Token) => Admission::Token,
            (Source::Other, _) => Admission::Refuse(forbidden("the request came from another site")),
        }
    }
}

/// The host is the `Host` header; in HTTP/2 and later, which may do without, the `:authority`.
fn evidence<B>(request: &Request<B>) -> Evidence<'_> {
    let headers = request.headers();
    let host = match (sent(headers, &HOST), request.uri().authority()) {
        (Sent::Absent, Some(authority)) => Sent::One(authority.as_str().as_bytes()),
        (host, _) => host,
    };
    Evidence { site: sent(headers, &SITE), origin: sent(headers, &ORIGIN), host }
}

fn sent<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Sent<'a> {
    Sent::of(headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

/// The response to refuse with, unless the session's token came. Without a header, no session is loaded.
async fn check_token(parts: &mut Parts) -> Result<(), Response> {
    let refused = || forbidden("the CSRF token is missing or wrong");
    let token = match sent(&parts.headers, &TOKEN) {
        Sent::One(token) => std::str::from_utf8(token).map_err(|_| refused())?.to_owned(),
        Sent::Absent | Sent::Several => return Err(refused()),
    };
    let session = Session::from_request_parts(parts, &()).await.map_err(Error::into_response)?;
    if session.csrf_matches(&token) { Ok(()) } else { Err(refused()) }
}

fn forbidden(why: &str) -> Response {
    tracing::debug!(why, "a request was refused as forged");
    json(403, said(why))
}
