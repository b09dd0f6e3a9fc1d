//! Why a session ended.

use std::fmt;

/// Why a session ended. Stored with the ended session for a while, so that the application can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// Its idle or absolute deadline passed.
    Expired,
    /// The visitor logged out.
    LoggedOut,
    /// The visitor logged in, and the login created a new session in its place.
    LoggedIn,
    /// Ended from outside: by the user on another device, or by an administrator.
    Revoked,
    /// The application called `invalidate` or `reset`.
    Invalidated,
    /// Evicted by a later login of the same user at the cap.
    Evicted,
    /// The client disconnected before it received the token, so nobody could use the session.
    Undelivered,
}

impl EndReason {
    /// One stable word in snake case, for JSON, logs and metrics.
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

    /// Whether a client that presents such a session should drop its cookie. Not after a login: by then the client has
    /// a newer cookie, which the response to an earlier request would remove. Not if the token was undelivered: the
    /// client's cookie is of another session.
    pub(crate) const fn drops_cookie(self) -> bool {
        !matches!(self, Self::LoggedIn | Self::Undelivered)
    }

    /// The code in a tombstone; 0 means live.
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
