//! The packed metadata of a session: `lua/lib/meta.lua` writes it, this reads it, on every load.
//!
//! Big endian. The tail (who, and from where) is packed here and only passed on by the scripts.

use std::net::IpAddr;

use crate::client::ClientInfo;
use crate::clock::Millis;
use crate::end::EndReason;
use crate::error::Error;
use crate::store::{Meta, Rotation, Tombstone};
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

fn read(bytes: &mut Reader<'_>) -> Option<Stored> {
    let [_, state, rotated] = bytes.take()?;
    let created = bytes.millis()?;
    let since = bytes.millis()?;
    let touched = bytes.millis()?;
    let spans = Spans { idle_ms: bytes.millis()?, absolute_ms: bytes.millis()?, interval_ms: bytes.number()? };
    let (grace_ms, keep_ms, generation, version) = (bytes.number()?, bytes.number()?, bytes.number()?, bytes.number()?);
    let _size: u32 = bytes.number()?;
    let index_until = bytes.millis()?;
    let _horizon = bytes.millis()?;
    let secret = SecretHash(bytes.take()?);
    let [operations] = bytes.take()?;
    let rotation = match rotated {
        0 => None,
        1 => Some(rotation(bytes)?),
        _ => return None,
    };
    skip_operations(bytes, operations)?;
    if state == PARKED {
        return Some(Stored::Parked);
    }
    if state != 0 {
        let previous = rotation.map(|rotation| rotation.previous);
        return Some(Stored::Ended(Tombstone { reason: EndReason::from_code(state)?, secret, previous }));
    }
    let (user, client) = read_tail(bytes)?;
    let meta = Meta {
        created,
        since,
        touched,
        spans,
        grace_ms,
        generation,
        version,
        index_until,
        secret,
        rotation,
        user,
        client,
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

#[cfg(test)]
mod tests;
