//! The metadata after a write of fields, as `lua/lib/ring.lua` and `lua/lib/meta.lua` would write it.

use super::{MetaHead, Reader, blocks};
use crate::store::Op;
use crate::store::redis::layout::constants::{HEAD_LEN, RING, offset};
use crate::util::clock::Millis;

const VERSION: usize = offset("version");
const SIZE: usize = offset("size");
const HORIZON: usize = offset("horizon");
const OPERATIONS: usize = offset("operations");

/// A completed write of fields.
pub(crate) struct Written<'a> {
    pub(crate) op: Op,
    /// The server's time, as far as known: operations past their not-after are dropped.
    pub(crate) now: Millis,
    pub(crate) version: u32,
    pub(crate) size: u32,
    /// Code and content of the reply to a repeat.
    pub(crate) answer: &'a [u8],
}

impl Written<'_> {
    /// A live session's metadata after this write; `None` for invalid bytes.
    pub(crate) fn after(&self, packed: &[u8]) -> Option<Vec<u8>> {
        let (mut after, tail) = self.without_tail(packed, &[])?;
        after.extend_from_slice(tail);
        Some(after)
    }

    /// The same up to the tail, with one more block, and the tail.
    pub(crate) fn without_tail<'a>(&self, packed: &'a [u8], block: &[u8]) -> Option<(Vec<u8>, &'a [u8])> {
        let mut rest = Reader(packed);
        let head = MetaHead::read(&mut rest)?;
        let blocks = blocks::slice(head.critical, &mut rest)?;
        let mut ring = operations(&mut rest, head.operations)?;
        let mut horizon = head.horizon;
        ring.retain(|(not_after, _)| {
            horizon = if *not_after < self.now { horizon.max(*not_after) } else { horizon };
            *not_after >= self.now
        });
        let own = self.operation()?;
        ring.push((self.op.not_after, &own));
        while ring.len() > RING {
            horizon = horizon.max(ring.remove(0).0);
        }
        let mut after = Vec::with_capacity(packed.len() + block.len() + own.len());
        after.extend_from_slice(&packed[..HEAD_LEN]);
        after[VERSION..VERSION + 4].copy_from_slice(&self.version.to_be_bytes());
        after[SIZE..SIZE + 4].copy_from_slice(&self.size.to_be_bytes());
        after[HORIZON..HORIZON + 6].copy_from_slice(&six_bytes(horizon));
        after[OPERATIONS] = ring.len() as u8;
        after.extend_from_slice(blocks);
        after.extend_from_slice(block);
        ring.iter().for_each(|(_, operation)| after.extend_from_slice(operation));
        Some((after, rest.0))
    }

    /// This write's entry in the ring.
    fn operation(&self) -> Option<Vec<u8>> {
        let length = u8::try_from(self.answer.len()).ok()?;
        Some([&self.op.id[..], &six_bytes(self.op.not_after), &[length], self.answer].concat())
    }
}

/// The ring: each operation's not-after and bytes.
fn operations<'a>(rest: &mut Reader<'a>, count: u8) -> Option<Vec<(Millis, &'a [u8])>> {
    let mut ring = Vec::with_capacity(RING + 1);
    for _ in 0..count {
        let mut peek = Reader(rest.0);
        let _id = peek.slice(8)?;
        let not_after = peek.millis()?;
        let [length] = peek.take()?;
        ring.push((not_after, rest.slice(15 + usize::from(length))?));
    }
    Some(ring)
}

pub(crate) fn six_bytes(ms: Millis) -> [u8; 6] {
    let [_, _, six @ ..] = ms.to_be_bytes();
    six
}
