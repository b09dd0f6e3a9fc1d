//! The failed attempts to connect, of all connections of a node together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::redis::client::budget::{CONNECT_PAUSE, LONGEST_CONNECT_PAUSE};
use crate::store::redis::client::call_error::CallError;

/// Whether connections fail, since when and why.
pub(crate) struct Failures {
    /// A std mutex: held for a few comparisons, never across an `.await`.
    last: Mutex<Option<LastFailure>>,
    /// A longer outage is not waited for.
    patience: Duration,
}

struct LastFailure {
    /// When the first attempt began, and the last one.
    since: Instant,
    begun: Instant,
    /// The next attempt begins no earlier.
    until: Instant,
    pause: Duration,
    error: CallError,
}

impl Failures {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { last: Mutex::default(), patience }
    }

    /// When the next attempt may begin, if not now.
    pub(crate) fn pause_ends(&self) -> Option<Instant> {
        self.last().as_ref().map(|last| last.until).filter(|until| Instant::now() < *until)
    }

    /// Whether the outage is longer than the budget of an operation: calls wait for a restart, but in a longer outage
    /// requests would only pile up.
    pub(crate) fn lasts(&self) -> bool {
        self.last().as_ref().is_some_and(|last| last.since.elapsed() >= self.patience)
    }

    /// Records a failed attempt; `served` if there is another connection.
    pub(crate) fn note(&self, begun: Instant, served: bool, error: &CallError) {
        let mut last = self.last();
        let (earlier, pause) = match &*last {
            Some(last) => (last.since, (last.pause * 2).min(LONGEST_CONNECT_PAUSE)),
            None => (begun, CONNECT_PAUSE),
        };
        let since = if served { begun } else { earlier };
        *last = Some(LastFailure { since, begun, until: Instant::now() + pause, pause, error: error.clone() });
    }

    /// Whether the last attempt began before this: the server may be back since.
    pub(crate) fn is_older_than(&self, moment: Instant) -> bool {
        self.last().as_ref().is_some_and(|last| last.begun < moment)
    }

    pub(crate) fn is_over(&self) {
        *self.last() = None;
    }

    /// The error of a request that got no connection.
    pub(crate) fn reclassify(&self, error: CallError) -> CallError {
        if self.lasts() { error.lasting() } else { error }
    }

    /// Why the last attempt failed.
    pub(crate) fn error(&self) -> Option<CallError> {
        self.last().as_ref().map(|last| last.error.clone())
    }

    fn last(&self) -> MutexGuard<'_, Option<LastFailure>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
