//! How long an operation may take.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first wait before a call is tried again, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// With less than this nothing is sent: it would rather leave an unknown outcome than bring an answer.
const LEAST_TRY: Duration = Duration::from_millis(20);
/// The longest wait for one answer. A healthy Redis answers within a few milliseconds.
pub(crate) const ANSWER: Duration = Duration::from_millis(500);

/// When one operation of the contract must be over, its retries included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    ends: Instant,
}

impl Budget {
    pub(crate) fn of(length: Duration) -> Self {
        Self { ends: Instant::now() + length }
    }

    /// The same and so much more.
    pub(crate) fn longer(self, by: Duration) -> Self {
        Self { ends: self.ends + by }
    }

    /// The first half of what is left.
    #[cfg(test)]
    pub(crate) fn half(&self) -> Self {
        let now = Instant::now();
        Self { ends: now + self.ends.saturating_duration_since(now) / 2 }
    }

    /// What is left, at most so much.
    pub(crate) fn left(&self, most: Duration) -> Duration {
        self.ends.saturating_duration_since(Instant::now()).min(most)
    }

    /// What is left, in milliseconds.
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

    /// Until when to wait for an answer to what is sent now; none if nothing should be sent any more.
    pub(crate) fn patience(&self) -> Option<Instant> {
        let now = Instant::now();
        (self.ends >= now + LEAST_TRY).then(|| self.ends.min(now + ANSWER))
    }

    /// The waits between the tries of one call.
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
    /// Waits, or answers false at once if too little of the budget would be left.
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
