//! A stored session as `HGETALL` replies it.

use redis::Value;

use crate::fields::map::Contents;
use crate::store::redis::client::protocol::frame::Frame;
use crate::store::redis::layout::fields::{TOGETHER, is_small, pack};
use crate::store::redis::layout::meta::FIELD;
use crate::store::redis::ops::load::{told, unpack};
use crate::store::{Etag, Loaded};

/// Each field is read once, and reads equal when it is written again; a live session has time left.
///
/// # Panics
/// If a property does not hold.
pub fn load(bytes: &[u8]) {
    let Ok(hash) = Frame::hash(bytes.to_vec(), 0) else { return };
    let metadata = metadata(&hash);
    let Ok(Some((stored, _, contents))) = unpack(hash) else { return };
    let names: Vec<&str> = contents.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), contents.len(), "a name is not text");
    assert!(names.is_sorted_by(|one, other| one < other), "a field is there twice");
    assert!(contents.iter().all(|(name, value)| contents.get(name) == Some(value)));
    let metadata = metadata.expect("without it there is no session");
    if names.iter().all(|name| (1..256).contains(&name.len()) && ![FIELD, TOGETHER].contains(name)) {
        let again = unpack(written(metadata.clone(), &contents)).expect("readable");
        assert_eq!(again, Some((stored.clone(), Some(Etag(metadata)), contents.clone())));
    }
    for left_ms in [i64::MIN, -1, 0, 1, stored.stays_ms() as i64, i64::MAX] {
        let live = matches!(told(stored.clone(), None, contents.clone(), left_ms), Loaded::Live(_));
        assert!(!live || stored.stays_ms() == 0 || left_ms >= stored.stays_ms() as i64, "{left_ms} ms left");
    }
}

/// The last one counts, as it does for the reader.
fn metadata(hash: &Frame) -> Option<Vec<u8>> {
    let pairs = hash.pairs().map_while(|pair| pair);
    let fields = pairs.map(|(name, value)| (&hash.bytes()[name], &hash.bytes()[value]));
    fields.filter(|(name, _)| *name == FIELD.as_bytes()).last().map(|(_, value)| value.to_vec())
}

/// The hash as a save lays it out: small fields together, the others apart.
fn written(metadata: Vec<u8>, contents: &Contents) -> Frame {
    let bulk = |bytes: &[u8]| Value::BulkString(bytes.to_vec());
    let together = pack(contents.raw().filter(|(_, value)| is_small(value)), 0);
    let apart = contents.raw().filter(|(_, value)| !is_small(value));
    let mut pairs: Vec<_> = apart.map(|(name, value)| (bulk(name), bulk(value))).collect();
    pairs.push((bulk(FIELD.as_bytes()), Value::BulkString(metadata)));
    pairs.push((bulk(TOGETHER.as_bytes()), Value::BulkString(together)));
    Frame::of(&Value::Map(pairs))
}
