//! The session token that the client holds.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::RandomError;
use crate::identity::csrf::CsrfToken;
use crate::identity::id::{SessionId, fill};

/// Length of a token's text: 48 bytes in base64url.
const TEXT_LEN: usize = 64;
const ID_LEN: usize = 16;
const SECRET_LEN: usize = 32;

/// The client's token: a session's id and the secret that opens it, 64 characters of base64url.
///
/// Whoever has it has the session, so it cannot be printed by accident: no `Display`, no `Serialize`, a redacted
/// `Debug`, and its memory is wiped on drop. Redis stores only the secret's SHA-256, which does not open the session.
///
/// The secret is 256 bits from the operating system's generator (OWASP ASVS 5.0, 7.2.3 asks for 128).
#[derive(Clone)]
pub struct SessionToken {
    id: SessionId,
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

impl SessionToken {
    /// A new secret for this session.
    pub(crate) fn mint(id: SessionId) -> Result<Self, RandomError> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        fill(&mut *secret)?;
        Ok(Self { id, secret })
    }

    /// Parses a token from a cookie or a header; no I/O.
    ///
    /// Accepts only the form that this crate writes: 64 characters of base64url without padding, whose first 16 bytes
    /// are a session id. The error does not say why a text is invalid.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let text = text.as_bytes().try_into().map_err(|_| InvalidToken)?;
        let bytes = decode(text).ok_or(InvalidToken)?;
        let (id, secret) = bytes.split_at(ID_LEN);
        let id = id.try_into().ok().and_then(SessionId::from_bytes).ok_or(InvalidToken)?;
        let secret = Zeroizing::new(secret.try_into().map_err(|_| InvalidToken)?);
        Ok(Self { id, secret })
    }

    /// The text for the client, wiped on drop. The name is long because the text is a secret.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; ID_LEN + SECRET_LEN]);
        bytes[..ID_LEN].copy_from_slice(self.id.as_bytes());
        bytes[ID_LEN..].copy_from_slice(&*self.secret);
        Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes))
    }

    /// The id of the token's session. It does not open the session.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The hash of the secret, as stored in Redis.
    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.secret.as_slice()).into())
    }

    /// The hashes that a handle keeps.
    pub(crate) fn presented(&self) -> Presented {
        Presented { hash: self.hash(), csrf: CsrfToken::of(&self.secret) }
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Decodes a token's text; `None` if a character is not in base64url.
///
/// No branch or address depends on the text, as in base64ct, but it decodes eight characters at a time, in less than
/// half the instructions: every request parses a token.
fn decode(text: &[u8; TEXT_LEN]) -> Option<Zeroizing<[u8; ID_LEN + SECRET_LEN]>> {
    let mut bytes = Zeroizing::new([0; ID_LEN + SECRET_LEN]);
    let mut foreign = 0;
    for (eight, six) in text.as_chunks().0.iter().zip(bytes.as_chunks_mut().0) {
        let (values, unknown) = values(u64::from_be_bytes(*eight));
        foreign |= unknown;
        let [_, _, joined @ ..] = joined(values).to_be_bytes();
        *six = joined;
    }
    (foreign == 0).then_some(bytes)
}

/// The character ranges of base64url, and what to add to a character for its value, modulo 64.
const RANGES: [(u8, u8, u8); 5] =
    [(b'A', b'Z', 63), (b'a', b'z', 57), (b'0', b'9', 4), (b'-', b'-', 17), (b'_', b'_', 96)];

/// The values of eight characters, one per byte, and the top bit of each invalid byte. No sum overflows its byte: there
/// are seven bits below the top one.
fn values(signs: u64) -> (u64, u64) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    let low = signs & !TOP;
    let (mut values, mut known) = (0, 0);
    for (from, to, more) in RANGES.map(|(from, to, more)| (u64::from(from), u64::from(to), u64::from(more))) {
        let within = (low + (0x80 - from) * EACH) & !(low + (0x7f - to) * EACH) & TOP;
        known |= within;
        values |= (within - (within >> 7)) & (low + more * EACH);
    }
    (values & (0x3f * EACH), known ^ TOP | signs & TOP)
}

/// Joins eight values of six bits: first in pairs, then in fours.
const fn joined(values: u64) -> u64 {
    let twos = values & 0x003f_003f_003f_003f | (values & 0x3f00_3f00_3f00_3f00) >> 2;
    let fours = twos & 0x0000_0fff_0000_0fff | (twos & 0x0fff_0000_0fff_0000) >> 4;
    fours & 0x00ff_ffff | fours >> 32 << 24
}

/// The text is not a token. Contains nothing of the text, so that nothing of it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session token")]
pub struct InvalidToken;

/// The hashes that a handle keeps of a presented or new secret; they do not open the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presented {
    pub(crate) hash: SecretHash,
    pub(crate) csrf: CsrfToken,
}

/// SHA-256 of a secret: the only form in which a secret is stored. Compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct SecretHash(pub(crate) [u8; 32]);

impl SecretHash {
    /// The hash as 8-byte words.
    fn words(&self) -> [u64; 4] {
        std::array::from_fn(|at| self.0.as_chunks().0[at]).map(u64::from_ne_bytes)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.words().ct_eq(&other.words()).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::id::Bucket;

    fn token() -> SessionToken {
        let id = SessionId::mint(Bucket::random().expect("randomness")).expect("randomness");
        SessionToken::mint(id).expect("randomness")
    }

    #[test]
    fn a_token_is_64_characters_and_reads_back() {
        let token = token();
        let text = token.reveal();
        assert_eq!(text.len(), 64);
        let again = SessionToken::parse(&text).expect("our own text");
        assert_eq!(again.id(), token.id());
        assert_eq!(again.hash(), token.hash());
    }

    #[test]
    fn two_tokens_of_a_session_have_different_secrets() {
        let first = token();
        let second = SessionToken::mint(first.id()).expect("randomness");
        assert_ne!(first.hash(), second.hash());
    }

    #[test]
    fn only_the_canonical_form_of_a_token_is_accepted() {
        let text = token().reveal().to_string();
        let mut bad = vec![String::new(), "=".repeat(64), "\0".repeat(64), "é".repeat(32), "A".repeat(1 << 20)];
        bad.push("A".repeat(64)); // the nil UUID is not of version 8
        bad.extend([text[1..].to_owned(), format!("{text}A"), format!(" {}", &text[1..]), format!("{}=", &text[..63])]);
        bad.push(format!("{}+", &text[..63]));
        bad.push(format!("{}/", &text[..63]));
        for text in bad {
            assert_eq!(SessionToken::parse(&text).err(), Some(InvalidToken), "{:.80}", text);
        }
    }

    #[test]
    fn every_single_character_change_is_rejected_or_another_token() {
        let token = token();
        let text = token.reveal().to_string();
        for at in 0..text.len() {
            for with in ['A', '-', '_', 'z', '9', ' ', '\0', '~'] {
                let mut changed = text.clone().into_bytes();
                changed[at] = with as u8;
                let changed = String::from_utf8(changed).expect("ASCII");
                if let Ok(other) = SessionToken::parse(&changed) {
                    assert_eq!(other.reveal().as_str(), changed, "one token has one text");
                }
            }
        }
    }

    #[test]
    fn texts_are_decoded_as_base64ct_does() {
        let text: [u8; TEXT_LEN] = token().reveal().as_bytes().try_into().expect("64 characters");
        let same = |text: &[u8; TEXT_LEN]| {
            let mut bytes = [0; ID_LEN + SECRET_LEN];
            let theirs = Base64UrlUnpadded::decode(text, &mut bytes).ok().map(|bytes| bytes.to_vec());
            assert_eq!(decode(text).map(|bytes| bytes.to_vec()), theirs, "{text:?}");
        };
        for (at, with) in (0..TEXT_LEN).flat_map(|at| (0..=255).map(move |with| (at, with))) {
            let mut changed = text;
            changed[at] = with;
            same(&changed);
        }
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..1_000 {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            same(&std::array::from_fn(|_| *random.choice(alphabet).expect("64 of them")));
            same(&std::array::from_fn(|_| random.u8(..)));
        }
    }

    #[test]
    fn hashes_that_differ_in_any_bit_are_not_equal() {
        let hash = token().hash();
        assert_eq!(hash, hash);
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(hash, other, "{bit}");
        }
    }

    #[test]
    fn debug_shows_the_id_and_not_the_secret() {
        let token = token();
        let shown = format!("{token:?} {:?}", token.hash());
        assert!(shown.contains(&token.id().to_string()));
        assert!(!shown.contains(&token.reveal()[24..40]));
    }
}
