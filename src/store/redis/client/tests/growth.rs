//! The tasks and connections after an outage: as many as before, however long it lasts.
//!
//! `CLOAKROOM_OUTAGE_SECONDS=600 cargo test --lib nothing_is_left_of_an_outage -- --test-threads 1` makes each outage
//! last 10 minutes, and counts this process's descriptors and memory too.

use redis::Connection;
use tokio::time::Instant;

use super::*;
use crate::store::redis::client::tests::gate::{Gate, Way};
use crate::store::redis::client::tests::node::{gate, opened};
use crate::store::redis::client::tests::scripts::count;

const CONNECTIONS: usize = 4;

/// A server behind a gate, and a connection to it that was made before the outage.
struct Stage {
    server: Server,
    gate: Gate,
    admin: Connection,
}

impl Stage {
    fn set(&mut self, name: &str, value: &str) {
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut self.admin).unwrap();
    }
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

fn seconds() -> Option<u64> {
    std::env::var("CLOAKROOM_OUTAGE_SECONDS").ok().map(|seconds| seconds.parse().unwrap())
}

/// Descriptors, and kilobytes of memory.
fn held() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    (std::fs::read_dir("/proc/self/fd").unwrap().count(), memory.unwrap())
}

async fn until_same_as_before(what: &str, now: impl Fn() -> usize, before: usize) {
    let limit = Instant::now() + Duration::from_secs(5);
    while now() != before {
        assert!(Instant::now() < limit, "{what}: {before} before, {} after", now());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn nothing_grows(begin: impl Fn(&mut Stage), end: impl Fn(&mut Stage)) {
    let server = Server::start(&[]);
    let mut stage = Stage { gate: gate(&server), admin: server.blocking(), server };
    let client = opened(&stage.gate.url(), CONNECTIONS, Duration::from_millis(300)).await;
    until_same_as_before("tasks", tasks, CONNECTIONS).await;
    let before = held();
    begin(&mut stage);
    stage.gate.cut();
    let start = Instant::now();
    let lasts = Duration::from_secs(seconds().unwrap_or(2));
    while start.elapsed() < lasts {
        count(&client, Path::Request).await.unwrap_err();
        assert!(tasks() <= 4 * CONNECTIONS, "{} tasks", tasks());
        assert!(stage.gate.open() <= 4 * CONNECTIONS, "{} connections", stage.gate.open());
    }
    end(&mut stage);
    for _ in 0..2 * CONNECTIONS {
        count(&client, Path::Request).await.unwrap();
    }
    until_same_as_before("tasks", tasks, CONNECTIONS).await;
    until_same_as_before("connections", || stage.gate.open(), CONNECTIONS).await;
    if seconds().is_some() {
        let after = held();
        println!(
            "descriptors {} to {}, memory {} to {} kB, {} attempts",
            before.0,
            after.0,
            before.1,
            after.1,
            stage.gate.accepted()
        );
        assert!(after.0 <= before.0 + 2 && after.1 <= before.1 + 4_096, "{before:?}, {after:?}");
    }
}

fn on(stage: &mut Stage) {
    stage.gate.go(Way::To(stage.server.socket()));
}

#[tokio::test]
async fn nothing_is_left_of_an_outage_where_connections_are_refused() {
    nothing_grows(|stage| stage.gate.go(Way::Refuse), on).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_outage_where_connections_are_closed() {
    nothing_grows(|stage| stage.gate.go(Way::Close), on).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_outage_where_nobody_replies() {
    nothing_grows(|stage| stage.gate.go(Way::Silent), on).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_outage_where_the_server_has_too_many() {
    nothing_grows(|stage| stage.set("maxclients", "1"), |stage| stage.set("maxclients", "1000")).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_outage_where_the_password_is_wrong() {
    nothing_grows(|stage| stage.set("requirepass", "other"), |stage| stage.set("requirepass", "")).await;
}
