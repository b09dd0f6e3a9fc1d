//! A limit on the calls that wait for one server's answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::store::redis::client::call_error::Fault;

/// How many calls are on the way.
pub(crate) struct Flight {
    now: AtomicUsize,
    most: usize,
}

impl Flight {
    pub(crate) const fn new(most: usize) -> Self {
        Self { now: AtomicUsize::new(0), most }
    }

    /// Until what is answered is dropped, also by a cancelled request.
    pub(crate) fn begin(&self) -> Result<Flying<'_>, Fault> {
        let flying = Flying(self);
        if self.now.fetch_add(1, Ordering::Relaxed) < self.most { Ok(flying) } else { Err(Fault::CROWDED) }
    }
}

/// One call on the way.
pub(crate) struct Flying<'a>(&'a Flight);

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::store::redis::client::node::in_flight::Flight;

    #[test]
    fn a_refused_call_takes_no_place_and_an_ended_one_makes_room() {
        let flight = Flight::new(2);
        let (first, _second) = (flight.begin().ok(), flight.begin().ok());
        for _ in 0..3 {
            assert!(flight.begin().is_err());
        }
        drop(first);
        assert!(flight.begin().is_ok());
    }
}
