//! A limit on the calls that wait for replies of one server.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::store::redis::client::call_error::CallError;

/// How many calls wait for a reply.
pub(crate) struct InFlightLimit {
    now: AtomicUsize,
    most: usize,
}

impl InFlightLimit {
    pub(crate) const fn new(most: usize) -> Self {
        Self { now: AtomicUsize::new(0), most }
    }

    /// The permit is valid until it is dropped, also by a cancelled request.
    pub(crate) fn begin(&self) -> Result<InFlightPermit<'_>, CallError> {
        let permit = InFlightPermit(self);
        if self.now.fetch_add(1, Ordering::Relaxed) < self.most { Ok(permit) } else { Err(CallError::CROWDED) }
    }
}

/// The permit of one call.
pub(crate) struct InFlightPermit<'a>(&'a InFlightLimit);

impl Drop for InFlightPermit<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::store::redis::client::node::in_flight::InFlightLimit;

    #[test]
    fn a_rejected_call_takes_no_place_and_a_finished_one_frees_its_own() {
        let in_flight = InFlightLimit::new(2);
        let (first, _second) = (in_flight.begin().ok(), in_flight.begin().ok());
        for _ in 0..3 {
            assert!(in_flight.begin().is_err());
        }
        drop(first);
        assert!(in_flight.begin().is_ok());
    }
}
