//! An answer in place of a handler that must not run.
//!
//! actix-web makes `None` of whatever error an `Option<T>` meets, and an extractor cannot tell by whom it is asked. So what
//! must not look like a guest is not answered by the extractor: it leaves the answer here and waits; the middleware, which
//! is polled around it, takes the answer and drops the handler. Outside of that poll, as in a task of its own or in a
//! middleware around the layer, nobody would take it: there the extractor has to answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Poll;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;

use crate::error::Error;
use crate::web::error_response::ErrorReply;

/// Where a request's extractors and its middleware meet; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Stop(Rc<RefCell<StopState>>);

/// An answer is here only within one poll, for its request has this stop among its extensions and would never be freed.
#[derive(Default)]
enum StopState {
    /// Nobody would take an answer.
    #[default]
    Closed,
    /// The service inside is being polled.
    Open,
    Left(HttpRequest, ErrorReply),
}

impl Stop {
    /// Leaves the answer to this request; whoever did so has to stay pending then. False if nobody would take it.
    pub(crate) fn leave(&self, request: HttpRequest, error: &Error) -> bool {
        let open = !matches!(*self.0.borrow(), StopState::Closed);
        if open {
            self.0.replace(StopState::Left(request, ErrorReply::to(error)));
        }
        open
    }

    /// What the service inside answers to a poll, or what was left meanwhile if it is to wait.
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

/// Closes it in the end, also if the poll panics.
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
