//! I-15: no lost update.

use std::time::Duration;

use cloakroom::{ClientInfo, Error, SaveOutcome, Sessions};
use tokio::task::JoinSet;

use super::servers;
use crate::common::server::Server;
use crate::common::{token, until};

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
async fn read_modify_write_with_a_version_check_loses_nothing_either() {
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

/// I-18: a stopped server does what waited in its socket, and the application saves again.
#[tokio::test(flavor = "multi_thread")]
async fn a_save_whose_answer_was_lost_overwrites_nothing_newer_when_it_is_made_again() {
    let server = Server::start(&[]);
    let connect = async |budget| {
        let builder = Sessions::builder(server.url()).namespace("lost").budget(budget);
        builder.connect().await.expect("a good configuration and a server")
    };
    let (hasty, patient) = (connect(Duration::from_millis(200)).await, connect(Duration::from_secs(5)).await);
    let begun = patient.open(None, ClientInfo::new()).await.expect("there");
    for value in [0, 1] {
        // The second one is by the script that is to wait in the socket: the server has to know it.
        begun.insert("a", &value).expect("legal");
        begun.save().await.expect("there").into_result().expect("saved");
    }
    let token = token(&begun);
    let look = async || patient.peek(Some(&token), ClientInfo::new()).await.expect("there");
    let slow = hasty.open(Some(&token), ClientInfo::new()).await.expect("there");
    slow.insert("a", &2).expect("legal");
    server.signal("STOP");
    let lost = slow.save().await;
    server.signal("CONT");
    assert!(matches!(lost, Err(Error::Indeterminate(_))), "{lost:?}");
    assert!(slow.is_dirty());
    until("the save was done all the same", async || look().await.require::<i32>("a").expect("stored") == 2).await;
    let newer = look().await;
    newer.insert("a", &3).expect("legal");
    newer.save().await.expect("there").into_result().expect("saved");
    let mut again = slow.save().await;
    while matches!(again, Err(Error::Unavailable(_) | Error::Indeterminate(_))) {
        again = slow.save().await;
    }
    assert_eq!(again.expect("there"), SaveOutcome::Saved, "answered as the first time");
    assert!(!slow.is_dirty());
    assert_eq!(look().await.require::<i32>("a").expect("stored"), 3);
}
