//! New tokens, and whether the client was given them.

use super::Session;
use crate::error::Error;
use crate::identity::id::SessionId;
use crate::identity::token::SessionToken;
use crate::store::StoreResult;

impl Session {
    /// A token for a session that the next call makes, or logs in again: either way nobody has used it yet.
    pub(super) fn mint(&self, id: SessionId) -> Result<SessionToken, Error> {
        let token = SessionToken::mint(id)?;
        if let Some(minted) = &mut self.state().minted {
            minted.note(&token, 0);
        }
        Ok(token)
    }

    /// The same for a rotation: the secret before it goes on working, unless the client was not given that either.
    pub(super) fn mint_next(&self, id: SessionId) -> Result<SessionToken, Error> {
        let token = SessionToken::mint(id)?;
        let mut guard = self.state();
        let state = &mut *guard;
        if let Some(minted) = state.minted.as_mut().filter(|minted| minted.has(id)) {
            let live = state.phase.live().filter(|live| live.id == id);
            minted.note(&token, live.map_or(0, |live| live.meta.uses));
        }
        Ok(token)
    }

    /// What became of that call: if it certainly was not done, nothing has this secret.
    pub(super) fn heard<T>(&self, token: &SessionToken, answer: &StoreResult<T>) {
        let may_be_done = matches!(answer, Ok(Ok(_)) | Err(Error::Indeterminate(_)));
        if !may_be_done {
            self.state().forget(token);
        }
    }
}

impl super::SessionState {
    /// Nothing has this secret.
    pub(super) fn forget(&mut self, token: &SessionToken) {
        if let Some(minted) = &mut self.minted {
            minted.forget(token);
        }
    }

    /// The token for the client; whoever gets it here delivers it.
    pub(super) fn hand_out(&mut self) -> Option<SessionToken> {
        if let (Some(token), Some(minted)) = (&self.issued, &mut self.minted) {
            minted.delivered(token);
        }
        self.issued.clone()
    }
}
