//! Create, save, increment, end with a successor.

use super::*;

fn save(id: SessionId, changes: &[&str]) -> Save {
    Save { id, generation: 1, version: None, delta: delta(changes).into(), snapshot: None }
}

#[tokio::test]
async fn a_new_session_has_generation_and_version_1_and_sorted_fields() {
    let bench = open();
    let delta = Delta { clear: true, ..delta(&["a=1", "b=2", "c"]) };
    let new = guest();
    let record = bench.store.create(OP, &new, &delta).await.expect("no outage").expect("created");
    assert_eq!((record.meta.generation, record.meta.version, record.meta.index_until), (1, 1, 0));
    assert_eq!(
        (record.meta.created, record.meta.since, record.meta.touched),
        (bench.store.now(), bench.store.now(), bench.store.now())
    );
    assert_eq!(names(&record), ["a", "b"]);
    assert_eq!(bench.live(new.id).await, record);
}

#[tokio::test]
async fn a_live_id_is_taken() {
    let bench = open();
    let new = guest();
    bench.create(&new, &["a=1"]).await;
    let answer = bench.store.create(OP, &new, &delta(&["b=1"])).await.expect("no outage");
    assert_eq!(answer, Err(Refused::Exists));
    assert_eq!(names(&bench.live(new.id).await), ["a"]);
}

#[tokio::test]
async fn a_save_changes_only_what_it_names() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1", "b=2", "c=3"]).await;
    assert_eq!(bench.save(&save(id, &["a=9", "c", "d=4", "e"])).await, Ok(2));
    let record = bench.live(id).await;
    assert_eq!(names(&record), ["a", "b", "d"]);
    assert_eq!(stored_at(&record, 0), encode_bytes(b"9"));
}

#[tokio::test]
async fn a_save_that_clears_also_removes_what_others_wrote() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1", "b=2"]).await;
    let clear = Delta { clear: true, ..delta(&["z=1"]) };
    assert_eq!(bench.save(&Save { delta: clear.into(), ..save(id, &[]) }).await, Ok(2));
    assert_eq!(names(&bench.live(id).await), ["z"]);
}

#[tokio::test]
async fn an_empty_save_keeps_the_version_and_is_not_a_use() {
    let bench = open();
    let (id, record) = bench.guest(&["a=1"]).await;
    bench.advance(5 * MINUTE);
    assert_eq!(bench.save(&save(id, &[])).await, Ok(1));
    assert_eq!(bench.save(&save(id, &["a=1"])).await, Ok(2));
    assert_eq!(bench.live(id).await.meta.touched, record.meta.touched);
}

#[tokio::test]
async fn another_generation_or_a_stale_version_is_a_conflict() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    assert_eq!(bench.save(&Save { generation: 2, ..save(id, &["a=1"]) }).await, Err(Refused::Conflict));
    assert_eq!(bench.save(&Save { version: Some(1), ..save(id, &["a=1"]) }).await, Ok(2));
    assert_eq!(bench.save(&Save { version: Some(1), ..save(id, &["a=2"]) }).await, Err(Refused::Conflict));
    assert_eq!(stored_at(&bench.live(id).await, 0), encode_bytes(b"1"));
}

#[tokio::test]
async fn limits_count_all_fields_and_names_and_nothing_is_stored_above_them() {
    let bench = open_with(Limits::new().fields(2).session_bytes(8));
    let (id, _) = bench.guest(&["a=1", "b=1"]).await;
    assert_eq!(bench.save(&save(id, &["c=1"])).await, Err(Refused::TooManyFields));
    assert_eq!(bench.save(&save(id, &["b", "c=1234"])).await, Err(Refused::TooManyBytes));
    assert_eq!(bench.save(&save(id, &["b", "c=123"])).await, Ok(2), "3 bytes and 5");
    let three = bench.store.create(OP, &guest(), &delta(&["a=1", "b=1", "c=123456789"])).await;
    assert_eq!(three.expect("no outage"), Err(Refused::TooManyFields), "counted before the bytes");
}

#[tokio::test]
async fn a_counter_starts_at_zero_and_keeps_all_64_bits() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let increment = |by| Increment { id, generation: 1, field: "hits".into(), by, snapshot: None };
    let add = async |by| {
        let answer = bench.store.increment(OP, &increment(by)).await.expect("no outage");
        answer.map(|(value, wrote)| (value, wrote.version))
    };
    assert_eq!(add(-2).await, Ok((-2, 2)));
    assert_eq!(add(i64::MAX).await, Ok((i64::MAX - 2, 3)));
    assert_eq!(add(3).await, Err(Refused::Overflow));
    assert_eq!(add(0).await, Ok((i64::MAX - 2, 4)));
    assert_eq!(bench.live(id).await.fields, [("hits", encode_counter(i64::MAX - 2))].into_iter().collect());
}

#[tokio::test]
async fn a_field_that_is_not_a_counter_is_not_incremented() {
    let bench = open_with(Limits::new().fields(1));
    let (id, _) = bench.guest(&["hat=7"]).await;
    let increment = |field: &str, generation| Increment { id, generation, field: field.into(), by: 1, snapshot: None };
    let add =
        async |field, generation| bench.store.increment(OP, &increment(field, generation)).await.expect("no outage");
    assert_eq!(add("hat", 1).await, Err(Refused::WrongKind));
    assert_eq!(add("hat", 2).await, Err(Refused::Conflict), "comes first");
    assert_eq!(add("hits", 1).await, Err(Refused::TooManyFields));
}

#[tokio::test]
async fn an_end_leaves_a_tombstone_and_refuses_a_stale_generation() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    let stale = End {
        old: Old { generation: 2, ..old(&record, id) },
        reason: EndReason::LoggedOut,
        successor: None,
        delta: Delta::default(),
    };
    assert_eq!(bench.store.end(OP, &stale).await.expect("no outage"), Err(Refused::Conflict));
    assert!(bench.is_live(id).await);
    bench.end(id, EndReason::LoggedOut).await.expect("live");
    let tombstone =
        Tombstone { reason: EndReason::LoggedOut, secret: secret(1), previous: None, successor: None, door: false };
    assert_eq!(bench.load(id).await, Loaded::Ended(tombstone));
}

#[tokio::test]
async fn a_successor_gets_the_kept_fields_as_the_delta_leaves_them() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1", "draft=2", "lang=de"]).await;
    let next = guest();
    let keep = vec!["lang".into(), "cart".into(), "missing".into()];
    let end = End {
        old: old(&record, id),
        reason: EndReason::LoggedOut,
        successor: Some((next.clone(), keep)),
        delta: delta(&["cart", "lang=en", "other=x"]),
    };
    let follows = bench.store.end(OP, &end).await.expect("no outage").expect("live").expect("follows");
    assert_eq!(follows.fields, [("lang", encode_bytes(b"en"))].into_iter().collect());
    assert_eq!(bench.live(next.id).await, follows);
    assert_eq!(bench.reason(id).await, Some(EndReason::LoggedOut));
}

#[tokio::test]
async fn an_end_without_kept_fields_is_followed_by_no_session() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1"]).await;
    let next = guest();
    let end = End {
        old: old(&record, id),
        reason: EndReason::LoggedOut,
        successor: Some((next.clone(), vec!["lang".into()])),
        delta: Delta::default(),
    };
    assert_eq!(bench.store.end(OP, &end).await.expect("no outage"), Ok(None));
    assert_eq!(bench.load(next.id).await, Loaded::Absent);
}

#[tokio::test]
async fn a_successor_whose_id_is_taken_ends_nothing() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1"]).await;
    let taken = guest();
    bench.create(&taken, &[]).await;
    let end = End {
        old: old(&record, id),
        reason: EndReason::LoggedOut,
        successor: Some((taken, vec!["cart".into()])),
        delta: Delta::default(),
    };
    assert_eq!(bench.store.end(OP, &end).await.expect("no outage"), Err(Refused::Exists));
    assert!(bench.is_live(id).await);
}
