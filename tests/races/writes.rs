//! I-15: no lost update.

use cloakroom::{ClientInfo, SaveOutcome};
use tokio::task::JoinSet;

use super::servers;
use crate::common::{login, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_that_write_different_fields_lose_none() {
    let (stage, servers) = servers(|with| with).await;
    let (_, old) = stage.guest().await;
    let mut requests = JoinSet::new();
    for number in 0..100 {
        let handle = servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there");
        requests.spawn(async move {
            handle.insert(&format!("f{number}"), &number).expect("legal");
            handle.save().await.expect("there")
        });
    }
    assert!(requests.join_all().await.iter().all(|outcome| *outcome == SaveOutcome::Saved));
    let session = stage.open(&old).await;
    assert_eq!(session.names().len(), 101);
    for number in 0..100 {
        assert_eq!(session.require::<usize>(&format!("f{number}")).expect("stored"), number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_increments_add_up_exactly() {
    let (stage, servers) = servers(|with| with).await;
    let (_, old) = stage.guest().await;
    let mut requests = JoinSet::new();
    for number in 0..30 {
        let handle = servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there");
        requests.spawn(async move {
            for _ in 0..10 {
                handle.increment("n", 1).await.expect("there");
            }
        });
    }
    requests.join_all().await;
    assert_eq!(stage.open(&old).await.counter("n").expect("reads"), Some(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn read_modify_write_with_a_version_check_loses_nothing() {
    let (stage, servers) = servers(|with| with).await;
    let (_, old) = stage.guest().await;
    let mut requests = JoinSet::new();
    for number in 0..10 {
        let handle = servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there");
        requests.spawn(async move {
            loop {
                handle.update("a", |a: &mut i32| *a += 1).expect("reads");
                if handle.save_if_unchanged().await.expect("there") == SaveOutcome::Saved {
                    return;
                }
                handle.reload().await.expect("live");
            }
        });
    }
    requests.join_all().await;
    assert_eq!(stage.open(&old).await.require::<i32>("a").expect("stored"), 11);
}

/// R48.
#[tokio::test(flavor = "multi_thread")]
async fn no_write_is_lost_while_another_tab_logs_in_again() {
    let (stage, servers) = servers(|with| with).await;
    for _ in 0..5 {
        let (fresh, old) = stage.user("ada").await;
        let mut requests = JoinSet::new();
        for number in 0..40 {
            let handle = servers[number % 3].open(Some(&old), ClientInfo::new()).await.expect("there");
            requests.spawn(async move {
                handle.insert(&format!("f{number}"), &number).expect("legal");
                assert_eq!(handle.save().await.expect("there"), SaveOutcome::Saved);
                handle.increment("n", 1).await.expect("there");
                assert!(handle.token().is_none(), "a write issues no token");
            });
        }
        login(&fresh, "ada").await;
        requests.join_all().await;
        let stored = stage.open(&token(&fresh)).await;
        assert_eq!((stored.names().len(), stored.counter("n").expect("a counter")), (41, Some(40)));
        assert_eq!(stage.open(&old).await.id(), None);
    }
}
