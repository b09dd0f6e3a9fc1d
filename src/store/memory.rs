//! The embedded store: the contract as executable specification. The Redis store has to return the same results.
//!
//! One mutex around plain maps; each call is atomic and has one time. So no operation is delivered twice or late, and
//! the [`Op`] of a call is ignored: no ring, no not-after.
//!
//! If several refusals apply, the first of these is returned:
//!
//! - on a session: `Gone`, `Conflict` (generation, then version), `WrongKind`, `Overflow`, `TooManyFields`,
//!   `TooManyBytes`; `AlreadyRotated` comes after `Conflict`, and so does the `Exists` of a successor;
//! - at a login: `Exists`, `TicketVoid`, the old session's `Gone`, its `Conflict`, `TooManyFields`, `TooManyBytes`,
//!   `AtCap`;
//! - at a re-authentication the same without `Exists`.
//!
//! Every time limit includes its last millisecond: it is over once it *has passed*.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;
use crate::util::clock::{ManualClock, system_ms};
use state::MemoryState;

mod bucket;
mod contents;
mod join;
mod login;
mod rotate;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod user;

/// Sessions in this process's memory, for tests and small programs.
pub(crate) struct Memory {
    clock: Option<ManualClock>,
    /// A `std` mutex: never held across an `.await`.
    state: Mutex<MemoryState>,
}

impl std::fmt::Debug for Memory {
    /// Without the sessions.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Memory {
    pub(crate) fn new(settings: StoreSettings, clock: Option<ManualClock>) -> Self {
        Self { clock, state: Mutex::new(MemoryState::new(settings)) }
    }

    /// The state at the current time. A poisoned lock is used: no call panics between two writes.
    fn state(&self) -> MutexGuard<'_, MemoryState> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.clock.as_ref().map_or_else(system_ms, ManualClock::now));
        state
    }
}

impl Memory {
    pub(crate) fn now(&self) -> Millis {
        self.state().now
    }

    pub(crate) async fn ping(&self) -> Result<Millis, Error> {
        Ok(self.state().now)
    }

    pub(crate) async fn examine(&self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }

    pub(crate) async fn load(&self, id: SessionId) -> Result<Loaded, Error> {
        Ok(self.state().load(id))
    }

    pub(crate) async fn load_timed(&self, id: SessionId) -> Result<(Loaded, Millis), Error> {
        let state = self.state();
        Ok((state.load(id), state.now))
    }

    pub(crate) async fn create(&self, _: Op, new: &NewSession, delta: &Delta) -> StoreResult<Record> {
        Ok(self.state().create(new, delta))
    }

    pub(crate) async fn touch(&self, _: Op, touch: &Touch) -> StoreResult<(Meta, Option<Etag>)> {
        Ok(self.state().touch(touch).map(|meta| (meta, None)))
    }

    pub(crate) async fn save(&self, _: Op, save: &Save) -> StoreResult<Wrote> {
        Ok(self.state().save(save))
    }

    pub(crate) async fn increment(&self, _: Op, increment: &Increment) -> StoreResult<(i64, Wrote)> {
        Ok(self.state().increment(increment))
    }

    pub(crate) async fn rotate(&self, _: Op, rotate: &Rotate) -> StoreResult<(Meta, Option<Etag>)> {
        Ok(self.state().rotate(rotate).map(|meta| (meta, None)))
    }

    pub(crate) async fn retime(&self, _: Op, retime: &Retime) -> StoreResult<(Meta, Option<Etag>)> {
        Ok(self.state().retime(retime).map(|meta| (meta, None)))
    }

    pub(crate) async fn login(&self, _: Op, login: &NewLogin) -> StoreResult<Record> {
        Ok(self.state().login(login))
    }

    pub(crate) async fn is_parked(&self, _: SessionId) -> Result<bool, Error> {
        Ok(false)
    }

    pub(crate) async fn lead(&self, _: Op, lead: &Lead) -> StoreResult<()> {
        Ok(self.state().lead(lead))
    }

    pub(crate) async fn reauthenticate(&self, _: Op, again: &Reauthenticate) -> StoreResult<Record> {
        Ok(self.state().reauthenticate(again))
    }

    pub(crate) async fn join(&self, _: Op, join: &Join) -> StoreResult<Record> {
        Ok(self.state().join(join))
    }

    pub(crate) async fn end(&self, _: Op, end: &End) -> StoreResult<Option<Record>> {
        Ok(self.state().end(end))
    }

    pub(crate) async fn end_undelivered(&self, _: Op, undelivered: &Undelivered) -> StoreResult<bool> {
        Ok(self.state().end_undelivered(undelivered))
    }

    /// The embedded store has no replicas.
    pub(crate) async fn end_on(&self, op: Op, end: &End, replicas: &Arc<Replicas>) -> StoreResult<Option<Record>> {
        replicas.note(0);
        self.end(op, end).await
    }

    pub(crate) async fn ticket(&self, user: &str) -> Result<Ticket, Error> {
        Ok(self.state().ticket(user))
    }

    pub(crate) async fn list(&self, user: &str) -> Result<Vec<(SessionId, Meta)>, Error> {
        Ok(self.state().list(user))
    }

    pub(crate) async fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> StoreResult<u64> {
        Ok(self.state().revoke(user, scope, reason))
    }

    pub(crate) async fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> StoreResult<u64> {
        replicas.note(0);
        self.revoke(user, scope, reason).await
    }

    pub(crate) async fn revoke_bucket(&self, bucket: Bucket, who: Who) -> Result<u64, Error> {
        Ok(self.state().revoke_bucket(bucket, who))
    }

    pub(crate) async fn active(&self, bucket: Bucket, since: Millis) -> Result<u64, Error> {
        Ok(self.state().active(bucket, since))
    }

    pub(crate) async fn sweep(&self, bucket: Bucket) -> Result<Swept, Error> {
        Ok(self.state().sweep(bucket))
    }
}
