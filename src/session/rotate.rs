//! A new secret for the same session.

use super::{Live, Phase, Session};
use crate::end::EndReason;
use crate::error::Error;
use crate::identity::token::{Presented, SessionToken};
use crate::store::{Etag, Meta, Refused, Rotate, StoreResult};

/// The result of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a session that could not be rotated keeps its token"]
pub enum RotateOutcome {
    /// The session has a new token, which has to be sent to the client.
    Rotated,
    /// Another request just rotated it; the client's token stays valid until the client uses the new one.
    AlreadyRotated,
    /// A draft has nothing to rotate.
    NoSession,
    /// The session was logged in again since the load.
    Conflict,
    /// The session has ended.
    Gone(Option<EndReason>),
}

impl Session {
    /// Gives the session a new secret; id, user and fields stay. Hygiene for long sessions; a login does more.
    ///
    /// The old token is valid until 10 s after the first use of the new one. So a lost response logs nobody out, and no
    /// request in flight with the old token fails. Only one old token is valid: rotating again with the new token ends
    /// an older one immediately, so a request in flight with that one finds no session. Field changes stay pending.
    /// Forms from before stay valid for one hour, see [`csrf_token`](Self::csrf_token). Rotating twice in one request
    /// is rotating once, since the client cannot have used the first new token yet.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Indeterminate`]; the client's token stays valid in both cases.
    /// [`Error::TooLate`] once the response has begun, since the new token could not be sent.
    ///
    /// # Cancel safety
    /// Safe: the next rotation replaces a secret that was never delivered.
    ///
    /// # Redis
    /// One `EVALSHA` of `rotate.lua`.
    #[doc(alias = "cycle_id")]
    #[doc(alias = "renew")]
    pub async fn rotate(&self) -> Result<RotateOutcome, Error> {
        let _turn = self.0.turn.lock().await;
        self.state().refuse_late()?;
        if let Phase::Ended(reason) = self.state().phase {
            return Ok(RotateOutcome::Gone(reason));
        }
        let Some(live) = self.state().live().cloned() else { return Ok(RotateOutcome::NoSession) };
        let token = self.mint_next(live.session.id)?;
        let mut answer = self.rotate_from(&live, live.presented, &token).await?;
        let issued = self.state().issued.as_ref().map(SessionToken::presented);
        if let (Err(Refused::Gone(None)), Some(issued)) = (&answer, issued) {
            // A long-lived handle: the client may by now use the token that an earlier rotation issued.
            answer = self.rotate_from(&live, issued, &token).await?;
        }
        let mut state = self.state();
        match answer {
            Ok((meta, etag)) => {
                if let Some(live) = state.live_mut() {
                    live.session.follow(&meta, etag);
                    live.session.meta.secret = meta.secret;
                    live.session.meta.rotation = meta.rotation;
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

    async fn rotate_from(
        &self,
        live: &Live,
        presented: Presented,
        token: &SessionToken,
    ) -> StoreResult<(Meta, Option<Etag>)> {
        let call = Rotate {
            id: live.session.id,
            generation: live.session.meta.generation,
            presented: presented.hash,
            current: live.session.meta.secret,
            loaded: live.loaded,
            new: token.hash(),
            csrf: presented.csrf.digest(),
        };
        let answer = self.sessions().store().rotate(self.sessions().op()?, &call).await;
        self.note_outcome(token, &answer);
        answer
    }
}
