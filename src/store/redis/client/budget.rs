//! The time limit of an operation.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first and the longest wait before a retry.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// With less time nothing is sent: the call would probably end with an unknown outcome.
const LEAST_TRY: Duration = Duration::from_millis(20);
/// The time limit of one reply. A healthy Redis replies within a few milliseconds.
pub(crate) const ANSWER: Duration = Duration::from_millis(500);

/// The deadline of one operation of the contract, its retries included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    ends: Instant,
}

impl Budget {
    pub(crate) fn of(length: Duration) -> Self {
        Self { ends: Instant::now() + length }
    }

    /// The budget extended by the given duration.
    pub(crate) fn longer(self, by: Duration) -> Self {
        Self { ends: self.ends + by }
    }

    /// The first half of what is left.
    #[cfg(test)]
    pub(crate) fn half(&self) -> Self {
        let now = Instant::now();
        Self { ends: now + self.ends.saturating_duration_since(now) / 2 }
    }

    /// The time that is left, at most the given duration.
    pub(crate) fn left(&self, most: Duration) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(most)
    }

    /// The time that is left, in milliseconds.
    pub(crate) fn left_ms(&self) -> u64 {
        self.left(Duration::MAX).as_millis() as u64
    }

    /// A quarter of what is left.
    pub(crate) fn quarter(&self) -> Self {
        self.part(4)
    }

    /// The share of what is left for one of the given number of steps.
    pub(crate) fn part(&self, steps: u32) -> Self {
        Self::of(self.left(Duration::MAX) / steps)
    }

    /// The deadline for the reply to a call that is sent now; `None` if too little time is left to send it.
    pub(crate) fn patience(&self) -> Option<Instant> {
        let now = Instant::now();
        (self.ends >= now + LEAST_TRY).then(|| self.ends.min(now + ANSWER))
    }

    /// The waits between the attempts of one call.
    pub(crate) fn waits(&self) -> Waits {
        Waits { next: FIRST_WAIT, ends: self.ends }
    }
}

/// Growing waits that stay within a budget.
pub(crate) struct Waits {
    next: Duration,
    ends: Instant,
}

impl Waits {
    /// Waits; returns false at once if too little of the budget would be left.
    pub(crate) async fn pause(&mut self) -> bool {
        let wait = self.next;
        self.next = (wait * 2).min(LONGEST_WAIT);
        if Instant::now() + wait + LEAST_TRY > self.ends {
            return false;
        }
        sleep(wait).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn retry_waits_grow_to_the_limit_and_end_before_the_budget() {
        let budget = Budget::of(Duration::from_millis(1000));
        let start = Instant::now();
        let mut waits = budget.waits();
        let mut ended_at = Vec::new();
        while waits.pause().await {
            ended_at.push(start.elapsed().as_millis());
        }
        // 5, 10, 20, 40, 80, 160, then 200 each
        assert_eq!(ended_at, [5, 15, 35, 75, 155, 315, 515, 715, 915]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exhausted_budget_has_nothing_left() {
        let budget = Budget::of(Duration::from_millis(100));
        assert_eq!(budget.left(Duration::from_millis(40)), Duration::from_millis(40));
        assert_eq!(budget.patience(), Some(Instant::now() + Duration::from_millis(100)));
        tokio::time::advance(Duration::from_millis(150)).await;
        assert_eq!(budget.left(Duration::from_millis(40)), Duration::ZERO);
        assert_eq!(budget.patience(), None);
    }
}
