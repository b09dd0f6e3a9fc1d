//! Sessions with several concurrent writers, for which a swap would mostly fail.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::identity::id::SessionId;

/// Number of sessions tracked; one more replaces another, which occasionally costs a failed swap.
const PLACES: usize = 256;
/// A failed swap costs a tenth of what a successful one saves, so swaps are skipped only after this many failures in a
/// row.
const PATIENCE: u64 = 3;
/// The counter's bits, and its value when swaps are first skipped; each write without a swap decrements it.
const COUNTER: u64 = 15;

/// The sessions whose last swaps failed. An estimate: two concurrent counts may count once.
pub(crate) struct Contention(Box<[AtomicU64; PLACES]>);

impl fmt::Debug for Contention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contention(..)")
    }
}

impl Contention {
    pub(crate) fn new() -> Self {
        Self(Box::new([const { AtomicU64::new(0) }; PLACES]))
    }

    /// Records the result of a swap.
    pub(crate) fn note(&self, id: SessionId, in_vain: bool) {
        let (place, tag) = self.place(id);
        let in_a_row = Self::count(place, tag);
        match in_a_row {
            0 if !in_vain => {}
            _ if !in_vain => place.store(0, Ordering::Relaxed),
            row if row + 1 >= PATIENCE => place.store(tag | COUNTER, Ordering::Relaxed),
            row => place.store(tag | (row + 1), Ordering::Relaxed),
        }
    }

    /// Whether a write should skip the swap; decrements the counter.
    pub(crate) fn skips(&self, id: SessionId) -> bool {
        let (place, tag) = self.place(id);
        let count = Self::count(place, tag);
        let skips = count >= PATIENCE;
        if skips {
            place.store(tag | (count - 1), Ordering::Relaxed);
        }
        skips
    }

    fn count(place: &AtomicU64, tag: u64) -> u64 {
        let held = place.load(Ordering::Relaxed);
        if held & !COUNTER == tag { held & COUNTER } else { 0 }
    }

    fn place(&self, id: SessionId) -> (&AtomicU64, u64) {
        let [_, _, _, _, _, _, _, _, random @ ..] = id.as_bytes();
        let number = u64::from_be_bytes(*random);
        (&self.0[number as usize % PLACES], number & !COUNTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::id::Bucket;

    #[test]
    fn after_three_failed_swaps_thirteen_writes_skip_between_tries() {
        let contention = Contention::new();
        let [id, other] = [1, 2].map(|_| SessionId::mint(Bucket::random().expect("random")).expect("random"));
        for in_vain in [true, true, false, true, true] {
            assert!(!contention.skips(id));
            contention.note(id, in_vain);
        }
        for _ in 0..3 {
            assert!(!contention.skips(id));
            contention.note(id, true);
            assert!(!contention.skips(other));
            assert_eq!((0..13).filter(|_| contention.skips(id)).count(), 13);
        }
        assert!(!contention.skips(id));
        contention.note(id, false);
        contention.note(id, true);
        assert!(!contention.skips(id), "it is alone again");
    }
}
