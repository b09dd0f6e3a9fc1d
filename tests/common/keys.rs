//! The keys of a namespace in Redis, read without the crate.

use std::time::Duration;

use redis::aio::MultiplexedConnection;

/// Moves every stored instant and expiry of a namespace back, as if time had passed.
const AGE: &str = include_str!("age.lua");

/// Lets a namespace age.
pub(crate) async fn age(redis: &mut MultiplexedConnection, namespace: &str, by: Duration) {
    for key in all(redis, namespace).await {
        let aged = redis::cmd("EVAL").arg(AGE).arg(1).arg(&key).arg(by.as_millis() as u64).query_async(redis).await;
        let () = aged.expect("the key has the expected form");
    }
}

/// Every key of a namespace, sorted.
pub(crate) async fn all(redis: &mut MultiplexedConnection, namespace: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{namespace}:*")).arg("COUNT").arg(1000);
        let (next, keys): (u64, Vec<String>) = scan.query_async(redis).await.expect("the server is up");
        found.extend(keys);
        cursor = next;
        if cursor == 0 {
            found.sort_unstable();
            found.dedup();
            return found;
        }
    }
}

/// Removes a namespace: with many in a row on one server, looking for keys would take ever longer.
pub(crate) async fn remove(redis: &mut MultiplexedConnection, namespace: &str) {
    for key in all(redis, namespace).await {
        let () = redis::cmd("UNLINK").arg(&key).query_async(redis).await.expect("the server is up");
    }
}
