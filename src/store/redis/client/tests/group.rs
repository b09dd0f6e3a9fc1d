//! A private master, a replica, and Sentinels that watch them.

use std::time::{Duration, Instant};

use crate::store::redis::client::tests::server::{Lease, TestServer, host, port};

pub(crate) struct TestGroup {
    /// The first is the master.
    pub(crate) servers: Vec<TestServer>,
    sentinels: Vec<TestServer>,
    ports: Vec<u16>,
    sentinel_ports: Vec<u16>,
    _turn: Lease,
}

impl TestGroup {
    pub(crate) fn start() -> Self {
        let turn = Lease::wait();
        let host = host();
        let ports = [port(), port()];
        let sentinel_ports = [port(), port(), port()];
        let [first, second] = ports.map(|port| port.to_string());
        let master = TestServer::with(&[
            "--bind",
            &host,
            "--port",
            &first,
            "--repl-diskless-sync-delay",
            "0",
            "--replica-announce-ip",
            &host,
        ]);
        let replica = TestServer::with(&[
            "--bind",
            &host,
            "--port",
            &second,
            "--replicaof",
            &format!("{host} {first}"),
            "--replica-announce-ip",
            &host,
        ]);
        let configuration = format!(
            "sentinel announce-ip {host}\n\
             sentinel monitor main {host} {first} 2\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 3000\n\
             requirepass watcher\nsentinel sentinel-pass watcher\n"
        );
        let sentinels = sentinel_ports.map(|port| TestServer::sentinel(&configuration, port));
        let group = Self {
            servers: vec![master, replica],
            sentinels: sentinels.into(),
            ports: ports.into(),
            sentinel_ports: sentinel_ports.into(),
            _turn: turn,
        };
        group.until("the Sentinels know all", || {
            group.sentinels.iter().all(|sentinel| {
                let told: String = sentinel.admin_with("watcher", "INFO sentinel");
                told.contains("slaves=1,sentinels=3")
            }) && group.servers[1].admin::<String>("INFO replication").contains("master_link_status:up")
        });
        group
    }

    /// Of the first Sentinel alone: it has the addresses of the others.
    pub(crate) fn url(&self) -> String {
        format!("redis-sentinel://{}:{}/main?sentinel_password=watcher", host(), self.sentinel_ports[0])
    }

    /// As a user who may query the Sentinels and not subscribe to them.
    pub(crate) fn url_without_listening(&self) -> String {
        for sentinel in &self.sentinels {
            sentinel.admin_with::<()>("watcher", "ACL SETUSER blind on >secret +sentinel +hello +auth +ping +info");
        }
        let addrs: Vec<String> = self.sentinel_ports.iter().map(|port| format!("{}:{port}", host())).collect();
        format!("redis-sentinel://{}/main?sentinel_user=blind&sentinel_password=secret", addrs.join(","))
    }

    pub(crate) fn port(&self, number: usize) -> u16 {
        self.ports[number]
    }

    pub(crate) fn sentinel_port(&self, number: usize) -> u16 {
        self.sentinel_ports[number]
    }

    pub(crate) fn fail_over(&self) {
        // Refused while the Sentinels are still busy with each other.
        self.until("the failover begins", || {
            self.sentinels[1].try_admin_with("watcher", "SENTINEL FAILOVER main").is_ok()
        });
    }

    pub(crate) fn kill_sentinel(&mut self, number: usize) {
        self.sentinels[number].kill();
    }

    pub(crate) fn until_promoted(&self, number: usize) {
        self.until("the replica is promoted", || {
            // A server that changes its role closes its connections.
            let told = self.servers[number].try_admin("INFO replication");
            told.and_then(|told| Ok(redis::from_redis_value::<String>(told)?))
                .is_ok_and(|told| told.contains("role:master"))
        });
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !holds() {
            assert!(Instant::now() < limit, "not in time: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
