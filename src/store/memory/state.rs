//! The state of the store, and the steps that operations are made of.

use std::collections::{BTreeMap, HashMap};

use crate::end::EndReason;
use crate::fields::map::Contents;
use crate::identity::id::{Bucket, SessionId};
use crate::store::{LATE_WRITE_MS, Lead, Loaded, Meta, NewSession, Record, Refused, StoreSettings, Tombstone};
use crate::util::clock::Millis;

/// How often expired sessions are dropped from memory; until then they only count as absent.
const PURGE_INTERVAL_MS: u64 = 60_000;

/// What is stored under a session's id.
#[derive(Debug)]
pub(super) enum StoredSession {
    /// Live until its deadline, then expired but kept for its grace.
    Session(Box<Record>),
    /// Ended; kept until that time.
    Ended { tombstone: Tombstone, since: Millis, until: Millis },
}

impl StoredSession {
    /// The time after which nothing is stored any more.
    fn expiry(&self) -> Millis {
        match self {
            Self::Session(record) => record.meta.deadline() + u64::from(record.meta.grace_ms),
            Self::Ended { until, .. } => *until,
        }
    }
}

/// A user's last revocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch {
    pub(super) at: Millis,
    pub(super) until: Millis,
}

/// The whole state at one time.
#[derive(Debug)]
pub(super) struct MemoryState {
    pub(super) settings: StoreSettings,
    /// The time of the current call. Never goes back, even if the system's clock does.
    pub(super) now: Millis,
    purged: Millis,
    slots: HashMap<SessionId, StoredSession>,
    /// User → session → login time. A superset of the user's live sessions.
    pub(super) users: HashMap<String, HashMap<SessionId, Millis>>,
    pub(super) epochs: HashMap<String, Epoch>,
    /// Bucket → session → a time not later than its deadline. A superset of the live sessions. Not purged: only the
    /// sweep removes expired sessions, since it counts them.
    pub(super) due: HashMap<Bucket, BTreeMap<SessionId, Millis>>,
}

impl MemoryState {
    pub(super) fn new(settings: StoreSettings) -> Self {
        Self {
            settings,
            now: 0,
            purged: 0,
            slots: HashMap::new(),
            users: HashMap::new(),
            epochs: HashMap::new(),
            due: HashMap::new(),
        }
    }

    /// Advances to the current time.
    pub(super) fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now);
        if self.now - self.purged >= PURGE_INTERVAL_MS {
            self.purged = self.now;
            self.purge();
        }
    }

    /// Drops what Redis's key expiry would have dropped. No result depends on it.
    fn purge(&mut self) {
        let Self { now, slots, users, epochs, .. } = self;
        slots.retain(|_, slot| *now <= slot.expiry());
        epochs.retain(|_, epoch| *now <= epoch.until);
        users.retain(|_, members| {
            members.retain(|id, _| slots.contains_key(id));
            !members.is_empty()
        });
    }

    /// Number of stored ids, expired or not.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.slots.len()
    }

    /// What is stored under this id, unless it has expired.
    pub(super) fn slot(&self, id: SessionId) -> Option<&StoredSession> {
        self.slots.get(&id).filter(|slot| self.now <= slot.expiry())
    }

    pub(super) fn load(&self, id: SessionId) -> Loaded {
        match self.slot(id) {
            None => Loaded::Absent,
            Some(StoredSession::Ended { tombstone, .. }) => Loaded::Ended(tombstone.clone()),
            Some(StoredSession::Session(record)) if self.now <= record.meta.deadline() => Loaded::Live(record.clone()),
            Some(StoredSession::Session(record)) => Loaded::Ended(record.meta.tombstone(EndReason::Expired)),
        }
    }

    /// The live session, or `Gone` with the reason that a load would return.
    pub(super) fn live(&self, id: SessionId) -> Result<&Record, Refused> {
        match self.slot(id) {
            Some(StoredSession::Session(record)) if self.now <= record.meta.deadline() => Ok(record),
            Some(StoredSession::Session(_)) => Err(Refused::Gone(Some(EndReason::Expired))),
            Some(StoredSession::Ended { tombstone, .. }) => Err(Refused::Gone(Some(tombstone.reason))),
            None => Err(Refused::Gone(None)),
        }
    }

    pub(super) fn is_live(&self, id: SessionId) -> bool {
        self.live(id).is_ok()
    }

    /// A copy of the live session, to change and [store](Self::store), if it is of this generation.
    pub(super) fn current(&self, id: SessionId, generation: u32) -> Result<Record, Refused> {
        let record = self.live(id)?;
        if record.meta.generation == generation { Ok(record.clone()) } else { Err(Refused::Conflict) }
    }

    /// The same for a write of fields, and whether the user has logged in again since: at most once and not long ago.
    /// Otherwise each login would let in again whoever an earlier login has locked out.
    pub(super) fn writable(&self, id: SessionId, generation: u32) -> Result<(Record, bool), Refused> {
        let record = self.live(id)?;
        let meta = &record.meta;
        let late = generation.wrapping_add(1) == meta.generation && self.now <= meta.since + LATE_WRITE_MS;
        if meta.generation == generation || late { Ok((record.clone(), late)) } else { Err(Refused::Conflict) }
    }

    /// Refuses an id under which anything is stored, also a tombstone.
    pub(super) fn vacant(&self, id: SessionId) -> Result<(), Refused> {
        if self.slot(id).is_none() { Ok(()) } else { Err(Refused::Exists) }
    }

    /// Writes a session back. If its deadline moved later, its score in the deadline index need not follow.
    pub(super) fn store(&mut self, id: SessionId, record: Record) {
        self.slots.insert(id, StoredSession::Session(Box::new(record)));
    }

    /// Writes a session and both its index entries: for a new session, a login, or a shorter lifetime.
    pub(super) fn enter(&mut self, id: SessionId, record: Record) -> Record {
        self.rescore(id, record.meta.deadline());
        if let Some(user) = &record.meta.user {
            self.users.entry(user.clone()).or_default().insert(id, record.meta.since);
        }
        self.store(id, record.clone());
        record
    }

    /// A session that begins now, with its absolute lifetime from `since`.
    pub(super) fn begin(&mut self, new: &NewSession, since: Millis, fields: Contents) -> Record {
        let mut meta = Meta { since, user: new.user.clone(), ..Meta::first(new, self.now) };
        cover(&mut meta);
        self.enter(new.id, Record { meta, etag: None, fields })
    }

    /// Replaces a live or expired session by a tombstone and removes its index entries.
    pub(super) fn put_tombstone(&mut self, id: SessionId, reason: EndReason) {
        self.put_tombstone_to(id, reason, None, 0);
    }

    /// The same for a session with a successor, which stays as a door to it for this long, if at all.
    pub(super) fn put_tombstone_to(
        &mut self,
        id: SessionId,
        reason: EndReason,
        successor: Option<SessionId>,
        door_ms: u64,
    ) {
        let Some(StoredSession::Session(record)) = self.slots.get(&id) else { return };
        let tombstone = Tombstone { successor, door: door_ms > 0, ..record.meta.tombstone(reason) };
        let (since, user) = (record.meta.since, record.meta.user.clone());
        let until = self.now + self.settings.door_ms(id, door_ms);
        self.slots.insert(id, StoredSession::Ended { tombstone, since, until });
        self.unscore(id);
        if let Some(user) = user {
            self.leave(&user, id);
        }
    }

    /// Makes a door lead to another session, and stay.
    pub(super) fn lead(&mut self, lead: &Lead) -> Result<(), Refused> {
        let (gone, now) = (self.live(lead.door).err(), self.now);
        let is_there = self.slot(lead.door).is_some();
        match self.slots.get_mut(&lead.door) {
            Some(StoredSession::Ended { tombstone, until, .. })
                if is_there && tombstone.door && tombstone.successor == Some(lead.from) =>
            {
                tombstone.successor = Some(lead.to);
                *until = (*until).max(now + lead.stay_ms);
                Ok(())
            }
            _ => Err(gone.unwrap_or(Refused::Gone(None))),
        }
    }

    pub(super) fn rescore(&mut self, id: SessionId, deadline: Millis) {
        self.due.entry(id.bucket()).or_default().insert(id, deadline);
    }

    pub(super) fn unscore(&mut self, id: SessionId) {
        let Some(entries) = self.due.get_mut(&id.bucket()) else { return };
        entries.remove(&id);
        if entries.is_empty() {
            self.due.remove(&id.bucket());
        }
    }

    /// Removes a member from a user's index.
    fn leave(&mut self, user: &str, id: SessionId) {
        let Some(members) = self.users.get_mut(user) else { return };
        members.remove(&id);
        if members.is_empty() {
            self.users.remove(user);
        }
    }

    /// The user's live sessions, earliest login first. Removes dead members that it finds.
    pub(super) fn members(&mut self, user: &str) -> Vec<SessionId> {
        let mut members: Vec<_> = self.users.get(user).into_iter().flatten().map(|(id, login)| (*login, *id)).collect();
        members.sort_unstable();
        let (live, dead): (Vec<_>, Vec<_>) = members.into_iter().map(|(_, id)| id).partition(|id| self.is_live(*id));
        dead.into_iter().for_each(|id| self.leave(user, id));
        live
    }
}

/// Sets until when the user's index has to last. Nothing expires here by it; Redis stores it.
pub(super) fn cover(meta: &mut Meta) {
    if meta.user.is_some() {
        let life = meta.deadline() - meta.touched;
        meta.index_until = meta.index_until.max(meta.touched + meta.lifetimes.cover_ms().max(life));
    }
}
