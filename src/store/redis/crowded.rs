//! Which sessions several write to at once: there a swap would mostly find that another came first.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::SessionId;

/// So many sessions are noted at a time; one more takes another's place, which costs that one a swap in vain.
const PLACES: usize = 256;
/// After a swap in vain so many writes of that session go without: then one in 16 is in vain at worst.
const SKIPS: u64 = 15;

/// The sessions whose last swap was in vain, each with the number of writes that are yet to go without.
#[derive(Debug)]
pub(super) struct Crowded([AtomicU64; PLACES]);

impl Crowded {
    pub(super) fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    /// A swap was in vain.
    pub(super) fn note(&self, id: SessionId) {
        let (place, tag) = self.place(id);
        place.store(tag | SKIPS, Ordering::Relaxed);
    }

    /// Whether a write should go without a swap. Counts it.
    pub(super) fn skips(&self, id: SessionId) -> bool {
        let (place, tag) = self.place(id);
        let held = place.load(Ordering::Relaxed);
        let skips = held & !SKIPS == tag && held & SKIPS > 0;
        if skips {
            // Two at once may count as one: it is an estimate anyway.
            place.store(held - 1, Ordering::Relaxed);
        }
        skips
    }

    fn place(&self, id: SessionId) -> (&AtomicU64, u64) {
        let [_, _, _, _, _, _, _, _, random @ ..] = id.as_bytes();
        let number = u64::from_be_bytes(*random);
        (&self.0[number as usize % PLACES], number & !SKIPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Bucket;

    #[test]
    fn after_a_swap_in_vain_fifteen_writes_of_that_session_go_without() {
        let crowded = Crowded::new();
        let [id, other] = [1, 2].map(|_| SessionId::mint(Bucket::random().expect("random")).expect("random"));
        assert!(!crowded.skips(id));
        crowded.note(id);
        assert!(!crowded.skips(other));
        assert_eq!((0..40).filter(|_| crowded.skips(id)).count(), 15);
        crowded.note(id);
        assert!(crowded.skips(id));
    }
}
