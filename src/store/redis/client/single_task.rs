//! A task that runs once at a time, also when the runtime of the last one is blocked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The holder renews the lease. After the limit without a renewal another task may take it.
pub(crate) struct Lease {
    made: Instant,
    /// The last renewal, in milliseconds after `made`, at least 1; 0 while the lease is free.
    sign: AtomicU64,
    limit_ms: u64,
}

impl Lease {
    pub(crate) fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self { made: Instant::now(), sign: AtomicU64::new(0), limit_ms: limit.as_millis() as u64 })
    }

    pub(crate) fn is_free(&self) -> bool {
        self.is_over(self.sign.load(Ordering::Relaxed), self.now())
    }

    pub(crate) fn take(self: &Arc<Self>) -> Option<Taken> {
        let (last, now) = (self.sign.load(Ordering::Relaxed), self.now());
        let takes = self.is_over(last, now) && self.replace(last, now);
        takes.then(|| Taken { turn: Arc::clone(self), sign: now })
    }

    const fn is_over(&self, last: u64, now: u64) -> bool {
        last == 0 || now.saturating_sub(last) > self.limit_ms
    }

    fn replace(&self, last: u64, next: u64) -> bool {
        self.sign.compare_exchange(last, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn now(&self) -> u64 {
        self.made.elapsed().as_millis() as u64 + 1
    }
}

/// A lease that is held until it is dropped.
pub(crate) struct Taken {
    turn: Arc<Lease>,
    sign: u64,
}

impl Taken {
    /// Renews the lease; returns false if another task has taken it.
    pub(crate) fn renew(&mut self) -> bool {
        let now = self.turn.now();
        let keeps = self.turn.replace(self.sign, now);
        if keeps {
            self.sign = now;
        }
        keeps
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Does nothing if another task has taken it.
        self.turn.replace(self.sign, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_taken_over_only_from_a_silent_holder() {
        let limit = Duration::from_millis(500);
        let turn = Lease::new(limit);
        let mut first = turn.take().expect("nobody has it");
        for _ in 0..3 {
            tokio::time::advance(limit).await;
            assert!(turn.take().is_none() && first.renew());
        }
        tokio::time::advance(limit + Duration::from_millis(1)).await;
        assert!(turn.is_free());
        let second = turn.take().expect("the first gave no sign");
        assert!(!first.renew());
        drop(first);
        assert!(!turn.is_free(), "the first gives back what it has no more");
        drop(second);
        assert!(turn.is_free() && turn.take().is_some());
    }

    #[test]
    fn one_of_several_threads_gets_a_turn() {
        const THREADS: usize = 4;
        for _ in 0..500 {
            let (turn, start) = (Lease::new(Duration::from_secs(60)), std::sync::Barrier::new(THREADS));
            let take = || {
                start.wait();
                turn.take()
            };
            let taken: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(take)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(taken.iter().flatten().count(), 1);
        }
    }
}
