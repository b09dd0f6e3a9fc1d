//! The contract over Redis: each operation is one script of `lua/`, or plain reads. The embedded store says what they mean.
//!
//! The order of refusals is the embedded store's. A repeat of a call comes first: it is answered as the first time. Where
//! that was a session or its metadata, it is answered as it stands, or as `Gone` if it has ended since.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::config::url::Server;
use crate::config::{ConfigError, Pools};
use crate::error::Outage;
use crowded::Crowded;
use keys::Keys;
use wire::{Path, Wire};

mod answer;
mod bucket;
mod call;
mod crowded;
mod fields;
mod keys;
mod load;
mod login;
mod meta;
mod scripts;
mod session;
mod swap;
#[cfg(test)]
mod tests;
mod user;
mod wire;

/// Sessions in Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    settings: StoreSettings,
    keys: Keys,
    wire: Wire,
    /// Whether a session was met whose key outlasts its life: until then to exist is to live, and a load asks for no `PTTL`.
    graced: AtomicBool,
    crowded: Crowded,
}

impl Redis {
    pub(crate) fn new(settings: StoreSettings, server: &Server, pools: &Pools) -> Result<Self, ConfigError> {
        let keys = Keys::new(settings.namespace.clone());
        Ok(Self {
            settings,
            keys,
            wire: Wire::new(server, pools)?,
            graced: AtomicBool::new(false),
            crowded: Crowded::new(),
        })
    }

    pub(crate) async fn check(&self) -> Result<(), Outage> {
        self.wire.check().await
    }

    fn graced(&self) -> bool {
        self.graced.load(Ordering::Relaxed)
    }

    /// From now on loads ask for `PTTL`.
    fn note_grace(&self) {
        self.graced.store(true, Ordering::Relaxed);
    }
}

impl Contract for Redis {
    fn now(&self) -> Millis {
        self.wire.now()
    }

    async fn ping(&self) -> Result<Millis, Error> {
        let answer = self.wire.read_one(Path::Request, &self.wire.short_budget(), &::redis::cmd("TIME")).await?;
        answer::time(&answer)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, Error> {
        load::load(self, id).await
    }

    async fn load_timed(&self, id: SessionId) -> Result<(Loaded, Millis), Error> {
        load::load_timed(self, id).await
    }

    async fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> Answer<Record> {
        session::create(self, op, new, delta).await
    }

    async fn touch(&self, op: Op, touch: &Touch) -> Answer<Meta> {
        session::touch(self, op, touch).await
    }

    async fn save(&self, op: Op, save: &Save) -> Answer<Wrote> {
        session::save(self, op, save).await
    }

    async fn increment(&self, op: Op, increment: &Increment) -> Answer<(i64, Wrote)> {
        session::increment(self, op, increment).await
    }

    async fn rotate(&self, op: Op, rotate: &Rotate) -> Answer<Meta> {
        session::rotate(self, op, rotate).await
    }

    async fn retime(&self, op: Op, retime: &Retime) -> Answer<Meta> {
        session::retime(self, op, retime).await
    }

    async fn login(&self, op: Op, login: &Login) -> Answer<Record> {
        login::login(self, op, login).await
    }

    async fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> Answer<Record> {
        login::reauthenticate(self, op, again).await
    }

    async fn end(&self, op: Op, end: &End) -> Answer<Option<Record>> {
        session::end(self, op, end).await
    }

    async fn ticket(&self, user: &str) -> Result<Ticket, Error> {
        user::ticket(self, user).await
    }

    async fn list(&self, user: &str) -> Result<Vec<(SessionId, Meta)>, Error> {
        user::list(self, user).await
    }

    async fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> Answer<u64> {
        user::revoke(self, user, scope, reason).await
    }

    async fn revoke_bucket(&self, bucket: Bucket, who: Who) -> Result<u64, Error> {
        bucket::revoke(self, bucket, who).await
    }

    async fn active(&self, bucket: Bucket, since: Millis) -> Result<u64, Error> {
        bucket::active(self, bucket, since).await
    }

    async fn sweep(&self, bucket: Bucket) -> Result<Swept, Error> {
        bucket::sweep(self, bucket).await
    }
}
