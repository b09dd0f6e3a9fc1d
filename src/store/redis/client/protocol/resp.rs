//! Reading RESP3.
//!
//! In two steps: the connection only finds the length of a reply, and the caller parses it. So the values of a reply
//! are mostly allocated and freed by one thread; two threads would wait for each other in the allocator. Rare types,
//! and errors, are parsed by the redis crate.

use std::ops::Range;

use redis::{ErrorKind, RedisError, RedisResult, Value, parse_redis_value};

mod framer;

pub(crate) use framer::Framer;

/// The limit of nesting.
const DEPTH: usize = 16;
/// The longest string, which is the limit of Redis; an aggregate reply is not longer either.
const LONGEST: usize = 512 << 20;
/// The longest line: a length, a number, the text of an error.
const LINE: usize = 64 << 10;

/// The length that stands for null.
const NULL: &[u8] = b"-1";

/// Why a reply cannot be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The reply is incomplete.
    Incomplete,
    Resp(RedisError),
}

fn not_resp(what: &'static str) -> ReadError {
    ReadError::Resp((ErrorKind::Parse, what).into())
}

/// Reads the given number of complete replies.
pub(crate) fn values(bytes: &[u8], count: usize) -> RedisResult<Vec<Value>> {
    let mut bytes = Cursor { all: bytes, at: 0 };
    (0..count).map(|_| bytes.value(DEPTH).map_err(ReadError::into_error)).collect()
}

/// Reads a complete reply.
pub(crate) fn value(bytes: &[u8]) -> RedisResult<Value> {
    first(bytes).map(|(value, _)| value)
}

/// Reads the first of several complete replies; returns the offset of the next one too.
pub(crate) fn first(bytes: &[u8]) -> RedisResult<(Value, usize)> {
    let mut bytes = Cursor { all: bytes, at: 0 };
    let value = bytes.value(DEPTH).map_err(ReadError::into_error)?;
    Ok((value, bytes.at))
}

impl ReadError {
    pub(crate) fn into_error(self) -> RedisError {
        match self {
            Self::Incomplete => (ErrorKind::Parse, "an incomplete reply").into(),
            Self::Resp(error) => error,
        }
    }
}

/// The ranges of the strings in a complete reply that is a map or a list; `None` for an item that is not a string.
pub(crate) struct Strings<'a> {
    bytes: Cursor<'a>,
    left: usize,
}

impl<'a> Strings<'a> {
    /// Of the reply at the given offset.
    pub(crate) fn of(bytes: &'a [u8], at: usize) -> Self {
        let mut bytes = Cursor { all: bytes, at };
        let left = match bytes.line() {
            Ok((b'%', line)) => count(line, LONGEST).ok().flatten().map(|pairs| 2 * pairs),
            Ok((b'*', line)) => count(line, LONGEST).ok().flatten(),
            _ => None,
        };
        // A reply that is not a list counts as a list of one item that is not a string.
        Self { bytes, left: left.unwrap_or(1) }
    }
}

impl Iterator for Strings<'_> {
    type Item = Option<Range<usize>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.bytes.string())
    }
}

/// Turns an error reply into an `Err`. Only the outermost value is checked: no command or script here replies with an
/// error inside another value.
pub(crate) fn accepted(answer: Value) -> RedisResult<Value> {
    match answer {
        Value::ServerError(error) => Err(error.into()),
        answer => Ok(answer),
    }
}

struct Cursor<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Reads a string; returns its range.
    fn string(&mut self) -> Option<Range<usize>> {
        let Ok((b'$', line)) = self.line() else { return None };
        let at = self.at;
        self.take(count(line, LONGEST).ok()??).ok()?;
        Some(at..self.at - 2)
    }

    /// Reads one reply.
    fn value(&mut self, depth: usize) -> Result<Value, ReadError> {
        let begun = self.at;
        let (kind, line) = self.line()?;
        Ok(match kind {
            b'+' if line == b"OK" => Value::Okay,
            b'+' => Value::SimpleString(text(line)?.to_owned()),
            b':' => Value::Int(text(line)?.parse().map_err(|_| not_resp("an invalid number"))?),
            b'$' => match count(line, LONGEST)? {
                Some(length) => Value::BulkString(self.take(length)?.to_vec()),
                None => Value::Nil,
            },
            b'_' => Value::Nil,
            b'*' if depth > 0 => match count(line, LONGEST)? {
                Some(length) => Value::Array((0..length).map(|_| self.value(depth - 1)).collect::<Result<_, _>>()?),
                None => Value::Nil,
            },
            b'%' if depth > 0 => {
                let length = parts(line)?;
                let mut pair = || Ok((self.value(depth - 1)?, self.value(depth - 1)?));
                Value::Map((0..length).map(|_| pair()).collect::<Result<_, ReadError>>()?)
            }
            // Attributes of the next reply, which no caller uses.
            b'|' if depth > 0 => {
                let length = parts(line)?;
                (0..2 * length).try_for_each(|_| self.value(depth - 1).map(drop))?;
                self.value(depth - 1)?
            }
            _ => {
                let answer = &self.all[begun..];
                let length = Framer::default().of(answer)?;
                self.at = begun + length;
                parse_redis_value(&answer[..length]).map_err(ReadError::Resp)?
            }
        })
    }

    /// Returns the first byte of a reply and the rest of its line.
    fn line(&mut self) -> Result<(u8, &'a [u8]), ReadError> {
        let rest = &self.all[self.at..];
        let Some(end) = rest.iter().take(LINE).position(|byte| *byte == b'\r') else {
            return Err(if rest.len() < LINE { ReadError::Incomplete } else { not_resp("a line that is too long") });
        };
        match (rest.first(), rest.get(end + 1)) {
            (Some(kind), Some(b'\n')) if end > 0 => {
                self.at += end + 2;
                Ok((*kind, &rest[1..end]))
            }
            (_, None) => Err(ReadError::Incomplete),
            _ => Err(not_resp("a line without its end")),
        }
    }

    /// Returns the given number of bytes, which a line end must follow.
    fn take(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let end = self.at + length;
        let Some(taken) = self.all.get(self.at..end + 2) else { return Err(ReadError::Incomplete) };
        let Some(taken) = taken.strip_suffix(b"\r\n") else { return Err(not_resp("a string of the wrong length")) };
        self.at = end + 2;
        Ok(taken)
    }
}

/// Reads a length; `None` for -1, which is a null reply.
fn count(line: &[u8], most: usize) -> Result<Option<usize>, ReadError> {
    if line == NULL {
        return Ok(None);
    }
    if line.is_empty() || line.len() > 10 || !line.iter().all(u8::is_ascii_digit) {
        return Err(not_resp("an invalid length"));
    }
    let length = line.iter().fold(0, |sum: u64, digit| sum * 10 + u64::from(digit - b'0'));
    match usize::try_from(length) {
        Ok(length) if length <= most => Ok(Some(length)),
        _ => Err(not_resp("an invalid length")),
    }
}

/// The length of an aggregate that is not null: only a string and a list may be.
fn parts(line: &[u8]) -> Result<usize, ReadError> {
    count(line, LONGEST)?.ok_or_else(|| not_resp("invalid length"))
}

fn text(line: &[u8]) -> Result<&str, ReadError> {
    str::from_utf8(line).map_err(|_| not_resp("a line that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replies of all types.
    const ANSWERS: [&[u8]; 24] = [
        b"+OK\r\n",
        b"+QUEUED\r\n",
        b"+\r\n",
        b":0\r\n",
        b":-9223372036854775808\r\n",
        b"$0\r\n\r\n",
        b"$5\r\na\r\n\0b\r\n",
        b"$-1\r\n",
        b"_\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"%0\r\n",
        b"%2\r\n$1\r\n@\r\n$3\r\n\x01\x02\x03\r\n$1\r\n=\r\n$0\r\n\r\n",
        b"*2\r\n:0\r\n*2\r\n$1\r\na\r\n,1.5\r\n",
        b"*3\r\n+OK\r\n-MOVED 3999 127.0.0.1:6381\r\n:1\r\n",
        b"-ERR unknown command 'x', with args beginning with: \r\n",
        b"-NOSCRIPT No matching script.\r\n",
        b"-UNREADABLE a session of another format\r\n",
        b"!21\r\nSYNTAX invalid syntax\r\n",
        b",3.25\r\n",
        b"#t\r\n",
        b"=7\r\ntxt:abc\r\n",
        b"~2\r\n:1\r\n$1\r\na\r\n",
        b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n",
    ];

    fn length(bytes: &[u8]) -> Result<usize, ReadError> {
        Framer::default().of(bytes)
    }

    #[test]
    fn every_reply_is_parsed_as_the_driver_parses_it() {
        for bytes in ANSWERS {
            let expected = parse_redis_value(bytes).expect("legal");
            let more = [bytes, b"+more\r\n"].concat();
            assert_eq!(length(&more).expect("whole"), bytes.len(), "{}", bytes.escape_ascii());
            assert_eq!(values(&more, 2).expect("whole"), [expected, Value::SimpleString("more".into())]);
        }
    }

    #[test]
    fn a_reply_cut_anywhere_waits_for_the_rest() {
        for bytes in ANSWERS {
            for cut in 0..bytes.len() {
                let read = length(&bytes[..cut]);
                assert!(matches!(read, Err(ReadError::Incomplete)), "{} at {cut}: {read:?}", bytes.escape_ascii());
                assert!(value(&bytes[..cut]).is_err(), "{} at {cut}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn a_reply_in_parts_is_framed_like_a_whole_one() {
        let mut measure = Framer::default();
        for bytes in ANSWERS {
            let more = [bytes, b"+more\r\n"].concat();
            for come in 0..bytes.len() {
                assert!(
                    matches!(measure.of(&more[..come]), Err(ReadError::Incomplete)),
                    "{} at {come}",
                    bytes.escape_ascii()
                );
            }
            assert_eq!(measure.of(&more).expect("whole"), bytes.len(), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_part_of_a_large_reply_is_scanned_twice() {
        let bytes = [b"*200000\r\n".as_slice(), &b":1\r\n".repeat(200_000)].concat();
        let (mut measure, begun) = (Framer::default(), std::time::Instant::now());
        for come in (0..bytes.len()).step_by(100) {
            assert!(matches!(measure.of(&bytes[..come]), Err(ReadError::Incomplete)));
        }
        assert_eq!(measure.of(&bytes).expect("whole"), bytes.len());
        // Milliseconds; scanned again for each part, it would be minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn attributes_of_a_reply_are_skipped() {
        let said = b"|1\r\n+ttl\r\n:3600\r\n";
        let before = [said.as_slice(), b"-ERR wrong\r\n"].concat();
        assert_eq!(length(&before).expect("whole"), said.len(), "apart from what it is about");
        assert!(matches!(value(&before).expect("whole"), Value::ServerError(_)), "an error is one all the same");
        let within = [b"*2\r\n:1\r\n".as_slice(), said, b":2\r\n"].concat();
        assert_eq!(length(&within).expect("whole"), within.len());
        assert_eq!(value(&within).expect("whole"), Value::Array(vec![Value::Int(1), Value::Int(2)]));
    }

    #[test]
    fn an_endless_reply_is_rejected() {
        let (mut measure, begin) = (Framer::default(), b"*2\r\n$536870912\r\n");
        let mut bytes = vec![0; LONGEST + 1];
        bytes[..begin.len()].copy_from_slice(begin);
        assert!(matches!(measure.of(&bytes[..LONGEST]), Err(ReadError::Incomplete)));
        assert!(matches!(measure.of(&bytes), Err(ReadError::Resp(_))));
    }

    #[test]
    fn random_replies_are_parsed_as_the_driver_parses_them() {
        for seed in 0..2_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = Vec::new();
            random_answer(&mut random, 4, &mut bytes);
            let expected = parse_redis_value(&bytes).expect("legal");
            assert_eq!(length(&bytes).expect("whole"), bytes.len(), "{seed}");
            assert_eq!(value(&bytes).expect("whole"), expected, "{seed}");
        }
    }

    fn random_answer(random: &mut fastrand::Rng, depth: usize, bytes: &mut Vec<u8>) {
        let count = random.usize(0..4);
        match random.u8(0..if depth > 0 { 8 } else { 5 }) {
            0 => bytes.extend(b"_\r\n"),
            1 => bytes.extend(format!(":{}\r\n", random.i64(..)).bytes()),
            2 => bytes.extend(format!("+{}\r\n", random.alphabetic()).bytes()),
            3 => bytes.extend(b"-ERR wrong\r\n"),
            4 => {
                bytes.extend(format!("${count}\r\n").bytes());
                bytes.extend((0..count).map(|_| *random.choice(b"\r\n$a\0").expect("some")));
                bytes.extend(b"\r\n");
            }
            kind => {
                let parts = if kind == 5 { 2 * count } else { count };
                bytes.extend(format!("{}{count}\r\n", ['%', '*', '~'][usize::from(kind - 5)]).bytes());
                (0..parts).for_each(|_| random_answer(random, depth - 1, bytes));
            }
        }
    }

    #[test]
    fn an_invalid_reply_is_rejected_at_once() {
        let deep = b"*1\r\n".repeat(1_000);
        let endless = [b"+".as_slice(), &b"a".repeat(LINE)].concat();
        let all: [&[u8]; 22] = [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\r\n",
            b"$a\r\n",
            b"$\r\n",
            b"$-2\r\n",
            b"$99999999999\r\n",
            b"%18446744073709551616999\r\n",
            b"*abcdefghijklmnopqrstuvwxyzabcdefgh\r\n",
            b"$536870913\r\n",
            b"$1\r\nabc",
            b"*?\r\n",
            b"%-1\r\n",
            b"~-1\r\n",
            b">-1\r\n",
            b"|-1\r\n",
            b"!-1\r\n",
            b"=-1\r\n",
            b":x\r\n",
            b":\r\n",
            b"+a\rb\r\n",
            &deep,
            &endless,
        ];
        for bytes in all {
            let waits = matches!(length(bytes), Err(ReadError::Incomplete));
            assert!(!waits && value(bytes).is_err(), "{}", bytes[..bytes.len().min(40)].escape_ascii());
        }
    }
}
