//! `Login`, the arguments of a login, and its outcome.

use std::fmt;

use crate::config::Cap;
use crate::config::timeouts::Timeouts;
use crate::end::EndReason;
use crate::identity::id::{SessionId, UserHash};
use crate::store::Ticket;

/// A login request: the user, and what to keep of the old session.
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
    /// A login of this user: any id of 1 to 256 bytes, chosen by the application. Check the password first.
    pub fn new(user: impl Into<String>) -> Self {
        Self { user: user.into(), keep: Vec::new(), cap: None, ticket: None, timeouts: None, remember: None }
    }

    /// Copies these fields from the guest session into the user's; missing ones are skipped.
    ///
    /// Nothing is copied from one user's session to another's. When the same user logs in again, all fields stay.
    pub fn keep<N: Into<String>>(mut self, fields: impl IntoIterator<Item = N>) -> Self {
        self.keep.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The cap for this login, instead of the configured one.
    pub const fn cap(mut self, cap: Cap) -> Self {
        self.cap = Some(cap);
        self
    }

    /// Rejects the login if the user was revoked after this ticket was taken.
    pub fn ticket(mut self, ticket: LoginTicket) -> Self {
        self.ticket = Some(ticket);
        self
    }

    /// Timeouts for this login, instead of the configured ones. The store enforces them, however long the browser keeps
    /// the cookie.
    pub const fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    /// "Remember me": whether the browser keeps the cookie after it is closed (`Max-Age`) or drops it then.
    ///
    /// Without this call, the layer's `SessionCookie` decides. The choice is stored with the session, so a rotation
    /// sets a cookie of the same kind; a later login of the same user keeps it unless it chooses again. Often combined
    /// with longer [`timeouts`](Self::timeouts), since the cookie's kind does not affect the session's lifetime.
    #[doc(alias = "persistent")]
    pub const fn remember(mut self, remember: bool) -> Self {
        self.remember = Some(remember);
        self
    }
}

/// The result of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "no user is logged in unless the outcome is `As`"]
pub enum LoginOutcome {
    /// The user is logged in, in this session; its token has to be sent to the client.
    As(SessionId),
    /// Rejected: the user is at the cap. Nothing changed.
    AtCap,
    /// Rejected: the user's sessions were revoked after the ticket was taken, or the ticket is older than 10 minutes or
    /// another user's. Nothing changed.
    TicketVoid,
    /// Rejected: another request logged in again in this session. Nothing changed; field changes stay pending unless
    /// the handler drops them with [`Session::discard`](crate::Session::discard).
    Conflict,
    /// Rejected: this session has ended, or the one that another login created in its place within the last minute.
    /// Nothing changed.
    Gone(Option<EndReason>),
}

/// A user's revocation state at one moment; see [`Sessions::ticket`](crate::Sessions::ticket).
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
