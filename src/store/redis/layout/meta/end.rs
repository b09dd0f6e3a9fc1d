//! A tombstone, as `lua/lib/bury.lua` would write it.

use super::{CRITICAL, MetaHead, Written};
use crate::end::EndReason;
use crate::identity::id::SessionId;
use crate::store::Op;
use crate::store::redis::layout::meta::blocks::SUCCESSOR;
use crate::store::redis::script::reply::Code;
use crate::util::clock::Millis;

/// The positions of the state and of the last use in the head; in a tombstone the latter is the time of the end.
const STATE: usize = 1;
const TOUCHED: usize = 16;

/// A session's tombstone without the time, which only the server knows.
pub(crate) struct Buried(Vec<u8>);

impl Buried {
    /// For a live guest session that this login ends, with its successor; `None` for invalid bytes.
    pub(crate) fn of(head: &MetaHead, packed: &[u8], successor: SessionId, op: Op, now: Millis) -> Option<Self> {
        let MetaHead { version, size, .. } = *head;
        let written = Written { op, now, version, size, answer: &[Code::Ok as u8] };
        let (mut tombstone, _) = written.without_tail(packed, successor.as_bytes())?;
        tombstone[STATE] = EndReason::LoggedIn.code();
        tombstone[CRITICAL] |= SUCCESSOR;
        Some(Self(tombstone))
    }

    /// The parts before and after that time.
    pub(crate) fn around_time(&self) -> [&[u8]; 2] {
        [&self.0[..TOUCHED], &self.0[TOUCHED + 6..]]
    }
}
