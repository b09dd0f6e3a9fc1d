//! The shared handle: everything starts here.

pub(crate) mod all_buckets;
pub(crate) mod builder;
mod doctor;
pub(crate) mod durable;
pub(crate) mod sweeper;
pub(crate) mod user;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use crate::config::Settings;
use crate::error::Error;
use crate::identity::client::ClientInfo;
use crate::identity::id::{Bucket, fill};
use crate::session::Session;
use crate::session::load;
use crate::session::login_request::LoginTicket;
use crate::session::undelivered::MOST_WAITING;
use crate::sessions::all_buckets::AllBuckets;
use crate::sessions::builder::Builder;
use crate::sessions::durable::Durable;
use crate::sessions::sweeper::{Sweeper, Swept};
use crate::sessions::user::UserSessions;
use crate::store::{Contract, Op, Store, Who};

/// How long after it was made a call may still be executed: longer than any retry goes on, shorter than any tombstone lasts.
const OP_LIFE_MS: u64 = 60_000;

/// The sessions of one application: a cheap `Clone`, shared by everything in a process.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use cloakroom::{ClientInfo, Sessions};
///
/// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
/// let session = sessions.open(None, ClientInfo::new()).await?;
/// session.insert("cart", &["hat"])?;
/// session.save().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Sessions(Arc<SessionsInner>);

#[derive(Debug)]
struct SessionsInner {
    store: Store,
    settings: Settings,
    /// Places for what is ended a while later, see [`undelivered`](crate::session::undelivered).
    waiting: Semaphore,
}

impl Sessions {
    /// Settings for sessions in this store, which its URL names:
    ///
    /// | the store is | URL |
    /// |---|---|
    /// | one server | `redis://user:password@host:6379/0`, of which the host is enough |
    /// | one server over a Unix socket | `redis+unix:///path?db=0&user=..&password=..`, of which the path is enough |
    /// | a Redis Cluster | `redis-cluster://user:password@host:6379,host`: some of its nodes |
    /// | a master that Sentinels watch | `redis-sentinel://user:password@host:26379,host/master/0?sentinel_user=..&sentinel_password=..`: some of the Sentinels, the master's name |
    /// | in this process, and dies with it | `memory:` |
    ///
    /// With the feature `tls`, `rediss:`, `rediss-cluster:` and `rediss-sentinel:` go over TLS, see [`Builder::tls`]. User and
    /// password are percent-encoded. What is wrong with a URL is told by `connect`, without its password.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url)
    }

    pub(crate) fn new(store: Store, settings: Settings) -> Self {
        Self(Arc::new(SessionsInner { store, settings, waiting: Semaphore::new(MOST_WAITING) }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn waiting(&self) -> &Semaphore {
        &self.0.waiting
    }

    /// A name for a call that is about to be made.
    pub(crate) fn op(&self) -> Result<Op, Error> {
        let mut id = [0; 8];
        fill(&mut id)?;
        Ok(Op { id, not_after: self.store().now() + OP_LIFE_MS, again: false })
    }

    /// Opens the session that this token names, as a use of it; a draft if there is none.
    ///
    /// A missing, malformed or unknown token and a wrong secret all give a draft, without a hint which; the token of
    /// a session that ended gives a draft that knows the reason ([`Session::ended`]). A draft stores nothing until
    /// something is written and saved. When a touch is due, once per touch interval, it runs beside the caller.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store did not answer: that is never "no session".
    ///
    /// # Cancel safety
    /// Safe: a load changes nothing.
    ///
    /// # Redis
    /// One `HGETALL` (`PTTL` and `HGETALL` in one round trip where sessions have an expiry grace); none without a
    /// well-formed token. When due, one `EVALSHA` of `touch.lua` in a task of its own.
    #[doc(alias = "load")]
    pub async fn open(&self, token: Option<&str>, client: ClientInfo) -> Result<Session, Error> {
        load::open(self, token, client).await
    }

    /// Like [`open`](Self::open), but no use: it does not keep the session alive.
    ///
    /// # Errors
    /// As `open`.
    ///
    /// # Redis
    /// As `open`, without the touch.
    pub async fn peek(&self, token: Option<&str>, client: ClientInfo) -> Result<Session, Error> {
        load::peek(self, token, client).await
    }

    /// All sessions of one user, wherever they were opened.
    pub fn user(&self, user: impl Into<String>) -> UserSessions {
        UserSessions::new(self.clone(), user.into())
    }

    /// Notes the state of a user's revocations before their password is checked.
    ///
    /// A login with this ticket is refused if the user's sessions were revoked meanwhile, so that a login begun
    /// with the old password cannot finish after "change password and sign out everywhere". Good for 10 minutes.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Limit`] for an impossible user id.
    ///
    /// # Redis
    /// One round trip: `GET`, `TIME`.
    pub async fn ticket(&self, user: &str) -> Result<LoginTicket, Error> {
        self.settings().limits.check_user(user)?;
        Ok(LoginTicket::new(user, self.store().ticket(user).await?))
    }

    /// Ends all sessions of a user, everywhere; the same as [`UserSessions::revoke_all`].
    ///
    /// # Errors
    /// As there.
    #[doc(alias = "kill_session_by_user")]
    pub async fn revoke_user(&self, user: impl Into<String>) -> Result<Revoked, Error> {
        self.user(user).revoke_all().await
    }

    /// Ends that wait until so many replicas have them, all waits of one end together at most so long (at most a minute):
    /// for ends that a failover must not undo.
    ///
    /// The waits come on top of [`Builder::budget`](crate::Builder::budget): while replicas are away they take all their time,
    /// and the sessions have ended before it. A wait holds one of the
    /// [`bulk_connections`](crate::Builder::bulk_connections); where none is free within a quarter of the budget, the sessions
    /// end without a wait, and the report says 0 replicas.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # use std::time::Duration;
    /// # let sessions = cloakroom::Sessions::builder("memory:").namespace("shop").connect().await?;
    /// let end = sessions.durable(1, Duration::from_millis(500)).user("ada").revoke_all().await?;
    /// if !end.is_durable() {
    ///     // Ended, but a failover of Redis within the next moments could undo it.
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn durable(&self, replicas: usize, within: Duration) -> Durable {
        Durable::new(self.clone(), replicas, within)
    }

    /// Ends every guest session that exists when the walk reaches its bucket; tells of its progress.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; what was ended stays ended, and calling again goes on. A bucket
    /// that fails, as while its master is replaced, is tried again after all others, up to five times.
    ///
    /// # Cancel safety
    /// Dropped midway, the walk stops: what was ended stays ended, and calling again goes on.
    ///
    /// # Redis
    /// For each of 4,096 buckets `ZRANGE` and one `EVALSHA` of `revoke.lua` per 32 sessions, on bulk connections.
    pub async fn revoke_guests(&self, progress: impl FnMut(Progress) + Send) -> Result<Revoked, Error> {
        self.revoke_where(Who::Guests, progress).await
    }

    /// Ends every session, guests' and users', that exists when the walk reaches its bucket; tells of its progress.
    ///
    /// # Errors
    /// As [`revoke_guests`](Self::revoke_guests).
    ///
    /// # Redis
    /// As `revoke_guests`, and `HGET` for each session.
    pub async fn revoke_all(&self, progress: impl FnMut(Progress) + Send) -> Result<Revoked, Error> {
        self.revoke_where(Who::Everyone, progress).await
    }

    async fn revoke_where(&self, who: Who, mut progress: impl FnMut(Progress) + Send) -> Result<Revoked, Error> {
        let (mut done, mut ended) = (0, 0);
        let mut walk = AllBuckets::over(Bucket::all());
        while let Some(bucket) = walk.next().await {
            let answer = self.store().revoke_bucket(bucket, who).await;
            let Some(here) = walk.settle(bucket, answer)? else { continue };
            (done, ended) = (done + 1, ended + here);
            progress(Progress { done, of: u32::from(Bucket::COUNT), ended });
        }
        Ok(Revoked { ended })
    }

    /// How many sessions were in use at or after this time, at the granularity of the touch interval.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    ///
    /// # Redis
    /// For each of 4,096 buckets `ZRANGE`, then `HGET` of each session in batches, on bulk connections.
    pub async fn active_since(&self, since: SystemTime) -> Result<u64, Error> {
        let since = since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let mut active = 0;
        let mut walk = AllBuckets::over(Bucket::all());
        while let Some(bucket) = walk.next().await {
            let answer = self.store().active(bucket, since).await;
            active += walk.settle(bucket, answer)?.unwrap_or(0);
        }
        Ok(active)
    }

    /// Ends what is past its deadline and tidies the indexes, once. [`spawn_sweeper`](Self::spawn_sweeper) does so regularly.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; calling again goes on.
    ///
    /// # Redis
    /// For each of 4,096 buckets `ZRANGEBYSCORE`, and one `EVALSHA` of `sweep.lua` per 32 sessions due, on bulk connections.
    #[doc(alias = "delete_old_sessions")]
    pub async fn sweep(&self) -> Result<Swept, Error> {
        sweeper::sweep(self).await
    }

    /// Sweeps every so often, in a task of its own, until the handle is dropped.
    ///
    /// Any number of servers may do so: each due session is ended by exactly one of them. 10 s to 5 minutes is
    /// sensible; more often costs Redis more reads, less often keeps dead index entries longer.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sweeper(&self, every: Duration) -> Sweeper {
        Sweeper::spawn(self.clone(), every)
    }

    /// Asks the store whether it is there: for health checks, so it waits no longer than half a second.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not.
    ///
    /// # Redis
    /// `TIME`.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store().ping().await.map(drop)
    }
}

/// What a mass revocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// Sessions that this call ended.
    pub ended: u64,
}

/// How far a walk over all sessions has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Buckets done.
    pub done: u32,
    /// Buckets in all: 4,096.
    pub of: u32,
    /// Sessions ended so far.
    pub ended: u64,
}
