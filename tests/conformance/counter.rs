//! Atomic counters.

use cloakroom::Error;

use super::stage;

#[tokio::test]
async fn increments_from_two_handles_add_up() {
    let stage = stage(|with| with).await;
    let (one, token) = stage.guest().await;
    let two = stage.open(&token).await;
    assert_eq!(one.increment("n", 2).await.expect("there"), 2);
    assert_eq!(two.increment("n", 3).await.expect("there"), 5);
    assert_eq!(one.increment("n", -10).await.expect("there"), -5);
    assert_eq!(stage.open(&token).await.counter("n").expect("reads"), Some(-5));
    assert!(!one.is_dirty());
}

#[tokio::test]
async fn the_first_increment_makes_a_session_with_what_was_pending() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("a", &1).expect("legal");
    assert_eq!(draft.increment("n", 1).await.expect("there"), 1);
    let again = stage.open(&crate::common::token(&draft)).await;
    assert_eq!((again.counter("n").expect("reads"), again.require::<i32>("a").expect("reads")), (Some(1), 1));
}

#[tokio::test]
async fn counters_use_all_64_bits_and_overflow_changes_nothing() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    assert_eq!(session.increment("n", i64::MAX).await.expect("there"), i64::MAX);
    assert!(matches!(session.increment("n", 1).await, Err(Error::Overflow { field }) if field == "n"));
    assert_eq!(session.increment("n", -1).await.expect("there"), i64::MAX - 1);
    assert_eq!(session.increment("m", i64::MIN).await.expect("there"), i64::MIN);
    assert!(matches!(session.increment("m", -1).await, Err(Error::Overflow { .. })));
    assert_eq!(stage.open(&token).await.counter("m").expect("reads"), Some(i64::MIN));
}

#[tokio::test]
async fn a_field_of_another_kind_is_not_counted() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    assert!(matches!(session.increment("a", 1).await, Err(Error::WrongKind { .. })));
    let other = stage.open(&token).await;
    other.insert_bytes("raw", b"5").expect("legal");
    other.save().await.expect("there").into_result().expect("saved");
    assert!(matches!(session.increment("raw", 1).await, Err(Error::WrongKind { .. })), "not in the snapshot");
    assert_eq!(stage.open(&token).await.require::<i32>("a").expect("reads"), 1);
}

#[tokio::test]
async fn a_pending_change_of_the_same_field_is_saved_first() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    session.increment("n", 7).await.expect("there");
    session.remove("n").expect("live");
    assert_eq!(session.increment("n", 1).await.expect("there"), 1);
    assert_eq!(stage.open(&token).await.counter("n").expect("reads"), Some(1));
}

#[tokio::test]
async fn a_bad_name_is_refused_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    assert!(matches!(draft.increment("a b", 1).await, Err(Error::Limit(_))));
    assert!(draft.id().is_none());
}
