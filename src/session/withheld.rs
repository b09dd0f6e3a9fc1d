//! Requests from which the browser may have withheld the session's cookie.

use super::Session;

/// What is known of the cookie of a request that came without one.
#[derive(Clone, Copy, Default)]
pub(super) struct Withheld {
    /// Whether the browser may have one all the same.
    possible: bool,
    /// Whether the handler wants it replaced then.
    replace: bool,
}

impl Withheld {
    /// Whether a new session's cookie could take the place of one that nobody meant to replace.
    pub(super) const fn forbids_new(self) -> bool {
        self.possible && !self.replace
    }
}

impl Session {
    /// Whether the client may have a session although this request came without one: it is a cross-site request, from which
    /// browsers withhold the cookie by its [`SameSite`](crate::SessionCookie::same_site).
    ///
    /// So it is with another site's form, such as a payment site's that posts its result, and with its frames and scripts; with
    /// `SameSite=Strict` also with a link followed from there. A draft of such a request is not stored, since the new cookie
    /// would replace the one that the browser kept back, and with it a login: a change stays in the draft, the response has no
    /// cookie, and what was not stored is dropped at the end, with a DEBUG line. Stored all the same are a
    /// [`login`](Self::login) and what it carries, and everything after
    /// [`replace_withheld_cookie`](Self::replace_withheld_cookie). [`save`](Self::save) returns
    /// [`SaveOutcome::Withheld`](crate::SaveOutcome::Withheld).
    ///
    /// What such a handler learns belongs under a key of its own, such as the order's number. To find the session, let the
    /// browser come again by itself: a redirect with 303 to a page of this site is enough for `Lax`; for `Strict` respond with
    /// a page that loads the next one.
    ///
    /// Cross-site is `Sec-Fetch-Site: cross-site`, or without that header an `Origin` other than the request's `Host`: where a
    /// proxy changes `Host`, that holds for the site's own pages in browsers older than 2023. Always false with
    /// `SameSite=None`, with a session in a header, where any cookie of our name came, and without the web layer.
    #[must_use]
    pub fn cookie_may_be_withheld(&self) -> bool {
        self.state().withheld.possible
    }

    /// Has this request's draft stored like any other although the client
    /// [may have a session](Self::cookie_may_be_withheld) already: its cookie is then replaced, and a login in it lost.
    ///
    /// For what must begin a session on a cross-site request, such as a widget that other sites embed. It does nothing
    /// where no cookie is withheld.
    pub fn replace_withheld_cookie(&self) {
        self.state().withheld.replace = true;
    }

    /// Notes that the cookie may have been withheld.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn note_withheld(&self) {
        self.state().withheld.possible = true;
    }
}
