//! The client of Redis: chooses the connection of a call, its retries and its time limit.
//!
//! A call that was not executed is sent again if the cause may pass. A call whose reply was lost is sent again too: a
//! repeated read changes nothing, and a script recognizes a repeat by its operation id. All attempts share one
//! budget.

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
use crate::error::Outage;
use crate::store::redis::client::budget::RESPONSE_TIMEOUT;
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
pub(crate) use crate::store::redis::client::call_error::CallError;
pub(crate) use crate::store::redis::client::protocol::encode::hgetall;
pub(crate) use crate::store::redis::client::protocol::frame::Frame;
pub(crate) use crate::store::redis::client::protocol::script::Script;

/// Which connections a call is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// The shared connections of requests.
    Request,
    /// The pool of deadpool, so that bulk work never queues in front of requests.
    Bulk,
}

/// The reply to a script.
#[derive(Debug)]
pub(crate) struct ScriptAnswer {
    pub(crate) answer: Frame,
    /// How many attempts may have been executed: 1, and 1 more for each lost reply.
    pub(crate) times: u32,
}

/// The connections to the servers that store the sessions.
///
/// In a Cluster a call is sent to the node that owns its key. All keys of one call are in one slot.
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
    /// Opens no connection: the first call that needs one does.
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

    /// A count that increases when acknowledged writes may be lost: after a failover, or the restart of a server. Also
    /// without a loss, for example when a node joins a Cluster.
    pub(crate) fn failovers(&self) -> watch::Receiver<u64> {
        self.failovers.watch()
    }

    /// A runtime for tasks that are started outside of any runtime.
    pub(crate) fn home(&self) -> Option<&Handle> {
        self.home.handle()
    }

    /// The budget of one operation of the contract, with all its calls and retries.
    pub(crate) fn budget(&self) -> Budget {
        Budget::of(self.budget)
    }

    /// The budget of a call whose late reply has no use.
    pub(crate) fn short_budget(&self) -> Budget {
        Budget::of(self.budget.min(RESPONSE_TIMEOUT))
    }

    /// An estimate of the clock of a master; before the first connection, the clock of this machine.
    pub(crate) fn now(&self) -> Millis {
        self.now_of(None)
    }

    /// An estimate of the clock of the key's master; before its first connection, the clock of this machine.
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

    /// Sets the clock of the master that owns the key, from a reply.
    pub(crate) fn clock_seen(&self, key: &[u8], now: Millis) {
        match &self.topology {
            Topology::One(node) => node.clock.seen(now),
            Topology::Sentinel(group) => group.clock_seen(now),
            Topology::Cluster(cluster) => cluster.clock_seen(key, now),
        }
    }

    /// Sends reads in one round trip, all for keys of one slot.
    pub(crate) async fn read(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        commands: &Pipeline,
    ) -> Result<Vec<Value>, CallError> {
        match self.call(path, budget, Some(key), commands).await {
            Ok((answers, _)) => Ok(answers),
            Err(error) if error.code() == Some("ASK") => boxed(self.read_by_key(path, budget, key, commands)).await,
            Err(error) => Err(error),
        }
    }

    /// While a slot moves, its keys are on two nodes.
    async fn read_by_key(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        commands: &Pipeline,
    ) -> Result<Vec<Value>, CallError> {
        let mut answers = Vec::with_capacity(commands.len());
        for run in by_key(commands) {
            answers.extend(self.call(path, budget, Some(key), &run).await?.0);
        }
        Ok(answers)
    }

    /// Sends one read, without the overhead of a pipeline.
    pub(crate) async fn read_one(
        &self,
        path: Path,
        budget: &Budget,
        key: &[u8],
        command: &Cmd,
    ) -> Result<Value, CallError> {
        self.call(path, budget, Some(key), command).await.map(|(answer, _)| answer)
    }

    /// Reads a hash.
    pub(crate) async fn read_hash(&self, budget: &Budget, key: &[u8]) -> Result<Frame, CallError> {
        self.call(Path::Request, budget, Some(key), &Hgetall(key)).await.map(|(hash, _)| hash)
    }

    /// Reads a key's milliseconds to live, then its hash, in one round trip.
    pub(crate) async fn read_lasting(&self, budget: &Budget, key: &[u8]) -> Result<(Value, Frame), CallError> {
        self.call(Path::Request, budget, Some(key), &HgetallWithTtl(key)).await.map(|(answer, _)| answer)
    }

    /// Sends a read that any master can serve.
    pub(crate) async fn read_anywhere(&self, budget: &Budget, command: &Cmd) -> Result<Value, CallError> {
        self.call(Path::Request, budget, None, command).await.map(|(answer, _)| answer)
    }

    /// Calls a script; repeats it with the same arguments while its outcome is unknown. The class
    /// of the error says whether it may have been executed.
    pub(crate) async fn script(
        &self,
        path: Path,
        budget: &Budget,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<ScriptAnswer, CallError> {
        self.assert_one_slot(keys);
        let invocation = Invocation::new(script, keys, args);
        let (answer, times) = self.call(path, budget, keys.first().copied(), &invocation).await?;
        Ok(ScriptAnswer { answer, times })
    }

    /// Calls a script on a connection of its own, then waits for the given number of replicas, or the given duration.
    /// Returns how many replicas have its writes. Fails as [`script`](Self::script) does.
    pub(crate) async fn script_and_wait(
        &self,
        budget: &Budget,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        wait: (usize, Duration),
    ) -> Result<(ScriptAnswer, usize), CallError> {
        self.assert_one_slot(keys);
        let call = Replicated::new(script, keys, args, wait);
        let ((answer, replicas), times) = self.call(Path::Bulk, budget, keys.first().copied(), &call).await?;
        // A repeat may write nothing; then `WAIT` proves nothing.
        Ok((ScriptAnswer { answer, times }, if times > 1 { 0 } else { replicas }))
    }

    fn assert_one_slot(&self, keys: &[&[u8]]) {
        let mut slots = keys.iter().map(|key| hash_slot::slot(key));
        let first = slots.next();
        debug_assert!(!self.is_cluster() || slots.all(|each| Some(each) == first), "the keys are of several slots");
    }

    /// Sends the command to every master; returns the replies by address, in no order.
    pub(crate) async fn ask_masters(
        &self,
        budget: &Budget,
        command: &Cmd,
    ) -> Result<Vec<(String, Result<Value, CallError>)>, CallError> {
        if self.home.is_outside() {
            let asked = self.home.enter(boxed(self.ask_each_master(budget, command))).await;
            return asked.unwrap_or_else(Err);
        }
        self.ask_each_master(budget, command).await
    }

    async fn ask_each_master(
        &self,
        budget: &Budget,
        command: &Cmd,
    ) -> Result<Vec<(String, Result<Value, CallError>)>, CallError> {
        let mut answers = Vec::new();
        match &self.topology {
            Topology::One(node) => answers.push(asked(node, budget, command).await),
            Topology::Sentinel(group) => {
                let node = group.found(budget).await.map_err(CallError::lasting)?;
                answers.push(asked(&node, budget, command).await);
            }
            Topology::Cluster(cluster) => {
                // Concurrently: a node that does not reply must not use up the time of the others.
                let mut all = JoinSet::new();
                for node in cluster.masters(budget).await.map_err(CallError::lasting)? {
                    let (budget, command) = (*budget, command.clone());
                    all.spawn(async move { asked(&node, &budget, &command).await });
                }
                answers = all.join_all().await;
            }
        }
        Ok(answers)
    }

    /// Checks once that the servers can be used.
    pub(crate) async fn check(&self) -> Result<(), Outage> {
        if self.home.is_outside() {
            return Err(CallError::OUTSIDE.into_outage());
        }
        check(self, &self.budget()).await
    }

    /// Returns the reply, and how many attempts may have been executed.
    async fn call<C: Command>(
        &self,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<(C::Output, u32), CallError> {
        if self.home.is_outside() {
            let sent = self.home.enter(boxed(self.send(path, budget, key, call))).await;
            return sent.unwrap_or_else(|error| Err(self.failed(call, error, 0)));
        }
        self.send(path, budget, key, call).await
    }

    /// Does the same inside a runtime.
    async fn send<C: Command>(
        &self,
        path: Path,
        budget: &Budget,
        key: Option<&[u8]>,
        call: &C,
    ) -> Result<(C::Output, u32), CallError> {
        let mut lost = 0;
        let mut waits = budget.waits();
        let mut before = None;
        loop {
            let error = match self.attempt(path, budget, key, call).await {
                Ok(answer) => {
                    self.incidents.succeeded(call.success());
                    return Ok((answer, lost + 1));
                }
                // The earlier error says more than that the time is over.
                Err(error) if error.is_late() => return Err(self.failed(call, before.unwrap_or(error), lost)),
                Err(error) => error,
            };
            lost += u32::from(error.is_lost());
            if !error.is_worth_a_retry() || !waits.pause().await {
                return Err(self.failed(call, error, lost));
            }
            before = Some(error);
        }
    }

    /// Records a call that is not tried again.
    #[cold]
    fn failed(&self, call: &impl Command, error: CallError, lost: u32) -> CallError {
        let is_read = call.success() == Success::Read;
        if let Some((kind, advice)) = cause::of(&error, !is_read) {
            self.incidents.failed(kind, advice, || cause::text(&error));
        }
        error.final_of(is_read, lost)
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
            // Boxed: the calls to a single server must not carry the size of these futures.
            Topology::Sentinel(group) => boxed(group.send(path, budget, call)).await,
            Topology::Cluster(cluster) => boxed(cluster.send(path, budget, key, call)).await,
        }
    }
}

/// The address of a node, and its reply to a read.
async fn asked(node: &Node, budget: &Budget, command: &Cmd) -> (String, Result<Value, CallError>) {
    (node.addr().to_string(), node.send(Path::Request, budget, command).await.map_err(CallError::lasting))
}
