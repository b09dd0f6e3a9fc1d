//! The task of a connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use redis::RedisResult;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{KEPT, MultiplexedInner, ROOM};
use crate::store::redis::client::node::multiplexed::alarm::Guard;
use crate::store::redis::client::node::multiplexed::pending::PendingReply;
use crate::store::redis::client::node::multiplexed::read_buffer::ReadBuffer;

/// The first bytes of what is no reply to a call: a push, or attributes of the next reply.
const NO_ANSWER: [&[u8]; 2] = [b">", b"|"];

/// Ends when the connection breaks, or is not used any more.
pub(crate) struct Driver<S> {
    stream: S,
    shared: Arc<MultiplexedInner>,
    outgoing: Vec<u8>,
    /// How much of it is written.
    written: usize,
    let_others: bool,
    incoming: ReadBuffer,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn new(stream: S, shared: Arc<MultiplexedInner>) -> Self {
        Self {
            stream,
            shared,
            outgoing: Vec::with_capacity(ROOM),
            written: 0,
            let_others: false,
            incoming: ReadBuffer::new(),
        }
    }

    /// Reads and writes until both would wait. Ready when the last handle is dropped and no caller waits.
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
                return if self.is_over() { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
        }
    }

    /// Yields once before each write. The runtime would run this task right after the first task with a call, and the
    /// calls of all other ready tasks would need a write each.
    fn lets_others_first(&mut self) -> bool {
        let lets = !self.let_others && self.is_written() && !self.shared.lock().bytes.is_empty();
        self.let_others = lets;
        lets
    }

    fn is_written(&self) -> bool {
        self.written == self.outgoing.len()
    }

    /// Whether the last handle is dropped and no caller waits. A caller that is gone leaves its call until the reply
    /// arrives or is late. An alarm must wake this task then, although the runtimes of all callers may be gone.
    fn is_over(&self) -> bool {
        let mut calls = self.shared.lock();
        let (unused, waits) = (calls.unused, calls.waiting.iter().any(PendingReply::is_wanted));
        let home = &self.shared.home;
        let guard = if unused && waits { Guard::needed(&self.shared, &mut calls, home) } else { None };
        drop(calls);
        if let Some(guard) = guard {
            home.spawn(guard.watch());
        }
        unused && !waits
    }

    /// Takes the waiting commands if all earlier ones are written; returns true then. Otherwise the next call wakes
    /// this task.
    fn fetch(&mut self, waker: Option<&Waker>) -> bool {
        let mut calls = self.shared.lock();
        calls.looked += 1;
        calls.known = calls.waiting.len();
        let fetches = self.is_written() && !calls.bytes.is_empty();
        if fetches {
            self.outgoing.clear();
            self.outgoing.shrink_to(KEPT);
            self.written = 0;
            std::mem::swap(&mut self.outgoing, &mut calls.bytes);
        } else {
            calls.asleep = waker.cloned();
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
        // TLS buffers what the socket has no room for. The socket wakes this task while it does.
        match Pin::new(&mut self.stream).poll_flush(context)? {
            Poll::Ready(()) | Poll::Pending => Ok(()),
        }
    }

    /// Passes the complete replies to their callers.
    fn deliver(&mut self) -> RedisResult<()> {
        while let Some(answer) = self.incoming.next()? {
            if NO_ANSWER.iter().any(|begin| answer.starts_with(begin)) {
                continue;
            }
            if let Some(call) = self.shared.lock().take(answer)? {
                call.answer();
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match ready!(self.serve(context)) {
            // Tried once, without waiting: over TLS the peer learns that the connection was closed and not cut.
            Ok(()) => drop(Pin::new(&mut self.stream).poll_shutdown(context)),
            Err(error) => {
                let calls = std::mem::take(&mut self.shared.lock().waiting);
                calls.into_iter().for_each(|mut call| call.fail(error.clone()));
                self.shared.report_broken();
            }
        }
        Poll::Ready(())
    }
}

impl<S> Drop for Driver<S> {
    /// Fails the waiting calls, also when the runtime shuts down, and all later ones.
    fn drop(&mut self) {
        let mut calls = self.shared.lock();
        calls.ended = true;
        let unsent = std::mem::take(&mut calls.waiting);
        drop(calls);
        drop(unsent);
    }
}
