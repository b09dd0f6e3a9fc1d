//! The packed metadata of a session: `lua/lib/meta.lua` writes it, this reads it, on every load.
//!
//! Big endian. The tail (who, and from where) is packed here and only passed on by the scripts.

use std::net::IpAddr;

use crate::client::ClientInfo;
use crate::clock::Millis;
use crate::end::EndReason;
use crate::error::Error;
use crate::store::{Meta, Packed, Rotation, Tombstone};
use crate::timeout::Spans;
use crate::token::SecretHash;

/// The hash field that holds it. No application field has this name.
pub(super) const FIELD: &str = "@";
/// The first byte. Another one is of another version of this crate.
const FORMAT: u8 = 1;
/// The state of what a login across slots has put aside.
const PARKED: u8 = 255;
/// The class of every session so far.
const CLASS: u8 = 0;
/// The bits of the address's length that say something else, see [`remember`].
const REMEMBER: u8 = 0xc0;
/// The length that says "no user agent", which an empty one is not.
const NONE: u16 = u16::MAX;

/// What stands under a session's key, whether it is still live or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// Live if its key lasts long enough: see [`stays_ms`](Stored::stays_ms).
    Session {
        meta: Box<Meta>,
        /// How long the key stays after deadline and grace for late repeats of its creation, which alone are to find it.
        keep_ms: u32,
    },
    Ended(Tombstone),
    /// A login across slots has not come to its end yet, and perhaps never will: unknown to everyone else.
    Parked,
}

impl Stored {
    /// With the bytes that it was read from, which the session's next write is compared by.
    pub(super) fn from_bytes(packed: Vec<u8>) -> Result<Self, Error> {
        let mut stored = decode(&packed)?;
        if let Self::Session { meta, .. } = &mut stored {
            meta.packed = Packed(Some(packed));
        }
        Ok(stored)
    }

    /// For so long after its deadline the key stays; 0 means that existing is living.
    pub(super) fn stays_ms(&self) -> u64 {
        match self {
            Self::Session { meta, keep_ms } => u64::from(meta.grace_ms) + u64::from(*keep_ms),
            Self::Ended(_) | Self::Parked => 0,
        }
    }
}

/// Reads the packed metadata. Any bytes but ours are [`Error::Unreadable`].
pub(super) fn decode(packed: &[u8]) -> Result<Stored, Error> {
    if packed.first().is_some_and(|format| *format != FORMAT) {
        return Err(Error::Unreadable("its metadata is of another format"));
    }
    read(&mut Reader(packed)).ok_or(Error::Unreadable("its metadata is damaged"))
}

/// What every session's metadata begins with.
pub(super) struct Head {
    pub(super) state: u8,
    rotated: u8,
    created: Millis,
    since: Millis,
    touched: Millis,
    spans: Spans,
    grace_ms: u32,
    keep_ms: u32,
    pub(super) generation: u32,
    pub(super) version: u32,
    pub(super) size: u32,
    index_until: Millis,
    pub(super) horizon: Millis,
    secret: SecretHash,
    operations: u8,
}

impl Head {
    fn read(bytes: &mut Reader<'_>) -> Option<Self> {
        let [format, state, rotated] = bytes.take()?;
        if format != FORMAT {
            return None;
        }
        Some(Self {
            state,
            rotated,
            created: bytes.millis()?,
            since: bytes.millis()?,
            touched: bytes.millis()?,
            spans: Spans { idle_ms: bytes.millis()?, absolute_ms: bytes.millis()?, interval_ms: bytes.number()? },
            grace_ms: bytes.number()?,
            keep_ms: bytes.number()?,
            generation: bytes.number()?,
            version: bytes.number()?,
            size: bytes.number()?,
            index_until: bytes.millis()?,
            horizon: bytes.millis()?,
            secret: SecretHash(bytes.take()?),
            operations: bytes.take::<1>()?[0],
        })
    }

    /// As [`Meta::deadline`].
    pub(super) fn deadline(&self) -> Millis {
        self.touched + self.spans.life_ms(self.since, self.touched)
    }

    /// As [`Stored::stays_ms`].
    pub(super) fn stays_ms(&self) -> u64 {
        u64::from(self.grace_ms) + u64::from(self.keep_ms)
    }
}

/// The head alone.
pub(super) fn head(packed: &[u8]) -> Option<Head> {
    Head::read(&mut Reader(packed))
}

fn read(bytes: &mut Reader<'_>) -> Option<Stored> {
    let head = Head::read(bytes)?;
    let rotation = match head.rotated {
        0 => None,
        1 => Some(rotation(bytes)?),
        _ => return None,
    };
    skip_operations(bytes, head.operations)?;
    let Head { secret, keep_ms, .. } = head;
    if head.state == PARKED {
        return Some(Stored::Parked);
    }
    if head.state != 0 {
        let previous = rotation.map(|rotation| rotation.previous);
        return Some(Stored::Ended(Tombstone { reason: EndReason::from_code(head.state)?, secret, previous }));
    }
    let (user, client) = read_tail(bytes)?;
    let meta = Meta {
        created: head.created,
        since: head.since,
        touched: head.touched,
        spans: head.spans,
        grace_ms: head.grace_ms,
        generation: head.generation,
        version: head.version,
        index_until: head.index_until,
        secret,
        rotation,
        user,
        client,
        packed: Packed::default(),
    };
    bytes.0.is_empty().then(|| Stored::Session { meta: Box::new(meta), keep_ms })
}

fn rotation(bytes: &mut Reader<'_>) -> Option<Rotation> {
    let previous = SecretHash(bytes.take()?);
    let at = bytes.millis()?;
    let used = bytes.millis()?;
    Some(Rotation { previous, at, used: (used != 0).then_some(used) })
}

/// The ring of operations is for scripts only.
fn skip_operations(bytes: &mut Reader<'_>, count: u8) -> Option<()> {
    for _ in 0..count {
        let [.., answer] = bytes.take::<15>()?;
        bytes.slice(answer.into())?;
    }
    Some(())
}

fn read_tail(bytes: &mut Reader<'_>) -> Option<(Option<String>, ClientInfo)> {
    let [_class] = bytes.take()?;
    let length = u16::from_be_bytes(bytes.take()?);
    let user = (length > 0).then_some(bytes.text(length)?);
    let [kinds] = bytes.take()?;
    let client = ClientInfo::new().remember(remembered(kinds & REMEMBER)?);
    let client = match kinds & !REMEMBER {
        0 => client,
        4 => client.address(IpAddr::from(bytes.take::<4>()?)),
        16 => client.address(IpAddr::from(bytes.take::<16>()?)),
        _ => return None,
    };
    let client = match u16::from_be_bytes(bytes.take()?) {
        NONE => client,
        length => client.user_agent(bytes.text(length)?),
    };
    Some((user, client))
}

/// Packs who a session belongs to and where it comes from. No user: a guest's.
pub(super) fn tail(user: Option<&str>, client: &ClientInfo) -> Vec<u8> {
    let mut tail = vec![CLASS];
    tail.extend(owner(user.unwrap_or_default()));
    let kept = remember(client.is_remembered());
    match client.known_address() {
        None => tail.push(kept),
        Some(IpAddr::V4(address)) => tail.extend([&[kept | 4], &address.octets()[..]].concat()),
        Some(IpAddr::V6(address)) => tail.extend([&[kept | 16], &address.octets()[..]].concat()),
    }
    match client.known_user_agent() {
        None => tail.extend(NONE.to_be_bytes()),
        Some(agent) => tail.extend(counted(agent)),
    }
    tail
}

/// The upper bits of the address's length: whether the browser is to keep the cookie when it is closed.
const fn remember(remember: Option<bool>) -> u8 {
    match remember {
        None => 0,
        Some(true) => 0x40,
        Some(false) => 0x80,
    }
}

const fn remembered(bits: u8) -> Option<Option<bool>> {
    match bits {
        0 => Some(None),
        0x40 => Some(Some(true)),
        0x80 => Some(Some(false)),
        _ => None,
    }
}

/// The user as the tail has it, with its length; an empty one is a guest. Scripts compare by it whose a session is.
pub(super) fn owner(user: &str) -> Vec<u8> {
    counted(user)
}

/// A text with its length. Longer ones than limits allow are cut rather than misread.
fn counted(text: &str) -> Vec<u8> {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(NONE) - 1)];
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// Takes bytes off the front; `None` where there are too few.
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
mod end;
mod write;
pub(super) use begin::{Begun, stay_ms};
pub(super) use end::Buried;
pub(super) use write::Written;

#[cfg(test)]
mod tests;
