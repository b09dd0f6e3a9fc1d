//! A hash in the bytes of a reply: names and values in turn, not copied.

use std::ops::Range;

use redis::{ErrorKind, RedisResult, Value};

use crate::store::redis::client::protocol::resp::{Strings, accepted};
use crate::store::redis::client::protocol::{encode, resp};

/// The bytes of a reply that is a map or a list of strings, and the offset of its start.
#[derive(Debug)]
pub(crate) struct Hash {
    bytes: Vec<u8>,
    at: usize,
}

impl Hash {
    /// From a connection of requests: the reply starts at the given offset.
    pub(crate) fn as_answered(bytes: Vec<u8>, at: usize) -> RedisResult<Self> {
        match bytes.get(at) {
            Some(b'%' | b'*') => Ok(Self { bytes, at }),
            _ => Self::read(resp::value(&bytes[at..])?),
        }
    }

    /// From a reply of the redis crate, or a part of a script's reply; `None` if it contains anything but strings.
    pub(crate) fn of(answer: &Value) -> Option<Self> {
        let strings: Option<Vec<&[u8]>> = match answer {
            Value::Map(pairs) => pairs.iter().flat_map(|(name, value)| [name, value]).map(string).collect(),
            Value::Array(flat) => flat.iter().map(string).collect(),
            _ => None,
        };
        let (strings, mut bytes) = (strings?, Vec::new());
        encode::write(&mut bytes, strings.len(), strings.into_iter());
        Some(Self { bytes, at: 0 })
    }

    /// From a reply of the redis crate; an error of the server is an `Err`.
    pub(crate) fn read(answer: Value) -> RedisResult<Self> {
        let answer = accepted(answer)?;
        Self::of(&answer).ok_or_else(|| (ErrorKind::Parse, "a reply that is not a hash").into())
    }

    /// Does the same for the second of two replies.
    pub(crate) fn read_lasting(answers: Vec<Value>) -> RedisResult<(Value, Self)> {
        match <[Value; 2]>::try_from(answers) {
            Ok([left, answer]) => Ok((accepted(left)?, Self::read(answer)?)),
            Err(_) => Err((ErrorKind::Parse, "fewer or more replies than commands").into()),
        }
    }

    /// The ranges of each name and its value in the bytes; `None` for a pair that is not of strings.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = Option<(Range<usize>, Range<usize>)>> {
        let mut strings = Strings::of(&self.bytes, self.at);
        std::iter::from_fn(move || {
            let name = strings.next()?;
            Some(name.zip(strings.next().flatten()))
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

fn string(value: &Value) -> Option<&[u8]> {
    if let Value::BulkString(bytes) = value { Some(bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(bytes: &[u8], at: usize) -> Option<Hash> {
        Hash::as_answered(bytes.to_vec(), at).ok()
    }

    fn read(hash: &Hash) -> Option<Vec<(&[u8], &[u8])>> {
        hash.pairs().map(|pair| pair.map(|(name, value)| (&hash.bytes[name], &hash.bytes[value]))).collect()
    }

    #[test]
    fn names_and_values_are_found_by_their_byte_ranges() {
        let expected: Vec<(&[u8], &[u8])> = vec![(b"@", b"\r\n$1"), (b"=", b"")];
        for bytes in [
            &b"%2\r\n$1\r\n@\r\n$4\r\n\r\n$1\r\n$1\r\n=\r\n$0\r\n\r\n"[..],
            b"*4\r\n$1\r\n@\r\n$4\r\n\r\n$1\r\n$1\r\n=\r\n$0\r\n\r\n",
        ] {
            assert_eq!(answered(bytes, 0).as_ref().and_then(read), Some(expected.clone()));
            let behind = [b":7\r\n", bytes].concat();
            assert_eq!(answered(&behind, 4).as_ref().and_then(read), Some(expected.clone()));
            let value = redis::parse_redis_value(bytes).expect("legal");
            assert_eq!(read(&Hash::of(&value).expect("strings")), Some(expected.clone()));
        }
        for empty in [b"%0\r\n", b"*0\r\n"] {
            assert_eq!(answered(empty, 0).as_ref().and_then(read), Some(Vec::new()));
        }
    }

    #[test]
    fn a_reply_that_is_not_a_hash_of_strings_is_rejected() {
        for bytes in [
            &b"+OK\r\n"[..],
            b":1\r\n",
            b"$-1\r\n",
            b"_\r\n",
            b"*1\r\n$1\r\na\r\n",
            b"*2\r\n$1\r\na\r\n:1\r\n",
            b"%1\r\n$1\r\na\r\n_\r\n",
        ] {
            assert_eq!(answered(bytes, 0).as_ref().and_then(read), None, "{}", bytes.escape_ascii());
            let value = redis::parse_redis_value(bytes).expect("legal");
            assert_eq!(Hash::of(&value).as_ref().and_then(read), None, "{value:?}");
        }
    }
}
