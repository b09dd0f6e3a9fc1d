//! A connection that many calls share: written in their order, answered in their order.
//!
//! The driver has one too. This one does less for each call: it writes all that waits at once, has one alarm for all
//! answers that may be late, and reads by [`resp`]. It is what a request waits for.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use super::resp::{self, Not};

/// What is read at once. Both buffers grow for what is larger, and are given back after it.
const ROOM: usize = 16 << 10;
/// A buffer that has become larger than this is not kept.
const KEPT: usize = 256 << 10;

/// A handle; when the last one goes, the connection ends.
#[derive(Clone)]
pub(super) struct Pipe(Arc<Handle>);

struct Handle(Arc<Shared>);

struct Shared(Mutex<Outbox>);

/// What calls have put in since the last write.
struct Outbox {
    bytes: Vec<u8>,
    calls: Vec<Call>,
    /// To be woken by the next call.
    asleep: Option<Waker>,
    /// No handle is left.
    unused: bool,
    ended: bool,
}

/// A call on its way.
struct Call {
    /// Until when its caller waits.
    until: Instant,
    /// How many answers are to come.
    awaited: usize,
    answers: Answers,
}

enum Answers {
    One(oneshot::Sender<RedisResult<Value>>),
    Many(Vec<Value>, oneshot::Sender<RedisResult<Vec<Value>>>),
    /// Nobody waits any more; what comes is read all the same, or the next call would get it.
    Unwanted,
}

impl Pipe {
    /// Serves this stream in a task of its own; `broke` is called there if it ends before the last handle is gone.
    pub(super) fn new<S>(stream: S, broke: impl FnOnce() + Send + 'static) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let outbox =
            Outbox { bytes: Vec::with_capacity(ROOM), calls: Vec::new(), asleep: None, unused: false, ended: false };
        let shared = Arc::new(Shared(Mutex::new(outbox)));
        let service = Service::new(stream, Arc::clone(&shared));
        tokio::spawn(async move {
            if service.await.is_err() {
                broke();
            }
        });
        Self(Arc::new(Handle(shared)))
    }

    /// Sends a command. Its caller may stop waiting at any time.
    pub(super) async fn one(&self, command: &Cmd, until: Instant) -> RedisResult<Value> {
        let (to, answer) = oneshot::channel();
        self.put(Call { until, awaited: 1, answers: Answers::One(to) }, |bytes| command.write_packed_command(bytes))?;
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
        self.put(Call { until, awaited, answers }, |bytes| {
            for command in commands.cmd_iter() {
                command.write_packed_command(bytes);
            }
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn put(&self, call: Call, write: impl FnOnce(&mut Vec<u8>)) -> RedisResult<()> {
        let mut outbox = self.0.0.lock();
        if outbox.ended {
            return Err(gone());
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

impl Call {
    fn answer(&mut self, value: Value) {
        self.awaited -= 1;
        // That nobody waits any more is no failure.
        match std::mem::replace(&mut self.answers, Answers::Unwanted) {
            Answers::One(to) => drop(to.send(Ok(value))),
            Answers::Many(mut values, to) => {
                values.push(value);
                if self.awaited == 0 {
                    drop(to.send(Ok(values)));
                } else {
                    self.answers = Answers::Many(values, to);
                }
            }
            Answers::Unwanted => {}
        }
    }

    fn fail(&mut self, error: RedisError) {
        match std::mem::replace(&mut self.answers, Answers::Unwanted) {
            Answers::One(to) => drop(to.send(Err(error))),
            Answers::Many(_, to) => drop(to.send(Err(error))),
            Answers::Unwanted => {}
        }
    }

    fn is_wanted(&self) -> bool {
        !matches!(self.answers, Answers::Unwanted)
    }
}

/// The task of a connection: ends without error when it is not used any more.
struct Service<S> {
    stream: S,
    shared: Arc<Shared>,
    outgoing: Vec<u8>,
    /// How much of it is written.
    written: usize,
    let_others: bool,
    calls: VecDeque<Call>,
    incoming: Incoming,
    alarm: Pin<Box<Sleep>>,
    /// When it rings, if it is set.
    set: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Service<S> {
    fn new(stream: S, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            shared,
            outgoing: Vec::with_capacity(ROOM),
            written: 0,
            let_others: false,
            calls: VecDeque::new(),
            incoming: Incoming::new(),
            alarm: Box::pin(sleep_until(Instant::now())),
            set: None,
        }
    }

    /// Goes on until there is nothing to read and nothing to write. Ready when no handle is left and nobody waits.
    fn serve(&mut self, context: &mut Context<'_>) -> Poll<RedisResult<()>> {
        loop {
            while let Poll::Ready(received) = self.incoming.receive(&mut self.stream, context) {
                received?;
                self.deliver()?;
            }
            self.look_at_the_clock(context);
            if self.lets_others_first() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.fetch(None);
            self.write(context)?;
            let all_written = self.written == self.outgoing.len();
            if !all_written || self.fetch(Some(context.waker())) {
                let over = all_written && !self.calls.iter().any(Call::is_wanted) && self.shared.lock().unused;
                return if over { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
        }
    }

    /// Once before each write: the runtime would run this task right after the first one that has a call, and those of
    /// all others that are ready would each take a write of their own.
    fn lets_others_first(&mut self) -> bool {
        let lets = !self.let_others && self.written == self.outgoing.len() && !self.shared.lock().calls.is_empty();
        self.let_others = lets;
        lets
    }

    /// Takes what calls have put in, if all before it is written. If there is nothing, they are to wake this task; true then.
    fn fetch(&mut self, waker: Option<&Waker>) -> bool {
        if self.written < self.outgoing.len() {
            return false;
        }
        let mut outbox = self.shared.lock();
        if outbox.calls.is_empty() {
            outbox.asleep = waker.cloned();
            return true;
        }
        self.outgoing.clear();
        self.outgoing.shrink_to(KEPT);
        self.written = 0;
        std::mem::swap(&mut self.outgoing, &mut outbox.bytes);
        let first = outbox.calls.iter().map(|call| call.until).min();
        self.calls.extend(outbox.calls.drain(..));
        drop(outbox);
        if let Some(first) = first.filter(|first| self.set.is_none_or(|set| *first < set)) {
            self.set_alarm(Some(first));
        }
        false
    }

    fn write(&mut self, context: &mut Context<'_>) -> RedisResult<()> {
        while self.written < self.outgoing.len() {
            match Pin::new(&mut self.stream).poll_write(context, &self.outgoing[self.written..])? {
                Poll::Ready(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Poll::Ready(count) => self.written += count,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Hands out the answers that are whole.
    fn deliver(&mut self) -> RedisResult<()> {
        while let Some(value) = self.incoming.next()? {
            if matches!(value, Value::Push { .. }) {
                continue;
            }
            let Some(call) = self.calls.front_mut() else {
                return Err((ErrorKind::Parse, "an answer to no call").into());
            };
            call.answer(value);
            if call.awaited == 0 {
                self.calls.pop_front();
            }
        }
        Ok(())
    }

    /// Tells the callers whose time is over.
    fn look_at_the_clock(&mut self, context: &mut Context<'_>) {
        while self.set.is_some() && self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            for late in self.calls.iter_mut().filter(|call| call.until <= now) {
                late.fail(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            let next = self.calls.iter().filter(|call| call.is_wanted()).map(|call| call.until).min();
            self.set_alarm(next);
        }
    }

    fn set_alarm(&mut self, at: Option<Instant>) {
        self.set = at;
        if let Some(at) = at {
            self.alarm.as_mut().reset(at);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Service<S> {
    type Output = RedisResult<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<RedisResult<()>> {
        let served = ready!(self.serve(context));
        if let Err(error) = &served {
            self.calls.iter_mut().for_each(|call| call.fail(error.clone()));
        }
        Poll::Ready(served)
    }
}

impl<S> Drop for Service<S> {
    /// Also when the runtime shuts down: who waits is told, and nobody waits after it.
    fn drop(&mut self) {
        let mut outbox = self.shared.lock();
        outbox.ended = true;
        let unsent = std::mem::take(&mut outbox.calls);
        drop(outbox);
        drop(unsent);
    }
}

/// What was read and not handed out yet.
struct Incoming {
    /// Initialised throughout, because only safe code may read into it.
    bytes: Vec<u8>,
    from: usize,
    to: usize,
    /// There is only a part of the next answer.
    in_part: bool,
}

impl Incoming {
    fn new() -> Self {
        Self { bytes: vec![0; ROOM], from: 0, to: 0, in_part: false }
    }

    fn receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<RedisResult<()>> {
        self.make_room();
        let mut room = ReadBuf::new(&mut self.bytes[self.to..]);
        ready!(Pin::new(stream).poll_read(context, &mut room))?;
        match room.filled().len() {
            0 => Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
            count => {
                self.to += count;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn make_room(&mut self) {
        if self.from > 0 {
            self.bytes.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        if self.to == 0 && self.bytes.len() > KEPT {
            self.bytes = vec![0; ROOM];
        } else if self.to == self.bytes.len() {
            self.bytes.resize(2 * self.to, 0);
        }
    }

    /// The next answer, if all of it is there.
    fn next(&mut self) -> RedisResult<Option<Value>> {
        let bytes = &self.bytes[self.from..self.to];
        let whole = if self.in_part { resp::is_whole(bytes) } else { Ok(()) };
        match whole.and_then(|()| resp::first(bytes)) {
            Ok((value, length)) => {
                self.from += length;
                self.in_part = false;
                Ok(Some(value))
            }
            Err(Not::Whole) => {
                self.in_part = self.from < self.to;
                Ok(None)
            }
            Err(Not::Resp(error)) => Err(error),
        }
    }
}
