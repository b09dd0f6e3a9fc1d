//! What a login is asked for, and what becomes of it.

use std::fmt;

use crate::config::Cap;
use crate::config::timeouts::Timeouts;
use crate::end::EndReason;
use crate::identity::id::{SessionId, UserHash};
use crate::store::Ticket;

/// A login that is about to be done: who, and what of the session before it stays.
///
/// ```
/// # use cloakroom::Login;
/// let login = Login::new("ada").keep(["cart", "language"]);
/// ```
#[derive(Debug, Clone)]
#[must_use = "give it to `Session::login`"]
pub struct Login {
    pub(crate) user: String,
    pub(crate) keep: Vec<String>,
    pub(crate) cap: Option<Cap>,
    pub(crate) ticket: Option<LoginTicket>,
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) remember: Option<bool>,
}

impl Login {
    /// Logs in this user: any id of 1 to 256 bytes, the application's own. Check the password first.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), keep: Vec::new(), cap: None, ticket: None, timeouts: None, remember: None }
    }

    /// Carries these fields from the guest's session into the user's; missing ones are skipped.
    ///
    /// From one user to another nothing is carried; when the same user logs in again, all fields stay.
    pub fn keep<N: Into<String>>(mut self, fields: impl IntoIterator<Item = N>) -> Self {
        self.keep.extend(fields.into_iter().map(Into::into));
        self
    }

    /// A cap for this login instead of the configured one.
    pub const fn cap(mut self, cap: Cap) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Refuses the login if the user was revoked since this ticket was taken.
    pub fn ticket(mut self, ticket: LoginTicket) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// Timeouts for this login instead of the configured ones: what the store holds to, whatever the browser keeps.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// "Remember me": whether the browser keeps the cookie when it is closed (`Max-Age`) or forgets it then.
    ///
    /// As the layer's `SessionCookie` has it if this is not called. Stored with the session, so that
    /// a rotation's cookie is of the same kind; a later login of the same user keeps the choice unless it makes one. Often
    /// goes with longer [`timeouts`](Self::timeouts): the cookie's kind decides nothing about the session's life.
    #[doc(alias = "persistent")]
    pub const fn remember(mut self, remember: bool) -> Self {
        self.remember = Some(remember);
        self
    }
}

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nobody is logged in unless the outcome is `As`"]
pub enum LoginOutcome {
    /// The user is logged in, in this session; the client has to be given its token.
    As(SessionId),
    /// Refused: the user has reached the maximum number of sessions. Nothing changed.
    AtCap,
    /// Refused: the user's sessions were revoked since the ticket was taken, or it is older than 10 minutes, or another
    /// user's. Nothing changed.
    TicketVoid,
    /// Refused: the session that the login began in was logged in again meanwhile. Nothing changed; pending changes of fields
    /// stay pending, unless the handler drops them by [`Session::discard`](crate::Session::discard).
    Conflict,
    /// Refused: the session that the login began in has ended meanwhile, or the one that another login made in its place
    /// within the last minute. Nothing changed.
    Gone(Option<EndReason>),
}

/// The state of a user's revocations at one moment; see [`Sessions::ticket`](crate::Sessions::ticket).
#[derive(Clone, Copy)]
pub struct LoginTicket {
    user: UserHash,
    pub(crate) ticket: Ticket,
}

impl LoginTicket {
    pub(crate) fn new(user: &str, ticket: Ticket) -> Self {
        Self { user: UserHash::of(user), ticket }
    }

    pub(crate) fn is_of(&self, user: &str) -> bool {
        self.user == UserHash::of(user)
    }
}

impl fmt::Debug for LoginTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginTicket").finish_non_exhaustive()
    }
}
