//! Stores for applications that are built on another session crate.
//!
//! One line of such an application changes, the one that makes its store; its layer, extractors, cookies and handlers
//! stay. What it gains and what the other crate's trait cannot give is in the [guide](crate::guide::drop_in).
//!
//! A record of the other crate is one session of ours, and the whole record is one field of it: so it has our metadata,
//! tombstones, limits, timeouts and user index.

#[cfg(feature = "actix-session")]
pub mod actix_session;
mod record;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-014"))]
pub mod tower_sessions;
mod user_id;

pub use user_id::{UserIdError, user_id};
