//! The contract over Redis: each operation is one script of `lua/`, or plain reads. The embedded store is the
//! specification.
//!
//! The order of refusals is the embedded store's. A repeat is checked first: it returns the first result. If that was a
//! session or its metadata, it returns the current state, or `Gone` if the session has ended since.

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
    /// Whether a session was found whose key outlives its deadline. Until then a session that exists is live, and loads
    /// send no `PTTL`.
    needs_pttl: AtomicBool,
    /// Whether buckets may be on different servers: a script then cannot use keys of two.
    sharded: bool,
    /// Whether to treat all slots as being moved; for tests.
    resharding: bool,
    /// Whether the application accepts that keys may be evicted.
    eviction_allowed: bool,
    journal: Journal,
    /// Weak, so that the task that watches for failovers does not keep the store alive.
    me: Weak<Self>,
}

impl Redis {
    pub(crate) fn new(settings: StoreSettings, servers: &Servers, pools: &Pools) -> Result<Self, ConfigError> {
        let keys = Keys::new(settings.namespace.clone());
        let client = Client::new(servers, pools)?;
        let sharded = client.is_cluster();
        Ok(Self {
            settings,
            keys,
            client,
            needs_pttl: AtomicBool::new(false),
            sharded,
            resharding: false,
            eviction_allowed: false,
            journal: Journal::default(),
            me: Weak::new(),
        })
    }

    /// Repeats this process's session ends after a failover from now on.
    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), ..self })
    }

    /// Whether the application accepts that keys may be evicted.
    pub(crate) fn allow_eviction(mut self, allowed: bool) -> Self {
        self.eviction_allowed = allowed;
        self
    }

    /// Whether buckets may be on different servers, also where no Redis Cluster is.
    pub(crate) fn sharded(mut self, sharded: bool) -> Self {
        self.sharded |= sharded;
        self
    }

    /// Whether to treat all slots as being moved.
    pub(crate) fn resharding(mut self, resharding: bool) -> Self {
        self.resharding = resharding;
        self
    }

    /// Whether buckets may be on different servers.
    pub(super) const fn is_sharded(&self) -> bool {
        self.sharded
    }

    /// Whether no single script can use both sessions.
    fn parts(&self, one: SessionId, other: SessionId) -> bool {
        self.sharded && one.bucket() != other.bucket()
    }

    pub(crate) async fn check(&self) -> Result<(), Outage> {
        self.client.check().await
    }

    fn needs_pttl(&self) -> bool {
        self.needs_pttl.load(Ordering::Relaxed)
    }

    /// Makes later loads send `PTTL`.
    fn note_grace(&self) {
        self.needs_pttl.store(true, Ordering::Relaxed);
    }
}

impl Redis {
    pub(crate) fn now(&self) -> Millis {
        self.client.now()
    }

    pub(crate) async fn ping(&self) -> Result<Millis, Error> {
        let answer = self.client.read_anywhere(&self.client.short_budget(), &::redis::cmd("TIME")).await?;
        reply::time(&answer)
    }

    pub(crate) async fn examine(&self) -> Result<Vec<Finding>, Error> {
        doctor::examine(self).await
    }
}
