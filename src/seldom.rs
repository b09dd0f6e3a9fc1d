//! Log lines that a client can cause at will: at most one a minute, with the number of those left out.

use std::sync::{Mutex, PoisonError};

use crate::clock::Millis;

/// Between two lines of one kind: often enough to notice, too seldom to fill a disk.
const APART_MS: Millis = 60_000;

/// One kind of log line.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    last: Option<Millis>,
    left_out: u64,
}

/// The kinds of one `Sessions` and its clones, whatever the number of layers and workers.
#[derive(Debug, Default)]
pub(crate) struct ClientLines {
    /// Several tokens of one request open sessions.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) several_open: Seldom,
    /// A request has more tokens than are tried.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) too_many: Seldom,
    /// A session is used from another address.
    pub(crate) address_changed: Seldom,
    /// A session is not opened from another address.
    pub(crate) address_rejected: Seldom,
}

impl Seldom {
    /// Whether the line is due at this time; then how many like it were left out since the last one.
    pub(crate) fn due(&self, now: Millis) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins again.
        if lines.last.is_some_and(|last| (last..last + APART_MS).contains(&now)) {
            lines.left_out += 1;
            return None;
        }
        lines.last = Some(now);
        Some(std::mem::take(&mut lines.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_minute_with_the_count_of_those_left_out() {
        let seldom = Seldom::default();
        assert_eq!(seldom.due(5), Some(0));
        assert_eq!((seldom.due(5), seldom.due(60_004)), (None, None));
        assert_eq!(seldom.due(60_005), Some(2));
        assert_eq!(seldom.due(60_006), None);
        assert_eq!(seldom.due(1_000_000), Some(1));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_a_line() {
        let seldom = Seldom::default();
        assert_eq!(seldom.due(1_000_000), Some(0));
        assert_eq!(seldom.due(10), Some(0));
    }
}
