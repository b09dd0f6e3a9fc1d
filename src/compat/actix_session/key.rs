//! The keys for clients: tokens of this crate.

use actix_session::storage::SessionKey;
use sha2::{Digest, Sha256};

use crate::compat::record::RecordKey;
use crate::error::RandomError;
use crate::identity::id::{Bucket, SessionId};
use crate::identity::token::{SecretHash, SessionToken};

const ID_LABEL: &[u8] = b"cloakroom: the session of an actix-session key\0";
const SECRET_LABEL: &[u8] = b"cloakroom: the secret of an actix-session key\0";

/// A token whose text cannot be a key of actix-session's own stores. Those are 64 letters and digits, and one in 64 of
/// them would parse as a token.
pub(super) struct Key(SessionToken);

impl Key {
    /// Parses a key; `None` for another form.
    pub(super) fn read(key: &SessionKey) -> Option<Self> {
        let text: &str = key.as_ref();
        if !is_marked(text) {
            return None;
        }
        SessionToken::parse(text).ok().map(Self)
    }

    /// A new key whose session is in this bucket, or in a random one. Seven of eight tokens are usable, so this costs a
    /// fifth of a bit.
    pub(super) fn mint(bucket: Option<Bucket>) -> Result<Self, RandomError> {
        let bucket = bucket.map_or_else(Bucket::random, Ok)?;
        loop {
            let token = SessionToken::mint(SessionId::mint(bucket)?)?;
            if is_marked(&token.reveal()) {
                return Ok(Self(token));
            }
        }
    }

    /// The record key of a session moved here under a key of another store. That key is as secret as ours, and the
    /// record key reveals nothing of it.
    pub(super) fn moved(key: &SessionKey) -> RecordKey {
        let hash = |label: &[u8]| -> [u8; 32] {
            Sha256::new().chain_update(label).chain_update(AsRef::<str>::as_ref(key)).finalize().into()
        };
        let [first, second, shape @ ..] = hash(ID_LABEL);
        let mut id = [0; 16];
        id.copy_from_slice(&shape[..16]);
        let bucket = Bucket::of_first_bits(first, second);
        RecordKey { id: SessionId::shaped(bucket, id), secret: SecretHash(hash(SECRET_LABEL)) }
    }

    pub(super) fn record_key(&self) -> RecordKey {
        RecordKey { id: self.0.id(), secret: self.0.hash() }
    }

    /// The text for the client.
    pub(super) fn text(&self) -> Result<SessionKey, <SessionKey as TryFrom<String>>::Error> {
        self.0.reveal().to_string().try_into()
    }
}

fn is_marked(text: &str) -> bool {
    text.contains(['-', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_store_is_foreign_even_if_it_parses_as_a_token() {
        let mut tokens = std::iter::repeat_with(actix_session::storage::generate_session_key);
        let as_token = tokens.find(|key| SessionToken::parse(key.as_ref()).is_ok()).expect("one in 64");
        assert!(Key::read(&as_token).is_none());
    }

    #[test]
    fn a_key_reads_back() {
        for _ in 0..100 {
            let key = Key::mint(None).expect("randomness");
            let again = Key::read(&key.text().expect("64 characters")).expect("our own");
            assert_eq!(
                (again.record_key().id, again.record_key().secret),
                (key.record_key().id, key.record_key().secret)
            );
        }
    }

    #[test]
    fn a_moved_key_leads_to_the_same_session_in_every_version_of_this_crate() {
        let key = SessionKey::try_from("a".repeat(64)).expect("short enough");
        let record_key = Key::moved(&key);
        assert_eq!(record_key.id.to_string(), "17e2ea35-2e9b-8413-8e5a-1022973499a4");
        assert_eq!(record_key.secret.0[..4], [0x8d, 0x10, 0x1b, 0x1f]);
        assert!(Key::moved(&SessionKey::try_from("b".repeat(64)).expect("short enough")).id != record_key.id);
    }

    #[test]
    fn text_that_is_not_a_token_is_not_a_key() {
        for text in ["", "-", "malformed", &"-".repeat(64), &"_".repeat(4064), "é-"] {
            assert!(Key::read(&SessionKey::try_from(text.to_owned()).expect("short enough")).is_none(), "{text}");
        }
    }
}
