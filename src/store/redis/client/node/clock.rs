//! An estimate of the server's clock.

use std::sync::atomic::{AtomicU64, Ordering};

use redis::{ErrorKind, RedisResult, Value};
use tokio::time::Instant;

use crate::store::redis::client::budget::{CLOCK_INTERVAL, CLOCK_RETRY};
use crate::store::redis::client::node::transport::Connection;
use crate::util::clock::{Millis, NEVER, of_time, system_ms};

/// The server's clock, as an offset from the monotonic clock of this process.
///
/// It decides no session's life: it only sets the time after which a call is refused.
pub(crate) struct ServerClock {
    started: Instant,
    /// The server's time at `started`.
    offset: AtomicU64,
    /// When to measure again, in milliseconds after `started`.
    due: AtomicU64,
}

impl ServerClock {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), offset: AtomicU64::new(system_ms()), due: AtomicU64::new(0) }
    }

    pub(crate) fn now(&self) -> Millis {
        self.offset.load(Ordering::Relaxed).wrapping_add(self.elapsed())
    }

    pub(crate) fn seen(&self, now: Millis) {
        self.set(now, self.elapsed());
    }

    /// Whether the caller must measure. Returns true to one caller.
    pub(crate) fn is_due(&self) -> bool {
        let (due, now) = (self.due.load(Ordering::Relaxed), self.elapsed());
        let again = now + CLOCK_RETRY.as_millis() as u64;
        due <= now && self.due.compare_exchange(due, again, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Asks the server. The error is at most half the round trip.
    pub(crate) async fn measure(&self, connection: &mut Connection) -> RedisResult<()> {
        let sent = self.elapsed();
        let answer = connection.send_packed_command(&redis::cmd("TIME")).await?.extract_error()?;
        let now = read_time(&answer).ok_or((ErrorKind::UnexpectedReturnType, "the reply to TIME is not a time"))?;
        self.set(now, sent.midpoint(self.elapsed()));
        Ok(())
    }

    /// Records the server's time at the given time of this process.
    pub(crate) fn set(&self, now: Millis, at: u64) {
        if now >= NEVER {
            return;
        }
        self.offset.store(now.wrapping_sub(at), Ordering::Relaxed);
        self.due.store(at + CLOCK_INTERVAL.as_millis() as u64, Ordering::Relaxed);
    }

    /// The time of this process, in milliseconds.
    pub(crate) fn elapsed(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

/// Reads a reply to `TIME`; `None` if it is not a time.
pub(crate) fn read_time(answer: &Value) -> Option<Millis> {
    let (seconds, micros): (u64, u64) = redis::from_redis_value(answer.clone()).ok()?;
    of_time(seconds, micros)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_runs_on_from_the_last_server_time() {
        let clock = ServerClock::new();
        tokio::time::advance(Duration::from_secs(5)).await;
        clock.seen(1_000_000);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clock.now(), 1_000_250);
    }

    #[tokio::test(start_paused = true)]
    async fn an_absurd_time_does_not_change_the_clock() {
        let clock = ServerClock::new();
        clock.seen(1_000_000);
        clock.seen(u64::MAX);
        clock.seen(NEVER);
        assert_eq!(clock.now(), 1_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_per_30_seconds_measures_the_clock() {
        let clock = ServerClock::new();
        assert!(clock.is_due());
        assert!(!clock.is_due());
        clock.seen(1_000_000);
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(!clock.is_due());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(clock.is_due());
        assert!(!clock.is_due());
        tokio::time::advance(Duration::from_millis(1_000)).await;
        assert!(clock.is_due(), "the measurement got no answer");
    }
}
