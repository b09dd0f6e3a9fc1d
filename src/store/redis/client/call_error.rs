//! A failed call: whether it was executed, and whether a retry may succeed.

use redis::{ErrorKind, RedisError};

use crate::config::servers::Addr;
use crate::error::{Error, Outage};

/// The outcome of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Not executed; the cause may pass within a budget.
    Passing,
    /// Not executed; the cause stays.
    Refused,
    /// Perhaps executed: the reply was lost.
    Lost,
    /// Failed during its execution; a repeat would fail again.
    Failed,
}

use RetryClass::{Passing, Refused};

/// Error codes of calls that were not executed. An error with any other code may come from within a script.
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
    /// The error of the redis crate, if there is one.
    pub(crate) error: Option<RedisError>,
}

impl CallError {
    /// The budget was over before the call was sent.
    pub(crate) const LATE: Self =
        Self { class: Refused, what: "the time budget ended before the call to Redis was sent", error: None };

    /// Not sent: too many calls wait for replies.
    pub(crate) const CROWDED: Self = Self {
        class: Refused,
        what: "too many requests in flight to this Redis server (limit: `in_flight`)",
        error: None,
    };

    /// Not sent: there is no runtime with timers and tasks.
    pub(crate) const OUTSIDE: Self = Self {
        class: Refused,
        what: "the call was made outside of a Tokio runtime, and no running runtime is known",
        error: None,
    };

    /// Not sent: no node is known to own the key.
    pub(crate) const UNCOVERED: Self =
        Self { class: Passing, what: "no node of the Redis Cluster serves the key's slot", error: None };

    /// The reply came from a master that has been replaced: its writes may be lost.
    pub(crate) const REPLACED: Self = Self {
        class: RetryClass::Lost,
        what: "the reply came from a Redis node that is no longer the master",
        error: None,
    };

    /// The reply came from a former master, as this error says: its data may be old.
    pub(crate) fn replaced(error: RedisError) -> Self {
        Self { error: Some(error), ..Self::REPLACED }
    }

    /// From the error of a call that was given to a connection.
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

    /// From the error of an attempt to connect: the call was not executed.
    pub(crate) fn connecting(error: RedisError) -> Self {
        let (class, what) = coded(&error).unwrap_or((Passing, "Redis cannot be reached"));
        Self { class, what, error: Some(error) }
    }

    /// No connection was available; the server is not known to have failed.
    pub(crate) const fn no_connection(what: &'static str) -> Self {
        Self { class: Passing, what, error: None }
    }

    /// The same error, as one that may pass within a budget.
    pub(crate) fn passing(self) -> Self {
        Self { class: Passing, ..self }
    }

    /// The same error, as one that is not retried.
    pub(crate) fn lasting(self) -> Self {
        Self { class: Refused, ..self }
    }

    /// The error of a call that is not tried again, after the given number of lost replies. A read changes nothing, so
    /// it does not matter whether it was executed. After a lost reply of a write, a refusal says nothing about the
    /// lost call.
    pub(crate) fn final_of(self, is_read: bool, lost: u32) -> Self {
        match lost {
            _ if is_read => self.lasting(),
            0 => self,
            _ => Self { class: RetryClass::Lost, ..self },
        }
    }

    /// Whether the budget was over before the call was sent.
    pub(crate) fn is_late(&self) -> bool {
        self.class == Refused && self.what == Self::LATE.what
    }

    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    /// Whether too many calls were waiting for replies.
    pub(crate) fn is_crowded(&self) -> bool {
        self.what == Self::CROWDED.what
    }

    /// Whether no node serves the slot of the key, by the slot map or by the reply of the node.
    pub(crate) fn is_uncovered(&self) -> bool {
        self.what == Self::UNCOVERED.what || self.code() == Some("CLUSTERDOWN")
    }

    /// Whether the keys are on two nodes while their slot moves; each key alone can be reached.
    pub(crate) fn is_split(&self) -> bool {
        self.code() == Some("TRYAGAIN")
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.class == RetryClass::Lost
    }

    pub(crate) const fn may_be_executed(&self) -> bool {
        matches!(self.class, RetryClass::Lost | RetryClass::Failed)
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

    /// Whether the server is a former master, or the address leads to a replica.
    pub(crate) fn is_from_replica(&self) -> bool {
        self.code() == Some("READONLY")
    }

    /// The node that owns the key, or will own it.
    pub(crate) fn redirection(&self) -> Option<Redirection> {
        let error = self.error.as_ref()?;
        let (address, _) = error.redirect_node()?;
        Some(Redirection { addr: Addr::read(address)?, lasting: error.code() == Some("MOVED") })
    }

    /// Whether another server may have taken its place: it is silent, or not the master of a working Cluster.
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

/// The node that a call is redirected to.
#[derive(Debug)]
pub(crate) struct Redirection {
    pub(crate) addr: Addr,
    /// For later calls too, not only for this one.
    pub(crate) lasting: bool,
}

fn coded(error: &RedisError) -> Option<(RetryClass, &'static str)> {
    let code = error.code()?;
    NOT_EXECUTED.iter().find(|(known, ..)| *known == code).map(|(_, class, what)| (*class, *what))
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        match error.code() {
            // A script that reads metadata of another format fails before it writes: that is not an outage.
            Some("UNREADABLE") => Self::Unreadable("its metadata is of another format"),
            _ if error.may_be_executed() => Self::Indeterminate(error.into_outage()),
            _ => Self::Unavailable(error.into_outage()),
        }
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
            let error = CallError::calling(coded(code));
            assert!(!error.is_worth_a_retry() && !error.is_lost(), "{code}");
            assert!(matches!(Error::from(error.final_of(false, 0)), Error::Unavailable(_)), "{code}");
        }
        assert_eq!(CallError::connecting(coded("WRONGPASS")).class, Refused);
    }

    #[test]
    fn lost_replies_leave_a_write_indeterminate_and_a_read_unavailable() {
        for kind in [io::ErrorKind::TimedOut, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            let error = CallError::calling(io(kind));
            assert!(error.is_lost() && error.is_worth_a_retry(), "{kind:?}");
            assert!(matches!(Error::from(error.clone().final_of(false, 1)), Error::Indeterminate(_)));
            assert!(matches!(Error::from(error.final_of(true, 1)), Error::Unavailable(_)));
        }
    }

    #[test]
    fn a_refusal_after_a_lost_reply_is_still_indeterminate() {
        let error = CallError::calling(coded("OOM")).final_of(false, 1);
        assert!(matches!(Error::from(error), Error::Indeterminate(_)));
    }

    #[test]
    fn an_error_inside_a_script_is_indeterminate_and_not_retried() {
        for code in ["ERR", "WRONGTYPE"] {
            let error = CallError::calling(coded(code));
            assert!(!error.is_worth_a_retry(), "{code}");
            assert!(matches!(Error::from(error.final_of(false, 0)), Error::Indeterminate(_)), "{code}");
        }
    }

    #[test]
    fn one_timeout_keeps_the_connection() {
        assert!(!CallError::calling(io(io::ErrorKind::TimedOut)).is_broken_connection());
        assert!(CallError::calling(io(io::ErrorKind::BrokenPipe)).is_broken_connection());
    }
}
