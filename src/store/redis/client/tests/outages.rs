use redis::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::node::gate;
use crate::store::redis::client::tests::scripts::{code, count};

const BUDGET: Duration = Duration::from_millis(1200);
/// How far a budget may be overrun on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

fn connections_received(server: &Server) -> u32 {
    let info: String = server.admin("INFO stats");
    let line = info.lines().find_map(|line| line.strip_prefix("total_connections_received:")).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_no_error() {
    let server = Server::start(&[]);
    let client = client(&server);
    for path in PATHS {
        for _ in 0..2 {
            count(&client, path).await.unwrap();
        }
        server.admin::<u32>("CLIENT KILL TYPE normal");
        for _ in 0..4 {
            get(&client, path, "n").await.unwrap();
            count(&client, path).await.unwrap();
        }
    }
    assert_eq!(get(&client, Path::Request, "n").await.unwrap(), Value::BulkString(b"12".to_vec()));
}

#[tokio::test]
async fn many_tasks_share_one_reconnect() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    for _ in 0..2 {
        get(&client, Path::Request, "k").await.unwrap();
    }
    server.admin::<u32>("CLIENT KILL TYPE normal");
    let before = connections_received(&server);
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let client = client.clone();
        tasks.spawn(async move { get(&client, Path::Request, "k").await.map(drop) });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    // The one that all waited for, perhaps the second one by now, and the one that counts.
    let made = connections_received(&server) - before;
    assert!((1 + 1..=2 + 1).contains(&made), "{made}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_survive_a_restart_within_their_budget() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    for path in PATHS {
        get(&client, path, "k").await.unwrap();
    }
    server.kill();
    let mut tasks = JoinSet::new();
    for path in PATHS.repeat(10) {
        let client = client.clone();
        tasks.spawn(async move {
            get(&client, path, "k").await?;
            count(&client, path).await.map(drop)
        });
    }
    // Let them run into the outage before it ends.
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.restart();
    for result in tasks.join_all().await {
        result.unwrap();
    }
}

#[tokio::test]
async fn an_outage_fails_within_the_budget_and_at_once_when_it_lasts() {
    let server = Server::start(&[]);
    let client = wire_to(&server.url(), BUDGET);
    count(&client, Path::Request).await.unwrap();
    server.kill();
    for path in PATHS {
        let start = Instant::now();
        assert!(matches!(get(&client, path, "n").await, Err(Error::Unavailable(_))));
        assert!(start.elapsed() < BUDGET + SLACK, "{:?}", start.elapsed());
    }
    let start = Instant::now();
    for _ in 0..20 {
        // Not sent, so surely not executed.
        assert!(matches!(count(&client, Path::Request).await, Err(Error::Unavailable(_))));
    }
    assert!(start.elapsed() < BUDGET, "{:?}", start.elapsed());
    server.restart();
    let start = Instant::now();
    while let Err(error) = count(&client, Path::Request).await {
        assert!(start.elapsed() < Duration::from_secs(2), "{error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_stopped_server_leaves_reads_unavailable_and_scripts_indeterminate() {
    let server = Server::start(&[]);
    let client = wire_to(&server.url(), BUDGET);
    for path in PATHS {
        count(&client, path).await.unwrap();
    }
    count(&client, Path::Request).await.unwrap();
    server.stop();
    let start = Instant::now();
    let error = count(&client, Path::Request).await.unwrap_err();
    assert!(matches!(error, Error::Indeterminate(_)), "{error:?}");
    assert!(start.elapsed() < BUDGET + SLACK, "{:?}", start.elapsed());
    for path in PATHS {
        let start = Instant::now();
        let error = get(&client, path, "n").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
        assert!(start.elapsed() < BUDGET + SLACK, "{:?}", start.elapsed());
    }
    // deadpool checks a connection before handing it out, so here the script was surely not sent.
    let error = count(&client, Path::Bulk).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    server.go_on();
    count(&client, Path::Request).await.unwrap();
}

#[tokio::test]
async fn a_script_whose_reply_is_lost_is_sent_again_and_counted() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    for _ in 0..2 {
        count(&client, Path::Request).await.unwrap();
    }
    server.stop();
    let counting = tokio::spawn({
        let client = client.clone();
        async move { count(&client, Path::Request).await }
    });
    // Longer than the wait for one reply.
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.go_on();
    let sent = counting.await.unwrap().unwrap();
    assert_eq!(sent.times, 2);
    // This script does not detect a repeat by an operation id, so it shows that it ran twice.
    assert_eq!(count(&client, Path::Request).await.unwrap().answer.value().unwrap(), Value::Int(5));
}

#[tokio::test]
async fn a_silent_connection_is_given_up_after_three_late_replies() {
    let server = Server::start(&[]);
    let gate = gate(&server);
    let client = wire_to(&gate.url(), Duration::from_secs(5));
    for path in [Path::Request, Path::Request, Path::Bulk] {
        get(&client, path, "k").await.unwrap();
    }
    assert_eq!(gate.accepted(), 3);
    gate.silence();
    for path in PATHS {
        get(&client, path, "k").await.unwrap();
    }
    for _ in 0..4 {
        let start = Instant::now();
        get(&client, Path::Request, "k").await.unwrap();
        if start.elapsed() < Duration::from_millis(100) {
            return;
        }
    }
    panic!("the silent connections are still used");
}

#[tokio::test]
async fn a_replica_is_waited_for_and_reconnected() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    count(&client, Path::Request).await.unwrap();
    server.admin::<()>("REPLICAOF /nowhere 1");
    let short = wire_to(&server.url(), Duration::from_millis(300));
    let error = count(&short, Path::Request).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)) && code(&error).as_deref() == Some("READONLY"), "{error:?}");
    let counting = tokio::spawn({
        let client = client.clone();
        async move { count(&client, Path::Request).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.admin::<()>("REPLICAOF NO ONE");
    assert_eq!(counting.await.unwrap().unwrap().times, 1);
}

#[tokio::test]
async fn a_cancelled_request_does_not_cancel_the_reconnect_of_others() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    for _ in 0..50 {
        let client = client.clone();
        let request = tokio::spawn(async move { get(&client, Path::Request, "k").await.map(drop) });
        tokio::task::yield_now().await;
        request.abort();
    }
    get(&client, Path::Request, "k").await.unwrap();
    get(&client, Path::Request, "k").await.unwrap();
    assert!(connections_received(&server) <= 2 + 2, "one attempt for each connection, the harness's two");
}

#[tokio::test]
async fn bulk_calls_wait_for_one_of_their_few_connections() {
    let server = Server::start(&[]);
    let client = std::sync::Arc::new(client(&server));
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let client = client.clone();
        tasks.spawn(async move { count(&client, Path::Bulk).await.map(drop) });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert!(connections_received(&server) <= 2 + 2, "two for bulk work, the harness's two");
}
