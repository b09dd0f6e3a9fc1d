//! The state of a session handle.

use std::sync::Arc;

use super::withheld::Withheld;
use crate::config::limits::Limits;
use crate::config::timeouts::Lifetimes;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::{Delta, Fields};
use crate::identity::id::{Bucket, SessionId};
use crate::identity::token::{Presented, SessionToken};
use crate::session::undelivered::Minted;
use crate::store::{LoadedSession, Op, Refused, Save, Wrote};
use crate::util::clock::Millis;
use crate::util::rarely::rarely;

/// The state of a handle.
pub(super) struct SessionState {
    pub(super) phase: Phase,
    pub(super) fields: Fields,
    /// The token to send to the client.
    pub(super) issued: Option<SessionToken>,
    /// The timeouts of a session that is yet to be created.
    pub(super) lifetimes: Lifetimes,
    /// A save whose reply was lost: repeated, as the same operation, before the next one.
    pub(super) unsettled: Option<(Op, Save)>,
    /// Changes already reported as conflicting; not saved implicitly until the handler acts on them.
    pub(super) conflicted: Option<Arc<Delta>>,
    /// Whether the last save required that nobody else had written, and has not succeeded.
    pub(super) unchanged_only: bool,
    /// Whether the last save failed: its caller knows that the changes are not saved.
    pub(super) failing: bool,
    /// The guest session that a login ended under this handle: its id, and the presented secret.
    pub(super) left: Option<(SessionId, Presented)>,
    /// Whether the response's head is finished: later changes are rejected.
    pub(super) sealed: bool,
    /// What the response may need to set the cookie again.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(super) renewal: super::renewal::Renewal,
    /// In a layer, tokens created for the client and not delivered yet.
    pub(super) minted: Option<Minted>,
    pub(super) withheld: Withheld,
}

/// The phase of a handle's session.
pub(crate) enum Phase {
    /// Nothing is stored.
    Draft {
        /// The bucket of the session to create; after a logout, that of the ended one.
        bucket: Option<Bucket>,
        /// Why the previous session ended.
        after: Option<EndReason>,
        /// The client's token is no longer valid.
        drop_cookie: bool,
        /// The guest session of the client's token, if a login ended it.
        before: Option<Box<Before>>,
    },
    Live(Box<Live>),
    /// Ended under this handle; nothing can be written.
    Ended(Option<EndReason>),
}

/// A guest's session that a login ended.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    /// Hashes of the presented secret.
    pub(crate) presented: Presented,
    /// The session that the login created. Not exposed by the crate.
    pub(crate) successor: SessionId,
}

/// A live session as loaded.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) session: LoadedSession,
    /// Hashes of the presented secret.
    pub(crate) presented: Presented,
    /// Time of the load, by the store's clock.
    pub(crate) loaded: Millis,
}

impl Phase {
    /// The guest session that a login had ended before this handle was opened.
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

    /// The presented secret of a guest session that a login ended, before this handle was opened or under it.
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

    /// An error if the session is sealed or ended: a change would reach neither store nor client.
    pub(super) fn refuse_change(&self) -> Result<(), Error> {
        self.refuse_ended()?;
        self.refuse_late()
    }

    /// An error if the response's head is finished.
    pub(super) const fn refuse_late(&self) -> Result<(), Error> {
        if self.sealed { Err(Error::TooLate) } else { Ok(()) }
    }

    /// An error if the session ended under this handle.
    pub(super) const fn refuse_ended(&self) -> Result<(), Error> {
        match self.phase {
            Phase::Ended(reason) => Err(Error::Gone(reason)),
            Phase::Draft { .. } | Phase::Live(_) => Ok(()),
        }
    }

    /// Logs changes that are about to be discarded: field names only, no values.
    pub(super) fn trace_unsaved(&self) {
        if self.fields.is_dirty() && !matches!(self.phase, Phase::Ended(_)) {
            let (id, fields) = (self.live().map(|live| live.session.id), self.fields.changed_names());
            if id.is_none() && self.withheld.forbids_new() {
                // DEBUG, since any site can cause this at any rate.
                tracing::debug!(?fields, "changes discarded: the browser may have withheld the session cookie");
            } else if self.failing {
                tracing::debug!(?id, ?fields, "changes discarded after a failed save");
            } else {
                rarely!(warn, ?id, ?fields, "changes discarded without being saved: call `save`");
            }
        }
    }

    /// Discards changes already reported as conflicting, with a log line.
    pub(super) fn drop_refused(&mut self) {
        if self.conflicted.take().is_some() {
            self.trace_unsaved();
            self.fields.discard();
        }
    }

    /// Clears the state of a rejected or failed save.
    pub(super) fn resolved(&mut self) {
        self.unsettled = None;
        self.conflicted = None;
        self.unchanged_only = false;
    }

    /// Another request logged in again in this session: our token from before is invalid.
    pub(super) fn superseded(&mut self) {
        self.issued = None;
    }

    /// The same after a write that was still accepted: the handle keeps its old login, whose secrets are invalid.
    pub(super) fn overtaken(&mut self, wrote: &Wrote) {
        if wrote.overtaken {
            self.superseded();
        }
    }

    /// The session was found ended: its token is not sent any more.
    pub(super) fn gone(&mut self, reason: Option<EndReason>) -> Error {
        let guest = self.live().filter(|live| live.session.meta.user.is_none() && reason == Some(EndReason::LoggedIn));
        self.left = guest.map(|live| (live.session.id, live.presented)).or(self.left);
        self.restart(Phase::Ended(reason));
        Error::Gone(reason)
    }

    /// The same outside of a save: changes stay pending until a save reports that they are lost.
    pub(super) fn gone_meanwhile(&mut self, reason: Option<EndReason>) -> Error {
        let pending = std::mem::take(&mut self.fields).pending();
        let error = self.gone(reason);
        self.fields = pending;
        error
    }

    /// Continues without fields after the session's end.
    pub(super) fn restart(&mut self, phase: Phase) {
        self.phase = phase;
        self.fields = Fields::default();
        self.issued = None;
        self.resolved();
    }

    /// The error for a refusal outside of a save.
    pub(super) fn refused(&mut self, refused: Refused, limits: &Limits, field: &str) -> Error {
        match refused {
            Refused::Gone(reason) => return self.gone_meanwhile(reason),
            Refused::Conflict => self.superseded(),
            _ => {}
        }
        refused.into_error(limits, field)
    }
}
