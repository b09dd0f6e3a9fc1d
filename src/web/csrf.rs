//! The layer against forged requests, whatever the framework.

pub(crate) mod handshake;
pub(crate) mod origin;

use std::sync::Arc;

use super::head::RequestHead;
use super::slot::{Asked, SessionSlot, no_layer};
use crate::config::ConfigError;
use crate::web::csrf::origin::{Evidence, SingleHeader, Source};
use crate::web::error_response::ErrorReply;

const NO_TOKEN: &str = "the CSRF token is missing or wrong";
/// Named here, as what frameworks call safe grows with the methods that they know.
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// Refuses requests that another site's page made the visitor's browser send (cross-site request forgery).
///
/// `GET`, `HEAD`, `OPTIONS` and `TRACE` pass: they must change nothing. The exception is the handshake of a WebSocket, a `GET`
/// with `Upgrade: websocket` or, over HTTP/2, a `CONNECT`: the browser sends it with the cookie for any site's page, and no
/// CORS applies to it (cross-site WebSocket hijacking). Of it and of all other requests:
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
/// session is loaded only to compare it; nothing is stored, and a visitor without a session has none to send. Pages from before
/// a rotation work for an hour, those from before a login have to be loaded again: [`Session::csrf_token`](crate::Session::csrf_token).
///
/// Requests whose session comes in a [`SessionHeader`](crate::SessionHeader) pass: no browser adds that by itself. The layer
/// around this one decides; one that looks for a cookie further in is an error, 500, for this one would not guard it.
///
/// It belongs inside a [`SessionLayer`](crate::SessionLayer). Without one around it, requests that are not safe are
/// answered 500, and the log says why; with [`MissingOrigin::Allow`] it needs none.
///
/// Browsers send `Origin` with every handshake. A program that opens a WebSocket without it needs the token as for any
/// other request, or [`MissingOrigin::Allow`], or a session in a header.
///
/// What it does not do: a plain `GET` that changes something is not protected. A page of the same host over plain HTTP counts as ours, where only the origin tells: use HSTS. A proxy has to pass `Host` on, or
/// the site's own origin has to be trusted. Bodies are not read: for a token in a form's field, `Allow` and
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
/// let app: Router = routes.layer(csrf).layer(SessionLayer::new(sessions)); // the last one is outside
/// # drop(app);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "add it to the routes, inside of `SessionLayer`"]
pub struct CsrfLayer(pub(crate) Arc<Rules>);

/// What becomes of a request that says nothing of where it comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MissingOrigin {
    /// It needs the session's token in the header `X-CSRF-Token`, see [`Session::csrf_token`](crate::Session::csrf_token).
    #[default]
    Token,
    /// It passes. For programs that are no browsers, and for handlers that check a form's field with
    /// [`Session::csrf_matches`](crate::Session::csrf_matches); a browser so old that it sends neither header is then protected by those alone.
    Allow,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    trusted: Vec<String>,
    missing: MissingOrigin,
}

/// What is to be done with a request.
pub(crate) enum Admission {
    Pass,
    Refuse(ErrorReply),
    /// Passes with this token of the session, which is yet to be loaded.
    Token(SessionSlot, String),
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
    /// [`ConfigError`] if browsers would never write it so: `http` or `https`, lower case, no `*`, no path, no default port.
    pub fn trust(self, origin: &str) -> Result<Self, ConfigError> {
        origin::checked(origin)?;
        let mut rules = Arc::unwrap_or_clone(self.0);
        rules.trusted.push(origin.to_owned());
        Ok(Self(Arc::new(rules)))
    }
}

impl Rules {
    /// `slot` is that of the session layer around this one, if there is one.
    pub(crate) fn admit(&self, request: &impl RequestHead, slot: Option<&SessionSlot>) -> Admission {
        let needs_no_guard = slot.is_some_and(SessionSlot::needs_no_guard);
        if needs_no_guard || changes_nothing(request) {
            return Admission::Pass;
        }
        // Whatever came: so that a missing layer shows with the first request, not with the first old browser.
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

/// Answers for the request unless this is its session's token.
pub(crate) async fn check(slot: &SessionSlot, asked: Asked<'_>, token: &str) -> Result<(), ErrorReply> {
    let session = slot.load(asked).await.map_err(|error| ErrorReply::to(&error))?;
    if session.csrf_matches(token) { Ok(()) } else { Err(ErrorReply::forbidden(NO_TOKEN)) }
}

/// The one token that was sent, if it is text. Without one, no session is loaded.
fn token(request: &impl RequestHead) -> Option<String> {
    match SingleHeader::of(request.values("x-csrf-token")) {
        SingleHeader::One(token) => std::str::from_utf8(token).ok().map(str::to_owned),
        SingleHeader::Absent | SingleHeader::Several => None,
    }
}
