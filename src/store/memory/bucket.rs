//! A bucket's sessions, found by its deadline index: revoke, count, sweep.

use crate::end::EndReason;
use crate::identity::id::{Bucket, SessionId};
use crate::store::memory::state::{MemoryState, StoredSession};
use crate::store::{Swept, Who};
use crate::util::clock::Millis;

impl MemoryState {
    /// Ends live sessions. Expired ones are left to the sweep, which reports them as expired.
    pub(super) fn revoke_bucket(&mut self, bucket: Bucket, who: Who) -> u64 {
        let caught = |user: &Option<String>| who == Who::Everyone || user.is_none();
        let ids = self.entries(bucket).into_iter().map(|(id, _)| id);
        let ended: Vec<_> = ids.filter(|id| self.live(*id).is_ok_and(|record| caught(&record.meta.user))).collect();
        ended.iter().for_each(|id| self.put_tombstone(*id, EndReason::Revoked));
        ended.len() as u64
    }

    pub(super) fn active(&self, bucket: Bucket, since: Millis) -> u64 {
        let ids = self.entries(bucket).into_iter().map(|(id, _)| id);
        ids.filter(|id| self.live(*id).is_ok_and(|record| record.meta.touched >= since)).count() as u64
    }

    /// Checks every entry whose score is not later than now: a score may be earlier than the deadline, never later.
    pub(super) fn sweep(&mut self, bucket: Bucket) -> Swept {
        let mut swept = Swept::default();
        let mut entries = self.entries(bucket);
        entries.retain(|(_, score)| *score <= self.now);
        for (id, _) in entries {
            match self.slot(id) {
                Some(StoredSession::Session(record)) if self.now <= record.meta.deadline() => {
                    let deadline = record.meta.deadline();
                    self.rescore(id, deadline);
                    swept.rescored += 1;
                }
                Some(StoredSession::Session(_)) => {
                    self.put_tombstone(id, EndReason::Expired);
                    swept.expired += 1;
                }
                Some(StoredSession::Ended { .. }) | None => {
                    self.unscore(id);
                    swept.forgotten += 1;
                }
            }
        }
        swept
    }

    fn entries(&self, bucket: Bucket) -> Vec<(SessionId, Millis)> {
        self.due.get(&bucket).into_iter().flatten().map(|(id, score)| (*id, *score)).collect()
    }
}
