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

use crate::config::servers::{Addr, Server};
use crate::config::{ConfigError, Pools};
use crate::store::redis::client::Path;
use crate::store::redis::client::budget::Budget;
use crate::store::redis::client::bulk::Bulk;
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::Command;
use crate::store::redis::client::node::clock::ServerClock;
use crate::store::redis::client::node::connection::{Connector, Role};
use crate::store::redis::client::node::in_flight::InFlightLimit;
use crate::store::redis::client::node::reconnect::SharedConnections;
use crate::store::redis::client::topology::failovers::Failovers;
use crate::util::boxed::boxed;

/// The shared connections, the bulk connections and the clock of one server.
pub(crate) struct Node {
    server: Server,
    shared: Arc<SharedConnections>,
    bulk: Bulk,
    pub(crate) clock: Arc<ServerClock>,
    in_flight: InFlightLimit,
}

impl Node {
    /// Opens no connection: the first call that needs one does.
    pub(crate) fn new(server: Server, role: Role, pools: &Pools, failovers: &Failovers) -> Result<Self, ConfigError> {
        let clock = Arc::new(ServerClock::new());
        let connector = Connector::new(&server, role, failovers)?;
        Ok(Self {
            bulk: Bulk::new(&connector, clock.clone(), pools.bulk_connections)?,
            shared: SharedConnections::new(connector, clock.clone(), pools.connections, pools.budget),
            clock,
            in_flight: InFlightLimit::new(pools.in_flight),
            server,
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn addr(&self) -> &Addr {
        &self.server.addr
    }

    pub(crate) async fn send<C: Command>(&self, path: Path, budget: &Budget, call: &C) -> Result<C::Output, CallError> {
        match path {
            Path::Request => {
                let _permit = self.in_flight.begin()?;
                let answer = self.shared.send(budget, call).await;
                if answer.as_ref().is_err_and(CallError::is_from_replica) {
                    self.bulk.give_all_up();
                }
                answer
            }
            Path::Bulk => {
                let answer = boxed(self.bulk.send(budget, call)).await;
                if answer.as_ref().is_err_and(CallError::is_from_replica) {
                    self.shared.give_all_up();
                }
                answer
            }
        }
    }
}
