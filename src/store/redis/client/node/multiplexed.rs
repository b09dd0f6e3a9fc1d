//! A connection that many calls share: commands and replies are in the same order.
//!
//! It does less for each call than the connection of the redis crate: it writes all waiting commands at once, has one
//! alarm in each runtime for all late replies, and reads replies with `resp`. Requests are sent on it, over TCP, TLS
//! or a Unix socket.

pub(crate) mod alarm;
pub(crate) mod driver;
pub(crate) mod pending;
pub(crate) mod read_buffer;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{self, Id};
use tokio::time::Instant;

use crate::store::redis::client::node::multiplexed::alarm::Guard;
use crate::store::redis::client::node::multiplexed::driver::Driver;
use crate::store::redis::client::node::multiplexed::pending::PendingReply;
use crate::store::redis::client::protocol::resp;

/// How much is read at once. Both buffers grow for larger data and shrink after it.
const ROOM: usize = 16 << 10;
/// A larger buffer is not kept.
const KEPT: usize = 256 << 10;
/// The limit of unwritten bytes: a server that stops reading must not fill the memory of this process.
const MOST_UNWRITTEN: usize = 32 << 20;

/// Room for the reply to a script, or a number.
pub(crate) const LITTLE: usize = 64;
/// Room for a session of four fields of 100 bytes; a larger reply is moved once. Allocators are slower above a
/// kilobyte.
pub(crate) const OF_A_SESSION: usize = 1000;

/// A handle; the connection ends with the last one. A caller may stop waiting at any time.
#[derive(Clone)]
pub(crate) struct Multiplexed(Arc<MultiplexedHandle>);

struct MultiplexedHandle(Arc<MultiplexedInner>);

pub(crate) struct MultiplexedInner {
    calls: Mutex<Calls>,
    /// The runtime of the connection's task.
    home: runtime::Handle,
}

/// The calls without a reply yet.
pub(crate) struct Calls {
    /// Commands since the last write.
    bytes: Vec<u8>,
    /// In the order of their replies.
    waiting: VecDeque<PendingReply>,
    /// How many of them the connection's task has seen.
    known: usize,
    /// How often that task has looked for calls.
    looked: u64,
    /// The waker of that task, for the next call.
    asleep: Option<Waker>,
    /// Runtimes that have an alarm for their callers.
    guarded: Vec<Id>,
    /// Late replies since the last one in time.
    late: u32,
    /// Called once, when another connection is needed.
    broke: Option<Box<dyn FnOnce() + Send>>,
    /// The last handle was dropped.
    unused: bool,
    ended: bool,
}

impl Multiplexed {
    /// Serves this stream in a task of its own. `broke` is called once, if the stream ends before the last handle is
    /// dropped, or after [`TIMEOUTS`](crate::store::redis::client::node::connection::TIMEOUTS) late replies in a row.
    /// Replies to callers that stopped waiting count too.
    pub(crate) fn new<S>(stream: S, broke: impl FnOnce() + Send + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let calls = Calls {
            bytes: Vec::with_capacity(ROOM),
            waiting: VecDeque::new(),
            known: 0,
            looked: 0,
            asleep: None,
            guarded: Vec::new(),
            late: 0,
            broke: Some(Box::new(broke)),
            unused: false,
            ended: false,
        };
        let shared = Arc::new(MultiplexedInner { calls: Mutex::new(calls), home: runtime::Handle::current() });
        tokio::spawn(Driver::new(stream, Arc::clone(&shared)));
        Self(Arc::new(MultiplexedHandle(shared)))
    }

    /// Sends a command.
    pub(crate) async fn one(&self, command: &Cmd, until: Instant) -> RedisResult<Value> {
        resp::value(&self.raw(|bytes| command.write_packed_command(bytes), until, (1, LITTLE)).await?)
    }

    /// Sends the commands that `write` appends, and waits for the given number of replies, with room for the given
    /// number of bytes; returns their bytes.
    pub(crate) async fn raw(
        &self,
        write: impl FnOnce(&mut Vec<u8>),
        until: Instant,
        (awaited, room): (usize, usize),
    ) -> RedisResult<Vec<u8>> {
        let (waiting, answer) = PendingReply::new(awaited, room, until);
        self.put(waiting, write)?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends commands in one write.
    pub(crate) async fn many(&self, commands: &Pipeline, until: Instant) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let (waiting, answers) = PendingReply::new(count, LITTLE * count, until);
        self.put(waiting, |bytes| commands.cmd_iter().for_each(|command| command.write_packed_command(bytes)))?;
        resp::values(&answers.await.unwrap_or_else(|_| Err(gone()))?, count)
    }

    fn put(&self, call: PendingReply, write: impl FnOnce(&mut Vec<u8>)) -> RedisResult<()> {
        // The runtime of the connection has the alarm for a caller outside of a runtime.
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| self.0.0.home.clone());
        let mut calls = self.0.0.lock();
        if calls.ended {
            return Err(gone());
        } else if calls.bytes.len() > MOST_UNWRITTEN {
            return Err((ErrorKind::Client, "too many bytes wait to be written").into());
        }
        write(&mut calls.bytes);
        calls.waiting.push_back(call);
        let guard = Guard::needed(&self.0.0, &mut calls, &runtime);
        let asleep = calls.asleep.take();
        drop(calls);
        if let Some(waker) = asleep {
            waker.wake();
        }
        if let Some(guard) = guard {
            runtime.spawn(guard.watch());
        }
        Ok(())
    }
}

impl Drop for MultiplexedHandle {
    fn drop(&mut self) {
        let mut calls = self.0.lock();
        calls.unused = true;
        let asleep = calls.asleep.take();
        drop(calls);
        if let Some(waker) = asleep {
            waker.wake();
        }
    }
}

impl Calls {
    /// Adds a reply to the first call; returns the call if its replies are complete.
    fn take(&mut self, answer: &[u8]) -> RedisResult<Option<PendingReply>> {
        let Some(call) = self.waiting.front_mut().filter(|_| self.known > 0) else {
            return Err((ErrorKind::Parse, "a reply to no call").into());
        };
        self.late = 0;
        if call.take(answer) > 0 {
            return Ok(None);
        }
        self.known -= 1;
        Ok(self.waiting.pop_front())
    }
}

impl MultiplexedInner {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports that another connection is needed. Replies may still arrive on this one.
    fn report_broken(&self) {
        let broke = self.lock().broke.take();
        if let Some(broke) = broke {
            broke();
        }
    }
}

/// The error of a call after the connection has ended.
fn gone() -> RedisError {
    io::Error::from(io::ErrorKind::BrokenPipe).into()
}
