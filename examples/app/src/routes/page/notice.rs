//! The notices of the page.

use cloakroom::{EndReason, Session};

/// One sentence at the top of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    SignedOut,
    DeviceEnded,
    OthersEnded,
    AllEnded,
    Expired,
    Revoked,
    Evicted,
    Invalidated,
    NameWanted,
    ItemWanted,
    CartFull,
    AtCap,
    SignInFirst,
    NoSuchDevice,
    Stale,
    Busy,
    Away,
    Failed,
}

impl Notice {
    /// Why a session ended, if its visitor needs to know: not after their own logout, nor after a login, which goes on in
    /// another session.
    pub(super) const fn ended(reason: EndReason) -> Option<Self> {
        match reason {
            EndReason::LoggedOut | EndReason::LoggedIn => None,
            EndReason::Expired => Some(Self::Expired),
            EndReason::Revoked => Some(Self::Revoked),
            EndReason::Evicted => Some(Self::Evicted),
            _ => Some(Self::Invalidated),
        }
    }

    /// The word for the query of a redirect after something was done.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::DeviceEnded => "device",
            Self::OthersEnded => "others",
            Self::AllEnded => "everywhere",
            _ => "signed-out",
        }
    }

    /// The notice for that query. Anyone can make a link with it, so it never claims something false.
    pub(super) fn done(query: &str, session: &Session) -> Option<Self> {
        let word = query.strip_prefix("done=")?;
        let guest = [Self::SignedOut, Self::AllEnded];
        let user = [Self::DeviceEnded, Self::OthersEnded];
        let possible = if session.is_guest() { guest } else { user };
        possible.into_iter().find(|notice| notice.word() == word)
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::SignedOut => "You are signed out.",
            Self::DeviceEnded => "That device is signed out.",
            Self::OthersEnded => "Your other devices are signed out.",
            Self::AllEnded => "You are signed out everywhere.",
            Self::Expired => "Your session has expired. Please sign in again.",
            Self::Revoked => "You were signed out on another device, or by an administrator.",
            Self::Evicted => "You were signed out here, because you signed in on too many devices.",
            Self::Invalidated => "Your session was ended. Please sign in again.",
            Self::NameWanted => "A name has 1 to 64 characters.",
            Self::ItemWanted => "What goes into the cart has 1 to 80 characters.",
            Self::CartFull => "The cart is full.",
            Self::AtCap => "You are signed in on as many devices as allowed. Sign out on one of them first.",
            Self::SignInFirst => "Please sign in first.",
            Self::NoSuchDevice => "That device was signed out already.",
            Self::Stale => "The page was out of date, and nothing was done. Here it is as of now: please try again.",
            Self::Busy => "The cart was changed elsewhere at the same time. Please try again.",
            Self::Away => {
                "The sessions cannot be reached at the moment. You are not signed out: please try again soon."
            }
            Self::Failed => "This could not be done.",
        }
    }
}
