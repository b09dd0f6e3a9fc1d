//! `SessionLayer` as an actix-web middleware.

use std::future::{Ready, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::{Error, HttpMessage, ResponseError};

use super::stop::Stop;
use super::{LocalFuture, SessionExtension};
use crate::web::finish::finish;
use crate::web::layer::SessionLayer;
use crate::web::slot::{LayerSettings, SessionSlot};

impl<S, B> Transform<S, ServiceRequest> for SessionLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = SessionMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(SessionMiddleware { inner, shared: Arc::clone(&self.0) }))
    }
}

/// An actix-web service with sessions; created by [`SessionLayer`].
#[derive(Debug)]
pub struct SessionMiddleware<S> {
    inner: S,
    shared: Arc<LayerSettings>,
}

impl<S, B> Service<ServiceRequest> for SessionMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalFuture<Result<ServiceResponse, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let outer = request.extensions().get::<SessionExtension>().cloned();
        let serving = match outer.as_ref().map(|outer| outer.slot.serving(&self.shared)).transpose() {
            Ok(serving) => serving.flatten().cloned(),
            Err(error) => return Box::pin(ready(Ok(request.into_response(error.error_response())))),
        };
        if let (Some(outer), Some(serving)) = (outer.clone(), serving) {
            request.extensions_mut().insert(SessionExtension { slot: serving, stop: outer.stop.clone() });
            let answer = self.inner.call(request);
            return Box::pin(async move {
                let answer = answer.await.map(ServiceResponse::map_into_boxed_body);
                put_back(&answer, Some(outer));
                answer
            });
        }
        let slot = SessionSlot::new(Arc::clone(&self.shared), outer.as_ref().map(|outer| outer.slot.clone()), &request);
        let stop = Stop::default();
        request.extensions_mut().insert(SessionExtension { slot: slot.clone(), stop: stop.clone() });
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = unless_stopped(answer, stop).await;
            put_back(&answer, outer);
            complete(slot, answer).await
        })
    }
}

/// Restores the outer layer's entry, so that services outside of this layer find their own session.
fn put_back(answer: &Result<ServiceResponse, Error>, outer: Option<SessionExtension>) {
    if let (Ok(response), Some(outer)) = (answer, outer) {
        response.request().extensions_mut().insert(outer);
    }
}

/// The inner service's response, or that of an extractor that stopped it.
fn unless_stopped<B: MessageBody + 'static>(
    answer: impl Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
    stop: Stop,
) -> LocalFuture<Result<ServiceResponse, Error>> {
    Box::pin(async move {
        let mut answer = pin!(answer);
        poll_fn(|cx| stop.poll(|| answer.as_mut().poll(cx).map_ok(ServiceResponse::map_into_boxed_body))).await
    })
}

/// An error of a middleware becomes a response too, and a login before it keeps its cookie.
fn complete(slot: SessionSlot, answer: Result<ServiceResponse, Error>) -> LocalFuture<Result<ServiceResponse, Error>> {
    Box::pin(async move {
        match answer {
            Ok(response) => {
                let (request, response) = response.into_parts();
                Ok(ServiceResponse::new(request, finish(&slot, response).await))
            }
            Err(error) if slot.was_looked_at() => {
                let response = finish(&slot, error.error_response()).await;
                Err(InternalError::from_response(error, response).into())
            }
            Err(error) => {
                slot.seal();
                Err(error)
            }
        }
    })
}
