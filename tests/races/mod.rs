//! Races that one Redis can show: many handles, several app servers, everything at once.
//!
//! Each test names the invariants that it shows. They run against a real server only: in the embedded store one lock
//! makes each operation atomic.

use cloakroom::{Builder, Sessions};

use crate::common::{Stage, redis_stage};

mod caps;
mod ends;
mod indexes;
mod rotations;
mod tickets;
mod writes;

/// A stage and three app servers on it.
async fn servers(settings: impl Fn(Builder) -> Builder + Send + Sync) -> (Stage, Vec<Sessions>) {
    let stage = redis_stage(&settings).await;
    let mut servers = vec![stage.sessions.clone()];
    for _ in 0..2 {
        servers.push(stage.another(&settings).await);
    }
    (stage, servers)
}
