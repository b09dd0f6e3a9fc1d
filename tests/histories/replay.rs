//! Delivers calls to Redis again.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::common::recorder::{Call, Recorder};
use crate::common::server::Server;

/// The calls of a history, and how much time was advanced after each.
pub(super) struct Past {
    masters: Vec<Master>,
    made: Vec<Made>,
    advanced: u64,
}

/// A server that accepts writes, and the calls that it got.
struct Master {
    recorder: Recorder,
    redis: MultiplexedConnection,
    /// How many of its calls are in the list of calls made.
    noted: usize,
}

/// A call, its master, and the total time advanced when it was recorded.
struct Made {
    call: Call,
    master: usize,
    advanced: u64,
}

impl Past {
    /// Records these servers together, from now on.
    pub(super) async fn of(servers: &[&Server], namespace: &str) -> Self {
        let mut masters = Vec::new();
        for server in servers {
            let mut redis = server.connection().await;
            // The recorder learns a script's name from its first run.
            let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await.expect("the server is up");
            masters.push(Master { recorder: Recorder::start(server, namespace).await, redis, noted: 0 });
        }
        Self { masters, made: Vec::new(), advanced: 0 }
    }

    /// Whether any call was recorded.
    pub(super) const fn heard(&self) -> bool {
        !self.made.is_empty()
    }

    /// Time was advanced, after the calls sent so far.
    pub(super) async fn advance(&mut self, by: Duration) {
        self.catch_up().await;
        self.advanced += by.as_millis() as u64;
    }

    /// Records the calls made since, as made at this time.
    async fn catch_up(&mut self) {
        for (number, master) in self.masters.iter_mut().enumerate() {
            let calls = master.recorder.calls().await;
            let new = calls.iter().skip(master.noted).cloned();
            self.made.extend(new.map(|call| Made { call, master: number, advanced: self.advanced }));
            master.noted = calls.len();
        }
    }

    /// Delivers the call n before the last again, as old as its effect. Its reply does not matter here: only whether the
    /// history goes on as without it.
    pub(super) async fn repeat(&mut self, back: usize) {
        self.catch_up().await;
        let Some(at) = self.made.len().checked_sub(1 + back % self.made.len().max(1)) else { return };
        let made = &self.made[at];
        let call = made.call.clone().older(self.advanced - made.advanced);
        let redis = &mut self.masters[made.master].redis;
        if !is_forgotten(&call, redis).await {
            call.deliver(redis).await.expect("an answer, be it a refusal");
        }
    }
}

/// A refused login of a draft is not remembered: `lua/login.lua` says that a second delivery may succeed.
async fn is_forgotten(call: &Call, redis: &mut MultiplexedConnection) -> bool {
    let of_a_draft = call.script == "login" && call.keys[0] == call.keys[4];
    let made: bool = redis::cmd("EXISTS").arg(&call.keys[0]).query_async(redis).await.expect("the server is up");
    of_a_draft && !made
}
