//! What a store has of a session: metadata and fields, or the tombstone of an ended one.

use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::csrf::CsrfDigest;
use crate::identity::id::SessionId;
use crate::identity::token::SecretHash;
use crate::store::{Etag, FORMER_CSRF_LIFE_MS, LoadedSession, NewSession};
use crate::util::clock::Millis;

/// The stored metadata of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) created: Millis,
    /// Start of the absolute lifetime: creation, for a user the last login (auth time).
    pub(crate) since: Millis,
    /// The last recorded use.
    pub(crate) touched: Millis,
    pub(crate) lifetimes: Lifetimes,
    /// How long the hash is kept after the deadline, so that the end can be reported. Fixed at creation.
    pub(crate) grace_ms: u32,
    /// Incremented by each re-authentication.
    pub(crate) generation: u32,
    /// Incremented by each write of fields.
    pub(crate) version: u32,
    /// Number of recorded uses since the last login.
    pub(crate) uses: u32,
    /// Until when the expiry of the user's index covers this session; 0 for a guest.
    pub(crate) index_until: Millis,
    pub(crate) secret: SecretHash,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) user: Option<String>,
    pub(crate) client: ClientInfo,
    /// Whether the login asked for the cookie to outlive the browser session.
    pub(crate) remember: Option<bool>,
}

impl Meta {
    /// The metadata of a new session.
    pub(crate) fn first(new: &NewSession, now: Millis) -> Self {
        Self {
            created: now,
            since: now,
            touched: now,
            lifetimes: new.lifetimes,
            grace_ms: new.grace_ms,
            generation: 1,
            version: 1,
            uses: 0,
            index_until: 0,
            secret: new.secret,
            rotation: None,
            user: None,
            client: new.client.clone(),
            remember: new.remember,
        }
    }

    /// What remains after its end, without a successor.
    pub(crate) fn tombstone(&self, reason: EndReason) -> Tombstone {
        let previous = self.rotation.as_ref().map(|rotation| rotation.previous);
        Tombstone { reason, secret: self.secret, previous, successor: None, door: false }
    }

    /// The session is live until this time has passed.
    pub(crate) fn deadline(&self) -> Millis {
        self.touched + self.lifetimes.life_ms(self.since, self.touched)
    }
}

/// The previous secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) previous: SecretHash,
    pub(crate) at: Millis,
    /// First use of the current secret, if any.
    pub(crate) used: Option<Millis>,
    /// CSRF tokens of recently replaced secrets, earliest first; pages may still have them.
    pub(crate) former: Vec<FormerCsrf>,
}

/// A CSRF token from before a rotation, and the time of that rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormerCsrf {
    pub(crate) digest: CsrfDigest,
    pub(crate) at: Millis,
}

impl FormerCsrf {
    /// Whether pages from before that rotation are still accepted.
    pub(crate) fn is_valid(&self, now: Millis) -> bool {
        now <= self.at + FORMER_CSRF_LIFE_MS
    }
}

/// A live session as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) meta: Meta,
    /// `None` if the next write cannot be compared with what was read.
    pub(crate) etag: Option<Etag>,
    pub(crate) fields: Contents,
}

impl Record {
    /// The session of this id as its holder knows it, and its fields.
    pub(crate) fn into_session(self, id: SessionId) -> (LoadedSession, Contents) {
        (LoadedSession { id, meta: self.meta, etag: self.etag }, self.fields)
    }
}

/// The remains of an ended session, kept for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) reason: EndReason,
    pub(crate) secret: SecretHash,
    pub(crate) previous: Option<SecretHash>,
    /// The session that a login created in place of this guest session.
    pub(crate) successor: Option<SessionId>,
    /// Whether this session's id opens the successor: a drop-in store's first session.
    pub(crate) door: bool,
}

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loaded {
    Absent,
    Live(Box<Record>),
    Ended(Tombstone),
}
