//! deadpool's connections, for work that may take long.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection as Pooled, Manager, Pool, PoolError, Runtime, Timeouts};

use redis::aio::MultiplexedConnection;

use super::budget::{ANSWER, Budget};
use super::call::{Call, send};
use super::clock::ServerClock;
use super::connection::Connection;
use super::fault::Fault;
use super::link::{CONNECT, Dial, settings};
use crate::config::ConfigError;

/// A pool whose connections serve one call at a time.
pub(super) struct Bulk {
    pool: Pool,
    clock: Arc<ServerClock>,
}

impl Bulk {
    pub(super) fn new(dial: &Dial, clock: Arc<ServerClock>, connections: usize) -> Result<Self, ConfigError> {
        let wrong = |error: &dyn std::fmt::Display| ConfigError::new("url", "of the store", error);
        let manager = Manager::new_with_config(dial.info(), settings()).map_err(|error| wrong(&error))?;
        let pool = Pool::builder(manager)
            .max_size(connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(CONNECT), create: Some(CONNECT), recycle: Some(ANSWER) })
            .build()
            .map_err(|error| wrong(&error))?;
        Ok(Self { pool, clock })
    }

    pub(super) async fn send<C: Call>(&self, budget: &Budget, call: &C) -> Result<C::Answer, Fault> {
        let pooled = self.connection(budget).await?;
        let mut connection = Connection::from(MultiplexedConnection::clone(&pooled));
        if self.clock.is_due() {
            // Its failure is the call's to report.
            drop(self.clock.measure(&mut connection).await);
        }
        let answer = send(call, &mut connection, budget).await;
        if answer.as_ref().is_err_and(|fault| fault.is_lost() || fault.is_from_replica()) {
            drop(Pooled::take(pooled));
        }
        answer
    }

    async fn connection(&self, budget: &Budget) -> Result<Pooled, Fault> {
        let within = |most| Some(budget.left(most));
        let timeouts = Timeouts { wait: within(Duration::MAX), create: within(CONNECT), recycle: within(ANSWER) };
        self.pool.timeout_get(&timeouts).await.map_err(|error| match error {
            PoolError::Backend(error) => Fault::connecting(error),
            PoolError::Timeout(_) => Fault::no_connection("no bulk connection to Redis was free in time"),
            _ => Fault::no_connection("the bulk connections to Redis are closed"),
        })
    }
}
