//! A walk over many buckets, possibly on many masters: failed buckets are retried after the others.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::identity::id::Bucket;

/// One unavailable master of a Cluster, or a moving slot, fails some buckets; an unavailable store fails all. The walk
/// ends after this many failures in a row, or after this time without a success.
const IN_A_ROW: usize = 16;
const WITHOUT_SUCCESS: Duration = Duration::from_secs(10);
/// How often failed buckets are retried, and the pause before each round: a failover takes a few seconds.
const ROUNDS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// All buckets in turn; failed ones are retried.
pub(crate) struct AllBuckets {
    left: VecDeque<Bucket>,
    failed: VecDeque<Bucket>,
    round: u32,
    in_a_row: usize,
    succeeded: Instant,
}

impl AllBuckets {
    pub(crate) fn over(buckets: impl Iterator<Item = Bucket>) -> Self {
        Self { left: buckets.collect(), failed: VecDeque::new(), round: 0, in_a_row: 0, succeeded: Instant::now() }
    }

    /// The next bucket; pauses before failed ones.
    pub(crate) async fn next(&mut self) -> Option<Bucket> {
        if self.left.is_empty() && !self.failed.is_empty() {
            // Outside of a Tokio runtime there are no timers.
            if Handle::try_current().is_ok() {
                sleep(PAUSE).await;
            }
            self.round += 1;
            std::mem::swap(&mut self.left, &mut self.failed);
        }
        self.left.pop_front()
    }

    /// Records a bucket's result: its value, or `None` if the bucket will be retried.
    ///
    /// # Errors
    /// The bucket's error, if no other bucket is likely to succeed.
    pub(crate) fn settle<T>(&mut self, bucket: Bucket, answer: Result<T, Error>) -> Result<Option<T>, Error> {
        let error = match answer {
            Ok(done) => {
                (self.in_a_row, self.succeeded) = (0, Instant::now());
                return Ok(Some(done));
            }
            Err(error) => error,
        };
        self.in_a_row += 1;
        let away = self.in_a_row >= IN_A_ROW || self.succeeded.elapsed() >= WITHOUT_SUCCESS;
        if !error.is_retryable() || away || self.round >= ROUNDS {
            return Err(error);
        }
        tracing::debug!(%error, %bucket, "bucket skipped, will be retried");
        self.failed.push_back(bucket);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Outage;

    fn away<T>() -> Result<T, Error> {
        Err(Error::Unavailable(Outage::new("away")))
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_fails_is_retried_after_the_others() {
        let mut walk = AllBuckets::over(Bucket::all().take(3));
        let mut order = Vec::new();
        while let Some(bucket) = walk.next().await {
            order.push(bucket.index());
            let answer = if order == [0] { away() } else { Ok(()) };
            walk.settle(bucket, answer).expect("the others go on");
        }
        assert_eq!(order, [0, 1, 2, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_always_fails_ends_the_walk_after_the_others() {
        let mut walk = AllBuckets::over(Bucket::all());
        let (mut done, mut ended) = (0, None);
        while let Some(bucket) = walk.next().await {
            match walk.settle(bucket, if bucket.index() == 7 { away() } else { Ok(()) }) {
                Ok(answer) => done += u32::from(answer.is_some()),
                Err(error) => {
                    ended = Some(error);
                    break;
                }
            }
        }
        assert_eq!(done, 4095);
        assert!(matches!(ended, Some(Error::Unavailable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unavailable_store_ends_the_walk_soon() {
        let mut walk = AllBuckets::over(Bucket::all());
        let mut tried = 0;
        while let Some(bucket) = walk.next().await {
            tried += 1;
            if walk.settle(bucket, away::<()>()).is_err() {
                break;
            }
        }
        assert_eq!(tried, IN_A_ROW);
        let mut walk = AllBuckets::over(Bucket::all());
        let bucket = walk.next().await.expect("one");
        tokio::time::advance(WITHOUT_SUCCESS).await;
        assert!(walk.settle(bucket, away::<()>()).is_err(), "a store that hangs");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_no_retry_can_fix_ends_the_walk_at_once() {
        let mut walk = AllBuckets::over(Bucket::all());
        let bucket = walk.next().await.expect("one");
        assert!(walk.settle::<()>(bucket, Err(Error::Unreadable("of another version"))).is_err());
    }
}
