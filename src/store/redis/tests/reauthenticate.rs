use super::*;

impl Bench {
    async fn reauthenticate(&self, again: &Reauthenticate) -> Result<Record, Refused> {
        self.store.reauthenticate(self.op(), again).await.unwrap()
    }
}

#[tokio::test]
async fn a_reauthentication_renews_secret_generation_and_login_time() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    bench.save(&saving(id, &["a=1", "b=1"])).await.unwrap();
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    bench.advance(10 * MINUTE);
    let record =
        bench.reauthenticate(&Reauthenticate { delta: delta(&["b", "c=1"]), ..again(&before, id, 3) }).await.unwrap();
    assert_eq!(bench.live(id).await, record);
    assert_eq!(names(&record), ["a", "c"]);
    let meta = &record.meta;
    assert_eq!((meta.secret, &meta.rotation, meta.generation, meta.version), (secret(3), &None, 2, 3));
    assert_eq!(meta.created + 10 * MINUTE, before.meta.created);
    assert!(meta.since >= before.meta.since);
    assert_eq!(bench.scored(id), Some(meta.deadline() as f64));
    assert_eq!(bench.expiry(&bench.store.keys.session(id)) as u64, meta.deadline());
    let score: f64 = bench.raw("ZSCORE", &bench.store.keys.index(&UserHash::of("ada")), &[&member(id)]);
    assert_eq!(score as u64, meta.since);
}

#[tokio::test]
async fn an_older_handles_save_is_accepted_for_a_minute_and_its_end_never() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    bench.reauthenticate(&again(&before, id, 3)).await.unwrap();
    let op = bench.op();
    let first = bench.store.save(op, &saving(id, &["a=1"])).await.unwrap();
    assert_eq!(first, Ok(Wrote { overtaken: true, ..Wrote::version(3) }));
    let newer = Save { generation: 2, ..saving(id, &["a=2"]) };
    assert_eq!(bench.save(&newer).await, Ok(4));
    assert_eq!(bench.store.save(op, &saving(id, &["a=1"])).await.unwrap(), first, "a repeat");
    assert_eq!(stored_at(&bench.live(id).await, 0), encode_bytes(b"2"));
    assert_eq!(bench.store.end(bench.op(), &ending(&before, id)).await.unwrap(), Err(Refused::Conflict));
    bench.advance(MINUTE + 1);
    assert_eq!(bench.save(&saving(id, &["b=1"])).await, Err(Refused::Conflict));
    assert_eq!(names(&bench.live(id).await), ["a"]);
}

#[tokio::test]
async fn a_reauthentication_raises_the_version_with_and_without_changes() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    assert_eq!(before.meta.version, 1);
    let record = bench.reauthenticate(&again(&before, id, 3)).await.unwrap();
    assert_eq!(record.meta.version, 2);
    let changing = Reauthenticate { delta: delta(&["a=1"]), generation: 2, ..again(&before, id, 4) };
    assert_eq!(bench.reauthenticate(&changing).await.unwrap().meta.version, 3);
}

#[tokio::test]
async fn a_repeated_reauthentication_returns_the_current_session() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    let (op, request) = (bench.op(), again(&before, id, 3));
    let first = bench.store.reauthenticate(op, &request).await.unwrap();
    same(&first, &bench.store.reauthenticate(op, &request).await.unwrap());
    bench.end(id).await;
    let gone = Err(Refused::Gone(Some(EndReason::LoggedOut)));
    assert_eq!(bench.store.reauthenticate(op, &request).await.unwrap(), gone);
}

#[tokio::test]
async fn a_reauthentication_survives_an_earlier_revocation() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    let (other, _) = bench.login("ada").await;
    bench.revoke("ada", Scope::Others(id)).await.unwrap();
    let ticket = bench.store.ticket("ada").await.unwrap();
    let record = bench.reauthenticate(&again(&before, id, 3)).await.unwrap();
    assert!(record.meta.since > ticket.epoch.unwrap());
    assert!(bench.is_live(id).await && !bench.is_live(other).await);
}

#[tokio::test]
async fn a_lowered_cap_counts_the_others() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (id, before) = bench.login("ada").await;
    let capped = |cap| Reauthenticate { gate: Gate { cap, ticket: None }, ..again(&before, id, 3) };
    assert_eq!(bench.reauthenticate(&capped(Cap::reject(1))).await, Err(Refused::AtCap));
    assert!(bench.is_live(first).await);
    bench.reauthenticate(&capped(Cap::evict(1))).await.unwrap();
    assert_eq!(bench.listed("ada").await, [id]);
    assert_eq!(bench.reason(first).await, Some(EndReason::Evicted));
}

#[tokio::test]
async fn refusals_come_in_order_and_change_nothing() {
    let bench = open_with(Limits::default().fields(1));
    let (other, _) = bench.login("ada").await;
    let (id, before) = bench.login("ada").await;
    let mut request = Reauthenticate { id: other, user: "bob".into(), generation: 9, ..again(&before, id, 3) };
    request.gate = Gate { cap: Cap::reject(1), ticket: Some(Ticket { epoch: None, taken: 0 }) };
    request.delta = delta(&["a=1", "b=1"]);
    assert_eq!(bench.reauthenticate(&request).await, Err(Refused::TicketVoid));
    request.gate.ticket = None;
    assert_eq!(bench.reauthenticate(&request).await, Err(Refused::Gone(None)), "another user's");
    request.user = "ada".into();
    assert_eq!(bench.reauthenticate(&request).await, Err(Refused::Conflict));
    request.generation = 1;
    assert_eq!(bench.reauthenticate(&request).await, Err(Refused::TooManyFields));
    request.delta = delta(&["a=1"]);
    assert_eq!(bench.reauthenticate(&request).await, Err(Refused::AtCap));
    assert_eq!(bench.live(id).await, before);
    let absent = Reauthenticate { id: of_user("ada").id, ..request };
    assert_eq!(bench.reauthenticate(&absent).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn a_reauthentication_is_the_latest_login_after_the_clock_was_set_back() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    let (other, _) = bench.login("ada").await;
    bench.set_back(MINUTE);
    let last = bench.live(other).await.meta.since;
    let record = bench.reauthenticate(&again(&before, id, 3)).await.unwrap();
    assert!(record.meta.since > last && last > bench.store.now());
}

#[tokio::test]
async fn a_reauthentication_is_after_the_epoch_if_the_clock_was_set_back() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    bench.advance(10 * MINUTE);
    bench.revoke("ada", Scope::Others(id)).await.unwrap();
    bench.set_back(5 * MINUTE);
    let epoch = bench.store.ticket("ada").await.unwrap().epoch.unwrap();
    let record = bench.reauthenticate(&again(&before, id, 3)).await.unwrap();
    assert!(record.meta.since > epoch && epoch > bench.store.now());
}

#[tokio::test]
async fn a_reauthentication_counts_neither_itself_nor_dead_members() {
    let bench = open();
    let mut needs_pttl = login_of("ada", Cap::default());
    needs_pttl.new.grace_ms = GRACE as u32;
    bench.try_login(&needs_pttl).await.unwrap();
    bench.advance(LIFE + 1);
    let (id, before) = bench.login("ada").await;
    assert_eq!(bench.indexed("ada"), 2);
    let capped = Reauthenticate { gate: Gate { cap: Cap::reject(1), ticket: None }, ..again(&before, id, 3) };
    bench.reauthenticate(&capped).await.unwrap();
    assert_eq!(bench.indexed("ada"), 1, "before a list tidies it");
    assert_eq!(bench.listed("ada").await, [id]);
}

#[tokio::test]
async fn sessions_evicted_by_a_reauthentication_leave_both_indexes() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (id, before) = bench.login("ada").await;
    let capped = Reauthenticate { gate: Gate { cap: Cap::evict(1), ticket: None }, ..again(&before, id, 3) };
    bench.reauthenticate(&capped).await.unwrap();
    assert_eq!((bench.indexed("ada"), bench.scored(first)), (1, None));
    assert_eq!(bench.reason(first).await, Some(EndReason::Evicted));
}

#[tokio::test]
async fn a_reauthentications_changes_respect_the_size_limit() {
    let bench = open_with(Limits::default().session_bytes(9));
    let (id, before) = bench.login("ada").await;
    let large = Reauthenticate { delta: delta(&["a=12345678"]), ..again(&before, id, 3) };
    assert_eq!(bench.reauthenticate(&large).await, Err(Refused::TooManyBytes));
    let after = Record { etag: before.etag.clone(), ..bench.live(id).await };
    assert_eq!(after, before, "but for the recorded refusals");
}
