//! A tombstone, as `lua/lib/bury.lua` would make it.

use super::{Head, Written};
use crate::clock::Millis;
use crate::end::EndReason;
use crate::store::Op;
use crate::store::redis::answer::Code;

/// Where the head has its state, and the last use: in a tombstone the time of the end.
const STATE: usize = 1;
const TOUCHED: usize = 15;

/// A session's tombstone but for the time, which only the server knows.
pub(in super::super) struct Buried(Vec<u8>);

impl Buried {
    /// Of a live session that this operation ends; `None` for bytes that are none.
    pub(in super::super) fn of(head: &Head, packed: &[u8], reason: EndReason, op: Op, now: Millis) -> Option<Self> {
        let Head { version, size, .. } = *head;
        let written = Written { op, now, version, size, answer: &[Code::Ok as u8] };
        let (mut tombstone, _) = written.without_tail(packed)?;
        tombstone[STATE] = reason.code();
        Some(Self(tombstone))
    }

    /// What stands before that time, and what after it.
    pub(in super::super) fn around_time(&self) -> [&[u8]; 2] {
        [&self.0[..TOUCHED], &self.0[TOUCHED + 6..]]
    }
}
