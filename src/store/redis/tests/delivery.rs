//! Secrets that no client received.

use super::*;

async fn take_back(bench: &Bench, id: SessionId, user: Option<&str>, number: u8) -> Result<bool, Refused> {
    take_back_as(bench, bench.op(), id, user, number).await
}

async fn take_back_as(bench: &Bench, op: Op, id: SessionId, user: Option<&str>, number: u8) -> Result<bool, Refused> {
    let undelivered = Undelivered { id, user: user.map(str::to_owned), secret: secret(number), uses: 0 };
    bench.store.end_undelivered(op, &undelivered).await.unwrap()
}

#[tokio::test]
async fn a_session_ends_if_its_only_secret_was_not_delivered() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    let op = bench.op();
    assert_eq!(take_back_as(&bench, op, id, Some("ada"), 1).await, Ok(true));
    assert_eq!(take_back_as(&bench, op, id, Some("ada"), 1).await, Ok(true), "a repeat");
    assert_eq!((bench.reason(id).await, bench.scored(id)), (Some(EndReason::Undelivered), None));
    assert_eq!(bench.indexed("ada"), 0);
    let again = take_back(&bench, id, Some("ada"), 1).await;
    assert_eq!(again, Err(Refused::Gone(Some(EndReason::Undelivered))));
    let (id, _) = bench.guest(&["a=1"]).await;
    assert_eq!(take_back(&bench, id, None, 1).await, Ok(true));
    assert_eq!(bench.scored(id), None);
    assert_eq!(take_back(&bench, guest().id, None, 1).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn only_the_undelivered_one_of_two_secrets_is_removed() {
    let bench = open();
    for (undelivered, stays) in [(1, 2), (2, 1)] {
        let (id, record) = bench.login("ada").await;
        bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
        let op = bench.op();
        assert_eq!(take_back_as(&bench, op, id, Some("ada"), undelivered).await, Ok(false));
        assert_eq!(take_back_as(&bench, op, id, Some("ada"), undelivered).await, Ok(false), "a repeat");
        let Record { meta, fields, .. } = bench.live(id).await;
        assert_eq!((meta.secret, meta.rotation), (secret(stays), None));
        assert_eq!((meta.version, meta.touched, fields), (record.meta.version, record.meta.touched, record.fields));
        assert_eq!(take_back(&bench, id, Some("ada"), stays).await, Ok(true), "nor was the other one");
    }
}

#[tokio::test]
async fn a_session_lives_on_if_its_newest_secret_was_used() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    let etag = bench.live(id).await.etag;
    assert_eq!(take_back(&bench, id, Some("ada"), 3).await, Ok(false));
    assert_eq!(bench.live(id).await.etag, etag, "nothing was written");
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    let touch = Touch { id, seen: record.meta.touched, first_use: Some(secret(2)), user: Some("ada".into()) };
    bench.store.touch(bench.op(), &touch).await.unwrap().unwrap();
    let before = bench.live(id).await;
    for number in [1, 2] {
        assert_eq!(take_back(&bench, id, Some("ada"), number).await, Ok(false));
    }
    assert_eq!(bench.live(id).await, before);
}

#[tokio::test]
async fn an_undelivered_session_that_was_used_since_lives_on() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    bench.advance(2 * MINUTE);
    let touched = bench.touch(id, bench.live(id).await.meta.touched, Some("ada")).await.unwrap();
    assert_eq!((touched.uses, take_back(&bench, id, Some("ada"), 1).await), (1, Ok(false)));
    let later = Undelivered { id, user: Some("ada".into()), secret: secret(1), uses: 1 };
    assert_eq!(
        bench.store.end_undelivered(bench.op(), &later).await.unwrap(),
        Ok(true),
        "it got the secret after that"
    );
}

#[tokio::test]
async fn a_used_secret_is_kept_even_if_its_caller_knew_of_the_use() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    let touch = Touch { id, seen: record.meta.touched, first_use: Some(secret(2)), user: Some("ada".into()) };
    let uses = bench.store.touch(bench.op(), &touch).await.unwrap().unwrap().0.uses;
    let before = bench.live(id).await;
    for number in [1, 2] {
        let known = Undelivered { id, user: Some("ada".into()), secret: secret(number), uses };
        assert_eq!(bench.store.end_undelivered(bench.op(), &known).await.unwrap(), Ok(false));
    }
    assert_eq!(bench.live(id).await, before);
}
