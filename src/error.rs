//! What can go wrong, told apart by what the caller does about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::config::ConfigError;
use crate::config::limits::LimitExceeded;
use crate::end::EndReason;
use crate::fields::codec::FieldKind;

/// What can go wrong with a session. An outage is one of the first two, never "no session".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not execute the call. Nothing changed; trying again is safe.
    #[error("the session store is unavailable")]
    Unavailable(#[source] Outage),
    /// The store may or may not have executed the call: its answer was lost.
    #[error("the outcome is unknown: the session store did not reply")]
    Indeterminate(#[source] Outage),
    /// The session has ended since it was loaded, or a write was tried on an ended one. Nothing was written.
    #[error("the session has ended{}", because(.0))]
    Gone(Option<EndReason>),
    /// The session was logged in again, or changed, since it was loaded. Nothing was written. Writes of fields are let in
    /// for a minute after a login of the same user, [`Session::save`](crate::Session::save).
    #[error("the session was changed by another request since it was loaded")]
    Conflict,
    /// A draft was not stored: the client may have a session whose cookie its browser withheld from this cross-site
    /// request, see [`cookie_may_be_withheld`](crate::Session::cookie_may_be_withheld). Nothing was written. Only
    /// [`SaveOutcome::into_result`](crate::SaveOutcome::into_result) returns it.
    #[error("not saved: the browser may have withheld the session's cookie from this cross-site request")]
    Withheld,
    /// The response's head is finished, so nothing of this change could be saved or reach the client. Nothing changed.
    ///
    /// The web layer finishes it when the handler returns: what a streamed body or a task started by the handler does
    /// to the session comes too late. They can read, count in a stored session and end it; for changes, open it again.
    #[error("the response has started: the session can no longer be changed")]
    TooLate,
    /// [`require`](crate::Session::require) found no such field.
    #[error("the session has no field `{field}`")]
    Missing {
        /// The field's name.
        field: String,
    },
    /// The field is of another kind, which the accessor of that kind reads.
    #[error("the field `{field}` is a {found}, which {} reads", .found.accessor())]
    WrongKind {
        /// The field's name.
        field: String,
        /// What the field is.
        found: FieldKind,
    },
    /// The field does not read as the type asked for. The session and its other fields are not affected.
    #[error("the field `{field}` cannot be decoded as the requested type")]
    Decode {
        /// The field's name.
        field: String,
        /// What the decoder says, without the value.
        #[source]
        source: DecodeError,
    },
    /// The value cannot be written as MessagePack.
    #[error("the value for the field `{field}` cannot be encoded")]
    Encode {
        /// The field's name.
        field: String,
        /// What the encoder says.
        #[source]
        source: EncodeError,
    },
    /// The counter would leave the range of `i64`. It is unchanged.
    #[error("the counter `{field}` would overflow")]
    Overflow {
        /// The field's name.
        field: String,
    },
    /// A limit is exceeded. Nothing was stored.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// A setting of this call is out of range. Nothing changed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system gave no random bytes. There is no fallback.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// What is stored under this session's key is not a session of a format that this version reads.
    #[error("the stored session is not readable by this version: {0}")]
    Unreadable(&'static str),
}

impl Error {
    /// Whether the same call may succeed later without a change by the caller.
    ///
    /// True of [`Unavailable`](Self::Unavailable) and [`Indeterminate`](Self::Indeterminate); the latter may have
    /// been executed, so look before an operation that is not harmless twice is repeated.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Indeterminate(_))
    }
}

fn because(reason: &Option<EndReason>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

/// Why the store gave no answer. Its source, where it has one, is the driver's own error.
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

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system's random generator failed")]
pub struct RandomError(#[source] pub(crate) getrandom::Error);

/// What the decoder says of a field that does not read as the type asked for.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The stored value is not the MessagePack of that type. The decoder's own message may quote the value, so it is neither
    /// printed nor a source: [`message`](Self::message) returns it.
    #[error("not the MessagePack of that type")]
    Value(DecoderMessage),
    /// The counter's value is out of the range of the type asked for.
    #[error("the counter's value is out of the range of the type asked for")]
    OutOfRange,
    /// Written by another version of this crate, or not by it at all.
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
    /// Without the decoder's words, which may quote the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value(..)",
            Self::OutOfRange => "OutOfRange",
            Self::UnknownForm => "UnknownForm",
        })
    }
}
