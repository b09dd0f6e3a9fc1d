//! The client of Redis: on which connection a call is sent, for how long, how often.
//!
//! A call that was surely not executed is tried again while the reason may pass. One whose answer was lost is sent
//! again too: reads are harmless twice, and scripts tell a repeat by its operation id. All within one budget.

pub(crate) mod call_error;
pub(crate) mod command;
pub(crate) mod incident;
pub(crate) mod protocol;
pub(crate) mod runtime;
pub(crate) mod shared_attempt;
pub(crate) mod single_task;
pub(crate) mod topology;

mod budget;
mod bulk;
mod cause;
pub(crate) mod node;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::servers::Servers;
use crate::config::{ConfigError, Pools};
use crate::error::{Error, Outage};
use crate::store::redis::client::call_error::{CallError, FailedCall};
use crate::store::redis::client::command::{Command, Hgetall, HgetallWithTtl, Invocation, by_key};
use crate::store::redis::client::incident::{Incidents, Success};
use crate::store::redis::client::node::Node;
use crate::store::redis::client::node::check::check;
use crate::store::redis::client::node::connection::Role;
use crate::store::redis::client::runtime::Home;
use crate::store::redis::client::topology::cluster::Cluster;
use crate::store::redis::client::topology::failovers::Failovers;
use crate::store::redis::client::topology::hash_slot;
use crate::store::redis::client::topology::replicated::Replicated;
use crate::store::redis::client::topology::sentinel::Sentinels;
use crate::util::boxed::boxed;
use crate::util::clock::Millis;

pub(crate) use crate::store::redis::client::budget::Budget;
pub(crate) use crate::store::redis::client::protocol::encode::hgetall;
pub(crate) use crate::store::redis::client::protocol::hash::Hash;
pub(crate) use crate::store::redis::client::protocol::script::Script;

/// Whose connections a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// The shared ones that the requests use.
    Request,
    /// deadpool's, for bulk work, so that it never queues in front of requests.
    Bulk,
}

/// A script's answer.
#[derive(Debug)]
pub(crate) struct ScriptAnswer {
    pub(crate) answer: Value,
    /// How many sendings of the call may have been executed: 1, and 1 more for each lost answer.
    pub(crate) times: u32,
}

/// The connections to the servers that hold the sessions.
///
/// Every call names a key that it is about: in a Cluster, the node that has it is asked. All keys of one call lie in one slot.
pub(crate) struct Client {
    topology: Topology,
    servers: Servers,
    budget: Duration,
    failovers: Failovers,
    incidents: Incidents,
    home: Home,
}

enum Topology {
    One(Box<Node>),
    Sentinel(Arc<Sentinels>),
    Cluster(Arc<Cluster>),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("servers", &self.servers).field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Client {
    /// Opens nothing yet: the first call that needs a connection does.
    pub(crate) fn new(servers: &Servers, pools: &Pools) -> Result<Self, ConfigError> {
        let failovers = Failovers::new();
        let incidents = Incidents::of(servers.to_string());
        let topology = match servers {
            Servers::One(server) => {
                Topology::One(Box::new(Node::new(server.clone(), Role::Master, pools, &failovers)?))
            }
            Servers::Sentinel(group) => Topology::Sentinel(Sentinels::new(group, pools, &failovers)?),
            Servers::Cluster { seeds, credentials } => {
                Topology::Cluster(Cluster::new(seeds, credentials, pools, &failovers)?)
            }
        };
        Ok(Self { topology, servers: servers.clone(), budget: pools.budget, failovers, incidents, home: Home::here() })
    }

    /// Whether keys of different slots may be on different servers.
    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self.topology, Topology::Cluster(_))
    }

    /// A count that grows when this process sees what may have lost acknowledged writes: a failover, a server that was
    /// restarted. Now and then also without a loss, as when a node joins a Cluster.
    pub(crate) fn failovers(&self) -> watch::Receiver<u64> {
        self.failovers.watch()
    }

    /// A runtime for tasks that are begun outside of any.
    pub(crate) fn home(&self) -> Option<&Handle> {
        self.home.handle()
    }

    /// For one operation of the contract, all its calls and retries.
    pub(crate) fn budget(&self) -> Budget {
        Budget::of(self.budget)
    }

    /// For a question whose answer is worth nothing when it is late.
    pub(crate) fn short_budget(&self) -> Budget {
        Budget::of(self.budget.min(Duration::from_millis(500)))
    }

    /// An estimate of some master's clock; until first connected, this machine's.
    pub(crate) fn now(&self) -> Millis {
        self.now_of(None)
    }

    /// An estimate of the clock of the master that has the key; until it was connected to, this machine's.
    pub(crate) fn now_at(&self, key: &[u8]) -> Millis {
        self.now_of(Some(key))
    }

    fn now_of(&self, key: Option<&[u8]>) -> Millis {
        match &self.topology {
            Topology::One(node) => node.clock.now(),
            Topology::Sentinel(group) => group.now(),
            Topology::Cluster(cluster) => cluster.now(key),
        }
    }

    /// An answer told the clock of the master that has the key.
    pub(crate) fn clock_seen(&self, key: &[u8], now: Millis) {
        match &self.topology {
            Topology::One(node) => node.clock.seen(now),
            Topology::Sentinel(group) => group.clock_seen(now),
            Topology::Cluster(cluster) => cluster.clock_seen(key, now),
        }
    }

    /// Plain reads in one round trip, all about keys of one slot. Fails as [`Error::Unavailable`].
    pub(crate) async fn read(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        commands: &Pipeline,
    ) -> Result<Vec<Value>, Error> {
        match self.call(path, budget, Some(key), commands).await {
            Ok((answers, _)) => Ok(answers),
            Err(failure) if failure.fault.code() == Some("ASK") => {
                boxed(self.read_by_key(path, budget, key, commands)).await
            }
            Err(failure) => Err(failure.of_read()),
        }
    }

    /// While a slot moves: some keys are here and some there, but each is in one place.
    async fn read_by_key(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        commands: &Pipeline,
    ) -> Result<Vec<Value>, Error> {
        let mut answers = Vec::with_capacity(commands.len());
        for run in by_key(commands) {
            answers.extend(self.call(path, budget, Some(key), &run).await.map_err(FailedCall::of_read)?.0);
        }
        Ok(answers)
    }

    /// One plain read, without a pipeline's overhead. Fails as [`Error::Unavailable`].
    pub(crate) async fn read_one(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        command: &Cmd,
    ) -> Result<Value, Error> {
        self.call(path, budget, Some(key), command).await.map(|(answer, _)| answer).map_err(FailedCall::of_read)
    }

    /// Reads a hash. Fails as [`Error::Unavailable`].
    pub(crate) async fn read_hash(&self, path: Path, budget: &Budget, key: &[u8]) -> Result<Hash, Error> {
        self.call(path, budget, Some(key), &Hgetall(key)).await.map(|(hash, _)| hash).map_err(FailedCall::of_read)
    }

    /// Reads how long a key lasts, in milliseconds, and then its hash, in one round trip. Fails as [`Error::Unavailable`].
    pub(crate) async fn read_lasting(&self, path: Path, budget: &Budget, key: &[u8]) -> Result<(Value, Hash), Error> {
        self.call(path, budget, Some(key), &HgetallWithTtl(key))
            .await
            .map(|(answer, _)| answer)
            .map_err(FailedCall::of_read)
    }

    /// A question that any master can answer. Fails as [`Error::Unavailable`].
    pub(crate) async fn read_anywhere(&self, budget: &Budget, command: &Cmd) -> Result<Value, Error> {
        self.call(Path::Request, budget, None, command).await.map(|(answer, _)| answer).map_err(FailedCall::of_read)
    }

    /// One script call, sent again with the same arguments while its outcome is unknown. Fails as
    /// [`Error::Unavailable`] if it was surely not executed, otherwise as [`Error::Indeterminate`].
    pub(crate) async fn script(
        &self,
        path: Path,
        budget: &Budget,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<ScriptAnswer, Error> {
        self.assert_one_slot(keys);
        let invocation = Invocation::new(script, keys, args);
        let sent = self.call(path, budget, keys.first().copied(), &invocation).await;
        let (answer, times) = sent.map_err(FailedCall::of_write)?;
        Ok(ScriptAnswer { answer, times })
    }

    /// A script call on a connection of its own, which then waits until so many replicas have it, or for so long;
    /// answers how many have. Fails as [`script`](Self::script) does.
    pub(crate) async fn script_and_wait(
        &self,
        budget: &Budget,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        wait: (usize, Duration),
    ) -> Result<(ScriptAnswer, usize), Error> {
        self.assert_one_slot(keys);
        let call = Replicated::new(script, keys, args, wait);
        let sent = self.call(Path::Bulk, budget, keys.first().copied(), &call).await;
        let ((answer, replicas), times) = sent.map_err(FailedCall::of_write)?;
        // A repeat may write nothing, and then its connection has nothing that a replica could lack.
        Ok((ScriptAnswer { answer, times }, if times > 1 { 0 } else { replicas }))
    }

    fn assert_one_slot(&self, keys: &[&[u8]]) {
        let mut slots = keys.iter().map(|key| hash_slot::slot(key));
        let first = slots.next();
        debug_assert!(!self.is_cluster() || slots.all(|each| Some(each) == first), "the keys are of several slots");
    }

    /// Asks every master the same, each by its address; in no order.
    pub(crate) async fn ask_masters(
        &self,
        budget: &Budget,
        command: &Cmd,
    ) -> Result<Vec<(String, Result<Value, Error>)>, Error> {
        if self.home.is_outside() {
            let asked = self.home.enter(boxed(self.ask_each_master(budget, command))).await;
            return asked.unwrap_or_else(|fault| Err(FailedCall { fault, lost: 0 }.of_read()));
        }
        self.ask_each_master(budget, command).await
    }

    async fn ask_each_master(
        &self,
        budget: &Budget,
        command: &Cmd,
    ) -> Result<Vec<(String, Result<Value, Error>)>, Error> {
        let mut answers = Vec::new();
        match &self.topology {
            Topology::One(node) => answers.push(asked(node, budget, command).await),
            Topology::Sentinel(group) => {
                let node = group.found(budget).await.map_err(of_read)?;
                answers.push(asked(&node, budget, command).await);
            }
            Topology::Cluster(cluster) => {
                // At the same time: one that is hung must not take the others' time.
                let mut all = JoinSet::new();
                for node in cluster.masters(budget).await.map_err(of_read)? {
                    let (budget, command) = (*budget, command.clone());
                    all.spawn(async move { asked(&node, &budget, &command).await });
                }
                answers = all.join_all().await;
            }
        }
        Ok(answers)
    }

    /// Asks the servers once whether they will do.
    pub(crate) async fn check(&self) -> Result<(), Outage> {
        if self.home.is_outside() {
            return Err(CallError::OUTSIDE.into_outage());
        }
        check(self, &self.budget()).await
    }

    /// Answers the call's answer and how many of its sendings may have been executed.
    async fn call<C: Command>(
        &self,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<(C::Output, u32), FailedCall> {
        if self.home.is_outside() {
            let sent = self.home.enter(boxed(self.send(path, budget, key, call))).await;
            return sent.unwrap_or_else(|fault| Err(self.failed(call, fault, 0)));
        }
        self.send(path, budget, key, call).await
    }

    /// The same within a runtime.
    async fn send<C: Command>(
        &self,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<(C::Output, u32), FailedCall> {
        let mut lost = 0;
        let mut waits = budget.waits();
        let mut before = None;
        loop {
            let fault = match self.attempt(path, budget, key, call).await {
                Ok(answer) => {
                    self.incidents.succeeded(call.success());
                    return Ok((answer, lost + 1));
                }
                // That time ran out says less than why it did.
                Err(fault) if fault.is_late() => return Err(self.failed(call, before.unwrap_or(fault), lost)),
                Err(fault) => fault,
            };
            lost += u32::from(fault.is_lost());
            if !fault.is_worth_a_retry() || !waits.pause().await {
                return Err(self.failed(call, fault, lost));
            }
            before = Some(fault);
        }
    }

    /// A call failed for good.
    #[cold]
    fn failed(&self, call: &impl Command, fault: CallError, lost: u32) -> FailedCall {
        if let Some((kind, advice)) = cause::of(&fault, call.success() != Success::Read) {
            self.incidents.failed(kind, advice, || cause::text(&fault));
        }
        FailedCall { fault, lost }
    }

    async fn attempt<C: Command>(
        &self,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<C::Output, CallError> {
        match &self.topology {
            Topology::One(node) => node.send(path, budget, call).await,
            // One server's calls should not carry the size of these.
            Topology::Sentinel(group) => boxed(group.send(path, budget, call)).await,
            Topology::Cluster(cluster) => boxed(cluster.send(path, budget, key, call)).await,
        }
    }
}

/// A node's address, and its answer to a read.
async fn asked(node: &Node, budget: &Budget, command: &Cmd) -> (String, Result<Value, Error>) {
    (node.addr().to_string(), node.send(Path::Request, budget, command).await.map_err(of_read))
}

fn of_read(fault: CallError) -> Error {
    FailedCall { fault, lost: 0 }.of_read()
}

/// Whether a call was refused, within its budget, because its keys lie on two nodes while their slot moves. Each of them
/// alone can still be reached.
#[cfg(test)]
pub(crate) fn is_torn(error: &Error) -> bool {
    let Error::Unavailable(outage) = error else { return false };
    let error = std::error::Error::source(outage).and_then(|source| source.downcast_ref::<redis::RedisError>());
    error.and_then(redis::RedisError::code) == Some("TRYAGAIN")
}
