//! The nodes and their slots.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use redis::{Pipeline, Value, from_redis_value};

use crate::config::servers::Addr;
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::node::Node;
use crate::store::redis::client::topology::hash_slot::SLOTS;

/// `CLUSTER INFO`, for the epoch of the map, and `CLUSTER SLOTS`: every supported server has it, and its reply has
/// the preferred address of each node.
pub(crate) fn question() -> Pipeline {
    let mut both = redis::pipe();
    both.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
    both
}

/// The owners of the slots, and the epoch of that: it increases with each failover.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlotTable {
    pub(crate) epoch: u64,
    pub(crate) ranges: Vec<SlotRange>,
}

/// A range of slots of one master.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlotRange {
    first: u16,
    last: u16,
    owner: Addr,
}

/// Reads the replies to [`question`]. A node without an address is the one that was asked.
pub(crate) fn read(table: Vec<Value>, asked: &Addr) -> Result<SlotTable, CallError> {
    let [info, slots] = <[Value; 2]>::try_from(table).map_err(|_| CallError::no_connection(UNREADABLE))?;
    let epoch = read_epoch(info).ok_or_else(|| CallError::no_connection(UNREADABLE))?;
    read_slots(slots, asked).map(|ranges| SlotTable { epoch, ranges })
}

fn read_epoch(info: Value) -> Option<u64> {
    let info: String = from_redis_value(info).ok()?;
    info.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"))?.trim().parse().ok()
}

fn read_slots(table: Value, asked: &Addr) -> Result<Vec<SlotRange>, CallError> {
    let Value::Array(ranges) = table else { return Err(CallError::no_connection(UNREADABLE)) };
    let ranges: Option<Vec<SlotRange>> = ranges.iter().map(|range| read_range(range, asked)).collect();
    match ranges {
        Some(ranges) if ranges.is_empty() => Err(CallError::no_connection("the node belongs to no Redis Cluster yet")),
        Some(ranges) => Ok(ranges),
        None => Err(CallError::no_connection(UNREADABLE)),
    }
}

const UNREADABLE: &str = "a Redis Cluster node replied to CLUSTER SLOTS in an unknown format";

/// First slot, last slot, master, replicas.
fn read_range(range: &Value, asked: &Addr) -> Option<SlotRange> {
    let Value::Array(parts) = range else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = &parts[..] else { return None };
    let [host, Value::Int(port), ..] = &master[..] else { return None };
    let host = match text(host) {
        // The node prefers a host name and has none: the address is in a later item.
        Some("?") => master.last().and_then(|more| named(more, "ip")).unwrap_or_default(),
        host => host.unwrap_or_default().to_owned(),
    };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    let addr = Addr::Tcp { host, port: u16::try_from(*port).ok()? };
    (usize::from(last) < SLOTS && first <= last).then(|| SlotRange { first, last, owner: addr.or_host_of(asked) })
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// The value of a name in a map, or in a list of names and values.
fn named(value: &Value, name: &str) -> Option<String> {
    let all: HashMap<String, String> = from_redis_value(value.clone()).ok()?;
    all.get(name).cloned()
}

/// The known nodes, and the owners of slots.
pub(crate) struct SlotMap {
    slots: Vec<Option<Arc<Node>>>,
    nodes: HashMap<Addr, Arc<Node>>,
    /// The owners in the last complete map.
    masters: Vec<Arc<Node>>,
}

impl SlotMap {
    pub(crate) fn unknown(seeds: &[Arc<Node>]) -> Self {
        Self { slots: vec![None; SLOTS], nodes: by_place(seeds), masters: Vec::new() }
    }

    pub(crate) const fn is_known(&self) -> bool {
        !self.masters.is_empty()
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    pub(crate) fn masters(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.masters.iter()
    }

    pub(crate) fn uncovered(&self) -> usize {
        self.slots.iter().filter(|owner| owner.is_none()).count()
    }

    /// Records that a node redirected a slot to another owner.
    pub(crate) fn note(&mut self, slot: u16, owner: &Arc<Node>) {
        if let Some(of) = self.slots.get_mut(usize::from(slot)) {
            *of = Some(Arc::clone(owner));
        }
    }

    pub(crate) fn at(
        &mut self,
        addr: &Addr,
        new: impl Fn(&Addr) -> Result<Arc<Node>, CallError>,
    ) -> Result<Arc<Node>, CallError> {
        if let Some(node) = self.nodes.get(addr) {
            return Ok(Arc::clone(node));
        }
        let node = new(addr)?;
        self.nodes.insert(addr.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Takes over a complete map, and drops the nodes that it lacks. Returns whether a node without slots has got
    /// some: a promoted replica, as far as can be seen.
    pub(crate) fn enter(
        &mut self,
        table: &[SlotRange],
        seeds: &[Arc<Node>],
        new: impl Fn(&Addr) -> Result<Arc<Node>, CallError>,
    ) -> Result<bool, CallError> {
        let mut slots = vec![None; SLOTS];
        let mut masters: Vec<Arc<Node>> = Vec::new();
        for range in table {
            let node = self.at(&range.owner, &new)?;
            slots[usize::from(range.first)..=usize::from(range.last)].fill(Some(Arc::clone(&node)));
            if !masters.iter().any(|known| Arc::ptr_eq(known, &node)) {
                masters.push(node);
            }
        }
        let before: HashSet<&Addr> = self.masters.iter().map(|node| node.addr()).collect();
        let promoted = !before.is_empty() && masters.iter().any(|node| !before.contains(node.addr()));
        self.nodes = by_place(seeds);
        self.nodes.extend(by_place(&masters));
        (self.slots, self.masters) = (slots, masters);
        Ok(promoted)
    }
}

fn by_place(nodes: &[Arc<Node>]) -> HashMap<Addr, Arc<Node>> {
    nodes.iter().map(|node| (node.addr().clone(), Arc::clone(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn tcp(host: &str, port: u16) -> Addr {
        Addr::Tcp { host: host.into(), port }
    }

    fn owner_of(host: Value, more: Value) -> Option<Addr> {
        let master = Value::Array(vec![host, Value::Int(7000), bulk("id"), more]);
        let replica = Value::Array(vec![bulk("10.0.0.2"), Value::Int(7001), bulk("other"), Value::Array(vec![])]);
        let range = Value::Array(vec![Value::Int(0), Value::Int(5460), master, replica]);
        read_slots(Value::Array(vec![range]), &tcp("asked", 1)).ok().map(|mut ranges| ranges.remove(0).owner)
    }

    #[test]
    fn the_owner_is_the_master_by_the_host_that_it_announces() {
        let none = || Value::Array(vec![]);
        assert_eq!(owner_of(bulk("10.0.0.1"), none()), Some(tcp("10.0.0.1", 7000)));
        assert_eq!(owner_of(bulk("::1"), none()), Some(tcp("::1", 7000)));
        assert_eq!(owner_of(bulk(""), none()), Some(tcp("asked", 7000)));
        assert_eq!(owner_of(Value::Nil, none()), Some(tcp("asked", 7000)));
        let more = Value::Map(vec![(bulk("ip"), bulk("10.0.0.9"))]);
        assert_eq!(owner_of(bulk("?"), more), Some(tcp("10.0.0.9", 7000)));
        let more = Value::Array(vec![bulk("ip"), bulk("10.0.0.9")]);
        assert_eq!(owner_of(bulk("?"), more), Some(tcp("10.0.0.9", 7000)));
        assert_eq!(owner_of(bulk("?"), none()), Some(tcp("asked", 7000)));
    }

    #[test]
    fn a_reply_that_is_not_a_slot_map_is_rejected() {
        let asked = tcp("asked", 1);
        let range = |last| {
            let master = Value::Array(vec![bulk("h"), Value::Int(7000)]);
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(last), master])])
        };
        assert!(read_slots(range(16_383), &asked).is_ok());
        for wrong in [Value::Nil, Value::Array(vec![]), Value::Array(vec![Value::Nil]), range(16_384), range(-1)] {
            assert!(read_slots(wrong, &asked).is_err());
        }
    }

    #[test]
    fn a_slot_map_is_parsed_with_its_epoch() {
        let range =
            |port| Value::Array(vec![Value::Int(0), Value::Int(9), Value::Array(vec![bulk("h"), Value::Int(port)])]);
        let slots = Value::Array(vec![range(7000)]);
        let table = read(vec![bulk("cluster_state:ok\r\ncluster_current_epoch:12\r\n"), slots], &tcp("asked", 1))
            .expect("readable");
        assert_eq!((table.epoch, table.ranges.len()), (12, 1));
        assert!(read(vec![bulk("cluster_state:ok")], &tcp("asked", 1)).is_err());
    }
}
