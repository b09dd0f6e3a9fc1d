//! The arguments of the contract's operations.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::config::Cap;
use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::fields::Delta;
use crate::identity::client::ClientInfo;
use crate::identity::csrf::CsrfDigest;
use crate::identity::id::SessionId;
use crate::identity::token::SecretHash;
use crate::store::Snapshot;
use crate::util::clock::Millis;

/// A new session.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) secret: SecretHash,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) grace_ms: u32,
    pub(crate) user: Option<String>,
    pub(crate) client: ClientInfo,
    /// Whether the login asked for the cookie to outlive the browser session; `None` without a request.
    pub(crate) remember: Option<bool>,
}

/// Records a use.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) id: SessionId,
    /// The last use that the caller knows of; if another one was recorded since, nothing is written.
    pub(crate) seen: Millis,
    /// The current secret, if the caller presented it and knows of no use of it.
    pub(crate) first_use: Option<SecretHash>,
    /// The user whose index covers the session.
    pub(crate) user: Option<String>,
}

/// Writes changed fields.
#[derive(Debug, Clone)]
pub(crate) struct Save {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    /// Refuse if the version differs.
    pub(crate) version: Option<u32>,
    pub(crate) delta: Arc<Delta>,
    pub(crate) snapshot: Option<Snapshot>,
}

impl Save {
    /// The same for a repeat, without the snapshot: the first delivery may have been executed.
    pub(crate) fn to_repeat(&self) -> Self {
        Self { delta: Arc::clone(&self.delta), snapshot: None, ..*self }
    }
}

/// Adds to a counter.
#[derive(Debug, Clone)]
pub(crate) struct Increment {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    pub(crate) field: String,
    pub(crate) by: i64,
    pub(crate) snapshot: Option<Snapshot>,
}

/// Gives the session a new secret.
#[derive(Debug, Clone)]
pub(crate) struct Rotate {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    /// The presented secret.
    pub(crate) presented: SecretHash,
    /// The current secret when loaded.
    pub(crate) current: SecretHash,
    /// Time of the load, by the store's clock.
    pub(crate) loaded: Millis,
    pub(crate) new: SecretHash,
    /// The digest of the presented secret's CSRF token.
    pub(crate) csrf: CsrfDigest,
}

/// Changes the timeouts of one session; counts as a use.
#[derive(Debug, Clone)]
pub(crate) struct Retime {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) user: Option<String>,
}

/// The session that a login or a logout ends.
#[derive(Debug, Clone)]
pub(crate) struct Old {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    pub(crate) user: Option<String>,
}

/// Logs a user in under a new id and ends the old session.
#[derive(Debug, Clone)]
pub(crate) struct NewLogin {
    pub(crate) new: NewSession,
    pub(crate) old: Option<Old>,
    /// The old session as the caller knows it, if it is a guest's.
    pub(crate) seen: Option<Snapshot>,
    /// Fields to copy from the old session, after `delta` was applied to it.
    pub(crate) keep: Vec<String>,
    /// Pending changes of the request; for a draft, all its fields.
    pub(crate) delta: Delta,
    pub(crate) gate: Gate,
    /// How long the old session stays as a door to the new one, in milliseconds; 0 for no door.
    pub(crate) door_ms: u64,
}

/// Makes a door lead to another session.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
    allow(dead_code)
)]
pub(crate) struct Lead {
    pub(crate) door: SessionId,
    /// The session that it leads to, as loaded by the caller.
    pub(crate) from: SessionId,
    /// The session that it has to lead to; the same one only extends the door.
    pub(crate) to: SessionId,
    /// How long it stays from now, at least.
    pub(crate) stay_ms: u64,
}

/// Logs the same user in again: same id, new secret, new login time, fields stay.
#[derive(Debug, Clone)]
pub(crate) struct Reauthenticate {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    pub(crate) user: String,
    pub(crate) secret: SecretHash,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) client: ClientInfo,
    pub(crate) remember: Option<bool>,
    pub(crate) delta: Delta,
    pub(crate) gate: Gate,
}

/// Joins the session that another login of the same visitor created in place of their guest session.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) id: SessionId,
    pub(crate) user: String,
    pub(crate) secret: SecretHash,
    pub(crate) client: ClientInfo,
    /// Changes of the kept fields.
    pub(crate) delta: Delta,
    pub(crate) ticket: Option<Ticket>,
}

/// The conditions of a login.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) cap: Cap,
    pub(crate) ticket: Option<Ticket>,
}

/// A user's revocation epoch before a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) epoch: Option<Millis>,
    pub(crate) taken: Millis,
}

/// Ends a session, optionally with a guest session as successor.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) old: Old,
    pub(crate) reason: EndReason,
    /// The successor, and the fields that it gets from the old session after `delta` was applied. Without any of the
    /// fields there is no successor.
    pub(crate) successor: Option<(NewSession, Vec<String>)>,
    pub(crate) delta: Delta,
}

/// Revokes a secret that was created for a client and not delivered.
#[derive(Debug, Clone)]
pub(crate) struct Undelivered {
    pub(crate) id: SessionId,
    pub(crate) user: Option<String>,
    pub(crate) secret: SecretHash,
    /// The session's use count when it got the secret; a higher one means that somebody has it.
    pub(crate) uses: u32,
}

/// Which of a user's sessions a revocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All; raises the epoch.
    All,
    /// All but this one; raises the epoch. Nothing unless this one is a live session of the user.
    Others(SessionId),
    /// This one, if it is the user's.
    One(SessionId),
}

/// Whose sessions a walk over a bucket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Guests,
    Everyone,
}

/// Makes an operation wait for replicas, and records how many acknowledged its writes.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub(crate) wanted: usize,
    pub(crate) within: Duration,
    /// Until when its calls wait, set by the first one.
    until: OnceLock<Instant>,
    /// The minimum over all calls that wrote.
    least: AtomicUsize,
}

impl Replicas {
    pub(crate) const fn new(wanted: usize, within: Duration) -> Self {
        Self { wanted, within, until: OnceLock::new(), least: AtomicUsize::new(usize::MAX) }
    }

    /// How long the next call may wait.
    pub(crate) fn left(&self) -> Duration {
        let now = Instant::now();
        self.until.get_or_init(|| now + self.within).saturating_duration_since(now)
    }

    /// Records how many replicas have the writes of one call.
    pub(crate) fn note(&self, replicas: usize) {
        self.least.fetch_min(replicas, Ordering::Relaxed);
    }

    /// How many have all writes; if nothing was written, the requested number.
    pub(crate) fn least(&self) -> usize {
        match self.least.load(Ordering::Relaxed) {
            usize::MAX => self.wanted,
            least => least,
        }
    }
}
