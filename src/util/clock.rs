//! Store time, and a manual clock for the embedded store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the store's clock: Redis's, or the embedded store's.
pub(crate) type Millis = u64;

/// A clock that moves only when advanced, for tests on the embedded store.
///
/// Redis uses its own clock, so [`Builder::clock`](crate::Builder::clock) accepts this for `memory:` only.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::time::Duration;
/// use cloakroom::{ClientInfo, ManualClock, Sessions};
///
/// let clock = ManualClock::new();
/// let sessions = Sessions::builder("memory:").namespace("test").clock(clock.clone()).connect().await?;
/// let session = sessions.open(None, ClientInfo::default()).await?;
/// session.insert("hat", &"top")?;
/// session.save().await?;
/// let token = session.token().expect("a new session has a token").reveal();
///
/// clock.advance(Duration::from_secs(24 * 60 * 60));
/// let session = sessions.open(Some(token.as_str()), ClientInfo::default()).await?;
/// assert!(session.id().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock set to the present.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(system_ms())))
    }

    /// Advances the clock, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

/// A time in the year 2248 that no server's clock shows: a reply with a later one is invalid.
pub(crate) const NEVER: Millis = 1 << 43;

/// The time in a reply to `TIME`: seconds, and microseconds of the next one.
pub(crate) fn of_time(seconds: u64, micros: u64) -> Option<Millis> {
    let ms = seconds.checked_mul(1000)?.checked_add(micros / 1000)?;
    (ms < NEVER).then_some(ms)
}

/// The operating system's clock.
pub(crate) fn system_ms() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A stored time as the standard library's type.
pub(crate) fn instant(ms: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_server_time_is_ignored() {
        assert_eq!(of_time(1_700_000_000, 999_999), Some(1_700_000_000_999));
        assert_eq!(of_time(0, 0), Some(0));
        for (seconds, micros) in [(u64::MAX, 0), (u64::MAX / 1000, u64::MAX), (NEVER / 1000 + 1, 0), (1, u64::MAX)] {
            assert_eq!(of_time(seconds, micros), None, "{seconds} {micros}");
        }
    }
}
