//! Discarding changes.

use cloakroom::SaveOutcome;

use super::stage;
use crate::common::token;

#[tokio::test]
async fn discarded_changes_are_read_as_stored_and_never_saved() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let session = stage.open(&token).await;
    session.insert("a", &2).expect("legal");
    session.insert("b", &1).expect("legal");
    session.discard();
    assert_eq!((session.names(), session.require::<i32>("a").expect("stored")), (vec!["a".to_owned()], 1));
    session.clear().expect("live");
    session.set_dirty(true);
    session.discard();
    assert!(!session.is_dirty() && session.contains("a"));
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Unchanged);
    assert_eq!(stage.open(&token).await.names(), ["a"]);
}

#[tokio::test]
async fn saved_and_counted_changes_survive_a_discard() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    session.insert("b", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    session.increment("n", 3).await.expect("there");
    session.insert("b", &2).expect("legal");
    session.discard();
    assert_eq!((session.require::<i32>("b").expect("stored"), session.counter("n").expect("a counter")), (1, Some(3)));
    session.insert("c", &1).expect("legal");
    assert_eq!(session.save_if_unchanged().await.expect("there"), SaveOutcome::Saved);
    assert_eq!(stage.open(&token).await.names(), ["a", "b", "c", "n"]);
}

#[tokio::test]
async fn after_a_discard_a_conflict_blocks_nothing() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (session, other) = (stage.open(&token).await, stage.open(&token).await);
    other.increment("n", 1).await.expect("there");
    session.insert("n", &7).expect("legal");
    assert_eq!(session.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
    session.discard();
    assert_eq!(session.increment("n", 1).await.expect("no change is in its way"), 2);
    session.insert("a", &5).expect("legal");
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Saved);
    assert_eq!(stage.open(&token).await.require::<i32>("a").expect("stored"), 5);
}

#[tokio::test]
async fn a_discarded_draft_is_empty_and_stores_nothing() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("a", &1).expect("legal");
    draft.set_dirty(true);
    draft.discard();
    assert_eq!(draft.save().await.expect("nothing to do"), SaveOutcome::Unchanged);
    assert!(draft.id().is_none() && draft.names().is_empty());
    draft.insert("b", &1).expect("legal");
    draft.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&token(&draft)).await.names(), ["b"]);
}
