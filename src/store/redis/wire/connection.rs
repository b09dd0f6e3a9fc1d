//! A connection that calls are sent on: ours, or the driver's.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::time::Instant;

use super::budget::ANSWER;
use super::pipe::Pipe;

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Connection {
    route: Route,
    patience: Duration,
}

#[derive(Clone)]
enum Route {
    Ours(Pipe),
    /// For TLS and for bulk work: there a call more or less a microsecond long is no matter.
    Driver(Box<MultiplexedConnection>),
}

impl From<Pipe> for Connection {
    fn from(pipe: Pipe) -> Self {
        Self { route: Route::Ours(pipe), patience: ANSWER }
    }
}

impl From<MultiplexedConnection> for Connection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self { route: Route::Driver(Box::new(connection)), patience: ANSWER }
    }
}

impl Connection {
    /// How long calls wait for their answers from now on.
    pub(super) fn set_response_timeout(&mut self, patience: Duration) {
        self.patience = patience;
        if let Route::Driver(connection) = &mut self.route {
            connection.set_response_timeout(patience);
        }
    }

    /// Sends a command; an error of the server may be an answer too.
    pub(super) async fn send_packed_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match &mut self.route {
            Route::Ours(pipe) => pipe.one(command, Instant::now() + self.patience).await,
            Route::Driver(connection) => connection.send_packed_command(command).await,
        }
    }

    /// Sends commands in one write, and answers what each was answered.
    pub(super) async fn send_packed_commands(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match &mut self.route {
            Route::Ours(pipe) => pipe.many(commands, Instant::now() + self.patience).await,
            Route::Driver(connection) => connection.send_packed_commands(commands, 0, commands.len()).await,
        }
    }
}
