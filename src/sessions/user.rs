//! All sessions of one user: list, count, revoke.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::end::EndReason;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::sessions::{Revoked, Sessions};
use crate::store::{Meta, Refused, Scope};
use crate::util::clock::instant;
use crate::util::uncancelled::uncancelled;

/// All sessions of one user, on any server; returned by [`Sessions::user`].
#[derive(Debug, Clone)]
pub struct UserSessions {
    sessions: Sessions,
    user: String,
}

impl UserSessions {
    pub(crate) const fn new(sessions: Sessions, user: String) -> Self {
        Self { sessions, user }
    }

    /// The user's id.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user's live sessions, earliest login first.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Limit`] for a user id out of range.
    ///
    /// # Redis
    /// `ZRANGE`, then `HGET` of each session in one round trip per 256.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, Error> {
        self.check()?;
        let live = self.sessions.store().list(&self.user).await?;
        Ok(live.into_iter().map(|(id, meta)| SessionInfo::new(id, &meta)).collect())
    }

    /// Number of the user's live sessions.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Redis
    /// As `list`.
    pub async fn count(&self) -> Result<u64, Error> {
        Ok(self.list().await?.len() as u64)
    }

    /// Number of sessions used at or after this time, at the granularity of the touch interval.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Redis
    /// As `list`.
    pub async fn active_since(&self, since: SystemTime) -> Result<u64, Error> {
        let since = instant(since.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64));
        Ok(self.list().await?.iter().filter(|session| session.last_access >= since).count() as u64)
    }

    /// Ends one session if it is a live session of this user; returns whether it was.
    ///
    /// The stored user id is compared, so the id of another user's session has no effect.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: not ended. [`Error::Indeterminate`]: perhaps ended; calling again is safe.
    ///
    /// # Cancel safety
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Redis
    /// One `EVALSHA` of `revoke.lua`.
    pub async fn revoke(&self, id: SessionId) -> Result<bool, Error> {
        self.check()?;
        let this = self.clone();
        let one = async move { this.sessions.store().revoke(&this.user, Scope::One(id), EndReason::Revoked).await };
        Ok(uncancelled(one).await?.is_ok())
    }

    /// Ends all other sessions of the user; `None`, and nothing is ended, if `keep` is not a live session of this user.
    ///
    /// More than 32 sessions take several calls. If `keep` ends between two of them, such as by another device that
    /// keeps itself, the result is `None` too: the sessions of earlier calls have ended, the others have not.
    ///
    /// Logins with an earlier ticket are rejected from now on.
    ///
    /// # Errors
    /// As [`revoke_all`](Self::revoke_all).
    ///
    /// # Cancel safety
    /// As `revoke_all`.
    ///
    /// # Redis
    /// As `revoke_all`.
    pub async fn revoke_others(&self, keep: SessionId) -> Result<Option<Revoked>, Error> {
        self.revoke_scope(Scope::Others(keep)).await
    }

    /// Ends all sessions of the user on all servers. When this returns, no session that was logged in before the call
    /// opens again.
    ///
    /// Logins with an earlier ticket are rejected from now on; later logins are not affected.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]: some sessions may have ended; calling again continues.
    ///
    /// # Cancel safety
    /// Once polled, it continues in a task of its own if dropped. Outside of a Tokio runtime it stops: some sessions
    /// may have ended, and calling again continues.
    ///
    /// # Redis
    /// `GET` and `TIME`; `EVALSHA` of `raise.lua`; then `ZRANGE` and `EVALSHA` of `revoke.lua` per 32 sessions.
    #[doc(alias = "end_all")]
    pub async fn revoke_all(&self) -> Result<Revoked, Error> {
        Ok(self.revoke_scope(Scope::All).await?.unwrap_or(Revoked { ended: 0 }))
    }

    async fn revoke_scope(&self, scope: Scope) -> Result<Option<Revoked>, Error> {
        self.check()?;
        let this = self.clone();
        let revoke = async move { this.sessions.store().revoke(&this.user, scope, EndReason::Revoked).await };
        match uncancelled(revoke).await? {
            Ok(ended) => Ok(Some(Revoked { ended })),
            Err(Refused::Gone(_)) => Ok(None),
            Err(refused) => Err(refused.into_error(&self.sessions.settings().limits, "")),
        }
    }

    fn check(&self) -> Result<(), Error> {
        Ok(self.sessions.settings().limits.check_user(&self.user)?)
    }
}

/// One live session, as displayed to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The public id, for [`UserSessions::revoke`].
    pub id: SessionId,
    /// Creation time.
    pub created_at: SystemTime,
    /// Time of the user's last login in it.
    pub auth_time: SystemTime,
    /// Time of the last use, at the granularity of the touch interval.
    pub last_access: SystemTime,
    /// The client's address at the login, if known.
    pub address: Option<IpAddr>,
    /// The client's user agent at the login, if sent.
    pub user_agent: Option<String>,
}

impl SessionInfo {
    fn new(id: SessionId, meta: &Meta) -> Self {
        Self {
            id,
            created_at: instant(meta.created),
            auth_time: instant(meta.since),
            last_access: instant(meta.touched),
            address: meta.client.known_address(),
            user_agent: meta.client.known_user_agent().map(str::to_owned),
        }
    }
}
