//! tower-sessions' store: one line of that crate.

pub(crate) use super::{line, moving, noted, stage};

mod browser;
mod fences;
mod former;
mod meanwhile;
mod moves;
mod records;
mod rolling;
mod routes;
mod timeouts;
mod users;

use std::collections::HashMap;

use cloakroom::Sessions;
use cloakroom::compat::tower_sessions::Store;
use line::session::{Id, Record};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// A store whose records say in the field `user` whose they are.
fn naming(sessions: &Sessions) -> Store {
    Store::new(sessions.clone()).user(|state| Some(state.get("user")?.as_str()?.to_owned()))
}

/// A record with these fields that expires in so long.
fn record(data: Value, expires_in: Duration) -> Record {
    let data: HashMap<String, Value> = serde_json::from_value(data).expect("an object");
    Record { id: Id::default(), data, expiry_date: OffsetDateTime::now_utc() + expires_in }
}

/// A record of half an hour.
fn guest() -> Record {
    record(json!({ "cart": ["hat"] }), Duration::minutes(30))
}

/// The same that names a user.
fn of(user: &str) -> Record {
    record(json!({ "cart": ["hat"], "user": user }), Duration::minutes(30))
}
