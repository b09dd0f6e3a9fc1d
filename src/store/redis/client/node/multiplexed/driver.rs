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

/// What begins so answers no call: a push, or attributes of what comes after them.
const NO_ANSWER: [&[u8]; 2] = [b">", b"|"];

/// Ends when it is not used any more, or broken.
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
                return if self.is_over() { Poll::Ready(Ok(())) } else { Poll::Pending };
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

    /// No handle is left and nobody waits. Those who have gone wait until they are answered or late, and this task must
    /// learn of it, though the runtimes of all of them may have gone too.
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

    /// Takes over what the calls that were put in have to write, if all before it is written: true then. Otherwise the next
    /// call is to wake this task.
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
        // TLS keeps what the socket had no room for. While there is some, the socket wakes this task.
        match Pin::new(&mut self.stream).poll_flush(context)? {
            Poll::Ready(()) | Poll::Pending => Ok(()),
        }
    }

    /// Hands out the answers that are whole.
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
            // Once, without waiting: the peer learns over TLS that nothing was cut off.
            Ok(()) => drop(Pin::new(&mut self.stream).poll_shutdown(context)),
            Err(error) => {
                let calls = std::mem::take(&mut self.shared.lock().waiting);
                calls.into_iter().for_each(|mut call| call.fail(error.clone()));
                self.shared.tell();
            }
        }
        Poll::Ready(())
    }
}

impl<S> Drop for Driver<S> {
    /// Also when the runtime shuts down: who waits is told, and nobody waits after it.
    fn drop(&mut self) {
        let mut calls = self.shared.lock();
        calls.ended = true;
        let unsent = std::mem::take(&mut calls.waiting);
        drop(calls);
        drop(unsent);
    }
}
