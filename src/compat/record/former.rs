//! Moving records here from the store that the application used before.
//!
//! A record is made here first and deleted there last, with a mark on it in between: whatever is cut off on the way, the
//! record is in one of the two stores, and the next load of the same id finishes. An id that is known here, also as
//! ended, is never read there, so nothing that has ended is moved.

#![allow(clippy::future_not_send)] // as the former store's are: those of tower-sessions' stores can be sent

use std::error::Error as StdError;
use std::future::Future;

use super::{Kept, KeptRecord, RECORD, RecordContent, RecordError, RecordKey, RecordUser, Records};
use crate::end::EndReason;
use crate::fields::Delta;
use crate::fields::codec::{encode_bytes, encode_value};

/// The field of a record that may still be in the former store too.
pub(super) const MOVING: &str = "moving";

/// What an error of the former store is turned into.
pub(in crate::compat) type Cause = Box<dyn StdError + Send + Sync>;

/// A record of the former store.
pub(in crate::compat) struct Former {
    /// Whose it is, if that can be read.
    pub(in crate::compat) user: RecordUser,
    pub(in crate::compat) content: RecordContent,
}

/// One id in the former store.
pub(in crate::compat) trait FormerRecord {
    /// The record there, if its time is not over.
    fn read(&self) -> impl Future<Output = Result<Option<Former>, RecordError>>;

    /// Deletes it there; does nothing if it is not there.
    fn delete(&self) -> impl Future<Output = Result<(), RecordError>>;
}

impl Records {
    /// The live session that this id leads to, moved here now if the id is only known in the former store.
    pub(in crate::compat) async fn find_or_move(
        &self,
        key: RecordKey,
        former: Option<&impl FormerRecord>,
    ) -> Result<Option<Kept>, RecordError> {
        let found = self.look(key).await?;
        match (found, former) {
            (found, None) => Ok(found.live()),
            (KeptRecord::Live(kept), Some(former)) if is_moving(&kept) => self.finish(kept, former).await,
            (KeptRecord::Live(kept), Some(_)) => Ok(Some(kept)),
            (KeptRecord::Ended, Some(former)) => {
                // A server of the version before may have written it again. The answer does not depend on it.
                if let Err(error) = former.delete().await {
                    tracing::debug!(%error, "ended session not deleted in the old store");
                }
                Ok(None)
            }
            (KeptRecord::Absent, Some(former)) => self.move_here(key, former).await,
        }
    }

    async fn move_here(&self, key: RecordKey, former: &impl FormerRecord) -> Result<Option<Kept>, RecordError> {
        let made = match former.read().await? {
            Some(Former { user: Err(error), .. }) => return Err(error.into()),
            Some(Former { content, .. }) => self.make_with(key, None, &content, self.mark()).await?,
            None => false,
        };
        // If it was not made here, another request may have moved or ended it meanwhile.
        match self.look(key).await? {
            KeptRecord::Live(kept) if made || is_moving(&kept) => self.finish(kept, former).await,
            found => Ok(found.live()),
        }
    }

    /// Logs the user of a moved record in, deletes it in the former store, and takes the mark away.
    ///
    /// A session of a user who has as many as a cap that rejects allows is not moved, and opens when there is room.
    async fn finish(&self, kept: Kept, former: &impl FormerRecord) -> Result<Option<Kept>, RecordError> {
        let key = kept.entrance();
        let moved = former.read().await?;
        if let Some(Former { user, content }) = moved
            && is_untouched(&kept)
            && let Some(user) = user?
        {
            match self.log_in_here(&kept, &user, &content).await {
                Err(RecordError::AtCap) => {
                    tracing::warn!(id = %key.id, "session not moved from the old store: its user has reached the maximum number of sessions");
                    return Ok(None);
                }
                Ok(_) => {}
                Err(failure) => return Err(failure),
            }
        }
        former.delete().await?;
        let Some(kept) = self.find(key).await? else { return Ok(None) };
        if !is_moving(&kept) {
            return Ok(Some(kept));
        }
        self.save(&kept, None, Delta { clear: false, changes: vec![(MOVING.to_owned(), None)] }).await?;
        Ok(self.find(key).await?)
    }

    /// Ends the session that this id leads to and deletes the record in the former store. One that is only there ends
    /// here too, so that no request that has read it there moves it afterwards.
    pub(in crate::compat) async fn end_in_both(
        &self,
        key: RecordKey,
        former: &impl FormerRecord,
        reason: EndReason,
    ) -> Result<(), RecordError> {
        if matches!(self.look(key).await?, KeptRecord::Absent)
            && let Some(Former { content, .. }) = former.read().await?
        {
            let empty = RecordContent { stored: encode_value(RECORD, &())?, ..content };
            self.make(key, None, &empty).await?;
        }
        self.end_at(key, reason).await?;
        former.delete().await
    }

    /// The mark, as far as there is room for a second field.
    fn mark(&self) -> Option<(String, Option<Vec<u8>>)> {
        let has_room = self.sessions.settings().limits.fields > 1;
        has_room.then(|| (MOVING.to_owned(), Some(encode_bytes(&[]))))
    }
}

fn is_moving(kept: &Kept) -> bool {
    kept.field(MOVING).is_some()
}

/// Whether it is as it was made: what was written since says itself whose it is.
fn is_untouched(kept: &Kept) -> bool {
    kept.door.is_none() && kept.meta.user.is_none() && kept.meta.version == 1
}
