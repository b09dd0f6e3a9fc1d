//! tower-sessions' store, for one release line of that crate.

pub(crate) use super::{line, moving, noted, stage};

mod browser;
mod concurrency;
mod door;
mod fences;
mod migration;
mod moves;
mod records;
mod rolling_release;
mod routes;
mod timeouts;
mod users;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cloakroom::Sessions;
use cloakroom::compat::tower_sessions::Store;
use line::session::{Id, Record};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// A store whose records name their user in the field `user`.
fn naming(sessions: &Sessions) -> Store {
    Store::new(sessions.clone()).user(|state| Some(state.get("user")?.as_str()?.to_owned()))
}

/// A record with these fields and this time left.
fn record(data: Value, expires_in: Duration) -> Record {
    let data: HashMap<String, Value> = serde_json::from_value(data).expect("an object");
    Record { id: Id::default(), data, expiry_date: OffsetDateTime::now_utc() + expires_in }
}

/// A record that expires in half an hour.
fn guest() -> Record {
    record(json!({ "cart": ["hat"] }), Duration::minutes(30))
}

/// The same, naming a user.
fn of(user: &str) -> Record {
    record(json!({ "cart": ["hat"], "user": user }), Duration::minutes(30))
}

/// A future that is dropped after a number of polls.
struct Dropped<F>(F, usize);

impl<F: Future + Unpin> Future for Dropped<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        self.1 -= 1;
        let polled = Pin::new(&mut self.0).poll(context);
        if polled.is_pending() && self.1 == 0 { Poll::Ready(None) } else { polled.map(Some) }
    }
}
