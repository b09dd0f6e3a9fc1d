//! When a session's lifetime has to be changed to match its record. Pure.

use crate::config::timeouts::Lifetimes;
use crate::util::clock::Millis;

/// Expiries that differ by less are the same, seen by two clocks.
pub(in crate::compat) const SAME_MS: Millis = 100;

/// The lifetime to set from now; `None` if the current one, `is_set`, is sufficient for `asked`.
///
/// Every write extends a sliding expiry. So an extension goes a little further than asked, and the next writes need
/// none. No session ends earlier than asked; an expiry is moved earlier only if the difference exceeds that margin.
pub(super) fn to_set(is_set: &Lifetimes, asked: &Lifetimes, left_ms: Millis) -> Option<Millis> {
    let beyond_ms = beyond_ms(asked, left_ms);
    if asked.absolute_ms > is_set.absolute_ms + SAME_MS {
        return Some(left_ms.saturating_add(beyond_ms));
    }
    (is_set.absolute_ms > asked.absolute_ms + beyond_ms + SAME_MS).then_some(left_ms)
}

/// How late our own idle timeout may be: one touch interval, and at most a tenth of the time asked for.
fn beyond_ms(asked: &Lifetimes, left_ms: Millis) -> Millis {
    Millis::from(asked.interval_ms).min(left_ms / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Millis = 60_000;

    fn life(absolute_ms: Millis) -> Lifetimes {
        Lifetimes { idle_ms: 30 * MIN, absolute_ms, interval_ms: 60_000 }
    }

    #[test]
    fn a_sliding_expiry_is_pushed_once_per_interval_and_never_ends_early() {
        let (ttl, mut set, mut pushes) = (30 * MIN, life(30 * MIN), 0);
        for now in (0..60 * MIN).step_by(1_000) {
            if let Some(left_ms) = to_set(&set, &life(now + ttl), ttl) {
                (set, pushes) = (life(now + left_ms), pushes + 1);
            }
            let early = (now + ttl).saturating_sub(set.absolute_ms);
            let late = set.absolute_ms.saturating_sub(now + ttl);
            assert!(early <= SAME_MS && late <= MIN, "{now}: {early} early, {late} late");
        }
        assert!((58..=61).contains(&pushes), "{pushes}");
    }

    #[test]
    fn a_short_life_is_at_most_a_tenth_longer() {
        assert_eq!(to_set(&life(5_000), &life(30_000), 20_000), Some(22_000));
        assert_eq!(to_set(&life(32_000), &life(30_000), 20_000), None);
        assert_eq!(to_set(&life(32_200), &life(30_000), 20_000), Some(20_000));
    }

    #[test]
    fn an_expiry_at_our_absolute_timeout_is_not_set_again() {
        assert_eq!(to_set(&life(12 * 60 * MIN), &life(12 * 60 * MIN), 14 * 24 * 60 * MIN), None);
    }
}
