//! The trait's four methods on a record.

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Limits, Sessions};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::line::SessionStore;
use super::line::session::Id;
use super::line::session_store::Error;
use super::{guest, record, stage};

#[tokio::test]
async fn a_record_is_loaded_as_it_was_created() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let data = json!({ "a": { "deep": [1, -2, u64::MAX, 0.1, 1.0, "é", null, true] }, "": {}, "a b": i64::MIN });
    let mut one = record(data, Duration::minutes(30));
    let id = one.id;
    store.create(&mut one).await.expect("there");
    assert_eq!(one.id, id, "an id that is free stays");
    assert_eq!(store.load(&id).await.expect("there"), Some(one));
}

#[tokio::test]
async fn a_record_that_was_never_stored_is_none() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    assert_eq!(store.load(&Id::default()).await.expect("there"), None);
    assert_eq!(store.load(&Id(0)).await.expect("there"), None);
}

#[tokio::test]
async fn creating_under_a_taken_id_overwrites_nothing_and_gets_another_id() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let (mut one, mut other) = (guest(), record(json!({ "n": 2 }), Duration::minutes(30)));
    store.create(&mut one).await.expect("there");
    other.id = one.id;
    store.create(&mut other).await.expect("there");
    assert_ne!(one.id, other.id);
    assert_eq!(store.load(&one.id).await.expect("there"), Some(one));
    assert_eq!(store.load(&other.id).await.expect("there"), Some(other));
}

#[tokio::test]
async fn creating_under_an_id_that_was_deleted_gets_another_id() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    store.delete(&one.id).await.expect("there");
    let mut other = guest();
    other.id = one.id;
    store.create(&mut other).await.expect("there");
    assert_ne!(one.id, other.id);
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}

#[tokio::test]
async fn a_save_replaces_the_whole_record() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    one.data = [("other".to_owned(), json!(1))].into();
    one.expiry_date += Duration::minutes(1);
    store.save(&one).await.expect("there");
    assert_eq!(store.load(&one.id).await.expect("there"), Some(one));
}

#[tokio::test]
async fn a_deleted_record_is_gone_and_may_be_deleted_again() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    for _ in 0..2 {
        store.delete(&one.id).await.expect("there");
        assert_eq!(store.load(&one.id).await.expect("there"), None);
    }
    store.delete(&Id::default()).await.expect("one that never was");
}

#[tokio::test]
async fn saving_a_record_that_was_never_created_stores_nothing() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let one = guest();
    store.save(&one).await.expect("as tower-sessions' stores");
    assert_eq!(store.load(&one.id).await.expect("there"), None);
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_an_error_and_changes_nothing() {
    let stage = stage(|with| with.limits(Limits::new().field_bytes(200))).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    let mut large = one.clone();
    large.data.insert("large".to_owned(), json!("x".repeat(200)));
    assert!(matches!(store.save(&large).await, Err(Error::Backend(_))));
    assert_eq!(store.load(&one.id).await.expect("there"), Some(one));
    let id = large.id;
    large.id = Id::default();
    assert!(matches!(store.create(&mut large).await, Err(Error::Backend(text)) if text.contains("at most 200")));
    assert_ne!(large.id, id);
    assert_eq!(store.load(&large.id).await.expect("there"), None);
}

#[tokio::test]
async fn two_clones_share_one_store_and_debug_shows_no_content() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut one = guest();
    store.clone().create(&mut one).await.expect("there");
    assert!(store.load(&one.id).await.expect("there").is_some());
    assert_eq!(format!("{store:?}"), "Store { names_users: false, .. }");
}

#[tokio::test]
async fn an_outage_is_an_error_and_never_none() {
    let builder = Sessions::builder("redis://127.0.0.1:1").namespace("away");
    let sessions = builder.budget(std::time::Duration::from_millis(100)).connect_lazy().expect("fine settings");
    let store = Store::new(sessions);
    let mut one = guest();
    assert!(matches!(store.load(&one.id).await, Err(Error::Backend(_))));
    assert!(matches!(store.create(&mut one).await, Err(Error::Backend(_))));
    assert!(matches!(store.save(&one).await, Err(Error::Backend(_))));
    assert!(matches!(store.delete(&one.id).await, Err(Error::Backend(_))));
}

#[tokio::test]
async fn an_expired_record_is_not_stored_and_saving_one_ends_it() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let mut past = record(json!({ "a": 1 }), Duration::seconds(-1));
    store.create(&mut past).await.expect("there");
    assert_eq!(store.load(&past.id).await.expect("there"), None);
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    one.expiry_date = OffsetDateTime::now_utc() - Duration::seconds(1);
    store.save(&one).await.expect("there");
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}
