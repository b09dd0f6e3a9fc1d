//! Sending scripts and reading their replies.

pub(crate) mod call;
pub(crate) mod reply;
pub(crate) mod scripts;
