//! A private Redis Cluster: masters, perhaps a replica of each, and the events in its life.

use std::sync::Arc;

use crate::store::redis::client::tests::common::cluster::{Cluster, eventually};
use crate::store::redis::client::tests::common::server::{Server, ports};
use crate::store::redis::client::tests::server::Lease;

pub(crate) struct TestCluster {
    /// The masters, then their replicas in the same order.
    pub(crate) nodes: Vec<Arc<Server>>,
    cluster: Cluster,
    _turn: Lease,
}

impl TestCluster {
    /// Three masters with a third of the slots each, and perhaps a replica of each.
    pub(crate) fn start(replicas: bool) -> Self {
        let turn = Lease::wait();
        let cluster = Cluster::start(3, usize::from(replicas));
        Self { nodes: cluster.nodes().to_vec(), cluster, _turn: turn }
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.url()
    }

    pub(crate) fn id(&self, number: usize) -> String {
        self.nodes[number].admin("CLUSTER MYID")
    }

    /// Marks a slot as moving from one master to another, with no key moved yet.
    pub(crate) fn begin_move(&self, slot: u16, from: usize, to: usize) {
        self.nodes[to].admin::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.id(from)));
        self.nodes[from].admin::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.id(to)));
    }

    pub(crate) fn move_key(&self, key: &str, from: usize, to: usize) {
        let moved: String =
            self.nodes[from].admin(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", self.nodes[to].port()));
        assert_eq!(moved, "OK");
    }

    pub(crate) fn end_move(&self, slot: u16, from: usize, to: usize) {
        for node in [to, from] {
            self.nodes[node].admin::<()>(&format!("CLUSTER SETSLOT {slot} NODE {}", self.id(to)));
        }
    }

    /// Starts a node again, isolated from the other nodes in both directions but not from clients; `others` are its
    /// addresses of the other nodes from then on. Its data are lost.
    pub(in crate::store::redis) fn cut_off(&self, number: usize, timeout_ms: u32, others: fn(&str) -> String) {
        let node = &self.nodes[number];
        node.kill();
        let file = node.socket().with_file_name("nodes.conf");
        let nodes = std::fs::read_to_string(&file).unwrap();
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
        std::fs::write(&file, lines.collect::<String>()).unwrap();
        let (bus, timeout) = (ports::free().to_string(), timeout_ms.to_string());
        node.restart_with(&["--cluster-port", &bus, "--cluster-node-timeout", &timeout]);
        eventually("the node serves its slots again", || {
            node.admin::<String>("CLUSTER INFO").contains("cluster_state:ok")
        });
    }

    /// Promotes a replica without its master's consent, and waits until the other masters learn of it.
    pub(in crate::store::redis) fn take_over(&self, number: usize) {
        self.nodes[number].admin::<()>("CLUSTER FAILOVER TAKEOVER");
        let (id, old) = (self.id(number), number - 3);
        eventually("the other masters know the new one", || {
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
        eventually("the replica is promoted", || {
            self.nodes[number].admin::<String>("INFO replication").contains("role:master")
                && self.nodes[number].admin::<String>("CLUSTER INFO").contains("cluster_state:ok")
        });
    }
}
