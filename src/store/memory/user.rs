//! A user's sessions: list, revoke.

use crate::end::EndReason;
use crate::identity::id::SessionId;
use crate::store::memory::state::{Epoch, MemoryState};
use crate::store::{EPOCH_LIFE_MS, Meta, Refused, Scope};
use crate::util::clock::Millis;

impl MemoryState {
    pub(super) fn list(&mut self, user: &str) -> Vec<(SessionId, Meta)> {
        let live = self.members(user);
        live.into_iter().filter_map(|id| Some((id, self.live(id).ok()?.meta.clone()))).collect()
    }

    /// A named session that is not live, or not this user's, is `Gone` without a reason: callers learn nothing about
    /// other users' sessions.
    pub(super) fn revoke(&mut self, user: &str, scope: Scope, reason: EndReason) -> Result<u64, Refused> {
        let members = self.members(user);
        if let Scope::Others(id) | Scope::One(id) = scope
            && !members.contains(&id)
        {
            return Err(Refused::Gone(None));
        }
        if !matches!(scope, Scope::One(_)) {
            self.raise(user);
        }
        let ended: Vec<_> = members.into_iter().filter(|id| scope.catches(*id)).collect();
        ended.iter().for_each(|id| self.put_tombstone(*id, reason));
        Ok(ended.len() as u64)
    }

    /// Raises the user's epoch to at least now, the latest login, and the old epoch + 1.
    fn raise(&mut self, user: &str) {
        let next = |epoch: Millis| epoch + 1;
        let at = Some(self.now).max(self.latest_login(user)).max(self.epoch(user).map(next));
        let epoch = Epoch { at: at.unwrap_or(self.now), until: self.now + EPOCH_LIFE_MS };
        self.epochs.insert(user.to_owned(), epoch);
    }
}

impl Scope {
    /// Whether the scope includes this session of the user. All of them precede the epoch, which was just raised.
    fn catches(self, id: SessionId) -> bool {
        match self {
            Self::All => true,
            Self::Others(kept) => id != kept,
            Self::One(named) => id == named,
        }
    }
}
