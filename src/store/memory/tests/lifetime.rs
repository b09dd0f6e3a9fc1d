//! Liveness, grace, tombstones, touch, retime.

use super::*;

fn touch(id: SessionId, seen: &Meta) -> Touch {
    Touch { id, seen: seen.touched, first_use: None, user: None }
}

#[tokio::test]
async fn a_session_is_alive_until_its_deadline_has_passed() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    assert_eq!(record.meta.deadline(), bench.store.now() + LIFE);
    bench.advance(LIFE);
    assert!(bench.is_live(id).await);
    bench.advance(1);
    assert_eq!(bench.load(id).await, Loaded::Absent);
}

#[tokio::test]
async fn an_expired_session_returns_expired_in_its_grace_and_then_absent() {
    let bench = open();
    let new = graced();
    bench.create(&new, &["hat=top"]).await;
    bench.advance(LIFE + 1);
    let expired =
        Tombstone { reason: EndReason::Expired, secret: secret(1), previous: None, successor: None, door: false };
    assert_eq!(bench.load(new.id).await, Loaded::Ended(expired));
    assert_eq!(bench.end_as_is(new.id).await, Err(Refused::Gone(Some(EndReason::Expired))));
    bench.advance(GRACE - 1);
    assert_eq!(bench.reason(new.id).await, Some(EndReason::Expired));
    bench.advance(1);
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
    assert_eq!(bench.end_as_is(new.id).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn a_tombstone_lasts_its_time_and_keeps_the_id_taken() {
    let bench = open();
    let new = guest();
    bench.create(&new, &[]).await;
    assert_eq!(bench.end(new.id, EndReason::LoggedOut).await, Ok(None));
    let left = bench.store.state().settings.tombstone_ms(new.id);
    assert!((HOUR..HOUR + HOUR / 10).contains(&left));
    bench.advance(left);
    assert_eq!(bench.reason(new.id).await, Some(EndReason::LoggedOut));
    assert_eq!(bench.end_as_is(new.id).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_eq!(bench.store.create(OP, &new, &Delta::default()).await.expect("no outage"), Err(Refused::Exists));
    bench.advance(1);
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
    bench.create(&new, &[]).await;
}

#[tokio::test]
async fn a_touch_is_noted_once_per_interval() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    bench.advance(MINUTE - 1);
    assert_eq!(bench.touch(&touch(id, &record.meta)).await, Ok(record.meta.clone()));
    bench.advance(1);
    let touched = bench.touch(&touch(id, &record.meta)).await.expect("live");
    assert_eq!(touched.touched, record.meta.touched + MINUTE);
    assert_eq!(touched.deadline(), record.meta.deadline() + MINUTE);
    assert_eq!(bench.touch(&touch(id, &record.meta)).await, Ok(touched), "the sooner one stands");
}

#[tokio::test]
async fn a_touch_with_an_outdated_last_use_counts_after_the_interval() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    bench.advance(MINUTE);
    bench.touch(&touch(id, &record.meta)).await.expect("live");
    bench.advance(MINUTE);
    let touched = bench.touch(&touch(id, &record.meta)).await.expect("live");
    assert_eq!(touched.touched, bench.store.now());
}

#[tokio::test]
async fn a_touch_never_outlives_the_absolute_deadline() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    let mut meta = record.meta.clone();
    for _ in 0..16 {
        bench.advance(15 * MINUTE);
        meta = bench.touch(&touch(id, &meta)).await.expect("live");
    }
    assert_eq!(meta.deadline(), record.meta.created + 4 * HOUR);
    assert!(bench.is_live(id).await);
    bench.advance(1);
    assert_eq!(bench.touch(&touch(id, &meta)).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn a_touch_never_revives_a_session() {
    let bench = open();
    let new = graced();
    let record = bench.create(&new, &[]).await;
    bench.advance(LIFE + 1);
    assert_eq!(bench.touch(&touch(new.id, &record.meta)).await, Err(Refused::Gone(Some(EndReason::Expired))));
    assert_eq!(bench.reason(new.id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn new_timeouts_apply_at_once_and_count_as_a_use() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(10 * MINUTE);
    let short = Lifetimes { idle_ms: MINUTE, interval_ms: 1_000, ..SPANS };
    let meta = bench.retime(id, short).await.expect("live");
    assert_eq!((meta.touched, meta.deadline()), (bench.store.now(), bench.store.now() + MINUTE + 1_000));
    assert_eq!((meta.lifetimes, meta.version), (short, 1));
    let long = Lifetimes { idle_ms: 3 * HOUR, ..SPANS };
    assert_eq!(bench.retime(id, long).await.expect("live").deadline(), bench.store.now() + 3 * HOUR + MINUTE);
}

#[tokio::test]
async fn a_session_past_its_new_absolute_timeout_ends_as_expired() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(10 * MINUTE);
    let outlived = Lifetimes { absolute_ms: 10 * MINUTE, ..SPANS };
    assert_eq!(bench.retime(id, outlived).await, Err(Refused::Gone(Some(EndReason::Expired))));
    assert_eq!(bench.reason(id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn a_system_clock_set_back_does_not_move_the_store_back() {
    let settings = StoreSettings { namespace: "test".into(), limits: Limits::default(), remember_ms: HOUR };
    let store = Memory::new(settings, None);
    let before = store.now();
    store.state().advance(before + HOUR);
    assert_eq!(store.ping().await.expect("no outage"), before + HOUR);
}

#[tokio::test]
async fn expired_sessions_are_dropped_from_memory() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    bench.revoke("bob", Scope::All).await.expect("nothing to end");
    bench.guest(&[]).await;
    bench.end(id, EndReason::LoggedOut).await.expect("live");
    bench.login("ada").await;
    bench.advance(2 * HOUR);
    let state = bench.store.state();
    assert_eq!((state.held(), state.users.len(), state.epochs.len()), (0, 0, 0));
}

impl Bench {
    /// Ends a session that need not be live.
    async fn end_as_is(&self, id: SessionId) -> Result<Option<Record>, Refused> {
        let old = Old { id, generation: 1, user: None };
        let end = End { old, reason: EndReason::Invalidated, successor: None, delta: Delta::default() };
        self.store.end(OP, &end).await.expect("no outage")
    }
}
