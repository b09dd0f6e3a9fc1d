//! The request's slot for its session.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::client;
use super::head::RequestHead;
use super::passive::{Passive, is_speculative};
use super::policy::SaveOn;
use super::proxies::TrustedProxies;
use crate::config::ConfigError;
use crate::error::Error;
use crate::identity::client::ClientInfo;
use crate::session::Session;
use crate::session::load::note_use;
use crate::sessions::Sessions;
use crate::web::token_in::carrier::{Carried, Carrier, RequestTokens};
use crate::web::token_in::presented;
use crate::web::token_in::withheld;

/// The settings of a layer, shared by its requests.
#[derive(Debug, Clone)]
pub(crate) struct LayerSettings {
    pub(crate) sessions: Sessions,
    pub(crate) carrier: Carrier,
    pub(crate) save_on: SaveOn,
    pub(crate) proxies: TrustedProxies,
    /// Whether a user's response is marked private if the handler sets no `Cache-Control`.
    pub(crate) private: bool,
    pub(crate) passive: Passive,
}

/// One request's session, loaded on first demand; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct SessionSlot(Arc<SlotInner>);

#[derive(Debug)]
struct SlotInner {
    shared: Arc<LayerSettings>,
    /// The slot of the surrounding layer.
    outer: Option<SessionSlot>,
    /// Whether the application's rule makes the request passive.
    passive: bool,
    /// Whether the request carried a token of ours; set at the first demand.
    carried: OnceLock<Carried>,
    session: OnceCell<Session>,
    /// Whether it was a user's session when loaded.
    for_user: AtomicBool,
    /// Whether it was demanded for more than reading.
    used: AtomicBool,
    /// Whether the response's head is finished: nothing about the session can reach the client any more.
    sealed: AtomicBool,
    /// Whether a `CsrfLayer` let the request pass because this slot's token is not sent by browsers automatically.
    unguarded: AtomicBool,
}

/// The parts of a request that are needed to load its session.
pub(crate) struct Asked<'a> {
    found: RequestTokens<'a>,
    client: ClientInfo,
    /// Whether the browser may have a token that it did not send.
    withheld: bool,
    /// Whether the browser sent the request before its user asked for the page.
    speculative: bool,
}

impl SessionSlot {
    pub(crate) fn new(shared: Arc<LayerSettings>, outer: Option<Self>, request: &impl RequestHead) -> Self {
        let passive = shared.passive.covers(request);
        let (carried, session) = (OnceLock::new(), OnceCell::new());
        let [for_user, used, sealed, unguarded] = [(); 4].map(|()| AtomicBool::new(false));
        Self(Arc::new(SlotInner { shared, outer, passive, carried, session, for_user, used, sealed, unguarded }))
    }

    /// Whether the request needs no CSRF protection; then no inner layer may use a cookie.
    pub(crate) fn needs_no_guard(&self) -> bool {
        let none = !self.carrier().is_sent_unasked();
        self.0.unguarded.fetch_or(none, Ordering::Relaxed);
        none
    }

    /// This slot or an outer one whose layer uses the same cookie or header.
    ///
    /// It has to have the same `Sessions`: a user of another store is a different user.
    pub(crate) fn serving(&self, shared: &LayerSettings) -> Result<Option<&Self>, Error> {
        if shared.carrier.is_sent_unasked() && self.0.unguarded.load(Ordering::Relaxed) {
            return Err(unguarded());
        }
        if !self.carrier().is_same(&shared.carrier) {
            return self.0.outer.as_ref().map_or(Ok(None), |outer| outer.serving(shared));
        }
        let same = ptr::eq(self.0.shared.sessions.store(), shared.sessions.store());
        if same { Ok(Some(self)) } else { Err(two_sessions()) }
    }

    pub(crate) fn carrier(&self) -> &Carrier {
        &self.0.shared.carrier
    }

    pub(crate) fn save_on(&self) -> SaveOn {
        self.0.shared.save_on
    }

    /// The session, if it has been loaded, also only for reading.
    pub(crate) fn loaded(&self) -> Option<&Session> {
        self.0.session.get()
    }

    /// The session, if it has been loaded as a use.
    pub(crate) fn used(&self) -> Option<&Session> {
        self.loaded().filter(|_| self.0.used.load(Ordering::Acquire))
    }

    /// Whether it is a user's session, also if only read: when loaded or, after a login, now.
    pub(crate) fn is_for_user(&self) -> bool {
        self.0.for_user.load(Ordering::Acquire) || self.loaded().is_some_and(Session::has_user)
    }

    pub(crate) fn marks_private(&self) -> bool {
        self.0.shared.private
    }

    /// Whether the session was demanded, even without success.
    pub(crate) fn was_looked_at(&self) -> bool {
        self.0.carried.get().is_some()
    }

    /// The number of values under our name, if already known.
    pub(crate) fn carried(&self) -> Carried {
        self.0.carried.get().copied().unwrap_or_default()
    }

    /// Finds the token and the client.
    pub(crate) fn asked<'a>(&self, request: &'a impl RequestHead) -> Asked<'a> {
        let found = self.carrier().find(request);
        let absent = matches!(found, RequestTokens::Absent);
        let withheld = absent && withheld::may_be(self.carrier(), request);
        let speculative = !absent && is_speculative(request);
        Asked { found, client: client::of(request, &self.0.shared.proxies), withheld, speculative }
    }

    /// Loads the session as a use, unless the request is passive; see [`look`](Self::look).
    pub(crate) async fn load(&self, asked: Asked<'_>) -> Result<Session, Error> {
        let passive = self.0.passive || asked.speculative;
        let session = self.look(asked).await?;
        if !self.0.used.swap(true, Ordering::AcqRel) && !passive {
            note_use(&session).await;
        }
        Ok(session)
    }

    /// Loads the session once; concurrent and later calls return the same one. After a failure the next call tries
    /// again.
    pub(crate) async fn look(&self, asked: Asked<'_>) -> Result<Session, Error> {
        let Asked { found, client, withheld, .. } = asked;
        self.0.carried.get_or_init(|| found.carried());
        let open = async || {
            let session = presented::open(&self.0.shared, found, client).await?;
            self.0.for_user.store(session.has_user(), Ordering::Release);
            session.expect_delivery();
            if withheld {
                session.note_withheld();
            }
            Ok::<_, Error>(session)
        };
        let session = self.0.session.get_or_try_init(open).await?;
        if self.0.sealed.load(Ordering::Acquire) {
            session.seal();
        }
        Ok(session.clone())
    }

    /// Marks the response's head as finished.
    pub(crate) fn seal(&self) {
        self.0.sealed.store(true, Ordering::Release);
        if let Some(session) = self.loaded() {
            session.seal();
        }
    }
}

/// A cookie's layer is inside a `CsrfLayer` that protects a header's layer.
fn unguarded() -> Error {
    let advice = "looks for a cookie inside of a `CsrfLayer` that guards the header layer around it, and so guards nothing: put it inside of this one";
    ConfigError::new("session layer", "nested", advice).into()
}

/// Two layers share a cookie but not their sessions.
fn two_sessions() -> Error {
    let advice =
        "has the cookie of the layer around it, but other `Sessions`: give both clones of one, or cookies of two names";
    ConfigError::new("session layer", "nested", advice).into()
}

/// A session was demanded outside of any layer.
pub(crate) fn no_layer() -> Error {
    let advice = "add `SessionLayer::new(sessions)` outside of `CsrfLayer` and of what extracts `Session` or `User`: `.layer(..)` or `.wrap(..)`";
    ConfigError::new("session layer", "missing", advice).into()
}
