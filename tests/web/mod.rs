//! The web layer, called without a socket, once in each framework and on each store. Each file is one subject; R-numbers
//! are requirements.

pub(crate) use super::{framework, stage};

mod caching;
mod candidates;
mod client;
mod cookie;
mod cross_site_requests;
mod csrf;
mod delivery;
mod errors;
mod extractors;
mod forms;
mod handshake;
mod header;
mod join;
mod layers;
mod logs;
mod outage;
mod places;
mod prefetch;
mod read;
mod reauthentication;
mod remember;
mod renewal;
mod saving;
mod streams;
mod token;
mod user;
mod visitor;
