//! The task of a connection.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use redis::{ErrorKind, RedisResult};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::link::TIMEOUTS;
use super::incoming::Incoming;
use super::waiting::Waiting;
use super::{KEPT, ROOM, Shared};

/// What begins so answers no call: a push, or attributes of what comes after them.
const NO_ANSWER: [&[u8]; 2] = [b">", b"|"];

/// Ends when it is not used any more, or broken.
pub(super) struct Service<S, B> {
    stream: S,
    shared: Arc<Shared>,
    outgoing: Vec<u8>,
    /// How much of it is written.
    written: usize,
    let_others: bool,
    calls: VecDeque<Waiting>,
    incoming: Incoming,
    alarm: Pin<Box<Sleep>>,
    /// When it rings, if it is set.
    set: Option<Instant>,
    /// Late answers since the last one in time.
    late: u32,
    /// Whom to tell that another connection is needed, until they are told.
    broke: Option<B>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: FnOnce() + Unpin> Service<S, B> {
    pub(super) fn new(stream: S, shared: Arc<Shared>, broke: B) -> Self {
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
            late: 0,
            broke: Some(broke),
        }
    }

    /// Goes on until there is nothing to read and nothing to write. Ready when no handle is left and nobody waits.
    fn serve(&mut self, context: &mut Context<'_>) -> Poll<RedisResult<()>> {
        loop {
            while let Poll::Ready(received) = self.incoming.receive(&mut self.stream, context) {
                received?;
                self.deliver()?;
            }
            if self.lets_others_first() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.fetch(None);
            self.write(context)?;
            if !self.fetch(Some(context.waker())) {
                self.look_at_the_clock(context);
                let over = !self.calls.iter().any(Waiting::is_wanted) && self.shared.lock().unused;
                return if over { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
        }
    }

    /// Once before each write: the runtime would run this task right after the first one that has a call, and those of
    /// all others that are ready would each take a write of their own.
    fn lets_others_first(&mut self) -> bool {
        let lets = !self.let_others && self.is_written() && !self.shared.lock().bytes.is_empty();
        self.let_others = lets;
        lets
    }

    fn is_written(&self) -> bool {
        self.written == self.outgoing.len()
    }

    /// Takes over the calls that were put in, whose time runs from now on, and what they have to write, if all before it
    /// is written: true then. Otherwise the next call is to wake this task.
    fn fetch(&mut self, waker: Option<&Waker>) -> bool {
        let mut outbox = self.shared.lock();
        let first = outbox.calls.iter().map(|call| call.until).min();
        self.calls.extend(outbox.calls.drain(..));
        let fetches = self.is_written() && !outbox.bytes.is_empty();
        if fetches {
            self.outgoing.clear();
            self.outgoing.shrink_to(KEPT);
            self.written = 0;
            std::mem::swap(&mut self.outgoing, &mut outbox.bytes);
        } else {
            outbox.asleep = waker.cloned();
        }
        drop(outbox);
        if let Some(first) = first.filter(|first| self.set.is_none_or(|set| *first < set)) {
            self.set_alarm(Some(first));
        }
        fetches
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
        while let Some(answer) = self.incoming.next()? {
            if NO_ANSWER.iter().any(|begin| answer.starts_with(begin)) {
                continue;
            }
            let Some(call) = self.calls.front_mut() else {
                return Err((ErrorKind::Parse, "an answer to no call").into());
            };
            call.answer(answer);
            self.late = 0;
            if call.awaited == 0 {
                self.calls.pop_front();
            }
        }
        Ok(())
    }

    /// Tells the callers whose time is over. Comes after calls were fetched: an alarm that is set wakes this task only
    /// once it was looked at.
    fn look_at_the_clock(&mut self, context: &mut Context<'_>) {
        while self.set.is_some() && self.alarm.as_mut().poll(context).is_ready() {
            let now = Instant::now();
            for late in self.calls.iter_mut().filter(|call| call.until <= now && call.is_wanted()) {
                late.fail(io::Error::from(io::ErrorKind::TimedOut).into());
                self.late += 1;
            }
            if self.late >= TIMEOUTS {
                self.tell();
            }
            let next = self.calls.iter().filter(|call| call.is_wanted()).map(|call| call.until).min();
            self.set_alarm(next);
        }
    }

    /// Whoever waits still may be answered.
    fn tell(&mut self) {
        if let Some(broke) = self.broke.take() {
            broke();
        }
    }

    fn set_alarm(&mut self, at: Option<Instant>) {
        self.set = at;
        if let Some(at) = at {
            self.alarm.as_mut().reset(at);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, B: FnOnce() + Unpin> Future for Service<S, B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Err(error) = ready!(self.serve(context)) {
            self.calls.iter_mut().for_each(|call| call.fail(error.clone()));
            self.tell();
        }
        Poll::Ready(())
    }
}

impl<S, B> Drop for Service<S, B> {
    /// Also when the runtime shuts down: who waits is told, and nobody waits after it.
    fn drop(&mut self) {
        let mut outbox = self.shared.lock();
        outbox.ended = true;
        let unsent = std::mem::take(&mut outbox.calls);
        drop(outbox);
        drop(unsent);
    }
}
