//! The trait's five methods on a state.

use std::time::Duration as Std;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key};
use cloakroom::compat::actix_session::Store;
use cloakroom::{ClientInfo, Limits, Sessions, Timeout, Timeouts};
use time::Duration;

use super::{HALF_AN_HOUR, again, guest, load, noted, save, stage, state};
use crate::common::log::Log;

#[tokio::test]
async fn a_state_is_loaded_as_it_was_saved_under_a_key_of_64_characters() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let saved = state(&[("", ""), ("é", "{\"not\": json"), ("a b", "1")]);
    let key = save(&store, saved.clone()).await;
    assert_eq!(key.as_ref().len(), 64);
    assert_eq!(load(&store, &key).await, Some(saved));
}

#[tokio::test]
async fn two_saves_get_two_keys() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let (one, other) = (save(&store, guest()).await, save(&store, guest()).await);
    assert_ne!(one, other);
}

#[tokio::test]
async fn a_missing_session_is_none() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    assert_eq!(load(&store, &generate_session_key()).await, None);
}

#[tokio::test]
async fn an_update_replaces_the_whole_state_and_returns_the_same_key() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    let after = state(&[("other", "1")]);
    let answered = store.update(again(&key), after.clone(), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(answered, key);
    assert_eq!(load(&store, &key).await, Some(after));
}

#[tokio::test]
async fn an_update_of_a_foreign_key_is_a_save_under_a_new_key() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    for key in [generate_session_key(), "x".to_owned().try_into().expect("a key")] {
        let new = store.update(again(&key), guest(), &Duration::seconds(1)).await.expect("there");
        assert_ne!(new, key);
        assert_eq!(load(&store, &new).await, Some(guest()));
        assert_eq!(load(&store, &key).await, None);
    }
}

#[tokio::test]
async fn a_deleted_session_is_gone_and_may_be_deleted_again() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    for _ in 0..2 {
        store.delete(&key).await.expect("there");
        assert_eq!(load(&store, &key).await, None);
    }
    store.delete(&generate_session_key()).await.expect("one that never was");
}

#[tokio::test]
async fn a_new_ttl_is_applied_at_once_whether_longer_or_shorter() {
    let endless = Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never);
    let stage = stage(|with| with.timeouts(endless)).await;
    let store = Store::new(stage.sessions.clone());
    let (longer, shorter) = (save(&store, guest()).await, save(&store, guest()).await);
    let same = save(&store, guest()).await;
    stage.advance(Std::from_secs(60)).await;
    store.update_ttl(&longer, &Duration::hours(2)).await.expect("there");
    store.update_ttl(&shorter, &Duration::minutes(5)).await.expect("there");
    stage.advance(Std::from_secs(301)).await;
    assert_eq!((load(&store, &shorter).await, load(&store, &same).await), (None, Some(guest())));
    stage.advance(Std::from_secs(25 * 60)).await;
    assert_eq!((load(&store, &same).await, load(&store, &longer).await), (None, Some(guest())));
    stage.advance(Std::from_secs(91 * 60)).await;
    assert_eq!(load(&store, &longer).await, None);
}

#[tokio::test]
async fn an_update_gives_the_session_its_whole_ttl_again() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = store.save(guest(), &Duration::minutes(10)).await.expect("there");
    for _ in 0..3 {
        stage.advance(Std::from_secs(9 * 60)).await;
        store.update(again(&key), guest(), &Duration::minutes(10)).await.expect("there");
    }
    stage.advance(Std::from_secs(9 * 60)).await;
    assert_eq!(load(&store, &key).await, Some(guest()));
    stage.advance(Std::from_secs(121)).await;
    assert_eq!(load(&store, &key).await, None, "a touch interval late at most");
}

#[tokio::test]
async fn a_ttl_of_zero_ends_the_session_and_stores_none() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = store.save(guest(), &Duration::ZERO).await.expect("there");
    assert_eq!(load(&store, &key).await, None);
    let (updated, touched) = (save(&store, guest()).await, save(&store, guest()).await);
    assert_eq!(store.update(again(&updated), guest(), &Duration::seconds(-1)).await.expect("there"), updated);
    store.update_ttl(&touched, &Duration::ZERO).await.expect("there");
    assert_eq!((load(&store, &updated).await, load(&store, &touched).await), (None, None));
}

#[tokio::test]
async fn an_unused_session_ends_at_our_idle_timeout_and_a_load_is_a_use() {
    let stage = stage(|with| with.timeouts(Timeouts::new())).await;
    let store = Store::new(stage.sessions.clone());
    let week = Duration::weeks(1);
    let used = store.save(guest(), &week).await.expect("there");
    let unused = store.save(guest(), &week).await.expect("there");
    stage.advance(Std::from_secs(20 * 60)).await;
    assert!(load(&store, &used).await.is_some());
    noted(&stage.sessions, 1).await;
    stage.advance(Std::from_secs(12 * 60)).await;
    assert!(load(&store, &used).await.is_some() && load(&store, &unused).await.is_none());
}

#[tokio::test]
async fn a_session_in_use_ends_at_our_absolute_timeout() {
    let stage = stage(|with| with.timeouts(Timeouts::new().absolute(Std::from_secs(3600)))).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    for _ in 0..3 {
        stage.advance(Std::from_secs(19 * 60)).await;
        store.update_ttl(&key, &Duration::weeks(1)).await.expect("there");
    }
    assert!(load(&store, &key).await.is_some());
    stage.advance(Std::from_secs(4 * 60)).await;
    assert!(load(&store, &key).await.is_none());
}

#[tokio::test]
async fn without_timeouts_the_ttl_of_the_application_decides() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let week = Duration::weeks(1);
    let (unused, kept) = (store.save(guest(), &week).await.expect("there"), save(&store, guest()).await);
    for _ in 0..3 {
        store.update_ttl(&kept, &week).await.expect("there");
        stage.advance(Std::from_secs(7 * 86_400 - 60)).await;
        assert!(load(&store, &kept).await.is_some());
    }
    assert_eq!(load(&store, &unused).await, None);
}

#[tokio::test]
async fn timeouts_of_the_builder_below_the_ttl_are_logged_once() {
    let (log, _logging) = Log::of_warnings();
    let stage = stage(|with| with.timeouts(Timeouts::new())).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    assert!(!log.take().contains("the application asks"));
    for _ in 0..2 {
        store.update_ttl(&key, &Duration::weeks(2)).await.expect("there");
        store.save(guest(), &Duration::weeks(2)).await.expect("there");
    }
    assert_eq!(log.take().matches("the application asks for longer sessions").count(), 1);
}

#[tokio::test]
async fn the_id_in_a_key_opens_nothing_without_the_secret() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    assert!(load(&store, &key).await.is_some());
    let (before, after) = (&key.as_ref()[..40], &key.as_ref()[41..]);
    let other = if key.as_ref()[40..].starts_with('-') { '_' } else { '-' };
    let forged: SessionKey = format!("{before}{other}{after}").try_into().expect("a key");
    assert_eq!(load(&store, &forged).await, None);
    store.delete(&forged).await.expect("there");
    store.update(again(&forged), state(&[("forged", "1")]), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(load(&store, &key).await, Some(guest()));
}

#[tokio::test]
async fn an_unreadable_state_is_an_error_of_its_own() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    // A token of ours: whoever has it may write to the session in other ways, too.
    let session = stage.sessions.open(Some(key.as_ref()), ClientInfo::new()).await.expect("there");
    session.insert("record", &7).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    assert!(matches!(store.load(&key).await, Err(LoadError::Deserialization(_))));
    store.update(again(&key), guest(), &HALF_AN_HOUR).await.expect("there");
    assert_eq!(load(&store, &key).await, Some(guest()));
}

#[tokio::test]
async fn a_state_that_is_too_large_is_an_error_and_changes_nothing() {
    let stage = stage(|with| with.limits(Limits::new().field_bytes(200))).await;
    let store = Store::new(stage.sessions.clone());
    let key = save(&store, guest()).await;
    let large = || state(&[("large", &"x".repeat(200))]);
    assert!(matches!(store.save(large(), &HALF_AN_HOUR).await, Err(SaveError::Other(_))));
    assert!(matches!(store.update(again(&key), large(), &HALF_AN_HOUR).await, Err(UpdateError::Other(_))));
    assert_eq!(load(&store, &key).await, Some(guest()));
}

#[tokio::test]
async fn in_an_outage_a_key_is_an_error_and_a_malformed_one_is_none() {
    let here = stage(|with| with).await;
    let key = save(&Store::new(here.sessions.clone()), guest()).await;
    let builder = Sessions::builder("redis://127.0.0.1:1").namespace("away");
    let away = Store::new(builder.budget(Std::from_millis(100)).connect_lazy().expect("fine settings"));
    assert!(matches!(away.load(&key).await, Err(LoadError::Other(_))));
    assert!(matches!(away.save(guest(), &HALF_AN_HOUR).await, Err(SaveError::Other(_))));
    assert!(matches!(away.update(again(&key), guest(), &HALF_AN_HOUR).await, Err(UpdateError::Other(_))));
    assert!(away.update_ttl(&key, &HALF_AN_HOUR).await.is_err() && away.delete(&key).await.is_err());
    let malformed = generate_session_key();
    assert_eq!(load(&away, &malformed).await, None);
    away.update_ttl(&malformed, &HALF_AN_HOUR).await.expect("nothing to do");
    away.delete(&malformed).await.expect("nothing to do");
}

#[tokio::test]
async fn debug_shows_no_content() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone());
    assert_eq!(format!("{:?}", store.clone()), "Store { names_users: false, .. }");
}
