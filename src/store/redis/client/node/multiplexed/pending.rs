//! A call that waits for its answers.

use redis::{RedisError, RedisResult};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A call on its way.
pub(crate) struct PendingReply {
    /// Until when its caller waits.
    pub(crate) until: Instant,
    /// How many answers are to come.
    awaited: usize,
    /// Those that have come, in room that the caller has made: memory is freed fastest by the thread that it is from.
    answers: Vec<u8>,
    /// None once nobody waits any more; what comes is read all the same, or the next call would get it.
    to: Option<oneshot::Sender<RedisResult<Vec<u8>>>>,
}

impl PendingReply {
    /// For so many answers, at best of so many bytes.
    pub(crate) fn new(awaited: usize, room: usize, until: Instant) -> (Self, oneshot::Receiver<RedisResult<Vec<u8>>>) {
        let (to, answers) = oneshot::channel();
        (Self { until, awaited, answers: Vec::with_capacity(room), to: Some(to) }, answers)
    }

    /// One of its answers has come. Returns how many are to come yet.
    pub(crate) fn take(&mut self, answer: &[u8]) -> usize {
        self.awaited -= 1;
        if self.to.is_some() {
            self.answers.extend_from_slice(answer);
        }
        self.awaited
    }

    /// All have.
    pub(crate) fn answer(self) {
        if let Some(to) = self.to {
            // That nobody waits any more is no failure.
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
