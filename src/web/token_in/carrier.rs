//! Where a client keeps its token: in a cookie, or in a header of its own.

use crate::session::load::candidates::Candidates;
use crate::web::head::RequestHead;
use crate::web::token_in::cookie;
use crate::web::token_in::cookie_settings::SessionCookie;
use crate::web::token_in::header::SessionHeader;
use crate::web::token_in::set_cookie::{CookieContent, Line};

/// What a request carries under our name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestTokens<'a> {
    Absent,
    /// One value; it may have come more than once.
    One(&'a [u8]),
    /// The name came with different values, of which these may open a session.
    Several(Candidates<'a>),
}

/// How many different values a request carries under our name.
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

/// By what the token comes and goes.
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

    /// Whether both look at the same place: a cookie and a header may have one name.
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

    /// The header by which a response gives a token.
    pub(crate) fn response_header(&self) -> &str {
        match self {
            Self::Cookie(_) => "set-cookie",
            Self::Header(header) => header.name(),
        }
    }

    /// Whether a value of that header is the session layer's to set.
    pub(crate) fn is_ours(&self, value: &[u8]) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.is_ours(value),
            Self::Header(_) => true,
        }
    }

    /// Whether the client forgets the token at a time that it was given with it.
    pub(crate) fn has_age(&self, remember: Option<bool>) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.has_age(remember),
            Self::Header(_) => false,
        }
    }

    /// Whether the client may still hold cookies of our name in other places than ours, as far as the application said.
    pub(crate) fn has_former(&self) -> bool {
        matches!(self, Self::Cookie(cookie) if !cookie.former.is_empty())
    }

    /// The removals of those.
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

    /// Whether a browser adds it to what other sites' pages send: then forged requests are a matter.
    pub(crate) fn is_sent_unasked(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }
}
