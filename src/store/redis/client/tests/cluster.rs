//! A private Redis Cluster: masters and a replica for each.

use std::time::{Duration, Instant};

use crate::store::redis::client::tests::server::{Lease, TestServer, host, port};

pub(crate) struct TestCluster {
    /// The masters, then their replicas in the same order.
    pub(crate) nodes: Vec<TestServer>,
    ports: Vec<u16>,
    _turn: Lease,
}

impl TestCluster {
    /// Three masters with a third of the slots each, and perhaps a replica of each.
    pub(crate) fn start(replicas: bool) -> Self {
        let turn = Lease::wait();
        let count = if replicas { 6 } else { 3 };
        let ports: Vec<u16> = (0..count).map(|_| port()).collect();
        let nodes: Vec<TestServer> = ports.iter().map(|port| node(*port)).collect();
        let cluster = Self { nodes, ports, _turn: turn };
        cluster.form();
        cluster
    }

    fn form(&self) {
        let host = host();
        for (number, ranges) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
            self.nodes[number].admin::<()>(&format!("CLUSTER ADDSLOTSRANGE {ranges}"));
        }
        for (number, node) in self.nodes.iter().enumerate() {
            node.admin::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        }
        for (port, bus) in self.ports.iter().map(|port| (port, port + BUS)).skip(1) {
            self.nodes[0].admin::<()>(&format!("CLUSTER MEET {host} {port} {bus}"));
        }
        self.until("every node knows every other", || {
            self.nodes.iter().all(|node| {
                let told: String = node.admin("CLUSTER NODES");
                told.lines().count() == self.nodes.len() && !told.contains("handshake")
            })
        });
        for (master, replica) in self.nodes.iter().zip(self.nodes.iter().skip(3)) {
            replica.admin::<()>(&format!("CLUSTER REPLICATE {}", id(master)));
        }
        self.until("the cluster works", || {
            // Without full coverage, a node may report a healthy cluster before it has learned of every slot.
            let info = |node: &TestServer| node.admin::<String>("CLUSTER INFO");
            let knows_all =
                |info: String| info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384");
            self.nodes.iter().all(|node| knows_all(info(node)))
                && self
                    .nodes
                    .iter()
                    .skip(3)
                    .all(|node| node.admin::<String>("INFO replication").contains("master_link_status:up"))
                && self
                    .nodes
                    .iter()
                    .all(|node| node.admin::<String>("CLUSTER NODES").matches("slave").count() == self.nodes.len() - 3)
        });
    }

    pub(crate) fn url(&self) -> String {
        let addrs: Vec<String> = self.ports.iter().map(|port| format!("{}:{port}", host())).collect();
        format!("redis-cluster://{}", addrs.join(","))
    }

    pub(crate) fn id(&self, number: usize) -> String {
        id(&self.nodes[number])
    }

    /// Marks a slot as moving from one master to another, with no key moved yet.
    pub(crate) fn begin_move(&self, slot: u16, from: usize, to: usize) {
        self.nodes[to].admin::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.id(from)));
        self.nodes[from].admin::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.id(to)));
    }

    pub(crate) fn move_key(&self, key: &str, from: usize, to: usize) {
        let moved: String = self.nodes[from].admin(&format!("MIGRATE {} {} {key} 0 5000", host(), self.ports[to]));
        assert_eq!(moved, "OK");
    }

    pub(crate) fn end_move(&self, slot: u16, from: usize, to: usize) {
        for node in [to, from] {
            self.nodes[node].admin::<()>(&format!("CLUSTER SETSLOT {slot} NODE {}", self.id(to)));
        }
    }

    /// Starts a node again, isolated from the other nodes in both directions but not from clients; `others` are its
    /// addresses of the other nodes from then on. Its data are lost.
    pub(in crate::store::redis) fn cut_off(&mut self, number: usize, timeout_ms: u32, others: fn(&str) -> String) {
        let bus = port().to_string();
        let node = &mut self.nodes[number];
        node.kill();
        node.edit("nodes.conf", |nodes| {
            let lines = nodes.lines().map(|line| match line.split_once(' ') {
                Some((id, rest)) if rest.contains('@') && !rest.contains("myself") => {
                    let mut words: Vec<&str> = rest.split(' ').collect();
                    let address = others(words[0]);
                    // A ping is in flight, or Redis would not wait for one.
                    (words[0], words[3]) = (&address, "1");
                    format!("{id} {}\n", words.join(" "))
                }
                _ => format!("{line}\n"),
            });
            lines.collect()
        });
        node.set_option("--cluster-port", &bus);
        node.set_option("--cluster-node-timeout", &timeout_ms.to_string());
        node.restart();
        let node = &self.nodes[number];
        self.until("the node serves its slots again", || {
            node.admin::<String>("CLUSTER INFO").contains("cluster_state:ok")
        });
    }

    /// Promotes a replica without its master's consent, and waits until the other masters learn of it.
    pub(in crate::store::redis) fn take_over(&self, number: usize) {
        self.nodes[number].admin::<()>("CLUSTER FAILOVER TAKEOVER");
        let (id, old) = (self.id(number), number - 3);
        self.until("the other masters know the new one", || {
            let others = self.nodes.iter().take(3).enumerate().filter(|(other, _)| *other != old);
            others.map(|(_, node)| node.admin::<String>("CLUSTER NODES")).all(|told| {
                told.lines().any(|line| line.starts_with(&id) && line.contains("master") && line.contains('-'))
            })
        });
    }

    /// How long each node waits for another one before it marks it as failed.
    pub(in crate::store::redis) fn set_timeout(&self, ms: u32) {
        for node in &self.nodes {
            node.admin::<()>(&format!("CONFIG SET cluster-node-timeout {ms}"));
        }
    }

    /// Waits until a node of the cluster reports that this one is a master.
    pub(crate) fn until_promoted(&self, number: usize) {
        self.until("the replica is promoted", || {
            self.nodes[number].admin::<String>("INFO replication").contains("role:master")
                && self.nodes[number].admin::<String>("CLUSTER INFO").contains("cluster_state:ok")
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

fn id(node: &TestServer) -> String {
    node.admin("CLUSTER MYID")
}

/// From a node's port to that of its cluster bus.
const BUS: u16 = 10_000;

fn node(port: u16) -> TestServer {
    let (host, bus, port) = (host(), (port + BUS).to_string(), port.to_string());
    TestServer::with(&[
        "--bind",
        &host,
        "--port",
        &port,
        "--cluster-port",
        &bus,
        "--cluster-announce-ip",
        &host,
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "700",
        "--cluster-require-full-coverage",
        "no",
        "--cluster-replica-validity-factor",
        "0",
        "--repl-diskless-sync-delay",
        "0",
    ])
}
