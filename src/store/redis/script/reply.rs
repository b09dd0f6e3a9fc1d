//! What scripts answer: a code, and what belongs to it.

use redis::Value;

use crate::end::EndReason;
use crate::error::Error;
use crate::store::{Refused, StoreResult};
use crate::util::clock::{Millis, of_time};

macro_rules! codes {
    ($($code:ident = $number:literal,)*) => {
        /// What an answer begins with: the numbers of `lua/lib/answer.lua`, where they are explained.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($code = $number,)*
        }

        impl Code {
            const fn of(number: i64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$code),)*
                    _ => None,
                }
            }

            #[cfg(test)]
            const ALL: &[(&str, i64)] = &[$((stringify!($code), $number),)*];
        }
    };
}

codes! {
    Ok = 0,
    Late = 1,
    Stale = 2,
    Gone = 3,
    Conflict = 4,
    Exists = 5,
    WrongKind = 6,
    Overflow = 7,
    TooManyFields = 8,
    TooManyBytes = 9,
    AtCap = 10,
    TicketVoid = 11,
    AlreadyRotated = 12,
    NameMembers = 13,
    SeenAnother = 14,
    NameIndex = 15,
    MovedOn = 16,
    Overtaken = 17,
    NotJoined = 18,
}

impl Code {
    /// Of a script that answers nothing else.
    pub(crate) fn read(answer: &Value) -> Result<Self, Error> {
        let Value::Int(code) = answer else { return Err(unexpected()) };
        Self::of(*code).ok_or_else(unexpected)
    }
}

/// A script's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: Code,
    pub(crate) content: Value,
}

impl Reply {
    /// A bare number is that of a call that was done: the cheapest answer there is.
    pub(crate) fn read(answer: Value) -> Result<Self, Error> {
        let parts = match answer {
            Value::Array(parts) => parts,
            Value::Int(_) => return Ok(Self { code: Code::Ok, content: answer }),
            _ => return Err(unexpected()),
        };
        let [code, content] = <[Value; 2]>::try_from(parts).map_err(|_| unexpected())?;
        Ok(Self { code: Code::read(&code)?, content })
    }

    /// The refusal, or the content as read.
    pub(crate) fn answer<T>(self, read: impl FnOnce(Value) -> Result<T, Error>) -> StoreResult<T> {
        Ok(Err(match self.code {
            Code::Ok | Code::Overtaken => return read(self.content).map(Ok),
            Code::Gone => Refused::Gone(reason(&self.content)?),
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

/// What a script or a command answers that no version of ours does.
pub(crate) const fn unexpected() -> Error {
    Error::Unreadable("an answer that was not expected")
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

/// A number, whichever way it is written.
pub(crate) fn number(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Double(number) => Ok(*number as i64),
        text => digits(bytes(text)?),
    }
}

/// A number written in digits.
pub(crate) fn digits(text: &[u8]) -> Result<i64, Error> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(unexpected)
}

/// An instant or a count.
pub(crate) fn millis(value: &Value) -> Result<Millis, Error> {
    number(value)?.try_into().map_err(|_| unexpected())
}

/// The answer to `TIME`.
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

/// Members with their scores: pairs, or members and scores in turn where the protocol is the older one.
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
    fn codes_have_the_numbers_that_scripts_return() {
        let lua = include_str!("../../../../lua/lib/answer.lua");
        for (name, number) in Code::ALL {
            let screaming: String = name
                .char_indices()
                .flat_map(|(at, sign)| {
                    let gap = (at > 0 && sign.is_ascii_uppercase()).then_some('_');
                    gap.into_iter().chain([sign.to_ascii_uppercase()])
                })
                .collect();
            assert!(lua.contains(&format!("local {screaming} = {number}\n")), "{screaming}");
            assert_eq!(Code::of(*number).map(|code| code as i64), Some(*number));
        }
        assert_eq!(lua.matches("local ").count(), Code::ALL.len());
    }

    #[test]
    fn a_reply_that_no_script_returns_is_unreadable() {
        for foreign in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(99), Value::Nil]),
            Value::Array(vec![Value::Nil, Value::Nil]),
        ] {
            assert!(matches!(Reply::read(foreign), Err(Error::Unreadable(_))));
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
