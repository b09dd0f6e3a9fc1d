use super::*;

#[tokio::test]
async fn a_save_writes_what_changed_and_nothing_else() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1", "b=2", "c=3"]).await;
    assert_eq!(bench.save(&saving(id, &["b=9", "c", "d=4", "x"])).await, Ok(2));
    let record = bench.live(id).await;
    assert_eq!(names(&record), ["a", "b", "d"]);
    assert_eq!(stored_at(&record, 1), encode_bytes(b"9"));
    assert_eq!(record.meta.version, 2);
}

#[tokio::test]
async fn two_saves_of_different_fields_both_count() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let (one, other) = (saving(id, &["a=1"]), saving(id, &["b=2"]));
    let (one, other) = tokio::join!(bench.save(&one), bench.save(&other));
    assert_eq!(one.unwrap() + other.unwrap(), 5);
    assert_eq!(names(&bench.live(id).await), ["a", "b"]);
}

#[tokio::test]
async fn clearing_removes_unseen_fields_and_keeps_the_session() {
    let bench = open();
    let (id, before) = bench.guest(&["a=1"]).await;
    bench.save(&saving(id, &["unseen=1"])).await.unwrap();
    let expiry = bench.expiry(&bench.store.keys.session(id));
    let save = Save { delta: cleared(&["b=2"]).into(), ..saving(id, &[]) };
    assert_eq!(bench.save(&save).await, Ok(3));
    assert_eq!(names(&bench.live(id).await), ["b"]);
    assert_eq!(bench.save(&Save { delta: cleared(&[]).into(), ..saving(id, &[]) }).await, Ok(4));
    let record = bench.live(id).await;
    assert_eq!((names(&record), record.meta.secret), (vec![], before.meta.secret));
    assert_eq!(bench.expiry(&bench.store.keys.session(id)), expiry);
}

#[tokio::test]
async fn an_empty_save_keeps_the_version() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    assert_eq!(bench.save(&saving(id, &[])).await, Ok(1));
}

#[tokio::test]
async fn a_repeated_save_gets_the_first_reply_and_overwrites_nothing_newer() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let (op, save) = (bench.op(), saving(id, &["a=1"]));
    assert_eq!(bench.save_as(op, &save).await, Ok(2));
    bench.save(&saving(id, &["a=2"])).await.unwrap();
    assert_eq!(bench.save_as(op, &save).await, Ok(2));
    let record = bench.live(id).await;
    assert_eq!((record.meta.version, stored_at(&record, 0)), (3, encode_bytes(b"2")));
    bench.end(id).await;
    assert_eq!(bench.save_as(op, &save).await, Ok(2), "the tombstone remembers");
    assert_eq!(bench.save(&save).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
}

#[tokio::test]
async fn a_refused_save_stays_refused_at_a_second_delivery() {
    let bench = open_with(Limits::default().fields(1));
    let (id, _) = bench.guest(&["a=1"]).await;
    let (op, save) = (bench.op(), saving(id, &["b=2"]));
    assert_eq!(bench.save_as(op, &save).await, Err(Refused::TooManyFields));
    bench.save(&saving(id, &["a"])).await.unwrap();
    assert_eq!(bench.save_as(op, &save).await, Err(Refused::TooManyFields));
    assert_eq!(names(&bench.live(id).await), [""; 0]);
}

#[tokio::test]
async fn refusals_come_in_order_and_write_nothing() {
    let bench = open_with(Limits::default().fields(2).session_bytes(12));
    let (id, _) = bench.guest(&["a=1", "b=2"]).await;
    let too_many = saving(id, &["c=12345678901234567890"]);
    let wrong = Save { generation: 2, version: Some(9), ..too_many.clone() };
    let stale = Save { version: Some(9), ..too_many.clone() };
    let large = saving(id, &["b=1234567890"]);
    for (save, refused) in [
        (&Save { id: guest().id, ..wrong.clone() }, Refused::Gone(None)),
        (&wrong, Refused::Conflict),
        (&stale, Refused::Conflict),
        (&too_many, Refused::TooManyFields),
        (&large, Refused::TooManyBytes),
    ] {
        assert_eq!(bench.save(save).await, Err(refused));
    }
    assert_eq!(bench.live(id).await.meta.version, 1);
    let exact = Save { version: Some(1), ..saving(id, &["b=1234567"]) };
    assert_eq!(bench.save(&exact).await, Ok(2), "exactly the limit");
    assert_eq!(bench.save(&saving(id, &["a", "b=12345678", "c"])).await, Ok(3), "the size is kept right");
}

#[tokio::test]
async fn a_save_on_an_absent_session_creates_nothing() {
    let bench = open();
    let id = guest().id;
    assert_eq!(bench.save(&saving(id, &["a=1"])).await, Err(Refused::Gone(None)));
    assert_eq!(bench.load(id).await, Loaded::Absent);
}

#[tokio::test]
async fn a_session_above_a_lowered_limit_may_shrink_and_not_grow() {
    let mut bench = open();
    let (id, _) = bench.guest(&["a=1", "b=2", "c=3"]).await;
    bench.store.settings.limits = Limits::new().fields(1).session_bytes(5);
    assert_eq!(bench.save(&saving(id, &["d=4"])).await, Err(Refused::TooManyFields));
    assert_eq!(bench.save(&saving(id, &["a=22"])).await, Err(Refused::TooManyBytes));
    assert_eq!(bench.save(&saving(id, &["c"])).await, Ok(2));
    assert_eq!(bench.save(&saving(id, &["a=9"])).await, Ok(3));
    assert_eq!(names(&bench.live(id).await), ["a", "b"]);
}
