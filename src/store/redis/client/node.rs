//! The connections to one server.

pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod failures;
pub(crate) mod in_flight;
pub(crate) mod multiplexed;
pub(crate) mod reconnect;
pub(crate) mod transport;

use std::sync::Arc;

use crate::config::servers::{Place, Server};
use crate::config::{ConfigError, Pools};
use crate::store::redis::client::Path;
use crate::store::redis::client::budget::Budget;
use crate::store::redis::client::bulk::Bulk;
use crate::store::redis::client::call_error::Fault;
use crate::store::redis::client::command::Call;
use crate::store::redis::client::node::clock::ServerClock;
use crate::store::redis::client::node::connection::{Dial, Role};
use crate::store::redis::client::node::in_flight::Flight;
use crate::store::redis::client::node::reconnect::Lanes;
use crate::store::redis::client::topology::failovers::Failovers;
use crate::util::boxed::erased;

/// A server's shared connections, its bulk connections and its clock.
pub(crate) struct Node {
    server: Server,
    lanes: Arc<Lanes>,
    bulk: Bulk,
    pub(crate) clock: Arc<ServerClock>,
    flight: Flight,
}

impl Node {
    /// Opens nothing yet: the first call that needs a connection does.
    pub(crate) fn new(server: Server, role: Role, pools: &Pools, failovers: &Failovers) -> Result<Self, ConfigError> {
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

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn place(&self) -> &Place {
        &self.server.place
    }

    pub(crate) async fn send<C: Call>(&self, path: Path, budget: &Budget, call: &C) -> Result<C::Answer, Fault> {
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
