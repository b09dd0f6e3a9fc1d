//! The operations shared by both versions' traits.

use std::time::Duration;

use time::OffsetDateTime;

use super::id::ForeignId;
use super::record::{Unkept, content, read};
use super::{State, Store};
use crate::compat::record::{Kept, RECORD, RecordContent, RecordKey, SAME_MS, TRIES, too_late};
use crate::end::EndReason;
use crate::error::{Error, Outage};
use crate::identity::id::UserHash;
use crate::store::{MINTS, Meta};
use crate::util::clock::Millis;

impl Store {
    /// Stores a new record and returns its id; a user's id has to be in the user's bucket.
    pub(super) async fn make(
        &self,
        id: ForeignId,
        state: &State,
        expires: OffsetDateTime,
    ) -> Result<ForeignId, Unkept> {
        let Some(content) = content(state, expires)? else { return Ok(id) };
        let user = self.named(state)?;
        let bucket = user.as_deref().map(|user| UserHash::of(user).bucket());
        let mut id = if bucket.is_some() { ForeignId::mint(bucket)? } else { id };
        for _ in 0..MINTS {
            if self.records.make(id.record_key(), user.as_deref(), &content).await? {
                return Ok(id);
            }
            id = ForeignId::mint(bucket)?;
        }
        Err(Error::Unavailable(Outage::new("new ids in a row were taken")).into())
    }

    /// Replaces the record of a live session.
    pub(super) async fn put(&self, id: ForeignId, state: &State, expires: OffsetDateTime) -> Result<(), Unkept> {
        let record_key = id.record_key();
        let content = content(state, expires)?;
        let user = self.named(state)?;
        if let Some(content) = &content
            && self.put_unchanged(record_key, user.as_deref(), content).await?
        {
            return Ok(());
        }
        for _ in 0..TRIES {
            let Some(kept) = self.find(id).await? else { break };
            let Some(content) = &content else { return Ok(self.records.end_at(record_key, EndReason::Expired).await?) };
            let is_done = match &user {
                Some(user) if kept.session.meta.user.as_ref() != Some(user) => {
                    self.records.log_in_here(&kept, user, content).await?
                }
                Some(_) | None => self.records.write(&kept, None, content).await? == Some(true),
            };
            if is_done {
                return Ok(());
            }
        }
        too_late(record_key.id);
        Ok(())
    }

    /// Replaces a record that this process has loaded, without another load. False, and nothing is replaced, if it was
    /// written since, has ended (perhaps by a login), was not loaded, or if this is a login.
    async fn put_unchanged(
        &self,
        record_key: RecordKey,
        user: Option<&str>,
        content: &RecordContent,
    ) -> Result<bool, Unkept> {
        let Some(kept) = self.records.recall(record_key) else { return Ok(false) };
        let Meta { version, user: before, .. } = &kept.session.meta;
        let is_login = user.is_some() && user != before.as_deref();
        Ok(!is_login && self.records.write(&kept, Some(*version), content).await? == Some(true))
    }

    /// The record of a live session. A use.
    pub(super) async fn get(&self, id: ForeignId) -> Result<Option<(State, OffsetDateTime)>, Unkept> {
        let Some(kept) = self.find(id).await? else { return Ok(None) };
        self.records.touch(&kept).await;
        let record = kept.field(RECORD).map(read).transpose();
        let left_ms = self.records.left_ms(&kept);
        self.records.remember(kept);
        Ok(record?.map(|(state, expires)| (state, earlier(expires, left_ms))))
    }

    /// Ends the session, as logged out.
    pub(super) async fn end(&self, id: ForeignId) -> Result<(), Unkept> {
        let (record_key, reason) = (id.record_key(), EndReason::LoggedOut);
        match self.former(id) {
            Some(former) => self.records.end_in_both(record_key, &former, reason).await?,
            None => self.records.end_at(record_key, reason).await?,
        }
        Ok(())
    }

    async fn find(&self, id: ForeignId) -> Result<Option<Kept>, Unkept> {
        Ok(self.records.find_or_move(id.record_key(), self.former(id).as_ref()).await?)
    }
}

/// The expiry date, or the session's end if that is earlier because of the builder's timeouts.
fn earlier(expires: OffsetDateTime, left_ms: Millis) -> OffsetDateTime {
    let ends = OffsetDateTime::now_utc() + Duration::from_millis(left_ms);
    if ends + Duration::from_millis(SAME_MS) < expires { ends } else { expires }
}
