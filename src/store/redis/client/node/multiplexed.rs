//! A connection that many calls share: written in their order, answered in their order.
//!
//! The driver has one too. This one does less for each call: it writes all that waits at once, has one alarm in each
//! runtime for all late replies, and reads replies by `resp`. Requests are sent on it.

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
use crate::store::redis::client::protocol::{encode, resp};

/// What is read at once. Both buffers grow for what is larger, and are given back after it.
const ROOM: usize = 16 << 10;
/// A buffer that has become larger than this is not kept.
const KEPT: usize = 256 << 10;
/// So many bytes may wait to be written: a server that reads nothing must not fill this process's memory.
const MOST_UNWRITTEN: usize = 32 << 20;

/// Room for a script's answer, or a number.
const LITTLE: usize = 64;
/// Room for a session of four fields of 100 bytes; what is larger moves once. Allocators are slower above a kilobyte.
const OF_A_SESSION: usize = 1000;

/// A handle; when the last one goes, the connection ends. Whoever waits for an answer may stop at any time.
#[derive(Clone)]
pub(crate) struct Multiplexed(Arc<MultiplexedHandle>);

struct MultiplexedHandle(Arc<MultiplexedInner>);

pub(crate) struct MultiplexedInner {
    calls: Mutex<Calls>,
    /// Where the connection's task is.
    home: runtime::Handle,
}

/// Those on their way.
pub(crate) struct Calls {
    /// What they have put in since the last write.
    bytes: Vec<u8>,
    /// In the order of their answers.
    waiting: VecDeque<PendingReply>,
    /// How many of them the connection's task knows.
    known: usize,
    /// How often it has looked for more.
    looked: u64,
    /// To be woken by the next call.
    asleep: Option<Waker>,
    /// Runtimes with an alarm for their callers.
    guarded: Vec<Id>,
    /// Late answers since the last one in time.
    late: u32,
    /// Whom to tell that another connection is needed, until they are told.
    broke: Option<Box<dyn FnOnce() + Send>>,
    /// No handle is left.
    unused: bool,
    ended: bool,
}

impl Multiplexed {
    /// Serves this stream in a task of its own; `broke` is called, once, if it ends before the last handle is gone,
    /// or when [`TIMEOUTS`](crate::store::redis::client::node::connection::TIMEOUTS) answers in a row are late, also of callers that have gone before.
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
        resp::value(&self.as_answered(|bytes| command.write_packed_command(bytes), until, (1, LITTLE)).await?)
    }

    /// Sends a script's call.
    pub(crate) async fn script(
        &self,
        name: &str,
        script: &str,
        (keys, args): (&[&[u8]], &[&[u8]]),
        until: Instant,
    ) -> RedisResult<Value> {
        let write = |bytes: &mut Vec<u8>| encode::write_script(bytes, name, script, keys, args);
        resp::value(&self.as_answered(write, until, (1, LITTLE)).await?)
    }

    /// Asks for a hash; the answer as it came.
    pub(crate) async fn hgetall(&self, key: &[u8], until: Instant) -> RedisResult<Vec<u8>> {
        self.as_answered(|bytes| encode::write_hgetall(bytes, key), until, (1, OF_A_SESSION)).await
    }

    /// Asks how long a key lasts, and then for its hash; both answers as they came.
    pub(crate) async fn lasting(&self, key: &[u8], until: Instant) -> RedisResult<Vec<u8>> {
        let write = |bytes: &mut Vec<u8>| {
            encode::write_pttl(bytes, key);
            encode::write_hgetall(bytes, key);
        };
        self.as_answered(write, until, (2, OF_A_SESSION)).await
    }

    /// Sends the commands that are written, and waits for their answers: so many, at best of so many bytes.
    async fn as_answered(
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
        // A caller outside of a runtime is looked after by the connection's.
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| self.0.0.home.clone());
        let mut calls = self.0.0.lock();
        if calls.ended {
            return Err(gone());
        } else if calls.bytes.len() > MOST_UNWRITTEN {
            return Err((ErrorKind::Client, "too much waits to be written already").into());
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
    /// An answer has come; returns the call that has all of its own by now.
    fn take(&mut self, answer: &[u8]) -> RedisResult<Option<PendingReply>> {
        let Some(call) = self.waiting.front_mut().filter(|_| self.known > 0) else {
            return Err((ErrorKind::Parse, "an answer to no call").into());
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

    /// Says that another connection is needed. Whoever waits still may be answered.
    fn tell(&self) {
        let broke = self.lock().broke.take();
        if let Some(broke) = broke {
            broke();
        }
    }
}

/// The connection has ended.
fn gone() -> RedisError {
    io::Error::from(io::ErrorKind::BrokenPipe).into()
}
