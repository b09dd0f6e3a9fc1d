//! The visitors of one app server: each has a token, and perhaps a user.
//!
//! Requests of one visitor overlap freely, except that none overlaps with its login or logout: that would rightly end the
//! session under it, and the report could not distinguish this from a session that was lost.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of visitors checked for one that is free and of the wanted kind.
const LOOKED_AT: usize = 256;

pub(crate) struct Slots(Vec<Mutex<Slot>>);

/// One visitor.
pub(crate) struct Slot {
    token: Box<str>,
    user: bool,
    requests: u32,
    alone: bool,
    lost: bool,
}

/// The kind of visitor that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Anyone,
    /// Without other requests; a guest if there is one.
    GuestAlone,
    /// Without other requests; a user if there is one.
    UserAlone,
}

impl Slots {
    /// Visitors by their token and whether they are users.
    pub(crate) fn new(visitors: impl Iterator<Item = (String, bool)>) -> Self {
        let slot = |(token, user): (String, bool)| Slot {
            token: token.into_boxed_str(),
            user,
            requests: 0,
            alone: false,
            lost: false,
        };
        Self(visitors.map(|visitor| Mutex::new(slot(visitor))).collect())
    }

    /// Finds a visitor, from this one on, and holds it until [`release`](Self::release); returns its number and token.
    pub(crate) fn take(&self, from: usize, wanted: Wanted) -> Option<(usize, String)> {
        let near = || (from..from + LOOKED_AT.min(self.0.len())).map(|number| number % self.0.len());
        let fits = |number: &usize, kind: Option<bool>| {
            let slot = self.slot(*number);
            let free = !slot.alone && (wanted == Wanted::Anyone || slot.requests == 0);
            free && kind.is_none_or(|user| slot.user == user)
        };
        let kind = match wanted {
            Wanted::Anyone => None,
            Wanted::GuestAlone => Some(false),
            Wanted::UserAlone => Some(true),
        };
        // One thread takes, so a match is still free below.
        let found = near().find(|number| fits(number, kind)).or_else(|| near().find(|number| fits(number, None)))?;
        let mut slot = self.slot(found);
        slot.requests += 1;
        slot.alone = wanted != Wanted::Anyone;
        Some((found, slot.token.to_string()))
    }

    /// Releases a visitor. `true` if its session was lost and this was its last request: then it is held once more,
    /// alone, to be given a new one.
    pub(crate) fn release(&self, number: usize, lost: bool) -> bool {
        let mut slot = self.slot(number);
        slot.requests -= 1;
        slot.lost |= lost;
        slot.alone = slot.lost && slot.requests == 0;
        slot.requests += u32::from(slot.alone);
        slot.alone
    }

    /// Gives a visitor that is held alone another session, a user's or not; without one it keeps the old one, and its
    /// next request will find out.
    pub(crate) fn renew(&self, number: usize, session: Option<(&str, bool)>) {
        let mut slot = self.slot(number);
        slot.lost = false;
        if let Some((token, user)) = session {
            slot.token = token.into();
            slot.user = user;
        }
    }

    fn slot(&self, number: usize) -> MutexGuard<'_, Slot> {
        self.0[number].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
