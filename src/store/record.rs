//! What a store has of a session: its metadata and fields, or the tombstone of an ended one.

use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::csrf::CsrfDigest;
use crate::identity::id::SessionId;
use crate::identity::token::SecretHash;
use crate::store::{Etag, FORMER_CSRF_LIFE_MS, NewSession};
use crate::util::clock::Millis;

/// What is stored of a session besides its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) created: Millis,
    /// When the absolute life began: at creation, for a user at the last login. A user's auth time.
    pub(crate) since: Millis,
    /// The last use that was noted.
    pub(crate) touched: Millis,
    pub(crate) lifetimes: Lifetimes,
    /// For so long after its deadline the hash stays, so that its end can be told. Fixed at creation.
    pub(crate) grace_ms: u32,
    /// Grows with each re-authentication.
    pub(crate) generation: u32,
    /// Grows with each write of fields.
    pub(crate) version: u32,
    /// How many uses were noted since the last login.
    pub(crate) uses: u32,
    /// Until when the expiry of the user's index covers this session; 0 for a guest.
    pub(crate) index_until: Millis,
    pub(crate) secret: SecretHash,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) user: Option<String>,
    pub(crate) client: ClientInfo,
    /// Whether the login asked for the cookie to outlive the browser session.
    pub(crate) remember: Option<bool>,
    pub(crate) etag: Etag,
}

impl Meta {
    /// That of a guest's session that begins now.
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
            etag: Etag::default(),
        }
    }

    /// The moment after which the session is dead: alive until it has passed.
    pub(crate) fn deadline(&self) -> Millis {
        self.touched + self.lifetimes.life_ms(self.since, self.touched)
    }
}

/// The secret before the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) previous: SecretHash,
    pub(crate) at: Millis,
    /// When the current secret was first used, if it was.
    pub(crate) used: Option<Millis>,
    /// CSRF tokens of secrets that were replaced lately, earliest first; pages may still have them.
    pub(crate) former: Vec<FormerCsrf>,
}

/// A CSRF token from before a rotation, and when that was.
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

/// A live session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) meta: Meta,
    pub(crate) fields: Contents,
}

/// What remains of an ended session for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub(crate) reason: EndReason,
    pub(crate) secret: SecretHash,
    pub(crate) previous: Option<SecretHash>,
    /// The session that a login made in the place of this guest's.
    pub(crate) successor: Option<SessionId>,
    /// Whether the id of this one opens the successor: a drop-in store's first session.
    pub(crate) door: bool,
}

/// What a load finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loaded {
    Absent,
    Live(Box<Record>),
    Ended(Tombstone),
}
