//! Ending a session through its handle: `logout`, `invalidate`, `reset`.

use std::sync::Arc;

use super::save::ids_taken;
use super::{Live, Phase, Session};
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Delta;
use crate::identity::token::SessionToken;
use crate::sessions::Revoked;
use crate::store::{End, MINTS, NewSession, Record, Refused, Replicas};
use crate::util::uncancelled::uncancelled;

/// The result of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a session that was superseded by a new login has not been ended"]
pub enum EndOutcome {
    /// This call ended the session.
    Ended,
    /// The session had already ended, for this reason if known.
    AlreadyEnded(Option<EndReason>),
    /// Nothing was ended: the user logged in again in this session after it was loaded.
    Superseded,
    /// There was no session.
    NoSession,
}

/// The handle's state after the end.
#[derive(Clone, Copy)]
enum Then {
    Draft,
    Nothing,
}

impl Session {
    /// Logs out. When this returns, the session has ended for every server and its token is no longer valid.
    ///
    /// The handle continues as a draft, also if the session had already ended: later writes create a new guest session.
    /// Unsaved changes are discarded.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: still logged in. [`Error::Indeterminate`]: perhaps logged out. Logging out again is
    /// safe.
    ///
    /// # Cancel safety
    /// Once polled, it continues in a task of its own if dropped, such as when the client disconnects. Outside of a
    /// Tokio runtime it stops; the session has ended or not.
    ///
    /// # Redis
    /// One `EVALSHA` of `end.lua`; none without a session.
    pub async fn logout(&self) -> Result<EndOutcome, Error> {
        self.logout_keeping(std::iter::empty::<&str>()).await
    }

    /// Logs out and copies these fields into a new guest session, with a new id and token. Missing fields are skipped;
    /// if all are missing, no session is created. Pending changes of these fields are included.
    ///
    /// # Errors
    /// As [`logout`](Self::logout); [`Error::TooLate`] once the response has begun: nothing is ended, since the new
    /// token could not be sent.
    ///
    /// # Cancel safety
    /// As [`logout`](Self::logout).
    ///
    /// # Redis
    /// One `EVALSHA` of `end.lua`.
    pub async fn logout_keeping<N: Into<String>>(
        &self,
        fields: impl IntoIterator<Item = N> + Send,
    ) -> Result<EndOutcome, Error> {
        let keep: Vec<String> = fields.into_iter().map(Into::into).collect();
        if !keep.is_empty() {
            self.state().refuse_late()?;
        }
        self.end_with(EndReason::LoggedOut, keep, None).await
    }

    /// Like `logout`, and waits for replicas.
    pub(crate) async fn logout_on(&self, replicas: &Arc<Replicas>) -> Result<EndOutcome, Error> {
        self.end_with(EndReason::LoggedOut, Vec::new(), Some(replicas)).await
    }

    /// Ends all sessions of this session's user, this one included; for a guest, this one alone.
    ///
    /// # Errors
    /// As [`UserSessions::revoke_all`](crate::UserSessions::revoke_all); [`Error::Gone`] if this session was found to
    /// have ended since it was loaded: nothing is ended, since only a live session may end the others.
    ///
    /// # Cancel safety
    /// As [`logout`](Self::logout).
    ///
    /// # Redis
    /// As `revoke_all`.
    pub async fn logout_everywhere(&self) -> Result<Revoked, Error> {
        let session = self.clone();
        uncancelled(async move { session.end_everywhere().await }).await
    }

    async fn end_everywhere(&self) -> Result<Revoked, Error> {
        let turn = self.0.turn.lock().await;
        self.state().refuse_ended()?;
        let Some(user) = self.user() else {
            drop(turn);
            let ended = self.logout().await? == EndOutcome::Ended;
            return Ok(Revoked { ended: u64::from(ended) });
        };
        let revoked = self.sessions().user(user).revoke_all().await?;
        let mut state = self.state();
        state.lifetimes = self.sessions().settings().lifetimes;
        state.restart(Phase::after(EndReason::Revoked));
        Ok(revoked)
    }

    /// Ends the session. This handle can write nothing afterwards, and the client's cookie is removed. Without a
    /// session, nothing is ended and the handle stays a draft.
    ///
    /// # Errors
    /// As [`logout`](Self::logout).
    ///
    /// # Cancel safety
    /// As `logout`.
    ///
    /// # Redis
    /// One `EVALSHA` of `end.lua`; none without a session.
    #[doc(alias = "expire")]
    #[doc(alias = "destroy")]
    pub async fn invalidate(&self) -> Result<EndOutcome, Error> {
        let session = self.clone();
        uncancelled(async move { session.end_in_turn(EndReason::Invalidated, &[], None, Then::Nothing).await }).await
    }

    /// Ends the session, if there is one, and continues as an empty draft, without user or fields.
    ///
    /// # Errors
    /// As [`logout`](Self::logout); [`Error::TooLate`] once the response has begun, and nothing is ended.
    ///
    /// # Cancel safety
    /// As `logout`.
    ///
    /// # Redis
    /// One `EVALSHA` of `end.lua`; none without a session.
    #[doc(alias = "flush")]
    pub async fn reset(&self) -> Result<EndOutcome, Error> {
        self.state().refuse_late()?;
        self.end_with(EndReason::Invalidated, Vec::new(), None).await
    }

    async fn end_with(
        &self,
        reason: EndReason,
        keep: Vec<String>,
        replicas: Option<&Arc<Replicas>>,
    ) -> Result<EndOutcome, Error> {
        let (session, replicas) = (self.clone(), replicas.cloned());
        uncancelled(async move { session.end_in_turn(reason, &keep, replicas.as_ref(), Then::Draft).await }).await
    }

    async fn end_in_turn(
        &self,
        reason: EndReason,
        keep: &[String],
        replicas: Option<&Arc<Replicas>>,
        then: Then,
    ) -> Result<EndOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        let ended_before = match self.state().phase {
            Phase::Ended(reason) => Some(reason),
            _ => None,
        };
        if let Some(reason) = ended_before {
            return Ok(self.had_ended(reason, then));
        }
        let Some(live) = self.state().live().cloned() else {
            return Ok(self.end_draft(keep));
        };
        self.state().drop_refused();
        for _ in 0..MINTS {
            let (call, token) = self.end_call(&live, reason, keep)?;
            let (store, op) = (self.sessions().store(), self.sessions().op()?);
            let answer = match replicas {
                Some(replicas) => store.end_on(op, &call, replicas).await,
                None => store.end(op, &call).await,
            };
            if let Some(token) = &token {
                self.note_outcome(token, &answer);
            }
            match answer? {
                Ok(next) => {
                    if let (None, Some(token)) = (&next, &token) {
                        self.state().forget(token);
                    }
                    return Ok(self.go_on(&live, reason, next.zip(token), then));
                }
                Err(Refused::Exists) => {}
                Err(Refused::Conflict) => {
                    self.state().superseded();
                    return Ok(EndOutcome::Superseded);
                }
                Err(Refused::Gone(reason)) => return Ok(self.had_ended(reason, then)),
                Err(refused) => return Err(refused.into_error(&self.sessions().settings().limits, "")),
            }
        }
        Err(ids_taken())
    }

    /// The call, with a new guest session in the same bucket if fields are kept, and that session's token.
    fn end_call(&self, live: &Live, reason: EndReason, keep: &[String]) -> Result<(End, Option<SessionToken>), Error> {
        let mut successor = None;
        let mut token = None;
        if !keep.is_empty() {
            let (new, fresh) = self.new_session(live.session.id.bucket(), None)?;
            let lifetimes = self.sessions().settings().lifetimes;
            successor = Some((NewSession { lifetimes, ..new }, keep.to_vec()));
            token = Some(fresh);
        }
        let delta = if keep.is_empty() { Delta::default() } else { self.state().fields.delta().clone() };
        let old = live.session.old();
        Ok((End { old, reason, successor, delta }, token))
    }

    fn go_on(&self, old: &Live, reason: EndReason, next: Option<(Record, SessionToken)>, then: Then) -> EndOutcome {
        let mut state = self.state();
        state.lifetimes = self.sessions().settings().lifetimes;
        match (next, then) {
            (Some((record, token)), _) => state.begin_with(token.id(), record, token),
            (None, Then::Draft) => {
                let bucket = Some(old.session.id.bucket());
                state.restart(Phase::Draft { bucket, after: Some(reason), drop_cookie: true, before: None });
            }
            (None, Then::Nothing) => drop(state.gone(Some(reason))),
        }
        EndOutcome::Ended
    }

    /// Another call had ended the session.
    fn had_ended(&self, reason: Option<EndReason>, then: Then) -> EndOutcome {
        let mut state = self.state();
        match then {
            Then::Draft => {
                state.lifetimes = self.sessions().settings().lifetimes;
                state.restart(Phase::after(reason));
            }
            Then::Nothing => drop(state.gone(reason)),
        }
        EndOutcome::AlreadyEnded(reason)
    }

    /// Removes all fields of a draft but those to keep.
    fn end_draft(&self, keep: &[String]) -> EndOutcome {
        let mut state = self.state();
        let names: Vec<String> = state.fields.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names.iter().filter(|name| !keep.contains(name)) {
            state.fields.remove(name);
        }
        EndOutcome::NoSession
    }
}
