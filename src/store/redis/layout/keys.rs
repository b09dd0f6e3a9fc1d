//! The names of all keys; no other file builds one. The hash tag is the bucket, so a script's keys are in one slot.

use crate::identity::id::{Bucket, SessionId, UserHash};

/// A key, or a member of a sorted set.
pub(crate) type KeyBytes = Vec<u8>;

/// A member of a user index: a class byte, always 0 so far, and the session's id.
pub(crate) const MEMBER_LEN: usize = 17;

/// The keys of one namespace.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    namespace: String,
}

impl Keys {
    pub(crate) const fn new(namespace: String) -> Self {
        Self { namespace }
    }

    /// A session: a hash of metadata (`@`) and fields, or a tombstone.
    pub(crate) fn session(&self, id: SessionId) -> KeyBytes {
        self.key(id.bucket(), b"s:", &id.text())
    }

    /// A user's sessions: a sorted set of members by login time.
    pub(crate) fn index(&self, user: &UserHash) -> KeyBytes {
        self.key(user.bucket(), b"u:", user.to_string().as_bytes())
    }

    /// A user's revocation epoch: a string of milliseconds.
    pub(crate) fn epoch(&self, user: &UserHash) -> KeyBytes {
        self.key(user.bucket(), b"r:", user.to_string().as_bytes())
    }

    /// A bucket's sessions: a sorted set of ids by a time not later than their deadline. The only key without an expiry.
    pub(crate) fn deadlines(&self, bucket: Bucket) -> KeyBytes {
        self.key(bucket, b"d", b"")
    }

    /// Without `format!`, which took three times as many instructions; every call builds a key.
    fn key(&self, bucket: Bucket, kind: &[u8], name: &[u8]) -> KeyBytes {
        [self.namespace.as_bytes(), b":{", &bucket.digits(), b"}:", kind, name].concat()
    }
}

/// A session as a member of a user's index.
pub(crate) fn member(id: SessionId) -> [u8; MEMBER_LEN] {
    let mut member = [0; MEMBER_LEN];
    member[1..].copy_from_slice(id.as_bytes());
    member
}

/// The session of a member of either index: its last 16 bytes. `None` for an invalid form.
pub(crate) fn named(member: &[u8]) -> Option<SessionId> {
    let (_, id) = member.split_last_chunk::<16>()?;
    SessionId::from_bytes(*id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_user_and_their_sessions_carry_one_hash_tag() {
        let keys = Keys::new("shop".into());
        let ada = UserHash::of("ada");
        let tag = format!("shop:{{{}}}:", ada.bucket());
        let id = SessionId::mint(ada.bucket()).expect("randomness");
        let all = [keys.session(id), keys.index(&ada), keys.epoch(&ada), keys.deadlines(ada.bucket())];
        let texts = all.map(|key| String::from_utf8(key).expect("text"));
        assert!(texts.iter().all(|key| key.starts_with(&tag)), "{texts:?}");
        assert_eq!(texts[0], format!("{tag}s:{id}"));
        assert_eq!(texts[3], format!("{tag}d"));
    }

    #[test]
    fn a_member_names_its_session() {
        let id = SessionId::mint(Bucket::random().expect("randomness")).expect("randomness");
        assert_eq!(named(&member(id)), Some(id));
        assert_eq!(named(id.as_bytes()), Some(id));
        assert_eq!(named(b"short"), None);
        assert_eq!(named(&[0; 17]), None);
    }
}
