//! `Session`: a cheap handle to one session within one request.

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
use crate::store::Meta;
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

/// One session within one request. Clones share their state.
///
/// Getters use the snapshot of the load plus later local changes, without I/O. Field changes are collected and sent by
/// [`save`](Self::save), which the web layer calls before the response is sent. Every other change, such as
/// [`login`](Self::login) or [`increment`](Self::increment), is complete when its method returns.
///
/// A session is a *draft* until it is stored, then *live*, then *ended*. Operations on one handle run one after
/// another, also if several tasks use its clones.
#[derive(Clone)]
pub struct Session(Arc<SessionInner>);

struct SessionInner {
    sessions: Sessions,
    client: ClientInfo,
    /// A `std` mutex: never held across an `.await`.
    state: Mutex<SessionState>,
    /// Held during an operation, so that operations run in order.
    turn: tokio::sync::Mutex<()>,
}

/// What to do with the client's cookie.
#[derive(Debug, Clone)]
pub enum CookieChange {
    /// Nothing.
    Keep,
    /// Send this token to the client.
    Set(SessionToken),
    /// Remove the cookie: its token is no longer valid.
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

    /// The shared handle of all sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The client of this request.
    #[must_use]
    pub fn client(&self) -> &ClientInfo {
        &self.0.client
    }

    /// The session's public id; `None` for a draft and after the end. Safe to display and to log.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.state().live().map(|live| live.session.id)
    }

    /// The logged-in user; `None` for a guest.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.meta(|meta| meta.user.clone()).flatten()
    }

    /// Whether no user is logged in.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        !self.has_user()
    }

    /// Whether a user is logged in, without cloning the id.
    pub(crate) fn has_user(&self) -> bool {
        self.meta(|meta| meta.user.is_some()).unwrap_or(false)
    }

    /// Why the session of the client's token ended; `None` if it has not ended or the reason is unknown.
    ///
    /// Also set after an operation of this handle found the session ended, until a new session is created.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        match self.state().phase {
            Phase::Draft { after, .. } => after,
            Phase::Ended(reason) => reason,
            Phase::Live(_) => None,
        }
    }

    /// Creation time, by the store's clock.
    #[must_use]
    #[doc(alias = "creation_time")]
    pub fn created_at(&self) -> Option<SystemTime> {
        self.meta(|meta| instant(meta.created))
    }

    /// Time of the user's last login in this session; `None` for a guest.
    #[must_use]
    pub fn auth_time(&self) -> Option<SystemTime> {
        self.meta(|meta| meta.user.is_some().then(|| instant(meta.since))).flatten()
    }

    /// Whether the last login is older than `max_age`, so that the user has to log in again; true for a guest.
    ///
    /// Uses this process's estimate of the store's clock, read at connect.
    #[must_use]
    #[doc(alias = "require_fresh")]
    pub fn reauthentication_due(&self, max_age: Duration) -> bool {
        let now = self.0.sessions.store().now();
        let fresh = |meta: &Meta| meta.user.is_some() && now.saturating_sub(meta.since) <= max_age.as_millis() as u64;
        !self.meta(fresh).unwrap_or(false)
    }

    /// Time of the last recorded use; at most one touch interval behind the actual one.
    #[must_use]
    #[doc(alias = "last_modified")]
    pub fn last_access(&self) -> Option<SystemTime> {
        self.meta(|meta| instant(meta.touched))
    }

    /// Time until the session expires if it is not used again, by this process's estimate of the store's clock.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let now = self.0.sessions.store().now();
        self.meta(|meta| Duration::from_millis(meta.deadline().saturating_sub(now)))
    }

    /// Time until the absolute deadline; `None` without an absolute timeout, and for a draft.
    #[must_use]
    pub fn absolute_time_left(&self) -> Option<Duration> {
        let now = self.0.sessions.store().now();
        // Never more than the whole timeout, even if our estimate of the store's clock is behind.
        let left =
            |meta: &Meta| (meta.since + meta.lifetimes.absolute_ms).saturating_sub(now).min(meta.lifetimes.absolute_ms);
        self.meta(|meta| (!meta.lifetimes.is_endless()).then(|| Duration::from_millis(left(meta)))).flatten()
    }

    /// The session's timeouts; for a draft, those that it will be created with.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        let state = self.state();
        state.live().map_or(state.lifetimes, |live| live.session.meta.lifetimes).timeouts()
    }

    /// Whether there are changes that a save would send.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.state().fields.is_dirty()
    }

    /// Makes the next save write to the store even if nothing changed, or undoes that.
    ///
    /// It also stores an empty draft. Field changes are sent in either case. Does nothing once the response has begun,
    /// since nothing is saved after that.
    pub fn set_dirty(&self, dirty: bool) {
        let mut state = self.state();
        if !state.sealed {
            state.fields.mark(dirty);
        }
    }

    /// The new token to send to the client, if one was created.
    ///
    /// Calling this counts as delivery: the session is then not ended if the client disconnects, also in a layer; see
    /// `SessionLayer`.
    #[must_use]
    pub fn token(&self) -> Option<SessionToken> {
        self.state().hand_out()
    }

    /// What to do with the client's cookie at this point. A new token counts as delivered, as with
    /// [`token`](Self::token).
    #[must_use]
    pub fn cookie_change(&self) -> CookieChange {
        let mut state = self.state();
        match (state.hand_out(), &state.phase) {
            (Some(token), _) => CookieChange::Set(token),
            (None, Phase::Draft { drop_cookie: true, .. }) => CookieChange::Remove,
            (None, Phase::Ended(Some(reason))) if reason.drops_cookie() => CookieChange::Remove,
            // Without a reason, only this secret is known to be invalid: the client may already hold a newer one.
            (None, Phase::Ended(_) | Phase::Draft { .. } | Phase::Live(_)) => CookieChange::Keep,
        }
    }

    /// Whether the request's address differs from that of the last login (for a guest, of the creation), as compared by
    /// the configured [`ClientBinding`](crate::ClientBinding); `false` without one.
    #[must_use]
    pub fn address_changed(&self) -> bool {
        let (binding, from) = (self.0.sessions.settings().binding, self.0.client.known_address());
        self.meta(|meta| binding.judge(meta.client.known_address(), from) != BindingVerdict::Same).unwrap_or(false)
    }

    /// Whether the login asked the browser to keep the cookie after it is closed, see
    /// [`Login::remember`](crate::Login::remember); `None` if the login did not choose, and for a guest.
    #[must_use]
    pub fn is_remembered(&self) -> Option<bool> {
        self.meta(|meta| meta.remember).flatten()
    }

    /// Reloads the session and discards unsaved changes.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Gone`] if the session has ended or its secret no longer opens it.
    ///
    /// # Redis
    /// As [`Sessions::open`], without the touch.
    pub async fn reload(&self) -> Result<(), Error> {
        let _turn = self.0.turn.lock().await;
        let Some(live) = self.state().live().cloned() else { return self.state().refuse_ended() };
        let issued = self.state().issued.as_ref().map(SessionToken::presented);
        let mut read = load::read(&self.0.sessions, live.session.id, live.presented).await?;
        if let (Phase::Draft { after: None, .. } | Phase::Ended(None), Some(issued)) = (&read.0, issued) {
            // A long-lived handle: the client may by now use the token that a rotation issued.
            read = load::read(&self.0.sessions, live.session.id, issued).await?;
        }
        let (phase, fields) = read;
        let mut state = self.state();
        match phase {
            Phase::Live(live) => {
                state.phase = Phase::Live(live);
                state.fields = Fields::new(fields);
                state.resolved();
                Ok(())
            }
            Phase::Draft { after: reason, .. } | Phase::Ended(reason) => Err(state.gone(reason)),
        }
    }

    fn meta<T>(&self, read: impl FnOnce(&Meta) -> T) -> Option<T> {
        self.state().live().map(|live| read(&live.session.meta))
    }

    /// From now on, a session whose token was not delivered is ended when the last handle is dropped.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn expect_delivery(&self) {
        self.state().minted.get_or_insert_default();
    }

    /// Marks the response's head as finished and discards unsaved changes.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn seal(&self) {
        let mut state = self.state();
        state.sealed = true;
        state.renewal = renewal::Renewal::default();
        state.trace_unsaved();
        state.fields.discard();
    }
}

impl fmt::Debug for Session {
    /// Id and state only: no token, no fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let phase = match state.phase {
            Phase::Draft { .. } => "draft",
            Phase::Live(_) => "live",
            Phase::Ended(_) => "ended",
        };
        let mut shown = f.debug_struct("Session");
        shown.field("phase", &phase).field("id", &state.live().map(|live| live.session.id)).finish_non_exhaustive()
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
