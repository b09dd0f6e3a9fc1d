//! The web layer, driven through an axum router without a socket. Each file is one subject; R-numbers are requirements.

mod caching;
mod client;
mod cookie;
mod csrf;
mod errors;
mod layers;
mod lazy;
mod logs;
mod outage;
mod saving;
mod token;
mod user;
mod visitor;
