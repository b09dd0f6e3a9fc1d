//! Waiting for several reads.

use super::*;

#[tokio::test]
async fn reads_of_several_tokens_run_concurrently() {
    let (first, second) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let reads = vec![
        boxed(async {
            first.notified().await;
            second.notify_one();
            1
        }),
        boxed(async {
            first.notify_one();
            second.notified().await;
            2
        }),
    ];
    assert_eq!(together(reads).await, [1, 2], "each waits for the other, and the order stays");
}
