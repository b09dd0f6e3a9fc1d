//! The connections to one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Path;
use super::budget::Budget;
use super::bulk::Bulk;
use super::call::Call;
use super::clock::ServerClock;
use super::failovers::Failovers;
use super::fault::Fault;
use super::flight::Flight;
use super::lane::Lane;
use super::link::Dial;
use crate::config::servers::{Place, Server};
use crate::config::{ConfigError, Pools};
use crate::erased::erased;

/// A server's shared connections, its bulk connections and its clock.
pub(super) struct Node {
    server: Server,
    lanes: Box<[Arc<Lane>]>,
    turn: AtomicUsize,
    bulk: Bulk,
    pub(super) clock: Arc<ServerClock>,
    flight: Flight,
}

impl Node {
    /// Opens nothing yet: the first call that needs a connection does.
    pub(super) fn new(server: Server, pools: &Pools, failovers: &Failovers) -> Result<Self, ConfigError> {
        let clock = Arc::new(ServerClock::new());
        let dial = Dial::new(&server, failovers)?;
        Ok(Self {
            lanes: (0..pools.connections).map(|_| Lane::new(dial.clone(), clock.clone(), pools.budget)).collect(),
            turn: AtomicUsize::new(0),
            bulk: Bulk::new(&dial, clock.clone(), pools.bulk_connections)?,
            clock,
            flight: Flight::new(pools.in_flight),
            server,
        })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn place(&self) -> &Place {
        &self.server.place
    }

    pub(super) async fn send<C: Call>(&self, path: Path, budget: &Budget, call: &C) -> Result<C::Answer, Fault> {
        match path {
            Path::Request => {
                let _flying = self.flight.begin()?;
                self.next_lane().send(budget, call).await
            }
            Path::Bulk => erased(self.bulk.send(budget, call)).await,
        }
    }

    /// By turns, so that a retry meets another connection.
    fn next_lane(&self) -> &Arc<Lane> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.lanes[turn % self.lanes.len()]
    }
}
