use super::*;

#[tokio::test]
async fn a_login_is_indexed_scored_and_loads_as_returned() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    assert_eq!(bench.live(id).await, record);
    assert_eq!(record.meta.user.as_deref(), Some("ada"));
    assert_eq!(bench.listed("ada").await, [id]);
    assert_eq!(bench.scored(id), Some(record.meta.deadline() as f64));
    let index = bench.expiry(&bench.store.keys.index(&UserHash::of("ada"))) as u64;
    assert_eq!((index, record.meta.index_until), (record.meta.since + SPANS.absolute_ms, index));
}

#[tokio::test]
async fn only_whitelisted_fields_are_carried_after_the_pending_changes() {
    let bench = open();
    let (old_id, before) = bench.guest(&["cart=1", "language=en", "secret=1", "gone=1"]).await;
    let mut login = NewLogin { old: Some(old(&before, old_id)), ..login_of("ada", Cap::default()) };
    login.keep = ["cart", "language", "gone", "added", "cart", "@"].map(str::to_owned).into();
    login.delta = delta(&["added=1", "gone", "language=de", "other=1"]);
    let record = bench.try_login(&login).await.unwrap();
    assert_eq!(names(&record), ["added", "cart", "language"]);
    assert_eq!(stored_at(&record, 2), encode_bytes(b"de"));
    assert_eq!((record.meta.secret, record.meta.user.as_deref()), (secret(1), Some("ada")));
    assert_eq!(bench.reason(old_id).await, Some(EndReason::LoggedIn));
    assert_eq!(bench.scored(old_id), None);
}

#[tokio::test]
async fn a_cleared_guest_carries_only_what_is_set_again() {
    let bench = open();
    let (old_id, before) = bench.guest(&["cart=1", "language=en"]).await;
    let mut login = NewLogin { old: Some(old(&before, old_id)), ..login_of("ada", Cap::default()) };
    login.keep = ["cart", "language"].map(str::to_owned).into();
    login.delta = cleared(&["language=de"]);
    assert_eq!(names(&bench.try_login(&login).await.unwrap()), ["language"]);
}

#[tokio::test]
async fn a_drafts_fields_are_carried_if_they_are_kept() {
    let bench = open();
    let mut login = login_of("ada", Cap::default());
    login.keep = vec!["cart".into()];
    login.delta = delta(&["cart=1", "other=1"]);
    assert_eq!(names(&bench.try_login(&login).await.unwrap()), ["cart"]);
}

#[tokio::test]
async fn a_repeated_login_is_the_same_login_and_ends_nothing_more() {
    let bench = open();
    let (old_id, before) = bench.guest(&["cart=1"]).await;
    let cap = Cap::evict(2);
    let earlier = bench.login_at("ada", cap).await.unwrap();
    let login = NewLogin { old: Some(old(&before, old_id)), keep: vec!["cart".into()], ..login_of("ada", cap) };
    let op = bench.op();
    let first = bench.store.login(op, &login).await.unwrap();
    same(&first, &bench.store.login(op, &login).await.unwrap());
    assert!(bench.is_live(earlier).await);
    assert_eq!(bench.indexed("ada"), 2);
    bench.end(login.new.id).await;
    let gone = Err(Refused::Gone(Some(EndReason::LoggedOut)));
    assert_eq!(bench.store.login(op, &login).await.unwrap(), gone, "it has ended since");
    assert_eq!(bench.indexed("ada"), 1);
}

#[tokio::test]
async fn a_users_session_ends_when_another_user_logs_in_over_it() {
    let bench = open();
    let (old_id, before) = bench.login("ada").await;
    let login = NewLogin { old: Some(old(&before, old_id)), ..login_of("bob", Cap::default()) };
    bench.try_login(&login).await.unwrap();
    assert_eq!(bench.reason(old_id).await, Some(EndReason::LoggedIn));
    assert_eq!((bench.indexed("ada"), bench.indexed("bob"), bench.scored(old_id)), (0, 1, None));
}

#[tokio::test]
async fn at_the_cap_the_earliest_logins_are_evicted() {
    let bench = open();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.login_at("ada", Cap::evict(5)).await.unwrap());
    }
    let last = bench.login_at("ada", Cap::evict(3)).await.unwrap();
    assert_eq!(bench.listed("ada").await, [ids[3], ids[4], last]);
    for evicted in &ids[..3] {
        assert_eq!(bench.reason(*evicted).await, Some(EndReason::Evicted));
        assert_eq!(bench.scored(*evicted), None);
    }
}

#[tokio::test]
async fn a_rejecting_cap_refuses_the_login_and_keeps_the_old_session() {
    let bench = open();
    let first = bench.login_at("ada", Cap::reject(1)).await.unwrap();
    let (old_id, before) = bench.guest(&["cart=1"]).await;
    let login = NewLogin { old: Some(old(&before, old_id)), ..login_of("ada", Cap::reject(1)) };
    let op = bench.op();
    assert_eq!(bench.store.login(op, &login).await.unwrap(), Err(Refused::AtCap));
    assert!(bench.is_live(first).await && bench.is_live(old_id).await);
    assert_eq!(bench.load(login.new.id).await, Loaded::Absent);
    bench.end(first).await;
    assert_eq!(bench.store.login(op, &login).await.unwrap(), Err(Refused::AtCap), "refused once, refused for good");
    bench.try_login(&NewLogin { new: of_user("ada"), ..login }).await.unwrap();
}

#[tokio::test]
async fn a_rejected_login_stays_rejected_at_a_second_delivery() {
    let bench = open();
    let first = bench.login_at("ada", Cap::reject(1)).await.unwrap();
    let (login, op) = (login_of("ada", Cap::reject(1)), bench.op());
    assert_eq!(bench.store.login(op, &login).await.unwrap(), Err(Refused::AtCap));
    bench.end(first).await;
    assert_eq!(bench.store.login(op, &login).await.unwrap(), Err(Refused::AtCap));
    assert_eq!(bench.load(login.new.id).await, Loaded::Absent, "there for repeats only");
    assert_eq!((bench.scored(login.new.id), bench.indexed("ada")), (None, 0));
    let left: u64 = bench.raw("PTTL", &bench.store.keys.session(login.new.id), &[]);
    assert!((110_000..=120_000).contains(&left), "{left}");
}

#[tokio::test]
async fn the_session_that_a_login_ends_does_not_count_at_the_cap() {
    let bench = open();
    let (old_id, before) = bench.login("ada").await;
    let login = NewLogin { old: Some(old(&before, old_id)), ..login_of("ada", Cap::reject(1)) };
    bench.try_login(&login).await.unwrap();
    assert_eq!(bench.listed("ada").await, [login.new.id]);
}

#[tokio::test]
async fn dead_members_do_not_count_and_are_removed_at_the_cap() {
    let bench = open();
    let mut short = login_of("ada", Cap::default());
    short.new.lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: HOUR, interval_ms: 100 };
    bench.try_login(&short).await.unwrap();
    let live = bench.login_at("ada", Cap::default()).await.unwrap();
    bench.advance(200_000);
    assert_eq!(bench.indexed("ada"), 2);
    let new = bench.login_at("ada", Cap::reject(2)).await.unwrap();
    assert_eq!(bench.indexed("ada"), 2, "before a list tidies it");
    assert_eq!(bench.listed("ada").await, [live, new]);
}

#[tokio::test]
async fn the_cap_holds_under_logins_at_once() {
    let bench = open();
    let logins: Vec<NewLogin> = (0..24).map(|_| login_of("ada", Cap::evict(4))).collect();
    let ids: Vec<SessionId> = logins.iter().map(|login| login.new.id).collect();
    let bench = Arc::new(bench);
    let tasks: Vec<_> = logins
        .into_iter()
        .map(|login| (bench.clone(), login))
        .map(|(bench, login)| tokio::spawn(async move { bench.try_login(&login).await.unwrap() }))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.push(task.await.unwrap().meta.since);
        assert!(bench.count(&ids) <= 4);
    }
    times.sort_unstable();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "login times are strictly increasing");
    assert_eq!(bench.count(&ids), 4);
    assert_eq!(bench.indexed("ada"), 4);
}

#[tokio::test]
async fn two_hundred_and_fifty_six_sessions_are_evicted_in_one_call() {
    let bench = open();
    let mut ids = Vec::new();
    for _ in 0..256 {
        ids.push(bench.login_at("ada", Cap::evict(256)).await.unwrap());
    }
    assert_eq!(bench.indexed("ada"), 256);
    bench.login_at("ada", Cap::evict(256)).await.unwrap();
    assert_eq!((bench.indexed("ada"), bench.reason(ids[0]).await), (256, Some(EndReason::Evicted)));
    let last = bench.login_at("ada", Cap::evict(1)).await.unwrap();
    assert_eq!(bench.listed("ada").await, [last]);
}

#[tokio::test]
async fn a_ticket_is_void_after_a_revocation_or_ten_minutes() {
    let bench = open();
    let with = |ticket| NewLogin {
        gate: Gate { cap: Cap::default(), ticket: Some(ticket) },
        ..login_of("ada", Cap::default())
    };
    let before = bench.store.ticket("ada").await.unwrap();
    bench.try_login(&with(before)).await.unwrap();
    bench.revoke("ada", Scope::All).await.unwrap();
    assert_eq!(bench.try_login(&with(before)).await, Err(Refused::TicketVoid));
    let after = bench.store.ticket("ada").await.unwrap();
    assert!(after.epoch.is_some());
    bench.try_login(&with(after)).await.unwrap();
    let old = Ticket { taken: after.taken - TICKET_LIFE_MS - 1_000, ..after };
    assert_eq!(bench.try_login(&with(old)).await, Err(Refused::TicketVoid));
}

#[tokio::test]
async fn refusals_come_in_order_and_change_nothing() {
    let bench = open_with(Limits::default().fields(1));
    let (old_id, before) = bench.guest(&["a=1"]).await;
    let (taken, _) = bench.guest(&[]).await;
    let void = Ticket { epoch: None, taken: 0 };
    let full = Cap::reject(1);
    bench.login_at("ada", full).await.unwrap();
    let mut login = NewLogin { old: Some(Old { generation: 9, ..old(&before, old_id) }), ..login_of("ada", full) };
    login.keep = ["a", "b"].map(str::to_owned).into();
    login.delta = delta(&["b=1"]);
    login.gate.ticket = Some(void);
    let id = login.new.id;
    login.new.id = taken;
    assert_eq!(bench.try_login(&login).await, Err(Refused::Exists));
    login.new.id = id;
    assert_eq!(bench.try_login(&login).await, Err(Refused::TicketVoid));
    login.gate.ticket = None;
    let absent = NewLogin { old: Some(Old { id: guest().id, ..login.old.clone().unwrap() }), ..login.clone() };
    assert_eq!(bench.try_login(&absent).await, Err(Refused::Gone(None)));
    assert_eq!(bench.try_login(&login).await, Err(Refused::Conflict));
    login.old = Some(old(&before, old_id));
    assert_eq!(bench.try_login(&login).await, Err(Refused::TooManyFields));
    login.keep.pop();
    assert_eq!(bench.try_login(&login).await, Err(Refused::AtCap));
    let after = Record { etag: before.etag.clone(), ..bench.live(old_id).await };
    assert_eq!(after, before, "but for the recorded refusals");
    assert_eq!(bench.indexed("ada"), 1);
}

#[tokio::test]
async fn a_shorter_login_does_not_lower_the_expiry_of_the_users_index() {
    let bench = open();
    let mut long = login_of("ada", Cap::default());
    long.new.lifetimes.absolute_ms = 48 * HOUR;
    bench.try_login(&long).await.unwrap();
    let index = bench.store.keys.index(&UserHash::of("ada"));
    let expiry = bench.expiry(&index);
    let (_, short) = bench.login("ada").await;
    assert_eq!(bench.expiry(&index), expiry);
    assert_eq!(short.meta.index_until as i64, expiry, "covered for as long as the index lasts");
}

#[tokio::test]
async fn a_logins_time_is_the_latest_even_after_the_clock_was_set_back() {
    let bench = open();
    bench.revoke("ada", Scope::All).await.unwrap();
    bench.set_back(MINUTE);
    let epoch = bench.store.ticket("ada").await.unwrap().epoch.unwrap();
    let (_, first) = bench.login("ada").await;
    assert!(first.meta.since > epoch && epoch > bench.store.now());
    let (_, second) = bench.login("ada").await;
    assert!(second.meta.since > first.meta.since);
}

#[tokio::test]
async fn a_named_session_that_a_login_ends_does_not_count_at_the_cap() {
    let bench = open();
    let mut short = login_of("ada", Cap::default());
    short.new.lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: HOUR, interval_ms: 100 };
    bench.try_login(&short).await.unwrap();
    bench.advance(200_000);
    let (old_id, before) = bench.login("ada").await;
    let login = NewLogin { old: Some(old(&before, old_id)), ..login_of("ada", Cap::reject(1)) };
    bench.try_login(&login).await.unwrap();
    assert_eq!(bench.listed("ada").await, [login.new.id]);
    assert_eq!(bench.reason(old_id).await, Some(EndReason::LoggedIn));
}

#[tokio::test]
async fn a_session_in_its_grace_does_not_count_at_the_cap() {
    let bench = open();
    let mut needs_pttl = login_of("ada", Cap::default());
    needs_pttl.new.grace_ms = GRACE as u32;
    bench.try_login(&needs_pttl).await.unwrap();
    bench.advance(LIFE + 1);
    let new = bench.login_at("ada", Cap::reject(1)).await.unwrap();
    assert_eq!(bench.indexed("ada"), 1, "before a list tidies it");
    assert_eq!(bench.listed("ada").await, [new]);
    assert_eq!(bench.reason(needs_pttl.new.id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn carried_fields_respect_the_size_limit() {
    let bench = open_with(Limits::default().session_bytes(9));
    let mut login = login_of("ada", Cap::default());
    login.keep = vec!["a".into()];
    login.delta = delta(&["a=12345678"]);
    assert_eq!(bench.try_login(&login).await, Err(Refused::TooManyBytes));
    assert_eq!((bench.load(login.new.id).await, bench.indexed("ada")), (Loaded::Absent, 0));
    login.delta = delta(&["a=1234567"]);
    bench.try_login(&login).await.unwrap();
}

const DOOR: u64 = 5 * 60 * 60_000;

/// A session over which ada has logged in, as a door, and ada's.
async fn door(bench: &Bench, before: SessionId, record: &Record) -> SessionId {
    let login = NewLogin { old: Some(old(record, before)), door_ms: DOOR, ..login_of("ada", Cap::reject(1)) };
    bench.try_login(&login).await.unwrap();
    login.new.id
}

async fn tombstone(bench: &Bench, id: SessionId) -> Tombstone {
    match bench.load(id).await {
        Loaded::Ended(tombstone) => tombstone,
        other => panic!("not ended: {other:?}"),
    }
}

async fn lead(bench: &Bench, door: SessionId, from: SessionId, to: SessionId, stay_ms: u64) -> Result<(), Refused> {
    bench.store.lead(bench.op(), &Lead { door, from, to, stay_ms }).await.unwrap()
}

#[tokio::test]
async fn a_door_names_its_successor_and_lasts_for_the_given_duration() {
    let bench = open();
    let (guest, record) = bench.guest(&["cart=1"]).await;
    let (bob, bobs) = bench.login("bob").await;
    for (before, record) in [(guest, record), (bob, bobs)] {
        bench.revoke("ada", Scope::All).await.unwrap();
        let now = bench.store.now();
        let ada = door(&bench, before, &record).await;
        let found = tombstone(&bench, before).await;
        assert_eq!((found.reason, found.successor, found.door), (EndReason::LoggedIn, Some(ada), true));
        assert_eq!((found.secret, bench.scored(before)), (record.meta.secret, None));
        let until = bench.expiry(&bench.store.keys.session(before)) as u64;
        assert!((DOOR - 1_000..DOOR * 11 / 10 + 10_000).contains(&(until - now)), "{}", until - now);
    }
    assert_eq!((bench.indexed("ada"), bench.indexed("bob")), (1, 0));
}

#[tokio::test]
async fn a_login_without_a_drop_in_store_makes_no_door() {
    let bench = open();
    let (guest, record) = bench.guest(&[]).await;
    let login = NewLogin { old: Some(old(&record, guest)), ..login_of("ada", Cap::default()) };
    bench.try_login(&login).await.unwrap();
    assert!(!tombstone(&bench, guest).await.door);
    let refused = lead(&bench, guest, login.new.id, login.new.id, DOOR).await;
    assert_eq!(refused, Err(Refused::Gone(Some(EndReason::LoggedIn))));
}

#[tokio::test]
async fn a_door_is_redirected_only_from_its_target_and_never_shortened() {
    let bench = open();
    let (guest, record) = bench.guest(&[]).await;
    let ada = door(&bench, guest, &record).await;
    let [next, other] = [(); 2].map(|()| of_user("ada").id);
    let key = bench.store.keys.session(guest);
    let until = bench.expiry(&key);
    assert_eq!(lead(&bench, guest, other, next, DOOR).await, Err(Refused::Gone(Some(EndReason::LoggedIn))));
    assert_eq!(tombstone(&bench, guest).await.successor, Some(ada));
    lead(&bench, guest, ada, next, 1).await.unwrap();
    assert_eq!((tombstone(&bench, guest).await.successor, bench.expiry(&key)), (Some(next), until));
    lead(&bench, guest, next, next, 2 * DOOR).await.unwrap();
    assert!(bench.expiry(&key) > until);
    let (live, _) = bench.guest(&["a=1"]).await;
    for id in [live, other] {
        assert_eq!(lead(&bench, id, ada, next, DOOR).await, Err(Refused::Gone(None)));
    }
    assert_eq!(names(&bench.live(live).await), ["a"]);
}
