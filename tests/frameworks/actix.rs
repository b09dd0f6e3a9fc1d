//! The web suite's applications in actix-web.

use std::fmt;
use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder};
use cloakroom::{CsrfLayer, Session, SessionLayer, Sessions};

use super::{Answer, Reply, Request};

pub(crate) use actix_web::http::Uri;

/// The framework's name, for the few expectations that differ.
pub(crate) const NAME: &str = "actix-web";

/// Services are built for each request, as they are not `Clone`.
#[derive(Clone)]
pub(crate) struct App(Rc<dyn Fn(&mut ServiceConfig)>);

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl Default for App {
    fn default() -> Self {
        Self(Rc::new(|_| {}))
    }
}

impl App {
    /// Responds to every request with this handler, in the default layer.
    pub(crate) fn of<H: Handler<T, Output: Responder + 'static>, T: FromRequest + 'static>(
        sessions: &Sessions,
        handler: H,
    ) -> Self {
        Self::default().fallback(handler).layer(SessionLayer::new(sessions.clone()))
    }

    /// Responds to every request of a path with this handler.
    pub(crate) fn route<H: Handler<T, Output: Responder + 'static>, T: FromRequest + 'static>(
        self,
        path: &str,
        handler: H,
    ) -> Self {
        let path = path.to_owned();
        self.and(move |config| {
            config.route(&path, web::to(handler.clone()));
        })
    }

    /// Responds to every other request with this handler.
    pub(crate) fn fallback<H: Handler<T, Output: Responder + 'static>, T: FromRequest + 'static>(
        self,
        handler: H,
    ) -> Self {
        self.and(move |config| {
            config.default_service(web::to(handler.clone()));
        })
    }

    pub(crate) fn layer(self, layer: SessionLayer) -> Self {
        let scope = move |inside: Self| web::scope("").wrap(layer.clone()).configure(|config| inside.0(config));
        Self::default().and(move |config| {
            config.service(scope(self.clone()));
        })
    }

    pub(crate) fn csrf(self, layer: CsrfLayer) -> Self {
        let scope = move |inside: Self| web::scope("").wrap(layer.clone()).configure(|config| inside.0(config));
        Self::default().and(move |config| {
            config.service(scope(self.clone()));
        })
    }

    /// With a middleware that extracts the session too, and acts before and after the handler.
    pub(crate) fn around(self, before: fn(&Session), after: fn(&Session)) -> Self {
        let around = move |session: Session, request: ServiceRequest, next: Next<BoxBody>| async move {
            before(&session);
            let response: ServiceResponse<BoxBody> = next.call(request).await?;
            after(&session);
            Ok(response)
        };
        let scope = move |inside: Self| web::scope("").wrap(from_fn(around)).configure(|config| inside.0(config));
        Self::default().and(move |config| {
            config.service(scope(self.clone()));
        })
    }

    /// With all routes under a prefix.
    pub(crate) fn nested(self, prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        let scope = move |inside: Self| web::scope(&prefix).configure(|config| inside.0(config));
        Self::default().and(move |config| {
            config.service(scope(self.clone()));
        })
    }

    fn and(self, more: impl Fn(&mut ServiceConfig) + 'static) -> Self {
        Self(Rc::new(move |config| {
            self.0(config);
            more(config);
        }))
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let service = init_service(actix_web::App::new().configure(|config| self.0(config))).await;
        let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
        let mut sent = TestRequest::with_uri(&request.uri).method(method).set_payload(request.body);
        for (name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            sent = sent.append_header((name, HeaderValue::from_bytes(&value).expect("a header's value")));
        }
        if request.http2 {
            sent = sent.version(Version::HTTP_2);
        }
        if let Some(peer) = request.peer {
            sent = sent.peer_addr(peer);
        }
        // The server itself turns a middleware's error into a response.
        match try_call_service(&service, sent.to_request()).await {
            Ok(response) => read(response.into_parts().1).await,
            Err(error) => read(error.error_response()).await,
        }
    }
}

async fn read<B: MessageBody>(response: HttpResponse<B>) -> Answer {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec(), format!("{value:?}")));
    let (status, headers) = (response.status().as_u16(), headers.collect());
    let body = to_bytes(response.into_body()).await.ok().expect("a body in memory");
    Answer { status, headers, body: String::from_utf8(body.to_vec()).expect("text") }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status.unwrap_or(200)).expect("a status");
        let mut response = HttpResponse::build(status);
        for header in self.headers {
            response.append_header(header);
        }
        response.body(self.body)
    }
}
