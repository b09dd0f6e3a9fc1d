//! A master whose address the Sentinels know: found by a question to them, followed by a subscription.

pub(crate) mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redis::Value;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::servers::{Addr, SentinelGroup, Server};
use crate::config::{ConfigError, Pools};
use crate::error::Outage;
use crate::store::redis::client::Path;
use crate::store::redis::client::budget::{
    Budget, CONNECTION_TIMEOUT, LEASE_RENEWAL, REFRESH_PAUSE, REFRESH_STALLED, RESPONSE_TIMEOUT,
};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::Command;
use crate::store::redis::client::node::Node;
use crate::store::redis::client::node::check;
use crate::store::redis::client::node::connection::Role;
use crate::store::redis::client::shared_attempt::Single;
use crate::store::redis::client::single_task::{Lease, Taken};
use crate::store::redis::client::topology::failovers::Failovers;
use crate::util::boxed::boxed;
use crate::util::clock::{Millis, system_ms};

/// The master, and its Sentinels.
pub(crate) struct Sentinels {
    group: SentinelGroup,
    pools: Pools,
    failovers: Failovers,
    /// Std locks: held for a clone or a comparison, never across an `.await`.
    master: RwLock<Option<Arc<Node>>>,
    /// The epoch of the last accepted failover.
    epoch: AtomicU64,
    /// The Sentinels of the URL, and those that they name.
    addrs: Mutex<Vec<Addr>>,
    /// One listener for each Sentinel, and the task that renews the lease; they end with this.
    watchers: Mutex<JoinSet<()>>,
    listening: Arc<Lease>,
    finding: Single<Result<(), CallError>>,
    asking: Arc<Lease>,
}

impl Sentinels {
    pub(crate) fn new(group: &SentinelGroup, pools: &Pools, failovers: &Failovers) -> Result<Arc<Self>, ConfigError> {
        // Fails before any I/O, for the same reasons as a connection.
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
            listening: Lease::new(2 * LEASE_RENEWAL),
            finding: Single::new(REFRESH_STALLED),
            asking: Lease::new(REFRESH_STALLED),
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
        // A master that was stopped, or is being replaced, replies before it learns of it.
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

    /// The master; waits until it is found.
    pub(crate) async fn found(self: &Arc<Self>, budget: &Budget) -> Result<Arc<Node>, CallError> {
        if self.listening.is_free() {
            boxed(self.listen(budget)).await;
        }
        if let Some(master) = self.master() {
            return Ok(master);
        }
        timeout(budget.left(CONNECTION_TIMEOUT), self.find_together())
            .await
            .unwrap_or(Err(CallError::no_connection("no Sentinel named the master in time")))?;
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

    /// Subscribes on the current runtime. If an earlier task has stopped renewing its lease, a failover may have been
    /// missed.
    async fn listen(self: &Arc<Self>, budget: &Budget) {
        if Handle::try_current().is_err() {
            return;
        }
        if self.master().is_some() {
            // A failure is seen by the calls too.
            let _ = timeout(budget.left(RESPONSE_TIMEOUT), self.find_together()).await;
        }
        let Some(turn) = self.listening.take() else { return };
        let addrs = self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut watchers = JoinSet::new();
        watchers.spawn(renew(turn));
        for addr in addrs {
            watchers.spawn(self.listener(&addr));
        }
        *self.watchers.lock().unwrap_or_else(PoisonError::into_inner) = watchers;
    }

    /// Searches the master in a task of its own; only a caller without a master waits for it.
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
            sleep(REFRESH_PAUSE).await;
            drop(turn);
        });
    }

    /// Of the masters that the Sentinels name, that of the last failover is used if it confirms its role. A master
    /// that was cut off confirms it too, and so does a Sentinel that was cut off with it.
    async fn find(self: &Arc<Self>) -> Result<(), CallError> {
        let known = self.epoch.load(Ordering::Relaxed);
        let (reports, mut last) = self.reports(known).await;
        let Some(epoch) = reports.iter().map(|report| report.epoch).max() else { return Err(last) };
        let mut tried = Vec::new();
        for watch::MasterInfo { addr, .. } in reports.into_iter().filter(|report| report.epoch == epoch) {
            if !tried.contains(&addr) {
                match self.confirm(&addr).await {
                    Ok(node) => return self.accept(node, known, epoch),
                    Err(error) => last = error,
                }
                tried.push(addr);
            }
        }
        Err(last)
    }

    /// Asks all Sentinels concurrently, until half have replied and one knows of the last accepted failover. If none
    /// does, for example after they were created again, half of them have to agree.
    async fn reports(&self, known: u64) -> (Vec<watch::MasterInfo>, CallError) {
        let addrs = self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = addrs.len();
        let mut asked = JoinSet::new();
        for addr in addrs {
            let (sentinel, master) = (self.sentinel(&addr), self.group.master.clone());
            asked.spawn(async move { watch::ask(&sentinel, &master).await });
        }
        let (mut reports, mut last) = (Vec::<watch::MasterInfo>::new(), CallError::no_connection(UNKNOWN));
        let mut until = Instant::now() + CONNECTION_TIMEOUT + RESPONSE_TIMEOUT;
        while let Ok(Some(answer)) = timeout_at(until, asked.join_next()).await {
            match answer {
                Ok(Ok(report)) => reports.push(report),
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
            if reports.len() * 2 >= count && reports.iter().any(|report| report.epoch >= known) {
                break;
            }
            if reports.len() == 1 {
                until = until.min(Instant::now() + RESPONSE_TIMEOUT);
            }
        }
        if reports.len() * 2 < count {
            reports.retain(|report| report.epoch >= known);
        }
        (reports, last)
    }

    /// The node of a server that confirms that it is a master. One that does not permit the question counts as a
    /// master.
    async fn confirm(&self, addr: &Addr) -> Result<Arc<Node>, CallError> {
        let node = match self.master() {
            Some(master) if master.addr() == addr => master,
            _ => self.new_node(addr)?,
        };
        match node.send(Path::Request, &Budget::of(RESPONSE_TIMEOUT), &redis::cmd("ROLE")).await {
            Ok(role) if !is_master(&role) => Err(CallError::no_connection(REPLICA)),
            Err(error) if error.is_from_replica() => Err(CallError::no_connection(REPLICA)),
            Err(error) if error.code() != Some("NOPERM") => Err(error),
            _ => Ok(node),
        }
    }

    /// Switches to the node, unless a Sentinel has reported another failover meanwhile.
    fn accept(&self, node: Arc<Node>, known: u64, epoch: u64) -> Result<(), CallError> {
        if self.epoch.compare_exchange(known, epoch, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Err(CallError::no_connection("the Sentinels' master has moved again"));
        }
        self.switch_to(node);
        Ok(())
    }

    /// A Sentinel reports that the master has moved.
    fn moved(&self, report: &watch::MasterInfo) {
        if report.epoch < self.epoch.fetch_max(report.epoch, Ordering::Relaxed) {
            return;
        }
        if self.master().is_none_or(|master| *master.addr() != report.addr)
            && let Ok(node) = self.new_node(&report.addr)
        {
            self.switch_to(node);
        }
    }

    fn switch_to(&self, node: Arc<Node>) {
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

    /// Why there is no master: an address without a Sentinel is the better reason.
    pub(crate) async fn why_not(&self, error: CallError) -> Outage {
        for addr in &self.group.sentinels {
            let sentinel = self.sentinel(addr);
            let info = watch::info(&sentinel).await;
            if let Err(outage) = check::judge(&sentinel, check::Mode::Sentinel, info) {
                return outage;
            }
        }
        error.into_outage()
    }

    fn new_node(&self, addr: &Addr) -> Result<Arc<Node>, CallError> {
        Node::new(self.group.credentials.at(addr.clone()), Role::Master, &self.pools, &self.failovers)
            .map(Arc::new)
            .map_err(|_| CallError::no_connection("the Sentinels' master has an invalid address"))
    }

    pub(crate) fn sentinel(&self, addr: &Addr) -> Server {
        self.group.sentinel_access.at(addr.clone())
    }

    /// Subscribes to a Sentinel; the first report of a switch is used.
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

/// Renews the lease while the runtime of the listeners is driven.
async fn renew(mut turn: Taken) {
    while turn.renew() {
        sleep(LEASE_RENEWAL).await;
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
    async fn a_late_notification_of_an_earlier_failover_changes_nothing() {
        let Ok(StoreUrl::Redis(servers)) = StoreUrl::parse("redis-sentinel://h/main") else { panic!("a Redis URL") };
        let Servers::Sentinel(group) = *servers else { panic!("a Sentinel's") };
        let pools = Pools { connections: 1, bulk_connections: 1, in_flight: 1, budget: CONNECTION_TIMEOUT };
        let group = Sentinels::new(&group, &pools, &Failovers::new()).expect("a group");
        let addr = |port| Addr::Tcp { host: "h".into(), port };
        for (epoch, port, expected) in [(2, 2, 2), (1, 1, 2), (2, 3, 3), (3, 4, 4)] {
            group.moved(&watch::MasterInfo { epoch, addr: addr(port) });
            assert_eq!(group.master().map(|master| master.addr().clone()), Some(addr(expected)));
        }
    }
}
