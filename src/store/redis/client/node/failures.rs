//! What is remembered of attempts to connect that failed, of all connections of a node together.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::redis::client::call_error::CallError;

/// The pause after a failed attempt, and the longest. Short, because the first request after the server is back has to
/// wait it out; long enough that not each request makes an attempt of its own.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(40);

/// Whether, since when and why no connection can be made.
pub(crate) struct Failures {
    /// A std mutex: held for a few comparisons, never across an `.await`.
    last: Mutex<Option<LastFailure>>,
    /// An outage that has lasted longer is not waited for.
    patience: Duration,
}

struct LastFailure {
    /// When the first attempt was begun, and the last one.
    since: Instant,
    begun: Instant,
    /// No other attempt before this.
    until: Instant,
    pause: Duration,
    fault: CallError,
}

impl Failures {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { last: Mutex::default(), patience }
    }

    /// When another attempt may be made, if not now.
    pub(crate) fn pause_ends(&self) -> Option<Instant> {
        self.last().as_ref().map(|last| last.until).filter(|until| Instant::now() < *until)
    }

    /// Whether it lasts longer than an operation's budget: a restart is ridden out, in a longer outage requests would only
    /// pile up.
    pub(crate) fn lasts(&self) -> bool {
        self.last().as_ref().is_some_and(|last| last.since.elapsed() >= self.patience)
    }

    /// An attempt that was begun then has failed; `served` if there is another connection.
    pub(crate) fn note(&self, begun: Instant, served: bool, fault: &CallError) {
        let mut last = self.last();
        let (earlier, pause) = match &*last {
            Some(last) => (last.since, (last.pause * 2).min(LONGEST_PAUSE)),
            None => (begun, FIRST_PAUSE),
        };
        let since = if served { begun } else { earlier };
        *last = Some(LastFailure { since, begun, until: Instant::now() + pause, pause, fault: fault.clone() });
    }

    /// Whether the last attempt was begun before this: the server may be back since.
    pub(crate) fn is_older_than(&self, moment: Instant) -> bool {
        self.last().as_ref().is_some_and(|last| last.begun < moment)
    }

    pub(crate) fn is_over(&self) {
        *self.last() = None;
    }

    /// What to tell a request that got no connection.
    pub(crate) fn weighed(&self, fault: CallError) -> CallError {
        if self.lasts() { fault.lasting() } else { fault }
    }

    /// Why the last attempt failed.
    pub(crate) fn fault(&self) -> Option<CallError> {
        self.last().as_ref().map(|last| last.fault.clone())
    }

    fn last(&self) -> MutexGuard<'_, Option<LastFailure>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
