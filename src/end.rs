//! Why a session ended.

use std::fmt;

/// Why a session ended. Kept with the ended session for a while, so that the visitor can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// Its idle or absolute deadline passed.
    Expired,
    /// Its visitor logged out.
    LoggedOut,
    /// Its visitor logged in: the login made a new session in its place.
    LoggedIn,
    /// Someone ended it from outside: the user on another device, or an administrator.
    Revoked,
    /// The application ended it with `invalidate` or `reset`.
    Invalidated,
    /// A later login of the same user needed its place under the cap.
    Evicted,
    /// Its client went away before it was given the token: nobody could use the session.
    Undelivered,
}

impl EndReason {
    /// One word in snake case, stable: for JSON, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::LoggedOut => "logged_out",
            Self::LoggedIn => "logged_in",
            Self::Revoked => "revoked",
            Self::Invalidated => "invalidated",
            Self::Evicted => "evicted",
            Self::Undelivered => "undelivered",
        }
    }

    /// Whether a client that comes with a session ended so should drop its cookie. Not after a login: the client was
    /// given a newer one by then, and a request that began before it would take that away. Nor where its token was not
    /// delivered: whatever the client has is of another session.
    pub(crate) const fn drops_cookie(self) -> bool {
        !matches!(self, Self::LoggedIn | Self::Undelivered)
    }

    /// The byte in a tombstone; 0 is a live session.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Expired => 1,
            Self::LoggedOut => 2,
            Self::LoggedIn => 3,
            Self::Revoked => 4,
            Self::Invalidated => 5,
            Self::Evicted => 6,
            Self::Undelivered => 7,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Expired,
            2 => Self::LoggedOut,
            3 => Self::LoggedIn,
            4 => Self::Revoked,
            5 => Self::Invalidated,
            6 => Self::Evicted,
            7 => Self::Undelivered,
            _ => return None,
        })
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_zero_is_none() {
        assert_eq!(EndReason::from_code(0), None);
        let all: Vec<_> = (1..=u8::MAX).filter_map(EndReason::from_code).collect();
        assert_eq!(all.len(), 7);
        assert!(all.iter().all(|reason| EndReason::from_code(reason.code()) == Some(*reason)));
    }
}
