//! The blocks after the head: one for each critical flag that has one, in the order of the flags.

use crate::identity::csrf::CsrfDigest;
use crate::identity::id::SessionId;
use crate::identity::token::SecretHash;
use crate::store::redis::layout::constants::{FORMER, ROTATED, ROTATION_LEN, SUCCESSOR};
use crate::store::redis::layout::meta::Reader;
use crate::store::{FormerCsrf, Rotation};

/// The bytes of an id.
const ID: usize = 16;

/// The decoded blocks.
pub(crate) struct Blocks {
    pub(crate) rotation: Option<Rotation>,
    pub(crate) successor: Option<SessionId>,
}

impl Blocks {
    pub(crate) fn read(critical: u8, bytes: &mut Reader<'_>) -> Option<Self> {
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

/// The undecoded bytes of all blocks.
pub(crate) fn slice<'a>(critical: u8, bytes: &mut Reader<'a>) -> Option<&'a [u8]> {
    let mut length = 0;
    if critical & ROTATED != 0 {
        length += ROTATION_LEN + FORMER * usize::from(*bytes.0.get(ROTATION_LEN - 1)?);
    }
    if critical & SUCCESSOR != 0 {
        length += ID;
    }
    bytes.slice(length)
}
