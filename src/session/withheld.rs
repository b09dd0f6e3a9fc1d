//! Requests whose session cookie the browser may have withheld.

use super::Session;

/// Whether the cookie of a request without one may have been withheld.
#[derive(Clone, Copy, Default)]
pub(super) struct Withheld {
    /// Whether the browser may still have a cookie.
    possible: bool,
    /// Whether the handler wants that cookie replaced.
    replace: bool,
}

impl Withheld {
    /// Whether a new session's cookie could replace one that nobody meant to replace.
    pub(super) const fn forbids_new(self) -> bool {
        self.possible && !self.replace
    }
}

impl Session {
    /// Whether the client may have a session although this request has no cookie: on cross-site requests, browsers
    /// withhold the cookie according to its [`SameSite`](crate::SessionCookie::same_site) attribute.
    ///
    /// Examples are a form of another site, such as the posted result of a payment, and frames and scripts of other
    /// sites; with `SameSite=Strict` also a followed link. A draft of such a request is not stored, since the new
    /// cookie would replace the withheld one, and with it a login. Changes stay in the draft, the response sets no
    /// cookie, and unsaved changes are dropped at the end, with a DEBUG line. [`save`](Self::save) returns
    /// [`SaveOutcome::Withheld`](crate::SaveOutcome::Withheld). A [`login`](Self::login) and the fields it keeps are
    /// stored, and so is everything after [`replace_withheld_cookie`](Self::replace_withheld_cookie).
    ///
    /// Store the result of such a request under a key of its own, such as the order number. To find the session, let
    /// the browser send a request from your own site: for `Lax`, redirect with 303 to a page of this site; for
    /// `Strict`, respond with a page that loads the next one.
    ///
    /// A request is cross-site if it has `Sec-Fetch-Site: cross-site`, or without that header an `Origin` other than
    /// its `Host`. So if a proxy changes `Host`, the site's own pages count as cross-site in browsers older than 2023.
    /// Always false with `SameSite=None`, with a session in a header, if any cookie of our name was sent, and without
    /// the web layer.
    #[must_use]
    pub fn cookie_may_be_withheld(&self) -> bool {
        self.state().withheld.possible
    }

    /// Stores this request's draft although the client [may have a session](Self::cookie_may_be_withheld) already: its
    /// cookie is replaced, and a login in it is lost.
    ///
    /// For requests that must start a session cross-site, such as a widget embedded in other sites. Does nothing if no
    /// cookie is withheld.
    pub fn replace_withheld_cookie(&self) {
        self.state().withheld.replace = true;
    }

    /// Records that the cookie may have been withheld.
    #[cfg(any(feature = "actix-web", feature = "axum"))]
    pub(crate) fn note_withheld(&self) {
        self.state().withheld.possible = true;
    }
}
