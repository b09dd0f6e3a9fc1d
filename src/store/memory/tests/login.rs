//! Login, re-authentication, cap, ticket.

use super::*;

fn with_ticket(user: &str, ticket: Ticket) -> NewLogin {
    NewLogin { gate: Gate { cap: Cap::default(), ticket: Some(ticket) }, ..login_of(user, Cap::default()) }
}

fn again(id: SessionId, user: &str, cap: Cap) -> Reauthenticate {
    Reauthenticate {
        id,
        generation: 1,
        user: user.into(),
        secret: secret(9),
        lifetimes: SPANS,
        client: ClientInfo::new().user_agent("new"),
        remember: None,
        delta: Delta::default(),
        gate: Gate { cap, ticket: None },
    }
}

impl Bench {
    async fn again(&self, again: &Reauthenticate) -> Result<Record, Refused> {
        self.store.reauthenticate(OP, again).await.expect("no outage")
    }
}

#[tokio::test]
async fn a_login_ends_the_old_session_and_carries_the_kept_fields() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1", "lang=de", "csrf=x"]).await;
    let login = NewLogin {
        old: Some(old(&record, id)),
        keep: vec!["cart".into(), "lang".into()],
        delta: delta(&["cart=2", "other=3"]),
        ..login_of("ada", Cap::default())
    };
    let new = bench.try_login(&login).await.expect("logged in");
    assert_eq!(names(&new), ["cart", "lang"]);
    assert_eq!(stored_at(&new, 0), encode_bytes(b"2"));
    assert_eq!((new.meta.generation, new.meta.version, new.meta.user.as_deref()), (1, 1, Some("ada")));
    assert_eq!(bench.live(login.new.id).await, new);
    assert_eq!(bench.reason(id).await, Some(EndReason::LoggedIn));
}

#[tokio::test]
async fn a_drafts_login_stores_the_kept_pending_fields() {
    let bench = open();
    let login =
        NewLogin { keep: vec!["cart".into()], delta: delta(&["cart=1", "x=2"]), ..login_of("ada", Cap::default()) };
    assert_eq!(names(&bench.try_login(&login).await.expect("logged in")), ["cart"]);
}

#[tokio::test]
async fn login_times_of_a_user_strictly_increase_and_pass_the_epoch() {
    let bench = open();
    let (_, first) = bench.login("ada").await;
    let (_, second) = bench.login("ada").await;
    assert_eq!((first.meta.since, second.meta.since), (bench.store.now(), bench.store.now() + 1));
    assert_eq!(second.meta.created, bench.store.now());
    bench.revoke("ada", Scope::All).await.expect("ended");
    let (_, third) = bench.login("ada").await;
    assert_eq!(third.meta.since, bench.store.now() + 2);
}

#[tokio::test]
async fn at_the_cap_the_earliest_login_is_evicted() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (second, _) = bench.login("ada").await;
    let third = login_of("ada", Cap::evict(2));
    bench.try_login(&third).await.expect("logged in");
    assert_eq!(bench.listed("ada").await, [second, third.new.id]);
    assert_eq!(bench.reason(first).await, Some(EndReason::Evicted));
}

#[tokio::test]
async fn after_the_cap_was_lowered_the_next_login_ends_all_above_it() {
    let bench = open();
    for _ in 0..4 {
        bench.login("ada").await;
    }
    let last = login_of("ada", Cap::evict(1));
    bench.try_login(&last).await.expect("logged in");
    assert_eq!(bench.listed("ada").await, [last.new.id]);
}

#[tokio::test]
async fn a_rejecting_cap_changes_nothing() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (guest, record) = bench.guest(&[]).await;
    let login = NewLogin { old: Some(old(&record, guest)), ..login_of("ada", Cap::reject(1)) };
    assert_eq!(bench.try_login(&login).await, Err(Refused::AtCap));
    assert_eq!(bench.load(login.new.id).await, Loaded::Absent);
    assert!(bench.is_live(first).await && bench.is_live(guest).await);
}

#[tokio::test]
async fn dead_sessions_and_the_one_being_ended_do_not_count_at_the_cap() {
    let bench = open();
    bench.login("ada").await;
    bench.advance(LIFE + 1);
    let (id, record) = bench.login("ada").await;
    let login = NewLogin { old: Some(old(&record, id)), ..login_of("ada", Cap::reject(1)) };
    bench.try_login(&login).await.expect("room");
    assert_eq!(bench.listed("ada").await, [login.new.id]);
}

#[tokio::test]
async fn a_ticket_is_void_after_a_revocation_and_after_ten_minutes() {
    let bench = open();
    let before = bench.ticket("ada").await;
    assert_eq!(before, Ticket { epoch: None, taken: bench.store.now() });
    bench.try_login(&with_ticket("ada", before)).await.expect("nothing was revoked");
    bench.revoke("ada", Scope::All).await.expect("ended");
    assert_eq!(bench.try_login(&with_ticket("ada", before)).await, Err(Refused::TicketVoid));
    let after = bench.ticket("ada").await;
    bench.advance(TICKET_LIFE_MS);
    bench.try_login(&with_ticket("ada", after)).await.expect("the epoch it has seen");
    bench.advance(1);
    assert_eq!(bench.try_login(&with_ticket("ada", after)).await, Err(Refused::TicketVoid));
}

#[tokio::test]
async fn an_epoch_is_forgotten_an_hour_after_its_last_raise() {
    let bench = open();
    bench.revoke("ada", Scope::All).await.expect("nothing to end");
    bench.advance(EPOCH_LIFE_MS);
    let seen = bench.ticket("ada").await;
    assert!(seen.epoch.is_some());
    bench.advance(1);
    assert_eq!(bench.ticket("ada").await.epoch, None);
    bench.try_login(&with_ticket("ada", seen)).await.expect("none is stored that is not the ticket's");
}

#[tokio::test]
async fn a_login_returns_the_first_of_several_refusals() {
    let bench = open_with(Limits::new().fields(1));
    let void = bench.ticket("ada").await;
    bench.revoke("ada", Scope::All).await.expect("nothing to end");
    bench.login("ada").await;
    let (id, record) = bench.guest(&[]).await;
    let taken = guest();
    bench.create(&taken, &[]).await;
    let mut login = with_ticket("ada", void);
    login.gate.cap = Cap::reject(1);
    let fresh = std::mem::replace(&mut login.new.id, taken.id);
    login.old = Some(Old { id: guest().id, generation: 2, user: None });
    (login.keep, login.delta) = (vec!["a".into(), "b".into()], delta(&["a=1", "b=1"]));
    assert_eq!(bench.try_login(&login).await, Err(Refused::Exists));
    login.new.id = fresh;
    assert_eq!(bench.try_login(&login).await, Err(Refused::TicketVoid));
    login.gate.ticket = None;
    assert_eq!(bench.try_login(&login).await, Err(Refused::Gone(None)));
    login.old = Some(Old { generation: 2, ..old(&record, id) });
    assert_eq!(bench.try_login(&login).await, Err(Refused::Conflict));
    login.old = Some(old(&record, id));
    assert_eq!(bench.try_login(&login).await, Err(Refused::TooManyFields));
    login.keep.pop();
    assert_eq!(bench.try_login(&login).await, Err(Refused::AtCap));
    login.gate.cap = Cap::default();
    bench.try_login(&login).await.expect("nothing was changed by the refusals");
}

#[tokio::test]
async fn a_reauthentication_keeps_id_and_fields_and_renews_secret_and_time() {
    let bench = open();
    let (id, first) = bench.login("ada").await;
    let (other, _) = bench.login("ada").await;
    let rotate = Rotate {
        id,
        generation: 1,
        presented: secret(1),
        current: secret(1),
        loaded: bench.store.now(),
        new: secret(2),
        csrf: crate::identity::csrf::CsrfDigest([1; 16]),
    };
    bench.rotate(&rotate).await.expect("rotated");
    bench.advance(20 * MINUTE);
    let touch = Touch { id, seen: first.meta.touched, first_use: None, user: Some("ada".into()) };
    assert_eq!(bench.touch(&touch).await.expect("live").uses, 1);
    let again = Reauthenticate { delta: delta(&["a=1"]), ..again(id, "ada", Cap::default()) };
    let record = bench.again(&again).await.expect("live");
    assert_eq!((record.meta.generation, record.meta.version), (2, 2));
    assert_eq!((record.meta.created, record.meta.since), (first.meta.created, bench.store.now()));
    assert_eq!((record.meta.secret, record.meta.uses, &record.meta.rotation), (secret(9), 0, &None));
    assert_eq!(
        (record.meta.client.known_user_agent(), record.meta.deadline()),
        (Some("new"), bench.store.now() + LIFE)
    );
    assert_eq!(names(&record), ["a"]);
    assert_eq!(bench.listed("ada").await, [other, id], "its login is now the latest");
    assert_eq!(bench.again(&again).await, Err(Refused::Conflict));
}

#[tokio::test]
async fn only_the_users_own_live_session_is_reauthenticated() {
    let bench = open();
    let (guest, _) = bench.guest(&[]).await;
    let (bobs, record) = bench.login("bob").await;
    for id in [guest, bobs, guest_id()] {
        assert_eq!(bench.again(&again(id, "ada", Cap::default())).await, Err(Refused::Gone(None)));
    }
    assert_eq!(bench.live(bobs).await, record);
}

#[tokio::test]
async fn a_lowered_cap_holds_at_a_reauthentication_too() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (second, _) = bench.login("ada").await;
    assert_eq!(bench.again(&again(first, "ada", Cap::reject(1))).await, Err(Refused::AtCap));
    bench.again(&again(first, "ada", Cap::reject(2))).await.expect("itself not counted twice");
    let evicting = Reauthenticate { generation: 2, ..again(first, "ada", Cap::evict(1)) };
    bench.again(&evicting).await.expect("live");
    assert_eq!(bench.listed("ada").await, [first]);
    assert_eq!(bench.reason(second).await, Some(EndReason::Evicted));
}

#[tokio::test]
async fn a_void_ticket_reauthenticates_nothing() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    let ticket = bench.ticket("ada").await;
    bench.revoke("ada", Scope::Others(id)).await.expect("live");
    let mut again = again(id, "ada", Cap::default());
    again.gate.ticket = Some(ticket);
    assert_eq!(bench.again(&again).await, Err(Refused::TicketVoid));
    assert_eq!(bench.live(id).await, record);
}

fn guest_id() -> SessionId {
    guest().id
}
