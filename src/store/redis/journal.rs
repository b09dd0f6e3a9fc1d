//! This process's session ends of the last minutes, repeated after a failover.
//!
//! Redis replicates asynchronously: a failed master may lose writes that it acknowledged. After a failover, an epoch is
//! raised to its former value again, and a session is ended again if its login is not later than its end was. So a
//! repeat changes nothing else, and later logins survive.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::store::redis::Redis;
use crate::store::redis::client::Path;
use crate::store::redis::layout::meta::owner;
use crate::store::redis::ops::resharding::{EndByKey, end_by_key};
use crate::store::redis::ops::user::revoke_again;
use crate::util::clock::Millis;
use crate::util::rarely::rarely;

/// Longer than the lag of a usable replica. The second limits the entries, to about 2 MB.
const KEPT_FOR: Duration = Duration::from_secs(600);
const MOST: usize = 10_000;
/// Number of concurrent repeats: this is bulk work on the connections of requests.
const AT_ONCE: usize = 32;
/// Pause between attempts while the servers are unavailable.
const PAUSE: Duration = Duration::from_millis(250);
/// How long after a failover an end that the old master acknowledged may still be recorded.
const LATE: Duration = Duration::from_secs(1);
/// A login's time may be later than the estimate of its server's clock: the estimate lags by up to a round trip, and
/// logins of one user in the same millisecond get successive times. A login this soon after the end is ended with it.
const LOGIN_AHEAD_MS: Millis = 1_000;

/// The last ends, oldest first.
#[derive(Default)]
pub(crate) struct Journal {
    /// A std mutex: never held across an `.await`.
    entries: Mutex<VecDeque<(Instant, Entry)>>,
    /// A `std` mutex too.
    watcher: Mutex<Watcher>,
}

/// The task that watches for failovers.
#[derive(Default)]
struct Watcher {
    task: Option<JoinHandle<()>>,
    /// Whether an end was recorded while no task was watching.
    missed: bool,
}

impl fmt::Debug for Journal {
    /// Without users and sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Journal").field("entries", &entries).finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Entry {
    Epoch { user: String, epoch: Millis, spared: Option<SessionId>, reason: EndReason },
    End { id: SessionId, user: Option<String>, latest: Millis, reason: EndReason },
}

impl Journal {
    fn note(&self, entry: Entry) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        while entries.len() >= MOST || entries.front().is_some_and(|(at, _)| at.elapsed() > KEPT_FOR) {
            entries.pop_front();
        }
        entries.push_back((Instant::now(), entry));
    }

    fn all(&self) -> Vec<(Instant, Entry)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn since(&self, begun: Instant) -> Vec<(Instant, Entry)> {
        self.all().into_iter().filter(|(at, _)| *at >= begun).collect()
    }
}

impl Redis {
    /// Records that a user's epoch was raised.
    pub(crate) fn note_epoch(&self, user: &str, epoch: Millis, spared: Option<SessionId>, reason: EndReason) {
        self.note(Entry::Epoch { user: user.to_owned(), epoch, spared, reason });
    }

    /// Records that a session was ended.
    pub(crate) fn note_end(&self, id: SessionId, user: Option<&str>, reason: EndReason) {
        let latest = self.client.now_at(&self.keys.session(id)).saturating_add(LOGIN_AHEAD_MS);
        self.note(Entry::End { id, user: user.map(str::to_owned), latest, reason });
    }

    /// The first entry starts the watching task. So does the first one after that task's runtime has shut down, and the
    /// first one after entries recorded outside of a runtime: a failover may have been missed then.
    fn note(&self, entry: Entry) {
        self.journal.note(entry);
        let mut watcher = self.journal.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if self.me.strong_count() == 0 || watcher.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Some(runtime) = Handle::try_current().ok().or_else(|| self.client.home().cloned()) else {
            watcher.missed = true;
            return;
        };
        let mut failovers = self.client.failovers();
        if watcher.task.is_some() || std::mem::take(&mut watcher.missed) {
            failovers.mark_changed();
        }
        watcher.task = Some(runtime.spawn(watch(self.me.clone(), failovers)));
    }

    async fn again(&self, entry: &Entry) -> Result<bool, Error> {
        match entry {
            Entry::Epoch { user, epoch, spared, reason } => {
                Ok(revoke_again(self, user, *epoch, *spared, *reason).await? != Ok(0))
            }
            Entry::End { id, user, latest, reason } => {
                let how = EndByKey {
                    reason: *reason,
                    latest: Some(*latest),
                    owner: owner(user.as_deref().unwrap_or_default()),
                    listed: true,
                };
                let mut delivery = self.step(Path::Request, self.client.budget(), &self.keys.session(*id))?;
                end_by_key(self, &mut delivery, *id, user.as_deref(), &how).await
            }
        }
    }
}

/// Repeats all ends after each failover, until the store is dropped. Another failover restarts the repeats.
async fn watch(store: Weak<Redis>, mut failovers: watch::Receiver<u64>) {
    while failovers.changed().await.is_ok() {
        let begun = Instant::now();
        let Some(all) = store.upgrade().map(|store| store.journal.all()) else { return };
        tracing::info!(entries = all.len(), "Redis failover or restart: repeating recent session ends");
        let mut undone = rounds(&store, &failovers, all).await;
        sleep(LATE).await;
        let Some(late) = store.upgrade().map(|store| store.journal.since(begun)) else { return };
        undone += rounds(&store, &failovers, late).await;
        if undone > 0 {
            tracing::warn!(undone, "session ends lost in the failover were repeated");
        }
    }
}

/// Runs until all ends are repeated, or there is another failover; returns how many had been undone.
async fn rounds(store: &Weak<Redis>, failovers: &watch::Receiver<u64>, mut left: Vec<(Instant, Entry)>) -> u64 {
    let mut undone = 0;
    while !left.is_empty() && failovers.has_changed().is_ok_and(|another| !another) {
        let (ended, away) = round(store, &left).await;
        undone += ended;
        left = away;
        if !left.is_empty() {
            sleep(PAUSE).await;
        }
    }
    undone
}

/// Tries each entry once, several concurrently, so that an unavailable server does not delay the others. Returns how
/// many ends had been undone, and the entries to retry.
async fn round(store: &Weak<Redis>, entries: &[(Instant, Entry)]) -> (u64, Vec<(Instant, Entry)>) {
    let (mut undone, mut away) = (0, Vec::new());
    for some in entries.chunks(AT_ONCE) {
        let mut trying = JoinSet::new();
        for (at, entry) in some.iter().filter(|(at, _)| at.elapsed() <= KEPT_FOR).cloned() {
            let Some(store) = store.upgrade() else { return (undone, Vec::new()) };
            trying.spawn(async move { (store.again(&entry).await, at, entry) });
        }
        while let Some(tried) = trying.join_next().await {
            match tried {
                Ok((Ok(again), ..)) => undone += u64::from(again),
                Ok((Err(error), at, entry)) if error.is_retryable() => away.push((at, entry)),
                Ok((Err(error), ..)) => rarely!(
                    warn,
                    error = &error as &dyn StdError,
                    "a session end possibly lost in the failover could not be repeated: revoke the user again"
                ),
                Err(_) => {}
            }
        }
    }
    (undone, away)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn journal_entries_that_are_too_old_or_too_many_are_forgotten() {
        let journal = Journal::default();
        let note = |epoch| {
            journal.note(Entry::Epoch { user: "ada".into(), epoch, spared: None, reason: EndReason::Revoked });
        };
        note(1);
        tokio::time::advance(KEPT_FOR).await;
        note(2);
        assert_eq!(journal.all().len(), 2);
        tokio::time::advance(Duration::from_millis(1)).await;
        note(3);
        assert_eq!(journal.all().len(), 2);
        (0..MOST as u64).for_each(note);
        assert_eq!(journal.all().len(), MOST);
        assert!(matches!(journal.all()[0].1, Entry::Epoch { epoch: 0, .. }));
    }
}
