//! A form that our own page sent.

use axum::extract::FromRequestParts;
use axum::extract::{Form, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cloakroom::Session;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{Page, Trouble};
use super::notice::Notice;

/// The visitor's session, and the data of a form that was made for this session.
///
/// By now `CsrfLayer` has rejected requests that the browser marks as from another site. The token in the form also
/// identifies the login that the page showed. A page older than the present login, in another tab, is rejected: "sign out
/// my other devices" would sign out somebody else's. A visitor without a session has no token; there only the browser's
/// headers protect against a forged login.
///
/// A sign-in may be sent twice: then the first one has ended the guest's session that the page showed, and its token
/// still matches. No other form of a guest's page is accepted after that.
pub(super) struct Ours<T> {
    pub(super) session: Session,
    pub(super) sent: T,
}

#[derive(Deserialize)]
struct Sent<T> {
    csrf: String,
    #[serde(flatten)]
    rest: T,
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequest<S> for Ours<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let signs_in = parts.uri.path() == "/sign-in";
        let session = Session::from_request_parts(&mut parts, state).await.map_err(refused)?;
        let sent = Form::<Sent<T>>::from_request(Request::from_parts(parts, body), state).await;
        let Form(Sent { csrf, rest }) = sent.map_err(IntoResponse::into_response)?;
        if is_of(&session, &csrf) || signs_in && session.csrf_matches(&csrf) {
            return Ok(Self { session, sent: rest });
        }
        let page = Page::refused(&session, StatusCode::FORBIDDEN, Notice::Stale).await;
        Err(page.map_or_else(IntoResponse::into_response, IntoResponse::into_response))
    }
}

/// Before anything is stored the page's field is empty.
fn is_of(session: &Session, csrf: &str) -> bool {
    match session.id() {
        Some(_) => session.csrf_matches(csrf),
        None => csrf.is_empty(),
    }
}

fn refused(error: cloakroom::Error) -> Response {
    Trouble::from(error).into_response()
}
