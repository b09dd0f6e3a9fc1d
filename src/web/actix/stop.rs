//! An answer in place of a handler that must not run.
//!
//! actix-web makes `None` of whatever error an `Option<T>` meets, and an extractor cannot tell by whom it is asked. So what
//! must not look like a guest is not answered by the extractor: it leaves the answer here and waits; the middleware, which
//! is polled around it, takes the answer and drops the handler.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::dev::ServiceResponse;

use crate::web::answer::Answer;

/// Where a request's extractors and its middleware meet; clones share it.
#[derive(Clone, Default)]
pub(super) struct Stop(Rc<RefCell<Option<(HttpRequest, Answer)>>>);

impl Stop {
    /// Leaves the answer to this request; whoever does so has to stay pending then.
    pub(super) fn with(&self, request: HttpRequest, answer: Answer) {
        *self.0.borrow_mut() = Some((request, answer));
    }

    /// Takes the answer, if there is one, as a response.
    pub(super) fn taken(&self) -> Option<ServiceResponse> {
        let (request, answer) = self.0.borrow_mut().take()?;
        Some(ServiceResponse::new(request, answer.into_actix()))
    }
}
