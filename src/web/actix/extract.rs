//! Extractors of the session and its user for actix-web.

use std::future::pending;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::{LocalFuture, SessionExtension};
use crate::error::Error;
use crate::session::Session;
use crate::web::extract::fresh::RequireFresh;
use crate::web::extract::read::ReadSession;
use crate::web::extract::refusal::UserRejection;
use crate::web::extract::user::User;
use crate::web::slot::no_layer;

/// Loads the session at the first extraction; further extractions in the same request return the same one.
///
/// The client's address is that of the connection; behind a proxy it is the proxy's, unless the layer
/// [trusts](crate::SessionLayer::trusted_proxies) it.
///
/// Fails with [`Error::Unavailable`] (503) if the store does not reply; the handler then does not run. Without a
/// surrounding [`SessionLayer`](crate::SessionLayer), fails with [`Error::Config`] (500), with a log line.
/// `Option<Session>` is `None` in both cases.
///
/// # Examples
/// ```
/// use cloakroom::{Error, Session};
///
/// async fn hits(session: Session) -> Result<String, Error> {
///     Ok(session.increment("hits", 1).await?.to_string())
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(hits));
/// ```
impl FromRequest for Session {
    type Error = Error;
    type Future = LocalFuture<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let slot = place(&request).ok_or_else(no_layer)?.slot;
            match slot.used() {
                Some(session) => Ok(session.clone()),
                None => slot.load(slot.asked(&request)).await,
            }
        })
    }
}

impl FromRequest for ReadSession {
    type Error = Error;
    type Future = LocalFuture<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let slot = place(&request).ok_or_else(no_layer)?.slot;
            slot.look(slot.asked(&request)).await.map(Self::of)
        })
    }
}

impl FromRequest for User {
    type Error = UserRejection;
    type Future = LocalFuture<Result<Self, UserRejection>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (session, request) = (Session::from_request(request, payload), request.clone());
        Box::pin(async move {
            match (session.await, place(&request)) {
                (Ok(session), _) => Self::of(session),
                (Err(error), Some(place)) if place.stop.leave(request, &error) => pending().await,
                (Err(error), _) => Err(error.into()),
            }
        })
    }
}

impl<const SECS: u64> FromRequest for RequireFresh<SECS> {
    type Error = UserRejection;
    type Future = LocalFuture<Result<Self, UserRejection>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let user = User::from_request(request, payload);
        Box::pin(async move { Self::of(user.await?) })
    }
}

fn place(request: &HttpRequest) -> Option<SessionExtension> {
    request.extensions().get::<SessionExtension>().cloned()
}
