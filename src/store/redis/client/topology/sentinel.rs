//! A master whose address some Sentinels know: found by asking them, followed by listening to them.

pub(crate) mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::Value;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::servers::{Addr, SentinelGroup, Server};
use crate::config::{ConfigError, Pools};
use crate::error::Outage;
use crate::store::redis::client::Path;
use crate::store::redis::client::budget::Budget;
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::Command;
use crate::store::redis::client::node::Node;
use crate::store::redis::client::node::check;
use crate::store::redis::client::node::connection::{CONNECT, Role};
use crate::store::redis::client::shared_attempt::Single;
use crate::store::redis::client::single_task::{Lease, Taken};
use crate::store::redis::client::topology::failovers::Failovers;
use crate::util::boxed::boxed;
use crate::util::clock::{Millis, system_ms};

/// The Sentinels are not asked more often than this, whatever happens.
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// How long a server may take to tell its role.
const TELL: Duration = Duration::from_millis(500);
/// What listens to the Sentinels gives a sign this often. A call that finds no sign for twice as long listens itself, and
/// asks what was missed.
const SIGN_EACH: Duration = Duration::from_millis(500);
/// Who asks and takes longer may be on a runtime that stands still, and holds nobody up.
const STILL: Duration = Duration::from_millis(700);

/// The master, and who knows where it is.
pub(crate) struct Sentinels {
    group: SentinelGroup,
    pools: Pools,
    failovers: Failovers,
    /// Std locks: held for a clone or a comparison, never across an `.await`.
    master: RwLock<Option<Arc<Node>>>,
    /// Of the last failover that was believed.
    epoch: AtomicU64,
    /// The URL's, and those that these know.
    addrs: Mutex<Vec<Addr>>,
    /// One listener for each place, and what gives signs for them; they end with this.
    watchers: Mutex<JoinSet<()>>,
    listening: Arc<Lease>,
    finding: Single<Result<(), CallError>>,
    asking: Arc<Lease>,
}

impl Sentinels {
    pub(crate) fn new(group: &SentinelGroup, pools: &Pools, failovers: &Failovers) -> Result<Arc<Self>, ConfigError> {
        // Says before any I/O what a connection would stumble over.
        for addr in &group.sentinels {
            Node::new(group.credentials.at(addr.clone()), Role::Master, pools, failovers)?;
        }
        Ok(Arc::new(Self {
            group: group.clone(),
            pools: *pools,
            failovers: failovers.clone(),
            master: RwLock::default(),
            epoch: AtomicU64::new(0),
            addrs: Mutex::new(group.sentinels.clone()),
            watchers: Mutex::default(),
            listening: Lease::new(2 * SIGN_EACH),
            finding: Single::new(STILL),
            asking: Lease::new(STILL),
        }))
    }

    pub(crate) async fn send<C: Command>(
        self: &Arc<Self>,
        path: Path,
        budget: &Budget,
        call: &C,
    ) -> Result<C::Output, CallError> {
        let master = self.found(budget).await?;
        let answer = master.send(path, budget, call).await;
        // A master that stood still, or that is being replaced, answers before it learns of it.
        if answer.is_ok() && self.master().is_some_and(|now| !Arc::ptr_eq(&now, &master)) {
            return Err(CallError::REPLACED);
        }
        if answer.as_ref().is_err_and(CallError::may_have_a_successor) {
            self.find_soon();
        }
        answer
    }

    pub(crate) fn now(&self) -> Millis {
        self.master().map_or_else(system_ms, |master| master.clock.now())
    }

    pub(crate) fn clock_seen(&self, now: Millis) {
        if let Some(master) = self.master() {
            master.clock.seen(now);
        }
    }

    fn master(&self) -> Option<Arc<Node>> {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The master, waiting until it was found once.
    pub(crate) async fn found(self: &Arc<Self>, budget: &Budget) -> Result<Arc<Node>, CallError> {
        if self.listening.is_free() {
            boxed(self.listen(budget)).await;
        }
        if let Some(master) = self.master() {
            return Ok(master);
        }
        timeout(budget.left(CONNECT), self.find_together())
            .await
            .unwrap_or(Err(CallError::no_connection("no Sentinel told in time where the master is")))?;
        self.master().ok_or_else(|| CallError::no_connection(UNKNOWN))
    }

    async fn find_together(self: &Arc<Self>) -> Result<(), CallError> {
        let find = || {
            let group = Arc::clone(self);
            async move { group.find().await }
        };
        let found = self.finding.join(find).await;
        found.unwrap_or_else(|| Err(CallError::no_connection("the runtime is shutting down")))
    }

    /// Listens, on this caller's runtime. If another did so before and gives no sign any more, a failover may have been missed.
    async fn listen(self: &Arc<Self>, budget: &Budget) {
        if Handle::try_current().is_err() {
            return;
        }
        if self.master().is_some() {
            // The calls see a failure too.
            let _ = timeout(budget.left(TELL), self.find_together()).await;
        }
        let Some(turn) = self.listening.take() else { return };
        let addrs = self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut watchers = JoinSet::new();
        watchers.spawn(give_signs(turn));
        for addr in addrs {
            watchers.spawn(self.listener(&addr));
        }
        *self.watchers.lock().unwrap_or_else(PoisonError::into_inner) = watchers;
    }

    /// Looks for the master in a task of its own; nobody waits for it who has one.
    fn find_soon(self: &Arc<Self>) {
        if Handle::try_current().is_err() {
            return;
        }
        let Some(turn) = self.asking.take() else { return };
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
    async fn find(self: &Arc<Self>) -> Result<(), CallError> {
        let known = self.epoch.load(Ordering::Relaxed);
        let (told, mut last) = self.told(known).await;
        let Some(epoch) = told.iter().map(|one| one.epoch).max() else { return Err(last) };
        let mut tried = Vec::new();
        for watch::MasterInfo { addr, .. } in told.into_iter().filter(|one| one.epoch == epoch) {
            if !tried.contains(&addr) {
                match self.confirm(&addr).await {
                    Ok(node) => return self.believe(node, known, epoch),
                    Err(fault) => last = fault,
                }
                tried.push(addr);
            }
        }
        Err(last)
    }

    /// Asks all Sentinels at once, until half have told and one knows of the last failover that was believed. If
    /// none does, as after they were made anew, half of them have to say so.
    async fn told(&self, known: u64) -> (Vec<watch::MasterInfo>, CallError) {
        let addrs = self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = addrs.len();
        let mut asked = JoinSet::new();
        for addr in addrs {
            let (sentinel, master) = (self.sentinel(&addr), self.group.master.clone());
            asked.spawn(async move { watch::ask(&sentinel, &master).await });
        }
        let (mut told, mut last) = (Vec::<watch::MasterInfo>::new(), CallError::no_connection(UNKNOWN));
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
    async fn confirm(&self, addr: &Addr) -> Result<Arc<Node>, CallError> {
        let node = match self.master() {
            Some(master) if master.addr() == addr => master,
            _ => self.new_node(addr)?,
        };
        match node.send(Path::Request, &Budget::of(TELL), &redis::cmd("ROLE")).await {
            Ok(role) if !is_master(&role) => Err(CallError::no_connection(REPLICA)),
            Err(fault) if fault.is_from_replica() => Err(CallError::no_connection(REPLICA)),
            Err(fault) if fault.code() != Some("NOPERM") => Err(fault),
            _ => Ok(node),
        }
    }

    /// Goes there, unless a Sentinel has told of another failover meanwhile.
    fn believe(&self, node: Arc<Node>, known: u64, epoch: u64) -> Result<(), CallError> {
        if self.epoch.compare_exchange(known, epoch, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Err(CallError::no_connection("the Sentinels' master has moved again"));
        }
        self.go_to(node);
        Ok(())
    }

    /// A Sentinel says that the master has moved.
    fn moved(&self, told: &watch::MasterInfo) {
        if told.epoch < self.epoch.fetch_max(told.epoch, Ordering::Relaxed) {
            return;
        }
        if self.master().is_none_or(|master| *master.addr() != told.addr)
            && let Ok(node) = self.new_node(&told.addr)
        {
            self.go_to(node);
        }
    }

    fn go_to(&self, node: Arc<Node>) {
        let mut master = self.master.write().unwrap_or_else(PoisonError::into_inner);
        let elsewhere = master.as_ref().map(|known| known.addr() != node.addr());
        if elsewhere != Some(false) {
            *master = Some(node);
        }
        drop(master);
        if elsewhere == Some(true) {
            self.failovers.seen();
        }
    }

    /// Why there is no master: a place that is no Sentinel says more than that.
    pub(crate) async fn why_not(&self, fault: CallError) -> Outage {
        for addr in &self.group.sentinels {
            let sentinel = self.sentinel(addr);
            let told = watch::info(&sentinel).await;
            if let Err(outage) = check::judge(&sentinel, check::Mode::Sentinel, told) {
                return outage;
            }
        }
        fault.into_outage()
    }

    fn new_node(&self, addr: &Addr) -> Result<Arc<Node>, CallError> {
        Node::new(self.group.credentials.at(addr.clone()), Role::Master, &self.pools, &self.failovers)
            .map(Arc::new)
            .map_err(|_| CallError::no_connection("the Sentinels' master has an address that is none"))
    }

    pub(crate) fn sentinel(&self, addr: &Addr) -> Server {
        self.group.sentinel_access.at(addr.clone())
    }

    /// Each Sentinel is listened to: the first that tells of a switch is believed.
    fn listen_to(self: &Arc<Self>, addr: &Addr) {
        let mut addrs = self.addrs.lock().unwrap_or_else(PoisonError::into_inner);
        if !addrs.contains(addr) {
            addrs.push(addr.clone());
            let listener = self.listener(addr);
            self.watchers.lock().unwrap_or_else(PoisonError::into_inner).spawn(listener);
        }
    }

    fn listener(self: &Arc<Self>, addr: &Addr) -> impl Future<Output = ()> + Send + use<> {
        watch::listen(Arc::downgrade(self), self.sentinel(addr), self.group.master.clone())
    }
}

/// As long as the runtime is driven that the listeners are on.
async fn give_signs(mut turn: Taken) {
    while turn.renew() {
        sleep(SIGN_EACH).await;
    }
}

const REPLICA: &str = "the master named by the Sentinels is still a replica";
const UNKNOWN: &str = "no Sentinel knows the master's address";

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
        let addr = |port| Addr::Tcp { host: "h".into(), port };
        for (epoch, port, expected) in [(2, 2, 2), (1, 1, 2), (2, 3, 3), (3, 4, 4)] {
            group.moved(&watch::MasterInfo { epoch, addr: addr(port) });
            assert_eq!(group.master().map(|master| master.addr().clone()), Some(addr(expected)));
        }
    }
}
