//! Loading a session by its token, and checking the secret.

#[cfg(any(feature = "actix-web", feature = "axum", feature = "test-util"))]
pub(crate) mod candidates;

use crate::config::binding::BindingVerdict;
use crate::end::EndReason;
use crate::error::Error;
use crate::fields::map::Contents;
use crate::identity::client::ClientInfo;
use crate::identity::id::SessionId;
use crate::identity::token::{Presented, SecretHash, SessionToken};
use crate::session::{Before, Live, Phase, Session};
use crate::sessions::Sessions;
use crate::store::{Loaded, Meta, PREVIOUS_GRACE_MS};
use crate::util::boxed::boxed;
use crate::util::clock::Millis;
use crate::util::rarely::rarely;

/// Opens a session and records a use.
pub(crate) async fn open(sessions: &Sessions, token: Option<&str>, client: ClientInfo) -> Result<Session, Error> {
    let session = peek(sessions, token, client).await?;
    note_use(&session).await;
    Ok(session)
}

/// Touches a peeked session if a touch is due.
pub(crate) async fn note_use(session: &Session) {
    if session.touch_is_due() {
        #[cfg(any(feature = "actix-web", feature = "axum"))]
        session.note_window();
        let touched = session.clone();
        session.sessions().store().touch_beside(async move { touched.touch_now().await }).await;
    }
}

/// Opens a session without recording a use.
pub(crate) async fn peek(sessions: &Sessions, token: Option<&str>, client: ClientInfo) -> Result<Session, Error> {
    let token = token.and_then(|text| SessionToken::parse(text).ok());
    peek_with(sessions, token.as_ref(), client).await
}

/// The same with a parsed token.
pub(crate) async fn peek_with(
    sessions: &Sessions,
    token: Option<&SessionToken>,
    client: ClientInfo,
) -> Result<Session, Error> {
    let client = client.cut(sessions.settings().limits.user_agent_bytes);
    let found = match token {
        Some(token) => read(sessions, token.id(), token.presented()).await?,
        None => (Phase::draft(), Contents::default()),
    };
    let found = bound(sessions, &client, found);
    Ok(handle(sessions, client, found))
}

fn handle(sessions: &Sessions, client: ClientInfo, (phase, fields): Initial) -> Session {
    Session::new(sessions.clone(), client, phase, fields)
}

/// Checks the client's address against the binding; a mismatch is treated as an unknown session.
fn bound(sessions: &Sessions, client: &ClientInfo, found: Initial) -> Initial {
    let Phase::Live(live) = &found.0 else { return found };
    let verdict = sessions.settings().binding.judge(live.session.meta.client.known_address(), client.known_address());
    match verdict {
        BindingVerdict::Same => found,
        BindingVerdict::Changed => {
            rarely!(warn, id = %live.session.id, "session used from a different client address");
            found
        }
        BindingVerdict::Rejected => {
            rarely!(warn, id = %live.session.id, "session rejected: different client address");
            (Phase::draft(), Contents::default())
        }
    }
}

type Initial = (Phase, Contents);

/// Reads a session and returns the initial phase of a handle with this secret.
pub(crate) async fn read(sessions: &Sessions, id: SessionId, presented: Presented) -> Result<Initial, Error> {
    let store = sessions.store();
    let loaded = store.load(id).await?;
    if let Loaded::Live(record) = &loaded
        && is_previous(&record.meta, presented.hash)
    {
        // Whether a previous secret is still valid depends on the time, and the store's clock decides.
        let (loaded, now) = boxed(store.load_timed(id)).await?;
        return Ok(judge(id, loaded, presented, now));
    }
    Ok(judge(id, loaded, presented, store.now()))
}

pub(super) fn is_previous(meta: &Meta, presented: SecretHash) -> bool {
    meta.rotation.as_ref().is_some_and(|rotation| rotation.previous == presented)
}

fn judge(id: SessionId, loaded: Loaded, presented: Presented, now: Millis) -> Initial {
    let secret = presented.hash;
    match loaded {
        Loaded::Live(record) if opens(&record.meta, secret, now) => {
            let (session, fields) = record.into_session(id);
            (Phase::Live(Box::new(Live { session, presented, loaded: now })), fields)
        }
        Loaded::Ended(tombstone) if tombstone.secret == secret || tombstone.previous == Some(secret) => {
            let before = tombstone.successor.map(|successor| Box::new(Before { presented, successor }));
            (Phase::after(tombstone.reason).replaced(before), Contents::default())
        }
        Loaded::Absent | Loaded::Live(_) | Loaded::Ended(_) => (Phase::draft(), Contents::default()),
    }
}

/// Whether this secret opens the session: the current one always, the previous one until 10 s after the first use of
/// the current.
fn opens(meta: &Meta, presented: SecretHash, now: Millis) -> bool {
    let within_grace = |used: Option<Millis>| used.is_none_or(|used| now <= used + PREVIOUS_GRACE_MS);
    meta.secret == presented
        || meta.rotation.as_ref().is_some_and(|old| old.previous == presented && within_grace(old.used))
}

impl Phase {
    /// No session is stored, and none ended.
    pub(crate) const fn draft() -> Self {
        Self::Draft { bucket: None, after: None, drop_cookie: false, before: None }
    }

    /// The client's session has ended. Without a reason, only this secret is known to be invalid: the client may hold a
    /// newer one.
    pub(crate) fn after(reason: impl Into<Option<EndReason>>) -> Self {
        let after = reason.into();
        Self::Draft { bucket: None, after, drop_cookie: after.is_some_and(EndReason::drops_cookie), before: None }
    }

    /// Adds the session that a login created in place of the guest's.
    fn replaced(mut self, by: Option<Box<Before>>) -> Self {
        if let Self::Draft { before, .. } = &mut self {
            *before = by;
        }
        self
    }
}
