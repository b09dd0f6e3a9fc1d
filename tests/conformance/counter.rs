//! Atomic counters.

use cloakroom::{DecodeError, Error, FieldKind};

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
async fn an_invalid_name_is_rejected_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    assert!(matches!(draft.increment("a b", 1).await, Err(Error::Limit(_))));
    assert!(draft.id().is_none());
}

#[tokio::test]
async fn every_integer_type_reads_a_counter() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    session.increment("n", 300).await.expect("there");
    let session = stage.open(&token).await;
    assert_eq!(session.get::<i64>("n").expect("reads"), Some(300));
    assert_eq!(session.require::<u16>("n").expect("reads"), 300);
    assert_eq!(session.get_or::<u128>("n", 1).expect("reads"), 300);
    assert_eq!(session.get::<Option<usize>>("n").expect("reads"), Some(Some(300)));
    assert_eq!(session.get_or_insert("n", 1_i32).expect("reads"), 300);
    let all = session.values::<i64>().expect("all numbers");
    assert_eq!(all, [("a".to_owned(), 1), ("n".to_owned(), 300)]);
    assert!(!session.is_dirty());
}

#[tokio::test]
async fn a_counter_out_of_an_integer_types_range_is_an_error() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.guest().await;
    session.increment("n", 300).await.expect("there");
    session.increment("below", -1).await.expect("there");
    for out in
        [session.get::<u8>("n").map(drop), session.require::<i8>("n").map(drop), session.values::<u8>().map(drop)]
    {
        assert!(matches!(out, Err(Error::Decode { source: DecodeError::OutOfRange, .. })), "{out:?}");
    }
    let out = session.pop::<u64>("below");
    assert!(matches!(out, Err(Error::Decode { source: DecodeError::OutOfRange, .. })), "{out:?}");
    assert_eq!(session.counter("below").expect("reads"), Some(-1));
}

#[tokio::test]
async fn a_counter_read_as_another_type_names_its_accessor() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.guest().await;
    session.increment("n", 1).await.expect("there");
    let errors = [
        session.get::<String>("n").map(drop),
        session.get::<bool>("n").map(drop),
        session.get_or("n", 1.0).map(drop),
        session.get_bytes("n").map(drop),
    ];
    for error in errors.map(|answer| answer.expect_err("a counter")) {
        assert!(matches!(error, Error::WrongKind { found: FieldKind::Counter, .. }), "{error:?}");
        assert_eq!(error.to_string(), "the field `n` is a counter, which `counter`, or `get` as an integer, reads");
    }
    let error = session.counter("a").expect_err("a value");
    assert_eq!(error.to_string(), "the field `a` is a value, which `get` reads");
    assert_eq!(session.values::<String>().ok(), None, "`a` is a number");
    session.remove("a").expect("live");
    assert_eq!(session.values::<String>().expect("none"), []);
    session.save().await.expect("there").into_result().expect("saved");
}

#[tokio::test]
async fn a_counter_that_is_updated_stays_a_counter() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    session.increment("n", 7).await.expect("there");
    assert_eq!(session.update("n", |n: &mut u8| *n *= 2).expect("reads"), 14);
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&token).await.kind("n"), Some(FieldKind::Counter));
    assert_eq!(stage.open(&token).await.increment("n", 1).await.expect("there"), 15);
    let above = session.update("n", |n: &mut u64| *n = u64::MAX);
    assert!(matches!(above, Err(Error::Overflow { field }) if field == "n"));
    assert!(!session.is_dirty());
    assert_eq!(stage.open(&token).await.pop::<i64>("n").expect("reads"), Some(15));
}
