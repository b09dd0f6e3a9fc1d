//! Replacing a state, which may be a login or a logout.

use actix_session::storage::SessionKey;
use time::Duration;

use super::key::Key;
use super::{State, Store, content};
use crate::compat::record::{Content, Failure, Found, Kept, too_late};
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::UserHash;

impl Store {
    /// Replaces the state; answers the new key, if there is one.
    pub(super) async fn replace(
        &self,
        key: &SessionKey,
        state: &State,
        ttl: &Duration,
    ) -> Result<Option<Key>, Failure> {
        let (user, content) = (self.named(state)?, content(state, ttl)?);
        if let Some(content) = &content
            && self.replace_loaded(key, user.as_deref(), content).await?
        {
            return Ok(None);
        }
        let Some(kept) = self.find(key).await? else { return self.replace_nothing(key, state, ttl).await };
        let Some(content) = content else {
            return self.records.end_at(kept.place, EndReason::Expired).await.map(|()| None);
        };
        if self.is_another(&kept, user.as_deref()) {
            return self.move_on(&kept, user.as_deref(), &content).await;
        }
        // A session that was logged in again is no more the one that was loaded.
        if self.records.write(&kept, None, &content).await? != Some(true) {
            too_late(kept.place.id);
        }
        Ok(None)
    }

    /// What has ended gets no successor; a key that never had a session here is as good as none.
    async fn replace_nothing(&self, key: &SessionKey, state: &State, ttl: &Duration) -> Result<Option<Key>, Failure> {
        let Some(place) = self.place(key) else { return self.make(state, ttl).await.map(Some) };
        if Key::read(key).is_none() && matches!(self.records.look(place).await?, Found::Absent) {
            return self.make(state, ttl).await.map(Some);
        }
        too_late(place.id);
        Ok(None)
    }

    /// Replaces the state of a session that this process has loaded, without another load. False, and it was not
    /// replaced, if it has ended or was not loaded, and if the user is another.
    async fn replace_loaded(&self, key: &SessionKey, user: Option<&str>, content: &Content) -> Result<bool, Failure> {
        let Some(kept) = self.place(key).and_then(|place| self.records.recall(place)) else { return Ok(false) };
        Ok(!self.is_another(&kept, user) && self.records.write(&kept, None, content).await? == Some(true))
    }

    fn is_another(&self, kept: &Kept, user: Option<&str>) -> bool {
        self.naming.is_some() && kept.meta.user.as_deref() != user
    }

    /// Goes on under another key, because the user is another, or nobody.
    async fn move_on(&self, kept: &Kept, user: Option<&str>, content: &Content) -> Result<Option<Key>, Failure> {
        let bucket = user.map_or(kept.place.id.bucket(), |user| UserHash::of(user).bucket());
        let key = Key::mint(bucket).map_err(Error::from)?;
        let moved = match user {
            Some(user) => self.records.log_in(kept, key.place(), user, content).await?,
            None => self.records.log_out(kept, key.place(), content).await?,
        };
        if !moved {
            too_late(kept.place.id);
        }
        Ok(moved.then_some(key))
    }
}
