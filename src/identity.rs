//! Session ids, tokens, CSRF tokens, and the client.

pub(crate) mod client;
pub(crate) mod csrf;
pub(crate) mod id;
pub(crate) mod token;
