//! From an id to its record, which a login without a new id has moved into the user's bucket.
//!
//! A user's sessions lie in the user's bucket, but a record that names a user in the middle of its life has an id that
//! leads elsewhere. So its first session stays, as a door: it holds the id of the user's session, where the record is
//! from then on. The door is what a delete ends, and the user's session what a revocation ends; either is the end.

use super::{Content, Failure, Kept, Place, RECORD, Records, Seen};
#[cfg(feature = "actix-session")]
use crate::clock::Millis;
use crate::codec::{decode_bytes, encode_bytes};
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::id::{SessionId, UserHash};

/// The field of a door: 16 bytes of session id.
const MOVED: &str = "moved_to";

/// The live sessions that an id leads to.
#[derive(Debug)]
pub(in crate::compat) struct Located {
    /// The one whose place follows from the id.
    pub(in crate::compat) first: Kept,
    /// Where that one is a door, the one that has the record; `None` behind it if that has ended.
    pub(in crate::compat) behind: Option<Option<Kept>>,
}

/// What an id leads to.
#[derive(Debug)]
pub(in crate::compat) enum Found {
    Live(Located),
    /// It has ended, or another secret opens it.
    Ended,
    /// Nothing is known of it.
    Absent,
}

impl Found {
    pub(in crate::compat) fn live(self) -> Option<Located> {
        match self {
            Self::Live(located) => Some(located),
            Self::Ended | Self::Absent => None,
        }
    }
}

impl Located {
    /// A session that is no door.
    #[cfg(feature = "actix-session")]
    pub(in crate::compat) const fn alone(first: Kept) -> Self {
        Self { first, behind: None }
    }

    /// The session that has the record; `None` if it has ended.
    pub(in crate::compat) const fn kept(&self) -> Option<&Kept> {
        match &self.behind {
            None => Some(&self.first),
            Some(behind) => behind.as_ref(),
        }
    }

    /// Keeps what was loaded for the request's write.
    pub(in crate::compat) fn remember(self, records: &Records) {
        records.remember(self.first);
        if let Some(Some(behind)) = self.behind {
            records.remember(behind);
        }
    }
}

impl Records {
    /// What is at this place and behind it.
    pub(in crate::compat) async fn locate(&self, place: Place) -> Result<Found, Error> {
        let first = match self.look(place).await? {
            Seen::Live(first) => first,
            Seen::Ended => return Ok(Found::Ended),
            Seen::Absent => return Ok(Found::Absent),
        };
        let behind = match first.field(MOVED) {
            None => None,
            Some(stored) => Some(self.find(Place { id: target(stored)?, ..place }).await?),
        };
        Ok(Found::Live(Located { first, behind }))
    }

    /// Whether nothing is known of this place, not even an end.
    #[cfg(feature = "actix-session")]
    pub(in crate::compat) async fn is_unknown(&self, place: Place) -> Result<bool, Error> {
        Ok(matches!(self.locate(place).await?, Found::Absent))
    }

    /// The same as it was loaded by this process; `None` where part of it was not.
    pub(in crate::compat) fn recall_located(&self, place: Place) -> Option<Located> {
        let first = self.recall(place)?;
        let behind = match first.field(MOVED) {
            None => None,
            Some(stored) => Some(Some(self.recall(Place { id: target(stored).ok()?, ..place })?)),
        };
        Some(Located { first, behind })
    }

    /// Notes a use of both.
    pub(in crate::compat) async fn touch_located(&self, located: &Located) {
        self.touch(&located.first).await;
        if let Some(Some(behind)) = &located.behind {
            self.touch(behind).await;
        }
    }

    /// Writes the record, and has the door last as long. `None` if the session has ended; false if it was written since
    /// it was loaded as this version.
    pub(in crate::compat) async fn write_located(
        &self,
        located: &Located,
        version: Option<u32>,
        content: &Content,
    ) -> Result<Option<bool>, Failure> {
        let Some(kept) = located.kept() else { return Ok(None) };
        let written = self.write(kept, version, content).await?;
        if located.behind.is_some() && written == Some(true) && !self.last(&located.first, content.left_ms).await? {
            return Ok(None);
        }
        Ok(written)
    }

    /// Has both live this long from now. False if either has ended.
    #[cfg(feature = "actix-session")]
    pub(in crate::compat) async fn last_located(&self, located: &Located, left_ms: Millis) -> Result<bool, Failure> {
        let Some(kept) = located.kept() else { return Ok(false) };
        Ok(self.last(kept, left_ms).await? && (located.behind.is_none() || self.last(&located.first, left_ms).await?))
    }

    /// Logs a user in to a session under the id that it has: makes the user's session, then the first one a door to it,
    /// then ends the one that was behind the door. False if the first one has ended; `None` if it was written meanwhile.
    ///
    /// In this order, so that the id leads to one of them at every moment. A crash on the way leaves one in the index
    /// that no id leads to, until its timeouts.
    pub(in crate::compat) async fn move_in(
        &self,
        located: &Located,
        user: &str,
        content: &Content,
    ) -> Result<Option<bool>, Failure> {
        let first = &located.first;
        let id = SessionId::mint(UserHash::of(user).bucket()).map_err(Error::from)?;
        let place = Place { id, ..first.place };
        if !self.make(place, Some(user), content).await? {
            return Ok(None);
        }
        let opened = self.save(first, Some(first.meta.version), door_to(id)).await;
        if !matches!(opened, Ok(Some(true)))
            && let Some(orphan) = self.find(place).await?
        {
            self.end(&orphan, EndReason::Invalidated).await?;
        }
        match opened? {
            Some(true) => {}
            Some(false) => return Ok(None),
            None => return Ok(Some(false)),
        }
        if let Some(Some(before)) = &located.behind {
            self.end(before, EndReason::LoggedIn).await?;
        }
        Ok(Some(self.last(first, content.left_ms).await?))
    }

    /// The one behind the door first: should the second end fail, the id leads to both again.
    pub(in crate::compat) async fn end_located(&self, located: &Located, reason: EndReason) -> Result<(), Failure> {
        if let Some(Some(behind)) = &located.behind {
            self.end(behind, reason).await?;
        }
        self.end(&located.first, reason).await
    }
}

fn target(stored: &[u8]) -> Result<SessionId, Error> {
    let bytes = decode_bytes(MOVED, stored)?.try_into().ok();
    bytes.and_then(SessionId::from_bytes).ok_or(Error::Unreadable("it leads to no session"))
}

/// What makes a session a door to this one.
fn door_to(id: SessionId) -> Delta {
    let moved = (MOVED.to_owned(), Some(encode_bytes(id.as_bytes())));
    Delta { clear: false, changes: vec![moved, (RECORD.to_owned(), None)] }
}
