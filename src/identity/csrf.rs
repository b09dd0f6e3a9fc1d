//! CSRF tokens, known only to the session's own pages.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Domain separation from the stored hash, and from any later use of the secret.
const LABEL: &[u8] = b"cloakroom csrf 1";
/// Domain separation from other hashes of the same text.
const DIGEST_LABEL: &[u8] = b"cloakroom csrf digest 1";

/// SHA-256 over a label and a session's secret.
///
/// Derived from the secret, not from its stored hash. From a dump of Redis, which has user ids and addresses next to
/// each hash, an attacker could compute a token of the hash for a chosen visitor and lure them to a page with a forged
/// form. This token needs the secret, and with that no forgery is needed. Conversely the token appears in pages and
/// reveals nothing about the secret, since a hash of 256 random bits cannot be inverted. Label and secret have fixed
/// lengths, so no two inputs are ambiguous and a MAC would add nothing.
#[derive(Clone, Copy)]
pub(crate) struct CsrfToken([u8; 32]);

impl CsrfToken {
    pub(crate) fn of(secret: &[u8; 32]) -> Self {
        Self(Sha256::new().chain_update(LABEL).chain_update(secret).finalize().into())
    }

    /// 43 characters of base64url.
    pub(crate) fn text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.0)
    }

    /// Compares with its text, in a time that depends only on the length.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.text().as_bytes().ct_eq(text.as_bytes()).into()
    }

    pub(crate) fn digest(&self) -> CsrfDigest {
        CsrfDigest::of(&self.text())
    }
}

/// The stored digest of a token whose secret a rotation replaced, so that earlier pages still work for a while: the
/// first 16 bytes of SHA-256 over a label and the token's text.
///
/// The token cannot be computed from it: a hash of 256 unguessable bits cannot be inverted, and finding another text
/// with the same 16 bytes takes 2^128 attempts. So a dump of Redis does not contain an accepted token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CsrfDigest(pub(crate) [u8; 16]);

impl CsrfDigest {
    pub(crate) fn of(text: &str) -> Self {
        let hash: [u8; 32] = Sha256::new().chain_update(DIGEST_LABEL).chain_update(text).finalize().into();
        Self(std::array::from_fn(|at| hash[at]))
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CsrfDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfDigest(..)")
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_csrf_token_is_the_hash_of_label_and_secret_and_not_the_stored_hash() {
        let secret = [7; 32];
        let known = "PwPH_UaPiMLEBCr6erIFIv5CMrgoLT80GX7tKJmllIE";
        assert_eq!(CsrfToken::of(&secret).text(), known);
        let stored: [u8; 32] = Sha256::digest(secret).into();
        assert_ne!(CsrfToken::of(&secret).0, stored);
        assert_ne!(CsrfToken::of(&stored).text(), known, "what a dump holds does not lead to it");
    }

    #[test]
    fn only_the_whole_csrf_token_matches() {
        let token = CsrfToken::of(&[1; 32]);
        let text = token.text();
        assert!(token.matches(&text));
        let wrong = ["", "é", &text[..42], &format!("{text}="), &format!("{text}A"), &format!(" {}", &text[..42])];
        for wrong in wrong.into_iter().chain([&*text.to_uppercase(), &CsrfToken::of(&[2; 32]).text()]) {
            assert!(!token.matches(wrong), "{wrong}");
        }
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(!token.matches(&String::from_utf8(changed).expect("ASCII")), "changed at {at}");
        }
    }

    #[test]
    fn a_csrf_digest_is_a_hash_of_the_token_and_matches_only_it() {
        let token = CsrfToken::of(&[7; 32]);
        let hash = Sha256::new().chain_update(b"cloakroom csrf digest 1").chain_update(token.text()).finalize();
        assert_eq!(token.digest().0, hash[..16]);
        assert!(token.digest().matches(&CsrfDigest::of(&token.text())));
        for other in ["", &token.text()[..42], &format!("{}A", token.text()), &CsrfToken::of(&[8; 32]).text()] {
            assert!(!token.digest().matches(&CsrfDigest::of(other)), "{other}");
        }
        assert_ne!(token.digest().0, token.0[..16], "the token itself is not stored");
        let known = Base64UrlUnpadded::encode_string(&token.digest().0);
        assert!(!token.matches(&known) && !token.digest().matches(&CsrfDigest::of(&known)), "nor does it pass as one");
    }

    #[test]
    fn debug_does_not_show_the_csrf_token() {
        assert_eq!(format!("{:?}", CsrfToken::of(&[1; 32]).digest()), "CsrfDigest(..)");
        assert_eq!(format!("{:?}", CsrfToken::of(&[1; 32])), "CsrfToken(..)");
    }
}
