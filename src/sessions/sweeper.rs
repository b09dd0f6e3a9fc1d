//! The sweeper: ends expired sessions; any number of servers may run one.

use std::error::Error as StdError;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::error::Error;
use crate::identity::id::Bucket;
use crate::sessions::Sessions;
use crate::sessions::all_buckets::AllBuckets;
use crate::util::rarely::rarely;

pub use crate::store::Swept;

/// One pass over all buckets. It starts at a random one, so that servers that start together do not sweep in step.
pub(crate) async fn sweep(sessions: &Sessions) -> Result<Swept, Error> {
    let start = usize::from(Bucket::random()?.index());
    let mut total = Swept::default();
    let mut walk = AllBuckets::over(Bucket::all().cycle().skip(start).take(usize::from(Bucket::COUNT)));
    while let Some(bucket) = walk.next().await {
        let answer = sessions.store().sweep(bucket).await;
        total += walk.settle(bucket, answer)?.unwrap_or_default();
    }
    Ok(total)
}

/// A running sweeper; returned by [`Sessions::spawn_sweeper`]. Dropping it stops the sweep between two script calls.
#[derive(Debug)]
#[must_use = "the sweeper stops when this is dropped"]
pub struct Sweeper(JoinHandle<()>);

impl Sweeper {
    pub(crate) fn spawn(sessions: Sessions, every: Duration) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every.max(Duration::from_millis(100)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match sweep(&sessions).await {
                    Ok(swept) => tracing::debug!(?swept, "swept"),
                    // The store logs its outages.
                    Err(error) if error.is_retryable() => {
                        tracing::debug!(error = &error as &dyn StdError, "sweep incomplete")
                    }
                    Err(error) => rarely!(
                        warn,
                        error = &error as &dyn StdError,
                        "sweep failed, will be retried at the next interval"
                    ),
                }
            }
        }))
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}
