//! What a handle knows of its session.

use super::withheld::Withheld;
use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::{Delta, Fields};
use crate::identity::id::{Bucket, SessionId};
use crate::identity::token::{Presented, SessionToken};
use crate::session::undelivered::Minted;
use crate::store::{Meta, Op, Save, Wrote};
use crate::util::clock::Millis;
use crate::util::rarely::rarely;

/// What a handle knows.
pub(super) struct SessionState {
    pub(super) phase: Phase,
    pub(super) fields: Fields,
    /// The token that the client has to be given.
    pub(super) issued: Option<SessionToken>,
    /// What a session that is yet to be made gets.
    pub(super) lifetimes: Lifetimes,
    /// A save whose answer was not heard: it is sent again, as the same call, before the next.
    pub(super) unsettled: Option<(Op, Save)>,
    /// The changes that a save was told of a conflict of: until something is done about it, they are not saved unasked.
    pub(super) conflicted: Option<Delta>,
    /// Whether the last save was to write only what nobody else had written to, and is not done.
    pub(super) unchanged_only: bool,
    /// Whether the last save failed: whoever asked for it knows that the changes are not saved.
    pub(super) failing: bool,
    /// The guest's session that ended by a login under this handle: its id, and the secret that the client presented.
    pub(super) left: Option<(SessionId, Presented)>,
    /// Whether the response's head is finished: what changes the session now comes too late.
    pub(super) sealed: bool,
    /// What the response may need to set the cookie again.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(super) renewal: super::renewal::Renewal,
    /// In a layer, what was made for the client and not delivered yet.
    pub(super) minted: Option<Minted>,
    pub(super) withheld: Withheld,
}

/// Where a handle is in the life of its session.
pub(crate) enum Phase {
    /// Nothing is stored.
    Draft {
        /// Where the session goes when it is made; after a logout, where the ended one was.
        bucket: Option<Bucket>,
        /// Why the session before this one ended.
        after: Option<EndReason>,
        /// The client holds a token that is of no use any more.
        drop_cookie: bool,
        /// The guest's session that the client's token names, if a login ended it.
        before: Option<Box<Before>>,
    },
    Live(Box<Live>),
    /// Ended under this handle; nothing can be written.
    Ended(Option<EndReason>),
}

/// A guest's session that a login ended.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// What is kept of the secret that the client presented.
    pub(crate) presented: Presented,
    /// The session that the login made. It never leaves the crate.
    pub(crate) successor: SessionId,
}

/// A live session as it was loaded.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) id: SessionId,
    pub(crate) meta: Meta,
    /// What is kept of the secret that the client presented.
    pub(crate) presented: Presented,
    /// When, by the store's clock.
    pub(crate) loaded: Millis,
}

impl Phase {
    /// The guest's session that a login had ended before the handle began.
    pub(super) fn before(&self) -> Option<&Before> {
        match self {
            Self::Draft { before, .. } => before.as_deref(),
            Self::Live(_) | Self::Ended(_) => None,
        }
    }

    pub(super) const fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Draft { .. } | Self::Ended(_) => None,
        }
    }
}

impl SessionState {
    pub(super) const fn live(&self) -> Option<&Live> {
        self.phase.live()
    }

    /// The secret that a guest presented whose session ended by a login, before this handle began or under it.
    pub(super) fn presented_before(&self) -> Option<Presented> {
        match &self.phase {
            Phase::Ended(Some(EndReason::LoggedIn)) => self.left.map(|(_, presented)| presented),
            phase => phase.before().map(|before| before.presented),
        }
    }

    pub(super) fn before(&self) -> Option<&Before> {
        self.phase.before()
    }

    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.phase {
            Phase::Live(live) => Some(live),
            Phase::Draft { .. } | Phase::Ended(_) => None,
        }
    }

    /// Leaves a trace of changes that are about to be dropped: of the fields' names, not of what is in them.
    pub(super) fn trace_unsaved(&self) {
        if self.fields.is_dirty() && !matches!(self.phase, Phase::Ended(_)) {
            let (id, fields) = (self.live().map(|live| live.id), self.fields.changed_names());
            if id.is_none() && self.withheld.forbids_new() {
                // Any site can cause this as often as it likes.
                tracing::debug!(?fields, "changes discarded: the browser may have withheld the session cookie");
            } else if self.failing {
                tracing::debug!(?id, ?fields, "changes discarded after a failed save");
            } else {
                rarely!(warn, ?id, ?fields, "changes discarded without being saved: call `save`");
            }
        }
    }

    /// Drops what a save was told of a conflict of, with a trace: it goes out with nothing else either.
    pub(super) fn drop_refused(&mut self) {
        if self.conflicted.take().is_some() {
            self.trace_unsaved();
            self.fields.discard();
        }
    }

    /// Notes that no save is left over that was refused or failed.
    pub(super) fn resolved(&mut self) {
        self.conflicted = None;
        self.unchanged_only = false;
    }

    /// Notes that the session was logged in again by another request: a token of ours from before is dead.
    pub(super) fn superseded(&mut self) {
        self.issued = None;
    }

    /// The same where a write was done all the same: the handle goes on with its old login, whose secrets are dead.
    pub(super) fn overtaken(&mut self, wrote: &Wrote) {
        if wrote.overtaken {
            self.superseded();
        }
    }

    /// Notes that the session was found ended: no token of it goes out any more.
    pub(super) fn gone(&mut self, reason: Option<EndReason>) -> Error {
        let guest = self.live().filter(|live| live.meta.user.is_none() && reason == Some(EndReason::LoggedIn));
        self.left = guest.map(|live| (live.id, live.presented)).or(self.left);
        self.phase = Phase::Ended(reason);
        self.fields = Fields::default();
        self.issued = None;
        self.unsettled = None;
        self.resolved();
        Error::Gone(reason)
    }

    /// The same, noted by something else than a save: changes stay pending until a save has told that they are lost.
    pub(super) fn gone_meanwhile(&mut self, reason: Option<EndReason>) -> Error {
        let pending = std::mem::take(&mut self.fields).pending();
        let error = self.gone(reason);
        self.fields = pending;
        error
    }
}
