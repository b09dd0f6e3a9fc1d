//! What can be sent: a command, a pipeline, a script.

use std::future::Future;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value};

use super::budget::{ANSWER, Budget};
use super::fault::Fault;
use super::script::Script;

/// Sends on this connection, and waits for the answer as long as the budget allows.
pub(super) async fn send<C: Call>(
    call: &C,
    connection: &mut MultiplexedConnection,
    budget: &Budget,
) -> Result<C::Answer, Fault> {
    connection.set_response_timeout(budget.patience().ok_or(Fault::LATE)?);
    call.send(connection, budget).await.map_err(Fault::calling)
}

/// Something that is sent and answered on one connection.
pub(super) trait Call: Sync {
    type Answer: Send;

    /// The connection's response timeout is set.
    fn send(
        &self,
        connection: &mut MultiplexedConnection,
        budget: &Budget,
    ) -> impl Future<Output = RedisResult<Self::Answer>> + Send;
}

impl Call for Cmd {
    type Answer = Value;

    async fn send(&self, connection: &mut MultiplexedConnection, _: &Budget) -> RedisResult<Value> {
        accepted(connection.send_packed_command(self).await?)
    }
}

impl Call for Pipeline {
    type Answer = Vec<Value>;

    async fn send(&self, connection: &mut MultiplexedConnection, _: &Budget) -> RedisResult<Vec<Value>> {
        let answers = connection.send_packed_commands(self, 0, self.len()).await?;
        answers.into_iter().map(accepted).collect()
    }
}

/// A script with its arguments.
pub(super) struct Invocation<'a> {
    script: &'a Script,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
    by_sha: Cmd,
}

impl<'a> Invocation<'a> {
    pub(super) fn new(script: &'a Script, keys: &'a [&'a [u8]], args: &'a [&'a [u8]]) -> Self {
        Self { script, keys, args, by_sha: command("EVALSHA", &script.sha, keys, args) }
    }
}

impl Call for Invocation<'_> {
    type Answer = Value;

    /// The body goes on the same connection, which need not lead to the same server as another: behind a proxy, or
    /// while an address moves. `EVAL` makes the server know the script from then on.
    async fn send(&self, connection: &mut MultiplexedConnection, budget: &Budget) -> RedisResult<Value> {
        match self.by_sha.send(connection, budget).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                connection.set_response_timeout(budget.left(ANSWER));
                command("EVAL", &self.script.body, self.keys, self.args).send(connection, budget).await
            }
            answer => answer,
        }
    }
}

fn command(name: &str, script: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let bytes = script.len() + keys.iter().chain(args).map(|each| each.len()).sum::<usize>();
    let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), name.len() + bytes + 4);
    command.arg(name).arg(script).arg(keys.len());
    for each in keys.iter().chain(args) {
        command.arg(each);
    }
    command
}

/// Only the outermost value is looked at: no command or script of ours answers an error inside another value.
fn accepted(answer: Value) -> RedisResult<Value> {
    match answer {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}
