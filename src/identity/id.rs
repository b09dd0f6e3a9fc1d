//! The public session id, and its bucket.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::RandomError;

/// One of 4,096 buckets that sessions are distributed over; three hex digits in every key.
///
/// Redis Cluster runs a script on keys of one slot only. So keys that change together share a bucket: a user's index
/// and all sessions of that user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Bucket(u16);

impl Bucket {
    /// Number of buckets: three hex digits.
    pub(crate) const COUNT: u16 = 1 << 12;

    /// Every bucket, from `000` to `fff`.
    pub(crate) fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        (0..Self::COUNT).map(Self)
    }

    /// The bucket's number.
    pub(crate) const fn index(self) -> u16 {
        self.0
    }

    /// A random bucket, for a guest session.
    pub(crate) fn random() -> Result<Self, RandomError> {
        let mut bytes = [0; 2];
        fill(&mut bytes)?;
        Ok(Self(u16::from_be_bytes(bytes) & (Self::COUNT - 1)))
    }

    /// The bucket's number as three hex digits.
    pub(crate) fn digits(self) -> [u8; 3] {
        [8, 4, 0].map(|shift| b"0123456789abcdef"[usize::from(self.0 >> shift & 0xf)])
    }

    /// The bucket of the first 12 bits: of a digest, the bucket of a user's sessions.
    pub(crate) const fn of_first_bits(first: u8, second: u8) -> Self {
        Self((first as u16) << 4 | (second as u16) >> 4)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03x}", self.0)
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({self})")
    }
}

/// The public id of a session: a UUID of version 8, the same for the session's whole life.
///
/// It may be displayed, logged and stored anywhere, such as in device lists and audit tables. It stays the same through
/// rotations and does not open the session; only a [`SessionToken`](crate::SessionToken) does.
///
/// Its 12 custom bits in the middle (RFC 9562, section 5.8) are the session's bucket; 110 bits are random.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new id in this bucket.
    pub(crate) fn mint(bucket: Bucket) -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        Ok(Self::shaped(bucket, bytes))
    }

    /// An id in this bucket from 110 bits of these bytes.
    pub(crate) fn shaped(bucket: Bucket, mut bytes: [u8; 16]) -> Self {
        let [high, low] = bucket.0.to_be_bytes();
        bytes[6] = 0x80 | high;
        bytes[7] = low;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(Uuid::from_bytes(bytes))
    }

    /// The bucket of this id.
    pub(crate) const fn bucket(self) -> Bucket {
        let bytes = self.0.as_bytes();
        Bucket(((bytes[6] & 0x0f) as u16) << 8 | bytes[7] as u16)
    }

    /// Parses 16 bytes; `None` if they are not a UUID of version 8.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let ours = bytes[6] >> 4 == 8 && bytes[8] >> 6 == 0b10;
        ours.then(|| Self(Uuid::from_bytes(bytes)))
    }

    /// The text form.
    pub(crate) fn text(self) -> [u8; 36] {
        let mut text = [0; 36];
        self.0.hyphenated().encode_lower(&mut text);
        text
    }

    /// The 16 bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// The text is not a session id: 36 characters, lower-case hex with hyphens, UUID version 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session id")]
pub struct InvalidSessionId;

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    /// Accepts the canonical form only, so that one session has one spelling.
    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        let uuid = Uuid::try_parse(text).map_err(|_| InvalidSessionId)?;
        let id = Self::from_bytes(*uuid.as_bytes()).ok_or(InvalidSessionId)?;
        if id.to_string() == text { Ok(id) } else { Err(InvalidSessionId) }
    }
}

impl From<SessionId> for Uuid {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

/// SHA-256 of a user id. Used in the user's keys, so that no key contains a user id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UserHash([u8; 32]);

impl UserHash {
    pub(crate) fn of(user: &str) -> Self {
        Self(Sha256::digest(user.as_bytes()).into())
    }

    /// The bucket of this user's index and sessions.
    pub(crate) const fn bucket(&self) -> Bucket {
        Bucket::of_first_bits(self.0[0], self.0[1])
    }
}

impl fmt::Display for UserHash {
    /// 128 bits in hex: no accidental collision of two users, and the stored user id is compared too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UserHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHash({self})")
    }
}

/// Fills the bytes from the operating system's generator, or fails; there is no fallback.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(bytes).map_err(RandomError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_bucket_and_is_a_version_8_uuid() {
        for bucket in Bucket::all() {
            let id = SessionId::mint(bucket).expect("randomness");
            assert_eq!(id.bucket(), bucket);
            assert_eq!(Uuid::from(id).get_version_num(), 8);
            assert_eq!(Uuid::from(id).get_variant(), uuid::Variant::RFC4122);
            let text = id.to_string();
            assert_eq!(&text[14..15], "8");
            assert_eq!(text[15..18], bucket.to_string());
            assert_eq!((text.as_bytes(), &text.as_bytes()[15..18]), (&id.text()[..], &bucket.digits()[..]));
            assert_eq!(text.parse(), Ok(id));
        }
    }

    #[test]
    fn only_the_canonical_text_is_an_id() {
        let id = SessionId::mint(Bucket(0xabc)).expect("randomness").to_string();
        for text in
            [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}"), String::new()]
        {
            assert_eq!(text.parse::<SessionId>(), Err(InvalidSessionId), "{text}");
        }
        assert_eq!("67e55044-10b1-426f-9247-bb680e5fe0c8".parse::<SessionId>(), Err(InvalidSessionId));
    }

    #[test]
    fn a_users_bucket_is_the_first_three_digits_of_the_hash() {
        let hash = UserHash::of("ada");
        assert_eq!(hash.to_string()[..3], hash.bucket().to_string());
    }
}
