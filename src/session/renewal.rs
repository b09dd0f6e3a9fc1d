//! Renewal of the cookie: sets the same token again if the session outlives the cookie.

use super::{Live, Phase, Session};
use crate::identity::token::SessionToken;
use crate::session::load;
use crate::store::Meta;
use crate::util::clock::Millis;

/// A browser drops a cookie 400 days after it was set. Without an absolute timeout, the cookie is set again once in
/// each window of this length since the login: thirteen chances in 400 days, and thirteen responses that no cache may
/// store.
const WINDOW_MS: Millis = 30 * 24 * 60 * 60 * 1000;

/// What a request keeps for a response that may have to set the cookie again.
#[derive(Default)]
pub(super) struct Renewal {
    /// The presented token; dropped, and so wiped, when the response's head is finished.
    token: Option<SessionToken>,
    /// The absolute lifetime that the cookie was set for, as far as known: the one at the load.
    promised_ms: Millis,
    /// Whether to renew regardless of the session's lifetime.
    due: bool,
}

impl Session {
    /// Keeps the presented token until the response's head is finished.
    pub(crate) fn keep_token(&self, token: SessionToken) {
        let mut state = self.state();
        if let Some(promised_ms) = state.live().map(|live| live.session.meta.lifetimes.absolute_ms) {
            state.renewal = Renewal { token: Some(token), promised_ms, due: false };
        }
    }

    /// Makes the response set the cookie again even if its age is fine: the client may have it at a former place.
    pub(crate) fn renew_cookie(&self) {
        self.state().renewal.due = true;
    }

    /// Called before a use is recorded. The first use in a window renews the cookie of a session without an absolute
    /// timeout. This needs no stored mark, since the last use is stored, and costs nothing between two touches.
    pub(crate) fn note_window(&self) {
        let now = self.sessions().store().now();
        let mut state = self.state();
        if state.live().is_some_and(|live| begins_window(&live.session.meta, now)) {
            state.renewal.due = true;
        }
    }

    /// The client's token if its cookie has to be set again because the cookie would expire before the session does.
    ///
    /// First checks in the store that the token is still the current one. Otherwise a late response could replace the
    /// token of a concurrent login or rotation. Without a reply there is no renewal.
    pub(crate) async fn renewed(&self) -> Option<SessionToken> {
        let (token, live) = self.due_token()?;
        match load::read(self.sessions(), live.session.id, live.presented).await {
            Ok((Phase::Live(now), _)) => is_current(&now).then_some(token),
            Ok(_) => None,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "session cookie not renewed");
                None
            }
        }
    }

    fn due_token(&self) -> Option<(SessionToken, Live)> {
        let mut state = self.state();
        let renewal = std::mem::take(&mut state.renewal);
        let token = renewal.token.filter(|_| state.issued.is_none())?;
        let live = state.live()?;
        let due = renewal.due || live.session.meta.lifetimes.absolute_ms > renewal.promised_ms;
        (due && is_current(live) && token.id() == live.session.id).then(|| (token, live.clone()))
    }
}

/// Whether the client has the newest token; only that one may be set again.
fn is_current(live: &Live) -> bool {
    live.presented.hash == live.session.meta.secret
}

/// Whether a use at this time is the first in its window.
fn begins_window(meta: &Meta, now: Millis) -> bool {
    let window = |at: Millis| at.saturating_sub(meta.since) / WINDOW_MS;
    meta.lifetimes.is_endless() && window(meta.touched) < window(now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{ClientInfo, Sessions, Timeouts};

    #[tokio::test]
    async fn once_the_response_has_begun_the_token_is_dropped() -> Result<(), Box<dyn std::error::Error>> {
        let sessions = Sessions::builder("memory:").namespace("test").connect().await?;
        let made = sessions.open(None, ClientInfo::new()).await?;
        made.increment("n", 1).await?;
        let token = made.token().ok_or("a new session has a token")?;
        for sealed in [false, true] {
            let session = sessions.open(Some(token.reveal().as_str()), ClientInfo::new()).await?;
            session.keep_token(token.clone());
            session.renew_cookie();
            if sealed {
                session.seal();
            }
            assert_eq!(session.renewed().await.is_some(), !sealed);
            assert!(session.renewed().await.is_none(), "it is given once");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_cookie_is_renewed_only_for_the_session_that_it_opened() -> Result<(), Box<dyn std::error::Error>> {
        let sessions = Sessions::builder("memory:").namespace("test").connect().await?;
        let session = sessions.open(None, ClientInfo::new()).await?;
        session.increment("n", 1).await?;
        let token = session.token().ok_or("a new session has a token")?;
        let session = sessions.open(Some(token.reveal().as_str()), ClientInfo::new()).await?;
        session.keep_token(token);
        let _ = session.logout().await?;
        session.set_timeouts(Timeouts::new().absolute(Duration::from_secs(1_000_000))).await?;
        session.increment("n", 1).await?;
        assert!(session.renewed().await.is_none(), "the new session has a token of its own");
        Ok(())
    }
}
