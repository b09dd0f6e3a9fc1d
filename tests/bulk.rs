//! Mass revocation: bounded calls, and nobody else waits. R25, I-20.

use std::time::{Duration, Instant};

use cloakroom::{ClientInfo, Sessions};
use tokio::task::JoinSet;

use crate::common::server::Server;
use crate::common::token;

async fn fill(sessions: &Sessions, count: usize) {
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let sessions = sessions.clone();
        tasks.spawn(async move {
            for _ in 0..count / 50 {
                let guest = sessions.open(None, ClientInfo::new()).await.expect("there");
                guest.insert("a", &1).expect("legal");
                guest.save().await.expect("there").into_result().expect("saved");
            }
        });
    }
    tasks.join_all().await;
}

/// How long loads took, one after another, until told to stop: the middle one, and the one that 95 of 100 keep.
async fn loads(sessions: &Sessions, token: &str, stop: impl Fn(usize) -> bool) -> [Duration; 2] {
    let mut took = Vec::new();
    while !stop(took.len()) {
        let begun = Instant::now();
        let session = sessions.peek(Some(token), ClientInfo::new()).await.expect("there");
        took.push(begun.elapsed());
        assert!(session.id().is_some());
    }
    took.sort_unstable();
    [took[took.len() / 2], took[took.len() * 95 / 100]]
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_guests_are_revoked_in_bounded_calls_while_a_user_goes_on() {
    let server = Server::start(&["--slowlog-log-slower-than", "100000"]);
    let sessions = Sessions::builder(server.url()).namespace("bulk").connect().await.expect("a server");
    fill(&sessions, 10_000).await;
    let user = sessions.open(None, ClientInfo::new()).await.expect("there");
    crate::common::login(&user, "ada").await;
    let token = token(&user);
    let before = loads(&sessions, &token, |count| count == 500).await;
    let revoking = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.revoke_guests(|_| {}).await.expect("there").ended }
    });
    let during = loads(&sessions, &token, |_| revoking.is_finished()).await;
    assert_eq!(revoking.await.expect("no panic"), 10_000);
    // Others use this machine too, so the two are compared generously; without bounds it would be seconds.
    for (during, before) in during.into_iter().zip(before) {
        assert!(during < before * 10 + Duration::from_millis(20), "{during:?}, and {before:?} without the revocation");
    }
    let mut redis = server.connection().await;
    let slow: Vec<redis::Value> = redis::cmd("SLOWLOG").arg("GET").query_async(&mut redis).await.expect("there");
    assert!(slow.is_empty(), "a command took over 100 ms: {slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bucket_with_a_thousand_sessions_is_revoked_in_calls_of_256_at_most() {
    let server = Server::start(&[]);
    let sessions = Sessions::builder(server.url()).namespace("bulk").connect().await.expect("a server");
    // Sessions of one user share a bucket; the cap is per user, so take guests that follow their logouts.
    let mut handles = Vec::new();
    let user = sessions.open(None, ClientInfo::new()).await.expect("there");
    crate::common::login(&user, "ada").await;
    for _ in 0..1000 {
        let user = sessions.open(None, ClientInfo::new()).await.expect("there");
        crate::common::login(&user, "ada").await;
        user.insert("kept", &1).expect("legal");
        let _ = user.logout_keeping(["kept"]).await.expect("there");
        handles.push(user);
    }
    assert_eq!(sessions.revoke_guests(|_| {}).await.expect("there").ended, 1000);
    let mut redis = server.connection().await;
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.expect("there");
    assert!(!stats.contains("cmdstat_scan:") && !stats.contains("cmdstat_keys:"), "{stats}");
    for handle in handles {
        let _ = handle.reload().await.expect_err("it was revoked");
    }
}
