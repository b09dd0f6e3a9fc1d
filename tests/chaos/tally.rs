//! The counts of a chaos run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cloakroom::Error;

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) done: u64,
    pub(super) unavailable: u64,
    pub(super) indeterminate: u64,
    /// Errors that no outage explains.
    pub(super) others: Vec<String>,
    /// Broken promises.
    pub(super) broken: Vec<String>,
    /// Acknowledged changes that were undone; only a failover may do that.
    pub(super) undone: Vec<String>,
    /// When each user's calls succeeded.
    succeeded: BTreeMap<String, Vec<Instant>>,
    /// The hash tag of each user's keys.
    pub(super) tags: BTreeMap<String, String>,
}

/// Shared by everything that makes load.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

impl Tally {
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of this user returned.
    pub(super) fn note(&self, user: &str, outcome: Result<(), Error>) {
        let mut counts = self.counts();
        match outcome {
            Ok(()) => {
                counts.done += 1;
                counts.succeeded.entry(user.to_owned()).or_default().push(Instant::now());
            }
            Err(Error::Unavailable(_)) => counts.unavailable += 1,
            Err(Error::Indeterminate(_)) => counts.indeterminate += 1,
            // Nobody else ends a user's sessions or logs in there.
            Err(error @ (Error::Gone(_) | Error::Conflict)) => counts.undone.push(format!("{user}: {error:?}")),
            Err(other) => counts.others.push(format!("{user}: {other:?}")),
        }
    }

    pub(super) fn broken(&self, what: String) {
        self.counts().broken.push(what);
    }

    pub(super) fn undone(&self, what: String) {
        self.counts().undone.push(what);
    }
}

impl Counts {
    /// The longest time without a success of any of these users.
    pub(super) fn longest_gap(&self, of: impl Fn(&str) -> bool) -> Duration {
        let chosen = self.succeeded.iter().filter(|(user, _)| of(user));
        let mut times: Vec<Instant> = chosen.flat_map(|(_, times)| times.iter().copied()).collect();
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// The time from this moment until all of these users have had a success.
    pub(super) fn back_after(&self, moment: Instant, of: impl Fn(&str) -> bool) -> Duration {
        let chosen = self.succeeded.iter().filter(|(user, _)| of(user));
        let first = chosen.map(|(_, times)| times.iter().find(|&&time| time >= moment));
        first.map(|time| time.map_or(Duration::MAX, |&time| time - moment)).max().unwrap_or_default()
    }
}
