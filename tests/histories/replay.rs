//! Delivers what was sent to Redis once more.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::common::recorder::{Call, Recorder};

/// The calls of a history, and how much time was advanced after each.
pub(super) struct Past {
    recorder: Recorder,
    redis: MultiplexedConnection,
    /// Time advanced in all when each call was recorded.
    made: Vec<u64>,
    advanced: u64,
}

impl Past {
    pub(super) fn new(recorder: Recorder, redis: MultiplexedConnection) -> Self {
        Self { recorder, redis, made: Vec::new(), advanced: 0 }
    }

    /// Time was advanced, after what was sent so far.
    pub(super) async fn advance(&mut self, by: Duration) {
        self.catch_up().await;
        self.advanced += by.as_millis() as u64;
    }

    /// Notes the calls that were made since, as made at this time.
    async fn catch_up(&mut self) {
        let count = self.recorder.calls().await.len();
        self.made.resize(count, self.advanced);
    }

    /// Delivers the call that is so many before the last again, as old as what it did. What it answers does not matter
    /// here: only whether the history goes on as without it.
    pub(super) async fn repeat(&mut self, back: usize) {
        self.catch_up().await;
        let calls = self.recorder.calls().await;
        let Some(at) = calls.len().checked_sub(1 + back % calls.len().max(1)) else { return };
        let call = calls[at].clone().older(self.advanced - self.made[at]);
        if self.is_forgotten(&call).await {
            return;
        }
        call.deliver(&mut self.redis).await.expect("an answer, be it a refusal");
    }

    /// A login of a draft that was refused is remembered nowhere: `lua/login.lua` says that a second delivery may succeed.
    async fn is_forgotten(&mut self, call: &Call) -> bool {
        let of_a_draft = call.script == "login" && call.keys[0] == call.keys[4];
        let made: bool =
            redis::cmd("EXISTS").arg(&call.keys[0]).query_async(&mut self.redis).await.expect("the server is up");
        of_a_draft && !made
    }
}
