//! Which node gets a call, and what becomes of the others when one of them fails.

use std::sync::Arc;

use redis::Value;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::cluster::TestCluster;
use crate::store::redis::client::tests::scripts::counting;
use crate::store::redis::client::topology::hash_slot::slot;

/// A key of each of the three masters.
const KEYS: [&str; 3] = ["{b}", "{c}", "{a}"];

async fn count_at(client: &Client, path: Path, key: &str) -> Result<Value, Error> {
    Ok(client.script(path, &client.budget(), &counting(), &[key.as_bytes()], &[b"1"]).await?.answer.value().unwrap())
}

fn connections(node: &Server) -> usize {
    node.admin::<String>("CLIENT LIST TYPE normal").lines().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_goes_to_the_master_that_has_its_key() {
    let cluster = TestCluster::start(false);
    for key in ["a", "{b}", "shop:{fff}:d", "{}x", "x{y", "\u{e9}"] {
        assert_eq!(cluster.nodes[0].admin::<u16>(&format!("CLUSTER KEYSLOT {key}")), slot(key.as_bytes()), "{key}");
    }
    let client = wire_to(&cluster.url(), Duration::from_secs(3));
    for key in KEYS {
        for (path, expected) in PATHS.into_iter().zip([1, 2]) {
            assert_eq!(count_at(&client, path, key).await.unwrap(), Value::Int(expected));
            assert_eq!(get(&client, path, key).await.unwrap(), Value::BulkString(expected.to_string().into()));
        }
    }
    for (node, key) in cluster.nodes.iter().zip(KEYS) {
        assert_eq!(node.admin::<Vec<String>>("KEYS *"), [key]);
        assert!(!node.admin::<String>("INFO errorstats").contains("MOVED"));
        // Two lanes, of which a busy machine may make the second later, one of the two bulk connections, and the one that
        // counts.
        for _ in 0..500 {
            if connections(node) >= 4 {
                break;
            }
            get(&client, PATHS[0], key).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(connections(node), 4);
    }
    assert_eq!(client.ask_masters(&client.budget(), &redis::cmd("PING")).await.unwrap().len(), 3);
    client.read_anywhere(&client.budget(), &redis::cmd("TIME")).await.unwrap();
    client.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_by_the_only_seed_that_replies() {
    let cluster = TestCluster::start(false);
    let last = cluster.url().rsplit_once(',').unwrap().1.to_owned();
    let client = wire_to(&format!("redis-cluster://127.0.0.1:1,{last}"), Duration::from_secs(3));
    for key in KEYS {
        count_at(&client, Path::Request, key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_by_a_seed_that_is_a_replica() {
    let cluster = TestCluster::start(true);
    let replica = cluster.url().rsplit_once(',').unwrap().1.to_owned();
    let wire = wire_to(&format!("redis-cluster://{replica}"), Duration::from_secs(3));
    for key in KEYS {
        count_at(&wire, Path::Request, key).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_masters_clock_is_estimated_separately() {
    let cluster = TestCluster::start(false);
    let client = wire_to(&cluster.url(), Duration::from_secs(3));
    for key in KEYS {
        get(&client, Path::Request, key).await.unwrap();
    }
    client.clock_seen(KEYS[1].as_bytes(), 1_000);
    assert!(client.now_at(KEYS[1].as_bytes()) < 60_000);
    assert!(client.now_at(KEYS[0].as_bytes()) > 1_700_000_000_000);
}

/// For each key: the longest time without success, and errors.
async fn seen(client: &Arc<Client>, keys: &[&'static str], until: Instant) -> Vec<(Duration, usize)> {
    let mut tasks = Vec::new();
    for key in keys.iter().copied() {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            let (mut longest, mut errors, mut last) = (Duration::ZERO, 0, Instant::now());
            while Instant::now() < until {
                match get(&client, Path::Request, key).await {
                    Ok(_) => {
                        longest = longest.max(last.elapsed());
                        last = Instant::now();
                    }
                    Err(_) => errors += 1,
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (longest.max(last.elapsed()), errors)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

async fn a_lost_master_affects_only_its_own_slots(lose: fn(&Server)) {
    let cluster = TestCluster::start(true);
    let client = Arc::new(wire_to(&cluster.url(), Duration::from_secs(3)));
    let failovers = client.failovers();
    for key in KEYS {
        count_at(&client, Path::Request, key).await.unwrap();
    }
    assert_eq!(*failovers.borrow(), 0);
    let watching = tokio::spawn({
        let client = client.clone();
        async move { seen(&client, &KEYS[..2], Instant::now() + Duration::from_millis(2_500)).await }
    });
    lose(&cluster.nodes[2]);
    let cluster = tokio::task::spawn_blocking(move || {
        cluster.until_promoted(5);
        cluster
    });
    let cluster = cluster.await.unwrap();
    let promoted = Instant::now();
    while let Err(error) = count_at(&client, Path::Request, KEYS[2]).await {
        assert!(promoted.elapsed() < Duration::from_secs(3), "{error:?}");
    }
    for (longest, errors) in watching.await.unwrap() {
        assert!(errors == 0 && longest < Duration::from_secs(1), "{errors} errors, {longest:?} without success");
    }
    assert!(*failovers.borrow() >= 1);
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_master_affects_only_its_own_slots() {
    a_lost_master_affects_only_its_own_slots(Server::kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_master_affects_only_its_own_slots() {
    a_lost_master_affects_only_its_own_slots(Server::stop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_process_detects_a_failover() {
    let cluster = TestCluster::start(true);
    let client = wire_to(&cluster.url(), Duration::from_secs(3));
    get(&client, Path::Request, KEYS[0]).await.unwrap();
    let mut failovers = client.failovers();
    cluster.nodes[2].kill();
    let seen = failovers.wait_for(|count| *count == 1);
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_mode_is_reported_with_the_right_scheme() {
    let cluster = TestCluster::start(false);
    let addr = cluster.url().rsplit_once(',').unwrap().1.to_owned();
    let told =
        |url: String| async move { wire_to(&url, Duration::from_secs(3)).check().await.unwrap_err().to_string() };
    let is_cluster = format!("{addr} is a Redis Cluster node: use the scheme `redis-cluster:`");
    assert_eq!(told(format!("redis://{addr}")).await, is_cluster);
    assert_eq!(told(format!("redis-sentinel://{addr}/main")).await, is_cluster);

    let single = Server::listening(&[]);
    let addr = single.addr();
    let no_cluster = format!("{addr} is not a Redis Cluster node: use the scheme `redis:`");
    assert_eq!(told(format!("redis-cluster://{addr}")).await, no_cluster);
    assert_eq!(
        told(format!("redis-sentinel://{addr}/main")).await,
        format!("{addr} is not a Sentinel: use the scheme `redis:`")
    );
    let nobody = "127.0.0.1:1 refuses connections: nothing listens there";
    assert_eq!(told("redis-cluster://127.0.0.1:1".into()).await, nobody);
    assert_eq!(told("redis-sentinel://127.0.0.1:1/main".into()).await, nobody);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reports_a_cluster_with_unserved_slots() {
    let cluster = TestCluster::start(false);
    cluster.nodes[0].admin::<()>("CLUSTER DELSLOTS 0 1");
    let url = cluster.url();
    let (first, _) = url.split_once(',').unwrap();
    let client = wire_to(first, Duration::from_secs(3));
    let outage = client.check().await.unwrap_err();
    assert_eq!(outage.to_string(), "no node of the Redis Cluster serves 2 of its 16384 slots");
}

/// How long a call takes to report its slot as not served.
async fn failed(client: &Client, path: Path) -> Duration {
    let start = Instant::now();
    let error = get(client, path, KEYS[0]).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    start.elapsed()
}

/// The first slot is one that nobody serves: according to the map if all nodes agree, or according to its owner.
async fn an_unserved_slot_fails_at_once_when_it_lasts(by: &[usize]) {
    let cluster = TestCluster::start(false);
    let client = wire_to(&cluster.url(), Duration::from_secs(1));
    let slot = slot(KEYS[0].as_bytes());
    let waits = Duration::from_millis(600);
    for round in 0..2 {
        get(&client, Path::Request, KEYS[0]).await.unwrap();
        for node in by {
            cluster.nodes[*node].admin::<()>(&format!("CLUSTER DELSLOTS {slot}"));
        }
        let took = failed(&client, Path::Request).await;
        assert!(took > waits, "the first call of round {round} took {took:?}");
        for path in PATHS {
            // One of three may be late on a busy machine.
            let mut tries = vec![failed(&client, path).await];
            while tries.len() < 3 && tries[tries.len() - 1] > waits {
                tries.push(failed(&client, path).await);
            }
            assert!(tries[tries.len() - 1] < waits, "later calls of round {round} took {tries:?}");
        }
        get(&client, Path::Request, KEYS[1]).await.unwrap();
        for node in by {
            cluster.nodes[*node].admin::<()>(&format!("CLUSTER SETSLOT {slot} NODE {}", cluster.id(0)));
        }
        let served = Instant::now();
        while get(&client, Path::Request, KEYS[0]).await.is_err() {
            assert!(served.elapsed() < Duration::from_secs(5), "it is not found again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_without_a_node_in_the_map_fails_at_once_when_it_lasts() {
    an_unserved_slot_fails_at_once_when_it_lasts(&[0, 1, 2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_not_served_by_its_node_fails_at_once_when_it_lasts() {
    an_unserved_slot_fails_at_once_when_it_lasts(&[0]).await;
}

/// The address of a node whose bus port has no listener.
fn without_bus(address: &str) -> String {
    format!("{}@1", address.split_once('@').unwrap().0)
}

/// The old master takes itself for the owner, and no node corrects it: only the others' maps reach the client.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_master_cut_off_from_its_cluster_is_trusted_for_3_seconds() {
    const PROCESSES: usize = 12;
    let cluster = TestCluster::start(true);
    cluster.set_timeout(60_000);
    cluster.cut_off(0, 60_000, without_bus);
    cluster.nodes[0].admin::<()>(&format!("SET {} old", KEYS[0]));
    let mut wires = Vec::new();
    for _ in 0..PROCESSES {
        let wire = wire_to(&cluster.url(), Duration::from_secs(3));
        for path in PATHS {
            assert_eq!(get(&wire, path, KEYS[0]).await.unwrap(), Value::BulkString(b"old".to_vec()));
        }
        wires.push(wire);
    }
    cluster.take_over(3);
    let replaced = Instant::now();
    cluster.nodes[3].admin::<()>(&format!("SET {} new", KEYS[0]));
    let mut last = Duration::ZERO;
    for path in PATHS {
        for wire in &wires {
            while get(wire, path, KEYS[0]).await.unwrap() != Value::BulkString(b"new".to_vec()) {
                last = replaced.elapsed();
                assert!(last < Duration::from_secs(3), "the old master is believed yet");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
    println!("the old master was believed for {last:?}");
    for wire in &wires {
        assert_eq!(get(wire, Path::Request, KEYS[0]).await.unwrap(), Value::BulkString(b"new".to_vec()));
    }
    assert_eq!(cluster.nodes[0].admin::<String>(&format!("GET {}", KEYS[0])), "old", "it serves its slots yet");
}

/// An address without any listener.
fn nowhere(address: &str) -> String {
    format!("{}:1@1", address.split_once(':').unwrap().0)
}

/// The client is cut off with it: the old master itself stops serving, after its `cluster-node-timeout`.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_cut_off_with_its_client_serves_until_the_node_timeout() {
    const TIMEOUT: Duration = Duration::from_secs(4);
    let cluster = TestCluster::start(true);
    let begun = Instant::now();
    cluster.cut_off(0, TIMEOUT.as_millis() as u32, nowhere);
    let url = cluster.url();
    let (first, _) = url.split_once(',').unwrap();
    let wire = wire_to(first, Duration::from_millis(500));
    get(&wire, Path::Request, KEYS[0]).await.unwrap();
    while get(&wire, Path::Request, KEYS[0]).await.is_ok() {
        assert!(begun.elapsed() < TIMEOUT + Duration::from_secs(2), "it serves yet");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("it served for {:?}", begun.elapsed());
}
