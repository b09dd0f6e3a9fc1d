//! The packed metadata of a session: `lua/lib/meta.lua` writes it; every load reads it here.
//!
//! Big endian. Head; blocks in the order of their flags; ring of operations; tail (user and client).

use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::token::SecretHash;
use crate::store::redis::layout::constants::{DOOR, FORMAT, KNOWN, PARKED, offset};
use crate::store::{Meta, Tombstone};
use crate::util::clock::Millis;

/// The hash field of the metadata. No application field has this name.
pub(crate) const FIELD: &str = "@";
/// The offset of the critical flags. The byte after it has the others: unknown ones are ignored, and preserved by every write.
const CRITICAL: usize = offset("critical");

/// The content of a session's key, live or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Live if its key has enough time left, see [`stays_ms`](Stored::stays_ms).
    Session {
        meta: Box<Meta>,
        /// How long the key is kept after deadline and grace, only for late repeats of its creation.
        keep_ms: u32,
    },
    Ended(Tombstone),
    /// Parked by a login across slots that has not finished, and perhaps never will; not visible elsewhere.
    Parked,
}

impl Stored {
    /// How long the key is kept after the deadline; if 0, a session that exists is live.
    pub(crate) fn stays_ms(&self) -> u64 {
        match self {
            Self::Session { meta, keep_ms } => u64::from(meta.grace_ms) + u64::from(*keep_ms),
            Self::Ended(_) | Self::Parked => 0,
        }
    }
}

/// Decodes the packed metadata; [`Error::Unreadable`] for any other bytes.
pub(crate) fn decode(etag: &[u8]) -> Result<Stored, Error> {
    if is_foreign(etag) {
        return Err(Error::Unreadable("its metadata is of another format"));
    }
    read(&mut Reader(etag)).ok_or(Error::Unreadable("its metadata is damaged"))
}

/// Whether it is of another format or has an unknown critical flag. Such a session is left unchanged.
fn is_foreign(etag: &[u8]) -> bool {
    let format = etag.first().is_some_and(|format| *format != FORMAT);
    format || etag.get(CRITICAL).is_some_and(|flags| flags & !KNOWN != 0)
}

/// The head of every session's metadata.
pub(crate) struct MetaHead {
    pub(crate) state: u8,
    critical: u8,
    created: Millis,
    since: Millis,
    touched: Millis,
    lifetimes: Lifetimes,
    grace_ms: u32,
    keep_ms: u32,
    pub(crate) generation: u32,
    pub(crate) version: u32,
    pub(crate) size: u32,
    index_until: Millis,
    pub(crate) horizon: Millis,
    secret: SecretHash,
    uses: u32,
    operations: u8,
}

impl MetaHead {
    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        if is_foreign(bytes.0) {
            return None;
        }
        let [_format, state, critical, _ignorable] = bytes.take()?;
        Some(Self {
            state,
            critical,
            created: bytes.millis()?,
            since: bytes.millis()?,
            touched: bytes.millis()?,
            lifetimes: Lifetimes {
                idle_ms: bytes.millis()?,
                absolute_ms: bytes.millis()?,
                interval_ms: bytes.number()?,
            },
            grace_ms: bytes.number()?,
            keep_ms: bytes.number()?,
            generation: bytes.number()?,
            version: bytes.number()?,
            size: bytes.number()?,
            index_until: bytes.millis()?,
            horizon: bytes.millis()?,
            secret: SecretHash(bytes.take()?),
            uses: bytes.number()?,
            operations: bytes.take::<1>()?[0],
        })
    }

    /// As [`Meta::deadline`].
    pub(crate) fn deadline(&self) -> Millis {
        self.touched + self.lifetimes.life_ms(self.since, self.touched)
    }

    /// As [`Stored::stays_ms`].
    pub(crate) fn stays_ms(&self) -> u64 {
        u64::from(self.grace_ms) + u64::from(self.keep_ms)
    }
}

/// Decodes the head only.
pub(crate) fn head(etag: &[u8]) -> Option<MetaHead> {
    MetaHead::read(&mut Reader(etag))
}

fn read(bytes: &mut Reader<'_>) -> Option<Stored> {
    let head = MetaHead::read(bytes)?;
    let Blocks { rotation, successor } = Blocks::read(head.critical, bytes)?;
    skip_operations(bytes, head.operations)?;
    let MetaHead { secret, keep_ms, .. } = head;
    if head.state == PARKED {
        return Some(Stored::Parked);
    }
    if head.state != 0 {
        let previous = rotation.map(|rotation| rotation.previous);
        let reason = EndReason::from_code(head.state)?;
        return Some(Stored::Ended(Tombstone { reason, secret, previous, successor, door: head.critical & DOOR != 0 }));
    }
    let (user, client, remember) = tail::read(bytes)?;
    let meta = Meta {
        created: head.created,
        since: head.since,
        touched: head.touched,
        lifetimes: head.lifetimes,
        grace_ms: head.grace_ms,
        generation: head.generation,
        version: head.version,
        uses: head.uses,
        index_until: head.index_until,
        secret,
        rotation,
        user,
        client,
        remember,
    };
    bytes.0.is_empty().then(|| Stored::Session { meta: Box::new(meta), keep_ms })
}

/// Skips the ring of operations, which only scripts use.
fn skip_operations(bytes: &mut Reader<'_>, count: u8) -> Option<()> {
    for _ in 0..count {
        let [.., answer] = bytes.take::<15>()?;
        bytes.slice(answer.into())?;
    }
    Some(())
}

/// Reads bytes from the front; `None` if there are too few.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn millis(&mut self) -> Option<Millis> {
        let [a, b, c, d, e, f] = self.take()?;
        Some(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    fn text(&mut self, length: u16) -> Option<String> {
        String::from_utf8(self.slice(length.into())?.to_vec()).ok()
    }
}

mod begin;
mod blocks;
mod end;
mod tail;
mod write;
pub(crate) use crate::store::redis::layout::meta::begin::{Begun, stay_ms};
use crate::store::redis::layout::meta::blocks::Blocks;
pub(crate) use crate::store::redis::layout::meta::end::Buried;
pub(crate) use crate::store::redis::layout::meta::tail::{owner, tail, whose};
pub(crate) use crate::store::redis::layout::meta::write::Written;

#[cfg(test)]
mod tests;
