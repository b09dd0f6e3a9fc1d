//! What a response does to a session, and what it carries to the client.

use super::config::SessionCookie;
use super::set_cookie::{Content, SetCookie};
use crate::error::Error;
use crate::session::{CookieChange, Session};

/// Saves what is pending, unless the request failed with a server error: then it is dropped.
///
/// An error is what has to be answered instead: a write that was lost is never a success.
pub(super) async fn settle(session: &Session, status: u16) -> Result<(), Error> {
    if is_server_error(status) { Ok(()) } else { session.save().await?.into_result() }
}

/// What the response, as it goes out, says about the cookie.
pub(super) struct Reply<'a> {
    pub(super) cookie: &'a SessionCookie,
    /// Whether the request carried our cookie.
    pub(super) carried: bool,
    pub(super) status: u16,
}

impl Reply<'_> {
    /// The cookie to set, if any: at most one.
    ///
    /// A new token goes out whatever the status, for its session is stored. An outage removes nothing.
    pub(super) fn set_cookie(&self, session: &Session) -> Option<SetCookie> {
        match session.cookie_change() {
            CookieChange::Set(token) => {
                let content = Content::Token { text: &token.reveal(), left: session.absolute_time_left() };
                Some(self.cookie.render(&content))
            }
            CookieChange::Remove if self.carried && self.status != UNAVAILABLE => {
                Some(self.cookie.render(&Content::Removed))
            }
            CookieChange::Remove | CookieChange::Keep => None,
        }
    }
}

pub(super) const UNAVAILABLE: u16 = 503;

const fn is_server_error(status: u16) -> bool {
    status >= 500
}
