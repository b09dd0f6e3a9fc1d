//! Errors, one variant for each thing that the caller does differently.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::config::ConfigError;
use crate::config::limits::LimitExceeded;
use crate::end::EndReason;
use crate::fields::codec::FieldKind;

/// A failure of a session operation. An outage is one of the first two variants, never "no session".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not execute the call. Nothing changed; retrying is safe.
    #[error("the session store is unavailable")]
    Unavailable(#[source] Outage),
    /// The store may have executed the call: its reply was lost.
    #[error("the outcome is unknown: the session store did not reply")]
    Indeterminate(#[source] Outage),
    /// The session has ended since it was loaded, or had already ended. Nothing was written.
    #[error("the session has ended{}", because(.0))]
    Gone(Option<EndReason>),
    /// The session was logged in again, or changed, since it was loaded. Nothing was written. Field writes are still
    /// accepted for one minute after a login of the same user, see [`Session::save`](crate::Session::save).
    #[error("the session was changed by another request since it was loaded")]
    Conflict,
    /// A draft was not stored: the client may have a session whose cookie its browser withheld from this cross-site
    /// request, see [`cookie_may_be_withheld`](crate::Session::cookie_may_be_withheld). Nothing was written. Returned
    /// only by [`SaveOutcome::into_result`](crate::SaveOutcome::into_result).
    #[error("not saved: the browser may have withheld the session's cookie from this cross-site request")]
    Withheld,
    /// The response's head is finished, so this change could neither be saved nor reach the client. Nothing changed.
    ///
    /// The web layer finishes the head when the handler returns. Changes made later, by a streamed body or by a task
    /// that the handler spawned, are too late. Those can read, increment a counter of a stored session, and end it; for
    /// other changes, open the session again.
    #[error("the response has started: the session can no longer be changed")]
    TooLate,
    /// [`require`](crate::Session::require) found no field of this name.
    #[error("the session has no field `{field}`")]
    Missing {
        /// The field's name.
        field: String,
    },
    /// The field is of another kind; use the accessor of that kind.
    #[error("the field `{field}` is a {found}, which {} reads", .found.accessor())]
    WrongKind {
        /// The field's name.
        field: String,
        /// The field's actual kind.
        found: FieldKind,
    },
    /// The field cannot be decoded as the requested type. The session and its other fields are not affected.
    #[error("the field `{field}` cannot be decoded as the requested type")]
    Decode {
        /// The field's name.
        field: String,
        /// The decoder's error, without the value.
        #[source]
        source: DecodeError,
    },
    /// The value cannot be encoded as MessagePack.
    #[error("the value for the field `{field}` cannot be encoded")]
    Encode {
        /// The field's name.
        field: String,
        /// The encoder's error.
        #[source]
        source: EncodeError,
    },
    /// The counter would exceed the range of `i64`. It is unchanged.
    #[error("the counter `{field}` would overflow")]
    Overflow {
        /// The field's name.
        field: String,
    },
    /// A limit is exceeded. Nothing was stored.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// An argument of this call is out of range. Nothing changed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system returned no random bytes. There is no fallback.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The value stored under this session's key is not in a format that this version reads.
    #[error("the stored session is not readable by this version: {0}")]
    Unreadable(&'static str),
}

impl Error {
    /// Whether the same call may succeed later without a change by the caller.
    ///
    /// True for [`Unavailable`](Self::Unavailable) and [`Indeterminate`](Self::Indeterminate). The latter may have been
    /// executed: check before you repeat an operation that is not idempotent.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Indeterminate(_))
    }
}

fn because(reason: &Option<EndReason>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// Why the store did not reply. The source, if any, is the driver's error.
#[derive(Debug)]
pub struct Outage {
    what: Cow<'static, str>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Outage {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what: Cow::Borrowed(what), source: None }
    }

    pub(crate) fn because(what: impl Into<Cow<'static, str>>, source: impl StdError + Send + Sync + 'static) -> Self {
        Self { what: what.into(), source: Some(Box::new(source)) }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl StdError for Outage {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The operating system returned no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct RandomError(#[source] pub(crate) getrandom::Error);

/// Why a field cannot be decoded as the requested type.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not MessagePack of that type. The decoder's message may quote the value, so it is neither printed nor
    /// a source; [`message`](Self::message) returns it.
    #[error("not MessagePack of the requested type")]
    Value(DecoderMessage),
    /// The counter's value is out of range for the requested type.
    #[error("the counter's value is out of range for the requested type")]
    OutOfRange,
    /// Written by another version of this crate, or by something else.
    #[error("an unknown stored form")]
    UnknownForm,
}

/// The decoder's own message, which may quote the stored value.
pub struct DecoderMessage(pub(crate) rmp_serde::decode::Error);

impl DecodeError {
    /// The decoder's own message for [`Value`](Self::Value). It may quote the stored value: do not log it in production.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Value(DecoderMessage(error)) => Some(error.to_string()),
            Self::OutOfRange | Self::UnknownForm => None,
        }
    }
}

impl fmt::Debug for DecoderMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// Why a value cannot be stored as MessagePack: the message of the value's `Serialize`, or of the encoder.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EncodeError(pub(crate) rmp_serde::encode::Error);

impl fmt::Debug for DecodeError {
    /// Without the decoder's message, which may quote the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(..)",
            Self::OutOfRange => "OutOfRange",
            Self::UnknownForm => "UnknownForm",
        })
    }
}
