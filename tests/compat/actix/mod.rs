//! actix-session's store.
#![allow(clippy::future_not_send)] // actix serves a request on one thread

pub(crate) use super::{noted, stage};

mod browser;
mod concurrency;
mod fences;
mod identity;
mod migration;
mod requests;
mod states;
mod users;

use std::collections::HashMap;

use actix_session::storage::{SessionKey, SessionStore};
use cloakroom::Sessions;
use cloakroom::compat::actix_session::Store;
use time::Duration;

const HALF_AN_HOUR: Duration = Duration::minutes(30);

type State = HashMap<String, String>;

/// A store whose states name their user in `user`, as JSON, which is how actix-session writes it.
fn naming(sessions: &Sessions) -> Store {
    Store::new(sessions.clone()).user(|state| serde_json::from_str(state.get("user")?).ok())
}

fn state(values: &[(&str, &str)]) -> State {
    values.iter().map(|(name, json)| ((*name).to_owned(), (*json).to_owned())).collect()
}

fn guest() -> State {
    state(&[("cart", r#"["hat"]"#)])
}

fn of(user: &str) -> State {
    state(&[("cart", r#"["hat"]"#), ("user", &format!("{user:?}"))])
}

/// A copy of the key, which does not implement `Clone`.
fn again(key: &SessionKey) -> SessionKey {
    key.as_ref().to_owned().try_into().expect("a key")
}

async fn save(store: &Store, state: State) -> SessionKey {
    store.save(state, &HALF_AN_HOUR).await.expect("there")
}

async fn load(store: &Store, key: &SessionKey) -> Option<State> {
    store.load(key).await.expect("there")
}
