//! A call that waits for its replies.

use redis::{RedisError, RedisResult};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A call without all its replies yet.
pub(crate) struct PendingReply {
    /// The deadline of its caller.
    pub(crate) until: Instant,
    /// How many replies are missing.
    awaited: usize,
    /// The replies so far. The caller allocates this buffer: memory is freed fastest by the thread that allocated it.
    answers: Vec<u8>,
    /// `None` when its caller has failed already. Its reply is still read, or the next call would get it.
    to: Option<oneshot::Sender<RedisResult<Vec<u8>>>>,
}

impl PendingReply {
    /// For the given number of replies, with room for the given number of bytes.
    pub(crate) fn new(awaited: usize, room: usize, until: Instant) -> (Self, oneshot::Receiver<RedisResult<Vec<u8>>>) {
        let (to, answers) = oneshot::channel();
        (Self { until, awaited, answers: Vec::with_capacity(room), to: Some(to) }, answers)
    }

    /// Adds one reply; returns how many are missing.
    pub(crate) fn take(&mut self, answer: &[u8]) -> usize {
        self.awaited -= 1;
        if self.to.is_some() {
            self.answers.extend_from_slice(answer);
        }
        self.awaited
    }

    /// Returns the replies to the caller.
    pub(crate) fn answer(self) {
        if let Some(to) = self.to {
            // A caller that stopped waiting is no failure.
            drop(to.send(Ok(self.answers)));
        }
    }

    pub(crate) fn fail(&mut self, error: RedisError) {
        self.answers = Vec::new();
        if let Some(to) = self.to.take() {
            drop(to.send(Err(error)));
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.to.is_some()
    }
}
