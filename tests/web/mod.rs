//! The web layer, called without a socket, once in each framework and on each store. Each file is one subject; R-numbers
//! are requirements.

pub(crate) use super::{framework, stage};

mod caching;
mod client;
mod cookie;
mod csrf;
mod errors;
mod former;
mod forms;
mod handshake;
mod header;
mod join;
mod late;
mod layers;
mod lazy;
mod logs;
mod outage;
mod passive;
mod read;
mod reauthenticated;
mod remember;
mod renewal;
mod saving;
mod several;
mod token;
mod undelivered;
mod user;
mod visitor;
mod withheld;
