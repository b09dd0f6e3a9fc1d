//! `CsrfLayer` as a tower layer.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::Request;
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::web::csrf::{self, Admission, CsrfLayer, Rules};
use crate::web::slot::SessionSlot;

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfService { inner, rules: Arc::clone(&self.0) }
    }
}

/// A service that rejects forged requests; created by [`CsrfLayer`].
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
        match self.rules.admit(&request, request.extensions().get::<SessionSlot>()) {
            Admission::Pass => {
                let answer = self.inner.call(request);
                Box::pin(async move { Ok(answer.await?.into_response()) })
            }
            Admission::Refuse(answer) => Box::pin(async move { Ok(answer.into_response()) }),
            Admission::Token(slot, token) => {
                // The service that was polled ready has to be the one called.
                let next = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, next);
                Box::pin(async move {
                    let (parts, body) = request.into_parts();
                    match csrf::check(&slot, slot.asked(&parts), &token).await {
                        Ok(()) => Ok(inner.call(Request::from_parts(parts, body)).await?.into_response()),
                        Err(answer) => Ok(answer.into_response()),
                    }
                })
            }
        }
    }
}
