//! The session's CSRF token.

use super::Session;
use crate::identity::csrf::{CsrfDigest, CsrfToken};
use crate::identity::token::SessionToken;

impl Session {
    /// The session's CSRF token, which its pages send back: 43 characters of base64url; `None` for a draft and after
    /// the end.
    ///
    /// Put it into a hidden field of each form, or into a `<meta>` element for scripts, which send it in the header
    /// `X-CSRF-Token`. `CsrfLayer` checks that header; a form field has to be checked by the handler, with
    /// [`csrf_matches`](Self::csrf_matches).
    ///
    /// The token is derived from the secret in the session's token. It is not stored, cannot be computed from a dump of
    /// Redis, and reveals nothing about the secret. It changes with the secret: after a login or rotation in this
    /// request, it belongs to the new secret. A request that presented the previous secret within its grace gets that
    /// secret's token.
    ///
    /// Pages from before a login, also of the same user (re-authentication), have to be reloaded: their token is never
    /// accepted. A token from before a [`rotate`](Self::rotate) is accepted for one hour, so that an open form can
    /// still be sent; after more than four rotations within an hour, only the last four tokens. For this Redis stores
    /// 16 bytes of a hash of it, from which it cannot be computed.
    ///
    /// Until then it is the same in every page. A compressed page that contains it next to visitor input can reveal it
    /// by its length (BREACH); serve such a page uncompressed.
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

    /// Whether this is the session's [`csrf_token`](Self::csrf_token), or was before a rotation within the last hour.
    /// Compares in constant time; always false for a draft. The hour is measured by this process's estimate of the
    /// store's clock.
    ///
    /// For handlers that read a form field themselves. Call it before the login, which changes the token.
    ///
    /// If a guest's form is sent twice, the second one also matches although the first one logged the guest in, as long
    /// as the request carries the guest's token. With the token of the login, a form from before it does not match.
    #[must_use]
    pub fn csrf_matches(&self, sent: &str) -> bool {
        self.expected_csrf().is_some_and(|csrf| csrf.matches(sent)) || self.is_of_before_a_rotation(sent)
    }

    /// The expected CSRF token; if a login ended the guest's session, the guest's.
    fn expected_csrf(&self) -> Option<CsrfToken> {
        self.csrf().or_else(|| self.state().presented_before().map(|before| before.csrf))
    }

    /// Whether this was the session's CSRF token until a rotation within the last hour.
    fn is_of_before_a_rotation(&self, sent: &str) -> bool {
        let now = self.sessions().store().now();
        let state = self.state();
        let rotation = state.live().and_then(|live| live.session.meta.rotation.as_ref());
        let mut former = rotation.iter().flat_map(|rotation| &rotation.former).filter(|former| former.is_valid(now));
        let digest = CsrfDigest::of(sent);
        former.any(|former| former.digest.matches(&digest))
    }

    /// For the token that this handle issued last, otherwise for the one that the client presented.
    fn csrf(&self) -> Option<CsrfToken> {
        let state = self.state();
        let presented = state.live()?.presented;
        Some(state.issued.as_ref().map_or(presented, SessionToken::presented).csrf)
    }
}
