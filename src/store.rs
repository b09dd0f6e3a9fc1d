//! The contract of the stores. Its operations are as coarse as the scripts.
//!
//! A refusal is a value; `Err` means that the store failed. Stores get only the hashes of secrets. The caller checks
//! after the load whether a presented secret opens the session.

use std::ops::AddAssign;
use std::sync::Arc;

use crate::config::limits::Limits;
use crate::doctor::Finding;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::identity::id::{Bucket, SessionId};
use crate::util::boxed::boxed;
use crate::util::clock::Millis;
use crate::util::uncancelled::beside;

pub(crate) mod memory;
mod record;
pub(crate) mod redis;
mod request;
mod snapshot;

pub(crate) use record::*;
pub(crate) use request::*;
pub(crate) use snapshot::*;

/// How long the previous secret stays valid after the first use of the new one.
pub(crate) const PREVIOUS_GRACE_MS: u64 = 10_000;
/// How long after a rotation another one with the previous secret is "already rotated".
pub(crate) const ROTATION_SETTLES_MS: u64 = 60_000;
/// How long after a rotation the former CSRF token is accepted: the time that a page with a form may stay open.
pub(crate) const FORMER_CSRF_LIFE_MS: u64 = 3_600_000;
/// Limit of stored former CSRF tokens: 22 bytes each, in every load of a rotated session.
pub(crate) const FORMER_CSRF_MOST: usize = 4;
/// How long after a re-authentication an earlier handle may still write fields: the time that requests of other tabs
/// may take. Without a limit, a WebSocket opened with a stolen secret could write for hours.
pub(crate) const LATE_WRITE_MS: u64 = 60_000;
/// How long a ticket is valid: the time that a password check may take.
pub(crate) const TICKET_LIFE_MS: u64 = 600_000;
/// How long after a login another one of the same visitor joins its session.
pub(crate) const JOIN_MS: u64 = 60_000;
/// How long a revocation epoch is kept after it was last raised.
pub(crate) const EPOCH_LIFE_MS: u64 = 3_600_000;
/// How long after its creation an operation may still be executed: longer than all retries, shorter than tombstones are
/// kept and than scripts accept (120 s).
pub(crate) const OP_LIFE_MS: u64 = 60_000;
/// Attempts to find an unused id. With 110 random bits, a second collision means a broken generator.
pub(crate) const MINTS: usize = 3;
/// Limit of sessions that one script call reads or writes besides the old and the new one.
pub(crate) const BATCH: usize = 256;
/// Limit of sessions that one script call of a mass revocation ends: about 20 µs each, during which Redis runs nothing
/// else.
pub(crate) const ENDS: usize = 32;

/// Why a store refused an operation. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No live session; with the reason if there is a tombstone.
    Gone(Option<EndReason>),
    /// Re-authenticated since the load (for field writes: too long ago), or written, if a version was given.
    Conflict,
    /// The id is taken.
    Exists,
    WrongKind,
    Overflow,
    TooManyFields,
    TooManyBytes,
    /// The user is at the cap, and the policy is to reject.
    AtCap,
    /// The user was revoked after the ticket was taken, or the ticket is too old.
    TicketVoid,
    /// Already rotated; the presented secret still opens the session.
    AlreadyRotated,
    /// No session that this login may join: none, or of another user or client, logged in again, or too old.
    NotJoined,
}

/// A value or a refusal; an error is a failure of the store.
pub(crate) type StoreResult<T> = Result<Result<T, Refused>, Error>;

/// Identifies one operation, so that a repeat is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) id: [u8; 8],
    /// Deadline by the store's clock, after which the operation is refused without effect.
    pub(crate) not_after: Millis,
    /// Whether it was sent before without a reply: if it is then refused as late, it may still have been executed.
    pub(crate) again: bool,
}

/// The result of a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Expired sessions that this sweep ended. Without an expiry grace, Redis removes them itself.
    pub expired: u64,
    /// Index entries of sessions that no longer exist.
    pub forgotten: u64,
    /// Index entries of live sessions whose score was set to the real deadline.
    pub rescored: u64,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.expired += other.expired;
        self.forgotten += other.forgotten;
        self.rescored += other.rescored;
    }
}

/// The settings of a store.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) namespace: String,
    pub(crate) limits: Limits,
    /// How long the reason of an ended session is kept.
    pub(crate) remember_ms: u64,
}

impl StoreSettings {
    /// How long this session's tombstone is kept: up to a tenth longer than the setting, see `lua/lib/tombstone.lua`.
    pub(crate) fn tombstone_ms(&self, id: SessionId) -> u64 {
        self.door_ms(id, 0)
    }

    /// The same for a tombstone that has to stay as a door for this long, if that is longer.
    pub(crate) fn door_ms(&self, id: SessionId, door_ms: u64) -> u64 {
        let [.., high, low] = *id.as_bytes();
        let stay_ms = self.remember_ms.max(door_ms);
        stay_ms + stay_ms * u64::from(u16::from_be_bytes([high, low])) / 655_360
    }
}

/// The available stores.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Box<memory::Memory>),
    Redis(Arc<redis::Redis>),
}

impl Store {
    /// Whether buckets may be on different servers, so that a login may take several calls.
    pub(crate) fn is_sharded(&self) -> bool {
        matches!(self, Self::Redis(redis) if redis.is_sharded())
    }

    /// Runs a touch concurrently with the caller; on the embedded store, which does no I/O, first. A failure is logged at
    /// DEBUG and the next use tries again; the store logs outages.
    pub(crate) async fn touch_beside(&self, touch: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let touch = async {
            if let Err(error) = touch.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "session not touched");
            }
        };
        match self {
            Self::Memory(_) => boxed(touch).await,
            Self::Redis(_) => beside(touch).await,
        }
    }

    /// This process's estimate of the store's clock: for op ids and due touches, never to decide whether a session is
    /// live.
    pub(crate) fn now(&self) -> Millis {
        match self {
            Self::Memory(memory) => memory.now(),
            Self::Redis(redis) => redis.now(),
        }
    }
}

macro_rules! operations {
    ($($(#[$attribute:meta])* async fn $name:ident($($arg:ident: $kind:ty),*) -> $result:ty;)*) => {
        impl Store {
            $(
                $(#[$attribute])*
                pub(crate) async fn $name(&self, $($arg: $kind),*) -> $result {
                    match self {
                        Self::Memory(memory) => memory.$name($($arg),*).await,
                        Self::Redis(redis) => redis.$name($($arg),*).await,
                    }
                }
            )*
        }
    };
}

// The operations of a store. A session is live until its deadline has passed or it is ended.
//
// Writing operations carry an [`Op`]. A repeat of the same op returns the first result or is refused; it is never
// applied twice.
operations! {
    /// Checks that the store responds, and returns its clock.
    async fn ping() -> Result<Millis, Error>;

    /// Findings about server settings that put sessions at risk.
    async fn examine() -> Result<Vec<Finding>, Error>;

    /// Reads a session. One round trip; changes nothing.
    async fn load(id: SessionId) -> Result<Loaded, Error>;

    /// Reads a session and the store's clock, read no later than the session: for the grace of a previous secret.
    async fn load_timed(id: SessionId) -> Result<(Loaded, Millis), Error>;

    /// Stores a new session with the fields of `delta`. Refusals: `Exists`, limits.
    async fn create(op: Op, new: &NewSession, delta: &Delta) -> StoreResult<Record>;

    /// Records a use if one is due (by the stored interval), or a first use of the secret. Returns the new metadata.
    /// Refusals: `Gone`.
    async fn touch(op: Op, touch: &Touch) -> StoreResult<(Meta, Option<Etag>)>;

    /// Writes changed fields and returns the new version; also for a handle from before the last re-authentication,
    /// within [`LATE_WRITE_MS`] of it. Refusals: `Gone`, `Conflict`, limits.
    async fn save(op: Op, save: &Save) -> StoreResult<Wrote>;

    /// Adds to a counter, which starts at 0; returns its new value and the session's new version. Older handles as for
    /// `save`. Refusals: `Gone`, `Conflict`, `WrongKind`, `Overflow`, limits.
    async fn increment(op: Op, increment: &Increment) -> StoreResult<(i64, Wrote)>;

    /// Gives the session a new secret. The old one becomes the previous secret; the digest of its CSRF token is kept
    /// for [`FORMER_CSRF_LIFE_MS`], unless [`FORMER_CSRF_MOST`] others follow. Returns the new metadata.
    ///
    /// With the current secret, it always rotates. With the previous one: `AlreadyRotated` within its grace or until the
    /// rotation has settled. Later, if the current one is unused and still the one that the caller loaded after the
    /// rotation had settled, the current one is replaced and the previous one stays. Refusals: `Gone`, `Conflict`,
    /// `AlreadyRotated`.
    async fn rotate(op: Op, rotate: &Rotate) -> StoreResult<(Meta, Option<Etag>)>;

    /// Changes the timeouts; counts as a use. Returns the new metadata. A session older than its new absolute timeout
    /// is ended as expired, and the result is `Gone`. Refusals: `Gone`, `Conflict`.
    async fn retime(op: Op, retime: &Retime) -> StoreResult<(Meta, Option<Etag>)>;

    /// Logs in under a new id. Returns the new session. Refusals: `Gone`, `Conflict`, `Exists`, `AtCap`, `TicketVoid`,
    /// limits.
    async fn login(op: Op, login: &NewLogin) -> StoreResult<Record>;

    /// Whether a login has parked its session under this id: a load does not find it until it is activated.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    async fn is_parked(id: SessionId) -> Result<bool, Error>;

    /// Makes a door lead to another session, and stay. Refusals: `Gone` if there is no door that leads to the given
    /// one.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    async fn lead(op: Op, lead: &Lead) -> StoreResult<()>;

    /// Logs the same user in again and raises the version. Returns the session. Refusals: `Gone`, `Conflict`,
    /// `TicketVoid`, `AtCap` (after the cap was lowered), limits.
    async fn reauthenticate(op: Op, again: &Reauthenticate) -> StoreResult<Record>;

    /// Joins the session that another login of the same visitor created in place of their guest session, with a new
    /// secret as by a rotation. Waits if that login is in progress. Returns the session. Refusals, in this order:
    /// `NotJoined` (more than a minute after that login, or no session), `Gone`, `NotJoined` (another user, client or
    /// generation), `TicketVoid`, limits.
    async fn join(op: Op, join: &Join) -> StoreResult<Record>;

    /// Ends a session; returns its successor, if any. Refusals: `Gone`, `Conflict`, `Exists`, limits.
    async fn end(op: Op, end: &End) -> StoreResult<Option<Record>>;

    /// Revokes an undelivered secret. If no other secret opens the session, it is ended as undelivered; otherwise it
    /// lives on with the other one. Changes nothing if this is not one of the session's secrets, or if the session was
    /// used since it got it. Returns whether the session was ended. Refusals: `Gone`.
    async fn end_undelivered(op: Op, undelivered: &Undelivered) -> StoreResult<bool>;

    /// Like [`end`](Self::end), and waits for replicas.
    async fn end_on(op: Op, end: &End, replicas: &Arc<Replicas>) -> StoreResult<Option<Record>>;

    /// A user's epoch and the store's time.
    async fn ticket(user: &str) -> Result<Ticket, Error>;

    /// A user's live sessions, earliest login first.
    async fn list(user: &str) -> Result<Vec<(SessionId, Meta)>, Error>;

    /// Ends a user's sessions and returns their number; afterwards none in the scope is live. Refusals: `Gone` (with
    /// [`Scope::Others`] or [`Scope::One`], if that session is not a live one of this user).
    async fn revoke(user: &str, scope: Scope, reason: EndReason) -> StoreResult<u64>;

    /// Like [`revoke`](Self::revoke), and waits for replicas.
    async fn revoke_on(user: &str, scope: Scope, reason: EndReason, replicas: &Arc<Replicas>) -> StoreResult<u64>;

    /// Ends every session that the bucket has at the start, in bounded calls; returns their number.
    async fn revoke_bucket(bucket: Bucket, who: Who) -> Result<u64, Error>;

    /// Number of the bucket's live sessions touched at or after `since`.
    async fn active(bucket: Bucket, since: Millis) -> Result<u64, Error>;

    /// Ends expired sessions and cleans up the index, in bounded calls.
    async fn sweep(bucket: Bucket) -> Result<Swept, Error>;
}
