//! The connection that a call is sent on: the crate's own for requests, the redis crate's for bulk work.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::time::Instant;

use crate::store::redis::client::budget::RESPONSE_TIMEOUT;
use crate::store::redis::client::node::multiplexed::Multiplexed;
use crate::store::redis::client::protocol::encode::raw_of;
use crate::util::boxed::boxed;

/// A handle that is cheap to clone.
#[derive(Clone)]
pub(crate) struct Connection {
    route: Route,
    /// The deadline of a reply; [`RESPONSE_TIMEOUT`] from now if not set.
    until: Option<Instant>,
}

#[derive(Clone)]
enum Route {
    Ours(Multiplexed),
    /// From the pool for bulk work, where a microsecond more for each call does not matter.
    Driver(Box<MultiplexedConnection>),
}

impl From<Multiplexed> for Connection {
    fn from(multiplexed: Multiplexed) -> Self {
        Self { route: Route::Ours(multiplexed), until: None }
    }
}

impl From<MultiplexedConnection> for Connection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self { route: Route::Driver(Box::new(connection)), until: None }
    }
}

impl Connection {
    /// Sets the deadline for replies to later calls.
    pub(crate) fn wait_until(&mut self, until: Instant) {
        self.until = Some(until);
        if let Route::Driver(connection) = &mut self.route {
            connection.set_response_timeout(until.saturating_duration_since(Instant::now()));
        }
    }

    /// Sends a command; an error of the server is returned as a value.
    pub(crate) async fn send_packed_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match &mut self.route {
            Route::Ours(multiplexed) => multiplexed.one(command, self.until.unwrap_or_else(soon)).await,
            Route::Driver(connection) => boxed(connection.send_packed_command(command)).await,
        }
    }

    /// Sends commands, as `write` appends them or `built` builds them for the redis crate, and returns the bytes of the
    /// replies. There is room for the given number of bytes.
    pub(crate) async fn raw(
        &mut self,
        replies: (usize, usize),
        write: impl FnOnce(&mut Vec<u8>) + Send,
        built: impl FnOnce() -> Pipeline + Send,
    ) -> RedisResult<Vec<u8>> {
        match &mut self.route {
            Route::Ours(multiplexed) => multiplexed.raw(write, self.until.unwrap_or_else(soon), replies).await,
            Route::Driver(_) => raw_of(boxed(self.send_packed_commands(&built())).await?),
        }
    }

    /// Sends commands in one write; returns a reply for each.
    pub(crate) async fn send_packed_commands(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match &mut self.route {
            Route::Ours(multiplexed) => multiplexed.many(commands, self.until.unwrap_or_else(soon)).await,
            Route::Driver(connection) => boxed(connection.send_packed_commands(commands, 0, commands.len())).await,
        }
    }
}

fn soon() -> Instant {
    Instant::now() + RESPONSE_TIMEOUT
}
