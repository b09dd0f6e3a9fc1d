//! What the two lines' traits share: make, put, get and end a record.

use time::OffsetDateTime;

use super::id::ForeignId;
use super::located::{Located, door_to, locate};
use super::record::{Unkept, content, read};
use super::{State, Store};
use crate::compat::record::{Content, Kept, MINTS, Place, RECORD, too_late};
use crate::end::EndReason;
use crate::error::{Error, Outage};
use crate::id::{SessionId, UserHash};

/// Most times that a login into a session is tried again because another request wrote to it.
const TRIES: usize = 16;

impl Store {
    /// Stores a new record, and answers its id: a user's has to lead to the user's bucket.
    pub(super) async fn make(
        &self,
        id: ForeignId,
        state: &State,
        expires: OffsetDateTime,
    ) -> Result<ForeignId, Unkept> {
        let Some(content) = content(state, expires)? else { return Ok(id) };
        let user = self.named(state);
        let bucket = user.as_deref().map(|user| UserHash::of(user).bucket());
        let mut id = if bucket.is_some() { ForeignId::mint(bucket)? } else { id };
        for _ in 0..MINTS {
            if self.records.make(id.place(), user.as_deref(), &content).await? {
                return Ok(id);
            }
            id = ForeignId::mint(bucket)?;
        }
        Err(Error::Unavailable(Outage::new("new ids in a row were taken")).into())
    }

    /// Replaces a record, if its session lives.
    pub(super) async fn put(&self, id: ForeignId, state: &State, expires: OffsetDateTime) -> Result<(), Unkept> {
        let place = id.place();
        let content = content(state, expires)?;
        let user = self.named(state);
        for _ in 0..TRIES {
            let Some(located) = locate(&self.records, place).await? else { break };
            let Some(kept) = located.kept() else { break };
            let Some(content) = &content else { return self.end_located(&located, EndReason::Expired).await };
            let done = match &user {
                Some(user) if kept.meta.user.as_ref() != Some(user) => self.move_in(&located, user, content).await?,
                Some(_) | None => Some(self.write(&located, kept, content).await?),
            };
            match done {
                Some(true) => return Ok(()),
                Some(false) => break,
                None => {}
            }
        }
        too_late(place.id);
        Ok(())
    }

    /// Writes the record, and has the door last as long. False if the session has ended.
    async fn write(&self, located: &Located, kept: &Kept, content: &Content) -> Result<bool, Unkept> {
        let written = self.records.write(kept, content).await?;
        Ok(written && (located.behind.is_none() || self.records.last(&located.first, content.left_ms).await?))
    }

    /// Logs a user into a session under the id that it has: makes the user's session, then the first one a door to it,
    /// then ends the one that was behind the door. False if the first one has ended; `None` if it was written meanwhile.
    ///
    /// In this order, so that the id leads to one of them at every moment. A crash on the way leaves one in the index
    /// that no id leads to, until its timeouts.
    async fn move_in(&self, located: &Located, user: &str, content: &Content) -> Result<Option<bool>, Unkept> {
        let first = &located.first;
        let id = SessionId::mint(UserHash::of(user).bucket())?;
        let place = Place { id, ..first.place };
        if !self.records.make(place, Some(user), content).await? {
            return Ok(None);
        }
        let opened = self.records.save(first, Some(first.meta.version), door_to(id)).await;
        if !matches!(opened, Ok(Some(true)))
            && let Some(orphan) = self.records.find(place).await?
        {
            self.records.end(&orphan, EndReason::Invalidated).await?;
        }
        match opened? {
            Some(true) => {}
            Some(false) => return Ok(None),
            None => return Ok(Some(false)),
        }
        if let Some(Some(before)) = &located.behind {
            self.records.end(before, EndReason::LoggedIn).await?;
        }
        Ok(Some(self.records.last(first, content.left_ms).await?))
    }

    /// The record, if its session lives. A use.
    pub(super) async fn get(&self, id: ForeignId) -> Result<Option<(State, OffsetDateTime)>, Unkept> {
        let Some(located) = locate(&self.records, id.place()).await? else { return Ok(None) };
        let Some(kept) = located.kept() else { return Ok(None) };
        self.records.touch(kept).await;
        if located.behind.is_some() {
            self.records.touch(&located.first).await;
        }
        kept.field(RECORD).map(read).transpose()
    }

    /// Ends the session, as logged out.
    pub(super) async fn end(&self, id: ForeignId) -> Result<(), Unkept> {
        match locate(&self.records, id.place()).await? {
            Some(located) => self.end_located(&located, EndReason::LoggedOut).await,
            None => Ok(()),
        }
    }

    /// The one behind the door first: should the second end fail, the id leads to both again.
    async fn end_located(&self, located: &Located, reason: EndReason) -> Result<(), Unkept> {
        if let Some(Some(behind)) = &located.behind {
            self.records.end(behind, reason).await?;
        }
        Ok(self.records.end(&located.first, reason).await?)
    }
}
