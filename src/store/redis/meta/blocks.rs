//! What follows the head: a block for each critical flag that has one, in the order of the flags.

use super::Reader;
use crate::csrf::CsrfDigest;
use crate::id::SessionId;
use crate::store::{FormerCsrf, Rotation};
use crate::token::SecretHash;

/// The secret was replaced. Block: a [`Rotation`], then a count and as many digests of CSRF tokens from before earlier
/// rotations, 16 bytes each, with the times of those rotations.
const ROTATED: u8 = 1;
/// A login made a session in this one's place. Block: its id.
pub(super) const SUCCESSOR: u8 = 2;
/// A tombstone whose expiry is set once: a drop-in store's first session, which points to the user's. No block.
const DOOR: u8 = 4;
/// The others change which sessions live, or add a block of unknown length. 8, 16 and 32 are reserved for end events:
/// observed, owed, aside.
pub(super) const KNOWN: u8 = ROTATED | SUCCESSOR | DOOR;

/// The bytes of a rotation and its count, and of each digest with its time.
const ROTATION: usize = 45;
const FORMER: usize = 22;
/// The bytes of an id.
const ID: usize = 16;

/// All blocks, read.
pub(super) struct Blocks {
    pub(super) rotation: Option<Rotation>,
    pub(super) successor: Option<SessionId>,
}

impl Blocks {
    pub(super) fn read(critical: u8, bytes: &mut Reader<'_>) -> Option<Self> {
        let rotation = if critical & ROTATED == 0 { None } else { Some(rotation(bytes)?) };
        let successor = if critical & SUCCESSOR == 0 { None } else { Some(SessionId::from_bytes(bytes.take()?)?) };
        Some(Self { rotation, successor })
    }
}

fn rotation(bytes: &mut Reader<'_>) -> Option<Rotation> {
    let previous = SecretHash(bytes.take()?);
    let at = bytes.millis()?;
    let used = bytes.millis()?;
    let [count] = bytes.take()?;
    let former = (0..count).map(|_| former(bytes)).collect::<Option<_>>()?;
    Some(Rotation { previous, at, used: (used != 0).then_some(used), former })
}

fn former(bytes: &mut Reader<'_>) -> Option<FormerCsrf> {
    Some(FormerCsrf { digest: CsrfDigest(bytes.take()?), at: bytes.millis()? })
}

/// All blocks, passed on as they are.
pub(super) fn slice<'a>(critical: u8, bytes: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut length = 0;
    if critical & ROTATED != 0 {
        length += ROTATION + FORMER * usize::from(*bytes.0.get(ROTATION - 1)?);
    }
    if critical & SUCCESSOR != 0 {
        length += ID;
    }
    bytes.slice(length)
}
