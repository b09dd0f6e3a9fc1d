//! The contract that every store keeps: operations as coarse as the scripts.
//!
//! A refusal is an answer, not an error: `Err` means that the store failed. Secrets never come here, only their
//! hashes; whether a presented secret opens the session is decided by the caller, after the load.

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

/// For so long after the first use of the new secret the previous one still opens the session.
pub(crate) const PREVIOUS_GRACE_MS: u64 = 10_000;
/// For so long after a rotation another one with the previous secret is "already rotated".
pub(crate) const ROTATION_SETTLES_MS: u64 = 60_000;
/// For this long after a rotation the CSRF token of before is accepted: the time that a page with a form may stay open.
pub(crate) const FORMER_CSRF_LIFE_MS: u64 = 3_600_000;
/// Most CSRF tokens of before that are kept: 22 bytes each, in every load of a session that was rotated.
pub(crate) const FORMER_CSRF_MOST: usize = 4;
/// For this long after a re-authentication a handle that was loaded before it may still write fields: the time that
/// requests of other tabs may take. Without a limit, whoever opened a WebSocket with a stolen secret could write for hours.
pub(crate) const LATE_WRITE_MS: u64 = 60_000;
/// A ticket is good for so long: the time that a password check may take.
pub(crate) const TICKET_LIFE_MS: u64 = 600_000;
/// The time after a login in which another one of the same visitor joins its session; `JOIN_MS` of `lua/lib/join.lua`.
pub(crate) const JOIN_MS: u64 = 60_000;
/// A revocation epoch is kept for so long after its last raise.
pub(crate) const EPOCH_LIFE_MS: u64 = 3_600_000;
/// Most sessions that one script call touches besides the old and the new one.
pub(crate) const BATCH: usize = 256;
/// Most sessions that one script call of mass work ends: some 20 µs each, and everyone waits while a script runs.
pub(crate) const ENDS: usize = 32;

/// Why a store did not do it. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No live session there; the reason if a tombstone tells it.
    Gone(Option<EndReason>),
    /// Re-authenticated since the load (for writes of fields: too long ago), or, where a version was named, written.
    Conflict,
    /// The id is taken.
    Exists,
    WrongKind,
    Overflow,
    TooManyFields,
    TooManyBytes,
    /// The user has as many live sessions as the cap allows, and the policy is to reject.
    AtCap,
    /// The user was revoked since the ticket was taken, or it is too old.
    TicketVoid,
    /// Rotated already; the presented secret still opens the session.
    AlreadyRotated,
    /// No session that this login may join: another user's, from another client, logged in again, too old, or none.
    NotJoined,
}

/// An answer or a refusal; an error is the store's failure.
pub(crate) type StoreResult<T> = Result<Result<T, Refused>, Error>;

/// Names one call, so that its repeat is told from another call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) id: [u8; 8],
    /// By the store's clock: past it the call is refused without effect.
    pub(crate) not_after: Millis,
    /// Whether it was sent before, and its answer not heard: refused as too late, it may have been done all the same.
    pub(crate) again: bool,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Sessions past their deadline that this sweep ended; where sessions have no expiry grace, Redis ends them itself.
    pub expired: u64,
    /// Index entries of sessions that were no more.
    pub forgotten: u64,
    /// Index entries of live sessions, given their real deadline.
    pub rescored: u64,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.expired += other.expired;
        self.forgotten += other.forgotten;
        self.rescored += other.rescored;
    }
}

/// What a store is told once.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) namespace: String,
    pub(crate) limits: Limits,
    /// How long an ended session answers its reason.
    pub(crate) remember_ms: u64,
}

impl StoreSettings {
    /// How long this session's tombstone stays: up to a tenth longer than ends are remembered, see `lua/lib/tombstone.lua`.
    pub(crate) fn tombstone_ms(&self, id: SessionId) -> u64 {
        self.door_ms(id, 0)
    }

    /// The same of one that is to stay as a door for this long, if that is longer.
    pub(crate) fn door_ms(&self, id: SessionId, door_ms: u64) -> u64 {
        let [.., high, low] = *id.as_bytes();
        let stay_ms = self.remember_ms.max(door_ms);
        stay_ms + stay_ms * u64::from(u16::from_be_bytes([high, low])) / 655_360
    }
}

/// The operations of a store. A session counts as live until its deadline has passed and unless it was ended.
///
/// Mutating operations carry an [`Op`]: the same op delivered again is answered as the first time or refused,
/// never applied twice.
pub(crate) trait Contract: Send + Sync {
    /// The store's clock as far as this process knows it: for op ids and for when a touch is due, never for life and death.
    fn now(&self) -> Millis;

    /// Asks the store whether it is there, and its clock.
    fn ping(&self) -> impl Future<Output = Result<Millis, Error>> + Send;

    /// What the servers' settings put at risk.
    fn examine(&self) -> impl Future<Output = Result<Vec<Finding>, Error>> + Send;

    /// Reads a session. One round trip; changes nothing.
    fn load(&self, id: SessionId) -> impl Future<Output = Result<Loaded, Error>> + Send;

    /// Reads a session and the store's clock, which was read no later: for a previous secret, whose grace is a matter of time.
    fn load_timed(&self, id: SessionId) -> impl Future<Output = Result<(Loaded, Millis), Error>> + Send;

    /// Stores a new session with the fields that `delta` sets. Refusals: `Exists`, limits.
    fn create(&self, op: Op, new: &NewSession, delta: &Delta) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Notes a use if one is due (by the stored interval), or a first use of the secret. Answers the metadata after it.
    /// Refusals: `Gone`.
    fn touch(&self, op: Op, touch: &Touch) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Writes changed fields and returns the new version; also for a handle from before the last re-authentication, within
    /// [`LATE_WRITE_MS`] of it. Refusals: `Gone`, `Conflict`, limits.
    fn save(&self, op: Op, save: &Save) -> impl Future<Output = StoreResult<Wrote>> + Send;

    /// Adds to a counter, which starts at 0, and returns its new value and the session's new version; for older handles as `save`.
    /// Refusals: `Gone`, `Conflict`, `WrongKind`, `Overflow`, limits.
    fn increment(&self, op: Op, increment: &Increment) -> impl Future<Output = StoreResult<(i64, Wrote)>> + Send;

    /// Gives the session a new secret; the old one stays as the previous, and the digest of its CSRF token for
    /// [`FORMER_CSRF_LIFE_MS`], unless [`FORMER_CSRF_MOST`] others follow. Returns the metadata after it.
    ///
    /// With the current secret always. With the previous one: `AlreadyRotated` while within its grace or while the
    /// rotation is not settled; later, if the current one is unused and still what the caller loaded after the
    /// rotation had settled, the current one is replaced and the previous stays. Refusals: `Gone`, `Conflict`, `AlreadyRotated`.
    fn rotate(&self, op: Op, rotate: &Rotate) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Changes the timeouts and counts as a use. Answers the metadata after it. A session that has outlived its new
    /// absolute timeout is ended as expired and answers `Gone`. Refusals: `Gone`, `Conflict`.
    fn retime(&self, op: Op, retime: &Retime) -> impl Future<Output = StoreResult<Meta>> + Send;

    /// Logs in under a new id. Answers the new session. Refusals: `Gone`, `Conflict`, `Exists`, `AtCap`, `TicketVoid`, limits.
    fn login(&self, op: Op, login: &NewLogin) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Whether a login puts its session aside under this id just now: a load does not find it until it is logged in.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    fn is_parked(&self, id: SessionId) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Has a door lead to the session that follows, and stay. Refusals: `Gone`, if no door is there that leads so.
    #[cfg_attr(
        not(any(feature = "tower-sessions", feature = "tower-sessions-014", feature = "actix-session")),
        allow(dead_code)
    )]
    fn lead(&self, op: Op, lead: &Lead) -> impl Future<Output = StoreResult<()>> + Send;

    /// Logs the same user in again, and raises the version. Returns the session. Refusals: `Gone`, `Conflict`, `TicketVoid`, `AtCap` (after the cap was lowered), limits.
    fn reauthenticate(&self, op: Op, again: &Reauthenticate) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Gives a login the session that another login of the same visitor made in the place of their guest's: one more
    /// secret, as by a rotation. Waits if that login is not done. Answers the session. Refusals, in this order: `NotJoined`
    /// (more than a minute after that login, or no session), `Gone`, `NotJoined` (another user, client or generation),
    /// `TicketVoid`, limits.
    fn join(&self, op: Op, join: &Join) -> impl Future<Output = StoreResult<Record>> + Send;

    /// Ends a session; answers the one that follows, if any. Refusals: `Gone`, `Conflict`, `Exists`, limits.
    fn end(&self, op: Op, end: &End) -> impl Future<Output = StoreResult<Option<Record>>> + Send;

    /// Takes back a secret that was not delivered: if no other one opens the session, it is ended as undelivered; else it
    /// lives on with the other. Changes nothing where it is not one of the session's secrets, or where the session was
    /// used since it got it. Returns whether the session was ended. Refusals: `Gone`.
    fn end_undelivered(&self, op: Op, undelivered: &Undelivered) -> impl Future<Output = StoreResult<bool>> + Send;

    /// The same as [`end`](Self::end), on replicas too.
    fn end_on(
        &self,
        op: Op,
        end: &End,
        replicas: &Arc<Replicas>,
    ) -> impl Future<Output = StoreResult<Option<Record>>> + Send;

    /// A user's epoch and the time.
    fn ticket(&self, user: &str) -> impl Future<Output = Result<Ticket, Error>> + Send;

    /// A user's live sessions, earliest login first.
    fn list(&self, user: &str) -> impl Future<Output = Result<Vec<(SessionId, Meta)>, Error>> + Send;

    /// Ends a user's sessions and answers how many; when it returns, none in its scope is alive. Refusals: `Gone`
    /// (with [`Scope::Others`] or [`Scope::One`], if the named one is not a live session of this user).
    fn revoke(&self, user: &str, scope: Scope, reason: EndReason) -> impl Future<Output = StoreResult<u64>> + Send;

    /// The same as [`revoke`](Self::revoke), on replicas too.
    fn revoke_on(
        &self,
        user: &str,
        scope: Scope,
        reason: EndReason,
        replicas: &Arc<Replicas>,
    ) -> impl Future<Output = StoreResult<u64>> + Send;

    /// Ends every session that the bucket holds now, in bounded calls; answers how many.
    fn revoke_bucket(&self, bucket: Bucket, who: Who) -> impl Future<Output = Result<u64, Error>> + Send;

    /// How many live sessions of the bucket were touched at or after `since`.
    fn active(&self, bucket: Bucket, since: Millis) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Ends what is past its deadline and tidies the index, in bounded calls.
    fn sweep(&self, bucket: Bucket) -> impl Future<Output = Result<Swept, Error>> + Send;
}

/// The stores there are.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Box<memory::Memory>),
    Redis(Arc<redis::Redis>),
}

impl Store {
    /// Whether buckets may lie on different servers: then a login may take several calls.
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
