//! `SessionLayer` as a tower layer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::Request;
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::error::Error;
use crate::web::finish::finish;
use crate::web::layer::SessionLayer;
use crate::web::slot::{LayerSettings, SessionSlot};

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, shared: Arc::clone(&self.0) }
    }
}

/// A service with sessions; created by [`SessionLayer`].
#[derive(Debug, Clone)]
pub struct SessionService<S> {
    inner: S,
    shared: Arc<LayerSettings>,
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
        let slot = match self.slot(&mut request) {
            Ok(slot) => slot,
            Err(error) => return Box::pin(async move { Ok(error.into_response()) }),
        };
        let answer = self.inner.call(request);
        Box::pin(async move {
            // The response to an error further out has no cookie of ours.
            let seal = |_: &S::Error| slot.as_ref().map_or((), SessionSlot::seal);
            let response = answer.await.inspect_err(seal)?.into_response();
            Ok(match slot {
                Some(slot) => finish(&slot, response).await,
                None => response,
            })
        })
    }
}

impl<S> SessionService<S> {
    /// Puts a slot into the request; none if an outer layer already serves the same cookie.
    fn slot<B>(&self, request: &mut Request<B>) -> Result<Option<SessionSlot>, Error> {
        let outer = request.extensions().get::<SessionSlot>().cloned();
        let serving = outer.as_ref().map(|outer| outer.serving(&self.shared)).transpose()?.flatten();
        if let Some(serving) = serving {
            request.extensions_mut().insert(serving.clone());
            return Ok(None);
        }
        let slot = SessionSlot::new(Arc::clone(&self.shared), outer, request);
        request.extensions_mut().insert(slot.clone());
        Ok(Some(slot))
    }
}
