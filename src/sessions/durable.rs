//! Ends that wait for replicas: so that a failover to one of them does not undo them.

use std::sync::Arc;
use std::time::Duration;

use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::session::{EndOutcome, Session};
use crate::sessions::Sessions;
use crate::store::{Contract, Refused, Replicas, Scope};
use crate::util::uncancelled::uncancelled;

/// No wait for replicas is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Ends sessions on replicas too, and says how many have it; made by [`Sessions::durable`].
///
/// Redis answers before its replicas have a write, so a failover can undo an end that was acknowledged. Here every call
/// that ends something waits on the connection that wrote it until so many replicas have it, or the time is over. Fewer
/// than asked for is no error: the sessions have ended, and the report says how many replicas know.
///
/// The embedded store has no replicas: it does the same and reports none.
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
    /// As there.
    pub async fn revoke_user(&self, user: impl Into<String>) -> Result<DurableEnd, Error> {
        self.user(user).revoke_all().await
    }

    /// Logs out, as [`Session::logout`] does.
    ///
    /// `ended` is 1 if it was this call that ended the session; `outcome` says more.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
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

/// The sessions of one user, ended on replicas too; made by [`Durable::user`].
#[derive(Debug, Clone)]
pub struct DurableUser {
    durable: Durable,
    user: String,
}

impl DurableUser {
    /// Ends one session, as [`UserSessions::revoke`](crate::UserSessions::revoke) does; `ended` is 1 if it was one of the user.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Redis
    /// `EVAL` of `revoke.lua` and `WAIT`, on a bulk connection.
    pub async fn revoke(&self, id: SessionId) -> Result<DurableEnd, Error> {
        Ok(self.end(Scope::One(id)).await?.unwrap_or_else(|nothing| nothing))
    }

    /// Ends all sessions of the user but this one, as [`UserSessions::revoke_others`](crate::UserSessions::revoke_others)
    /// does; `None` if this is not a live one of the user.
    ///
    /// # Errors
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Cancel safety
    /// As there.
    ///
    /// # Redis
    /// As `revoke_all`.
    pub async fn revoke_others(&self, keep: SessionId) -> Result<Option<DurableEnd>, Error> {
        Ok(self.end(Scope::Others(keep)).await?.ok())
    }

    /// Ends all sessions of the user, as [`UserSessions::revoke_all`](crate::UserSessions::revoke_all) does.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there: it goes on when the client hangs up.
    ///
    /// # Redis
    /// As there, but 256 sessions in a call, by `EVAL`, each followed by `WAIT` on the same bulk connection; `raise.lua` again, with
    /// a `WAIT`, if no session was left to end.
    pub async fn revoke_all(&self) -> Result<DurableEnd, Error> {
        Ok(self.end(Scope::All).await?.unwrap_or_else(|nothing| nothing))
    }

    /// The report; as an error where the scope names no live session of the user.
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

/// What was ended, and how many replicas know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "fewer replicas than asked for is no error: ask `is_durable`"]
pub struct DurableEnd {
    /// Sessions that this call ended.
    pub ended: u64,
    /// How many replicas had acknowledged all that was written: the least number over the calls that it took. If there
    /// was nothing to write, as many as were asked for.
    pub replicas: usize,
    wanted: usize,
}

impl DurableEnd {
    fn new(ended: u64, replicas: &Replicas) -> Self {
        Self { ended, replicas: replicas.least(), wanted: replicas.wanted }
    }

    /// Whether as many replicas have it as were asked for.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        self.replicas >= self.wanted
    }
}

/// What became of a logout, and how many replicas know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a session that was superseded by a new login has not been ended"]
pub struct DurableLogout {
    /// As [`Session::logout`] answers.
    pub outcome: EndOutcome,
    /// How many replicas know.
    pub end: DurableEnd,
}
