//! The framework-free layer against forged requests.

pub(crate) mod handshake;
pub(crate) mod origin;

use std::sync::Arc;

use super::head::RequestHead;
use super::slot::{Asked, SessionSlot, no_layer};
use crate::config::ConfigError;
use crate::web::csrf::origin::{Evidence, SingleHeader, Source};
use crate::web::error_response::ErrorReply;

const NO_TOKEN: &str = "the CSRF token is missing or wrong";
/// Listed here, since the frameworks' own sets of safe methods grow.
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// Rejects requests that another site's page made the visitor's browser send (cross-site request forgery).
///
/// `GET`, `HEAD`, `OPTIONS` and `TRACE` pass; their handlers must change nothing. The exception is a WebSocket
/// handshake, a `GET` with `Upgrade: websocket` or, over HTTP/2, a `CONNECT`: the browser sends it with the cookie for
/// any site's page, and CORS does not apply (cross-site WebSocket hijacking). Handshakes and all other requests are
/// decided by:
///
/// | request | result |
/// |---|---|
/// | `Sec-Fetch-Site: same-origin` or `none` | passes |
/// | `Sec-Fetch-Site: same-site` or `cross-site` | 403, unless `Origin` is [trusted](Self::trust) |
/// | only `Origin`: `http://` or `https://` and the request's `Host`, byte for byte, or a trusted one | passes |
/// | only `Origin`: any other, also `null` | 403 |
/// | neither | by [`MissingOrigin`]: 403 without the session's token in `X-CSRF-Token`, or passes |
/// | a repeated header, or any other value | 403 |
///
/// A 403 has the body `{"error": ".."}`, and the handler does not run. Recent browsers send the first header over HTTPS
/// and to `localhost`; older ones send the second with every `POST`. The token is for requests with neither. The
/// session is loaded only to compare it; nothing is stored, and a visitor without a session has no token. Pages from
/// before a rotation work for one hour; pages from before a login have to be reloaded, see
/// [`Session::csrf_token`](crate::Session::csrf_token).
///
/// Requests with a session in a [`SessionHeader`](crate::SessionHeader) pass, since no browser adds that by itself. The
/// layer around this one decides. An inner layer that uses a cookie is an error, 500, since this one would not protect
/// it.
///
/// Place it inside a [`SessionLayer`](crate::SessionLayer). Without one, unsafe requests get 500, with a
/// log line; [`MissingOrigin::Allow`] does not need one.
///
/// Browsers send `Origin` with every handshake. A program that opens a WebSocket without it needs the token as for any
/// other request, or [`MissingOrigin::Allow`], or a session in a header.
///
/// Limits: a plain `GET` that changes something is not protected. Where only the origin decides, a page of the same
/// host over plain HTTP counts as the site's own: use HSTS. A proxy has to pass `Host` on, or the site's own origin has
/// to be trusted. Bodies are not read: for a token in a form field, use `Allow`, and
/// [`Session::csrf_matches`](crate::Session::csrf_matches) in the handler.
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
/// let app: Router = routes.layer(csrf).layer(SessionLayer::new(sessions)); // the last layer is the outermost
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "add it to the routes, inside of `SessionLayer`"]
pub struct CsrfLayer(pub(crate) Arc<Rules>);

/// How to treat a request without `Sec-Fetch-Site` and `Origin`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MissingOrigin {
    /// Require the session's token in the header `X-CSRF-Token`, see
    /// [`Session::csrf_token`](crate::Session::csrf_token).
    #[default]
    Token,
    /// Let it pass. For clients that are not browsers, and for handlers that check a form field with
    /// [`Session::csrf_matches`](crate::Session::csrf_matches), which is then the only protection for browsers too old
    /// to send either header.
    Allow,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    trusted: Vec<String>,
    missing: MissingOrigin,
}

/// What to do with a request.
pub(crate) enum Admission {
    Pass,
    Refuse(ErrorReply),
    /// Pass if this is the token of the session, which is not loaded yet.
    Token(SessionSlot, String),
}

impl CsrfLayer {
    /// Trusts the request's own host only; [`MissingOrigin::Token`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how to treat a request with neither header.
    pub fn missing_origin(self, missing: MissingOrigin) -> Self {
        Self(Arc::new(Rules { missing, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// Trusts one more origin, such as `https://admin.shop.example`; none by default. Call it again for several.
    ///
    /// Its pages can do whatever the visitor can: trust only what is operated as carefully as this site.
    ///
    /// # Errors
    /// [`ConfigError`] if it is not as browsers write it: `http` or `https`, lower case, no `*`, no path, no default
    /// port.
    pub fn trust(self, origin: &str) -> Result<Self, ConfigError> {
        origin::checked(origin)?;
        let mut rules = Arc::unwrap_or_clone(self.0);
        rules.trusted.push(origin.to_owned());
        Ok(Self(Arc::new(rules)))
    }
}

impl Rules {
    /// `slot` is that of the surrounding session layer, if any.
    pub(crate) fn admit(&self, request: &impl RequestHead, slot: Option<&SessionSlot>) -> Admission {
        let needs_no_guard = slot.is_some_and(SessionSlot::needs_no_guard);
        if needs_no_guard || changes_nothing(request) {
            return Admission::Pass;
        }
        // Checked for every request, so that a missing layer shows at the first one, not at the first old browser.
        if self.missing == MissingOrigin::Token && slot.is_none() {
            return Admission::Refuse(ErrorReply::to(&no_layer()));
        }
        match (Evidence::of(request).source(&self.trusted), self.missing, slot) {
            (Source::Ours, _, _) | (Source::Unknown, MissingOrigin::Allow, _) => Admission::Pass,
            (Source::Unknown, MissingOrigin::Token, Some(slot)) => match token(request) {
                Some(token) => Admission::Token(slot.clone(), token),
                None => Admission::Refuse(ErrorReply::forbidden(NO_TOKEN)),
            },
            (Source::Unknown, MissingOrigin::Token, None) | (Source::Other, _, _) => {
                Admission::Refuse(ErrorReply::forbidden("the request came from another site"))
            }
        }
    }
}

fn changes_nothing(request: &impl RequestHead) -> bool {
    SAFE.contains(&request.method()) && !handshake::is_websocket(request)
}

/// An error response unless this is the token of the request's session.
pub(crate) async fn check(slot: &SessionSlot, asked: Asked<'_>, token: &str) -> Result<(), ErrorReply> {
    let session = slot.load(asked).await.map_err(|error| ErrorReply::to(&error))?;
    if session.csrf_matches(token) { Ok(()) } else { Err(ErrorReply::forbidden(NO_TOKEN)) }
}

/// The token, if exactly one was sent and it is text. Without one, no session is loaded.
fn token(request: &impl RequestHead) -> Option<String> {
    match SingleHeader::of(request.values("x-csrf-token")) {
        SingleHeader::One(token) => std::str::from_utf8(token).ok().map(str::to_owned),
        SingleHeader::Absent | SingleHeader::Several => None,
    }
}
