//! Outages in the log: one line when one begins and one when it ends, however many calls fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::store::redis::client::budget::{INCIDENT_QUIET, LONGEST_INCIDENT_QUIET};

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All calls.
    Away,
    /// Writes, while reads may succeed.
    Writes,
    /// Writes that need memory, while ends may succeed.
    Memory,
}

/// What succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Success {
    Read,
    /// A script that Redis runs without free memory too.
    Ending,
    Write,
}

impl Success {
    /// Whether it shows that an incident of this kind is over.
    const fn is_end_of(self, kind: Kind) -> bool {
        match kind {
            Kind::Away => true,
            Kind::Writes => !matches!(self, Self::Read),
            Kind::Memory => matches!(self, Self::Write),
        }
    }
}

const KINDS: [Kind; 3] = [Kind::Away, Kind::Writes, Kind::Memory];

/// The incidents of one store.
#[derive(Debug)]
pub(crate) struct Incidents {
    /// The name of the store in the log.
    store: String,
    /// Whether any incident is running. Without one a success reads nothing else.
    any: AtomicBool,
    /// A std mutex: never held across an `.await`, and not while a line is written.
    histories: Mutex<[History; KINDS.len()]>,
}

/// The state of one kind.
#[derive(Debug, Default)]
struct History {
    running: Option<Running>,
    ended: Option<Instant>,
    quiet: Duration,
}

#[derive(Debug)]
struct Running {
    began: Instant,
    failed: u64,
    last: Instant,
    /// The first success since the last failure.
    back: Option<Instant>,
}

/// An incident that is over.
#[derive(Debug, PartialEq, Eq)]
struct Over {
    lasted: Duration,
    failed: u64,
}

impl Incidents {
    pub(crate) fn of(store: String) -> Self {
        Self { store, any: AtomicBool::new(false), histories: Mutex::default() }
    }

    /// Records a call that succeeded. Without an incident it costs one load.
    pub(crate) fn succeeded(&self, success: Success) {
        if self.any.load(Ordering::Relaxed) {
            self.note_success(success);
        }
    }

    #[cold]
    fn note_success(&self, success: Success) {
        let over = {
            let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let over = KINDS.map(|kind| histories[kind as usize].success(success.is_end_of(kind), now));
            self.any.store(histories.iter().any(|history| history.running.is_some()), Ordering::Relaxed);
            over
        };
        for (kind, Over { lasted, failed }) in
            KINDS.into_iter().zip(over).filter_map(|(kind, over)| Some((kind, over?)))
        {
            let store = self.store.as_str();
            match kind {
                Kind::Away => tracing::warn!(store, ?lasted, failed, "session store available again"),
                Kind::Writes => tracing::warn!(store, ?lasted, failed, "session store accepts writes again"),
                Kind::Memory => tracing::warn!(store, ?lasted, failed, "session store has memory again"),
            }
        }
    }

    /// Records a call that failed. `cause` is called only if its text is logged.
    #[cold]
    pub(crate) fn failed(&self, kind: Kind, advice: &'static str, cause: impl FnOnce() -> String) {
        let begins = {
            let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
            self.any.store(true, Ordering::Relaxed);
            histories[kind as usize].failure(Instant::now())
        };
        let store = self.store.as_str();
        if !begins {
            if tracing::enabled!(tracing::Level::DEBUG) {
                tracing::debug!(store, cause = cause(), "session store call failed");
            }
            return;
        }
        let cause = cause();
        match kind {
            Kind::Away => {
                tracing::warn!(store, cause, advice, "session store unavailable: requests that need a session fail");
            }
            Kind::Writes => tracing::warn!(store, cause, advice, "session store rejects writes: logins fail"),
            Kind::Memory => tracing::warn!(store, cause, advice, "session store out of memory: logins fail"),
        }
    }
}

impl History {
    /// Returns whether an incident begins.
    fn failure(&mut self, now: Instant) -> bool {
        if let Some(running) = &mut self.running {
            running.failed += 1;
            running.last = now;
            running.back = None;
            return false;
        }
        let soon = self.ended.is_some_and(|ended| now.duration_since(ended) < self.quiet * 2);
        self.quiet = if soon { (self.quiet * 2).min(LONGEST_INCIDENT_QUIET) } else { INCIDENT_QUIET };
        self.running = Some(Running { began: now, failed: 1, last: now, back: None });
        true
    }

    fn success(&mut self, counts: bool, now: Instant) -> Option<Over> {
        let running = self.running.as_mut().filter(|_| counts)?;
        let back = *running.back.get_or_insert(now);
        if now.duration_since(running.last) < self.quiet {
            return None;
        }
        let over = Over { lasted: back.duration_since(running.began), failed: running.failed };
        self.running = None;
        self.ended = Some(now);
        Some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begun: Instant) -> impl Fn(u64) -> Instant {
        move |seconds| begun + Duration::from_secs(seconds)
    }

    #[test]
    fn an_incident_ends_once_when_it_has_been_quiet() {
        let (mut history, at) = (History::default(), at(Instant::now()));
        assert!(history.failure(at(0)));
        assert!(!history.failure(at(1)) && !history.failure(at(2)));
        assert_eq!(history.success(true, at(3)), None);
        assert_eq!(history.success(true, at(6)), None);
        let over = Over { lasted: Duration::from_secs(3), failed: 3 };
        assert_eq!(history.success(true, at(7)), Some(over), "it lasted until the first success");
        assert_eq!(history.success(true, at(8)), None);
    }

    #[test]
    fn an_incident_goes_on_while_some_calls_fail() {
        let (mut history, at) = (History::default(), at(Instant::now()));
        let begins = (0..100).filter(|second| {
            assert_eq!(history.success(true, at(*second)), None);
            history.failure(at(*second))
        });
        assert_eq!(begins.count(), 1);
    }

    #[test]
    fn an_incident_that_comes_back_soon_has_to_be_quiet_for_longer() {
        let (mut history, at) = (History::default(), at(Instant::now()));
        let mut lines = 0;
        for second in (0..3_600).step_by(6) {
            lines += u32::from(history.failure(at(second)));
            lines += u32::from(history.success(true, at(second + 5)).is_some());
        }
        assert_eq!(lines, 3, "it began, was over, and began again");
        assert!(history.success(true, at(3_700)).is_some());
        assert!(history.failure(at(9_000)));
        assert!(history.success(true, at(9_005)).is_some(), "it was quiet for long before");
    }

    #[test]
    fn a_success_ends_only_the_incidents_that_it_disproves() {
        let ends = |success: Success| KINDS.map(|kind| success.is_end_of(kind));
        assert_eq!(ends(Success::Read), [true, false, false]);
        assert_eq!(ends(Success::Ending), [true, true, false]);
        assert_eq!(ends(Success::Write), [true, true, true]);
    }
}
