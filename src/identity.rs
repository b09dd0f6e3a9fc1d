//! Who a session belongs to and who asks: ids, tokens, CSRF tokens, the client.

pub(crate) mod client;
pub(crate) mod csrf;
pub(crate) mod id;
pub(crate) mod token;
