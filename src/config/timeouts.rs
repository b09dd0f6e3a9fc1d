//! A session's timeouts: idle, absolute and the touch interval.

use std::time::Duration;

use crate::config::ConfigError;

/// 400 days: the longest lifetime of anything here. Browsers limit a cookie's Max-Age to it too (RFC 6265bis, 5.6.2).
pub(crate) const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// The longest default touch interval: one write a minute for an active session.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// No absolute timeout, in milliseconds: fits into six bytes, and the sum of two fits into a Lua number.
pub(crate) const NO_END_MS: u64 = (1 << 48) - 1;

/// A session timeout, or none. Zero is not valid: to end a session, use [`invalidate`](crate::Session::invalidate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// No timeout of this kind. A session still ends after 400 days without use, so that every key expires.
    Never,
    /// This time: 1 millisecond to 400 days, in whole milliseconds.
    After(Duration),
}

impl Timeout {
    /// Converts seconds from systems in which 0 means "never".
    #[must_use]
    pub const fn from_secs_zero_is_never(seconds: u64) -> Self {
        match seconds {
            0 => Self::Never,
            _ => Self::After(Duration::from_secs(seconds)),
        }
    }

    /// Milliseconds; `never` for `Never`.
    fn ms(self, never: u64) -> u64 {
        match self {
            Self::Never => never,
            Self::After(duration) => u64::try_from(duration.as_millis()).unwrap_or(never),
        }
    }

    fn check(self, setting: &'static str) -> Result<Self, ConfigError> {
        match self {
            Self::After(duration) if duration < Duration::from_millis(1) || duration > LONGEST => {
                Err(ConfigError::out_of_range(setting, format!("{duration:?}"), "1 ms to 400 days, or Never"))
            }
            fine => Ok(fine),
        }
    }
}

impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

/// A session's timeouts and touch interval.
///
/// | | default | why |
/// |---|---|---|
/// | `idle` | 30 minutes | what users of web shops and back offices expect; a touch extends it |
/// | `absolute` | 12 hours | a working day; only a new login extends it |
/// | touch interval | the smaller of 60 s and a tenth of `idle` | at most one write a minute; no session expires early, and at most one interval late |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    idle: Timeout,
    absolute: Timeout,
    interval: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        let after = |minutes: u64| Timeout::After(Duration::from_secs(minutes * 60));
        Self { idle: after(30), absolute: after(12 * 60), interval: None }
    }
}

impl Timeouts {
    /// The defaults: 30 minutes idle, 12 hours absolute.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// NIST SP 800-63B-4, AAL1: at most 30 days between logins, no idle limit (2.1.3).
    #[must_use]
    pub fn aal1() -> Self {
        Self::preset(Timeout::Never, 30 * 24 * 60)
    }

    /// NIST SP 800-63B-4, AAL2: at most 24 hours between logins and 1 hour idle, including the touch interval (2.2.3).
    #[must_use]
    pub fn aal2() -> Self {
        Self::preset(Timeout::After(Duration::from_secs(59 * 60)), 24 * 60)
    }

    /// NIST SP 800-63B-4, AAL3: at most 12 hours between logins and 15 minutes idle, including the touch interval
    /// (2.3.3).
    #[must_use]
    pub fn aal3() -> Self {
        Self::preset(Timeout::After(Duration::from_secs(14 * 60)), 12 * 60)
    }

    fn preset(idle: Timeout, absolute_minutes: u64) -> Self {
        let absolute = Timeout::After(Duration::from_secs(absolute_minutes * 60));
        Self { idle, absolute, interval: None }
    }

    /// Ends a session this long after its last use.
    #[must_use]
    pub fn idle(self, idle: impl Into<Timeout>) -> Self {
        Self { idle: idle.into(), ..self }
    }

    /// Ends a session this long after its creation or last login, regardless of use.
    #[must_use]
    pub fn absolute(self, absolute: impl Into<Timeout>) -> Self {
        Self { absolute: absolute.into(), ..self }
    }

    /// Records a use at most once in this time: 1 ms to 24 hours. A longer interval means fewer writes to Redis, and
    /// sessions that may live longer by it.
    #[must_use]
    pub fn touch_interval(self, interval: Duration) -> Self {
        Self { interval: Some(interval), ..self }
    }

    /// The idle timeout.
    #[must_use]
    pub const fn idle_timeout(&self) -> Timeout {
        self.idle
    }

    /// The absolute timeout.
    #[must_use]
    pub const fn absolute_timeout(&self) -> Timeout {
        self.absolute
    }

    /// Checks the ranges and converts to the stored numbers.
    pub(crate) fn checked(self) -> Result<Lifetimes, ConfigError> {
        let idle_ms = self.idle.check("idle timeout")?.ms(LONGEST.as_millis() as u64);
        let absolute_ms = self.absolute.check("absolute timeout")?.ms(NO_END_MS);
        let interval = self.interval.unwrap_or_else(|| default_interval(idle_ms));
        if interval < Duration::from_millis(1) || interval > Duration::from_secs(24 * 60 * 60) {
            return Err(ConfigError::out_of_range("touch interval", format!("{interval:?}"), "1 ms to 24 hours"));
        }
        Ok(Lifetimes { idle_ms, absolute_ms, interval_ms: interval.as_millis() as u32 })
    }
}

fn default_interval(idle_ms: u64) -> Duration {
    Duration::from_millis(idle_ms / 10).clamp(Duration::from_millis(1), LONGEST_INTERVAL)
}

/// A session's timeouts as stored with it, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// Up to 400 days.
    pub(crate) idle_ms: u64,
    /// Up to 400 days, or [`NO_END_MS`].
    pub(crate) absolute_ms: u64,
    pub(crate) interval_ms: u32,
}

impl Lifetimes {
    /// The same without timeouts; only the 400 days of [`LONGEST`] apply.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    pub(crate) const fn without_end(self) -> Self {
        Self { idle_ms: LONGEST.as_millis() as u64, absolute_ms: NO_END_MS, ..self }
    }

    /// The remaining lifetime of a session that began at `since` and is used at `now`: idle timeout and interval,
    /// limited by the absolute deadline.
    pub(crate) fn life_ms(&self, since: u64, now: u64) -> u64 {
        let absolute_left = (since + self.absolute_ms).saturating_sub(now);
        (self.idle_ms + u64::from(self.interval_ms)).min(absolute_left)
    }

    /// How long the user's index must outlive a login: the absolute timeout, or twice the idle one without it.
    pub(crate) fn cover_ms(&self) -> u64 {
        if self.is_endless() { 2 * (self.idle_ms + u64::from(self.interval_ms)) } else { self.absolute_ms }
    }

    /// Whether there is no absolute timeout.
    pub(crate) const fn is_endless(&self) -> bool {
        self.absolute_ms == NO_END_MS
    }

    /// The public type.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let after = |ms, never| if ms == never { Timeout::Never } else { Timeout::After(Duration::from_millis(ms)) };
        let interval = Duration::from_millis(u64::from(self.interval_ms));
        let implied = interval == default_interval(self.idle_ms);
        Timeouts {
            idle: after(self.idle_ms, LONGEST.as_millis() as u64),
            absolute: after(self.absolute_ms, NO_END_MS),
            interval: (!implied).then_some(interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = 60_000;

    fn lifetimes(timeouts: Timeouts) -> Lifetimes {
        timeouts.checked().expect("in range")
    }

    #[test]
    fn the_default_interval_is_a_tenth_of_idle_and_at_most_a_minute() {
        assert_eq!(lifetimes(Timeouts::new()).interval_ms, 60_000);
        assert_eq!(lifetimes(Timeouts::new().idle(Duration::from_secs(100))).interval_ms, 10_000);
        assert_eq!(lifetimes(Timeouts::new().idle(Duration::from_millis(5))).interval_ms, 1);
    }

    #[test]
    fn a_life_is_idle_and_interval_cut_at_the_absolute_deadline() {
        let lifetimes = lifetimes(Timeouts::new().idle(Duration::from_secs(600)).absolute(Duration::from_secs(1200)));
        assert_eq!(lifetimes.life_ms(0, 0), 11 * MIN);
        assert_eq!(lifetimes.life_ms(0, 15 * MIN), 5 * MIN);
        assert_eq!(lifetimes.life_ms(0, 25 * MIN), 0);
    }

    #[test]
    fn a_never_timeout_is_400_days_from_the_last_use() {
        let lifetimes = lifetimes(Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never));
        assert_eq!(lifetimes.life_ms(0, 1 << 41), LONGEST.as_millis() as u64 + MIN);
        assert_eq!(lifetimes.timeouts().idle_timeout(), Timeout::Never);
        assert_eq!(lifetimes.timeouts().absolute_timeout(), Timeout::Never);
    }

    #[test]
    fn zero_and_more_than_400_days_are_errors() {
        for bad in [Duration::ZERO, Duration::from_micros(999), LONGEST + Duration::from_millis(1)] {
            assert!(Timeouts::new().idle(bad).checked().is_err());
            assert!(Timeouts::new().absolute(bad).checked().is_err());
        }
        assert!(Timeouts::new().touch_interval(Duration::ZERO).checked().is_err());
        assert_eq!(Timeout::from_secs_zero_is_never(0), Timeout::Never);
        assert_eq!(Timeout::from_secs_zero_is_never(9), Timeout::After(Duration::from_secs(9)));
    }

    #[test]
    fn presets_keep_the_interval_within_the_limit() {
        for (preset, limit) in [(Timeouts::aal2(), 60), (Timeouts::aal3(), 15)] {
            let lifetimes = lifetimes(preset);
            assert_eq!(lifetimes.idle_ms + u64::from(lifetimes.interval_ms), limit * MIN);
        }
    }

    #[test]
    fn stored_timeouts_read_back_as_they_were_set() {
        for timeouts in [Timeouts::new(), Timeouts::aal1(), Timeouts::new().idle(Duration::from_secs(90))] {
            assert_eq!(lifetimes(lifetimes(timeouts).timeouts()), lifetimes(timeouts));
        }
    }
}
