//! Connections that are driven by another runtime than the caller's.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::store::redis::client::tests::cluster::TestCluster;
use crate::store::redis::client::tests::gate::{Gate, Way};
use crate::store::redis::client::tests::group::TestGroup;
use crate::store::redis::client::tests::scripts::count;

/// How far a budget may be overrun on a busy machine.
const SLACK: Duration = Duration::from_millis(700);

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The client was used in a runtime that is kept and not driven any more; each call in another one succeeds in time.
pub(crate) fn calls_succeed_in_another_runtime(client: &Client, budget: Duration) {
    let (start_up, other) = (runtime(), runtime());
    start_up.block_on(async {
        for _ in 0..4 {
            count(client, Path::Request).await.unwrap();
            get(client, Path::Request, "k").await.unwrap();
        }
    });
    for _ in 0..4 {
        let begun = Instant::now();
        other.block_on(count(client, Path::Request)).unwrap();
        other.block_on(get(client, Path::Request, "k")).unwrap();
        assert!(begun.elapsed() < 2 * budget + SLACK, "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    other.block_on(async {
        for _ in 0..4 {
            count(client, Path::Request).await.unwrap();
        }
    });
    assert!(begun.elapsed() < SLACK, "the connections are the caller's own by now: {:?}", begun.elapsed());
    drop(start_up);
}

#[test]
fn calls_succeed_if_the_connecting_runtime_is_not_driven() {
    let server = Server::start(&[]);
    let budget = Duration::from_secs(1);
    calls_succeed_in_another_runtime(&wire_to(&server.url(), budget), budget);
}

#[test]
fn bulk_calls_succeed_if_the_connecting_runtime_is_not_driven() {
    let server = Server::start(&[]);
    let (start_up, other) = (runtime(), runtime());
    let client = client(&server);
    start_up.block_on(count(&client, Path::Bulk)).unwrap();
    other.block_on(count(&client, Path::Bulk)).unwrap();
    drop(start_up);
}

#[test]
fn a_clusters_map_is_refreshed_if_its_runtime_is_not_driven() {
    let cluster = TestCluster::start(true);
    let budget = Duration::from_secs(3);
    let client = wire_to(&cluster.url(), budget);
    calls_succeed_in_another_runtime(&client, budget);
    let (start_up, other) = (runtime(), runtime());
    let failovers = client.failovers();
    // From now on it reads and refreshes the map in this runtime, which is then left.
    start_up.block_on(async {
        count(&client, Path::Request).await.unwrap();
    });
    cluster.nodes[2].stop();
    cluster.until_promoted(5);
    let begun = Instant::now();
    let counting = scripts::counting();
    while other.block_on(client.script(Path::Request, &client.budget(), &counting, &[b"{a}"], &[b"1"])).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the promoted node is not found");
    }
    assert!(*failovers.borrow() >= 1);
}

/// A master that was replaced and still serves: only the Sentinels say so.
#[test]
fn a_switch_is_noticed_if_the_listeners_are_not_driven() {
    let group = TestGroup::start();
    let client = wire_to(&group.url(), Duration::from_secs(3));
    let (start_up, other) = (runtime(), runtime());
    start_up.block_on(async {
        for _ in 0..4 {
            count(&client, Path::Request).await.unwrap();
        }
    });
    group.servers[0].stop();
    group.until_promoted(1);
    group.servers[0].go_on();
    // It reports that it is a master: the Sentinels make it a replica some seconds later.
    let begun = Instant::now();
    let mut failovers = client.failovers();
    while *failovers.borrow_and_update() == 0 {
        drop(other.block_on(get(&client, Path::Request, "n")));
        assert!(begun.elapsed() < Duration::from_secs(4), "the switch is not noticed");
    }
    other.block_on(count(&client, Path::Request)).unwrap();
    assert!(group.servers[1].admin::<i64>("GET n") >= 1);
    drop(start_up);
}

/// As behind a handler that blocks its thread.
#[test]
fn an_attempt_on_a_stalled_runtime_holds_nobody_up() {
    let server = Server::start(&[]);
    let gate = Arc::new(Gate::before(&server, Way::Silent));
    let client = Arc::new(wire_to(&gate.url(), Duration::from_secs(3)));
    let ((release, blocked), (begin, begun)) = (channel::<()>(), channel());
    let thread = std::thread::spawn({
        let (client, gate) = (client.clone(), gate.clone());
        move || {
            runtime().block_on(async move {
                let call = tokio::spawn(async move { get(&client, Path::Request, "k").await });
                while gate.accepted() == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                begin.send(()).unwrap();
                let _ = blocked.recv();
                call.abort();
            });
        }
    });
    begun.recv().unwrap();
    gate.go(Way::To(server.socket()));
    let start = Instant::now();
    runtime().block_on(get(&client, Path::Request, "k")).unwrap();
    assert!(start.elapsed() < Duration::from_millis(300) + SLACK, "{:?}", start.elapsed());
    drop(release);
    thread.join().unwrap();
}
