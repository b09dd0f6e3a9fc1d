//! From an id to its record, which a login without a new id has moved into the user's bucket.
//!
//! A user's sessions lie in the user's bucket, but a record that names a user in the middle of its life has an id that
//! leads elsewhere. So its first session stays, as a door: it holds the id of the user's session, where the record is
//! from then on. The door is what a delete ends, and the user's session what a revocation ends; either is the end.

use crate::codec::{decode_bytes, encode_bytes};
use crate::compat::record::{Kept, Place, RECORD, Records};
use crate::error::Error;
use crate::fields::Delta;
use crate::id::SessionId;

/// The field of a door: 16 bytes of session id.
const MOVED: &str = "moved_to";

/// The live sessions that an id leads to.
#[derive(Debug)]
pub(super) struct Located {
    /// The one whose place follows from the id.
    pub(super) first: Kept,
    /// Where that one is a door, the one that has the record; `None` behind it if that has ended.
    pub(super) behind: Option<Option<Kept>>,
}

impl Located {
    /// The session that has the record; `None` if it has ended.
    pub(super) const fn kept(&self) -> Option<&Kept> {
        match &self.behind {
            None => Some(&self.first),
            Some(behind) => behind.as_ref(),
        }
    }

    /// Keeps what was loaded for the request's write.
    pub(super) fn remember(self, records: &Records) {
        records.remember(self.first);
        if let Some(Some(behind)) = self.behind {
            records.remember(behind);
        }
    }
}

/// What is at this place and behind it.
pub(super) async fn locate(records: &Records, place: Place) -> Result<Option<Located>, Error> {
    let Some(first) = records.find(place).await? else { return Ok(None) };
    let behind = match first.field(MOVED) {
        None => None,
        Some(stored) => Some(records.find(Place { id: target(stored)?, ..place }).await?),
    };
    Ok(Some(Located { first, behind }))
}

/// The same as it was loaded by this process; `None` where part of it was not.
pub(super) fn recall(records: &Records, place: Place) -> Option<Located> {
    let first = records.recall(place)?;
    let behind = match first.field(MOVED) {
        None => None,
        Some(stored) => Some(Some(records.recall(Place { id: target(stored).ok()?, ..place })?)),
    };
    Some(Located { first, behind })
}

fn target(stored: &[u8]) -> Result<SessionId, Error> {
    let bytes = decode_bytes(MOVED, stored)?.try_into().ok();
    bytes.and_then(SessionId::from_bytes).ok_or(Error::Unreadable("it leads to no session"))
}

/// What makes a session a door to this one.
pub(super) fn door_to(id: SessionId) -> Delta {
    let moved = (MOVED.to_owned(), Some(encode_bytes(id.as_bytes())));
    Delta { clear: false, changes: vec![moved, (RECORD.to_owned(), None)] }
}
