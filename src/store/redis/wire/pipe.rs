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
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::service::Service;
use self::waiting::{Answers, Waiting};

/// What is read at once. Both buffers grow for what is larger, and are given back after it.
const ROOM: usize = 16 << 10;
/// A buffer that has become larger than this is not kept.
const KEPT: usize = 256 << 10;
/// So many bytes may wait to be written: a server that reads nothing must not fill this process's memory.
const MOST_UNWRITTEN: usize = 32 << 20;

/// A handle; when the last one goes, the connection ends.
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

    /// Sends a command. Its caller may stop waiting at any time.
    pub(super) async fn one(&self, command: &Cmd, until: Instant) -> RedisResult<Value> {
        let (to, answer) = oneshot::channel();
        self.put(Waiting { until, awaited: 1, answers: Answers::One(to) }, |bytes| {
            command.write_packed_command(bytes)
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends commands in one write.
    pub(super) async fn many(&self, commands: &Pipeline, until: Instant) -> RedisResult<Vec<Value>> {
        let (to, answer) = oneshot::channel();
        let awaited = commands.len();
        if awaited == 0 {
            return Ok(Vec::new());
        }
        let answers = Answers::Many(Vec::with_capacity(awaited), to);
        self.put(Waiting { until, awaited, answers }, |bytes| {
            for command in commands.cmd_iter() {
                command.write_packed_command(bytes);
            }
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
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
