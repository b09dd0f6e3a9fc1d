//! The alarm of a connection for its callers on one runtime.
//!
//! It is not in the connection's task: that task may be on a runtime that is blocked by a handler, or that is not
//! driven any more. One alarm for all callers costs much less than one for each.

use std::io;
use std::sync::Arc;

use redis::RedisError;
use tokio::runtime::{self, Id};
use tokio::time::{Instant, sleep_until};

use super::{Calls, MultiplexedInner};
use crate::store::redis::client::budget::{ALARM_INTERVAL, DRIVER_STALLED};
use crate::store::redis::client::node::connection::TIMEOUTS;

/// Checks all calls; the first alarm of any runtime that sees an overdue call fails it.
pub(crate) struct Guard {
    shared: Arc<MultiplexedInner>,
    runtime: Id,
    /// How often the connection's task had looked for calls, and since when it ignores new ones.
    looked: u64,
    still: Instant,
    over: bool,
}

impl Guard {
    /// Returns an alarm if this runtime has none yet.
    pub(crate) fn needed(shared: &Arc<MultiplexedInner>, calls: &mut Calls, runtime: &runtime::Handle) -> Option<Self> {
        let runtime = runtime.id();
        if calls.guarded.contains(&runtime) {
            return None;
        }
        calls.guarded.push(runtime);
        Some(Self { shared: Arc::clone(shared), runtime, looked: calls.looked, still: Instant::now(), over: false })
    }

    /// Runs until no caller waits.
    pub(crate) async fn watch(mut self) {
        let mut next = Instant::now() + ALARM_INTERVAL;
        loop {
            sleep_until(next).await;
            match self.look(Instant::now()) {
                Some(then) => next = then,
                None => return,
            }
        }
    }

    /// Fails the overdue calls, and the calls that the connection's task does not see. Returns when to check again.
    fn look(&mut self, now: Instant) -> Option<Instant> {
        let shared = Arc::clone(&self.shared);
        let mut locked = shared.lock();
        let calls = &mut *locked;
        let unseen = calls.waiting.len() > calls.known;
        if !unseen || calls.looked != self.looked {
            (self.looked, self.still) = (calls.looked, now);
        } else if now - self.still >= DRIVER_STALLED {
            calls.waiting.iter_mut().skip(calls.known).for_each(|call| call.fail(stands_still()));
        }
        for call in calls.waiting.iter_mut().filter(|call| call.until <= now && call.is_wanted()) {
            call.fail(io::Error::from(io::ErrorKind::TimedOut).into());
            calls.late += 1;
        }
        let next = calls.waiting.iter().filter(|call| call.is_wanted()).map(|call| call.until).min();
        let broke = if calls.late >= TIMEOUTS { calls.broke.take() } else { None };
        // The connection's task may wait for the last call.
        let asleep = if next.is_none() && calls.unused { calls.asleep.take() } else { None };
        if next.is_none() {
            self.leave(calls);
        }
        drop(locked);
        if let Some(broke) = broke {
            broke();
        }
        if let Some(waker) = asleep {
            waker.wake();
        }
        next.map(|next| next.min(now + ALARM_INTERVAL))
    }
}

impl Guard {
    /// The next call starts another alarm.
    fn leave(&mut self, calls: &mut Calls) {
        if !self.over {
            self.over = true;
            calls.guarded.retain(|other| *other != self.runtime);
        }
    }
}

impl Drop for Guard {
    /// Also called when the runtime shuts down.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.leave(&mut shared.lock());
    }
}

/// The connection's task does not run. It may write the call later, so the call may still be executed.
fn stands_still() -> RedisError {
    io::Error::new(io::ErrorKind::NotConnected, "the runtime of the connection is blocked").into()
}
