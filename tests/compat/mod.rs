//! The drop-in stores, called through the other crates' traits and middleware.

use std::time::{Duration, SystemTime};

use cloakroom::Sessions;
use cloakroom::compat::tower_sessions::Store as TowerStore;

pub(crate) use super::stage;
use crate::common::until;

mod actix;
mod axum_login;
mod login_ids;

/// tower-sessions 0.15.
#[path = "tower"]
mod tower_015 {
    pub(crate) use super::{noted, stage};
    pub(crate) use tower_sessions as line;

    pub(crate) fn moving(store: super::TowerStore, from: impl line::SessionStore) -> super::TowerStore {
        store.moving_from(from)
    }

    #[path = "mod.rs"]
    mod cases;
}

/// tower-sessions 0.14, which axum-login is built on.
#[path = "tower"]
#[allow(clippy::duplicate_mod)] // the same cases, once per line
mod tower_014 {
    pub(crate) use super::{noted, stage};
    pub(crate) use tower_sessions_014 as line;

    pub(crate) fn moving(store: super::TowerStore, from: impl line::SessionStore) -> super::TowerStore {
        store.moving_from_014(from)
    }

    #[path = "mod.rs"]
    mod cases;
}

/// Waits until the use of n sessions was noted just now: the touch runs concurrently with the load.
pub(crate) async fn noted(sessions: &Sessions, count: u64) {
    let just_now = SystemTime::now() - Duration::from_secs(30);
    let active = || async { sessions.active_since(just_now).await.expect("there") };
    until("the uses are noted", || async { active().await >= count }).await;
}
