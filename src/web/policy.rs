//! What a response does to a session, and what it carries to the client.

use super::carrier::Carrier;
use super::set_cookie::{Content, Line};
use crate::error::Error;
use crate::session::{CookieChange, SaveOutcome, Session};

/// After which responses what is still pending is saved; a setting of
/// [`SessionLayer::save_on`](crate::SessionLayer::save_on).
///
/// What was done when it returned, such as a login or an increment, is done in any case. A handler that panics, or that
/// is dropped when the client hangs up, has no response: nothing of it is saved, and a login is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SaveOn {
    /// After all but a server error (5xx), redirects and 4xx included: what a handler that failed left half done is
    /// dropped. The default.
    #[default]
    Success,
    /// After every response, for what has to be kept also then, such as a count of attempts.
    ///
    /// It may store changes that were meant to go together with what failed, and a 503 may take the store's budget
    /// twice. If the save fails beside a server error, the handler's response stays and the log has the reason.
    Always,
}

/// Saves what is pending, unless the request failed with a server error and it is to be dropped then.
///
/// An error is what has to be answered instead: a write that was lost is never a success.
pub(super) async fn settle(session: &Session, status: u16, save_on: SaveOn) -> Result<(), Error> {
    let failed = is_server_error(status);
    if failed && save_on == SaveOn::Success {
        return Ok(());
    }
    match session.save_unasked().await.and_then(SaveOutcome::into_result) {
        Err(error) if failed => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(status, error, "beside a server error, the session could not be saved either");
            Ok(())
        }
        saved => saved,
    }
}

/// What the response, as it goes out, says about the client's token.
pub(super) struct Reply<'a> {
    pub(super) carrier: &'a Carrier,
    /// Whether the request carried a token.
    pub(super) carried: bool,
    pub(super) status: u16,
}

impl Reply<'_> {
    /// The line to send, if any: at most one.
    ///
    /// A new token goes out whatever the status, for its session is stored. An outage removes nothing.
    pub(super) fn line(&self, session: &Session) -> Option<Line> {
        match session.cookie_change() {
            CookieChange::Set(token) => {
                let (left, remember) = (session.absolute_time_left(), session.is_remembered());
                Some(self.carrier.render(&Content::Token { text: &token.reveal(), left, remember }))
            }
            CookieChange::Remove if self.carried && self.status != UNAVAILABLE => {
                Some(self.carrier.render(&Content::Removed))
            }
            CookieChange::Remove | CookieChange::Keep => None,
        }
    }
}

pub(super) const UNAVAILABLE: u16 = 503;

const fn is_server_error(status: u16) -> bool {
    status >= 500
}
