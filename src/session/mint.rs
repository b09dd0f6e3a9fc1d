//! New tokens, and whether they were delivered to the client.

use super::Session;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::identity::token::SessionToken;
use crate::store::StoreResult;

impl Session {
    /// A token for a session that the next call creates or logs in again; either way no one has used it yet.
    pub(super) fn mint(&self, id: SessionId) -> Result<SessionToken, Error> {
        let token = SessionToken::mint(id)?;
        if let Some(minted) = &mut self.state().minted {
            minted.note(&token, 0);
        }
        Ok(token)
    }

    /// The same for a rotation: the previous secret stays valid. Noted only if that one was not delivered either.
    pub(super) fn mint_next(&self, id: SessionId) -> Result<SessionToken, Error> {
        let token = SessionToken::mint(id)?;
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some(minted) = state.minted.as_mut().filter(|minted| minted.has(id)) {
            let live = state.phase.live().filter(|live| live.session.id == id);
            minted.note(&token, live.map_or(0, |live| live.session.meta.uses));
        }
        Ok(token)
    }

    /// Records the outcome of that call: if it was certainly not executed, the secret is not stored.
    pub(super) fn note_outcome<T>(&self, token: &SessionToken, answer: &StoreResult<T>) {
        let may_be_done = matches!(answer, Ok(Ok(_)) | Err(Error::Indeterminate(_)));
        if !may_be_done {
            self.state().forget(token);
        }
    }
}

impl super::SessionState {
    /// The secret is not stored.
    pub(super) fn forget(&mut self, token: &SessionToken) {
        if let Some(minted) = &mut self.minted {
            minted.forget(token);
        }
    }

    /// The token to send to the client; it counts as delivered from here.
    pub(super) fn hand_out(&mut self) -> Option<SessionToken> {
        if let (Some(token), Some(minted)) = (&self.issued, &mut self.minted) {
            minted.delivered(token);
        }
        self.issued.clone()
    }
}
