//! `Sessions`: the shared handle and entry point.

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
use crate::store::{OP_LIFE_MS, Op, Store, Who};

/// The sessions of one application. Cheap to clone; one per process is enough.
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
    /// Slots for delayed ends, see [`undelivered`](crate::session::undelivered).
    waiting: Semaphore,
}

impl Sessions {
    /// Returns a builder for sessions in the store at this URL:
    ///
    /// | store | URL |
    /// |---|---|
    /// | one server | `redis://user:password@host:6379/0`; only the host is required |
    /// | one server on a Unix socket | `redis+unix:///path?db=0&user=..&password=..`; only the path is required |
    /// | a Redis Cluster | `redis-cluster://user:password@host:6379,host`: some of its nodes |
    /// | a master behind Sentinels | `redis-sentinel://user:password@host:26379,host/master/0?sentinel_user=..&sentinel_password=..`: some of the Sentinels, the master's name |
    /// | embedded, in this process only | `memory:` |
    ///
    /// With the feature `tls`, `rediss:`, `rediss-cluster:` and `rediss-sentinel:` use TLS, see [`Builder::tls`]. User
    /// and password are percent-encoded. `connect` reports an invalid URL, without its password.
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

    /// A new operation id with its deadline.
    pub(crate) fn op(&self) -> Result<Op, Error> {
        let mut id = [0; 8];
        fill(&mut id)?;
        Ok(Op { id, not_after: self.store().now() + OP_LIFE_MS, again: false })
    }

    /// Opens the session of this token and records a use; returns a draft if there is none.
    ///
    /// A missing, malformed or unknown token and a wrong secret all return a draft, with no way to distinguish them.
    /// The token of an ended session returns a draft with the reason ([`Session::ended`]). A draft stores nothing until
    /// something is written and saved. A touch is due once per touch interval; it runs concurrently.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the store did not reply; an outage is never reported as "no session".
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

    /// Like [`open`](Self::open), but does not count as a use: it does not extend the session.
    ///
    /// # Errors
    /// As `open`.
    ///
    /// # Redis
    /// As `open`, without the touch.
    pub async fn peek(&self, token: Option<&str>, client: ClientInfo) -> Result<Session, Error> {
        load::peek(self, token, client).await
    }

    /// All sessions of one user, on any server.
    pub fn user(&self, user: impl Into<String>) -> UserSessions {
        UserSessions::new(self.clone(), user.into())
    }

    /// Takes a ticket of the user's revocation state, before their password is checked.
    ///
    /// A login with this ticket is refused if the user's sessions were revoked after it was taken. So a login that
    /// began with the old password cannot finish after "change password and sign out everywhere". Valid for 10 minutes.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Limit`] for a user id out of range.
    ///
    /// # Redis
    /// One round trip: `GET`, `TIME`.
    pub async fn ticket(&self, user: &str) -> Result<LoginTicket, Error> {
        self.settings().limits.check_user(user)?;
        Ok(LoginTicket::new(user, self.store().ticket(user).await?))
    }

    /// Ends all sessions of a user on all servers; the same as [`UserSessions::revoke_all`].
    ///
    /// # Errors
    /// As `revoke_all`.
    #[doc(alias = "kill_session_by_user")]
    pub async fn revoke_user(&self, user: impl Into<String>) -> Result<Revoked, Error> {
        self.user(user).revoke_all().await
    }

    /// Session ends that wait for this number of replicas, for ends that a failover must not undo. `within` limits the
    /// total wait of one end (at most one minute).
    ///
    /// The wait is added to [`Builder::budget`](crate::Builder::budget): while replicas are unavailable it takes the
    /// full time, but the sessions end before it starts. Each wait holds one of the
    /// [`bulk_connections`](crate::Builder::bulk_connections). If none becomes free within a quarter of the budget, the
    /// sessions end without a wait and the report says 0 replicas.
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

    /// Ends every guest session that exists when the walk reaches its bucket; reports progress.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; ended sessions stay ended, and calling again continues. A
    /// bucket that fails, such as during a failover, is retried after all others, up to five times.
    ///
    /// # Cancel safety
    /// If dropped, the walk stops; ended sessions stay ended, and calling again continues.
    ///
    /// # Redis
    /// For each of 4,096 buckets `ZRANGE` and one `EVALSHA` of `revoke.lua` per 32 sessions, on bulk connections.
    pub async fn revoke_guests(&self, progress: impl FnMut(Progress) + Send) -> Result<Revoked, Error> {
        self.revoke_where(Who::Guests, progress).await
    }

    /// Ends every guest and user session that exists when the walk reaches its bucket; reports progress.
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

    /// Number of sessions used at or after this time, at the granularity of the touch interval.
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

    /// Ends expired sessions and cleans up the indexes, once. [`spawn_sweeper`](Self::spawn_sweeper) does it regularly.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; calling again continues.
    ///
    /// # Redis
    /// For each of 4,096 buckets `ZRANGEBYSCORE`, and one `EVALSHA` of `sweep.lua` per 32 sessions due, on bulk connections.
    #[doc(alias = "delete_old_sessions")]
    pub async fn sweep(&self) -> Result<Swept, Error> {
        sweeper::sweep(self).await
    }

    /// Sweeps at this interval in a background task, until the returned handle is dropped.
    ///
    /// Any number of servers may run one: each due session is ended by exactly one of them. 10 s to 5 minutes is
    /// sensible. Shorter intervals cost Redis more reads; longer ones keep dead index entries longer.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn spawn_sweeper(&self, every: Duration) -> Sweeper {
        Sweeper::spawn(self.clone(), every)
    }

    /// Checks that the store responds, for health checks: waits at most half a second.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not.
    ///
    /// # Redis
    /// `TIME`.
    pub async fn ping(&self) -> Result<(), Error> {
        self.store().ping().await.map(drop)
    }
}

/// The result of a mass revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// Sessions that this call ended.
    pub ended: u64,
}

/// Progress of a walk over all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Buckets done.
    pub done: u32,
    /// Total number of buckets: 4,096.
    pub of: u32,
    /// Sessions ended so far.
    pub ended: u64,
}
