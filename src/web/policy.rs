//! What a response does to a session, and what it carries to the client.

use crate::error::Error;
use crate::identity::token::SessionToken;
use crate::session::{CookieChange, SaveOutcome, Session};
use crate::web::token_in::carrier::{Carried, Carrier};
use crate::web::token_in::set_cookie::{CookieContent, Line};

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
pub(crate) async fn settle(session: &Session, status: u16, save_on: SaveOn) -> Result<(), Error> {
    let failed = is_server_error(status);
    if failed && save_on == SaveOn::Success {
        return Ok(());
    }
    match session.save_unasked().await.and_then(SaveOutcome::into_result) {
        Err(error) if failed => {
            let error = &error as &dyn std::error::Error;
            // The store tells of its outages, and the handler told its client of the failure.
            tracing::debug!(status, error, "session not saved; the response is already a server error");
            Ok(())
        }
        saved => saved,
    }
}

/// What the response, as it goes out, says about the client's token.
pub(crate) struct TokenReply<'a> {
    pub(crate) carrier: &'a Carrier,
    pub(crate) carried: Carried,
    pub(crate) status: u16,
}

impl TokenReply<'_> {
    /// The lines to send: at most one for our own place, and it comes last.
    ///
    /// A new token goes out whatever the status, for its session is stored. An outage removes and renews nothing.
    pub(crate) async fn lines(&self, session: &Session) -> Vec<Line> {
        let outage = self.status == UNAVAILABLE;
        let several = self.carried >= Carried::Several;
        match session.cookie_change() {
            CookieChange::Set(token) if outage => vec![self.token(session, &token)],
            CookieChange::Set(token) => self.beside_former(several, Some(self.token(session, &token))),
            CookieChange::Remove | CookieChange::Keep if outage => Vec::new(),
            CookieChange::Remove if self.carried == Carried::None => Vec::new(),
            CookieChange::Remove => {
                // A value that was not tried may open a session.
                let all_ended = self.carried != Carried::TooMany;
                self.beside_former(true, all_ended.then(|| self.carrier.render(&CookieContent::Removed)))
            }
            CookieChange::Keep => {
                let again = session.renewed().await.map(|token| self.token(session, &token));
                // What the session goes on by may be in a former place: removed only if it is now in ours.
                self.beside_former(several && (again.is_some() || session.id().is_none()), again)
            }
        }
    }

    fn token(&self, session: &Session, token: &SessionToken) -> Line {
        let (left, remember) = (session.absolute_time_left(), session.is_remembered());
        self.carrier.render(&CookieContent::Token { text: &token.reveal(), left, remember })
    }

    /// Puts the removals from former places in front: a client that takes two places for one obeys the last line.
    fn beside_former(&self, clears: bool, own: Option<Line>) -> Vec<Line> {
        let former = if clears { self.carrier.former_removals() } else { Vec::new() };
        former.into_iter().chain(own).collect()
    }
}

pub(crate) const UNAVAILABLE: u16 = 503;

const fn is_server_error(status: u16) -> bool {
    status >= 500
}
