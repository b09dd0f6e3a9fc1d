//! What handlers extract besides `Session`: framework-free parts.

pub(crate) mod fresh;
pub(crate) mod read;
pub(crate) mod refusal;
pub(crate) mod user;
