//! The steps of a history: plain data that means something in any state, so that steps can be left out.

use std::time::Duration;

use super::setup::Span;

pub(super) const BROWSERS: usize = 3;
pub(super) const SLOTS: usize = 6;
pub(super) const USERS: [&str; 3] = ["ada", "bob", "cy"];
pub(super) const FIELDS: [&str; 4] = ["a", "b", "n", "m"];

/// One step of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Advance(Duration),
    /// A request begins: its handle is stored in the slot until another one replaces it.
    Request {
        slot: usize,
        browser: usize,
        cookie: Cookie,
        server: usize,
        kind: Kind,
    },
    On {
        slot: usize,
        act: Act,
    },
    Of {
        user: usize,
        act: UserAct,
    },
    Walk(Walk),
    /// A call that was sent to Redis before is delivered again: the one n calls before the last.
    Repeat(usize),
}

/// How a request opens its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Peek,
}

/// The token that a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    None,
    /// The cookie that the browser got last.
    Own,
    /// Any token ever issued to anyone, by order of issue.
    Issued(usize),
    /// The id of one issued token with the secret of another.
    Forged(usize, usize),
}

/// What a handler does with its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Insert(usize, i64),
    InsertBytes(usize, usize),
    Remove(usize),
    Clear,
    MarkDirty,
    Save,
    SaveIfUnchanged,
    Discard,
    Increment(usize, i64),
    Touch,
    Rotate,
    Reload,
    SetTimeouts(Span),
    Login(LoginAs),
    Logout,
    LogoutKeeping(usize),
    LogoutEverywhere,
    Invalidate,
    Reset,
    /// The response reaches the browser.
    Respond,
}

/// A login and its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoginAs {
    pub(super) user: usize,
    pub(super) keep: usize,
    /// With the ticket that was last taken for a user.
    pub(super) ticket: Option<usize>,
    pub(super) span: Option<Span>,
    /// The lowest cap instead of the configured one.
    pub(super) lowest_cap: bool,
}

/// An operation on all sessions of a user. A number names any user's session by order of issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserAct {
    List,
    Ticket,
    Revoke(usize),
    RevokeOthers(usize),
    RevokeAll,
}

/// An operation on all buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    Sweep,
    RevokeGuests,
    RevokeEveryone,
    Active,
}
