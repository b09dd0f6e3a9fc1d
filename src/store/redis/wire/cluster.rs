//! A Redis Cluster: which node has a key, and what to do when it is another one.
//!
//! Not the driver's cluster client: that one repeats writes after timeouts, never gives a silent master up, and puts all
//! shards through one task. Here each node has connections of its own, so what is wrong with one stays with its slots.

mod map;
mod uncovered;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use self::map::Map;
use self::uncovered::Uncovered;
use super::Path;
use super::budget::Budget;
use super::call::{Asking, Call};
use super::failovers::Failovers;
use super::fault::Fault;
use super::link::CONNECT;
use super::node::Node;
use super::slot::slot;
use crate::clock::{Millis, system_ms};
use crate::config::servers::{Access, Place};
use crate::config::{ConfigError, Pools};

/// The map is not asked for more often than this, whatever happens.
const REFRESH_PAUSE: Duration = Duration::from_millis(100);
/// An idle process asks this often, so that it too sees a failover.
const LOOK_EACH: Duration = Duration::from_secs(2);
/// How long a node may take to tell the map.
const TELL: Duration = Duration::from_millis(500);
/// So many nodes are asked at once: the first that knows of the last failover is believed, and a silent one holds
/// nothing up.
const ASKED_AT_ONCE: usize = 3;
/// A call follows so many redirections at once. More mean that the nodes do not agree yet.
const REDIRECTIONS: usize = 4;

/// All masters, and the slots that they serve.
pub(super) struct Cluster {
    access: Access,
    pools: Pools,
    failovers: Failovers,
    seeds: Vec<Arc<Node>>,
    /// A std lock: held for a clone or while a new map is entered, never across an `.await`.
    map: RwLock<Map>,
    uncovered: Uncovered,
    /// Of the newest map that was told.
    epoch: AtomicU64,
    turn: AtomicUsize,
    first: Mutex<()>,
    refreshing: Arc<Mutex<()>>,
    wanted: AtomicBool,
}

impl Cluster {
    pub(super) fn new(
        seeds: &[Place],
        access: &Access,
        pools: &Pools,
        failovers: &Failovers,
    ) -> Result<Arc<Self>, ConfigError> {
        let node = |place: &Place| Node::new(access.at(place.clone()), pools, failovers).map(Arc::new);
        let seeds = seeds.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self {
            access: access.clone(),
            pools: *pools,
            failovers: failovers.clone(),
            map: RwLock::new(Map::unknown(&seeds)),
            uncovered: Uncovered::new(pools.budget),
            epoch: AtomicU64::new(0),
            seeds,
            turn: AtomicUsize::new(0),
            first: Mutex::default(),
            refreshing: Arc::default(),
            wanted: AtomicBool::new(false),
        }))
    }

    /// Sends a call to the node that has the key, or without a key to any master.
    pub(super) async fn send<C: Call>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<C::Answer, Fault> {
        let answer = self.follow(path, budget, key, call).await;
        let Some(key) = key else { return answer };
        if answer.is_ok() && self.uncovered.any() {
            self.uncovered.served(slot(key));
        }
        answer.map_err(|fault| self.uncovered.weighed(slot(key), fault))
    }

    /// The same, where answers redirect.
    async fn follow<C: Call>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<C::Answer, Fault> {
        let mut node = self.node_for(key, budget).await?;
        let mut fault = Fault::LATE;
        for _ in 0..REDIRECTIONS {
            fault = match node.send(path, budget, call).await {
                // A master that stood still answers what waited in its socket before it learns that it was replaced.
                Ok(_) if key.is_some_and(|key| !self.is_owner(slot(key), &node)) => return Err(Fault::REPLACED),
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let Some(to) = fault.redirection() else {
                if fault.may_have_a_successor() {
                    self.refresh_soon();
                }
                return Err(fault);
            };
            let next = self.node_at(to.place.or_host_of(node.place()))?;
            if !to.lasting {
                return ask(&next, path, budget, call, fault).await;
            }
            if let Some(key) = key {
                self.write().note(slot(key), &next);
            }
            self.refresh_soon();
            node = next;
        }
        Err(fault.passing())
    }

    fn is_owner(&self, slot: u16, node: &Arc<Node>) -> bool {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.owner(slot).is_none_or(|owner| Arc::ptr_eq(owner, node))
    }

    /// The time of the node that has the key, as far as known.
    pub(super) fn now(&self, key: Option<&[u8]>) -> Millis {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        key.map_or_else(|| map.masters().next(), |key| map.owner(slot(key)))
            .map_or_else(system_ms, |node| node.clock.now())
    }

    pub(super) fn clock_seen(&self, key: &[u8], now: Millis) {
        if let Some(node) = self.map.read().unwrap_or_else(PoisonError::into_inner).owner(slot(key)) {
            node.clock.seen(now);
        }
    }

    /// Every master, once a map is known.
    pub(super) async fn masters(self: &Arc<Self>, budget: &Budget) -> Result<Vec<Arc<Node>>, Fault> {
        self.learn(budget).await?;
        Ok(self.map.read().unwrap_or_else(PoisonError::into_inner).masters().cloned().collect())
    }

    pub(super) fn seeds(&self) -> &[Arc<Node>] {
        &self.seeds
    }

    /// How many slots no node serves.
    pub(super) fn uncovered(&self) -> usize {
        self.map.read().unwrap_or_else(PoisonError::into_inner).uncovered()
    }

    async fn node_for(self: &Arc<Self>, key: Option<&[u8]>, budget: &Budget) -> Result<Arc<Node>, Fault> {
        let known = |map: &Map| match key {
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
            Fault::UNCOVERED
        })
    }

    /// Waits for the first map.
    async fn learn(self: &Arc<Self>, budget: &Budget) -> Result<(), Fault> {
        let learning = async {
            let _one_at_a_time = self.first.lock().await;
            if self.map.read().unwrap_or_else(PoisonError::into_inner).is_known() {
                return Ok(());
            }
            self.refresh().await?;
            self.look_now_and_then();
            Ok(())
        };
        timeout_at(Instant::now() + budget.left(CONNECT), learning)
            .await
            .unwrap_or(Err(Fault::no_connection("no node of the Redis Cluster told in time which node has which keys")))
    }

    fn look_now_and_then(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                sleep(LOOK_EACH).await;
                let Some(cluster) = weak.upgrade() else { return };
                cluster.refresh_soon();
            }
        });
    }

    /// Asks for the map in a task of its own, so that requests to other nodes never wait for it; again, after a pause,
    /// as long as there are reasons.
    fn refresh_soon(self: &Arc<Self>) {
        self.wanted.store(true, Ordering::Relaxed);
        let Ok(turn) = Arc::clone(&self.refreshing).try_lock_owned() else { return };
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            let _turn = turn;
            while let Some(cluster) = weak.upgrade().filter(|cluster| cluster.wanted.swap(false, Ordering::Relaxed)) {
                // A failure is seen by the calls too, which want the next attempt.
                drop(cluster.refresh().await);
                drop(cluster);
                sleep(REFRESH_PAUSE).await;
            }
        });
    }

    /// Asks some masters at once, by turns, then the others and the seeds, until one knows of the last failover that any
    /// of them has told. If none does, as after the Cluster was made anew, the one that knows most.
    async fn refresh(&self) -> Result<(), Fault> {
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
        let mut last = Fault::no_connection("no node of the Redis Cluster told which node has which keys");
        let mut older: Option<map::Told> = None;
        for nodes in nodes.chunks(ASKED_AT_ONCE) {
            let mut asked = JoinSet::new();
            for node in nodes {
                let node = Arc::clone(node);
                asked.spawn(async move {
                    let told = node.send(Path::Request, &Budget::of(TELL), &map::question()).await;
                    told.and_then(|told| map::read(told, node.place()))
                });
            }
            while let Some(answer) = asked.join_next().await {
                match answer {
                    Ok(Ok(told)) if told.epoch >= self.epoch.load(Ordering::Relaxed) => return self.enter(&told),
                    Ok(Ok(told)) if older.as_ref().is_none_or(|other| other.epoch < told.epoch) => older = Some(told),
                    Ok(Ok(_)) => {}
                    Ok(Err(fault)) => last = fault,
                    Err(_) => {}
                }
            }
        }
        older.map_or(Err(last), |told| self.enter(&told))
    }

    /// A map was told.
    fn enter(&self, told: &map::Told) -> Result<(), Fault> {
        let promoted = self.write().enter(&told.ranges, &self.seeds, |place| self.new_node(place))?;
        self.epoch.store(told.epoch, Ordering::Relaxed);
        if promoted {
            self.failovers.seen();
        }
        Ok(())
    }

    /// The node at a place that another node named.
    fn node_at(&self, place: Place) -> Result<Arc<Node>, Fault> {
        self.write().at(&place, |place| self.new_node(place))
    }

    fn new_node(&self, place: &Place) -> Result<Arc<Node>, Fault> {
        Node::new(self.access.at(place.clone()), &self.pools, &self.failovers)
            .map(Arc::new)
            .map_err(|_| Fault::no_connection("a node of the Redis Cluster has an address that is none"))
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows the slot's old owner, who says that the key has moved ahead. Of several keys some may have stayed.
async fn ask<C: Call>(to: &Node, path: Path, budget: &Budget, call: &C, asked: Fault) -> Result<C::Answer, Fault> {
    if !call.is_of_one_key() {
        return Err(asked);
    }
    // Redirected back, the move ended in between: the caller begins again.
    to.send(path, budget, &Asking(call)).await.map_err(|fault| match fault.redirection() {
        Some(_) => fault.passing(),
        None => fault,
    })
}
