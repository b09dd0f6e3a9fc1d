//! What the operations of the contract are asked for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// What a new session is made of.
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

/// Notes a use.
#[derive(Debug, Clone)]
pub(crate) struct Touch {
    pub(crate) id: SessionId,
    /// The last use as the caller knows it: unless it still is, another touch was sooner and nothing is written.
    pub(crate) seen: Millis,
    /// The current secret, if the caller presented it and knows of no use of it yet.
    pub(crate) first_use: Option<SecretHash>,
    /// Whose index covers the session.
    pub(crate) user: Option<String>,
}

/// Writes changed fields.
#[derive(Debug, Clone)]
pub(crate) struct Save {
    pub(crate) id: SessionId,
    pub(crate) generation: u32,
    /// Refuse unless this is still the version.
    pub(crate) version: Option<u32>,
    pub(crate) delta: Delta,
    pub(crate) snapshot: Option<Snapshot>,
}

impl Save {
    /// The same for a second delivery, which no snapshot helps: the first may have been done.
    pub(crate) fn to_repeat(&self) -> Self {
        Self { delta: self.delta.clone(), snapshot: None, ..*self }
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
    /// The secret that the client presented.
    pub(crate) presented: SecretHash,
    /// The current secret as the caller loaded it.
    pub(crate) current: SecretHash,
    /// When it was loaded, by the store's clock.
    pub(crate) loaded: Millis,
    pub(crate) new: SecretHash,
    /// Of the CSRF token of the presented secret.
    pub(crate) csrf: CsrfDigest,
}

/// Changes the timeouts of one session at once; it counts as a use.
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

/// Logs a user in under a new id, and ends the session before.
#[derive(Debug, Clone)]
pub(crate) struct NewLogin {
    pub(crate) new: NewSession,
    pub(crate) old: Option<Old>,
    /// The old session as the caller knows it, if it is a guest's.
    pub(crate) seen: Option<Snapshot>,
    /// Fields that are carried over from the old session, after `delta` has been applied to it.
    pub(crate) keep: Vec<String>,
    /// Pending changes of the request; of a draft these are all its fields.
    pub(crate) delta: Delta,
    pub(crate) gate: Gate,
    /// How long the session before stays as a door to the new one, in milliseconds; 0 if it is no door.
    pub(crate) door_ms: u64,
}

/// Has a door lead to the session that follows.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
    allow(dead_code)
)]
pub(crate) struct Lead {
    pub(crate) door: SessionId,
    /// The session that it leads to, as the caller has seen it.
    pub(crate) from: SessionId,
    /// The session that it is to lead to; the same to have it stay.
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

/// Joins the session that another login of the same visitor made in the place of their guest's.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) id: SessionId,
    pub(crate) user: String,
    pub(crate) secret: SecretHash,
    pub(crate) client: ClientInfo,
    /// Changes of the fields that the login keeps.
    pub(crate) delta: Delta,
    pub(crate) ticket: Option<Ticket>,
}

/// What a login has to pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) cap: Cap,
    pub(crate) ticket: Option<Ticket>,
}

/// A user's revocation epoch at a moment before a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) epoch: Option<Millis>,
    pub(crate) taken: Millis,
}

/// Ends a session, and may put a guest's in its place.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) old: Old,
    pub(crate) reason: EndReason,
    /// The session that follows and the fields it gets from the old one, after `delta` has been applied. If none of
    /// the fields is there, no session follows.
    pub(crate) successor: Option<(NewSession, Vec<String>)>,
    pub(crate) delta: Delta,
}

/// Takes back a secret that was made for a client and not delivered.
#[derive(Debug, Clone)]
pub(crate) struct Undelivered {
    pub(crate) id: SessionId,
    pub(crate) user: Option<String>,
    pub(crate) secret: SecretHash,
    /// The session's uses when it got the secret: of more, somebody has it.
    pub(crate) uses: u32,
}

/// Which of a user's sessions a revocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All, and raises the epoch.
    All,
    /// All but this one, and raises the epoch; nothing at all unless this one is live and the user's.
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

/// Asks that replicas have what an operation writes before it is answered, and notes how many did.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub(crate) wanted: usize,
    pub(crate) within: Duration,
    /// Until when its calls wait, from the first one on.
    until: OnceLock<Instant>,
    /// The least number over all calls that wrote.
    least: AtomicUsize,
}

impl Replicas {
    pub(crate) const fn new(wanted: usize, within: Duration) -> Self {
        Self { wanted, within, until: OnceLock::new(), least: AtomicUsize::new(usize::MAX) }
    }

    /// How long the call that is sent now may wait.
    pub(crate) fn left(&self) -> Duration {
        let now = Instant::now();
        self.until.get_or_init(|| now + self.within).saturating_duration_since(now)
    }

    /// So many have what one call wrote.
    pub(crate) fn note(&self, replicas: usize) {
        self.least.fetch_min(replicas, Ordering::Relaxed);
    }

    /// How many have all of it; if nothing was written, as many as were wanted.
    pub(crate) fn least(&self) -> usize {
        match self.least.load(Ordering::Relaxed) {
            usize::MAX => self.wanted,
            least => least,
        }
    }
}
