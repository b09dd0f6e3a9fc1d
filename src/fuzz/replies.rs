//! What servers reply about themselves, and what scripts reply: read by us, not by the driver.

use redis::Value;

use crate::config::servers::Addr;
use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::node::check::{Mode, unfit};
use crate::store::redis::client::protocol::frame::Frame;
use crate::store::redis::client::protocol::resp::{accepted, values};
use crate::store::redis::client::topology::cluster::slot_map;
use crate::store::redis::client::topology::hash_slot::SLOTS;
use crate::store::redis::client::topology::sentinel::watch::{others, switched};
use crate::store::redis::doctor::judge_info;
use crate::store::redis::ops::load::fields;
use crate::store::redis::script::reply::{self, Code, Reply};
use crate::util::clock::NEVER;

/// Two replies, as of `CLUSTER INFO` and `CLUSTER SLOTS`; each is read as every other kind too.
///
/// # Panics
/// If a property does not hold.
pub fn replies(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        info(text);
    }
    answer(bytes);
    for count in [1, 2] {
        let Ok(replies) = values(bytes, count) else { continue };
        slots(replies.clone());
        drop(switched(replies.clone(), "main"));
        replies.into_iter().for_each(each);
    }
}

fn info(text: &str) {
    for mode in [Mode::Standalone, Mode::Cluster, Mode::Sentinel] {
        drop(unfit(text, mode));
    }
    assert!(!judge_info(text, true).is_empty(), "the version is always told");
}

fn slots(replies: Vec<Value>) {
    let asked = Addr::Tcp { host: "asked".into(), port: 1 };
    let Ok(table) = slot_map::read(replies, &asked) else { return };
    assert!(!table.ranges.is_empty());
    for range in table.ranges {
        assert!(range.first <= range.last && usize::from(range.last) < SLOTS);
        assert!(
            !matches!(&range.owner, Addr::Tcp { host, .. } if host.is_empty() || host == "?"),
            "an owner is nowhere"
        );
    }
}

fn each(value: Value) {
    match accepted(value.clone()) {
        Ok(value) => script(value),
        Err(error) => drop(CallError::calling(error).redirection()),
    }
    others(value);
}

fn script(value: Value) {
    if let Ok(number) = reply::number(&value) {
        assert_eq!(reply::millis(&value).is_ok(), number >= 0);
    }
    assert!(reply::time(&value).is_ok_and(|now| now < NEVER) || reply::time(&value).is_err());
    drop((Code::read(&value), reply::scored(value.clone())));
}

fn answer(bytes: &[u8]) {
    let Ok(frame) = Frame::accepted(bytes.to_vec(), 0) else { return };
    if let Ok(reply) = Reply::read(frame) {
        drop((reply.value(), reply.answer_in_place(fields)));
    }
}
