//! `CsrfLayer` as a middleware of actix-web.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{Error, HttpMessage};

use super::{LocalFuture, SessionExtension};
use crate::web::csrf::{self, Admission, CsrfLayer, Rules};

impl<S, B> Transform<S, ServiceRequest> for CsrfLayer
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = CsrfMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(CsrfMiddleware { inner: Rc::new(inner), rules: Arc::clone(&self.0) }))
    }
}

/// An actix-web service that rejects forged requests; created by [`CsrfLayer`].
#[derive(Debug)]
pub struct CsrfMiddleware<S> {
    inner: Rc<S>,
    rules: Arc<Rules>,
}

impl<S, B> Service<ServiceRequest> for CsrfMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalFuture<Result<ServiceResponse, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let slot = request.extensions().get::<SessionExtension>().map(|place| place.slot.clone());
        let admission = self.rules.admit(&request, slot.as_ref());
        let inner = Rc::clone(&self.inner);
        Box::pin(async move {
            let refused = match admission {
                Admission::Pass => None,
                Admission::Refuse(answer) => Some(answer),
                Admission::Token(slot, token) => csrf::check(&slot, slot.asked(&request), &token).await.err(),
            };
            match refused {
                None => Ok(inner.call(request).await?.map_into_boxed_body()),
                Some(answer) => Ok(request.into_response(answer.into_actix())),
            }
        })
    }
}
