//! A record's expiry date decides alone unless the builder was given timeouts.

use std::time::Duration as Std;

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Timeout, Timeouts};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::line::SessionStore;
use super::line::session::Record;
use super::{noted, record, stage};
use crate::common::Stage;
use crate::common::log::Log;

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
async fn each_of_many_saves_lasts_until_its_expiry_date() {
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
async fn an_unused_record_ends_at_our_idle_timeout() {
    let (stage, store) = with(Timeouts::new()).await;
    let (used, unused) = (create(&store, Duration::weeks(2)).await, create(&store, Duration::weeks(2)).await);
    stage.advance(Std::from_secs(20 * 60)).await;
    assert!(lives(&store, &used).await, "this is a use");
    noted(&stage.sessions, 1).await;
    stage.advance(Std::from_secs(12 * 60)).await;
    assert!(lives(&store, &used).await && !lives(&store, &unused).await);
}

#[tokio::test]
async fn a_save_is_a_use_even_if_the_expiry_date_stays() {
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
async fn a_record_in_use_ends_at_our_absolute_timeout() {
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

const FORTNIGHT: Std = Std::from_secs(14 * 86_400);

#[tokio::test]
async fn without_timeouts_the_expiry_of_the_application_decides() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let one = create(&store, Duration::weeks(2)).await;
    assert_eq!(store.load(&one.id).await.expect("there").as_ref(), Some(&one));
    stage.advance(FORTNIGHT - Std::from_secs(60)).await;
    assert!(lives(&store, &one).await, "unused for nearly two weeks");
    stage.advance(Std::from_secs(122)).await;
    assert!(!lives(&store, &one).await);
}

#[tokio::test]
async fn without_timeouts_a_sliding_expiry_has_no_absolute_end() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = create(&store, Duration::weeks(2)).await;
    for _ in 0..4 {
        stage.advance(FORTNIGHT - Std::from_secs(60)).await;
        one.expiry_date = OffsetDateTime::now_utc() + Duration::weeks(2);
        store.save(&one).await.expect("there");
    }
    assert!(lives(&store, &one).await);
}

#[tokio::test]
async fn with_shorter_timeouts_of_the_builder_load_returns_their_deadline() {
    for timeouts in [Timeouts::new(), endless().absolute(Std::from_secs(30 * 60))] {
        let (_stage, store) = with(timeouts).await;
        let one = create(&store, Duration::weeks(2)).await;
        let loaded = store.load(&one.id).await.expect("there").expect("live");
        let left = loaded.expiry_date - OffsetDateTime::now_utc();
        assert!(left > Duration::minutes(29) && left < Duration::minutes(32), "{left}");
        assert_eq!(loaded.data, one.data);
    }
}

#[tokio::test]
async fn a_load_that_moves_the_idle_deadline_returns_the_deadline_after_it() {
    let (stage, store) = with(Timeouts::new()).await;
    let one = create(&store, Duration::weeks(2)).await;
    stage.advance(Std::from_secs(20 * 60)).await;
    let loaded = store.load(&one.id).await.expect("there").expect("live");
    assert!(loaded.expiry_date - OffsetDateTime::now_utc() > Duration::minutes(29));
}

#[tokio::test]
async fn shorter_timeouts_of_the_builder_are_logged_once_per_store() {
    let (log, _logging) = Log::of_warnings();
    for (timeouts, warnings) in [(Timeouts::new(), 1), (endless(), 0)] {
        let (_stage, store) = with(timeouts).await;
        for _ in 0..3 {
            let one = create(&store.clone(), Duration::weeks(2)).await;
            store.save(&one).await.expect("there");
        }
        assert_eq!(log.take().matches("the application asks for longer sessions").count(), warnings);
    }
}

#[tokio::test]
async fn an_expiry_within_the_timeouts_is_not_warned_about() {
    let (log, _logging) = Log::of_warnings();
    let (stage, store) = with(Timeouts::new()).await;
    let mut one = create(&store, Duration::minutes(30)).await;
    for _ in 0..3 {
        stage.advance(Std::from_secs(20 * 60)).await;
        one.expiry_date = OffsetDateTime::now_utc() + Duration::minutes(30);
        store.save(&one).await.expect("there");
    }
    assert!(!log.take().contains("the application asks"));
}
