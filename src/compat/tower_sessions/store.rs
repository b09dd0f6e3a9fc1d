//! What the two lines' traits share: make, put, get and end a record.

use time::OffsetDateTime;

use super::id::ForeignId;
use super::located::{Located, door_to, locate, recall};
use super::record::{Unkept, content, read};
use super::{State, Store};
use crate::compat::record::{Content, MINTS, Place, RECORD, too_late};
use crate::end::EndReason;
use crate::error::{Error, Outage};
use crate::id::{SessionId, UserHash};
use crate::store::Meta;

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
        if let Some(content) = &content
            && self.put_unchanged(place, user.as_deref(), content).await?
        {
            return Ok(());
        }
        for _ in 0..TRIES {
            let Some(located) = locate(&self.records, place).await? else { break };
            let Some(kept) = located.kept() else { break };
            let Some(content) = &content else { return self.end_located(&located, EndReason::Expired).await };
            let done = match &user {
                Some(user) if kept.meta.user.as_ref() != Some(user) => self.move_in(&located, user, content).await?,
                // A session that was logged in again is no more the one that was loaded.
                Some(_) | None => Some(self.write(&located, None, content).await? == Some(true)),
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

    /// Replaces a record as this process has loaded it, without another load. False, and it was not replaced, if it was
    /// written since, perhaps by a login that made a door of it; if it has ended or was not loaded; if this is a login.
    async fn put_unchanged(&self, place: Place, user: Option<&str>, content: &Content) -> Result<bool, Unkept> {
        let Some(located) = recall(&self.records, place) else { return Ok(false) };
        let Some(Meta { version, user: before, .. }) = located.kept().map(|kept| &kept.meta) else { return Ok(false) };
        let is_login = user.is_some() && user != before.as_deref();
        Ok(!is_login && self.write(&located, Some(*version), content).await? == Some(true))
    }

    /// Writes the record, and has the door last as long. `None` if the session has ended; false if it was written since
    /// it was loaded as this version.
    async fn write(&self, located: &Located, version: Option<u32>, content: &Content) -> Result<Option<bool>, Unkept> {
        let Some(kept) = located.kept() else { return Ok(None) };
        let written = self.records.write(kept, version, content).await?;
        if located.behind.is_some()
            && written == Some(true)
            && !self.records.last(&located.first, content.left_ms).await?
        {
            return Ok(None);
        }
        Ok(written)
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
        let record = kept.field(RECORD).map(read).transpose();
        located.remember(&self.records);
        record
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
