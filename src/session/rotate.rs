//! A new secret for the same session.

use super::{Live, Phase, Session};
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::token::{Presented, SessionToken};
use crate::store::{Contract, Meta, Refused, Rotate, StoreResult};

/// What became of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a session that could not be rotated keeps its token"]
pub enum RotateOutcome {
    /// The session has a new token, which the client has to be given.
    Rotated,
    /// Another request rotated it just now; the client's token goes on working until it uses the new one.
    AlreadyRotated,
    /// A draft has nothing to rotate.
    NoSession,
    /// The session was logged in again since the load.
    Conflict,
    /// The session has ended.
    Gone(Option<EndReason>),
}

impl Session {
    /// Gives the session a new secret; id, user and fields stay. Hygiene for long sessions; logging in does more.
    ///
    /// The old token works until the new one is first used, then for 10 s more: a lost response logs nobody out, and no
    /// request that was sent with it meanwhile fails. It is the only one that does: rotating again with the new token
    /// ends an older one at once, so a request that is still under way with that finds no session. Changes of fields
    /// stay pending. Forms of pages from before stay valid for an hour, see [`csrf_token`](Self::csrf_token). Rotating twice in one request is rotating once: the client cannot have used the first new token yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; the client's token works on in both cases.
    /// [`Error::TooLate`] once the response has begun: nobody would get the new token.
    ///
    /// # Cancel safety
    /// Safe: a new secret that nobody learned is replaced by the next rotation.
    ///
    /// # Redis
    /// One `EVALSHA` of `rotate.lua`.
    #[doc(alias = "cycle_id")]
    #[doc(alias = "renew")]
    pub async fn rotate(&self) -> Result<RotateOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.refuse_late()?;
        if let Phase::Ended(reason) = self.state().phase {
            return Ok(RotateOutcome::Gone(reason));
        }
        let Some(live) = self.state().live().cloned() else { return Ok(RotateOutcome::NoSession) };
        let token = self.mint_next(live.id)?;
        let mut answer = self.rotate_from(&live, live.presented, &token).await?;
        let issued = self.state().issued.as_ref().map(SessionToken::presented);
        if let (Err(Refused::Gone(None)), Some(issued)) = (&answer, issued) {
            // A handle that is kept for long: by now its client uses the token that an earlier rotation issued.
            answer = self.rotate_from(&live, issued, &token).await?;
        }
        let mut state = self.state();
        match answer {
            Ok(mut meta) => {
                if let Some(live) = state.live_mut() {
                    live.follow(&mut meta);
                    live.meta.secret = meta.secret;
                    live.meta.rotation = meta.rotation;
                }
                if let Some(minted) = &mut state.minted {
                    minted.rotated(&token, meta.uses);
                }
                state.issued = Some(token);
                Ok(RotateOutcome::Rotated)
            }
            Err(Refused::AlreadyRotated) => Ok(RotateOutcome::AlreadyRotated),
            Err(Refused::Gone(reason)) => {
                let _ = state.gone_meanwhile(reason);
                Ok(RotateOutcome::Gone(reason))
            }
            Err(_) => {
                state.superseded();
                Ok(RotateOutcome::Conflict)
            }
        }
    }

    async fn rotate_from(&self, live: &Live, presented: Presented, token: &SessionToken) -> StoreResult<Meta> {
        let call = Rotate {
            id: live.id,
            generation: live.meta.generation,
            presented: presented.hash,
            current: live.meta.secret,
            loaded: live.loaded,
            new: token.hash(),
            csrf: presented.csrf.digest(),
        };
        let answer = self.sessions().store().rotate(self.sessions().op()?, &call).await;
        self.heard(token, &answer);
        answer
    }
}
