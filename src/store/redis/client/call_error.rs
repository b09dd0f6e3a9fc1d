//! What a failed call tells: whether it was executed, and whether trying again may help.

use redis::{ErrorKind, RedisError};

use crate::config::servers::Addr;
use crate::error::{Error, Outage};

/// What became of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Not executed, for a reason that may pass within a budget.
    Passing,
    /// Not executed, for a reason that stays.
    Refused,
    /// Perhaps executed: its answer was lost.
    Lost,
    /// Begun and failed inside; a repeat would fail again.
    Failed,
}

use RetryClass::{Passing, Refused};

/// The codes of errors that mean "not executed". Every other one may come from within a script.
const NOT_EXECUTED: [(&str, RetryClass, &str); 18] = [
    ("BUSY", Passing, "Redis is busy with a script"),
    ("CLUSTERDOWN", Passing, "the Redis Cluster is down"),
    ("LOADING", Passing, "Redis is still loading its data"),
    ("MASTERDOWN", Passing, "the Redis replica has lost its master"),
    ("NOREPLICAS", Passing, "Redis has too few replicas to accept writes"),
    ("NOSCRIPT", Passing, "Redis does not know the script"),
    ("READONLY", Passing, "Redis is a replica and accepts no writes"),
    ("TRYAGAIN", Passing, "the keys are on the move to another Redis node"),
    ("ASK", Refused, "the keys are on another Redis node"),
    ("MOVED", Refused, "the keys are on another Redis node"),
    ("CROSSSLOT", Refused, "the keys are on several Redis nodes"),
    ("DENIED", Refused, "Redis is in protected mode and refuses connections from other machines"),
    ("MISCONF", Refused, "Redis cannot persist and accepts no writes"),
    ("NOAUTH", Refused, "Redis requires a password"),
    ("NOPERM", Refused, "the Redis user lacks a permission"),
    ("NOPROTO", Refused, "Redis is too old"),
    ("OOM", Refused, "Redis is out of memory"),
    ("WRONGPASS", Refused, "Redis rejected the user or the password"),
];

/// One failed attempt.
#[derive(Debug, Clone)]
pub(crate) struct CallError {
    pub(crate) class: RetryClass,
    what: &'static str,
    /// The driver's own error, if it has seen one.
    pub(crate) error: Option<RedisError>,
}

impl CallError {
    /// The budget was over before anything was sent.
    pub(crate) const LATE: Self =
        Self { class: Refused, what: "the time budget ended before the call to Redis was sent", error: None };

    /// Nothing was sent: it would have waited behind too many others.
    pub(crate) const CROWDED: Self = Self {
        class: Refused,
        what: "too many requests in flight to this Redis server (limit: `in_flight`)",
        error: None,
    };

    /// Nothing was sent: there is neither a timer nor a task for it.
    pub(crate) const OUTSIDE: Self = Self {
        class: Refused,
        what: "the call was made outside of a Tokio runtime, and no running runtime is known",
        error: None,
    };

    /// Nothing was sent: nobody is known to have the key.
    pub(crate) const UNCOVERED: Self =
        Self { class: Passing, what: "no node of the Redis Cluster serves the key's slot", error: None };

    /// The answer came from a master that has been replaced meanwhile: what it did may be undone.
    pub(crate) const REPLACED: Self = Self {
        class: RetryClass::Lost,
        what: "the reply came from a Redis node that is no longer the master",
        error: None,
    };

    /// The answer came from a server that is no master any more, as this says: what it knows may be old.
    pub(crate) fn replaced(error: RedisError) -> Self {
        Self { error: Some(error), ..Self::REPLACED }
    }

    /// A call that was given to a connection failed.
    pub(crate) fn calling(error: RedisError) -> Self {
        let (class, what) = match error.kind() {
            ErrorKind::Io if error.is_timeout() => (RetryClass::Lost, "Redis did not reply in time"),
            ErrorKind::Io => (RetryClass::Lost, "the connection to Redis broke"),
            ErrorKind::Parse => (RetryClass::Lost, "Redis sent an invalid reply"),
            ErrorKind::Server(_) | ErrorKind::Extension => {
                coded(&error).unwrap_or((RetryClass::Failed, "Redis failed to execute the call"))
            }
            _ => (Refused, "the call to Redis was not sent"),
        };
        Self { class, what, error: Some(error) }
    }

    /// No connection could be made: nothing was executed.
    pub(crate) fn connecting(error: RedisError) -> Self {
        let (class, what) = coded(&error).unwrap_or((Passing, "Redis cannot be reached"));
        Self { class, what, error: Some(error) }
    }

    /// No connection was to be had, for no fault of the server that is known.
    pub(crate) const fn no_connection(what: &'static str) -> Self {
        Self { class: Passing, what, error: None }
    }

    /// The same, but it may pass within a budget.
    pub(crate) fn passing(self) -> Self {
        Self { class: Passing, ..self }
    }

    /// The same, but nobody waits for it to pass.
    pub(crate) fn lasting(self) -> Self {
        Self { class: Refused, ..self }
    }

    /// Whether time ran out before anything was sent.
    pub(crate) fn is_late(&self) -> bool {
        self.class == Refused && self.what == Self::LATE.what
    }

    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    /// Whether it would have waited behind too many others.
    pub(crate) fn is_crowded(&self) -> bool {
        self.what == Self::CROWDED.what
    }

    /// Whether no node serves the key's slot, by the map or by the node's own word.
    pub(crate) fn is_uncovered(&self) -> bool {
        self.what == Self::UNCOVERED.what || self.code() == Some("CLUSTERDOWN")
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.class == RetryClass::Lost
    }

    pub(crate) fn is_worth_a_retry(&self) -> bool {
        matches!(self.class, Passing | RetryClass::Lost)
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.is_lost() && self.error.as_ref().is_some_and(RedisError::is_timeout)
    }

    pub(crate) fn is_broken_connection(&self) -> bool {
        self.is_lost() && !self.is_timeout()
    }

    /// A master that was demoted, or an address that leads to the wrong server.
    pub(crate) fn is_from_replica(&self) -> bool {
        self.code() == Some("READONLY")
    }

    /// Another node has the key, or will have it.
    pub(crate) fn redirection(&self) -> Option<Redirection> {
        let error = self.error.as_ref()?;
        let (address, _) = error.redirect_node()?;
        Some(Redirection { addr: Addr::read(address)?, lasting: error.code() == Some("MOVED") })
    }

    /// The server has gone silent, or is no master of a working cluster: another one may have taken its place.
    pub(crate) fn may_have_a_successor(&self) -> bool {
        self.code().is_none_or(|code| matches!(code, "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY"))
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.error.as_ref().and_then(RedisError::code)
    }

    pub(crate) fn into_outage(self) -> Outage {
        match self.error {
            Some(error) => Outage::because(self.what, error),
            None => Outage::new(self.what),
        }
    }
}

/// Where a call should go instead.
#[derive(Debug)]
pub(crate) struct Redirection {
    pub(crate) addr: Addr,
    /// From now on, and not for this call alone.
    pub(crate) lasting: bool,
}

fn coded(error: &RedisError) -> Option<(RetryClass, &'static str)> {
    let code = error.code()?;
    NOT_EXECUTED.iter().find(|(known, ..)| *known == code).map(|(_, class, what)| (*class, *what))
}

/// Why a call failed in the end, after so many lost answers.
#[derive(Debug)]
pub(crate) struct FailedCall {
    pub(crate) fault: CallError,
    pub(crate) lost: u32,
}

impl FailedCall {
    /// Reads change nothing, so it does not matter whether they were executed.
    pub(crate) fn of_read(self) -> Error {
        Error::Unavailable(self.fault.into_outage())
    }

    /// A refusal after a lost answer says nothing about the call that was lost.
    pub(crate) fn of_write(self) -> Error {
        let unknown = self.lost > 0 || self.fault.class == RetryClass::Failed;
        let outage = self.fault.into_outage();
        if unknown { Error::Indeterminate(outage) } else { Error::Unavailable(outage) }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use redis::{ServerErrorKind, make_extension_error};

    use super::*;

    fn coded(code: &str) -> RedisError {
        make_extension_error(code.into(), None)
    }

    fn io(kind: io::ErrorKind) -> RedisError {
        io::Error::from(kind).into()
    }

    #[test]
    fn a_transient_failure_without_execution_is_retried() {
        for code in ["LOADING", "READONLY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "NOREPLICAS", "BUSY"] {
            assert_eq!(CallError::calling(coded(code)).class, Passing, "{code}");
        }
        let known = RedisError::from((ErrorKind::Server(ServerErrorKind::BusyLoading), "loading"));
        assert_eq!(CallError::calling(known).class, Passing);
        assert_eq!(CallError::connecting(io(io::ErrorKind::ConnectionRefused)).class, Passing);
    }

    #[test]
    fn a_permanent_refusal_is_not_retried() {
        for code in ["OOM", "NOPERM", "NOAUTH", "WRONGPASS", "MISCONF", "CROSSSLOT", "MOVED"] {
            let fault = CallError::calling(coded(code));
            assert!(!fault.is_worth_a_retry() && !fault.is_lost(), "{code}");
            assert!(matches!(FailedCall { fault, lost: 0 }.of_write(), Error::Unavailable(_)), "{code}");
        }
        assert_eq!(CallError::connecting(coded("WRONGPASS")).class, Refused);
    }

    #[test]
    fn lost_replies_leave_a_write_indeterminate_and_a_read_unavailable() {
        for kind in [io::ErrorKind::TimedOut, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            let fault = CallError::calling(io(kind));
            assert!(fault.is_lost() && fault.is_worth_a_retry(), "{kind:?}");
            assert!(matches!(FailedCall { fault: fault.clone(), lost: 1 }.of_write(), Error::Indeterminate(_)));
            assert!(matches!(FailedCall { fault, lost: 1 }.of_read(), Error::Unavailable(_)));
        }
    }

    #[test]
    fn a_refusal_after_a_lost_reply_is_still_indeterminate() {
        let failure = FailedCall { fault: CallError::calling(coded("OOM")), lost: 1 };
        assert!(matches!(failure.of_write(), Error::Indeterminate(_)));
    }

    #[test]
    fn an_error_inside_a_script_is_indeterminate_and_not_retried() {
        for code in ["ERR", "WRONGTYPE"] {
            let fault = CallError::calling(coded(code));
            assert!(!fault.is_worth_a_retry(), "{code}");
            assert!(matches!(FailedCall { fault, lost: 0 }.of_write(), Error::Indeterminate(_)), "{code}");
        }
    }

    #[test]
    fn one_timeout_keeps_the_connection() {
        assert!(!CallError::calling(io(io::ErrorKind::TimedOut)).is_broken_connection());
        assert!(CallError::calling(io(io::ErrorKind::BrokenPipe)).is_broken_connection());
    }
}
