//! tower-sessions' ids, and the session of each.

use sha2::{Digest, Sha256};

use crate::compat::record::RecordKey;
use crate::error::RandomError;
use crate::identity::id::{Bucket, SessionId, fill};
use crate::identity::token::SecretHash;

const ID_LABEL: &[u8] = b"cloakroom: the session of a tower-sessions id\0";
const SECRET_LABEL: &[u8] = b"cloakroom: the secret of a tower-sessions id\0";

/// The id in the cookie: 128 bits, all secret. Whoever has it has the session, so it has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ForeignId(pub(super) i128);

impl ForeignId {
    /// A new id whose session is in this bucket, or in a random one.
    pub(super) fn mint(bucket: Option<Bucket>) -> Result<Self, RandomError> {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        if let Some(bucket) = bucket {
            let [high, low] = (bucket.index() << 4).to_be_bytes();
            bytes[0] = high;
            bytes[1] = low | bytes[1] & 0x0f;
        }
        Ok(Self(i128::from_le_bytes(bytes)))
    }

    /// The record key of this id. It reveals only 12 of the id's bits.
    pub(super) fn record_key(self) -> RecordKey {
        let bytes = self.0.to_le_bytes();
        let hash = |label| -> [u8; 32] { Sha256::new().chain_update(label).chain_update(bytes).finalize().into() };
        let mut shape = [0; 16];
        shape.copy_from_slice(&hash(ID_LABEL)[..16]);
        let bucket = Bucket::of_first_bits(bytes[0], bytes[1]);
        RecordKey { id: SessionId::shaped(bucket, shape), secret: SecretHash(hash(SECRET_LABEL)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_minted_for_any_bucket_and_leads_there() {
        for bucket in Bucket::all() {
            assert_eq!(ForeignId::mint(Some(bucket)).expect("randomness").record_key().id.bucket(), bucket);
        }
    }

    #[test]
    fn two_ids_of_one_bucket_have_different_sessions_and_secrets() {
        let bucket = Some(Bucket::of_first_bits(0xab, 0xc0));
        let [one, other] = [(); 2].map(|()| ForeignId::mint(bucket).expect("randomness").record_key());
        assert!(one.id != other.id && one.secret != other.secret);
    }

    #[test]
    fn a_derived_session_and_secret_share_no_bytes_with_the_id() {
        let id = ForeignId::mint(None).expect("randomness");
        let (record_key, bytes) = (id.record_key(), id.0.to_le_bytes());
        for part in bytes.windows(4) {
            assert!(!record_key.id.as_bytes().windows(4).any(|other| other == part));
            assert!(!record_key.secret.0.windows(4).any(|other| other == part));
        }
    }

    #[test]
    fn an_id_leads_to_the_same_session_in_every_version_of_this_crate() {
        let record_key = ForeignId(0x0123_4567_89ab_cdef_0011_2233_4455_6677).record_key();
        assert_eq!(record_key.id.to_string(), "81afed0a-52a5-8776-b15f-3450d804934a");
        assert_eq!(record_key.secret.0[..4], [0x74, 0xfe, 0xd3, 0xf5]);
    }
}
