//! One session as one request sees it: a cheap handle.

pub(crate) mod load;
pub(crate) mod login_request;
pub(crate) mod undelivered;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::config::binding::BindingVerdict;
use crate::config::timeouts::Timeouts;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::Fields;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::id::SessionId;
use crate::identity::token::SessionToken;
use crate::sessions::Sessions;
use crate::store::{Contract, Meta};
use crate::util::clock::instant;

mod csrf;
mod discard;
mod end;
mod increment;
mod join;
mod login;
mod mint;
#[cfg(any(feature = "actix-web", feature = "axum"))]
mod renewal;
mod retime;
mod rotate;
mod save;
mod state;
mod touch;
mod typed;
mod withheld;

use self::state::SessionState;
pub(crate) use self::state::{Before, Live, Phase};
use self::withheld::Withheld;
pub use end::EndOutcome;
pub use rotate::RotateOutcome;
pub use save::SaveOutcome;

/// One session as one request sees it; clones share everything.
///
/// Getters answer from the snapshot of the load and the changes made since, without I/O. Changes of fields are
/// collected and sent by [`save`](Self::save) (the web layer does it before the response leaves); everything else
/// that changes the session, such as [`login`](Self::login) or [`increment`](Self::increment), is done when it returns.
///
/// A session is a *draft* before anything was stored, *live*, or *ended*. Operations of one handle run one after
/// another, also when its clones are used by several tasks.
#[derive(Clone)]
pub struct Session(Arc<SessionInner>);

struct SessionInner {
    sessions: Sessions,
    client: ClientInfo,
    /// A `std` mutex: never held across an `.await`.
    state: Mutex<SessionState>,
    /// Held while an operation is under way, so that they do not overtake each other.
    turn: tokio::sync::Mutex<()>,
}

/// What has to be done about the client's cookie.
#[derive(Debug, Clone)]
pub enum CookieChange {
    /// Nothing.
    Keep,
    /// The client has to be given this token.
    Set(SessionToken),
    /// The client's token is of no use any more.
    Remove,
}

impl Session {
    pub(crate) fn new(sessions: Sessions, client: ClientInfo, phase: Phase, fields: Contents) -> Self {
        let lifetimes = sessions.settings().lifetimes;
        let fields = Fields::new(fields);
        let state = SessionState {
            phase,
            fields,
            issued: None,
            lifetimes,
            unsettled: None,
            conflicted: None,
            unchanged_only: false,
            failing: false,
            left: None,
            sealed: false,
            #[cfg(any(feature = "actix-web", feature = "axum"))]
            renewal: renewal::Renewal::default(),
            minted: None,
            withheld: Withheld::default(),
        };
        Self(Arc::new(SessionInner { sessions, client, state: Mutex::new(state), turn: tokio::sync::Mutex::new(()) }))
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle that all sessions share.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Who the present request comes from.
    #[must_use]
    pub fn client(&self) -> &ClientInfo {
        &self.0.client
    }

    /// The session's public name; `None` for a draft and after its end. Safe to show and to log.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.state().live().map(|live| live.id)
    }

    /// The user who is logged in; `None` for a guest.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.meta(|meta| meta.user.clone()).flatten()
    }

    /// Whether nobody is logged in.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        !self.has_user()
    }

    /// Whether a user is logged in, without a copy of who.
    pub(crate) fn has_user(&self) -> bool {
        self.meta(|meta| meta.user.is_some()).unwrap_or(false)
    }

    /// Why the session that the client's token names has ended; `None` if it has not, or if no reason is known.
    ///
    /// Answered also after an operation of this handle found the session ended, until a new one is made.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        match self.state().phase {
            Phase::Draft { after, .. } => after,
            Phase::Ended(reason) => reason,
            Phase::Live(_) => None,
        }
    }

    /// When the session was made, by the store's clock.
    #[must_use]
    #[doc(alias = "creation_time")]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.meta(|meta| instant(meta.created))
    }

    /// When the user last logged in here; `None` for a guest.
    #[must_use]
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.meta(|meta| meta.user.is_some().then(|| instant(meta.since))).flatten()
    }

    /// Whether the user has to log in again for something that asks for a login no older than this; true for a guest.
    ///
    /// By this process's idea of the store's clock, read when it connected.
    #[must_use]
    #[doc(alias = "require_fresh")]
    pub fn reauthentication_due(&self, max_age: Duration) -> bool {
        let now = self.0.sessions.store().now();
        let fresh = |meta: &Meta| meta.user.is_some() && now.saturating_sub(meta.since) <= max_age.as_millis() as u64;
        !self.meta(fresh).unwrap_or(false)
    }

    /// The last use that was noted; it lags by one touch interval at most.
    #[must_use]
    #[doc(alias = "last_modified")]
    pub fn last_access(&self) -> Option<SystemTime> {
        self.meta(|meta| instant(meta.touched))
    }

    /// How long the session lives on if it is not used again, by this process's idea of the store's clock.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let now = self.0.sessions.store().now();
        self.meta(|meta| Duration::from_millis(meta.deadline().saturating_sub(now)))
    }

    /// How long the session can live however much it is used; `None` without an absolute timeout, and for a draft.
    #[must_use]
    pub fn absolute_time_left(&self) -> Option<Duration> {
        let now = self.0.sessions.store().now();
        // Never more than all of it, however far our idea of the store's clock lags.
        let left =
            |meta: &Meta| (meta.since + meta.lifetimes.absolute_ms).saturating_sub(now).min(meta.lifetimes.absolute_ms);
        self.meta(|meta| (!meta.lifetimes.is_endless()).then(|| Duration::from_millis(left(meta)))).flatten()
    }

    /// The session's timeouts; of a draft, those that it will have.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        let state = self.state();
        state.live().map_or(state.lifetimes, |live| live.meta.lifetimes).timeouts()
    }

    /// Whether there are changes that a save would send.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.state().fields.is_dirty()
    }

    /// Has the next save go to the store although nothing changed, or takes that back.
    ///
    /// A draft is stored by it even when it is empty. Changes of fields are sent in any case. Once the response has begun,
    /// nothing is saved any more and this does nothing.
    pub fn set_dirty(&self, dirty: bool) {
        let mut state = self.state();
        if !state.sealed {
            state.fields.mark(dirty);
        }
    }

    /// The token that the client has to be given, after one was made.
    ///
    /// Whoever asks for it is taken to deliver it: in a layer too, its session is not ended then if the client goes away,
    /// see `SessionLayer`.
    #[must_use]
    pub fn token(&self) -> Option<SessionToken> {
        self.state().hand_out()
    }

    /// What has to be done about the client's cookie, so far. A new token is taken to be delivered, as by [`token`](Self::token).
    #[must_use]
    pub fn cookie_change(&self) -> CookieChange {
        let mut state = self.state();
        match (state.hand_out(), &state.phase) {
            (Some(token), _) => CookieChange::Set(token),
            (None, Phase::Draft { drop_cookie: true, .. }) => CookieChange::Remove,
            (None, Phase::Ended(Some(reason))) if reason.drops_cookie() => CookieChange::Remove,
            // Without a reason only this secret is of no use: the client may hold a newer one by now.
            (None, Phase::Ended(_) | Phase::Draft { .. } | Phase::Live(_)) => CookieChange::Keep,
        }
    }

    /// Whether the request comes from another address than the session's last login, or its creation for a guest; by the
    /// [`ClientBinding`](crate::ClientBinding) that was set, and `false` without one.
    #[must_use]
    pub fn address_changed(&self) -> bool {
        let (binding, from) = (self.0.sessions.settings().binding, self.0.client.known_address());
        self.meta(|meta| binding.judge(meta.client.known_address(), from) != BindingVerdict::Same).unwrap_or(false)
    }

    /// Whether the login asked for the browser to keep the cookie when it is closed, [`Login::remember`](crate::Login::remember);
    /// `None` where it did not say, and for a guest.
    #[must_use]
    pub fn is_remembered(&self) -> Option<bool> {
        self.meta(|meta| meta.remember).flatten()
    }

    /// Reads the session again; changes that were not saved are dropped.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Gone`] if the session has ended, or its secret opens it no more.
    ///
    /// # Redis
    /// As [`Sessions::open`], without the touch.
    pub async fn reload(&self) -> Result<(), Error> {
        let _turn = self.0.turn.lock().await;
        let Some(live) = self.state().live().cloned() else { return self.refuse_ended() };
        let issued = self.state().issued.as_ref().map(SessionToken::presented);
        let mut read = load::read(&self.0.sessions, live.id, live.presented).await?;
        if let (Phase::Draft { after: None, .. } | Phase::Ended(None), Some(issued)) = (&read.0, issued) {
            // A handle that is kept for long: by now its client uses the token that a rotation issued.
            read = load::read(&self.0.sessions, live.id, issued).await?;
        }
        let (phase, fields) = read;
        let mut state = self.state();
        match phase {
            Phase::Live(live) => {
                state.phase = Phase::Live(live);
                state.fields = Fields::new(fields);
                state.unsettled = None;
                state.resolved();
                Ok(())
            }
            Phase::Draft { after: reason, .. } | Phase::Ended(reason) => Err(state.gone(reason)),
        }
    }

    fn meta<T>(&self, read: impl FnOnce(&Meta) -> T) -> Option<T> {
        self.state().live().map(|live| read(&live.meta))
    }

    /// An error if what changes the session now would reach neither store nor client.
    fn refuse_change(&self) -> Result<(), Error> {
        self.refuse_ended()?;
        self.refuse_late()
    }

    /// An error if the response's head is finished.
    fn refuse_late(&self) -> Result<(), Error> {
        if self.state().sealed { Err(Error::TooLate) } else { Ok(()) }
    }

    /// From now on, sessions whose token nobody was given are ended when the last handle has gone.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn expect_delivery(&self) {
        self.state().minted.get_or_insert_default();
    }

    /// Notes that the response's head is finished. Changes that were not saved until then are dropped.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn seal(&self) {
        let mut state = self.state();
        state.sealed = true;
        state.renewal = renewal::Renewal::default();
        state.trace_unsaved();
        state.fields.discard();
    }

    /// An error if the session ended under this handle.
    fn refuse_ended(&self) -> Result<(), Error> {
        match self.state().phase {
            Phase::Ended(reason) => Err(Error::Gone(reason)),
            Phase::Draft { .. } | Phase::Live(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Session {
    /// The id and what is known without data: neither token nor fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let phase = match state.phase {
            Phase::Draft { .. } => "draft",
            Phase::Live(_) => "live",
            Phase::Ended(_) => "ended",
        };
        let mut shown = f.debug_struct("Session");
        shown.field("phase", &phase).field("id", &state.live().map(|live| live.id)).finish_non_exhaustive()
    }
}

impl Drop for SessionInner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.trace_unsaved();
        if let Some(minted) = state.minted.take() {
            minted.end(&self.sessions);
        }
    }
}
