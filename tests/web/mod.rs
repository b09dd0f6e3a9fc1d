//! The web layer, driven without a socket, once in each framework and on each store. Each file is one subject;
//! R-numbers are requirements.

pub(crate) use super::{framework, stage};

mod caching;
mod client;
mod cookie;
mod csrf;
mod errors;
mod header;
mod join;
mod late;
mod layers;
mod lazy;
mod logs;
mod outage;
mod read;
mod remember;
mod saving;
mod token;
mod user;
mod visitor;
