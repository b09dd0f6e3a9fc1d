//! The store's calls on the wire: on which connection, for how long, how often.
//!
//! A call that was surely not executed is tried again while the reason may pass. One whose answer was lost is sent
//! again too: reads are harmless twice, and scripts tell a repeat by its operation id. All within one budget.
#![allow(dead_code, reason = "the operations arrive on another branch")]

mod budget;
mod bulk;
mod call;
mod check;
mod clock;
mod fault;
mod lane;
mod link;
mod script;
#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};

use self::bulk::Bulk;
use self::call::{Call, Invocation};
use self::clock::ServerClock;
use self::fault::{Failure, Fault};
use self::lane::Lane;
use self::link::Dial;
use crate::clock::Millis;
use crate::config::url::Server;
use crate::config::{ConfigError, Pools};
use crate::error::{Error, Outage};

pub(crate) use self::budget::Budget;
pub(crate) use self::script::Script;

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
pub(crate) struct Sent {
    pub(crate) answer: Value,
    /// How many sendings of the call may have been executed: 1, and 1 more for each lost answer.
    pub(crate) times: u32,
}

/// The connections to one server.
pub(crate) struct Wire {
    server: Server,
    lanes: Box<[Arc<Lane>]>,
    turn: AtomicUsize,
    bulk: Bulk,
    clock: Arc<ServerClock>,
    budget: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("server", &self.server).field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Wire {
    /// Opens nothing yet: the first call that needs a connection does.
    pub(crate) fn new(server: &Server, pools: &Pools) -> Result<Self, ConfigError> {
        let clock = Arc::new(ServerClock::new());
        let dial = Dial::new(server)?;
        Ok(Self {
            server: server.clone(),
            lanes: (0..pools.connections).map(|_| Lane::new(dial.clone(), clock.clone(), pools.budget)).collect(),
            turn: AtomicUsize::new(0),
            bulk: Bulk::new(&dial, clock.clone(), pools.bulk_connections)?,
            clock,
            budget: pools.budget,
        })
    }

    /// For one operation of the contract, all its calls and retries.
    pub(crate) fn budget(&self) -> Budget {
        Budget::of(self.budget)
    }

    /// For a question whose answer is worth nothing when it is late.
    pub(crate) fn short_budget(&self) -> Budget {
        Budget::of(self.budget.min(Duration::from_millis(500)))
    }

    /// An estimate of the server's clock; until first connected, this machine's.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// An answer told the server's clock.
    pub(crate) fn clock_seen(&self, now: Millis) {
        self.clock.seen(now);
    }

    /// Plain reads in one round trip. Fails as [`Error::Unavailable`].
    pub(crate) async fn read(&self, path: Path, budget: &Budget, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        self.call(path, budget, commands).await.map(|(answers, _)| answers).map_err(Failure::of_read)
    }

    /// One plain read, without a pipeline's overhead. Fails as [`Error::Unavailable`].
    pub(crate) async fn read_one(&self, path: Path, budget: &Budget, command: &Cmd) -> Result<Value, Error> {
        self.call(path, budget, command).await.map(|(answer, _)| answer).map_err(Failure::of_read)
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
    ) -> Result<Sent, Error> {
        let invocation = Invocation::new(script, keys, args);
        let (answer, times) = self.call(path, budget, &invocation).await.map_err(Failure::of_write)?;
        Ok(Sent { answer, times })
    }

    /// Asks the server once whether it will do.
    pub(crate) async fn check(&self) -> Result<(), Outage> {
        check::check(&self.server, self.attempt(Path::Request, &self.budget(), &check::info()).await)
    }

    /// Answers the call's answer and how many of its sendings may have been executed.
    async fn call<C: Call>(&self, path: Path, budget: &Budget, call: &C) -> Result<(C::Answer, u32), Failure> {
        let mut lost = 0;
        let mut waits = budget.waits();
        loop {
            let fault = match self.attempt(path, budget, call).await {
                Ok(answer) => return Ok((answer, lost + 1)),
                Err(fault) => fault,
            };
            lost += u32::from(fault.is_lost());
            if !fault.is_worth_a_retry() || !waits.pause().await {
                return Err(Failure { fault, lost });
            }
        }
    }

    async fn attempt<C: Call>(&self, path: Path, budget: &Budget, call: &C) -> Result<C::Answer, Fault> {
        match path {
            Path::Request => self.next_lane().send(budget, call).await,
            Path::Bulk => Box::pin(self.bulk.send(budget, call)).await,
        }
    }

    /// By turns, so that a retry meets another connection.
    fn next_lane(&self) -> &Arc<Lane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.lanes[turn % self.lanes.len()]
    }
}
