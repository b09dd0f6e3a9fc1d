//! Replicas that have a write, calls in flight, and events that may have lost writes.

use std::future::{Future, poll_fn};
use std::task::Poll;

use redis::Value;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::Script;
use crate::store::redis::client::tests::cluster::TestCluster;
use crate::store::redis::client::tests::scripts::counting;

async fn count_and_wait(client: &Client, key: &str, within: Duration) -> (Value, u32, usize) {
    let wait = (1, within);
    let (sent, have) =
        client.script_and_wait(&client.budget(), &counting(), &[key.as_bytes()], &[b"1"], wait).await.unwrap();
    (sent.answer.value().unwrap(), sent.times, have)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_waits_for_the_replicas_of_its_keys_master() {
    let cluster = TestCluster::start(true);
    let client = wire_to(&cluster.url(), Duration::from_secs(20));
    let (soon, patient) = (Duration::from_millis(300), Duration::from_secs(10));
    for key in ["{b}", "{c}", "{a}"] {
        assert_eq!(count_and_wait(&client, key, patient).await, (Value::Int(1), 1, 1), "by its body");
        assert_eq!(count_and_wait(&client, key, patient).await, (Value::Int(2), 1, 1));
    }
    cluster.nodes[3].stop();
    let start = Instant::now();
    assert_eq!(count_and_wait(&client, "{b}", soon).await, (Value::Int(3), 1, 0));
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    assert_eq!(count_and_wait(&client, "{c}", patient).await, (Value::Int(3), 1, 1), "another master's replica");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_a_lost_reply_proves_nothing_about_replicas() {
    let cluster = TestCluster::start(true);
    let client = wire_to(&cluster.url(), Duration::from_secs(10));
    // Its first run takes longer than the wait for its reply.
    let slow = Script::new(
        "slow",
        "",
        &[
            "local function ms() local now = redis.call('TIME') return now[1] * 1000 + now[2] / 1000 end local begun = ms() ",
            "if redis.call('INCR', KEYS[1]) == 1 then while ms() - begun < 1200 do end end return redis.call('GET', KEYS[1])",
        ],
    );
    let wait = (1, Duration::from_millis(300));
    let (sent, have) = client.script_and_wait(&client.budget(), &slow, &[b"{b}"], &[], wait).await.unwrap();
    assert!(sent.times > 1, "the first answer was not lost");
    assert_eq!(have, 0);
}

#[tokio::test]
async fn calls_above_the_limit_fail_at_once_and_a_cancelled_one_makes_room() {
    let server = Server::start(&[]);
    let StoreUrl::Redis(servers) = StoreUrl::parse(&server.url()).unwrap() else { panic!("no Redis URL") };
    let pools = Pools { connections: 2, bulk_connections: 2, in_flight: 10, budget: Duration::from_secs(10) };
    let client = Client::new(&servers, &pools).unwrap();
    for _ in 0..2 {
        get(&client, Path::Request, "k").await.unwrap();
    }
    server.stop();
    let mut ten: Vec<_> = (0..10).map(|_| Box::pin(get(&client, Path::Request, "k"))).collect();
    poll_fn(|context| {
        assert!(ten.iter_mut().all(|call| call.as_mut().poll(context).is_pending()));
        Poll::Ready(())
    })
    .await;
    let start = Instant::now();
    let error = get(&client, Path::Request, "k").await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let Error::Unavailable(outage) = error else { panic!("{error:?}") };
    assert_eq!(outage.to_string(), "too many requests in flight to this Redis server (limit: `in_flight`)");
    drop(ten);
    server.go_on();
    get(&client, Path::Request, "k").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_process_detects_a_restart_but_not_a_cut_connection_as_one() {
    let server = Server::start(&[]);
    let client = client(&server);
    for _ in 0..2 {
        get(&client, Path::Request, "k").await.unwrap();
    }
    let mut failovers = client.failovers();
    server.admin::<u32>("CLIENT KILL TYPE normal");
    let limit = Instant::now() + Duration::from_secs(5);
    while server.admin::<String>("CLIENT LIST TYPE normal").lines().count() < 3 {
        assert!(Instant::now() < limit, "the connections are not made anew");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    get(&client, Path::Request, "k").await.unwrap();
    assert_eq!(*failovers.borrow(), 0);
    server.kill();
    server.restart();
    let seen = failovers.wait_for(|count| *count == 1);
    tokio::time::timeout(Duration::from_secs(5), seen).await.unwrap().unwrap();
}
