//! A handle's copy of a session, for stores that write by comparing with it.

use std::sync::Arc;
use std::{fmt, mem};

use crate::fields::map::Contents;
use crate::identity::id::SessionId;
use crate::store::{Meta, Old};

/// The metadata bytes that the store has read, opaque to all other code; the embedded store needs none.
///
/// Equal to any other: beyond the rest of the metadata they only show who wrote last.
#[derive(Clone, Default)]
pub(crate) struct Etag(pub(crate) Option<Vec<u8>>);

impl PartialEq for Etag {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Etag {}

impl fmt::Debug for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Etag(..)")
    }
}

/// A session as loaded, or as left by the holder's own write: metadata and all fields of one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) etag: Vec<u8>,
    pub(crate) fields: Arc<Contents>,
}

impl Meta {
    /// The snapshot that a write may be compared with, if the store returned an etag and these are all stored fields.
    pub(crate) fn snapshot(&self, fields: Arc<Contents>) -> Option<Snapshot> {
        Some(Snapshot { etag: self.etag.0.clone()?, fields })
    }

    /// Takes over the etag after another operation, if the holder's fields are still the stored ones.
    pub(crate) fn follow(&mut self, now: &mut Self) {
        let fields_stand = (now.generation, now.version) == (self.generation, self.version);
        if fields_stand && self.etag.0.is_some() {
            self.etag = mem::take(&mut now.etag);
        }
    }

    /// The session as the one that an operation is to end.
    pub(crate) fn old(&self, id: SessionId) -> Old {
        Old { id, generation: self.generation, user: self.user.clone() }
    }
}

/// The result of a write of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrote {
    pub(crate) version: u32,
    /// The new metadata, if the write was applied exactly to the snapshot.
    pub(crate) etag: Etag,
    /// Whether the user has logged in again since the caller's load: the secrets that the caller has are invalid.
    pub(crate) overtaken: bool,
}

impl Wrote {
    /// For a write to a session that may have more than the caller knows.
    pub(crate) const fn version(version: u32) -> Self {
        Self { version, etag: Etag(None), overtaken: false }
    }
}
