//! The conformance suite: the behaviour of every store, through the public API.

pub(crate) use super::stage;

mod binding;
mod cap;
mod counter;
mod discard;
mod fields;
mod hangup;
mod identity;
mod join;
mod late_writes;
mod life;
mod limits;
mod login;
mod logout;
mod revoke;
mod rotate;
mod save;
mod sweep;
mod ticket;
mod timeouts;
mod touch;
mod user;
mod values;
