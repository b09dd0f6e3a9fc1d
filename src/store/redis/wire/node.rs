//! The connections to one server.

use std::sync::Arc;

use super::Path;
use super::budget::Budget;
use super::bulk::Bulk;
use super::call::Call;
use super::clock::ServerClock;
use super::failovers::Failovers;
use super::fault::Fault;
use super::flight::Flight;
use super::lanes::Lanes;
use super::link::{Dial, Role};
use crate::config::servers::{Place, Server};
use crate::config::{ConfigError, Pools};
use crate::erased::erased;

/// A server's shared connections, its bulk connections and its clock.
pub(super) struct Node {
    server: Server,
    lanes: Arc<Lanes>,
    bulk: Bulk,
    pub(super) clock: Arc<ServerClock>,
    flight: Flight,
}

impl Node {
    /// Opens nothing yet: the first call that needs a connection does.
    pub(super) fn new(server: Server, role: Role, pools: &Pools, failovers: &Failovers) -> Result<Self, ConfigError> {
        let clock = Arc::new(ServerClock::new());
        let dial = Dial::new(&server, role, failovers)?;
        Ok(Self {
            bulk: Bulk::new(&dial, clock.clone(), pools.bulk_connections)?,
            lanes: Lanes::new(dial, clock.clone(), pools.connections, pools.budget),
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
                let answer = self.lanes.send(budget, call).await;
                if answer.as_ref().is_err_and(Fault::is_from_replica) {
                    self.bulk.give_all_up();
                }
                answer
            }
            Path::Bulk => {
                let answer = erased(self.bulk.send(budget, call)).await;
                if answer.as_ref().is_err_and(Fault::is_from_replica) {
                    self.lanes.give_all_up();
                }
                answer
            }
        }
    }
}
