//! RESP3: writing commands, reading replies.

pub(crate) mod encode;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod resp;
pub(crate) mod script;
