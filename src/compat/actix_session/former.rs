//! The application's former store, and the sessions moved from there.

use std::future::Future;
use std::pin::Pin;

use actix_session::storage::{SessionKey, SessionStore};
use time::Duration;

use super::key::Key;
use super::{ActixState, Store, content};
use crate::compat::record::{Cause, Former, FormerRecord, Kept, RecordError};

type LocalResult<'a, T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + 'a>>;

/// Object-safe form of actix-session's store trait.
pub(super) trait FormerActixStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a SessionKey) -> LocalResult<'a, Option<ActixState>>;

    fn delete<'a>(&'a self, key: &'a SessionKey) -> LocalResult<'a, ()>;
}

impl<S: SessionStore + Send + Sync> FormerActixStore for S {
    fn load<'a>(&'a self, key: &'a SessionKey) -> LocalResult<'a, Option<ActixState>> {
        Box::pin(async { Ok(SessionStore::load(self, key).await?) })
    }

    fn delete<'a>(&'a self, key: &'a SessionKey) -> LocalResult<'a, ()> {
        Box::pin(async { Ok(SessionStore::delete(self, key).await?) })
    }
}

/// One state of the former store.
pub(super) struct ActixFormer<'a> {
    store: &'a Store,
    former: &'a dyn FormerActixStore,
    key: &'a SessionKey,
}

impl FormerRecord for ActixFormer<'_> {
    async fn read(&self) -> Result<Option<Former>, RecordError> {
        let Some(state) = self.former.load(self.key).await.map_err(RecordError::Former)? else { return Ok(None) };
        let content = content(&state, &self.store.moved_ttl)?;
        Ok(content.map(|content| Former { user: self.store.named(&state), content }))
    }

    async fn delete(&self) -> Result<(), RecordError> {
        self.former.delete(self.key).await.map_err(RecordError::Former)
    }
}

impl Store {
    fn former<'a>(&'a self, key: &'a SessionKey) -> Option<ActixFormer<'a>> {
        Some(ActixFormer { store: self, former: self.former.as_deref()?, key })
    }

    /// The live session of a key of another form; moved here now if only the former store has it.
    pub(super) async fn find_moved(&self, key: &SessionKey) -> Result<Option<Kept>, RecordError> {
        if !self.opens_moved {
            return Ok(None);
        }
        self.records.find_or_move(Key::moved(key), self.former(key).as_ref()).await
    }

    /// Ends the session of a key of another form in both stores.
    pub(super) async fn end_moved(&self, key: &SessionKey) -> Result<(), RecordError> {
        if !self.opens_moved {
            return Ok(());
        }
        self.records.log_out_at(Key::moved(key), self.former(key).as_ref()).await
    }
}

/// The default lifetime of a moved state, since its store does not return the time left.
pub(super) const MOVED_TTL: Duration = Duration::days(1);
