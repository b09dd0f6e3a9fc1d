//! Sessions in web servers: the cookie, and what a response has to carry.
//!
//! Framework-free: `cookie` (read), `set_cookie` (write), `config`, `policy` (what to save and to set), `caching`,
//! `answer` (an error as a response) and `slot` (one load per request). For axum: `layer`, `extract`, `respond`.

mod answer;
mod caching;
mod config;
mod cookie;
mod extract;
mod layer;
mod policy;
mod respond;
mod set_cookie;
mod slot;

pub use config::{SameSite, SessionCookie};
pub use layer::{SessionLayer, SessionService};
