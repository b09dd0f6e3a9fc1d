//! A store that names users: their index, cap and revocation.

use actix_session::storage::{SaveError, SessionStore, UpdateError};
use cloakroom::compat::{actix_session::Store, user_id};
use cloakroom::{Cap, Sessions};

use super::{HALF_AN_HOUR, again, guest, load, naming, of, save, stage, state};

async fn listed(sessions: &Sessions, user: &str) -> u64 {
    sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn a_state_that_names_a_user_is_listed_and_revoked_as_theirs() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let (ada, bob) = (save(&store, of("ada")).await, save(&store, of("bob")).await);
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!((load(&store, &ada).await, load(&store, &bob).await), (None, Some(of("bob"))));
}

#[tokio::test]
async fn a_login_in_an_update_gets_a_new_key_and_the_old_one_ends() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let old = save(&store, guest()).await;
    let new = store.update(again(&old), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_ne!(new, old);
    assert_eq!((load(&store, &old).await, load(&store, &new).await), (None, Some(of("ada"))));
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
    let same = store.update(again(&new), of("ada"), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(same, new, "a second write is no second login");
}

#[tokio::test]
async fn another_user_in_an_update_replaces_the_first() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let ada = save(&store, of("ada")).await;
    let bob = store.update(again(&ada), of("bob"), &HALF_AN_HOUR).await.expect("there");
    assert_eq!((listed(&stage.sessions, "ada").await, listed(&stage.sessions, "bob").await), (0, 1));
    assert_eq!((load(&store, &ada).await, load(&store, &bob).await), (None, Some(of("bob"))));
}

#[tokio::test]
async fn a_state_without_its_user_continues_as_a_guest_under_a_new_key() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let ada = save(&store, of("ada")).await;
    let after = store.update(again(&ada), guest(), &HALF_AN_HOUR).await.expect("there");
    assert_eq!((load(&store, &ada).await, load(&store, &after).await), (None, Some(guest())));
    assert_eq!(listed(&stage.sessions, "ada").await, 0);
    stage.sessions.revoke_user("ada").await.expect("there");
    assert_eq!(load(&store, &after).await, Some(guest()));
}

#[tokio::test]
async fn at_the_cap_the_earliest_login_is_evicted() {
    let stage = stage(|with| with.cap(Cap::evict(1))).await;
    let store = naming(&stage.sessions);
    let (first, second) = (save(&store, of("ada")).await, save(&store, of("ada")).await);
    assert_eq!((load(&store, &first).await, load(&store, &second).await), (None, Some(of("ada"))));
}

#[tokio::test]
async fn at_a_rejecting_cap_the_login_is_an_error_that_names_the_cap() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let store = naming(&stage.sessions);
    save(&store, of("ada")).await;
    let guest_key = save(&store, guest()).await;
    let refused = store.save(of("ada"), &HALF_AN_HOUR).await;
    assert!(
        matches!(&refused, Err(SaveError::Other(why)) if why.to_string().contains("maximum number of sessions")),
        "{refused:?}"
    );
    assert!(store.update(again(&guest_key), of("ada"), &HALF_AN_HOUR).await.is_err());
    assert_eq!(load(&store, &guest_key).await, Some(guest()), "a login that is refused ends nothing");
}

const IDENTITY: &str = "actix_identity.user_id";

/// The error of an update with this identity; the state stays as it was.
async fn refused(store: &Store, identity: &str) -> String {
    let key = save(store, guest()).await;
    let error = store.update(again(&key), state(&[(IDENTITY, identity)]), &HALF_AN_HOUR).await;
    assert_eq!(load(store, &key).await, Some(guest()));
    let Err(UpdateError::Other(why)) = error else { panic!("not refused: {error:?}") };
    why.to_string()
}

#[tokio::test]
async fn a_user_logged_in_by_actix_identity_is_listed_and_revoked() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone()).actix_identity();
    let long = "x".repeat(300);
    for id in ["ada", "42", "", &long] {
        let key = save(&store, state(&[(IDENTITY, &serde_json::to_string(id).expect("JSON"))])).await;
        let user = user_id(&id.to_owned()).expect("an id");
        assert_eq!(listed(&stage.sessions, &user).await, 1, "{id}");
        assert_eq!(stage.sessions.revoke_user(&user).await.expect("there").ended, 1);
        assert_eq!(load(&store, &key).await, None);
    }
    assert_eq!((user_id(&"ada".to_owned()), user_id(&"42".to_owned())), (Ok("ada".to_owned()), Ok("42".to_owned())));
}

#[tokio::test]
async fn a_login_with_an_unreadable_user_is_an_error_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let other_field = Store::new(stage.sessions.clone()).user(|state| state.get("user").cloned());
    assert!(refused(&other_field, r#""ada""#).await.contains("actix-identity"));
    let no_text = Store::new(stage.sessions.clone()).actix_identity();
    assert!(!refused(&no_text, "42").await.contains("42"));
    let failing = Store::new(stage.sessions.clone()).try_user(|_| Err("no reader"));
    assert!(
        matches!(failing.save(guest(), &HALF_AN_HOUR).await, Err(SaveError::Other(why)) if why.to_string().contains("no reader"))
    );
    let elsewhere = Store::new(stage.sessions.clone()).actix_identity_under("who");
    save(&elsewhere, state(&[("who", r#""bob""#)])).await;
    assert_eq!(listed(&stage.sessions, "bob").await, 1);
}

#[tokio::test]
async fn an_invalid_user_id_is_an_error_and_changes_nothing() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    for user in ["", &"x".repeat(257)] {
        assert!(matches!(store.save(of(user), &HALF_AN_HOUR).await, Err(SaveError::Other(_))));
        let key = save(&store, guest()).await;
        assert!(store.update(again(&key), of(user), &HALF_AN_HOUR).await.is_err());
        assert_eq!(load(&store, &key).await, Some(guest()));
    }
}

#[tokio::test]
async fn an_old_key_does_not_open_the_session_of_a_login_made_by_login() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let key = save(&store, guest()).await;
    // A key is a token of ours.
    crate::common::login(&stage.open(key.as_ref()).await, "ada").await;
    assert_eq!(load(&store, &key).await, None);
    store.delete(&key).await.expect("there");
    assert_eq!(listed(&stage.sessions, "ada").await, 1);
}
