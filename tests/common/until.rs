//! Waiting with a limit, for the few things that cannot be read or set directly.

use std::future::Future;
use std::time::{Duration, Instant};

/// Polls until the condition holds; fails the test after 10 seconds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < limit, "did not come true in 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
