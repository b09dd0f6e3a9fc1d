//! What a handle holds of a session, for a store that can write by comparing with it.

use std::fmt;
use std::sync::Arc;

use crate::fields::map::Contents;

/// The bytes that the store had the metadata from, opaque to everyone else; the embedded store needs none.
///
/// Equal to any other: they say nothing of a session that the rest of its metadata does not, but who wrote it last.
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
        f.write_str("Packed(..)")
    }
}

/// A session as it was loaded, or left by the holder's own write: metadata and all fields of one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) etag: Vec<u8>,
    pub(crate) fields: Arc<Contents>,
}

/// What a write of fields made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrote {
    pub(crate) version: u32,
    /// The metadata after it, if it wrote to exactly what the snapshot showed.
    pub(crate) etag: Etag,
    /// Whether the user has logged in again since the caller's load: the secrets that the caller knows are dead.
    pub(crate) overtaken: bool,
}

impl Wrote {
    /// Of a write to a session that may have more than the caller knows of.
    pub(crate) const fn version(version: u32) -> Self {
        Self { version, etag: Etag(None), overtaken: false }
    }
}
