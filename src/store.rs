//! The contract of the stores. Its operations are as coarse as the scripts.
//!
//! A refusal is a value; `Err` means that the store failed. Stores get only the hashes of secrets. The caller checks
//! after the load whether a presented secret opens the session.

use std::future::Future;
use std::ops::AddAssign;
use std::sync::Arc;

use crate::config::limits::Limits;
use crate::doctor::Finding;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::identity::id::{Bucket, SessionId};
use crate::util::clock::Millis;

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

/// The operations of a store. A session is live until its deadline has passed or it is ended.
///
/// Writing operations carry an [`Op`]. A repeat of the same op returns the first result or is refused; it is never
/// applied twice.
pub(crate) trait Contract: Send + Sync {
    /// This process's estimate of the store's clock: for op ids and due touches, never to decide whether a session is
    /// live.
    fn now(&self) -> Millis;

    /// Checks that the store responds, and returns its clock.
    fn ping(&self) -> impl Future<Output = Result<Millis, Error>> + Send;

    /// Findings about server settings that put sessions at risk.
    fn examine(&self) -> impl Future<Output = Result<Vec<Finding>, Error>> + Send;

    /// Reads a session. One round trip; changes nothing.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Loaded, Error>> + Send;

    /// Reads a session and the store's clock, read no later than the session: for the grace of a previous secret.
    fn load_timed(&self, id: SessionId) -> impl Future<Output = Result<(Loaded, Millis), Error>> + Send;

    /// Stores a new session with the fields of `delta`. Refusals: `Exists`, limits.
    fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Records a use if one is due (by the stored interval), or a first use of the secret. Returns the new metadata.
    /// Refusals: `Gone`.
    fn touch(&self, op: Op, touch: &Touch) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Writes changed fields and returns the new version; also for a handle from before the last re-authentication,
    /// within [`LATE_WRITE_MS`] of it. Refusals: `Gone`, `Conflict`, limits.
    fn save(&self, op: Op, save: &Save) -> impl Future<Output = StoreResult<Wrote>> + Send;

    /// Adds to a counter, which starts at 0; returns its new value and the session's new version. Older handles as for
    /// `save`. Refusals: `Gone`, `Conflict`, `WrongKind`, `Overflow`, limits.
    fn increment(&self, op: Op, increment: &Increment) -> impl Future<Output = StoreResult<(i64, Wrote)>> + Send;

    /// Gives the session a new secret. The old one becomes the previous secret; the digest of its CSRF token is kept
    /// for [`FORMER_CSRF_LIFE_MS`], unless [`FORMER_CSRF_MOST`] others follow. Returns the new metadata.
    ///
    /// With the current secret, it always rotates. With the previous one: `AlreadyRotated` within its grace or until the
    /// rotation has settled. Later, if the current one is unused and still the one that the caller loaded after the
    /// rotation had settled, the current one is replaced and the previous one stays. Refusals: `Gone`, `Conflict`,
    /// `AlreadyRotated`.
    fn rotate(&self, op: Op, rotate: &Rotate) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Changes the timeouts; counts as a use. Returns the new metadata. A session older than its new absolute timeout
    /// is ended as expired, and the result is `Gone`. Refusals: `Gone`, `Conflict`.
    fn retime(&self, op: Op, retime: &Retime) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Logs in under a new id. Returns the new session. Refusals: `Gone`, `Conflict`, `Exists`, `AtCap`, `TicketVoid`,
    /// limits.
    fn login(&self, op: Op, login: &NewLogin) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Whether a login has parked its session under this id: a load does not find it until it is activated.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    fn is_parked(&self, id: SessionId) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Makes a door lead to another session, and stay. Refusals: `Gone` if there is no door that leads to the given
    /// one.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    fn lead(&self, op: Op, lead: &Lead) -> impl Future<Output = StoreResult<()>> + Send;

    /// Logs the same user in again and raises the version. Returns the session. Refusals: `Gone`, `Conflict`,
    /// `TicketVoid`, `AtCap` (after the cap was lowered), limits.
    fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Joins the session that another login of the same visitor created in place of their guest session, with a new
    /// secret as by a rotation. Waits if that login is in progress. Returns the session. Refusals, in this order:
    /// `NotJoined` (more than a minute after that login, or no session), `Gone`, `NotJoined` (another user, client or
    /// generation), `TicketVoid`, limits.
    fn join(&self, op: Op, join: &Join) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Ends a session; returns its successor, if any. Refusals: `Gone`, `Conflict`, `Exists`, limits.
    fn end(&self, op: Op, end: &End) -> impl Future<Output = StoreResult<Option<Record>>> + Send;

    /// Revokes an undelivered secret. If no other secret opens the session, it is ended as undelivered; otherwise it
    /// lives on with the other one. Changes nothing if this is not one of the session's secrets, or if the session was
    /// used since it got it. Returns whether the session was ended. Refusals: `Gone`.
    fn end_undelivered(&self, op: Op, undelivered: &Undelivered) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Like [`end`](Self::end), and waits for replicas.
    fn end_on(
        &self,
        op: Op,
        end: &End,
        replicas: &Arc<Replicas>,
    ) -> impl Future<Output = StoreResult<Option<Record>>> + Send;

    /// A user's epoch and the store's time.
    fn ticket(&self, user: &str) -> impl Future<Output = Result<Ticket, Error>> + Send;

    /// A user's live sessions, earliest login first.
    fn list(&self, user: &str) -> impl Future<Output = Result<Vec<(SessionId, Meta)>, Error>> + Send;

    /// Ends a user's sessions and returns their number; afterwards none in the scope is live. Refusals: `Gone` (with
    /// [`Scope::Others`] or [`Scope::One`], if that session is not a live one of this user).
    fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> impl Future<Output = StoreResult<u64>> + Send;

    /// Like [`revoke`](Self::revoke), and waits for replicas.
    fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> impl Future<Output = StoreResult<u64>> + Send;

    /// Ends every session that the bucket has at the start, in bounded calls; returns their number.
    fn revoke_bucket(&self, bucket: Bucket, who: Who) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Number of the bucket's live sessions touched at or after `since`.
    fn active(&self, bucket: Bucket, since: Millis) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Ends expired sessions and cleans up the index, in bounded calls.
    fn sweep(&self, bucket: Bucket) -> impl Future<Output = Result<Swept, Error>> + Send;
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
}

macro_rules! each_store {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Self::Memory($store) => $call,
            Self::Redis($store) => $call,
        }
    };
}

impl Contract for Store {
    fn now(&self) -> Millis {
        each_store!(self, store => store.now())
    }

    async fn ping(&self) -> Result<Millis, Error> {
        each_store!(self, store => store.ping().await)
    }

    async fn examine(&self) -> Result<Vec<Finding>, Error> {
        each_store!(self, store => store.examine().await)
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, Error> {
        each_store!(self, store => store.load(id).await)
    }

    async fn load_timed(&self, id: SessionId) -> Result<(Loaded, Millis), Error> {
        each_store!(self, store => store.load_timed(id).await)
    }

    async fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> StoreResult<Record> {
        each_store!(self, store => store.create(op, new, delta).await)
    }

    async fn touch(&self, op: Op, touch: &Touch) -> StoreResult<Meta> {
        each_store!(self, store => store.touch(op, touch).await)
    }

    async fn save(&self, op: Op, save: &Save) -> StoreResult<Wrote> {
        each_store!(self, store => store.save(op, save).await)
    }

    async fn increment(&self, op: Op, increment: &Increment) -> StoreResult<(i64, Wrote)> {
        each_store!(self, store => store.increment(op, increment).await)
    }

    async fn rotate(&self, op: Op, rotate: &Rotate) -> StoreResult<Meta> {
        each_store!(self, store => store.rotate(op, rotate).await)
    }

    async fn retime(&self, op: Op, retime: &Retime) -> StoreResult<Meta> {
        each_store!(self, store => store.retime(op, retime).await)
    }

    async fn login(&self, op: Op, login: &NewLogin) -> StoreResult<Record> {
        each_store!(self, store => store.login(op, login).await)
    }

    async fn is_parked(&self, id: SessionId) -> Result<bool, Error> {
        each_store!(self, store => store.is_parked(id).await)
    }

    async fn lead(&self, op: Op, lead: &Lead) -> StoreResult<()> {
        each_store!(self, store => store.lead(op, lead).await)
    }

    async fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> StoreResult<Record> {
        each_store!(self, store => store.reauthenticate(op, again).await)
    }

    async fn join(&self, op: Op, join: &Join) -> StoreResult<Record> {
        each_store!(self, store => store.join(op, join).await)
    }

    async fn end(&self, op: Op, end: &End) -> StoreResult<Option<Record>> {
        each_store!(self, store => store.end(op, end).await)
    }

    async fn end_undelivered(&self, op: Op, undelivered: &Undelivered) -> StoreResult<bool> {
        each_store!(self, store => store.end_undelivered(op, undelivered).await)
    }

    async fn end_on(&self, op: Op, end: &End, replicas: &Arc<Replicas>) -> StoreResult<Option<Record>> {
        each_store!(self, store => store.end_on(op, end, replicas).await)
    }

    async fn ticket(&self, user: &str) -> Result<Ticket, Error> {
        each_store!(self, store => store.ticket(user).await)
    }

    async fn list(&self, user: &str) -> Result<Vec<(SessionId, Meta)>, Error> {
        each_store!(self, store => store.list(user).await)
    }

    async fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> StoreResult<u64> {
        each_store!(self, store => store.revoke(user, scope, reason).await)
    }

    async fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> StoreResult<u64> {
        each_store!(self, store => store.revoke_on(user, scope, reason, replicas).await)
    }

    async fn revoke_bucket(&self, bucket: Bucket, who: Who) -> Result<u64, Error> {
        each_store!(self, store => store.revoke_bucket(bucket, who).await)
    }

    async fn active(&self, bucket: Bucket, since: Millis) -> Result<u64, Error> {
        each_store!(self, store => store.active(bucket, since).await)
    }

    async fn sweep(&self, bucket: Bucket) -> Result<Swept, Error> {
        each_store!(self, store => store.sweep(bucket).await)
    }
}
