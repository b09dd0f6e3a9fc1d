//! Typed fields, and exact dirty tracking.

use cloakroom::{Error, FieldKind, SaveOutcome};
use serde::{Deserialize, Serialize};

use super::stage;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    note: Option<String>,
}

#[tokio::test]
async fn values_bytes_and_counters_read_back_in_another_request() {
    let stage = stage(|with| with).await;
    let session = stage.draft().await;
    let cart = Cart { items: vec!["hat".into(), "coat".into()], note: None };
    session.insert("cart", &cart).expect("legal");
    session.insert("none", &None::<u8>).expect("legal");
    session.insert_bytes("raw", &[0, 255, 10]).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(session.increment("hits", 3).await.expect("there"), 3);
    let token = crate::common::token(&session);

    let again = stage.open(&token).await;
    assert_eq!(again.get::<Cart>("cart").expect("reads"), Some(cart));
    assert_eq!(again.get_or("none", Some(7)).expect("reads"), None, "a stored None wins over the default");
    assert_eq!(again.get_bytes("raw").expect("reads").as_deref(), Some(&[0, 255, 10][..]));
    assert_eq!(again.counter("hits").expect("reads"), Some(3));
    assert_eq!(again.names(), ["cart", "hits", "none", "raw"]);
    assert_eq!(again.kind("raw"), Some(FieldKind::Bytes));
}

#[tokio::test]
async fn a_missing_field_is_none_a_default_or_an_error_by_accessor() {
    let stage = stage(|with| with).await;
    let session = stage.draft().await;
    assert_eq!(session.get::<i32>("x").expect("reads"), None);
    assert_eq!(session.get_or("x", 5).expect("reads"), 5);
    assert!(matches!(session.require::<i32>("x"), Err(Error::Missing { field }) if field == "x"));
    assert!(!session.contains("x") && !session.remove("x").expect("a draft"));
    assert_eq!(session.pop::<i32>("x").expect("reads"), None);
    assert!(!session.is_dirty());
}

#[tokio::test]
async fn only_a_change_that_happened_is_dirty() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    session.insert("a", &1).expect("legal");
    session.get_or_insert("a", 9).expect("reads");
    session.update("a", |_: &mut i32| {}).expect("reads");
    assert!(!session.is_dirty());
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Unchanged);
    session.insert("a", &2).expect("legal");
    assert!(session.is_dirty());
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Saved);
    assert!(!session.is_dirty());
}

#[tokio::test]
async fn pop_update_get_or_insert_and_clear_are_stored() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    assert_eq!(session.get_or_insert_with("b", || 2).expect("reads"), 2);
    assert_eq!(session.update("b", |b: &mut i32| *b += 40).expect("reads"), 42);
    assert_eq!(session.pop::<i32>("a").expect("reads"), Some(1));
    session.save().await.expect("there").into_result().expect("saved");
    let again = stage.open(&token).await;
    assert_eq!(again.values::<i32>().expect("all numbers"), [("b".to_owned(), 42)]);
    again.clear().expect("live");
    again.save().await.expect("there").into_result().expect("saved");
    assert!(stage.open(&token).await.names().is_empty());
}

#[tokio::test]
async fn clear_also_removes_what_another_request_wrote() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    two.insert("unseen", &1).expect("legal");
    two.save().await.expect("there").into_result().expect("saved");
    one.clear().expect("live");
    one.insert("b", &2).expect("legal");
    one.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&token).await.names(), ["b"]);
}

#[tokio::test]
async fn clear_of_a_session_loaded_empty_removes_later_fields() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.set_dirty(true);
    draft.save().await.expect("there").into_result().expect("saved");
    let token = crate::common::token(&draft);
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    two.insert("unseen", &1).expect("legal");
    two.save().await.expect("there").into_result().expect("saved");
    one.clear().expect("live");
    one.save().await.expect("there").into_result().expect("saved");
    assert!(stage.open(&token).await.names().is_empty());
}

#[tokio::test]
async fn a_decoding_error_does_not_show_the_value() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("name", "Lovelace").expect("legal");
    let error = draft.get::<u8>("name").expect_err("it is text");
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert!(!format!("{error} {error:?} {source:?}").contains("Lovelace"));
    draft.remove("name").expect("a draft");
}

#[tokio::test]
async fn the_accessor_of_another_kind_returns_wrong_kind() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.guest().await;
    session.insert_bytes("raw", b"1").expect("legal");
    assert!(matches!(session.get::<i32>("raw"), Err(Error::WrongKind { found: FieldKind::Bytes, .. })));
    assert!(matches!(session.get_bytes("a"), Err(Error::WrongKind { found: FieldKind::Value, .. })));
    assert!(matches!(session.counter("a"), Err(Error::WrongKind { found: FieldKind::Value, .. })));
    let _ = session.save().await.expect("there");
}

#[tokio::test]
async fn an_unreadable_field_leaves_the_session_usable() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    assert!(matches!(session.get::<Cart>("a"), Err(Error::Decode { field, .. }) if field == "a"));
    assert!(matches!(session.pop::<Cart>("a"), Err(Error::Decode { .. })));
    assert!(session.contains("a"), "a pop that fails removes nothing");
    session.insert("b", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
}

#[tokio::test]
async fn set_dirty_saves_an_empty_draft_and_can_be_undone() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.set_dirty(true);
    draft.set_dirty(false);
    assert_eq!(draft.save().await.expect("there"), SaveOutcome::Unchanged);
    draft.set_dirty(true);
    assert_eq!(draft.save().await.expect("there"), SaveOutcome::Saved);
    assert!(draft.id().is_some());
}
