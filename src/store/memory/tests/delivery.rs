use super::*;

async fn take_back(bench: &Bench, id: SessionId, number: u8) -> Result<bool, Refused> {
    let undelivered = Undelivered { id, user: None, secret: secret(number), uses: 0 };
    bench.store.end_undelivered(OP, &undelivered).await.expect("no outage")
}

async fn rotate(bench: &Bench, id: SessionId) {
    let [presented, current, new] = [secret(1), secret(1), secret(2)];
    let rotate = Rotate {
        id,
        generation: 1,
        presented,
        current,
        loaded: bench.store.now(),
        new,
        csrf: crate::identity::csrf::CsrfDigest([0; 16]),
    };
    bench.rotate(&rotate).await.expect("live");
}

#[tokio::test]
async fn a_session_ends_if_its_only_secret_was_not_delivered() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    assert_eq!(take_back(&bench, id, 2).await, Ok(false), "another's secret");
    assert_eq!(take_back(&bench, id, 1).await, Ok(true));
    assert_eq!(bench.reason(id).await, Some(EndReason::Undelivered));
    assert_eq!(bench.listed("ada").await, []);
    assert_eq!(take_back(&bench, id, 1).await, Err(Refused::Gone(Some(EndReason::Undelivered))));
}

#[tokio::test]
async fn only_the_undelivered_one_of_two_secrets_is_removed() {
    let bench = open();
    for (undelivered, stays) in [(1, 2), (2, 1)] {
        let (id, _) = bench.login("ada").await;
        rotate(&bench, id).await;
        assert_eq!(take_back(&bench, id, undelivered).await, Ok(false));
        let meta = bench.live(id).await.meta;
        assert_eq!((meta.secret, meta.rotation), (secret(stays), None));
        assert_eq!(take_back(&bench, id, stays).await, Ok(true), "nor was the other one");
    }
}

#[tokio::test]
async fn a_session_lives_on_if_its_newest_secret_was_used() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    rotate(&bench, id).await;
    let touch = Touch { id, seen: record.meta.touched, first_use: Some(secret(2)), user: Some("ada".into()) };
    bench.touch(&touch).await.expect("live");
    for number in [1, 2] {
        assert_eq!(take_back(&bench, id, number).await, Ok(false));
    }
    let rotation = bench.live(id).await.meta.rotation;
    assert_eq!(rotation.map(|rotation| rotation.previous), Some(secret(1)), "it is as it was");
}

#[tokio::test]
async fn an_undelivered_session_that_was_used_since_lives_on() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    bench.advance(2 * MINUTE);
    let touch = Touch { id, seen: record.meta.touched, first_use: None, user: Some("ada".into()) };
    assert_eq!(bench.touch(&touch).await.expect("live").uses, 1);
    assert_eq!(take_back(&bench, id, 1).await, Ok(false));
    let later = Undelivered { id, user: None, secret: secret(1), uses: 1 };
    assert_eq!(
        bench.store.end_undelivered(OP, &later).await.expect("no outage"),
        Ok(true),
        "it got the secret after that"
    );
}

#[tokio::test]
async fn a_used_secret_is_kept_even_if_its_caller_knew_of_the_use() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    rotate(&bench, id).await;
    let touch = Touch { id, seen: record.meta.touched, first_use: Some(secret(2)), user: Some("ada".into()) };
    let uses = bench.touch(&touch).await.expect("live").uses;
    let before = bench.live(id).await;
    for number in [1, 2] {
        let known = Undelivered { id, user: None, secret: secret(number), uses };
        assert_eq!(bench.store.end_undelivered(OP, &known).await.expect("no outage"), Ok(false));
    }
    assert_eq!(bench.live(id).await, before);
}
