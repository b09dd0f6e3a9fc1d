//! The store that the application used before, and the sessions that were moved from there.

use std::future::Future;
use std::pin::Pin;

use actix_session::storage::{SessionKey, SessionStore};
use time::Duration;

use super::key::Key;
use super::{State, Store, content};
use crate::compat::record::{Cause, Failure, Former, FormerPlace, Located};
use crate::end::EndReason;

type Local<'a, T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + 'a>>;

/// Any store of actix-session's trait.
pub(super) trait FormerStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a SessionKey) -> Local<'a, Option<State>>;

    fn delete<'a>(&'a self, key: &'a SessionKey) -> Local<'a, ()>;
}

impl<S: SessionStore + Send + Sync> FormerStore for S {
    fn load<'a>(&'a self, key: &'a SessionKey) -> Local<'a, Option<State>> {
        Box::pin(async { Ok(SessionStore::load(self, key).await?) })
    }

    fn delete<'a>(&'a self, key: &'a SessionKey) -> Local<'a, ()> {
        Box::pin(async { Ok(SessionStore::delete(self, key).await?) })
    }
}

/// One state there.
pub(super) struct Place<'a> {
    store: &'a Store,
    former: &'a dyn FormerStore,
    key: &'a SessionKey,
}

impl FormerPlace for Place<'_> {
    async fn read(&self) -> Result<Option<Former>, Failure> {
        let Some(state) = self.former.load(self.key).await.map_err(Failure::Former)? else { return Ok(None) };
        let content = content(&state, &self.store.moved_ttl)?;
        Ok(content.map(|content| Former { user: self.store.named(&state), content }))
    }

    async fn delete(&self) -> Result<(), Failure> {
        self.former.delete(self.key).await.map_err(Failure::Former)
    }
}

impl Store {
    fn former<'a>(&'a self, key: &'a SessionKey) -> Option<Place<'a>> {
        Some(Place { store: self, former: self.former.as_deref()?, key })
    }

    /// The live session of a key that is not of our form, moved here now if it is only known in the former store.
    pub(super) async fn find_moved(&self, key: &SessionKey) -> Result<Option<Located>, Failure> {
        if !self.opens_moved {
            return Ok(None);
        }
        self.records.located_or_moved(Key::moved(key), self.former(key).as_ref()).await
    }

    /// Ends the session of a key that is not of our form, here and there.
    pub(super) async fn end_moved(&self, key: &SessionKey) -> Result<(), Failure> {
        let (place, reason) = (Key::moved(key), EndReason::LoggedOut);
        match self.former(key) {
            _ if !self.opens_moved => Ok(()),
            Some(former) => self.records.end_in_both(place, &former, reason).await,
            None => match self.records.locate(place).await?.live() {
                Some(located) => self.records.end_located(&located, reason).await,
                None => Ok(()),
            },
        }
    }
}

/// How long a moved state lives, unless the application says otherwise: its store does not say how much is left.
pub(super) const MOVED_TTL: Duration = Duration::days(1);
