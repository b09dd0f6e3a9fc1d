//! RESP3: writing commands, reading replies.

pub(crate) mod encode;
pub(crate) mod handshake;
pub(crate) mod hash;
pub(crate) mod resp;
pub(crate) mod script;
