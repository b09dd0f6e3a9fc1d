//! The operations shared by both versions' traits.

use std::time::Duration;

use time::OffsetDateTime;

use super::id::ForeignId;
use super::record::{StoreFailure, content, read};
use super::{State, Store};
use crate::compat::record::{Kept, RECORD, RecordContent, RecordKey, SAME_MS, TRIES, too_late};
use crate::end::EndReason;
use crate::store::Meta;
use crate::util::clock::Millis;

impl Store {
    /// Stores a new record and returns its id; a user's id has to be in the user's bucket.
    pub(super) async fn make(
        &self,
        id: ForeignId,
        state: &State,
        expires: OffsetDateTime,
    ) -> Result<ForeignId, StoreFailure> {
        let Some(content) = content(state, expires)? else { return Ok(id) };
        let user = self.named(state)?;
        let mut own = Some(id).filter(|_| user.is_none());
        let mint = |bucket| {
            let id = own.take().map_or_else(|| ForeignId::mint(bucket), Ok)?;
            Ok((id.record_key(), id))
        };
        Ok(self.records.make_new(user.as_deref(), &content, mint).await?)
    }

    /// Replaces the record of a live session.
    pub(super) async fn put(&self, id: ForeignId, state: &State, expires: OffsetDateTime) -> Result<(), StoreFailure> {
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
    ) -> Result<bool, StoreFailure> {
        let Some(kept) = self.records.recall(record_key) else { return Ok(false) };
        let Meta { version, user: before, .. } = &kept.session.meta;
        let is_login = user.is_some() && user != before.as_deref();
        Ok(!is_login && self.records.write(&kept, Some(*version), content).await? == Some(true))
    }

    /// The record of a live session. A use.
    pub(super) async fn get(&self, id: ForeignId) -> Result<Option<(State, OffsetDateTime)>, StoreFailure> {
        let Some(kept) = self.find(id).await? else { return Ok(None) };
        self.records.touch(&kept).await;
        let record = kept.field(RECORD).map(read).transpose();
        let left_ms = self.records.left_ms(&kept);
        self.records.remember(kept);
        Ok(record?.map(|(state, expires)| (state, earlier(expires, left_ms))))
    }

    /// Ends the session, as logged out.
    pub(super) async fn end(&self, id: ForeignId) -> Result<(), StoreFailure> {
        Ok(self.records.log_out_at(id.record_key(), self.former(id).as_ref()).await?)
    }

    async fn find(&self, id: ForeignId) -> Result<Option<Kept>, StoreFailure> {
        Ok(self.records.find_or_move(id.record_key(), self.former(id).as_ref()).await?)
    }
}

/// The expiry date, or the session's end if that is earlier because of the builder's timeouts.
fn earlier(expires: OffsetDateTime, left_ms: Millis) -> OffsetDateTime {
    let ends = OffsetDateTime::now_utc() + Duration::from_millis(left_ms);
    if ends + Duration::from_millis(SAME_MS) < expires { ends } else { expires }
}
