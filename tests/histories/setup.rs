//! Settings of a history: small caps and limits, and durations that keep apart from each other.

use std::time::Duration;

use cloakroom::{AsCluster, Builder, Cap, Limits, Timeout, Timeouts};

/// Every duration here, and every one that the crate fixes, is a multiple of this.
pub(super) const GRID: Duration = Duration::from_secs(10);
/// Every advance is a multiple of the grid plus this: no sum of a history's advances comes nearer than this to a
/// deadline, so it does not matter that the two stores are not called at the very same moment.
pub(super) const BESIDE: Duration = Duration::from_millis(500);
/// Maximum number of advances of one history.
pub(super) const ADVANCES: usize = 12;
/// The real time that a history may take before its sums of advances come near the next multiple.
pub(super) const SLOWEST: Duration = Duration::from_secs(3);

/// The settings of one history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    pub(super) cap: u16,
    pub(super) rejects: bool,
    pub(super) span: Span,
    pub(super) grace: Duration,
    pub(super) remember: Duration,
    /// Logins as in a Redis Cluster.
    pub(super) by_steps: bool,
}

/// Timeouts, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Default,
    Short,
    Shortest,
    AbsoluteMinutes,
    Never,
}

impl Span {
    pub(super) const ALL: [Self; 5] = [Self::Default, Self::Short, Self::Shortest, Self::AbsoluteMinutes, Self::Never];

    pub(super) fn timeouts(self) -> Timeouts {
        let spans = |idle, interval| {
            Timeouts::new().idle(Duration::from_secs(idle)).touch_interval(Duration::from_secs(interval))
        };
        match self {
            Self::Default => Timeouts::new(),
            Self::Short => spans(60, 20).absolute(Timeout::Never),
            Self::Shortest => spans(10, 10).absolute(Duration::from_secs(60)),
            Self::AbsoluteMinutes => spans(600, 60).absolute(Duration::from_secs(300)),
            Self::Never => Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never),
        }
    }
}

impl Setup {
    pub(super) fn random(random: &mut fastrand::Rng) -> Self {
        Self {
            cap: random.u16(1..4),
            rejects: random.u8(..4) == 0,
            span: Span::ALL[random.usize(..Span::ALL.len())],
            grace: Duration::from_secs([0, 0, 20, 600][random.usize(..4)]),
            remember: Duration::from_secs([300, 3600][random.usize(..2)]),
            by_steps: random.bool(),
        }
    }

    pub(super) fn apply(self, to: Builder) -> Builder {
        // One connection, so that a touch that runs concurrently with a request arrives before what comes after it.
        let to = if self.by_steps { to.across_slots() } else { to };
        to.cap(self.cap_of(self.cap))
            .timeouts(self.span.timeouts())
            .expiry_grace(self.grace)
            .remember_ended(self.remember)
            .limits(Limits::new().fields(3).session_bytes(60).field_bytes(40))
            .connections(1)
            .budget(Duration::from_secs(30))
    }

    /// A cap with this history's policy.
    pub(super) fn cap_of(self, most: u16) -> Cap {
        if self.rejects { Cap::reject(most) } else { Cap::evict(most) }
    }
}
