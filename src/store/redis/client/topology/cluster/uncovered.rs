//! Slots that no node serves, as seen by calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::redis::client::call_error::CallError;

/// The slots without a node, and since when.
pub(crate) struct Uncovered {
    /// Whether there are any; otherwise a call reads nothing else.
    any: AtomicBool,
    /// A std lock: held for a few comparisons, never across an `.await`.
    slots: Mutex<HashMap<u16, UncoveredSpan>>,
    /// A call to a slot that was not served for longer fails at once.
    patience: Duration,
}

/// From the first call that failed to the last.
struct UncoveredSpan {
    first: Instant,
    last: Instant,
}

impl Uncovered {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { any: AtomicBool::new(false), slots: Mutex::default(), patience }
    }

    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Records a call that succeeded.
    pub(crate) fn served(&self, slot: u16) {
        let mut slots = self.slots();
        slots.remove(&slot);
        self.any.store(!slots.is_empty(), Ordering::Relaxed);
    }

    /// Calls wait for a failover or a move within the budget of an operation. In a longer outage requests would only
    /// pile up.
    pub(crate) fn reclassify(&self, slot: u16, error: CallError) -> CallError {
        if !error.is_uncovered() {
            return error;
        }
        let now = Instant::now();
        let mut slots = self.slots();
        let span = slots.entry(slot).or_insert(UncoveredSpan { first: now, last: now });
        // The last attempt was long ago: the slot may be served again.
        if now - span.last >= self.patience {
            span.first = now;
        }
        span.last = now;
        self.any.store(true, Ordering::Relaxed);
        if now - span.first < self.patience { error } else { error.lasting() }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u16, UncoveredSpan>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);
    const STEP: Duration = Duration::from_millis(200);

    /// How many calls, one after each step, wait before one fails at once.
    async fn waits(uncovered: &Uncovered, slot: u16) -> usize {
        let mut waits = 0;
        while uncovered.reclassify(slot, CallError::UNCOVERED).is_worth_a_retry() {
            waits += 1;
            tokio::time::advance(STEP).await;
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_lasting_gap_fails_at_once_and_each_slot_is_timed_separately() {
        let uncovered = Uncovered::new(PATIENCE);
        assert_eq!(waits(&uncovered, 1).await, 10);
        assert_eq!((waits(&uncovered, 1).await, waits(&uncovered, 2).await), (0, 10));
        uncovered.served(1);
        assert!(uncovered.any(), "the other is not served yet");
        uncovered.served(2);
        assert!(!uncovered.any());
        assert_eq!(waits(&uncovered, 1).await, 10, "it begins anew");
        tokio::time::advance(PATIENCE).await;
        assert_eq!(waits(&uncovered, 1).await, 10, "nobody has looked since");
        let other = CallError::no_connection("another fault");
        assert!(uncovered.reclassify(1, other).is_worth_a_retry());
    }
}
