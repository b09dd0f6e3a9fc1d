//! Replies of a server, which come in parts.

use std::ops::Range;

use redis::parse_redis_value;

use crate::store::redis::client::protocol::frame::Frame;
use crate::store::redis::client::protocol::resp::{Framer, ReadError, first, value, values};

/// The framer measures what the reader reads, and parts measure as the whole does.
///
/// # Panics
/// If a property does not hold.
pub fn resp(bytes: &[u8]) {
    let whole = received(bytes, bytes.len().max(1));
    for part in [1, 2, 7, 64] {
        assert_eq!(received(bytes, part), whole, "in parts of {part}");
    }
    match Framer::default().of(bytes) {
        Ok(length) => measured(bytes, length),
        Err(ReadError::Incomplete) => assert!(value(bytes).is_err(), "the framer waits, the reader does not"),
        Err(ReadError::Resp(_)) => {}
    }
    drop(values(bytes, 3));
    hash(bytes);
}

/// The lengths of the replies in these bytes, and whether what follows them is refused instead of waited for.
fn received(bytes: &[u8], part: usize) -> (Vec<usize>, bool) {
    let (mut framer, mut lengths, mut from, mut to) = (Framer::default(), Vec::new(), 0, 0);
    loop {
        match framer.of(&bytes[from..to]) {
            Ok(length) => {
                assert!((3..=to - from).contains(&length), "a reply of {length} bytes");
                lengths.push(length);
                from += length;
            }
            Err(ReadError::Incomplete) if to < bytes.len() => to = bytes.len().min(to + part),
            Err(ReadError::Incomplete) => return (lengths, false),
            Err(ReadError::Resp(_)) => return (lengths, true),
        }
    }
}

fn measured(bytes: &[u8], length: usize) {
    // An attribute before a reply is measured apart from it, and read with it.
    if bytes[0] == b'|' {
        return;
    }
    let reply = &bytes[..length];
    match (first(reply), first(bytes)) {
        (Ok((alone, read)), Ok((among_others, read_among))) => {
            assert_eq!((read, read_among), (length, length), "the reader reads more or less than was measured");
            assert_eq!(format!("{alone:?}"), format!("{among_others:?}"));
            // An attribute within a reply is kept by the driver, and passed over here.
            if let Ok(theirs) = parse_redis_value(reply)
                && !reply.contains(&b'|')
            {
                assert_eq!(format!("{alone:?}"), format!("{theirs:?}"), "the driver reads something else");
            }
        }
        (Err(_), Err(_)) => {}
        (alone, among_others) => panic!("what follows changes what is read: {alone:?}, {among_others:?}"),
    }
}

/// A hash is the same where its strings lie as it is copied.
fn hash(bytes: &[u8]) {
    let Ok(answered) = Frame::hash(bytes.to_vec(), 0) else { return };
    let strings = |hash: &Frame| -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let pair =
            |(name, value): (Range<usize>, Range<usize>)| (hash.bytes()[name].to_vec(), hash.bytes()[value].to_vec());
        hash.pairs().map(|places| places.map(pair)).collect()
    };
    if let Ok(value) = value(bytes) {
        assert_eq!(strings(&Frame::of(&value)), strings(&answered));
    }
}
