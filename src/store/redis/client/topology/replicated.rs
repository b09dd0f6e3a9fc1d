//! A script call, then a wait for replicas on the same connection: `WAIT` is about the writes of its own connection.

use std::time::Duration;

use redis::{Cmd, ErrorKind, Pipeline, RedisResult, Value};
use tokio::time::Instant;

use crate::store::redis::client::budget::{Budget, RESPONSE_TIMEOUT};
use crate::store::redis::client::command::Command;
use crate::store::redis::client::incident::Success;
use crate::store::redis::client::node::transport::Connection;
use crate::store::redis::client::protocol::encode::command;
use crate::store::redis::client::protocol::frame::Frame;
use crate::store::redis::client::protocol::resp::accepted;
use crate::store::redis::client::protocol::script::Script;

/// A script call and its `WAIT`, in one write.
pub(crate) struct Replicated<'a> {
    script: &'a Script,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
    replicas: usize,
    within: Duration,
}

impl<'a> Replicated<'a> {
    pub(crate) const fn new(
        script: &'a Script,
        keys: &'a [&'a [u8]],
        args: &'a [&'a [u8]],
        (replicas, within): (usize, Duration),
    ) -> Self {
        Self { script, keys, args, replicas, within }
    }

    /// Sends the commands, the script last, and waits. Returns the reply of the script, and how many replicas have
    /// its writes.
    ///
    /// The wait has a time limit of its own: with replicas away it takes all of it, and the next steps need some of
    /// the budget.
    async fn write(&self, connection: &mut Connection, commands: &[Cmd]) -> RedisResult<(Frame, usize)> {
        // For Redis, 0 means without a limit.
        let within = self.within.max(Duration::from_millis(1));
        let mut all = Pipeline::new();
        for each in commands {
            all.add_command(each.clone());
        }
        all.cmd("WAIT").arg(self.replicas).arg(within.as_millis() as u64);
        connection.wait_until(Instant::now() + within + RESPONSE_TIMEOUT);
        let mut answers = connection.send_packed_commands(&all).await?;
        let wait = answers.pop();
        let answer = Frame::of(&answers.into_iter().try_fold(Value::Nil, |_, answer| accepted(answer))?);
        match wait {
            Some(Value::Int(replicas)) => Ok((answer, usize::try_from(replicas).unwrap_or(0))),
            // The script was executed; a `WAIT` that is not permitted says nothing about replicas.
            Some(Value::ServerError(_)) => Ok((answer, 0)),
            _ => Err((ErrorKind::UnexpectedReturnType, "WAIT answered no number").into()),
        }
    }
}

impl Command for Replicated<'_> {
    type Output = (Frame, usize);

    /// By its body: with an unknown SHA nothing would be written, and the whole wait would be for nothing.
    async fn send(&self, connection: &mut Connection, _: &Budget) -> RedisResult<(Frame, usize)> {
        self.write(connection, &[command("EVAL", &self.script.body, self.keys, self.args)]).await
    }

    fn success(&self) -> Success {
        self.script.success
    }

    async fn send_asking(&self, connection: &mut Connection, _: &Budget) -> RedisResult<(Frame, usize)> {
        let by_body = command("EVAL", &self.script.body, self.keys, self.args);
        self.write(connection, &[redis::cmd("ASKING"), by_body]).await
    }
}
