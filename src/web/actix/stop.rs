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
use crate::web::error_response::Answer;

/// Where a request's extractors and its middleware meet; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Stop(Rc<RefCell<State>>);

/// An answer is here only within one poll, for its request has this stop among its extensions and would never be freed.
#[derive(Default)]
enum State {
    /// Nobody would take an answer.
    #[default]
    Closed,
    /// The service inside is being polled.
    Open,
    Left(HttpRequest, Answer),
}

impl Stop {
    /// Leaves the answer to this request; whoever did so has to stay pending then. False if nobody would take it.
    pub(crate) fn leave(&self, request: HttpRequest, error: &Error) -> bool {
        let open = !matches!(*self.0.borrow(), State::Closed);
        if open {
            self.0.replace(State::Left(request, Answer::to(error)));
        }
        open
    }

    /// What the service inside answers to a poll, or what was left meanwhile if it is to wait.
    pub(crate) fn poll<E>(
        &self,
        inside: impl FnOnce() -> Poll<Result<ServiceResponse, E>>,
    ) -> Poll<Result<ServiceResponse, E>> {
        let open = Opened::by(self);
        let polled = inside();
        match (polled, open.close()) {
            (Poll::Pending, State::Left(request, answer)) => {
                Poll::Ready(Ok(ServiceResponse::new(request, answer.into_actix())))
            }
            (polled, _) => polled,
        }
    }
}

/// Closes it in the end, also if the poll panics.
struct Opened<'a>(&'a Stop);

impl<'a> Opened<'a> {
    fn by(stop: &'a Stop) -> Self {
        stop.0.replace(State::Open);
        Self(stop)
    }

    fn close(&self) -> State {
        self.0.0.replace(State::Closed)
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        drop(self.close());
    }
}
