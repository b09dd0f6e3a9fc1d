//! Mass revocation in bounded calls that hold up nobody else. R25, I-20.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::{Cap, ClientInfo, Sessions};
use tokio::task::JoinSet;

use crate::common::recorder::Recorder;
use crate::common::server::Server;
use crate::common::{login, redis_stage_on, token};

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

/// Times of consecutive loads until stopped: the median, and the 95th percentile.
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
async fn ten_thousand_guests_are_revoked_in_bounded_calls() {
    let server = Server::start(&["--slowlog-log-slower-than", "100000"]);
    let sessions = Sessions::builder(server.url()).namespace("bulk").connect().await.expect("a server");
    fill(&sessions, 10_000).await;
    let user = sessions.open(None, ClientInfo::new()).await.expect("there");
    login(&user, "ada").await;
    let token = token(&user);
    let before = loads(&sessions, &token, |count| count == 500).await;
    let revoking = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.revoke_guests(|_| {}).await.expect("there").ended }
    });
    let during = loads(&sessions, &token, |_| revoking.is_finished()).await;
    assert_eq!(revoking.await.expect("no panic"), 10_000);
    // Others use this machine too, so the comparison is generous; without bounds it would be seconds.
    for (during, before) in during.into_iter().zip(before) {
        assert!(during < before * 10 + Duration::from_millis(20), "{during:?}, and {before:?} without the revocation");
    }
    let mut redis = server.connection().await;
    let slow: Vec<redis::Value> = redis::cmd("SLOWLOG").arg("GET").query_async(&mut redis).await.expect("there");
    assert!(slow.is_empty(), "a command took over 100 ms: {slow:?}");
}

/// The number of sessions in each call of this script.
async fn named(recorder: &mut Recorder, script: &str, at: usize) -> Vec<usize> {
    let calls = recorder.calls().await.iter().filter(|call| call.script == script);
    let count = |arg: &Vec<u8>| String::from_utf8_lossy(arg).parse().expect("a count");
    calls.map(|call| count(&call.args[at])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bucket_with_a_thousand_sessions_is_revoked_in_calls_of_32_at_most() {
    let server = Server::start(&[]);
    let mut recorder = Recorder::start(&server, "bulk").await;
    let sessions = Sessions::builder(server.url()).namespace("bulk").connect().await.expect("a server");
    // Sessions of one user share a bucket; the cap is per user, so these are guests that follow logouts.
    let mut handles = Vec::new();
    let user = sessions.open(None, ClientInfo::new()).await.expect("there");
    login(&user, "ada").await;
    for _ in 0..1000 {
        let user = sessions.open(None, ClientInfo::new()).await.expect("there");
        login(&user, "ada").await;
        user.insert("kept", &1).expect("legal");
        let _ = user.logout_keeping(["kept"]).await.expect("there");
        handles.push(user);
    }
    assert_eq!(sessions.revoke_guests(|_| {}).await.expect("there").ended, 1000);
    let named = named(&mut recorder, "revoke", 6).await;
    assert!(named.iter().sum::<usize>() >= 1000 && named.iter().all(|count| *count <= 32), "{named:?}");
    let mut redis = server.connection().await;
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.expect("there");
    assert!(!stats.contains("cmdstat_scan:") && !stats.contains("cmdstat_keys:"), "{stats}");
    for handle in handles {
        let _ = handle.reload().await.expect_err("it was revoked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_256_sessions_is_revoked_in_calls_of_32_at_most() {
    let server = Server::start(&[]);
    let mut recorder = Recorder::start(&server, "bulk").await;
    let builder = Sessions::builder(server.url()).namespace("bulk").cap(Cap::evict(256));
    let sessions = builder.connect().await.expect("a server");
    for _ in 0..256 {
        login(&sessions.open(None, ClientInfo::new()).await.expect("there"), "ada").await;
    }
    assert_eq!(sessions.revoke_user("ada").await.expect("there").ended, 256);
    assert_eq!(named(&mut recorder, "revoke", 6).await, [32; 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_revocation_waits_for_replicas_once_for_all_sessions() {
    let server = Server::start(&[]);
    let mut recorder = Recorder::start(&server, "bulk").await;
    let sessions = Sessions::builder(server.url()).namespace("bulk").connect().await.expect("a server");
    for _ in 0..100 {
        login(&sessions.open(None, ClientInfo::new()).await.expect("there"), "ada").await;
    }
    let end = sessions.durable(1, Duration::from_millis(1)).user("ada").revoke_all().await.expect("there");
    assert!(end.ended == 100 && !end.is_durable(), "{end:?}");
    assert_eq!(named(&mut recorder, "revoke", 6).await, [100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_with_a_hundred_sessions_due_is_swept_in_calls_of_32_at_most() {
    let server = Arc::new(Server::start(&[]));
    let stage = redis_stage_on(server.clone(), |with| with.expiry_grace(Duration::from_secs(600))).await;
    let mut recorder = Recorder::start(&server, &stage.namespace).await;
    for _ in 0..100 {
        stage.user("ada").await;
    }
    stage.advance(Duration::from_secs(32 * 60)).await;
    assert_eq!(stage.sessions.sweep().await.expect("there").expired, 100);
    assert_eq!(named(&mut recorder, "sweep", 3).await, [32, 32, 32, 4]);
}
