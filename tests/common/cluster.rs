//! A Redis Cluster on the loopback interface, and the events in its life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use super::server::{Server, ports};

/// Slots of a cluster.
pub(crate) const SLOTS: u16 = 16_384;
/// A node that has not replied for this long is taken for dead.
const NODE_TIMEOUT_MS: &str = "500";
/// One dead master does not stop the others: with the default, `yes`, it stops every slot.
const PARTS: [&str; 2] = ["--cluster-require-full-coverage", "no"];

pub(crate) struct Cluster {
    nodes: Vec<Arc<Server>>,
    masters: usize,
}

/// Who owns which slots, as a node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) port: u16,
    pub(crate) replicas: Vec<u16>,
}

impl Cluster {
    /// Masters that share the slots evenly, each with the given number of replicas. Takes about two seconds.
    pub(crate) fn start(masters: usize, replicas: usize) -> Self {
        let nodes: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..masters * (1 + replicas)).map(|_| scope.spawn(node)).collect();
            starting.into_iter().map(|node| Arc::new(node.join().expect("a node"))).collect()
        });
        let cluster = Self { nodes, masters };
        cluster.share_slots();
        cluster.meet();
        cluster.replicate();
        cluster
    }

    /// Nodes by number: first the original masters, then their replicas in turn.
    pub(crate) fn node(&self, number: usize) -> &Arc<Server> {
        &self.nodes[number]
    }

    pub(crate) fn nodes(&self) -> &[Arc<Server>] {
        &self.nodes
    }

    /// The store URL; names every node.
    pub(crate) fn url(&self) -> String {
        let places: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", places.join(","))
    }

    /// A connection to each node that is a master now.
    pub(crate) async fn masters(&self) -> Vec<MultiplexedConnection> {
        let mut masters = Vec::new();
        for owned in ports_of(&self.map()) {
            masters.push(self.by_port(owned).connection().await);
        }
        masters
    }

    /// The slot map, as seen by the first node that replies.
    pub(crate) fn map(&self) -> Vec<Owned> {
        let answered = self.nodes.iter().find_map(|node| node.try_ask(&["CLUSTER", "SLOTS"]).ok().map(read_map));
        answered.expect("a node that answers")
    }

    /// The node that owns a slot now.
    pub(crate) fn owner(&self, slot: u16) -> &Arc<Server> {
        let map = self.map();
        let owned = map.iter().find(|owned| (owned.first..=owned.last).contains(&slot));
        self.by_port(owned.unwrap_or_else(|| panic!("slot {slot} has no owner: {map:?}")).port)
    }

    /// The slot of a key.
    pub(crate) fn slot(&self, key: &str) -> u16 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", key])
    }

    pub(crate) fn by_port(&self, port: u16) -> &Arc<Server> {
        self.nodes.iter().find(|node| node.port() == port).expect("a node of ours")
    }

    /// Waits until a live node reports a new owner of this slot; returns how long that took, without the time until the
    /// other live nodes learn of it.
    pub(crate) fn wait_for_another_owner(&self, slot: u16, than: &Server) -> Duration {
        let begun = Instant::now();
        let moved = |node: &Arc<Server>| {
            let map = node.try_ask(&["CLUSTER", "SLOTS"]).map(read_map).unwrap_or_default();
            map.iter().find(|owned| (owned.first..=owned.last).contains(&slot)).map(|owned| owned.port != than.port())
        };
        let others = || self.nodes.iter().filter(|node| node.port() != than.port());
        eventually("a replica is promoted", || others().any(|node| moved(node) == Some(true)));
        let took = begun.elapsed();
        eventually("every node knows it", || !others().any(|node| moved(node) == Some(false)));
        took
    }

    /// A planned failover: the first live replica of the master of this slot takes its place, nothing is lost.
    pub(crate) fn fail_over(&self, slot: u16) {
        let master = Arc::clone(self.owner(slot));
        let owned = self.map().into_iter().find(|owned| owned.port == master.port()).expect("it is in the map");
        let replica = self.by_port(*owned.replicas.first().expect("a replica"));
        replica.ask::<()>(&["CLUSTER", "FAILOVER"]);
        self.wait_for_another_owner(slot, &master);
    }

    fn share_slots(&self) {
        for (number, node) in self.nodes.iter().enumerate().take(self.masters) {
            let bound = |number: usize| (usize::from(SLOTS) * number / self.masters).to_string();
            let last = (usize::from(SLOTS) * (number + 1) / self.masters - 1).to_string();
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &bound(number), &last]);
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
    }

    /// Introduces every node to every other: gossip alone takes seconds.
    fn meet(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            for other in &self.nodes[..number] {
                let port = other.port().to_string();
                let bus: String = bus(other);
                node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        // Without full coverage, a node may report a healthy cluster before it has learned of every slot.
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        let heard = format!("cluster_slots_assigned:{SLOTS}\r\n");
        for node in &self.nodes {
            eventually("the cluster forms", || {
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                let nodes: String = node.ask(&["CLUSTER", "NODES"]);
                let told = ["cluster_state:ok", &known, &heard].iter().all(|part| info.contains(*part));
                told && !nodes.contains("handshake")
            });
        }
    }

    fn replicate(&self) {
        for (number, replica) in self.nodes.iter().enumerate().skip(self.masters) {
            let master: String = self.nodes[number % self.masters].ask(&["CLUSTER", "MYID"]);
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &master]);
        }
        for replica in &self.nodes[self.masters..] {
            eventually("a replica follows", || {
                replica.ask::<String>(&["INFO", "replication"]).contains("master_link_status:up")
            });
        }
        eventually("every node knows the replicas", || {
            let replicas = self.nodes.len() - self.masters;
            let knows = |node: &Arc<Server>| {
                let map = read_map(node.ask(&["CLUSTER", "SLOTS"]));
                map.iter().map(|owned| owned.replicas.len()).sum::<usize>() == replicas
            };
            self.nodes.iter().all(knows)
        });
    }
}

fn node() -> Server {
    let bus = ports::free().to_string();
    let own = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", NODE_TIMEOUT_MS];
    // A replica is in the slot map once its master has sent it something: a ping, by default after 10 seconds.
    let quick = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
    let stays = ["--cluster-allow-replica-migration", "no"];
    Server::listening(&[&own[..], &PARTS, &quick, &stays].concat())
}

fn bus(node: &Server) -> String {
    let [_, port]: [String; 2] = node.ask(&["CONFIG", "GET", "cluster-port"]);
    port
}

/// The ports of the masters, each once.
fn ports_of(map: &[Owned]) -> Vec<u16> {
    let mut ports: Vec<_> = map.iter().map(|owned| owned.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn read_map(slots: Vec<Vec<redis::Value>>) -> Vec<Owned> {
    let port = |node: &redis::Value| -> u16 {
        let node: Vec<redis::Value> = redis::from_redis_value(node.clone()).expect("a node");
        redis::from_redis_value(node[1].clone()).expect("a port")
    };
    let number = |value: &redis::Value| redis::from_redis_value(value.clone()).expect("a slot");
    let owned = |range: Vec<redis::Value>| Owned {
        first: number(&range[0]),
        last: number(&range[1]),
        port: port(&range[2]),
        replicas: range[3..].iter().map(port).collect(),
    };
    slots.into_iter().map(owned).collect()
}

/// Blocks until the condition holds; fails the test after 20 seconds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < limit, "did not come true in 20 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
