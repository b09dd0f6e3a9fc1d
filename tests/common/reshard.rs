//! Moving slots of a cluster while it serves, completely or halfway.

use std::sync::Arc;

use super::cluster::Cluster;
use super::server::Server;

/// A slot that is moving from one master to another.
pub(crate) struct Move {
    slot: String,
    from: Arc<Server>,
    to: Arc<Server>,
    nodes: Vec<Arc<Server>>,
}

impl Move {
    /// Begins the move: the slot is MIGRATING at its owner and IMPORTING at the other, and no key has moved.
    pub(crate) fn begin(cluster: &Cluster, slot: u16, to: &Arc<Server>) -> Self {
        let (from, to) = (Arc::clone(cluster.owner(slot)), Arc::clone(to));
        assert_ne!(from.port(), to.port(), "slot {slot} is there already");
        let slot = slot.to_string();
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(&from)]);
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(&to)]);
        Self { slot, from, to, nodes: cluster.nodes().to_vec() }
    }

    pub(crate) fn from(&self) -> &Arc<Server> {
        &self.from
    }

    pub(crate) fn to(&self) -> &Arc<Server> {
        &self.to
    }

    /// Moves these keys, and no others.
    pub(crate) fn keys(&self, keys: &[&str]) {
        let port = self.to.port().to_string();
        let head = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        self.from.ask::<()>(&[&head[..], keys].concat());
    }

    /// Moves the rest, and makes the other node the owner.
    pub(crate) fn finish(self) {
        loop {
            let left: Vec<String> = self.from.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"]);
            if left.is_empty() {
                break;
            }
            self.keys(&left.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let owner = id(&self.to);
        // First the new owner, then the old: in between both reply to what they can. The rest learn it from here or by
        // gossip.
        for node in [&self.to, &self.from] {
            node.ask::<()>(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &owner]);
        }
        for node in &self.nodes {
            drop(node.try_ask::<()>(&["CLUSTER", "SETSLOT", &self.slot, "NODE", &owner]));
        }
    }
}

fn id(node: &Server) -> String {
    node.ask(&["CLUSTER", "MYID"])
}
