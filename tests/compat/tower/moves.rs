//! A login under the guest's id: the application did not call `cycle_id`.

use std::time::Duration as Std;

use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::line::SessionStore;
use super::line::session::Record;
use super::{guest, naming, noted, stage};
use crate::common::Stage;
use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Timeout, Timeouts};

/// A guest's record under whose id this user has logged in.
async fn logged_in(store: &Store, user: &str) -> Record {
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    name(store, &mut one, user).await;
    one
}

async fn name(store: &Store, one: &mut Record, user: &str) {
    assert!(store.load(&one.id).await.expect("there").is_some(), "as a request does before");
    one.data.insert("user".to_owned(), json!(user));
    store.save(one).await.expect("there");
}

async fn listed(stage: &Stage, user: &str) -> u64 {
    stage.sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn a_login_under_a_guests_id_is_listed_and_keeps_the_id() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let mut one = logged_in(&store, "ada").await;
    assert_eq!(listed(&stage, "ada").await, 1);
    assert_eq!(store.load(&one.id).await.expect("there").as_ref(), Some(&one));
    one.data.insert("n".to_owned(), json!(2));
    store.save(&one).await.expect("there");
    assert_eq!(store.load(&one.id).await.expect("there").as_ref(), Some(&one));
    assert_eq!(listed(&stage, "ada").await, 1, "a second save is no second login");
}

#[tokio::test]
async fn revoking_the_user_ends_it() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let one = logged_in(&store, "ada").await;
    let other = logged_in(&store, "bob").await;
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(store.load(&one.id).await.expect("there"), None);
    assert!(store.load(&other.id).await.expect("there").is_some());
}

#[tokio::test]
async fn a_logout_ends_a_moved_login_and_empties_the_list() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let one = logged_in(&store, "ada").await;
    store.delete(&one.id).await.expect("there");
    assert_eq!(store.load(&one.id).await.expect("there"), None);
    assert_eq!(listed(&stage, "ada").await, 0);
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn another_user_under_the_same_id_replaces_the_first() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let mut one = logged_in(&store, "ada").await;
    name(&store, &mut one, "bob").await;
    assert_eq!((listed(&stage, "ada").await, listed(&stage, "bob").await), (0, 1));
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 0);
    assert_eq!(store.load(&one.id).await.expect("there").as_ref(), Some(&one));
    assert_eq!(stage.sessions.revoke_user("bob").await.expect("there").ended, 1);
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}

#[tokio::test]
async fn a_moved_login_lives_until_its_records_expiry_and_use_extends_it() {
    let stage = stage(|with| with.timeouts(Timeouts::new().absolute(Timeout::Never))).await;
    let store = naming(&stage.sessions);
    let mut one = logged_in(&store, "ada").await;
    one.expiry_date = OffsetDateTime::now_utc() + Duration::hours(1);
    store.save(&one).await.expect("there");
    for _ in 0..2 {
        stage.advance(Std::from_secs(25 * 60)).await;
        assert!(store.load(&one.id).await.expect("there").is_some());
        noted(&stage.sessions, 1).await;
    }
    stage.advance(Std::from_secs(11 * 60 + 1)).await;
    assert!(store.load(&one.id).await.expect("there").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_logins_under_one_id_leave_one_listed_session_that_opens() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    one.data.insert("user".to_owned(), json!("ada"));
    let logins = (0..8).map(|_| {
        let (store, one) = (store.clone(), one.clone());
        tokio::spawn(async move { store.save(&one).await })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.expect("no panic").expect("there");
    }
    assert_eq!(listed(&stage, "ada").await, 1);
    assert_eq!(store.load(&one.id).await.expect("there"), Some(one));
}
