//! A slot moving from one master to another, with half of its keys moved.

use redis::Value;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::cluster::TestCluster;
use crate::store::redis::client::tests::scripts::counting;
use crate::store::redis::client::topology::hash_slot::slot;
use crate::store::redis::client::{Script, ScriptAnswer};

const MOVED: &str = "{b}moved";
const STAYED: &str = "{b}stayed";

fn bulk(text: &str) -> Value {
    Value::BulkString(text.into())
}

async fn count_at(client: &Client, path: Path, key: &str) -> Result<ScriptAnswer, Error> {
    Ok(client.script(path, &client.budget(), &counting(), &[key.as_bytes()], &[b"1"]).await?)
}

/// Both keys hold 1; one has moved from the first master to the second, one has stayed.
async fn half_moved() -> (TestCluster, Client, u16) {
    let cluster = TestCluster::start(false);
    let client = wire_to(&cluster.url(), Duration::from_secs(3));
    let moving = slot(MOVED.as_bytes());
    assert!(moving < 5461 && moving == slot(STAYED.as_bytes()), "{moving} is the first master's");
    for key in [MOVED, STAYED] {
        count_at(&client, Path::Request, key).await.unwrap();
    }
    cluster.begin_move(moving, 0, 1);
    cluster.move_key(MOVED, 0, 1);
    (cluster, client, moving)
}

/// Redis sends `?` for the host then.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_without_a_host_name_is_followed_on_the_same_host() {
    let (cluster, client, moving) = half_moved().await;
    for node in &cluster.nodes {
        node.admin::<()>("CONFIG SET cluster-preferred-endpoint-type hostname");
    }
    assert_eq!(get(&client, Path::Request, MOVED).await.unwrap(), bulk("1"));
    cluster.move_key(STAYED, 0, 1);
    cluster.end_move(moving, 0, 1);
    assert_eq!(get(&client, Path::Request, STAYED).await.unwrap(), bulk("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_key_is_read_by_asking_and_the_others_in_place() {
    let (_cluster, client, _) = half_moved().await;
    for path in PATHS {
        for key in [MOVED, STAYED] {
            assert_eq!(get(&client, path, key).await.unwrap(), bulk("1"), "{key}");
        }
        let mut pair = redis::pipe();
        pair.cmd("PTTL").arg(MOVED).cmd("GET").arg(MOVED);
        let answers = client.read(path, &client.budget(), MOVED.as_bytes(), &pair).await.unwrap();
        assert_eq!(answers, [Value::Int(-1), bulk("1")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_over_keys_on_both_nodes_finds_all() {
    let (_cluster, client, _) = half_moved().await;
    let mut reads = redis::pipe();
    reads.cmd("TIME").cmd("PTTL").arg(MOVED).cmd("GET").arg(MOVED).cmd("GET").arg(STAYED).cmd("GET").arg("{b}none");
    for path in PATHS {
        let answers = client.read(path, &client.budget(), MOVED.as_bytes(), &reads).await.unwrap();
        assert!(matches!(answers[0], Value::Array(_)), "{answers:?}");
        assert_eq!(answers[1..], [Value::Int(-1), bulk("1"), bulk("1"), Value::Nil]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_follows_its_key_to_a_node_that_has_not_loaded_it() {
    let (cluster, client, _) = half_moved().await;
    cluster.nodes[1].admin::<()>("SCRIPT FLUSH");
    for (path, expected) in PATHS.into_iter().zip([2, 3]) {
        let sent = count_at(&client, path, MOVED).await.unwrap();
        assert_eq!((sent.answer.value().unwrap(), sent.times), (Value::Int(expected), 1));
    }
    assert_eq!(count_at(&client, Path::Request, STAYED).await.unwrap().answer.value().unwrap(), Value::Int(2));
    let (sent, _) = client
        .script_and_wait(&client.budget(), &counting(), &[MOVED.as_bytes()], &[b"1"], (0, Duration::from_millis(10)))
        .await
        .unwrap();
    assert_eq!(sent.answer.value().unwrap(), Value::Int(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_with_keys_on_both_sides_is_torn_until_the_slot_has_moved() {
    let (cluster, client, moving) = half_moved().await;
    let both = Script::new("both", "", &["return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])"]);
    let keys = [MOVED.as_bytes(), STAYED.as_bytes()];
    let budget = client.budget().half().half();
    let start = Instant::now();
    let error = client.script(Path::Request, &budget, &both, &keys, &[]).await.unwrap_err();
    assert!(error.is_split(), "{error:?}");
    assert!((200..1_500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(cluster.nodes[0].admin::<i64>(&format!("GET {STAYED}")), 1, "nothing was done");

    cluster.move_key(STAYED, 0, 1);
    cluster.end_move(moving, 0, 1);
    let sent = client.script(Path::Request, &client.budget(), &both, &keys, &[]).await.unwrap();
    assert_eq!(sent.answer.value().unwrap(), Value::Int(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_outage_is_not_taken_for_resharding() {
    let (_cluster, client, _) = half_moved().await;
    let error =
        client.read_one(Path::Request, &client.budget(), b"{b}x", redis::cmd("NONE").arg("{b}x")).await.unwrap_err();
    assert!(!error.is_split(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_follow_a_slot_that_has_moved_without_a_wait() {
    let (cluster, client, moving) = half_moved().await;
    cluster.move_key(STAYED, 0, 1);
    cluster.end_move(moving, 0, 1);
    // The map cannot be read again: only the reply itself is left.
    for node in &cluster.nodes {
        node.admin::<()>("ACL SETUSER default -cluster");
    }
    let before = cluster.nodes[0].admin::<String>("INFO errorstats");
    assert!(!before.contains("errorstat_MOVED"), "{before}");
    for path in PATHS {
        for _ in 0..10 {
            assert_eq!(get(&client, path, MOVED).await.unwrap(), bulk("1"));
        }
    }
    let after = cluster.nodes[0].admin::<String>("INFO errorstats");
    assert!(after.contains("errorstat_MOVED:count=1\r"), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_slots_are_refused_by_the_servers() {
    let (_cluster, client, _) = half_moved().await;
    let mut both = redis::cmd("MGET");
    both.arg("{b}x").arg("{c}x");
    let error = client.read_one(Path::Request, &client.budget(), b"{b}x", &both).await.unwrap_err();
    assert_eq!(error.code(), Some("CROSSSLOT"));
}
