//! A tombstone, as `lua/lib/tombstone.lua` would write it.

use super::{CRITICAL, MetaHead, Written};
use crate::end::EndReason;
use crate::identity::id::SessionId;
use crate::store::Op;
use crate::store::redis::layout::constants::{SUCCESSOR, offset};
use crate::store::redis::script::reply::Code;
use crate::util::clock::Millis;

const STATE: usize = offset("state");
/// The last use; in a tombstone the time of the end.
const TOUCHED: usize = offset("touched");

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
