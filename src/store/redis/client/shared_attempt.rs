//! Work that one caller starts and others wait for, unless its runtime is blocked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// Work that is done by one task at a time for all callers.
pub(crate) struct Single<T> {
    /// A std mutex: never held across an `.await`.
    work: Mutex<Option<Work<T>>>,
    /// Older work is not waited for: its runtime may be blocked.
    shared_for: Duration,
}

struct Work<T> {
    begun: Instant,
    outcome: watch::Receiver<Option<T>>,
}

impl<T: Clone + Send + Sync + 'static> Single<T> {
    pub(crate) fn new(shared_for: Duration) -> Self {
        Self { work: Mutex::default(), shared_for }
    }

    /// Waits for the work that another caller has started, or starts it in a task on the current runtime, which
    /// continues without this caller. `None` if the runtime shuts down.
    pub(crate) async fn join<F>(&self, work: impl Fn() -> F + Send) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        loop {
            let (others, mut outcome) = self.begin(&work);
            let done = outcome.wait_for(Option::is_some);
            let Some(begun) = others else { return done.await.ok()?.clone() };
            if let Ok(Ok(done)) = timeout_at(begun + self.shared_for, done).await {
                return done.clone();
            }
        }
    }

    /// Returns the work to wait for, and its start if another caller started it.
    fn begin<F>(&self, work: impl Fn() -> F) -> (Option<Instant>, watch::Receiver<Option<T>>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut now = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = now.as_ref().filter(|other| other.is_under_way(self.shared_for)) {
            return (Some(other.begun), other.outcome.clone());
        }
        let (sender, outcome) = watch::channel(None);
        let doing = work();
        tokio::spawn(async move { sender.send_replace(Some(doing.await)) });
        *now = Some(Work { begun: Instant::now(), outcome: outcome.clone() });
        (None, outcome)
    }
}

impl<T> Work<T> {
    /// The channel is closed if the task was dropped with its runtime.
    fn is_under_way(&self, shared_for: Duration) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok() && self.begun.elapsed() < shared_for
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;

    const SHARED: Duration = Duration::from_millis(300);

    #[tokio::test(start_paused = true)]
    async fn a_second_caller_gets_the_outcome_of_the_running_attempt() {
        let (single, count) = (Single::new(SHARED), Arc::new(AtomicU32::new(0)));
        let work = || {
            let count = Arc::clone(&count);
            async move {
                sleep(SHARED / 2).await;
                count.fetch_add(1, Ordering::Relaxed)
            }
        };
        assert_eq!(tokio::join!(single.join(work), single.join(work)), (Some(0), Some(0)));
        assert_eq!(single.join(work).await, Some(1), "what is over is not used again");
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    /// An attempt that its runtime has never driven.
    fn begin_on(runtime: &tokio::runtime::Runtime, single: &Single<&'static str>) {
        let _guard = runtime.enter();
        drop(single.begin(|| async { "of the other runtime" }));
    }

    #[test]
    fn an_attempt_whose_runtime_has_shut_down_is_replaced_at_once() {
        let (gone, driven) = (runtime(), runtime());
        let single = Single::new(Duration::from_secs(60));
        begin_on(&gone, &single);
        drop(gone);
        // Not by `join`: if this fails, it loops without a pause.
        let (others, _) = driven.block_on(async { single.begin(|| async { "ours" }) });
        assert!(others.is_none(), "the work that nobody does is waited for");
        assert_eq!(driven.block_on(async { single.join(|| async { "ours" }).await }), Some("ours"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_caller_waits_only_for_the_time_that_is_left() {
        let single = Single::new(SHARED);
        drop(single.begin(std::future::pending));
        sleep(SHARED * 2 / 3).await;
        let came = Instant::now();
        assert_eq!(single.join(|| async { "ours" }).await, Some("ours"));
        assert!(came.elapsed() < SHARED / 2, "{:?}", came.elapsed());
    }

    #[test]
    fn an_attempt_on_a_stalled_runtime_is_not_waited_for() {
        let (still, driven) = (runtime(), runtime());
        let single = Arc::new(Single::new(SHARED));
        let begun = std::time::Instant::now();
        begin_on(&still, &single);
        let limit = Duration::from_secs(5);
        let joined = driven.block_on(async { tokio::time::timeout(limit, single.join(|| async { "ours" })).await });
        assert_eq!(joined.expect("in time"), Some("ours"));
        assert!(begun.elapsed() >= SHARED);
        drop(still);
        driven.block_on(async { assert_eq!(single.join(|| async { "again" }).await, Some("again")) });
    }
}
