//! The contract over Redis: each operation is one script of `lua/`, or plain reads. The embedded store says what they mean.
//!
//! The order of refusals is the embedded store's. A repeat of a call comes first: it is answered as the first time. Where
//! that was a session or its metadata, it is answered as it stands, or as `Gone` if it has ended since.

pub(crate) mod client;
pub(crate) mod layout;
pub(crate) mod ops;
pub(crate) mod script;

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::config::servers::Servers;
use crate::config::{ConfigError, Pools};
use crate::error::Outage;
use crate::store::redis::client::Client;
use crate::store::redis::layout::keys::Keys;
use crate::store::redis::ops::contention::Contention;
use crate::store::redis::ops::{bucket, create, join, lead, load, login, session, user};
use crate::store::redis::script::reply;
use journal::Journal;

pub(crate) mod doctor;
mod journal;
#[cfg(test)]
mod tests;

/// Sessions in Redis.
#[derive(Debug)]
pub(crate) struct Redis {
    settings: StoreSettings,
    keys: Keys,
    client: Client,
    /// Whether a session was met whose key outlasts its life: until then to exist is to live, and a load asks for no `PTTL`.
    needs_pttl: AtomicBool,
    contention: Contention,
    /// Whether buckets may lie on different servers: then no script has keys of two.
    parted: bool,
    /// Whether all slots are taken to be on the move: for tests.
    torn: bool,
    /// Whether the application knows that keys may be evicted.
    eviction_allowed: bool,
    journal: Journal,
    /// Itself, once it is shared: the task that watches for failovers must not keep it.
    me: Weak<Self>,
}

impl Redis {
    pub(crate) fn new(settings: StoreSettings, servers: &Servers, pools: &Pools) -> Result<Self, ConfigError> {
        let keys = Keys::new(settings.namespace.clone());
        let client = Client::new(servers, pools)?;
        let parted = client.is_cluster();
        Ok(Self {
            settings,
            keys,
            client,
            needs_pttl: AtomicBool::new(false),
            contention: Contention::new(),
            parted,
            torn: false,
            eviction_allowed: false,
            journal: Journal::default(),
            me: Weak::new(),
        })
    }

    /// From now on, what this process ended is ended again after a failover.
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), ..self })
    }

    /// Whether the application knows that keys may be evicted.
    pub(crate) fn allow_eviction(mut self, allowed: bool) -> Self {
        self.eviction_allowed = allowed;
        self
    }

    /// Whether buckets are taken to lie on different servers.
    pub(crate) fn parted(mut self, parted: bool) -> Self {
        self.parted |= parted;
        self
    }

    /// Whether all slots are taken to be on the move.
    pub(crate) fn torn(mut self, torn: bool) -> Self {
        self.torn = torn;
        self
    }

    /// Whether buckets may lie on different servers.
    pub(super) const fn is_sharded(&self) -> bool {
        self.parted
    }

    /// Whether no one script can have both sessions.
    fn parts(&self, one: SessionId, other: SessionId) -> bool {
        self.parted && one.bucket() != other.bucket()
    }

    pub(crate) async fn check(&self) -> Result<(), Outage> {
        self.client.check().await
    }

    fn needs_pttl(&self) -> bool {
        self.needs_pttl.load(Ordering::Relaxed)
    }

    /// From now on loads ask for `PTTL`.
    fn note_grace(&self) {
        self.needs_pttl.store(true, Ordering::Relaxed);
    }
}

impl Contract for Redis {
    fn now(&self) -> Millis {
        self.client.now()
    }

    async fn ping(&self) -> Result<Millis, Error> {
        let answer = self.client.read_anywhere(&self.client.short_budget(), &::redis::cmd("TIME")).await?;
        reply::time(&answer)
    }

    async fn examine(&self) -> Result<Vec<Finding>, Error> {
        doctor::examine(self).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, Error> {
        load::load(self, id).await
    }

    async fn load_timed(&self, id: SessionId) -> Result<(Loaded, Millis), Error> {
        load::load_timed(self, id).await
    }

    async fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> StoreResult<Record> {
        create::create(self, op, new, delta).await
    }

    async fn touch(&self, op: Op, touch: &Touch) -> StoreResult<Meta> {
        session::touch(self, op, touch).await
    }

    async fn save(&self, op: Op, save: &Save) -> StoreResult<Wrote> {
        session::save(self, op, save).await
    }

    async fn increment(&self, op: Op, increment: &Increment) -> StoreResult<(i64, Wrote)> {
        session::increment(self, op, increment).await
    }

    async fn rotate(&self, op: Op, rotate: &Rotate) -> StoreResult<Meta> {
        session::rotate(self, op, rotate).await
    }

    async fn retime(&self, op: Op, retime: &Retime) -> StoreResult<Meta> {
        session::retime(self, op, retime).await
    }

    async fn login(&self, op: Op, login: &NewLogin) -> StoreResult<Record> {
        login::login(self, op, login).await
    }

    async fn is_parked(&self, id: SessionId) -> Result<bool, Error> {
        lead::is_parked(self, id).await
    }

    async fn lead(&self, op: Op, lead: &Lead) -> StoreResult<()> {
        lead::lead(self, op, lead).await
    }

    async fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> StoreResult<Record> {
        login::reauthenticate(self, op, again).await
    }

    async fn join(&self, op: Op, join: &Join) -> StoreResult<Record> {
        join::join(self, op, join).await
    }

    async fn end(&self, op: Op, end: &End) -> StoreResult<Option<Record>> {
        session::end(self, self.delivery(op), end).await
    }

    async fn end_undelivered(&self, op: Op, undelivered: &Undelivered) -> StoreResult<bool> {
        session::end_undelivered(self, op, undelivered).await
    }

    async fn end_on(&self, op: Op, end: &End, replicas: &Arc<Replicas>) -> StoreResult<Option<Record>> {
        session::end(self, self.delivery(op).on(Some(replicas)), end).await
    }

    async fn ticket(&self, user: &str) -> Result<Ticket, Error> {
        user::ticket(self, user).await
    }

    async fn list(&self, user: &str) -> Result<Vec<(SessionId, Meta)>, Error> {
        user::list(self, user).await
    }

    async fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> StoreResult<u64> {
        user::revoke(self, user, scope, reason, None).await
    }

    async fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> StoreResult<u64> {
        user::revoke(self, user, scope, reason, Some(replicas)).await
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
