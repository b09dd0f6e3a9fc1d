use super::*;

#[tokio::test]
async fn a_touch_before_it_is_due_changes_nothing() {
    let bench = open();
    let (id, before) = bench.guest(&[]).await;
    bench.advance(30_000);
    let seen = bench.live(id).await.meta;
    assert_eq!(bench.touch(id, seen.touched, None).await, Ok(seen.clone()));
    assert_eq!(bench.live(id).await.meta, seen);
    assert_eq!(before.meta.touched, seen.touched + 30_000);
}

#[tokio::test]
async fn a_touch_that_is_due_moves_the_deadline_and_not_the_index() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(61_000);
    let seen = bench.live(id).await.meta;
    let score = bench.scored(id);
    let after = bench.touch(id, seen.touched, None).await.unwrap();
    assert!(after.touched >= seen.touched + 61_000);
    assert_eq!(bench.expiry(&bench.store.keys.session(id)) as u64, after.deadline());
    assert_eq!(bench.live(id).await.meta, after);
    assert_eq!(bench.scored(id), score, "scores lag");
}

#[tokio::test]
async fn a_touch_with_an_outdated_last_use_is_noted_when_due() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(61_000);
    let seen = bench.live(id).await.meta.touched;
    let after = bench.touch(id, seen - 1_000, None).await.unwrap();
    assert!(after.touched >= seen + 61_000);
}

#[tokio::test]
async fn a_late_repeat_lengthens_nothing() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(61_000);
    let touch = Touch { id, seen: bench.live(id).await.meta.touched, first_use: None, user: None };
    let op = bench.op();
    let first = bench.store.touch(op, &touch).await.unwrap();
    same(&first, &bench.store.touch(op, &touch).await.unwrap());
    assert_eq!(bench.live(id).await.meta, first.unwrap().0);
}

#[tokio::test]
async fn a_touch_never_outlives_the_absolute_deadline() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    for _ in 0..8 {
        bench.advance(29 * MINUTE);
        let seen = bench.live(id).await.meta;
        let after = bench.touch(id, seen.touched, None).await.unwrap();
        let expiry = bench.expiry(&bench.store.keys.session(id)) as u64;
        assert_eq!(expiry, (after.touched + LIFE).min(after.since + SPANS.absolute_ms));
    }
    bench.advance(9 * MINUTE);
    assert_eq!(bench.load(id).await, Loaded::Absent);
}

#[tokio::test]
async fn a_touch_revives_no_absent_ended_or_expired_session() {
    let bench = open();
    assert_eq!(bench.touch(guest().id, 0, None).await, Err(Refused::Gone(None)));
    let (id, record) = bench.guest(&[]).await;
    bench.end(id).await;
    let remembered = bench.expiry(&bench.store.keys.session(id));

    assert_eq!(bench.touch(id, record.meta.touched, None).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_eq!(bench.expiry(&bench.store.keys.session(id)), remembered);
    let new = needs_pttl();
    bench.create(&new, &[]).await;
    bench.advance(LIFE + 1);
    assert_eq!(bench.reason(new.id).await, Some(EndReason::Expired));
    assert_eq!(bench.touch(new.id, 0, None).await, Err(Refused::Gone(Some(EndReason::Expired))));
}

#[tokio::test]
async fn the_first_use_of_a_new_secret_is_noted_once_and_only_if_current() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    let seen = bench.live(id).await.meta.touched;
    let used = |number: u8| Touch { id, seen, first_use: Some(secret(number)), user: None };
    let (meta, _) = bench.store.touch(bench.op(), &used(1)).await.unwrap().unwrap();
    assert_eq!(meta.rotation.unwrap().used, None);
    let (meta, _) = bench.store.touch(bench.op(), &used(2)).await.unwrap().unwrap();
    let first = meta.rotation.clone().unwrap().used;
    assert!(first.is_some_and(|used| used == meta.touched));
    bench.advance(1_000);
    let (later, _) =
        bench.store.touch(bench.op(), &Touch { seen: meta.touched - 1_000, ..used(2) }).await.unwrap().unwrap();
    assert_eq!(later.rotation.unwrap().used, first.map(|used| used - 1_000));
}

#[tokio::test]
async fn the_users_index_never_expires_before_a_session_that_is_touched_on() {
    let bench = open();
    let mut login = login_of("ada", Cap::default());
    login.new.lifetimes.absolute_ms = crate::config::timeouts::NO_END_MS;
    bench.try_login(&login).await.unwrap();
    let (id, index) = (login.new.id, bench.store.keys.index(&UserHash::of("ada")));
    let mut raises = 0;
    for _ in 0..10 {
        bench.advance(20 * MINUTE);
        let before = bench.expiry(&index);
        let seen = bench.live(id).await.meta.touched;
        let meta = bench.touch(id, seen, Some("ada")).await.unwrap();
        assert!(bench.expiry(&index) as u64 >= meta.deadline());
        assert!(meta.index_until >= meta.deadline());
        raises += u32::from(bench.expiry(&index) > before);
    }
    assert!((2..=6).contains(&raises), "{raises} raises: only now and then");
}

#[tokio::test]
async fn a_touch_covers_the_users_index_even_if_it_expected_a_guest() {
    let bench = open();
    let mut login = login_of("ada", Cap::default());
    login.new.lifetimes.absolute_ms = crate::config::timeouts::NO_END_MS;
    bench.try_login(&login).await.unwrap();
    for _ in 0..3 {
        bench.advance(30 * MINUTE);
        let seen = bench.live(login.new.id).await.meta.touched;
        let meta = bench.touch(login.new.id, seen, None).await.unwrap();
        assert!(bench.expiry(&bench.store.keys.index(&UserHash::of("ada"))) as u64 >= meta.deadline());
    }
    let lifetimes = Lifetimes { idle_ms: 9 * HOUR, ..login.new.lifetimes };
    let retime = Retime { id: login.new.id, generation: 1, lifetimes, user: None };
    let (meta, _) = bench.store.retime(bench.op(), &retime).await.unwrap().unwrap();
    assert!(bench.expiry(&bench.store.keys.index(&UserHash::of("ada"))) as u64 >= meta.deadline());
}

#[tokio::test]
async fn a_repeated_touch_lengthens_nothing_when_the_next_one_is_due() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(61_000);
    let (op, key) = (bench.op(), bench.store.keys.session(id));
    let seen = bench.live(id).await.meta.touched.to_string();
    let touch =
        async || bench.deliver(&scripts::TOUCH, op, &[key.clone(), key.clone()], &[seen.as_bytes(), b""]).await.code;
    assert_eq!(touch().await, reply::Code::Ok);
    bench.advance(MINUTE / 2);
    assert_eq!(touch().await, reply::Code::Ok, "not due yet");
    bench.advance(MINUTE);
    let before = (bench.live(id).await, bench.expiry(&key));
    assert_eq!(touch().await, reply::Code::SeenAnother);
    assert_eq!((bench.live(id).await, bench.expiry(&key)), before);
}

#[tokio::test]
async fn a_first_use_after_the_clock_was_set_back_shortens_nothing() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    bench.set_back(MINUTE);
    let before = bench.live(id).await.meta;
    let touch = Touch { id, seen: before.touched, first_use: Some(secret(2)), user: None };
    let (after, _) = bench.store.touch(bench.op(), &touch).await.unwrap().unwrap();
    assert!(after.rotation.as_ref().unwrap().used.is_some());
    assert_eq!((after.touched, after.deadline()), (before.touched, before.deadline()));
}
