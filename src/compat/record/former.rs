//! Moving records here from the application's former store.
//!
//! A record is created here first, with a mark, and deleted there last. If this is interrupted, one of the two stores
//! has the record, and the next load of the id finishes the move. An id that is known here, also as ended, is never
//! read there, so no ended session is moved.

#![allow(clippy::future_not_send)] // as the former store's are: those of tower-sessions' stores can be sent

use std::error::Error as StdError;
use std::future::Future;

use super::{Kept, KeptRecord, RECORD, RecordContent, RecordError, RecordKey, RecordUser, Records};
use crate::end::EndReason;
use crate::fields::Delta;
use crate::fields::codec::{encode_bytes, encode_value};

/// The field that marks a record that the former store may still have.
pub(super) const MOVING: &str = "moving";

/// The cause in an error of the former store.
pub(in crate::compat) type Cause = Box<dyn StdError + Send + Sync>;

/// A record of the former store.
pub(in crate::compat) struct Former {
    /// Its user, if readable.
    pub(in crate::compat) user: RecordUser,
    pub(in crate::compat) content: RecordContent,
}

/// One id in the former store.
pub(in crate::compat) trait FormerRecord {
    /// Reads the record, unless it has expired.
    fn read(&self) -> impl Future<Output = Result<Option<Former>, RecordError>>;

    /// Deletes the record; no effect if missing.
    fn delete(&self) -> impl Future<Output = Result<(), RecordError>>;
}

impl Records {
    /// The live session that this id leads to; moved here now if only the former store has it.
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
                // A server of the former version may have written it again. The result does not depend on it.
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
        // If it was not created here, another request may have moved or ended it.
        match self.look(key).await? {
            KeptRecord::Live(kept) if made || is_moving(&kept) => self.finish(kept, former).await,
            found => Ok(found.live()),
        }
    }

    /// Logs in the user of a moved record, deletes the record in the former store, and removes the mark.
    ///
    /// If the user is at a cap that rejects, the session is not moved; it opens when there is room.
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

    /// Ends the session that this id leads to, as logged out, and deletes the record in the former store. A record that
    /// only the former store has is ended here too, so that no request that has read it there moves it later.
    pub(in crate::compat) async fn log_out_at(
        &self,
        key: RecordKey,
        former: Option<&impl FormerRecord>,
    ) -> Result<(), RecordError> {
        let reason = EndReason::LoggedOut;
        let Some(former) = former else { return self.end_at(key, reason).await };
        if matches!(self.look(key).await?, KeptRecord::Absent)
            && let Some(Former { content, .. }) = former.read().await?
        {
            let empty = RecordContent { stored: encode_value(RECORD, &())?, ..content };
            self.make(key, None, &empty).await?;
        }
        self.end_at(key, reason).await?;
        former.delete().await
    }

    /// The mark, if a second field fits.
    fn mark(&self) -> Option<(String, Option<Vec<u8>>)> {
        let has_room = self.sessions.settings().limits.fields > 1;
        has_room.then(|| (MOVING.to_owned(), Some(encode_bytes(&[]))))
    }
}

fn is_moving(kept: &Kept) -> bool {
    kept.field(MOVING).is_some()
}

/// Whether it is unchanged since its creation; a later write has determined its user itself.
fn is_untouched(kept: &Kept) -> bool {
    kept.door.is_none() && kept.session.meta.user.is_none() && kept.session.meta.version == 1
}
