//! The incident that a failed call is part of, and the advice for the operator.

use crate::store::redis::client::call_error::CallError;
use crate::store::redis::client::incident::Kind;
use crate::store::redis::client::incident::Kind::{Away, Memory, Writes};

/// `None` for an error that is no fault of a server: a moving key, a session of another format.
pub(crate) fn of(error: &CallError, wrote: bool) -> Option<(Kind, &'static str)> {
    let refused = if wrote { Writes } else { Away };
    Some(match error.code() {
        Some("ASK" | "TRYAGAIN" | "UNREADABLE") => return None,
        Some("OOM") => (Memory, "raise Redis's maxmemory, or lower timeouts so that fewer sessions live at a time"),
        Some("MISCONF") => (refused, "check Redis's log and disk: it cannot persist"),
        Some("READONLY") => (refused, "the address is a replica: use the address of its master, or of its Sentinels"),
        Some("NOREPLICAS") => (refused, "bring Redis's replicas back, or lower its min-replicas-to-write"),
        Some("NOPERM") => (refused, "give Redis's user the rights that the guide's chapter `operations` lists"),
        Some("NOAUTH" | "WRONGPASS") => (Away, "set the user and the password in the store's URL to those of Redis"),
        Some("LOADING") => (Away, "wait until Redis has read its data"),
        Some("BUSY") => (Away, "stop the script that keeps Redis busy: SCRIPT KILL"),
        _ if error.is_crowded() => (Away, "find out what slows Redis down, or raise `Builder::in_flight`"),
        _ if error.is_uncovered() => (Away, "restore the masters of the failed slots (see CLUSTER INFO)"),
        Some("MASTERDOWN" | "MOVED" | "CROSSSLOT" | "DENIED" | "NOPROTO") | None => {
            (Away, "check that Redis is running and reachable from this machine")
        }
        Some(_) => (refused, "see Redis's log"),
    })
}

/// What failed, and the message of Redis or the network.
pub(crate) fn text(error: &CallError) -> String {
    match &error.error {
        Some(source) => format!("{}: {source}", error.what()),
        None => error.what().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    fn kind(code: &str, wrote: bool) -> Option<Kind> {
        of(&CallError::calling(make_extension_error(code.into(), None)), wrote).map(|(kind, _)| kind)
    }

    #[test]
    fn refused_writes_and_full_memory_are_separate_incidents() {
        for code in ["MISCONF", "READONLY", "NOREPLICAS", "NOPERM", "ERR"] {
            assert_eq!((kind(code, true), kind(code, false)), (Some(Writes), Some(Away)), "{code}");
        }
        assert_eq!(kind("OOM", true), Some(Memory));
        for code in ["WRONGPASS", "NOAUTH", "LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN"] {
            assert_eq!(kind(code, true), Some(Away), "{code}");
        }
        for error in [CallError::LATE, CallError::CROWDED, CallError::UNCOVERED] {
            assert!(matches!(of(&error, true), Some((Away, advice)) if !advice.is_empty()));
        }
    }

    #[test]
    fn a_moving_key_is_not_an_incident() {
        assert_eq!((kind("ASK", false), kind("TRYAGAIN", true), kind("UNREADABLE", true)), (None, None, None));
    }

    #[test]
    fn a_cause_names_the_failure_and_its_message() {
        let refused = CallError::connecting(make_extension_error("WRONGPASS".into(), Some("invalid".into())));
        assert!(text(&refused).starts_with("Redis rejected the user or the password: "), "{}", text(&refused));
        assert!(text(&CallError::CROWDED).contains("too many requests"));
    }
}
