//! The operations of the contract, as methods of `Redis`.

pub(crate) mod admit;
pub(crate) mod bucket;
pub(crate) mod create;
pub(crate) mod join;
pub(crate) mod lead;
pub(crate) mod load;
pub(crate) mod login;
pub(crate) mod login_cross_slot;
pub(crate) mod resharding;
pub(crate) mod session;
pub(crate) mod swap;
pub(crate) mod user;
