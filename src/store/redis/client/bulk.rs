//! The connections of bulk work, in a pool of deadpool.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection as Pooled, Manager, Pool, PoolError, Runtime, Timeouts};

use redis::aio::MultiplexedConnection;

use crate::config::ConfigError;
use crate::store::redis::client::budget::{Budget, CONNECTION_TIMEOUT, RESPONSE_TIMEOUT};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::command::{Command, send, send_checked};
use crate::store::redis::client::node::clock::ServerClock;
use crate::store::redis::client::node::connection::{Connector, settings};
use crate::store::redis::client::node::transport::Connection;

/// A pool; each connection serves one call at a time.
pub(crate) struct Bulk {
    pool: Pool,
    connector: Connector,
    clock: Arc<ServerClock>,
}

impl Bulk {
    pub(crate) fn new(connector: &Connector, clock: Arc<ServerClock>, connections: usize) -> Result<Self, ConfigError> {
        let wrong = |error: &dyn std::fmt::Display| ConfigError::new("url", "of the store", error);
        let manager = Manager::new_with_config(connector.info(), settings()).map_err(|error| wrong(&error))?;
        let connect = Some(CONNECTION_TIMEOUT);
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: connect, create: connect, recycle: Some(RESPONSE_TIMEOUT) })
            .build()
            .map_err(|error| wrong(&error))?;
        Ok(Self { pool, connector: connector.clone(), clock })
    }

    pub(crate) async fn send<C: Command>(&self, budget: &Budget, call: &C) -> Result<C::Output, CallError> {
        let pooled = self.connection(budget).await?;
        let mut connection = Connection::from(MultiplexedConnection::clone(&pooled));
        let answer = if self.connector.has_questions(&self.clock) {
            send_checked(&self.connector, &self.clock, call, &mut connection, budget).await
        } else {
            send(call, &mut connection, budget).await
        };
        if answer.as_ref().is_err_and(|error| error.is_lost() || error.is_from_replica()) {
            drop(Pooled::take(pooled));
        }
        answer
    }

    /// Drops all idle connections, so that the next calls open new ones.
    pub(crate) fn give_all_up(&self) {
        self.pool.retain(|_, _| false);
    }

    async fn connection(&self, budget: &Budget) -> Result<Pooled, CallError> {
        let within = |most| Some(budget.left(most));
        let (create, recycle) = (within(CONNECTION_TIMEOUT), within(RESPONSE_TIMEOUT));
        let timeouts = Timeouts { wait: within(Duration::MAX), create, recycle };
        self.pool.timeout_get(&timeouts).await.map_err(|error| match error {
            PoolError::Backend(error) => CallError::connecting(error),
            PoolError::Timeout(_) => CallError::no_connection("no bulk connection to Redis became free in time"),
            _ => CallError::no_connection("the bulk connections to Redis are closed"),
        })
    }
}
