//! The base of the tests: a store, its clock, and a namespace of their own.

pub(crate) mod acl;
pub(crate) mod cluster;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod proxy;
pub(crate) mod recorder;
pub(crate) mod reshard;
pub(crate) mod sentinel;
pub(crate) mod server;
mod stage;
pub(crate) mod tls;
mod until;

pub(crate) use stage::{Stage, connected, login, memory_stage, redis_stage, redis_stage_on, stage_at, token};
pub(crate) use until::until;

/// A well-formed token that no store ever issued.
pub(crate) fn foreign_token() -> String {
    let bytes: Vec<u8> = (0..48).map(|_| fastrand::u8(..)).collect();
    let mut bytes: [u8; 48] = bytes.try_into().expect("48 bytes");
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    use base64ct::{Base64UrlUnpadded, Encoding};
    Base64UrlUnpadded::encode_string(&bytes)
}
