//! I-25: trouble of every kind while app servers are busy.
//!
//! Each user of the load does one thing after another and remembers what was acknowledged: an ended session never opens
//! again, nothing saved is lost, live sessions are listed, the cap holds. `make chaos` runs each kind longer and prints a
//! table.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use cloakroom::Sessions;

use crate::common::cluster::{Cluster, SLOTS};
use crate::common::connected;
use crate::common::proxy::Proxy;
use crate::common::reshard::Move;
use crate::common::sentinel::Sentinels;
use crate::common::server::Server;
use row::{Trouble, Undoes, is_long, row};

mod book;
mod load;
mod row;
mod tally;

const ALWAYS: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// Three app servers on this store.
async fn app_servers(url: &str) -> Vec<Sessions> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(connected(Sessions::builder(url).namespace("chaos")).await);
    }
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn without_trouble_no_call_fails() {
    let server = Arc::new(Server::start(&[]));
    let servers = app_servers(&server.url()).await;
    row("none", server, servers, Undoes::Nothing, |_, _| Trouble::over()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_scripts_are_sent_again() {
    let server = Arc::new(Server::start(&[]));
    let servers = app_servers(&server.url()).await;
    row("SCRIPT FLUSH, 50 times", server, servers, Undoes::Nothing, |server, _| {
        for _ in 0..50 {
            server.ask::<()>(&["SCRIPT", "FLUSH"]);
            sleep(Duration::from_millis(10));
        }
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_and_restarted_server_loses_nothing_acknowledged() {
    let server = Arc::new(Server::start(&ALWAYS));
    let servers = app_servers(&server.url()).await;
    row("alone: kill -9, start, AOF always", server, servers, Undoes::Nothing, |server, _| {
        server.kill();
        sleep(Duration::from_millis(300));
        server.restart();
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_continues_where_it_was() {
    let server = Arc::new(Server::start(&[]));
    let servers = app_servers(&server.url()).await;
    row("alone: SIGSTOP for 1.5 s", server, servers, Undoes::Nothing, |server, _| {
        server.stop();
        sleep(Duration::from_millis(1500));
        server.go_on();
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_are_made_again() {
    let server = Server::start(&[]);
    let proxy = Proxy::new(&server).await;
    let servers = app_servers(&proxy.url()).await;
    row("connections cut, 10 times", Arc::new((server, proxy)), servers, Undoes::Nothing, |(_, proxy), _| {
        for _ in 0..10 {
            proxy.cut();
            sleep(Duration::from_millis(50));
        }
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_whose_replies_are_lost_are_sent_again() {
    let server = Server::start(&[]);
    let proxy = Proxy::new(&server).await;
    let servers = app_servers(&proxy.url()).await;
    row("answers lost, then cut, 10 times", Arc::new((server, proxy)), servers, Undoes::Nothing, |(_, proxy), _| {
        for _ in 0..10 {
            proxy.swallow(true);
            sleep(Duration::from_millis(50));
            proxy.cut();
            proxy.swallow(false);
            sleep(Duration::from_millis(50));
        }
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_replace_a_killed_master() {
    let group = Arc::new(Sentinels::start());
    let servers = app_servers(&group.url()).await;
    row("Sentinel: kill -9 of the master", group, servers, Undoes::WhatWasNotReplicated, |group, _| {
        let master = group.master().clone();
        master.kill();
        group.wait_for_another_master(&master);
        Trouble::over()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_replace_a_stopped_master() {
    let group = Arc::new(Sentinels::start());
    let servers = app_servers(&group.url()).await;
    row("Sentinel: SIGSTOP of the master", group, servers, Undoes::WhatWasNotReplicated, |group, _| {
        let master = group.master().clone();
        master.stop();
        group.wait_for_another_master(&master);
        let over = Instant::now();
        sleep(Duration::from_millis(500));
        master.go_on();
        Trouble { over, concerned: None }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_replace_a_master_as_planned() {
    let group = Arc::new(Sentinels::start());
    let servers = app_servers(&group.url()).await;
    row("Sentinel: planned failover", group, servers, Undoes::WhatWasNotReplicated, |group, _| {
        let master = group.master().clone();
        group.fail_over();
        group.wait_for_another_master(&master);
        Trouble::over()
    })
    .await;
}

/// Trouble with one shard: the one of the first user.
async fn shard(name: &'static str, undoes: Undoes, make: fn(&Cluster, u16, &Arc<Server>) -> Instant) {
    let cluster = Arc::new(Cluster::start(3, 1));
    let servers = app_servers(&cluster.url()).await;
    row(name, cluster, servers, undoes, move |cluster, tags| {
        let slot = cluster.slot(tags.first().expect("users"));
        let owner = Arc::clone(cluster.owner(slot));
        let map = cluster.map();
        let is_concerned = |tag: &String| {
            let slot = cluster.slot(tag);
            map.iter().any(|owned| owned.port == owner.port() && (owned.first..=owned.last).contains(&slot))
        };
        let concerned = tags.iter().filter(|tag| is_concerned(tag)).cloned().collect();
        Trouble { over: make(cluster, slot, &owner), concerned: Some(concerned) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_replaces_a_killed_master() {
    shard("Cluster: kill -9 of a master", Undoes::WhatWasNotReplicated, |cluster, slot, owner| {
        owner.kill();
        cluster.wait_for_another_owner(slot, owner);
        Instant::now()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_replaces_a_stopped_master() {
    shard("Cluster: SIGSTOP of a master", Undoes::WhatWasNotReplicated, |cluster, slot, owner| {
        owner.stop();
        cluster.wait_for_another_owner(slot, owner);
        let over = Instant::now();
        sleep(Duration::from_millis(500));
        owner.go_on();
        over
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_failover_of_a_cluster_loses_nothing() {
    shard("Cluster: planned failover", Undoes::Nothing, |cluster, slot, _| {
        cluster.fail_over(slot);
        Instant::now()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resharding_under_load_breaks_no_promise() {
    let count = if is_long() { 1000 } else { 60 };
    let cluster = Arc::new(Cluster::start(3, 0));
    let servers = app_servers(&cluster.url()).await;
    let name = if is_long() { "Cluster: 1000 slots move" } else { "Cluster: 60 slots move" };
    row(name, cluster, servers, Undoes::Nothing, move |cluster, tags| {
        // The users' slots first: those are the ones that matter.
        let busy: BTreeSet<u16> = tags.iter().map(|tag| cluster.slot(tag)).collect();
        let idle = (0..SLOTS).filter(|slot| slot % 16 == 7 && !busy.contains(slot));
        for slot in busy.iter().copied().chain(idle).take(count) {
            let owner = cluster.owner(slot).port();
            let to = cluster.nodes().iter().find(|node| node.port() != owner).expect("another master");
            let moving = Move::begin(cluster, slot, to);
            if busy.contains(&slot) {
                sleep(Duration::from_millis(30));
            }
            moving.finish();
        }
        Trouble::over()
    })
    .await;
}
