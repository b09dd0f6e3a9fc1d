//! A response in place of a handler that must not run.
//!
//! actix-web converts any error to `None` for `Option<T>`, and an extractor cannot detect that. So an error that must
//! not look like a guest is not returned by the extractor: it leaves the response here and stays pending. The
//! middleware, which polls it, sends the response and drops the handler. Outside of that poll, such as in another task
//! or in a middleware around the layer, the extractor has to return the error.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;

use crate::error::Error;
use crate::web::error_response::ErrorReply;

/// Shared by a request's extractors and its middleware; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Stop(Rc<RefCell<StopState>>);

/// Holds a response only within one poll: its request refers to this value in its extensions and would never be freed.
#[derive(Default)]
enum StopState {
    /// No middleware would take a response.
    #[default]
    Closed,
    /// The inner service is being polled.
    Open,
    Left(HttpRequest, ErrorReply),
}

impl Stop {
    /// Leaves a response; the caller then has to stay pending. False if no middleware would take it.
    pub(crate) fn leave(&self, request: HttpRequest, error: &Error) -> bool {
        let open = !matches!(*self.0.borrow(), StopState::Closed);
        if open {
            self.0.replace(StopState::Left(request, ErrorReply::to(error)));
        }
        open
    }

    /// Polls the inner service; returns the response that was left if the service is pending.
    pub(crate) fn poll<E>(
        &self,
        inside: impl FnOnce() -> Poll<Result<ServiceResponse, E>>,
    ) -> Poll<Result<ServiceResponse, E>> {
        let open = OpenStop::by(self);
        let polled = inside();
        match (polled, open.close()) {
            (Poll::Pending, StopState::Left(request, answer)) => {
                Poll::Ready(Ok(ServiceResponse::new(request, answer.into_actix())))
            }
            (polled, _) => polled,
        }
    }
}

/// Closes the stop at the end, also if the poll panics.
struct OpenStop<'a>(&'a Stop);

impl<'a> OpenStop<'a> {
    fn by(stop: &'a Stop) -> Self {
        stop.0.replace(StopState::Open);
        Self(stop)
    }

    fn close(&self) -> StopState {
        self.0.0.replace(StopState::Closed)
    }
}

impl Drop for OpenStop<'_> {
    fn drop(&mut self) {
        drop(self.close());
    }
}
