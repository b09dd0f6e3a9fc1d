//! A handle's copy of a session, for stores that write by comparing with it.

use std::fmt;
use std::sync::Arc;

use crate::config::timeouts::Lifetimes;
use crate::fields::Delta;
use crate::fields::map::Contents;
use crate::identity::id::SessionId;
use crate::identity::token::SecretHash;
use crate::store::{Meta, Old, Retime, Save, Touch};
use crate::util::clock::Millis;

/// The metadata bytes that the store has read, opaque to all other code; the embedded store has none.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Etag(pub(crate) Vec<u8>);

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Etag(..)")
    }
}

/// A session as loaded, or as left by the holder's own write: metadata and all fields of one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) etag: Etag,
    pub(crate) fields: Arc<Contents>,
}

/// A live session as its holder knows it: as loaded, and after the holder's own operations.
#[derive(Debug, Clone)]
pub(crate) struct LoadedSession {
    pub(crate) id: SessionId,
    pub(crate) meta: Meta,
    pub(crate) etag: Option<Etag>,
}

impl LoadedSession {
    /// The snapshot that a write may be compared with, if the store returned an etag. These are all stored fields.
    pub(crate) fn snapshot(&self, fields: Arc<Contents>) -> Option<Snapshot> {
        Some(Snapshot { etag: self.etag.clone()?, fields })
    }

    /// A write of changed fields; `version` as in [`Save`].
    pub(crate) fn save(&self, version: Option<u32>, delta: Arc<Delta>, fields: Arc<Contents>) -> Save {
        Save { id: self.id, generation: self.meta.generation, version, delta, snapshot: self.snapshot(fields) }
    }

    /// Whether a touch would be recorded at this time.
    pub(crate) fn is_touch_due(&self, now: Millis) -> bool {
        now >= self.meta.touched + u64::from(self.meta.lifetimes.interval_ms)
    }

    /// A use; `first_use` as in [`Touch`].
    pub(crate) fn touch(&self, first_use: Option<SecretHash>) -> Touch {
        Touch { id: self.id, seen: self.meta.touched, first_use, user: self.meta.user.clone() }
    }

    /// A change of the timeouts.
    pub(crate) fn retime(&self, lifetimes: Lifetimes) -> Retime {
        let Old { id, generation, user } = self.old();
        Retime { id, generation, lifetimes, user }
    }

    /// The session as the one that an operation is to end.
    pub(crate) fn old(&self) -> Old {
        Old { id: self.id, generation: self.meta.generation, user: self.meta.user.clone() }
    }

    /// Takes over the etag after another operation, if the holder's fields are still the stored ones.
    pub(crate) fn follow(&mut self, now: &Meta, etag: Option<Etag>) {
        let fields_stand = (now.generation, now.version) == (self.meta.generation, self.meta.version);
        if fields_stand && self.etag.is_some() {
            self.etag = etag;
        }
    }

    /// Takes over what a change of the timeouts changed.
    pub(crate) fn retimed(&mut self, now: &Meta, etag: Option<Etag>) {
        self.follow(now, etag);
        let meta = &mut self.meta;
        (meta.lifetimes, meta.touched) = (now.lifetimes, now.touched);
        (meta.grace_ms, meta.index_until) = (now.grace_ms, now.index_until);
    }
}

/// The result of a write of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrote {
    pub(crate) version: u32,
    /// The new metadata, if the write was applied exactly to the snapshot.
    pub(crate) etag: Option<Etag>,
    /// Whether the user has logged in again since the caller's load: the secrets that the caller has are invalid.
    pub(crate) overtaken: bool,
}

impl Wrote {
    /// For a write to a session that may have more than the caller knows.
    pub(crate) const fn version(version: u32) -> Self {
        Self { version, etag: None, overtaken: false }
    }
}
