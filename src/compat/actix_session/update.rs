//! Replacing a state, which may be a login or a logout.

use actix_session::storage::SessionKey;
use time::Duration;

use super::key::Key;
use super::{ActixState, Store, content};
use crate::compat::record::{Kept, KeptRecord, RecordContent, RecordError, too_late};
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::UserHash;

impl Store {
    /// Replaces the state; returns the new key, if any.
    pub(super) async fn replace(
        &self,
        key: &SessionKey,
        state: &ActixState,
        ttl: &Duration,
    ) -> Result<Option<Key>, RecordError> {
        let (user, content) = (self.named(state)?, content(state, ttl)?);
        if let Some(content) = &content
            && self.replace_loaded(key, user.as_deref(), content).await?
        {
            return Ok(None);
        }
        let Some(kept) = self.find(key).await? else { return self.replace_nothing(key, state, ttl).await };
        let Some(content) = content else {
            return self.records.end_at(kept.key(), EndReason::Expired).await.map(|()| None);
        };
        if self.is_another(&kept, user.as_deref()) {
            return self.move_on(&kept, user.as_deref(), &content).await;
        }
        // After another login, the session is not the one that was loaded.
        if self.records.write(&kept, None, &content).await? != Some(true) {
            too_late(kept.session.id);
        }
        Ok(None)
    }

    /// An ended session gets no successor; a key that never had a session here is treated as none.
    async fn replace_nothing(
        &self,
        key: &SessionKey,
        state: &ActixState,
        ttl: &Duration,
    ) -> Result<Option<Key>, RecordError> {
        let Some(record_key) = self.record_key(key) else { return self.make(state, ttl).await.map(Some) };
        if Key::read(key).is_none() && matches!(self.records.look(record_key).await?, KeptRecord::Absent) {
            return self.make(state, ttl).await.map(Some);
        }
        too_late(record_key.id);
        Ok(None)
    }

    /// Replaces the state of a session that this process has loaded, without another load. False, and nothing is
    /// replaced, if it has ended, was not loaded, or names another user.
    async fn replace_loaded(
        &self,
        key: &SessionKey,
        user: Option<&str>,
        content: &RecordContent,
    ) -> Result<bool, RecordError> {
        let Some(kept) = self.record_key(key).and_then(|record_key| self.records.recall(record_key)) else {
            return Ok(false);
        };
        Ok(!self.is_another(&kept, user) && self.records.write(&kept, None, content).await? == Some(true))
    }

    fn is_another(&self, kept: &Kept, user: Option<&str>) -> bool {
        self.user_of.is_some() && kept.session.meta.user.as_deref() != user
    }

    /// Continues under another key, because the user changed or logged out.
    async fn move_on(
        &self,
        kept: &Kept,
        user: Option<&str>,
        content: &RecordContent,
    ) -> Result<Option<Key>, RecordError> {
        let bucket = user.map_or(kept.session.id.bucket(), |user| UserHash::of(user).bucket());
        let key = Key::mint(Some(bucket)).map_err(Error::from)?;
        let moved = match user {
            Some(user) => self.records.log_in(kept, key.record_key(), user, content).await?,
            None => self.records.log_out(kept, key.record_key(), content).await?,
        };
        if !moved {
            too_late(kept.session.id);
        }
        Ok(moved.then_some(key))
    }
}
