//! A store that names users: their index, cap and revocation.

use std::collections::HashMap;

use cloakroom::compat::tower_sessions::Store;
use cloakroom::{Cap, Timeout, Timeouts};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::line::SessionStore;
use super::line::session::Record;
use super::line::session_store::Error;
use super::{guest, naming, of, record, stage};

type State = HashMap<String, Value>;

#[tokio::test]
async fn a_record_that_names_a_user_is_listed_and_revoked_as_theirs() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (mut ada, mut bob) = (of("ada"), of("bob"));
    store.create(&mut ada).await.expect("there");
    store.create(&mut bob).await.expect("there");
    assert_eq!(store.load(&ada.id).await.expect("there"), Some(ada.clone()));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(store.load(&ada.id).await.expect("there"), None);
    assert!(store.load(&bob.id).await.expect("there").is_some());
}

#[tokio::test]
async fn one_device_is_revoked_by_its_id_in_the_list() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (mut first, mut second) = (of("ada"), of("ada"));
    store.create(&mut first).await.expect("there");
    store.create(&mut second).await.expect("there");
    let user = stage.sessions.user("ada");
    let listed = user.list().await.expect("there");
    assert!(user.revoke(listed[0].id).await.expect("there"));
    assert_eq!(store.load(&first.id).await.expect("there"), None);
    assert!(store.load(&second.id).await.expect("there").is_some());
}

#[tokio::test]
async fn a_logout_removes_the_record_from_the_users_list() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let mut one = of("ada");
    store.create(&mut one).await.expect("there");
    store.delete(&one.id).await.expect("there");
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

/// `cycle_id` works in this order, so that a failure in between logs nobody out: tower-sessions #260.
#[tokio::test]
async fn deleting_the_old_id_after_creating_the_new_one_ends_nothing_else() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (mut old, mut new) = (of("ada"), of("ada"));
    store.create(&mut old).await.expect("there");
    store.create(&mut new).await.expect("there");
    store.delete(&old.id).await.expect("there");
    assert_eq!(
        (store.load(&old.id).await.expect("there"), store.load(&new.id).await.expect("there")),
        (None, Some(new))
    );
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn at_the_cap_the_earliest_login_is_evicted() {
    let stage = stage(|with| with.cap(Cap::evict(2))).await;
    let store = naming(&stage.sessions);
    let mut logins = [of("ada"), of("ada"), of("ada")];
    for login in &mut logins {
        store.create(login).await.expect("there");
    }
    let mut live = Vec::new();
    for login in &logins {
        live.push(store.load(&login.id).await.expect("there").is_some());
    }
    assert_eq!(live, [false, true, true]);
}

#[tokio::test]
async fn at_a_rejecting_cap_the_login_is_an_error_that_names_the_cap() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let store = naming(&stage.sessions);
    store.create(&mut of("ada")).await.expect("there");
    let refused = store.create(&mut of("ada")).await;
    assert!(
        matches!(&refused, Err(Error::Backend(text)) if text.contains("maximum number of sessions")),
        "{refused:?}"
    );
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn an_invalid_user_id_is_an_error_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    for user in ["", &"x".repeat(257)] {
        let mut one = of(user);
        assert!(matches!(store.create(&mut one).await, Err(Error::Backend(_))));
        assert_eq!(store.load(&one.id).await.expect("there"), None);
        refused(&store, |one| drop(one.data.insert("user".to_owned(), json!(user)))).await;
    }
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 2, "the guests of the saves");
}

/// A guest's record with such a change is not saved, and stays as it was.
async fn refused(store: &Store, change: impl FnOnce(&mut Record)) -> String {
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    let before = store.load(&one.id).await.expect("there");
    change(&mut one);
    let error = store.save(&one).await.expect_err("nobody can be named");
    assert_eq!(store.load(&one.id).await.expect("there"), before);
    assert!(matches!(error, Error::Backend(_)), "{error:?}");
    error.to_string()
}

fn by_axum_login(id: Value) -> Value {
    json!({ "user_id": id, "auth_hash": [1, 2, 3] })
}

#[tokio::test]
async fn a_login_of_axum_login_that_the_function_does_not_name_is_an_error() {
    let stage = stage(|with| with).await;
    let as_text = |state: &State| Some(state.get("axum-login.data")?.get("user_id")?.as_str()?.to_owned());
    let store = Store::new(stage.sessions.clone()).user(as_text);
    let mut one = record(json!({ "axum-login.data": by_axum_login(json!(42)) }), Duration::minutes(30));
    let error = store.create(&mut one).await.expect_err("it names nobody").to_string();
    assert!(error.contains("axum-login") && !error.contains("42"), "{error}");
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
    refused(&store, |one| drop(one.data.insert("axum-login.data".to_owned(), by_axum_login(json!(42))))).await;
    let mut guest = record(json!({ "axum-login.data": { "user_id": null, "auth_hash": null } }), Duration::minutes(30));
    store.create(&mut guest).await.expect("nobody is logged in");
}

#[tokio::test]
async fn a_login_of_axum_login_with_an_id_of_another_type_is_an_error() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone()).axum_login::<i64>();
    for data in [by_axum_login(json!("ada")), by_axum_login(json!(null)), json!("ada")] {
        let error = refused(&store, |one| drop(one.data.insert("axum-login.data".to_owned(), data))).await;
        assert!(!error.contains("ada"), "{error}");
    }
}

#[tokio::test]
async fn axum_login_data_under_another_key_is_read() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone()).axum_login_under::<i64>("members");
    let mut one = record(json!({ "members": by_axum_login(json!(7)) }), Duration::minutes(30));
    store.create(&mut one).await.expect("there");
    assert_eq!(stage.sessions.revoke_user("7").await.expect("there").ended, 1);
}

#[tokio::test]
async fn a_user_function_that_fails_fails_the_save_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone()).try_user(|state| match state.get("user") {
        None => Ok(None),
        Some(user) => user.as_str().map(|user| Some(user.to_owned())).ok_or("the user is no text"),
    });
    let error = refused(&store, |one| drop(one.data.insert("user".to_owned(), json!(1)))).await;
    assert!(error.contains("the user is no text"), "{error}");
    store.create(&mut of("ada")).await.expect("there");
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn a_users_record_is_live_and_listed_until_its_expiry_date() {
    let endless = Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never);
    let stage = stage(|with| with.timeouts(endless)).await;
    let store = naming(&stage.sessions);
    let mut one = record(json!({ "user": "ada" }), Duration::minutes(10));
    store.create(&mut one).await.expect("there");
    one.expiry_date = OffsetDateTime::now_utc() + Duration::days(30);
    store.save(&one).await.expect("there");
    stage.advance(std::time::Duration::from_secs(29 * 86_400)).await;
    assert!(store.load(&one.id).await.expect("there").is_some());
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    stage.advance(std::time::Duration::from_secs(86_461)).await;
    assert!(store.load(&one.id).await.expect("there").is_none());
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test]
async fn a_store_without_a_user_function_stores_guests() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let mut one = guest();
    store.create(&mut one).await.expect("there");
    assert_eq!(stage.sessions.revoke_guests(|_| ()).await.expect("there").ended, 1);
    assert_eq!(store.load(&one.id).await.expect("there"), None);
}
