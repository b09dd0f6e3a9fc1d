//! The framework-free parts of the extractors.

pub(crate) mod fresh;
pub(crate) mod read;
pub(crate) mod refusal;
pub(crate) mod user;
