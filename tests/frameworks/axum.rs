//! The web suite's applications in axum.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as Incoming};
use axum::handler::Handler;
use axum::http::{Request as Sent, Version};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use cloakroom::{CsrfLayer, Error, Session, SessionLayer, Sessions};
use tower::ServiceExt;

use super::{Answer, Reply, Request};

pub(crate) use axum::http::Uri;

/// The framework's name, for the few expectations that differ.
pub(crate) const NAME: &str = "axum";

#[derive(Debug, Clone, Default)]
pub(crate) struct App(Router);

impl App {
    /// Responds to every request with this handler, in the default layer.
    pub(crate) fn of<H: Handler<T, ()>, T: 'static>(sessions: &Sessions, handler: H) -> Self {
        Self::default().fallback(handler).layer(SessionLayer::new(sessions.clone()))
    }

    /// Responds to every request of a path with this handler.
    pub(crate) fn route<H: Handler<T, ()>, T: 'static>(self, path: &str, handler: H) -> Self {
        Self(self.0.route(path, any(handler)))
    }

    /// Responds to every other request with this handler.
    pub(crate) fn fallback<H: Handler<T, ()>, T: 'static>(self, handler: H) -> Self {
        Self(self.0.fallback(handler))
    }

    pub(crate) fn layer(self, layer: SessionLayer) -> Self {
        Self(self.0.layer(layer))
    }

    pub(crate) fn csrf(self, layer: CsrfLayer) -> Self {
        Self(self.0.layer(layer))
    }

    /// With a middleware that extracts the session too, and acts before and after the handler.
    pub(crate) fn around(self, before: fn(&Session), after: fn(&Session)) -> Self {
        let layer = from_fn(move |session: Session, request: Incoming, next: Next| async move {
            before(&session);
            let response = next.run(request).await;
            after(&session);
            Ok::<_, Error>(response)
        });
        Self(self.0.layer(layer))
    }

    /// With all routes under a prefix.
    pub(crate) fn nested(self, prefix: &str) -> Self {
        Self(Router::new().nest(prefix, self.0))
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let mut sent = Sent::builder().method(request.method.as_str()).uri(request.uri);
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        if request.http2 {
            sent = sent.version(Version::HTTP_2);
        }
        if let Some(peer) = request.peer {
            sent = sent.extension(ConnectInfo(peer));
        }
        let sent = sent.body(Body::from(request.body)).expect("a request");
        let response = self.0.clone().oneshot(sent).await.expect("a router does not fail");
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec(), format!("{value:?}")));
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
        let body = String::from_utf8(body.to_vec()).expect("text");
        Answer { status: parts.status.as_u16(), headers: headers.collect(), body }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::builder().status(self.status.unwrap_or(200));
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).expect("a response")
    }
}
