//! Scripts' replies: a code and its content.

use redis::Value;

use crate::end::EndReason;
use crate::error::Error;
use crate::store::redis::client::Frame;
use crate::store::{Refused, StoreResult};
use crate::util::clock::{Millis, of_time};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $code:ident $name:ident = $number:literal;)*) => {
        /// The first element of a script's reply.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($(#[doc = $doc])* $code = $number,)*
        }

        impl Code {
            /// The codes by the names that scripts use.
            pub(crate) const ALL: &[(&str, Self)] = &[$((stringify!($name), Self::$code),)*];

            const fn of(number: i64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$code),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The operation was executed. The content depends on the script.
    Ok OK = 0;
    /// The not-after has passed, or is too far ahead. Content: the server's time, digits.
    Late LATE = 1;
    /// Unknown, and so old that it may have been executed and forgotten. Content: the horizon (`lua/lib/ring.lua`), digits.
    Stale STALE = 2;
    /// The session has ended. Content: the reason's byte, 0 if none is known.
    Gone GONE = 3;
    Conflict CONFLICT = 4;
    Exists EXISTS = 5;
    WrongKind WRONG_KIND = 6;
    Overflow OVERFLOW = 7;
    TooManyFields TOO_MANY_FIELDS = 8;
    TooManyBytes TOO_MANY_BYTES = 9;
    AtCap AT_CAP = 10;
    TicketVoid TICKET_VOID = 11;
    AlreadyRotated ALREADY_ROTATED = 12;
    /// Perhaps at the cap: read the index and call again with the sessions of its members. Nothing was changed.
    NameMembers NAME_MEMBERS = 13;
    /// Another call noted a use, and this touch is due again: call again with that use. Content: the metadata. Nothing was
    /// changed.
    SeenAnother SEEN_ANOTHER = 14;
    /// The session would outlive its user's index: call again with that key. Content: the metadata. Nothing was changed.
    NameIndex NAME_INDEX = 15;
    /// The session is no longer as the caller loaded it. Nothing was changed.
    MovedOn MOVED_ON = 16;
    /// Executed, although the user has logged in again since the load: the caller's secret is dead. Content: as for `Ok`.
    Overtaken OVERTAKEN = 17;
    /// The login cannot join this session and proceeds without one. Nothing was changed.
    NotJoined NOT_JOINED = 18;
}

impl Code {
    /// Reads the reply of a script that returns only a code.
    pub(crate) fn read(answer: &Value) -> Result<Self, Error> {
        let Value::Int(code) = answer else { return Err(unexpected()) };
        Self::of(*code).ok_or_else(unexpected)
    }
}

/// A script's reply.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: Code,
    pub(crate) content: Frame,
}

impl Reply {
    /// A bare number is the content of a successful call: the cheapest reply.
    pub(crate) fn read(answer: Frame) -> Result<Self, Error> {
        if answer.is_number() {
            return Ok(Self { code: Code::Ok, content: answer });
        }
        let (code, content) = answer.pair().ok_or_else(unexpected)?;
        Ok(Self { code: Code::read(&code)?, content })
    }

    /// The parsed content.
    pub(crate) fn value(&self) -> Result<Value, Error> {
        value(&self.content)
    }

    /// The refusal, or the decoded content.
    pub(crate) fn answer<T>(self, read: impl FnOnce(Value) -> Result<T, Error>) -> StoreResult<T> {
        self.answer_in_place(|content| read(value(&content)?))
    }

    /// Does the same for a content that is a hash, which is read where it is.
    pub(crate) fn answer_in_place<T>(self, read: impl FnOnce(Frame) -> Result<T, Error>) -> StoreResult<T> {
        Ok(Err(match self.code {
            Code::Ok | Code::Overtaken => return read(self.content).map(Ok),
            Code::Gone => Refused::Gone(reason(&self.value()?)?),
            Code::Conflict => Refused::Conflict,
            Code::Exists => Refused::Exists,
            Code::WrongKind => Refused::WrongKind,
            Code::Overflow => Refused::Overflow,
            Code::TooManyFields => Refused::TooManyFields,
            Code::TooManyBytes => Refused::TooManyBytes,
            Code::AtCap => Refused::AtCap,
            Code::TicketVoid => Refused::TicketVoid,
            Code::AlreadyRotated => Refused::AlreadyRotated,
            Code::NotJoined => Refused::NotJoined,
            Code::Late | Code::Stale | Code::NameMembers | Code::SeenAnother | Code::NameIndex | Code::MovedOn => {
                return Err(unexpected());
            }
        }))
    }
}

/// A reply of a script or a command that no version of this crate expects.
pub(crate) const fn unexpected() -> Error {
    Error::Unreadable("an answer that was not expected")
}

/// Parses a reply, or a part of one.
pub(crate) fn value(frame: &Frame) -> Result<Value, Error> {
    frame.value().map_err(|_| unexpected())
}

fn reason(content: &Value) -> Result<Option<EndReason>, Error> {
    match bytes(content)? {
        [0] => Ok(None),
        [code] => EndReason::from_code(*code).map(Some).ok_or_else(unexpected),
        _ => Err(unexpected()),
    }
}

/// A string's bytes.
pub(crate) fn bytes(value: &Value) -> Result<&[u8], Error> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.as_bytes()),
        _ => Err(unexpected()),
    }
}

/// A number in either of its forms.
pub(crate) fn number(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Double(number) => Ok(*number as i64),
        text => digits(bytes(text)?),
    }
}

/// A number in decimal digits.
pub(crate) fn digits(text: &[u8]) -> Result<i64, Error> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(unexpected)
}

/// A time or a count.
pub(crate) fn millis(value: &Value) -> Result<Millis, Error> {
    number(value)?.try_into().map_err(|_| unexpected())
}

/// The reply to `TIME`.
pub(crate) fn time(value: &Value) -> Result<Millis, Error> {
    match value {
        Value::Array(parts) if parts.len() == 2 => {
            of_time(millis(&parts[0])?, millis(&parts[1])?).ok_or_else(unexpected)
        }
        _ => Err(unexpected()),
    }
}

/// A list's items.
pub(crate) fn items(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(unexpected()),
    }
}

/// Members with their scores: pairs, or alternating in the older protocol.
pub(crate) fn scored(value: Value) -> Result<Vec<(Vec<u8>, Millis)>, Error> {
    let flat: Vec<Value> = items(value)?
        .into_iter()
        .flat_map(|item| match item {
            Value::Array(pair) => pair,
            single => vec![single],
        })
        .collect();
    let (pairs, []) = flat.as_chunks::<2>() else { return Err(unexpected()) };
    pairs.iter().map(|[member, score]| Ok((bytes(member)?.to_vec(), millis(score)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_no_script_returns_is_unreadable() {
        for foreign in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(99), Value::Nil]),
            Value::Array(vec![Value::Nil, Value::Nil]),
        ] {
            assert!(matches!(Reply::read(Frame::of(&foreign)), Err(Error::Unreadable(_))));
        }
    }

    #[test]
    fn scores_are_parsed_alike_in_resp2_and_resp3() {
        let member = || Value::BulkString(b"m".to_vec());
        let newer = Value::Array(vec![Value::Array(vec![member(), Value::Double(1_732_176_000_000.0)])]);
        let older = Value::Array(vec![member(), Value::BulkString(b"1732176000000".to_vec())]);
        for value in [newer, older] {
            assert_eq!(scored(value).expect("reads"), [(b"m".to_vec(), 1_732_176_000_000)]);
        }
    }
}
