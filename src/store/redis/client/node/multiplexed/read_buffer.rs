//! The read buffer of a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use redis::RedisResult;
use tokio::io::{AsyncRead, ReadBuf};

use super::{KEPT, ROOM};
use crate::store::redis::client::protocol::resp::{Framer, ReadError};

/// Bytes that were read and not returned yet.
pub(crate) struct ReadBuffer {
    /// Initialized, because only safe code may read into it.
    bytes: Vec<u8>,
    from: usize,
    to: usize,
    framer: Framer,
}

impl ReadBuffer {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; ROOM], from: 0, to: 0, framer: Framer::default() }
    }

    pub(crate) fn receive<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<RedisResult<()>> {
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

    /// Returns the next reply if it is complete.
    pub(crate) fn next(&mut self) -> RedisResult<Option<&[u8]>> {
        match self.framer.of(&self.bytes[self.from..self.to]) {
            Ok(length) => {
                let begun = self.from;
                self.from += length;
                Ok(Some(&self.bytes[begun..self.from]))
            }
            Err(ReadError::Incomplete) => Ok(None),
            Err(ReadError::Resp(error)) => Err(error),
        }
    }
}
