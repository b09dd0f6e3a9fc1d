//! What is sent on a connection: a command, a pipeline, a script.

use std::future::{Future, poll_fn};
use std::task::Poll;

use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisResult, Value};
use tokio::time::Instant;

use crate::store::redis::client::budget::{Budget, RESPONSE_TIMEOUT};
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::incident::Success;
use crate::store::redis::client::node::clock::ServerClock;
use crate::store::redis::client::node::connection::Connector;
use crate::store::redis::client::node::multiplexed::{LITTLE, OF_A_SESSION};
use crate::store::redis::client::node::transport::Connection;
use crate::store::redis::client::protocol::encode::{command, hgetall, lasting, only, raw_of, write, write_script};
use crate::store::redis::client::protocol::frame::Frame;
use crate::store::redis::client::protocol::resp::accepted;
use crate::store::redis::client::protocol::script::Script;
use crate::util::boxed::boxed;

/// Sends a call, and waits for the reply within the budget.
pub(crate) async fn send<C: Command>(
    call: &C,
    connection: &mut Connection,
    budget: &Budget,
) -> Result<C::Output, CallError> {
    connection.wait_until(budget.patience().ok_or(CallError::LATE)?);
    call.send(connection, budget).await.map_err(CallError::calling)
}

/// Does the same after a question whether the server is still a master. Both are sent before either reply is waited
/// for, so the question is served first; a reply of a former master is an error.
pub(crate) async fn send_checked<C: Command>(
    connector: &Connector,
    clock: &ServerClock,
    call: &C,
    connection: &mut Connection,
    budget: &Budget,
) -> Result<C::Output, CallError> {
    connection.wait_until(budget.patience().ok_or(CallError::LATE)?);
    let mut asking = connection.clone();
    let mut check = boxed(connector.check(&mut asking, clock));
    let asked = poll_fn(|context| Poll::Ready(check.as_mut().poll(context))).await;
    let answer = call.send(connection, budget).await.map_err(CallError::calling)?;
    match asked {
        Poll::Ready(checked) => checked?,
        Poll::Pending => check.await?,
    }
    Ok(answer)
}

/// A call on one connection.
pub(crate) trait Command: Sync {
    type Output: Send;

    /// The connection has the deadline of the reply.
    fn send(
        &self,
        connection: &mut Connection,
        budget: &Budget,
    ) -> impl Future<Output = RedisResult<Self::Output>> + Send;

    /// Sends to the node that a key is moving to, which serves one command or transaction after `ASKING`. Both are in
    /// one write, so no other command comes between.
    fn send_asking(
        &self,
        connection: &mut Connection,
        budget: &Budget,
    ) -> impl Future<Output = RedisResult<Self::Output>> + Send;

    /// Whether it has a single key: of several keys, some may have moved.
    fn is_of_one_key(&self) -> bool {
        true
    }

    /// What its success shows about the server.
    fn success(&self) -> Success {
        Success::Read
    }
}

/// A call that is sent with `ASKING`.
pub(crate) struct Asking<'a, C>(pub(crate) &'a C);

impl<C: Command> Command for Asking<'_, C> {
    type Output = C::Output;

    async fn send(&self, connection: &mut Connection, budget: &Budget) -> RedisResult<C::Output> {
        self.0.send_asking(connection, budget).await
    }

    async fn send_asking(&self, connection: &mut Connection, budget: &Budget) -> RedisResult<C::Output> {
        self.0.send_asking(connection, budget).await
    }
}

/// Sends `ASKING` and the commands in one write; returns the last reply.
async fn ask(connection: &mut Connection, commands: impl Iterator<Item = &Cmd>) -> RedisResult<Value> {
    let mut all = Pipeline::new();
    all.cmd("ASKING");
    for each in commands {
        all.add_command(each.clone());
    }
    let answers = connection.send_packed_commands(&all).await?;
    // The first error has the cause; the last one of a transaction only says that it was not executed.
    answers.into_iter().try_fold(Value::Nil, |_, answer| accepted(answer))
}

impl Command for Cmd {
    type Output = Value;

    async fn send(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Value> {
        accepted(connection.send_packed_command(self).await?)
    }

    async fn send_asking(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Value> {
        ask(connection, std::iter::once(self)).await
    }
}

/// `HGETALL` of a key.
pub(crate) struct Hgetall<'a>(pub(crate) &'a [u8]);

impl Command for Hgetall<'_> {
    type Output = Frame;

    async fn send(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Frame> {
        let write = |bytes: &mut Vec<u8>| write(bytes, 2, [b"HGETALL", self.0].into_iter());
        Frame::hash(connection.raw((1, OF_A_SESSION), write, || only(hgetall(self.0))).await?, 0)
    }

    async fn send_asking(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Frame> {
        Frame::hash(raw_of(vec![ask(connection, std::iter::once(&hgetall(self.0))).await?])?, 0)
    }
}

/// `PTTL` of a key, then `HGETALL`.
pub(crate) struct HgetallWithTtl<'a>(pub(crate) &'a [u8]);

impl Command for HgetallWithTtl<'_> {
    type Output = (Value, Frame);

    async fn send(&self, connection: &mut Connection, _: &Budget) -> RedisResult<(Value, Frame)> {
        let write = |bytes: &mut Vec<u8>| {
            write(bytes, 2, [b"PTTL", self.0].into_iter());
            write(bytes, 2, [b"HGETALL", self.0].into_iter());
        };
        Frame::lasting(connection.raw((2, OF_A_SESSION), write, || lasting(self.0)).await?)
    }

    async fn send_asking(&self, connection: &mut Connection, budget: &Budget) -> RedisResult<(Value, Frame)> {
        Frame::lasting(raw_of(lasting(self.0).send_asking(connection, budget).await?)?)
    }
}

impl Command for Pipeline {
    type Output = Vec<Value>;

    async fn send(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Vec<Value>> {
        let answers = connection.send_packed_commands(self).await?;
        answers.into_iter().map(accepted).collect()
    }

    /// As a transaction: the key could arrive between two commands.
    async fn send_asking(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Vec<Value>> {
        let (multi, exec) = (redis::cmd("MULTI"), redis::cmd("EXEC"));
        let commands = std::iter::once(&multi).chain(self.cmd_iter()).chain(std::iter::once(&exec));
        match ask(connection, commands).await? {
            Value::Array(answers) => answers.into_iter().map(accepted).collect(),
            _ => Err((ErrorKind::UnexpectedReturnType, "a transaction was not executed").into()),
        }
    }

    fn is_of_one_key(&self) -> bool {
        by_key(self).len() <= 1
    }
}

/// Splits commands into runs with one key each, in their order. A command without a key is in the run of the next
/// one.
pub(crate) fn by_key(commands: &Pipeline) -> Vec<Pipeline> {
    let mut runs: Vec<(Option<&[u8]>, Pipeline)> = Vec::new();
    for command in commands.cmd_iter() {
        let key = command.args_iter().nth(1).and_then(|arg| match arg {
            Arg::Simple(key) => Some(key),
            _ => None,
        });
        match runs.last_mut() {
            Some((of, run)) if of.is_none() || *of == key => {
                *of = key;
                run.add_command(command.clone());
            }
            _ => {
                let mut run = Pipeline::new();
                run.add_command(command.clone());
                runs.push((key, run));
            }
        }
    }
    runs.into_iter().map(|(_, run)| run).collect()
}

/// A script with its arguments.
pub(crate) struct Invocation<'a> {
    script: &'a Script,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
}

impl<'a> Invocation<'a> {
    pub(crate) const fn new(script: &'a Script, keys: &'a [&'a [u8]], args: &'a [&'a [u8]]) -> Self {
        Self { script, keys, args }
    }

    async fn call(&self, connection: &mut Connection, name: &str, script: &str) -> RedisResult<Frame> {
        let Self { keys, args, .. } = self;
        let write = |bytes: &mut Vec<u8>| write_script(bytes, name, script, keys, args);
        Frame::accepted(connection.raw((1, LITTLE), write, || only(command(name, script, keys, args))).await?, 0)
    }
}

impl Command for Invocation<'_> {
    type Output = Frame;

    /// The body is sent on the same connection: another one may lead to another server, behind a proxy or while an
    /// address moves. After `EVAL` the server knows the script.
    async fn send(&self, connection: &mut Connection, budget: &Budget) -> RedisResult<Frame> {
        match self.call(connection, "EVALSHA", &self.script.sha).await {
            Err(error) if error.code() == Some("NOSCRIPT") => {
                connection.wait_until(Instant::now() + budget.left(RESPONSE_TIMEOUT));
                boxed(self.call(connection, "EVAL", &self.script.body)).await
            }
            answer => answer,
        }
    }

    fn success(&self) -> Success {
        self.script.success
    }

    /// By its body: the node may not know the script, and a second call needs a second `ASKING`.
    async fn send_asking(&self, connection: &mut Connection, _: &Budget) -> RedisResult<Frame> {
        let command = command("EVAL", &self.script.body, self.keys, self.args);
        ask(connection, std::iter::once(&command)).await.map(|answer| Frame::of(&answer))
    }
}
