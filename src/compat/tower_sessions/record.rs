//! tower-sessions' records in their stored form: the expiry date and the data, in MessagePack.

use std::error::Error as StdError;

use time::OffsetDateTime;

use super::State;
use crate::compat::record::{RECORD, RecordContent, RecordError, left_ms};
use crate::compat::user_id::UserIdError;
use crate::error::{Error, RandomError};
use crate::fields::codec::{decode_value, encode_value};

/// Why a record was not stored or loaded, for the errors of both versions.
#[derive(Debug)]
pub(super) enum StoreFailure {
    Encode(String),
    Decode(String),
    Backend(String),
}

impl From<RecordError> for StoreFailure {
    fn from(failure: RecordError) -> Self {
        let text = with_causes(&failure);
        match failure {
            RecordError::Ours(Error::Encode { .. }) => Self::Encode(text),
            RecordError::Ours(Error::Decode { .. } | Error::WrongKind { .. }) => Self::Decode(text),
            RecordError::Ours(_) | RecordError::AtCap | RecordError::UserId(_) | RecordError::Former(_) => {
                Self::Backend(text)
            }
        }
    }
}

impl From<Error> for StoreFailure {
    fn from(error: Error) -> Self {
        RecordError::from(error).into()
    }
}

impl From<UserIdError> for StoreFailure {
    fn from(error: UserIdError) -> Self {
        RecordError::from(error).into()
    }
}

impl From<RandomError> for StoreFailure {
    fn from(error: RandomError) -> Self {
        Error::from(error).into()
    }
}

/// An error with its causes in one line: their errors are text.
fn with_causes(error: &dyn StdError) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", with_causes(cause)))
}

/// The stored form of a record, without its id; `None` if its time is over.
pub(super) fn content(state: &State, expires: OffsetDateTime) -> Result<Option<RecordContent>, Error> {
    let Some(left_ms) = left_ms(expires - OffsetDateTime::now_utc()) else { return Ok(None) };
    let stored = encode_value(RECORD, &(expires.unix_timestamp(), expires.nanosecond(), state))?;
    Ok(Some(RecordContent { stored, left_ms }))
}

/// The data and the expiry date of a stored record.
pub(super) fn read(stored: &[u8]) -> Result<(State, OffsetDateTime), StoreFailure> {
    let (seconds, nanosecond, state): (i64, u32, State) = decode_value(RECORD, stored)?;
    let expires = OffsetDateTime::from_unix_timestamp(seconds).and_then(|at| at.replace_nanosecond(nanosecond));
    Ok((state, expires.map_err(|error| StoreFailure::Decode(error.to_string()))?))
}
