//! The session's token against forged requests.

use super::Session;
use crate::identity::csrf::{CsrfDigest, CsrfToken};
use crate::identity::token::SessionToken;
use crate::store::Contract;

impl Session {
    /// The token for this session's own pages to send back: 43 characters of base64url; `None` for a draft and after the end.
    ///
    /// In a page it goes into a hidden field of each form, or into a `<meta>` for scripts, which send it in the header
    /// `X-CSRF-Token`. `CsrfLayer` looks at that header; a form's field is for the handler, with
    /// [`csrf_matches`](Self::csrf_matches).
    ///
    /// It is derived from the secret in the session's token, so it is stored nowhere, a dump of Redis does not lead to
    /// it, and it tells nothing of the secret. It changes with the secret: after a login or a rotation in this request it is
    /// the new one's. A request that came with the previous secret in its grace has that one's.
    ///
    /// Pages from before a login, also of the same user (re-authentication), have to be loaded again: their token is never
    /// accepted. One from before a [`rotate`](Self::rotate) is accepted for an hour after it, so that an open form can still
    /// be sent; of more than four rotations within an hour, for the last four. Redis stores 16 bytes of a hash of it for
    /// that, from which nobody can compute it.
    ///
    /// It is the same in every page until then: a page that carries it beside a visitor's input, compressed, can give
    /// it away by its length (BREACH). Such a page is better served uncompressed.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use cloakroom::{ClientInfo, Sessions};
    ///
    /// let sessions = Sessions::builder("memory:").namespace("shop").connect().await?;
    /// let session = sessions.open(None, ClientInfo::new()).await?;
    /// assert_eq!(session.csrf_token(), None);
    ///
    /// session.insert("cart", &["hat"])?;
    /// session.save().await?.into_result()?;
    /// let field = session.csrf_token().expect("it is stored now");
    /// assert!(session.csrf_matches(&field) && !session.csrf_matches("guessed"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn csrf_token(&self) -> Option<String> {
        self.csrf().map(|csrf| csrf.text())
    }

    /// Whether this is the session's [`csrf_token`](Self::csrf_token), or was before a rotation of the last hour, compared in
    /// constant time; never for a draft. The hour is measured by this process's estimate of the store's clock.
    ///
    /// For handlers that read a form's field themselves, before they log in: a login changes the token.
    ///
    /// A form that a guest sent twice matches the second time too, when the first time has logged them in and the request
    /// still carries the guest's own token. Sent with the token of the login, a form from before it does not match.
    #[must_use]
    pub fn csrf_matches(&self, sent: &str) -> bool {
        self.expected_csrf().is_some_and(|csrf| csrf.matches(sent)) || self.is_of_before_a_rotation(sent)
    }

    /// The token that a form of this request has: of a guest whom a login has ended, the guest's.
    fn expected_csrf(&self) -> Option<CsrfToken> {
        self.csrf().or_else(|| self.state().presented_before().map(|before| before.csrf))
    }

    /// Whether this was the session's token until a rotation of the last hour.
    fn is_of_before_a_rotation(&self, sent: &str) -> bool {
        let now = self.sessions().store().now();
        let state = self.state();
        let rotation = state.live().and_then(|live| live.meta.rotation.as_ref());
        let mut former = rotation.iter().flat_map(|rotation| &rotation.former).filter(|former| former.is_valid(now));
        let digest = CsrfDigest::of(sent);
        former.any(|former| former.digest.matches(&digest))
    }

    /// Of the token that this handle issued last, otherwise of the one that the client presented.
    fn csrf(&self) -> Option<CsrfToken> {
        let state = self.state();
        let presented = state.live()?.presented;
        Some(state.issued.as_ref().map_or(presented, SessionToken::presented).csrf)
    }
}
