//! A connection that many calls share: written in their order, answered in their order.
//!
//! The driver has one too. This one does less for each call: it writes all that waits at once, has one alarm for all
//! answers that may be late, and reads by `resp`. It is what a request waits for.

mod incoming;
mod service;
mod waiting;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use self::service::Service;
use self::waiting::Waiting;
use super::{resp, words};

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
pub(super) struct Pipe(Arc<Handle>);

struct Handle(Arc<Shared>);

struct Shared(Mutex<Outbox>);

/// What calls have put in since the last write.
struct Outbox {
    bytes: Vec<u8>,
    calls: Vec<Waiting>,
    /// To be woken by the next call.
    asleep: Option<Waker>,
    /// No handle is left.
    unused: bool,
    ended: bool,
}

impl Pipe {
    /// Serves this stream in a task of its own; `broke` is called there, once, if it ends before the last handle is gone,
    /// or when [`TIMEOUTS`](super::link::TIMEOUTS) answers in a row are late, also of callers that have gone before.
    pub(super) fn new<S>(stream: S, broke: impl FnOnce() + Send + Unpin + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let outbox =
            Outbox { bytes: Vec::with_capacity(ROOM), calls: Vec::new(), asleep: None, unused: false, ended: false };
        let shared = Arc::new(Shared(Mutex::new(outbox)));
        tokio::spawn(Service::new(stream, Arc::clone(&shared), broke));
        Self(Arc::new(Handle(shared)))
    }

    /// Sends a command.
    pub(super) async fn one(&self, command: &Cmd, until: Instant) -> RedisResult<Value> {
        resp::value(&self.as_answered(|bytes| command.write_packed_command(bytes), until, (1, LITTLE)).await?)
    }

    /// Sends a script's call.
    pub(super) async fn script(
        &self,
        name: &str,
        script: &str,
        (keys, args): (&[&[u8]], &[&[u8]]),
        until: Instant,
    ) -> RedisResult<Value> {
        let write = |bytes: &mut Vec<u8>| words::write_script(bytes, name, script, keys, args);
        resp::value(&self.as_answered(write, until, (1, LITTLE)).await?)
    }

    /// Asks for a hash; the answer as it came.
    pub(super) async fn hgetall(&self, key: &[u8], until: Instant) -> RedisResult<Vec<u8>> {
        self.as_answered(|bytes| words::write_hgetall(bytes, key), until, (1, OF_A_SESSION)).await
    }

    /// Asks how long a key lasts, and then for its hash; both answers as they came.
    pub(super) async fn lasting(&self, key: &[u8], until: Instant) -> RedisResult<Vec<u8>> {
        let write = |bytes: &mut Vec<u8>| {
            words::write_pttl(bytes, key);
            words::write_hgetall(bytes, key);
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
        let (waiting, answer) = Waiting::new(awaited, room, until);
        self.put(waiting, write)?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends commands in one write.
    pub(super) async fn many(&self, commands: &Pipeline, until: Instant) -> RedisResult<Vec<Value>> {
        let count = commands.len();
        if count == 0 {
            return Ok(Vec::new());
        }
        let (waiting, answers) = Waiting::new(count, LITTLE * count, until);
        self.put(waiting, |bytes| commands.cmd_iter().for_each(|command| command.write_packed_command(bytes)))?;
        resp::values(&answers.await.unwrap_or_else(|_| Err(gone()))?, count)
    }

    fn put(&self, call: Waiting, write: impl FnOnce(&mut Vec<u8>)) -> RedisResult<()> {
        let mut outbox = self.0.0.lock();
        if outbox.ended {
            return Err(gone());
        } else if outbox.bytes.len() > MOST_UNWRITTEN {
            return Err((ErrorKind::Client, "too much waits to be written already").into());
        }
        write(&mut outbox.bytes);
        outbox.calls.push(call);
        let asleep = outbox.asleep.take();
        drop(outbox);
        if let Some(waker) = asleep {
            waker.wake();
        }
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut outbox = self.0.lock();
        outbox.unused = true;
        let asleep = outbox.asleep.take();
        drop(outbox);
        if let Some(waker) = asleep {
            waker.wake();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection has ended.
fn gone() -> RedisError {
    io::Error::from(io::ErrorKind::BrokenPipe).into()
}
