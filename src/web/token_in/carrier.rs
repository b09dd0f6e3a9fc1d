//! The carrier of a token: a cookie, or a header.

use crate::session::load::candidates::Candidates;
use crate::web::head::RequestHead;
use crate::web::token_in::cookie;
use crate::web::token_in::cookie_settings::SessionCookie;
use crate::web::token_in::header::SessionHeader;
use crate::web::token_in::set_cookie::{CookieContent, Line};

/// The values of a request under our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestTokens<'a> {
    Absent,
    /// One value; it may have been repeated.
    One(&'a [u8]),
    /// Different values, of which these may open a session.
    Several(Candidates<'a>),
}

/// The number of different values of a request under our name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Carried {
    #[default]
    None,
    One,
    Several,
    /// More than are tried: what the rest opens is unknown.
    TooMany,
}

impl<'a> RequestTokens<'a> {
    pub(crate) fn carried(&self) -> Carried {
        match self {
            Self::Absent => Carried::None,
            Self::One(_) => Carried::One,
            Self::Several(candidates) if candidates.more => Carried::TooMany,
            Self::Several(_) => Carried::Several,
        }
    }

    pub(crate) fn among(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        let Some(first) = values.next() else { return RequestTokens::Absent };
        match values.find(|other| *other != first) {
            None => RequestTokens::One(first),
            Some(other) => RequestTokens::Several(Candidates::among([first, other].into_iter().chain(values))),
        }
    }
}

/// The cookie or header that carries the token.
#[derive(Debug, Clone)]
pub(crate) enum Carrier {
    Cookie(SessionCookie),
    Header(SessionHeader),
}

impl Carrier {
    /// The cookie's or the header's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cookie(cookie) => cookie.name_str(),
            Self::Header(header) => header.name(),
        }
    }

    /// Whether both use the same place: a cookie and a header may have one name.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_sent_unasked() == other.is_sent_unasked() && self.name() == other.name()
    }

    pub(crate) fn find<'a>(&self, request: &'a impl RequestHead) -> RequestTokens<'a> {
        match self {
            Self::Cookie(cookie) => cookie::find(request.values("cookie"), cookie.name_str()),
            Self::Header(header) => header.find(request.values(header.name())),
        }
    }

    /// The header that a response depends on, as `Vary` names it.
    pub(crate) fn varies(&self) -> &str {
        match self {
            Self::Cookie(_) => "Cookie",
            Self::Header(header) => header.name(),
        }
    }

    /// The response header that sets a token.
    pub(crate) fn response_header(&self) -> &str {
        match self {
            Self::Cookie(_) => "set-cookie",
            Self::Header(header) => header.name(),
        }
    }

    /// Whether only the session layer may set this value of that header.
    pub(crate) fn is_ours(&self, value: &[u8]) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.is_ours(value),
            Self::Header(_) => true,
        }
    }

    /// Whether the token is sent with a lifetime.
    pub(crate) fn has_age(&self, remember: Option<bool>) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.has_age(remember),
            Self::Header(_) => false,
        }
    }

    /// Whether the client may still hold cookies of our name in former places, as configured.
    pub(crate) fn has_former(&self) -> bool {
        matches!(self, Self::Cookie(cookie) if !cookie.former.is_empty())
    }

    /// The removals of those cookies.
    pub(crate) fn former_removals(&self) -> Vec<Line> {
        match self {
            Self::Cookie(cookie) => cookie.former_removals(),
            Self::Header(_) => Vec::new(),
        }
    }

    pub(crate) fn render(&self, content: &CookieContent<'_>) -> Line {
        match self {
            Self::Cookie(cookie) => cookie.render(content),
            Self::Header(header) => header.render(content),
        }
    }

    /// Whether browsers send it automatically, also with requests of other sites, so that CSRF protection is needed.
    pub(crate) fn is_sent_unasked(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }
}
