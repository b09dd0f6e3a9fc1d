//! Limits: a clear error, and nothing is stored.

use cloakroom::{Error, LimitExceeded, Limits};

use super::stage;

#[tokio::test]
async fn invalid_names_and_large_fields_are_rejected_before_a_store_call() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    for name in ["", "a b", "@", "é", &"x".repeat(65)] {
        assert!(matches!(draft.insert(name, &1), Err(Error::Limit(LimitExceeded::FieldName))));
    }
    let large = draft.insert_bytes("big", &vec![0; 64 * 1024]);
    assert!(matches!(large, Err(Error::Limit(LimitExceeded::FieldBytes { most: 65_536, .. }))), "{large:?}");
    draft.insert_bytes("big", &vec![0; 64 * 1024 - 1]).expect("one byte tells the kind");
    draft.remove("big").expect("a draft");
    assert!(!draft.is_dirty());
}

#[tokio::test]
async fn a_request_cannot_exceed_the_number_of_fields_or_the_size() {
    let stage = stage(|with| with.limits(Limits::new().fields(3).session_bytes(100))).await;
    let draft = stage.draft().await;
    for name in ["a", "b", "c"] {
        draft.insert(name, &1).expect("three fields are fine");
    }
    assert!(matches!(draft.insert("d", &1), Err(Error::Limit(LimitExceeded::Fields { most: 3 }))));
    assert!(matches!(draft.insert_bytes("c", &[0; 100]), Err(Error::Limit(LimitExceeded::SessionBytes { most: 100 }))));
    draft.save().await.expect("there").into_result().expect("saved");
    assert_eq!(draft.names(), ["a", "b", "c"]);
}

#[tokio::test]
async fn two_requests_together_cannot_exceed_the_limits() {
    let stage = stage(|with| with.limits(Limits::new().fields(3).session_bytes(100))).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    one.insert("b", &1).expect("legal");
    one.insert("c", &1).expect("legal");
    two.insert("d", &1).expect("legal as far as it knows");
    one.save().await.expect("there").into_result().expect("saved");
    assert!(matches!(two.save().await, Err(Error::Limit(LimitExceeded::Fields { .. }))));
    assert!(matches!(two.increment("n", 1).await, Err(Error::Limit(LimitExceeded::Fields { .. }))));
    assert_eq!(stage.open(&token).await.names(), ["a", "b", "c"]);

    let three = stage.open(&token).await;
    three.insert_bytes("b", &[0; 60]).expect("legal");
    three.save().await.expect("there").into_result().expect("saved");
    let four = one;
    four.insert_bytes("c", &[0; 60]).expect("legal as far as it knows");
    assert!(matches!(four.save().await, Err(Error::Limit(LimitExceeded::SessionBytes { .. }))));
    assert_eq!(stage.open(&token).await.get_bytes("b").expect("bytes").map(|bytes| bytes.len()), Some(60));
}

#[tokio::test]
async fn room_that_is_made_in_the_same_save_counts() {
    let stage = stage(|with| with.limits(Limits::new().fields(2).session_bytes(100))).await;
    let session = stage.draft().await;
    session.insert_bytes("a", &[0; 60]).expect("legal");
    session.insert("b", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    session.remove("a").expect("live");
    session.insert_bytes("c", &[0; 80]).expect("there is room now");
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&crate::common::token(&session)).await.names(), ["b", "c"]);
}
