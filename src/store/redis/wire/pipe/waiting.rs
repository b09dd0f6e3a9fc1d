//! A call that waits for its answers.

use redis::{RedisError, RedisResult, Value};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A call on its way.
pub(super) struct Waiting {
    /// Until when its caller waits.
    pub(super) until: Instant,
    /// How many answers are to come.
    pub(super) awaited: usize,
    pub(super) answers: Answers,
}

pub(super) enum Answers {
    One(oneshot::Sender<RedisResult<Value>>),
    Many(Vec<Value>, oneshot::Sender<RedisResult<Vec<Value>>>),
    /// Nobody waits any more; what comes is read all the same, or the next call would get it.
    Unwanted,
}

impl Waiting {
    pub(super) fn answer(&mut self, value: Value) {
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

    pub(super) fn fail(&mut self, error: RedisError) {
        match std::mem::replace(&mut self.answers, Answers::Unwanted) {
            Answers::One(to) => drop(to.send(Err(error))),
            Answers::Many(_, to) => drop(to.send(Err(error))),
            Answers::Unwanted => {}
        }
    }

    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self.answers, Answers::Unwanted)
    }
}
