//! The alarm of a connection for its callers on one runtime.
//!
//! It is not in the connection's task: that task may be on a runtime that is blocked by a handler, or that is not
//! driven any more. One alarm for all callers costs much less than one for each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tokio::runtime::{self, Id};
use tokio::time::{Instant, sleep_until};

use super::{Calls, MultiplexedInner};
use crate::store::redis::client::node::connection::TIMEOUTS;

/// The longest time between two checks. A caller with a shorter time limit may fail this much too late.
const TICK: Duration = Duration::from_millis(50);
/// Much longer than the connection's task needs to look for calls, unless its runtime is blocked. Then the call
/// fails, and another connection may reply within the same budget.
const STILL: Duration = Duration::from_millis(200);

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
        let mut next = Instant::now() + TICK;
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
        } else if now - self.still >= STILL {
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
        next.map(|next| next.min(now + TICK))
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
