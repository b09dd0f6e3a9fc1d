//! The alarm of a connection's callers on one runtime.
//!
//! It is not the connection's task's: that may be on a runtime that stands still, as behind a handler that blocks its
//! thread, or that nobody drives any more. One alarm for all callers costs much less than one for each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tokio::runtime::{self, Id};
use tokio::time::{Instant, sleep_until};

use super::{Calls, MultiplexedInner};
use crate::store::redis::client::node::connection::TIMEOUTS;

/// It looks at the clock this often at least: a call that waits for less may learn so much later that its time is over.
const TICK: Duration = Duration::from_millis(50);
/// Much longer than the connection's task takes to look for calls, unless the runtime that it is on stands still. Then
/// it is of no use to wait on: another connection may reply within the same budget.
const STILL: Duration = Duration::from_millis(200);

/// Of the callers on one runtime, and for all: whichever comes first says whose time is over.
pub(crate) struct Guard {
    shared: Arc<MultiplexedInner>,
    runtime: Id,
    /// How often the connection's task had looked for calls, and since when it has not while there were some.
    looked: u64,
    still: Instant,
    over: bool,
}

impl Guard {
    /// If this runtime has none yet.
    pub(crate) fn needed(shared: &Arc<MultiplexedInner>, calls: &mut Calls, runtime: &runtime::Handle) -> Option<Self> {
        let runtime = runtime.id();
        if calls.guarded.contains(&runtime) {
            return None;
        }
        calls.guarded.push(runtime);
        Some(Self { shared: Arc::clone(shared), runtime, looked: calls.looked, still: Instant::now(), over: false })
    }

    /// Until there is nothing to wait for.
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

    /// Fails the calls whose time is over, and those that the connection's task does not see. Returns when to look again.
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
        // The connection's task may wait for the last one.
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
    /// The next call needs another.
    fn leave(&mut self, calls: &mut Calls) {
        if !self.over {
            self.over = true;
            calls.guarded.retain(|other| *other != self.runtime);
        }
    }
}

impl Drop for Guard {
    /// Also when the runtime shuts down.
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.leave(&mut shared.lock());
    }
}

/// The call waits to be written by a task that does not run. It may do so later, so the call may be executed yet.
fn stands_still() -> RedisError {
    io::Error::new(io::ErrorKind::NotConnected, "the runtime that serves the connection stands still").into()
}
