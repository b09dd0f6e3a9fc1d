//! Drop-in stores for applications built on another session crate.
//!
//! One line of such an application changes: the one that creates its store. Its layer, extractors, cookies and handlers
//! stay. The [guide](crate::guide::drop_in) lists what it gains and what the other crate's trait cannot provide.
//!
//! Each record of the other crate is one session of ours, stored as a whole in one field. So it has our metadata,
//! tombstones, limits, timeouts and user index.

#[cfg(feature = "actix-session")]
pub mod actix_session;
mod record;
#[cfg(any(feature = "tower-sessions", feature = "tower-sessions-014"))]
pub mod tower_sessions;
mod user_id;

pub use user_id::{UserIdError, user_id};
