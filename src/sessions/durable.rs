//! Session ends that wait for replicas, so that a failover to one of them does not undo the end.

use std::sync::Arc;
use std::time::Duration;

use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::session::{EndOutcome, Session};
use crate::sessions::Sessions;
use crate::store::{Refused, Replicas, Scope};
use crate::util::uncancelled::uncancelled;

/// Limit of a wait for replicas.
const LONGEST: Duration = Duration::from_secs(60);

/// Ends sessions and waits for replicas; returned by [`Sessions::durable`].
///
/// Redis replies before its replicas have a write, so a failover can undo an acknowledged end. Here, every call that
/// ends something waits on the connection that wrote it until the given number of replicas has it, or the time is over.
/// Fewer replicas are not an error: the sessions have ended, and the report says how many replicas have the end.
///
/// The embedded store has no replicas: it ends sessions and reports 0 replicas.
#[derive(Debug, Clone)]
pub struct Durable {
    sessions: Sessions,
    replicas: usize,
    within: Duration,
}

impl Durable {
    pub(crate) fn new(sessions: Sessions, replicas: usize, within: Duration) -> Self {
        Self { sessions, replicas, within: within.min(LONGEST) }
    }

    /// The sessions of one user.
    pub fn user(&self, user: impl Into<String>) -> DurableUser {
        DurableUser { durable: self.clone(), user: user.into() }
    }

    /// Ends all sessions of a user; the same as [`DurableUser::revoke_all`].
    ///
    /// # Errors
    /// As `revoke_all`.
    pub async fn revoke_user(&self, user: impl Into<String>) -> Result<DurableEnd, Error> {
        self.user(user).revoke_all().await
    }

    /// Logs out, as [`Session::logout`] does.
    ///
    /// `ended` is 1 if this call ended the session; `outcome` has the details.
    ///
    /// # Errors
    /// As `Session::logout`.
    ///
    /// # Cancel safety
    /// As `Session::logout`.
    ///
    /// # Redis
    /// `EVAL` of `end.lua` and `WAIT`, on a bulk connection.
    pub async fn logout(&self, session: &Session) -> Result<DurableLogout, Error> {
        let replicas = self.wanted();
        let outcome = session.logout_on(&replicas).await?;
        let end = DurableEnd::new(u64::from(outcome == EndOutcome::Ended), &replicas);
        Ok(DurableLogout { outcome, end })
    }

    fn wanted(&self) -> Arc<Replicas> {
        Arc::new(Replicas::new(self.replicas, self.within))
    }
}

/// The sessions of one user, with ends that wait for replicas; returned by [`Durable::user`].
#[derive(Debug, Clone)]
pub struct DurableUser {
    durable: Durable,
    user: String,
}

impl DurableUser {
    /// Ends one session, as [`UserSessions::revoke`](crate::UserSessions::revoke) does; `ended` is 1 if it was the
    /// user's.
    ///
    /// # Errors
    /// As `UserSessions::revoke`.
    ///
    /// # Cancel safety
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Redis
    /// `EVAL` of `revoke.lua` and `WAIT`, on a bulk connection.
    pub async fn revoke(&self, id: SessionId) -> Result<DurableEnd, Error> {
        Ok(self.end(Scope::One(id)).await?.unwrap_or_else(|nothing| nothing))
    }

    /// Ends all other sessions of the user, as [`UserSessions::revoke_others`](crate::UserSessions::revoke_others)
    /// does; `None` if `keep` is not a live session of this user.
    ///
    /// # Errors
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Cancel safety
    /// As `revoke_all`.
    ///
    /// # Redis
    /// As `revoke_all`.
    pub async fn revoke_others(&self, keep: SessionId) -> Result<Option<DurableEnd>, Error> {
        Ok(self.end(Scope::Others(keep)).await?.ok())
    }

    /// Ends all sessions of the user, as [`UserSessions::revoke_all`](crate::UserSessions::revoke_all) does.
    ///
    /// # Errors
    /// As `UserSessions::revoke_all`.
    ///
    /// # Cancel safety
    /// As `UserSessions::revoke_all`: it continues if the client disconnects.
    ///
    /// # Redis
    /// As `UserSessions::revoke_all`, but with 256 sessions per call, by `EVAL`, each followed by `WAIT` on the same
    /// bulk connection; `raise.lua` again, with a `WAIT`, if no session was left to end.
    pub async fn revoke_all(&self) -> Result<DurableEnd, Error> {
        Ok(self.end(Scope::All).await?.unwrap_or_else(|nothing| nothing))
    }

    /// The report; as an error if the scope's session is not a live one of the user.
    async fn end(&self, scope: Scope) -> Result<Result<DurableEnd, DurableEnd>, Error> {
        let sessions = &self.durable.sessions;
        let limits = &sessions.settings().limits;
        limits.check_user(&self.user)?;
        let replicas = self.durable.wanted();
        let (this, of) = (self.clone(), Arc::clone(&replicas));
        let revoke =
            async move { this.durable.sessions.store().revoke_on(&this.user, scope, EndReason::Revoked, &of).await };
        match uncancelled(revoke).await? {
            Ok(ended) => Ok(Ok(DurableEnd::new(ended, &replicas))),
            Err(Refused::Gone(_)) => Ok(Err(DurableEnd::new(0, &replicas))),
            Err(refused) => Err(refused.into_error(limits, "")),
        }
    }
}

/// The result of an end, and how many replicas have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "fewer replicas than asked for is no error: ask `is_durable`"]
pub struct DurableEnd {
    /// Sessions that this call ended.
    pub ended: u64,
    /// How many replicas have acknowledged everything written: the minimum over all calls. If nothing had to be
    /// written, the requested number.
    pub replicas: usize,
    wanted: usize,
}

impl DurableEnd {
    fn new(ended: u64, replicas: &Replicas) -> Self {
        Self { ended, replicas: replicas.least(), wanted: replicas.wanted }
    }

    /// Whether the requested number of replicas has it.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.replicas >= self.wanted
    }
}

/// The result of a logout, and how many replicas have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a session that was superseded by a new login has not been ended"]
pub struct DurableLogout {
    /// The result of [`Session::logout`].
    pub outcome: EndOutcome,
    /// How many replicas have it.
    pub end: DurableEnd,
}
