//! A master whose address some Sentinels know: found by asking them, followed by listening to them.

mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::Path;
use super::budget::Budget;
use super::call::Call;
use super::check;
use super::failovers::Failovers;
use super::fault::Fault;
use super::link::CONNECT;
use super::node::Node;
use crate::clock::{Millis, system_ms};
use crate::config::servers::{Group, Place, Server};
use crate::config::{ConfigError, Pools};
use crate::error::Outage;

/// The Sentinels are not asked more often than this, whatever happens.
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// How long a server may take to tell its role.
const TELL: Duration = Duration::from_millis(500);

/// The master, and who knows where it is.
pub(super) struct Sentinels {
    group: Group,
    pools: Pools,
    failovers: Failovers,
    /// Std locks: held for a clone or a comparison, never across an `.await`.
    master: RwLock<Option<Arc<Node>>>,
    /// Of the last failover that was believed.
    epoch: AtomicU64,
    /// The URL's, and those that these know.
    places: Mutex<Vec<Place>>,
    /// One listener for each place; they end with this.
    watchers: Mutex<JoinSet<()>>,
    first: tokio::sync::Mutex<()>,
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Sentinels {
    pub(super) fn new(group: &Group, pools: &Pools, failovers: &Failovers) -> Result<Arc<Self>, ConfigError> {
        // Says before any I/O what a connection would stumble over.
        for place in &group.sentinels {
            Node::new(group.access.at(place.clone()), pools, failovers)?;
        }
        Ok(Arc::new(Self {
            group: group.clone(),
            pools: *pools,
            failovers: failovers.clone(),
            master: RwLock::default(),
            epoch: AtomicU64::new(0),
            places: Mutex::default(),
            watchers: Mutex::default(),
            first: tokio::sync::Mutex::default(),
            asking: Arc::default(),
        }))
    }

    pub(super) async fn send<C: Call>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        call: &C,
    ) -> Result<C::Answer, Fault> {
        let master = self.found(budget).await?;
        let answer = master.send(path, budget, call).await;
        // A master that stood still, or that is being replaced, answers before it learns of it.
        if answer.is_ok() && self.master().is_some_and(|now| !Arc::ptr_eq(&now, &master)) {
            return Err(Fault::REPLACED);
        }
        if answer.as_ref().is_err_and(Fault::may_have_a_successor) {
            self.find_soon();
        }
        answer
    }

    pub(super) fn now(&self) -> Millis {
        self.master().map_or_else(system_ms, |master| master.clock.now())
    }

    pub(super) fn clock_seen(&self, now: Millis) {
        if let Some(master) = self.master() {
            master.clock.seen(now);
        }
    }

    fn master(&self) -> Option<Arc<Node>> {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The master, waiting until it was found once.
    pub(super) async fn found(self: &Arc<Self>, budget: &Budget) -> Result<Arc<Node>, Fault> {
        if let Some(master) = self.master() {
            return Ok(master);
        }
        let finding = async {
            let _one_at_a_time = self.first.lock().await;
            if self.master().is_none() {
                for place in &self.group.sentinels {
                    self.listen_to(place);
                }
                self.find().await?;
            }
            self.master().ok_or_else(|| Fault::no_connection(UNKNOWN))
        };
        timeout_at(Instant::now() + budget.left(CONNECT), finding)
            .await
            .unwrap_or(Err(Fault::no_connection("no Sentinel told in time where the master is")))
    }

    /// Looks for the master in a task of its own; nobody waits for it who has one.
    fn find_soon(self: &Arc<Self>) {
        let Ok(turn) = Arc::clone(&self.asking).try_lock_owned() else { return };
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            if let Some(group) = weak.upgrade() {
                // A failure is seen by the calls too, which ask for the next attempt.
                drop(group.find().await);
            }
            sleep(ASK_PAUSE).await;
            drop(turn);
        });
    }

    /// Of what the Sentinels tell, the last failover's master is believed if it says that it is one. A master that was
    /// cut off says so too, and so does a Sentinel that was cut off with it.
    async fn find(self: &Arc<Self>) -> Result<(), Fault> {
        let known = self.epoch.load(Ordering::Relaxed);
        let (told, mut last) = self.told(known).await;
        let Some(epoch) = told.iter().map(|one| one.epoch).max() else { return Err(last) };
        let mut tried = Vec::new();
        for watch::Told { place, .. } in told.into_iter().filter(|one| one.epoch == epoch) {
            if !tried.contains(&place) {
                match self.confirm(&place).await {
                    Ok(node) => return self.believe(node, known, epoch),
                    Err(fault) => last = fault,
                }
                tried.push(place);
            }
        }
        Err(last)
    }

    /// Asks all Sentinels at once, until half have told and one knows of the last failover that was believed. If
    /// none does, as after they were made anew, half of them have to say so.
    async fn told(&self, known: u64) -> (Vec<watch::Told>, Fault) {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = places.len();
        let mut asked = JoinSet::new();
        for place in places {
            let (sentinel, master) = (self.sentinel(&place), self.group.master.clone());
            asked.spawn(async move { watch::ask(&sentinel, &master).await });
        }
        let (mut told, mut last) = (Vec::<watch::Told>::new(), Fault::no_connection(UNKNOWN));
        let mut until = Instant::now() + CONNECT + TELL;
        while let Ok(Some(answer)) = timeout_at(until, asked.join_next()).await {
            match answer {
                Ok(Ok(one)) => told.push(one),
                Ok(Err(fault)) => last = fault,
                Err(_) => {}
            }
            if told.len() * 2 >= count && told.iter().any(|one| one.epoch >= known) {
                break;
            }
            if told.len() == 1 {
                until = until.min(Instant::now() + TELL);
            }
        }
        if told.len() * 2 < count {
            told.retain(|one| one.epoch >= known);
        }
        (told, last)
    }

    /// A server that says that it is a master. One that may not be asked is believed to be one.
    async fn confirm(&self, place: &Place) -> Result<Arc<Node>, Fault> {
        let node = match self.master() {
            Some(master) if master.place() == place => master,
            _ => self.new_node(place)?,
        };
        match node.send(Path::Request, &Budget::of(TELL), &redis::cmd("ROLE")).await {
            Ok(role) if !is_master(&role) => Err(Fault::no_connection("the Sentinels' master is a replica yet")),
            Err(fault) if fault.code() != Some("NOPERM") => Err(fault),
            _ => Ok(node),
        }
    }

    /// Goes there, unless a Sentinel has told of another failover meanwhile.
    fn believe(&self, node: Arc<Node>, known: u64, epoch: u64) -> Result<(), Fault> {
        if self.epoch.compare_exchange(known, epoch, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Err(Fault::no_connection("the Sentinels' master has moved again"));
        }
        self.go_to(node);
        Ok(())
    }

    /// A Sentinel says that the master has moved.
    fn moved(&self, told: &watch::Told) {
        if told.epoch < self.epoch.fetch_max(told.epoch, Ordering::Relaxed) {
            return;
        }
        if self.master().is_none_or(|master| *master.place() != told.place)
            && let Ok(node) = self.new_node(&told.place)
        {
            self.go_to(node);
        }
    }

    fn go_to(&self, node: Arc<Node>) {
        let mut master = self.master.write().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = master.as_ref().map(|known| known.place() != node.place());
        if elsewhere != Some(false) {
            *master = Some(node);
        }
        drop(master);
        if elsewhere == Some(true) {
            self.failovers.seen();
        }
    }

    /// Why there is no master: a place that is no Sentinel says more than that.
    pub(super) async fn why_not(&self, fault: Fault) -> Outage {
        for place in &self.group.sentinels {
            let sentinel = self.sentinel(place);
            let told = watch::info(&sentinel).await;
            if let Err(outage) = check::judge(&sentinel, check::Mode::Sentinel, told) {
                return outage;
            }
        }
        fault.into_outage()
    }

    fn new_node(&self, place: &Place) -> Result<Arc<Node>, Fault> {
        Node::new(self.group.access.at(place.clone()), &self.pools, &self.failovers)
            .map(Arc::new)
            .map_err(|_| Fault::no_connection("the Sentinels' master has an address that is none"))
    }

    pub(super) fn sentinel(&self, place: &Place) -> Server {
        self.group.sentinel_access.at(place.clone())
    }

    /// Each Sentinel is listened to: the first that tells of a switch is believed.
    fn listen_to(self: &Arc<Self>, place: &Place) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if !places.contains(place) {
            places.push(place.clone());
            let listening = watch::listen(Arc::downgrade(self), self.sentinel(place), self.group.master.clone());
            self.watchers.lock().unwrap_or_else(PoisonError::into_inner).spawn(listening);
        }
    }
}

const UNKNOWN: &str = "no Sentinel knows where the master is";

fn is_master(role: &Value) -> bool {
    matches!(role, Value::Array(parts) if parts.first() == Some(&Value::BulkString(b"master".to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::servers::Servers;
    use crate::config::url::StoreUrl;

    #[tokio::test]
    async fn what_is_heard_late_of_an_earlier_failover_moves_nothing() {
        let Ok(StoreUrl::Redis(servers)) = StoreUrl::parse("redis-sentinel://h/main") else { panic!("a Redis URL") };
        let Servers::Sentinel(group) = *servers else { panic!("a Sentinel's") };
        let pools = Pools { connections: 1, bulk_connections: 1, in_flight: 1, budget: CONNECT };
        let group = Sentinels::new(&group, &pools, &Failovers::new()).expect("a group");
        let place = |port| Place::Tcp { host: "h".into(), port };
        for (epoch, port, expected) in [(2, 2, 2), (1, 1, 2), (2, 3, 3), (3, 4, 4)] {
            group.moved(&watch::Told { epoch, place: place(port) });
            assert_eq!(group.master().map(|master| master.place().clone()), Some(place(expected)));
        }
    }
}
