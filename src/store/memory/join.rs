//! A login that joins the session of another login.

use crate::end::EndReason;
use crate::store::memory::state::{MemoryState, StoredSession};
use crate::store::{JOIN_MS, Join, Meta, Record, Refused, Rotation};

impl MemoryState {
    /// Order: `NotJoined` (too old, or no session), `Gone`, `NotJoined`, `TicketVoid`, limits. The secret changes as by
    /// a rotation; generation, login time and deadline stay.
    pub(super) fn join(&mut self, join: &Join) -> Result<Record, Refused> {
        let (since, reason) = match self.slot(join.id) {
            Some(StoredSession::Session(record)) => (record.meta.since, EndReason::Expired),
            Some(StoredSession::Ended { tombstone, since, .. }) => (*since, tombstone.reason),
            None => return Err(Refused::NotJoined),
        };
        if self.now > since + JOIN_MS {
            return Err(Refused::NotJoined);
        }
        let mut record = self.live(join.id).map_err(|_| Refused::Gone(Some(reason)))?.clone();
        if !is_joinable(&record.meta, join) {
            return Err(Refused::NotJoined);
        }
        self.check_ticket(&join.user, join.ticket)?;
        self.write(&mut record, &join.delta)?;
        let meta = &mut record.meta;
        let former = meta.rotation.take().map(|rotation| rotation.former).unwrap_or_default();
        meta.rotation = Some(Rotation { previous: meta.secret, at: self.now, used: None, former });
        meta.secret = join.secret;
        self.store(join.id, record.clone());
        Ok(record)
    }
}

/// Whether user and client are the same and nobody has logged in again.
fn is_joinable(meta: &Meta, join: &Join) -> bool {
    let (one, two) = (&meta.client, &join.client);
    meta.user.as_ref() == Some(&join.user)
        && meta.generation == 1
        && one.known_address() == two.known_address()
        && one.known_user_agent() == two.known_user_agent()
}
