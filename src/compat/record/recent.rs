//! Recently loaded sessions, for the writes of the same requests. The traits pass only the record to a save, so the
//! session would otherwise have to be loaded again.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Kept, RecordKey};

/// Number of sessions kept; one more replaces another, whose write then needs a load.
const PLACES: usize = 256;
/// Larger sessions are not kept, so that all together take about a megabyte.
const MOST_BYTES: usize = 4 * 1024;

/// The sessions as last loaded. Reads are never served from here, and writes are compared with the stored session.
pub(super) struct Recent(Box<[Mutex<Option<Kept>>; PLACES]>);

impl Default for Recent {
    fn default() -> Self {
        Self(Box::new([const { Mutex::new(None) }; PLACES]))
    }
}

impl fmt::Debug for Recent {
    /// Without the sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent(..)")
    }
}

impl Recent {
    pub(super) fn put(&self, kept: Kept) {
        if kept.fields.size() <= MOST_BYTES {
            let mut slot = self.slot(kept.entrance());
            *slot = Some(kept);
        }
    }

    /// Removes it: after a write it is out of date.
    pub(super) fn take(&self, key: RecordKey) -> Option<Kept> {
        self.slot(key).take_if(|kept| kept.entrance() == key)
    }

    fn slot(&self, key: RecordKey) -> MutexGuard<'_, Option<Kept>> {
        let [.., random] = key.id.as_bytes();
        self.0[usize::from(*random)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::kept;
    use super::*;
    use crate::identity::id::{Bucket, SessionId};

    fn id() -> SessionId {
        SessionId::mint(Bucket::random().expect("random")).expect("random")
    }

    #[test]
    fn a_recent_record_is_taken_once_and_only_with_its_secret() {
        let (recent, id) = (Recent::default(), id());
        recent.put(kept(id, 1, 10));
        assert!(recent.take(kept(id, 2, 10).key()).is_none(), "another secret");
        assert!(recent.take(kept(id, 1, 10).key()).is_some());
        assert!(recent.take(kept(id, 1, 10).key()).is_none());
    }

    #[test]
    fn the_number_and_size_of_recent_records_are_limited() {
        let recent = Recent::default();
        let places: Vec<_> = std::iter::repeat_with(|| kept(id(), 1, 10)).take(3 * PLACES).collect();
        for kept in &places {
            recent.put(kept.clone());
        }
        assert!(places.iter().filter(|kept| recent.take(kept.key()).is_some()).count() <= PLACES);
        let large = kept(id(), 1, MOST_BYTES);
        recent.put(large.clone());
        assert!(recent.take(large.key()).is_none());
    }
}
