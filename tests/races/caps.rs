//! I-17: live(u) ≤ cap at every instant. R24.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom::{Cap, ClientInfo, Login, LoginOutcome, Sessions};
use tokio::task::JoinSet;

use super::servers;

/// Counts the user's sessions until stopped; returns the highest count.
async fn highest_count(sessions: Sessions, stop: Arc<AtomicBool>) -> u64 {
    let mut most = 0;
    while !stop.load(Ordering::Relaxed) {
        most = most.max(sessions.user("ada").count().await.expect("there"));
    }
    most
}

async fn two_hundred_logins(cap: Cap) -> (Vec<LoginOutcome>, u64, u64) {
    let (stage, servers) = servers(|with| with.cap(cap)).await;
    let stop = Arc::new(AtomicBool::new(false));
    let watch = tokio::spawn(highest_count(stage.sessions.clone(), stop.clone()));
    let mut logins = JoinSet::new();
    for number in 0..200 {
        let server = servers[number % servers.len()].clone();
        logins.spawn(async move {
            let draft = server.open(None, ClientInfo::new()).await.expect("there");
            draft.login(Login::new("ada")).await.expect("there")
        });
    }
    let outcomes = logins.join_all().await;
    stop.store(true, Ordering::Relaxed);
    let most = watch.await.expect("the watch does not panic");
    (outcomes, most, stage.sessions.user("ada").count().await.expect("there"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_concurrent_logins_never_exceed_an_evicting_cap() {
    let (outcomes, most, left) = two_hundred_logins(Cap::evict(5)).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, LoginOutcome::As(_))), "{outcomes:?}");
    assert!(most <= 5, "{most} were live at once");
    assert_eq!(left, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_concurrent_logins_never_exceed_a_rejecting_cap() {
    let (outcomes, most, left) = two_hundred_logins(Cap::reject(5)).await;
    let in_ = outcomes.iter().filter(|outcome| matches!(outcome, LoginOutcome::As(_))).count();
    assert_eq!((in_, left), (5, 5));
    assert!(most <= 5, "{most} were live at once");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, LoginOutcome::As(_) | LoginOutcome::AtCap)));
}
