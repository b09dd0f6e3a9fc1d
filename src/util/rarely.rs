//! Rate-limited log lines: once a minute for events that a client or a fault could repeat at will.

use std::cell::RefCell;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(60);
/// Limit of subjects with a turn of their own. The others share one, so that memory is bounded.
const SUBJECTS: usize = 32;

/// The rate limit of log lines: once a minute, for each subject and each thread of the runtime, so that requests do not
/// wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Rarely(RefCell<Vec<Subject>>);

#[derive(Debug)]
struct Subject {
    subject: String,
    next: Instant,
    left_out: u64,
}

impl Rarely {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// The number of suppressed lines about the subject, if a line may be written now.
    pub(crate) fn turn(&self, subject: &str) -> Option<u64> {
        self.turn_at(subject, Instant::now())
    }

    fn turn_at(&self, subject: &str, now: Instant) -> Option<u64> {
        let mut turns = self.0.borrow_mut();
        let subject = if turns.len() < SUBJECTS { subject } else { "" };
        let next = now + EVERY;
        let Some(turn) = turns.iter_mut().find(|turn| turn.subject == subject) else {
            turns.push(Subject { subject: subject.to_owned(), next, left_out: 0 });
            return Some(0);
        };
        if now < turn.next {
            turn.left_out += 1;
            return None;
        }
        turn.next = next;
        Some(std::mem::take(&mut turn.left_out))
    }
}

/// Writes a line at this level at most once a minute and thread, with the number of suppressed lines; those are written
/// at DEBUG.
///
/// `rarely!(warn, field, "text")`, or `rarely!(warn of subject, field, "text")` if some lines must not hide others.
macro_rules! rarely {
    ($level:ident of $subject:expr, $($line:tt)*) => {{
        thread_local!(static TURN: $crate::util::rarely::Rarely = const { $crate::util::rarely::Rarely::new() });
        match TURN.try_with(|turn| turn.turn($subject)).ok().flatten() {
            Some(left_out) => tracing::$level!(left_out, $($line)*),
            None => tracing::debug!($($line)*),
        }
    }};
    ($level:ident, $($line:tt)*) => { $crate::util::rarely::rarely!($level of "", $($line)*) };
}

pub(crate) use rarely;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_logged_once_a_minute_with_a_count_of_skipped_lines() {
        let (rarely, begun) = (Rarely::new(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(rarely.turn_at("a", at(0)), Some(0));
        assert_eq!((rarely.turn_at("a", at(1)), rarely.turn_at("a", at(59))), (None, None));
        assert_eq!((rarely.turn_at("b", at(59)), rarely.turn_at("a", at(60))), (Some(0), Some(2)));
        assert_eq!((rarely.turn_at("a", at(119)), rarely.turn_at("a", at(500))), (None, Some(1)));
    }

    #[test]
    fn subjects_beyond_the_bound_share_a_turn() {
        let (rarely, now) = (Rarely::new(), Instant::now());
        let lines = (0..1_000).filter(|subject| rarely.turn_at(&subject.to_string(), now).is_some()).count();
        assert_eq!((lines, rarely.0.borrow().len()), (SUBJECTS + 1, SUBJECTS + 1));
    }
}
