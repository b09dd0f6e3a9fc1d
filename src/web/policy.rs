//! What a response saves, and which token it sends.

use crate::error::Error;
use crate::identity::token::SessionToken;
use crate::session::{CookieChange, SaveOutcome, Session};
use crate::web::token_in::carrier::{Carried, Carrier};
use crate::web::token_in::set_cookie::{CookieContent, Line};

/// After which responses pending changes are saved; see [`SessionLayer::save_on`](crate::SessionLayer::save_on).
///
/// Operations that take effect immediately, such as a login or an increment, are not affected. A handler that panics,
/// or is dropped when the client disconnects, has no response: nothing is saved, and a login is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SaveOn {
    /// After all but server errors (5xx), including redirects and 4xx: changes of a failed handler are dropped. The
    /// default.
    #[default]
    Success,
    /// After every response, for changes that have to be kept after a failure, such as a count of attempts.
    ///
    /// It may store changes that belong together with the failed part, and a 503 may take the store's budget twice. If
    /// the save fails after a server error, the handler's response stays and the reason is logged.
    Always,
}

/// Saves pending changes, unless the request failed with a server error and they are to be dropped then.
///
/// An error replaces the handler's response: a lost write never gets a success.
pub(crate) async fn settle(session: &Session, status: u16, save_on: SaveOn) -> Result<(), Error> {
    let failed = is_server_error(status);
    if failed && save_on == SaveOn::Success {
        return Ok(());
    }
    match session.save_unasked().await.and_then(SaveOutcome::into_result) {
        Err(error) if failed => {
            let error = &error as &dyn std::error::Error;
            // The store logs its outages, and the handler's response already reports a failure.
            tracing::debug!(status, error, "session not saved; the response is already a server error");
            Ok(())
        }
        saved => saved,
    }
}

/// The header lines about the token in a response.
pub(crate) struct TokenReply<'a> {
    pub(crate) carrier: &'a Carrier,
    pub(crate) carried: Carried,
    pub(crate) status: u16,
}

impl TokenReply<'_> {
    /// The lines to send: at most one for our own place, which comes last.
    ///
    /// A new token is sent with any status, since its session is stored. An outage removes and renews nothing.
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
                // The valid token may be in a former place: remove it there only if it is now in ours.
                self.beside_former(several && (again.is_some() || session.id().is_none()), again)
            }
        }
    }

    fn token(&self, session: &Session, token: &SessionToken) -> Line {
        let (left, remember) = (session.absolute_time_left(), session.is_remembered());
        self.carrier.render(&CookieContent::Token { text: &token.reveal(), left, remember })
    }

    /// Puts removals from former places first: a client that treats two places as one uses the last line.
    fn beside_former(&self, clears: bool, own: Option<Line>) -> Vec<Line> {
        let former = if clears { self.carrier.former_removals() } else { Vec::new() };
        former.into_iter().chain(own).collect()
    }
}

pub(crate) const UNAVAILABLE: u16 = 503;

const fn is_server_error(status: u16) -> bool {
    status >= 500
}
