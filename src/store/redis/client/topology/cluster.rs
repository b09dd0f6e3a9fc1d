//! A Redis Cluster: the node that owns a key, and redirections.
//!
//! Not the cluster client of the redis crate: it repeats writes after timeouts, never drops a silent master, and
//! runs all shards in one task. Here each node has connections of its own, so a failure affects only the slots of its
//! node.

pub(crate) mod slot_map;

mod uncovered;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::servers::{Addr, Credentials};
use crate::config::{ConfigError, Pools};
use crate::store::redis::client::Path;
use crate::store::redis::client::budget::{
    Budget, CONNECTION_TIMEOUT, LEASE_RENEWAL, NEWER_MAP, REFRESH_INTERVAL, REFRESH_PAUSE, REFRESH_STALLED,
    RESPONSE_TIMEOUT,
};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::{Asking, Command};
use crate::store::redis::client::node::Node;
use crate::store::redis::client::node::connection::Role;
use crate::store::redis::client::shared_attempt::Single;
use crate::store::redis::client::single_task::{Lease, Taken};
use crate::store::redis::client::topology::cluster::uncovered::Uncovered;
use crate::store::redis::client::topology::failovers::Failovers;
use crate::store::redis::client::topology::hash_slot::slot;
use crate::util::boxed::boxed;
use crate::util::clock::{Millis, system_ms};
use slot_map::SlotMap;

/// How many nodes are asked concurrently: one may be cut off and not know of a failover.
const ASKED_AT_ONCE: usize = 3;
/// How many redirections a call follows at once. After more, the nodes do not agree yet.
const REDIRECTIONS: usize = 4;

/// All masters, and their slots.
pub(crate) struct Cluster {
    credentials: Credentials,
    pools: Pools,
    failovers: Failovers,
    seeds: Vec<Arc<Node>>,
    /// A std lock: held for a clone or the change of the map, never across an `.await`.
    map: RwLock<SlotMap>,
    uncovered: Uncovered,
    /// The epoch of the newest map.
    epoch: AtomicU64,
    turn: AtomicUsize,
    learning: Single<Result<(), CallError>>,
    refreshing: Arc<Lease>,
    looking: Arc<Lease>,
    wanted: AtomicBool,
}

impl Cluster {
    pub(crate) fn new(
        seeds: &[Addr],
        credentials: &Credentials,
        pools: &Pools,
        failovers: &Failovers,
    ) -> Result<Arc<Self>, ConfigError> {
        let node = |addr: &Addr| Node::new(credentials.at(addr.clone()), Role::Any, pools, failovers).map(Arc::new);
        let seeds = seeds.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self {
            credentials: credentials.clone(),
            pools: *pools,
            failovers: failovers.clone(),
            map: RwLock::new(SlotMap::unknown(&seeds)),
            uncovered: Uncovered::new(pools.budget),
            epoch: AtomicU64::new(0),
            seeds,
            turn: AtomicUsize::new(0),
            learning: Single::new(REFRESH_STALLED),
            refreshing: Lease::new(REFRESH_STALLED),
            looking: Lease::new(3 * LEASE_RENEWAL),
            wanted: AtomicBool::new(false),
        }))
    }

    /// Sends a call to the node that owns the key, or without a key to any master.
    pub(crate) async fn send<C: Command>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<C::Output, CallError> {
        if self.looking.is_free() {
            boxed(self.look(budget)).await;
        }
        let answer = self.follow(path, budget, key, call).await;
        let Some(key) = key else { return answer };
        if answer.is_ok() && self.uncovered.any() {
            self.uncovered.served(slot(key));
        }
        answer.map_err(|error| self.uncovered.reclassify(slot(key), error))
    }

    /// Does the same, and follows redirections.
    async fn follow<C: Command>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<C::Output, CallError> {
        let mut node = self.node_for(key, budget).await?;
        let mut error = CallError::LATE;
        for _ in 0..REDIRECTIONS {
            error = match node.send(path, budget, call).await {
                // A master that was stopped replies to what its socket has, before it learns that it was replaced.
                Ok(_) if key.is_some_and(|key| !self.is_owner(slot(key), &node)) => return Err(CallError::REPLACED),
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(to) = error.redirection() else {
                if error.may_have_a_successor() {
                    self.refresh_soon();
                }
                return Err(error);
            };
            let next = self.node_at(to.addr.or_host_of(node.addr()))?;
            if !to.lasting {
                return ask(&next, path, budget, call, error).await;
            }
            if let Some(key) = key {
                self.write().note(slot(key), &next);
            }
            self.refresh_soon();
            node = next;
        }
        Err(error.passing())
    }

    fn is_owner(&self, slot: u16, node: &Arc<Node>) -> bool {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.owner(slot).is_none_or(|owner| Arc::ptr_eq(owner, node))
    }

    /// The time of the node that owns the key, as far as known.
    pub(crate) fn now(&self, key: Option<&[u8]>) -> Millis {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        key.map_or_else(|| map.masters().next(), |key| map.owner(slot(key)))
            .map_or_else(system_ms, |node| node.clock.now())
    }

    pub(crate) fn clock_seen(&self, key: &[u8], now: Millis) {
        if let Some(node) = self.map.read().unwrap_or_else(PoisonError::into_inner).owner(slot(key)) {
            node.clock.seen(now);
        }
    }

    /// All masters; waits until a map is known.
    pub(crate) async fn masters(self: &Arc<Self>, budget: &Budget) -> Result<Vec<Arc<Node>>, CallError> {
        if self.looking.is_free() {
            self.look(budget).await;
        }
        self.learn(budget).await?;
        Ok(self.map.read().unwrap_or_else(PoisonError::into_inner).masters().cloned().collect())
    }

    pub(crate) fn seeds(&self) -> &[Arc<Node>] {
        &self.seeds
    }

    /// How many slots no node serves.
    pub(crate) fn uncovered(&self) -> usize {
        self.map.read().unwrap_or_else(PoisonError::into_inner).uncovered()
    }

    async fn node_for(self: &Arc<Self>, key: Option<&[u8]>, budget: &Budget) -> Result<Arc<Node>, CallError> {
        let known = |map: &SlotMap| match key {
            Some(key) => map.owner(slot(key)).cloned(),
            None => {
                let masters = map.masters().count();
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) % masters.max(1);
                map.masters().nth(turn).cloned()
            }
        };
        if let Some(node) = known(&self.map.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(node);
        }
        self.learn(budget).await?;
        known(&self.map.read().unwrap_or_else(PoisonError::into_inner)).ok_or_else(|| {
            self.refresh_soon();
            CallError::UNCOVERED
        })
    }

    /// Waits for the first map.
    async fn learn(self: &Arc<Self>, budget: &Budget) -> Result<(), CallError> {
        if self.map.read().unwrap_or_else(PoisonError::into_inner).is_known() {
            return Ok(());
        }
        timeout(budget.left(CONNECTION_TIMEOUT), self.refreshed())
            .await
            .unwrap_or(Err(CallError::no_connection("no node of the Redis Cluster replied in time with its slots")))
    }

    async fn refreshed(self: &Arc<Self>) -> Result<(), CallError> {
        let refresh = || {
            let cluster = Arc::clone(self);
            async move { cluster.refresh().await }
        };
        let refreshed = self.learning.join(refresh).await;
        refreshed.unwrap_or_else(|| Err(CallError::no_connection("the runtime is shutting down")))
    }

    /// Starts the regular refresh on the current runtime. If an earlier one has stopped renewing its lease, the map
    /// may be old.
    async fn look(self: &Arc<Self>, budget: &Budget) {
        if Handle::try_current().is_err() {
            return;
        }
        // A failure is seen by the calls too.
        let _ = timeout(budget.left(RESPONSE_TIMEOUT), self.refreshed()).await;
        if let Some(turn) = self.looking.take() {
            tokio::spawn(look_now_and_then(Arc::downgrade(self), turn));
        }
    }

    /// Refreshes the map in a task of its own, so that requests to other nodes do not wait for it; again, after a
    /// pause, while there are reasons.
    fn refresh_soon(self: &Arc<Self>) {
        self.wanted.store(true, Ordering::Relaxed);
        if Handle::try_current().is_err() {
            return;
        }
        let Some(mut turn) = self.refreshing.take() else { return };
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(cluster) = weak.upgrade().filter(|cluster| cluster.wanted.swap(false, Ordering::Relaxed)) {
                // A failure is seen by the calls too, which ask for the next attempt.
                drop(cluster.refresh().await);
                drop(cluster);
                sleep(REFRESH_PAUSE).await;
                if !turn.renew() {
                    return;
                }
            }
        });
    }

    /// Asks some masters concurrently, in turn, then the others and the seeds, until one knows of the last failover
    /// that any of them has reported. The first one may have been replaced and cut off, so the others are asked too.
    /// If none knows of it, for example after the Cluster was created again, the newest map is used.
    async fn refresh(&self) -> Result<(), CallError> {
        let mut nodes: Vec<_> = self.map.read().unwrap_or_else(PoisonError::into_inner).masters().cloned().collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len().max(1);
        nodes.rotate_left(turn);
        nodes.extend(
            self.seeds
                .iter()
                .filter(|seed| !nodes.iter().any(|node| Arc::ptr_eq(node, seed)))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let mut last = CallError::no_connection("no node of the Redis Cluster replied with its slots");
        let mut older: Option<slot_map::SlotTable> = None;
        for nodes in nodes.chunks(ASKED_AT_ONCE) {
            let mut asked = JoinSet::new();
            for node in nodes {
                let node = Arc::clone(node);
                asked.spawn(async move {
                    let table = node.send(Path::Request, &Budget::of(RESPONSE_TIMEOUT), &slot_map::question()).await;
                    table.and_then(|table| slot_map::read(table, node.addr()))
                });
            }
            let mut news_until = None;
            while let Some(answer) = next_of(&mut asked, news_until).await {
                let known = self.epoch.load(Ordering::Relaxed);
                match answer {
                    Ok(Ok(table)) if table.epoch > known => return self.enter(&table),
                    Ok(Ok(table)) if table.epoch == known => {
                        self.enter(&table)?;
                        news_until.get_or_insert_with(|| Instant::now() + NEWER_MAP);
                    }
                    Ok(Ok(table)) if older.as_ref().is_none_or(|other| other.epoch < table.epoch) => {
                        older = Some(table)
                    }
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => last = error,
                    Err(_) => {}
                }
            }
            if news_until.is_some() {
                return Ok(());
            }
        }
        older.map_or(Err(last), |table| self.enter(&table))
    }

    /// Takes over a map.
    fn enter(&self, table: &slot_map::SlotTable) -> Result<(), CallError> {
        let promoted = self.write().enter(&table.ranges, &self.seeds, |addr| self.new_node(addr))?;
        self.epoch.store(table.epoch, Ordering::Relaxed);
        if promoted {
            self.failovers.seen();
        }
        Ok(())
    }

    /// The node at an address that another node named.
    fn node_at(&self, addr: Addr) -> Result<Arc<Node>, CallError> {
        self.write().at(&addr, |addr| self.new_node(addr))
    }

    fn new_node(&self, addr: &Addr) -> Result<Arc<Node>, CallError> {
        Node::new(self.credentials.at(addr.clone()), Role::Any, &self.pools, &self.failovers)
            .map(Arc::new)
            .map_err(|_| CallError::no_connection("a node of the Redis Cluster has an invalid address"))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, SlotMap> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next result, if there is one by this time.
async fn next_of<T: 'static>(asked: &mut JoinSet<T>, until: Option<Instant>) -> Option<Result<T, JoinError>> {
    match until {
        Some(until) => timeout_at(until, asked.join_next()).await.ok().flatten(),
        None => asked.join_next().await,
    }
}

async fn look_now_and_then(cluster: Weak<Cluster>, mut turn: Taken) {
    let signs = REFRESH_INTERVAL.as_millis() / LEASE_RENEWAL.as_millis();
    for sign in 1_u128.. {
        sleep(LEASE_RENEWAL).await;
        let Some(cluster) = cluster.upgrade().filter(|_| turn.renew()) else { return };
        if sign % signs == 0 {
            cluster.refresh_soon();
        }
    }
}

/// Follows a redirection of the slot's old owner, whose key has moved already. Of several keys some may have stayed.
async fn ask<C: Command>(
    to: &Node,
    path: Path,
    budget: &Budget,
    call: &C,
    asked: CallError,
) -> Result<C::Output, CallError> {
    if !call.is_of_one_key() {
        return Err(asked);
    }
    // If it redirects back, the move has ended: the caller starts again.
    to.send(path, budget, &Asking(call)).await.map_err(|error| match error.redirection() {
        Some(_) => error.passing(),
        None => error,
    })
}
