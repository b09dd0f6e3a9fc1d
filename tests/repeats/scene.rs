//! One operation, its setup, and the calls that it sends.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::{AsCluster, Builder, Session, Timeouts};
use redis::Value;
use redis::aio::MultiplexedConnection;

use super::dump::Dump;
use super::operations::{self, STEPS};
use crate::common::recorder::{Call, Recorder};
use crate::common::server::Server;
use crate::common::{Stage, redis_stage_on};

/// Answers, by their names in `src/store/redis/script/reply.rs`.
pub(super) const OK: i64 = 0;
pub(super) const LATE: i64 = 1;
pub(super) const MOVED_ON: i64 = 16;

/// The setup of one operation that is about to be called.
pub(super) struct Scene {
    pub(super) stage: Stage,
    operation: &'static str,
    /// The handle that makes the call.
    pub(super) session: Session,
    /// The handle that has the session's token afterwards.
    pub(super) holder: Session,
    recorder: Recorder,
    redis: MultiplexedConnection,
}

impl Scene {
    /// Prepares everything up to the operation.
    pub(super) async fn before(server: &Arc<Server>, operation: &'static str) -> Self {
        Self::with(server, operation, Timeouts::new()).await
    }

    /// The same with timeouts for every session.
    pub(super) async fn with(server: &Arc<Server>, operation: &'static str, timeouts: Timeouts) -> Self {
        // A session past its deadline is swept only if it has a grace.
        let grace = Duration::from_secs(if operation == "sweep" { 600 } else { 0 });
        let settings =
            |with: Builder| with.expiry_grace(grace).timeouts(timeouts).connections(1).budget(Duration::from_secs(30));
        let settings = |with| match operation {
            "end_by_key" => settings(with).while_resharding(),
            step if STEPS.contains(&step) => settings(with).across_slots(),
            _ => settings(with),
        };
        let stage = redis_stage_on(Arc::clone(server), settings).await;
        let mut redis = server.connection().await;
        // The recorder learns a script's name from its first run.
        let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await.expect("the server is up");
        let recorder = Recorder::start(server, &stage.namespace).await;
        let (session, holder) = operations::prepare(operation, &stage).await;
        Self { stage, operation, session, holder, recorder, redis }
    }

    /// Calls the operation through the crate; returns the calls that were sent.
    pub(super) async fn operate(&mut self) -> Call {
        operations::call(self.operation, &self.stage, &self.session).await;
        self.recorder.last(operations::script(self.operation)).await
    }

    /// Delivers the calls that precede the operation within one call of the crate.
    pub(super) async fn precede(&mut self) {
        if self.operation == "activate" {
            let parked = self.recorder.last("park").await;
            self.deliver(&parked).await;
        }
    }

    pub(super) async fn deliver(&mut self, call: &Call) -> Value {
        call.deliver(&mut self.redis).await.expect("an answer, be it a refusal")
    }

    /// The call with another not-after.
    pub(super) async fn with_not_after(&mut self, call: Call, ms: u64) -> Call {
        call.with_not_after(ms, &mut self.redis).await
    }

    pub(super) async fn dump(&mut self) -> Dump {
        Dump::of(&mut self.redis, &self.stage.namespace).await
    }

    pub(super) async fn restore(&mut self, dump: &Dump) {
        dump.restore(&mut self.redis, &self.stage.namespace).await;
    }
}

/// The first value of a reply; a bare number is a code, or the time of a call that was executed.
pub(super) fn code(answer: &Value) -> Option<i64> {
    match answer {
        Value::Array(parts) => match parts.first() {
            Some(Value::Int(code)) => Some(*code),
            _ => None,
        },
        Value::Int(code) if *code < 100 => Some(*code),
        Value::Int(_) => Some(OK),
        _ => None,
    }
}
