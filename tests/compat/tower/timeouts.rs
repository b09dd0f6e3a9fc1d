//! A record's expiry date, and our timeouts above it.

use std::time::Duration as Std;

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Timeout, Timeouts};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::line::SessionStore;
use super::line::session::Record;
use super::{noted, record, stage};
use crate::common::Stage;

async fn with(timeouts: Timeouts) -> (Stage, Store) {
    let stage = stage(|with| with.timeouts(timeouts)).await;
    let store = Store::new(stage.sessions.clone());
    (stage, store)
}

async fn create(store: &Store, expires_in: Duration) -> Record {
    let mut one = record(json!({ "a": 1 }), expires_in);
    store.create(&mut one).await.expect("there");
    one
}

async fn lives(store: &Store, one: &Record) -> bool {
    store.load(&one.id).await.expect("there").is_some()
}

fn endless() -> Timeouts {
    Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never)
}

#[tokio::test]
async fn a_record_ends_at_its_expiry_date_however_much_it_is_used() {
    let (stage, store) = with(endless()).await;
    let one = create(&store, Duration::minutes(10)).await;
    for _ in 0..9 {
        stage.advance(Std::from_secs(60)).await;
        assert!(lives(&store, &one).await);
    }
    stage.advance(Std::from_secs(61)).await;
    assert!(!lives(&store, &one).await);
}

#[tokio::test]
async fn a_later_expiry_date_is_applied_at_once() {
    let (stage, store) = with(endless()).await;
    let mut one = create(&store, Duration::minutes(10)).await;
    one.expiry_date = OffsetDateTime::now_utc() + Duration::days(1);
    store.save(&one).await.expect("there");
    stage.advance(Std::from_secs(23 * 60 * 60)).await;
    assert!(lives(&store, &one).await);
    stage.advance(Std::from_secs(61 * 60 + 1)).await;
    assert!(!lives(&store, &one).await, "a touch interval late at most");
}

#[tokio::test]
async fn of_many_saves_each_lasts_as_long_as_it_asks_for() {
    let (stage, store) = with(endless()).await;
    let mut one = create(&store, Duration::minutes(10)).await;
    for seconds in [1, 30, 50, 5, 61, 590] {
        stage.advance(Std::from_secs(seconds)).await;
        one.expiry_date = OffsetDateTime::now_utc() + Duration::minutes(10);
        store.save(&one).await.expect("there");
    }
    stage.advance(Std::from_secs(599)).await;
    assert!(lives(&store, &one).await);
    stage.advance(Std::from_secs(62)).await;
    assert!(!lives(&store, &one).await, "a touch interval late at most");
}

#[tokio::test]
async fn an_earlier_expiry_date_is_applied_at_once() {
    let (stage, store) = with(endless()).await;
    let mut one = create(&store, Duration::days(1)).await;
    stage.advance(Std::from_secs(60)).await;
    one.expiry_date = OffsetDateTime::now_utc() + Duration::minutes(10);
    store.save(&one).await.expect("there");
    assert!(lives(&store, &one).await);
    stage.advance(Std::from_secs(10 * 60 + 1)).await;
    assert!(!lives(&store, &one).await);
}

#[tokio::test]
async fn a_record_that_nobody_uses_ends_at_our_idle_timeout() {
    let (stage, store) = with(Timeouts::new()).await;
    let (used, unused) = (create(&store, Duration::weeks(2)).await, create(&store, Duration::weeks(2)).await);
    stage.advance(Std::from_secs(20 * 60)).await;
    assert!(lives(&store, &used).await, "this is a use");
    noted(&stage.sessions, 1).await;
    stage.advance(Std::from_secs(12 * 60)).await;
    assert!(lives(&store, &used).await && !lives(&store, &unused).await);
}

#[tokio::test]
async fn a_save_is_a_use_also_where_it_leaves_the_expiry_date() {
    let (stage, store) = with(Timeouts::new()).await;
    let one = create(&store, Duration::hours(10)).await;
    for passed in [20, 40] {
        stage.advance(Std::from_secs(20 * 60)).await;
        let expiry_date = OffsetDateTime::now_utc() + Duration::hours(10) - Duration::minutes(passed);
        store.save(&Record { expiry_date, ..one.clone() }).await.expect("there");
        noted(&stage.sessions, 1).await;
    }
    assert!(lives(&store, &one).await);
}

#[tokio::test]
async fn a_record_in_use_ends_at_our_absolute_timeout_whatever_it_asks_for() {
    let (stage, store) = with(Timeouts::new().absolute(Std::from_secs(3600))).await;
    let mut one = create(&store, Duration::weeks(2)).await;
    for _ in 0..3 {
        stage.advance(Std::from_secs(19 * 60)).await;
        one.expiry_date = OffsetDateTime::now_utc() + Duration::weeks(2);
        store.save(&one).await.expect("there");
        assert!(lives(&store, &one).await);
    }
    stage.advance(Std::from_secs(4 * 60)).await;
    assert!(!lives(&store, &one).await);
}
