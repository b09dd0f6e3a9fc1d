//! A reply in its bytes: not parsed, and not copied.

use std::ops::Range;

use redis::{ErrorKind, RedisResult, Value};

use crate::store::redis::client::protocol::resp::{Strings, accepted};
use crate::store::redis::client::protocol::{encode, resp};

/// A complete reply, or a part of one, which starts at an offset of the bytes.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
    at: usize,
}

impl Frame {
    /// From a connection of requests; an error of the server is an `Err`.
    pub(crate) fn accepted(bytes: Vec<u8>, at: usize) -> RedisResult<Self> {
        if matches!(bytes.get(at), Some(b'-' | b'!')) {
            accepted(resp::value(&bytes[at..])?)?;
        }
        Ok(Self { bytes, at })
    }

    /// Does the same for a reply that must be a map or a list.
    pub(crate) fn hash(bytes: Vec<u8>, at: usize) -> RedisResult<Self> {
        match bytes.get(at) {
            Some(b'%' | b'*') => Ok(Self { bytes, at }),
            _ => Self::accepted(bytes, at).and(Err((ErrorKind::Parse, "a reply that is not a hash").into())),
        }
    }

    /// From a reply of the redis crate.
    pub(crate) fn of(answer: &Value) -> Self {
        let mut bytes = Vec::new();
        encode::write_value(&mut bytes, answer);
        Self { bytes, at: 0 }
    }

    /// From the replies to `PTTL` and `HGETALL`.
    pub(crate) fn lasting(answers: Vec<u8>) -> RedisResult<(Value, Self)> {
        let (left, behind) = resp::first(&answers)?;
        Ok((accepted(left)?, Self::hash(answers, behind)?))
    }

    pub(crate) fn is_number(&self) -> bool {
        self.bytes.get(self.at) == Some(&b':')
    }

    /// Parses the reply.
    pub(crate) fn value(&self) -> RedisResult<Value> {
        resp::value(&self.bytes[self.at..])
    }

    /// The two elements of a list, of which the first is parsed; `None` for any other reply.
    pub(crate) fn pair(self) -> Option<(Value, Self)> {
        let elements = self.bytes[self.at..].strip_prefix(b"*2\r\n")?;
        let (first, length) = resp::first(elements).ok()?;
        let at = self.bytes.len() - elements.len() + length;
        Some((first, Self { at, ..self }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(bytes: &[u8], at: usize) -> Option<Frame> {
        Frame::hash(bytes.to_vec(), at).ok()
    }

    fn read(hash: &Frame) -> Option<Vec<(&[u8], &[u8])>> {
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
            assert_eq!(read(&Frame::of(&value)), Some(expected.clone()));
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
            assert_eq!(read(&Frame::of(&value)), None, "{value:?}");
        }
    }
}
