use super::*;

fn to(id: SessionId, lifetimes: Lifetimes) -> Retime {
    Retime { id, generation: 1, lifetimes, user: None }
}

const SHORT: Lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: 4 * HOUR, interval_ms: 100 };

impl Bench {
    async fn retime(&self, retime: &Retime) -> Result<Meta, Refused> {
        self.store.retime(self.op(), retime).await.unwrap().map(|(meta, _)| meta)
    }
}

#[tokio::test]
async fn a_new_timeout_applies_at_once_to_expiry_and_index() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    bench.advance(10 * MINUTE);
    for idle_ms in [20 * MINUTE, 2 * HOUR] {
        let meta = bench.retime(&to(id, Lifetimes { idle_ms, ..SPANS })).await.unwrap();
        assert_eq!(bench.expiry(&bench.store.keys.session(id)) as u64, meta.deadline());
        assert_eq!(bench.scored(id), Some(meta.deadline() as f64));
        assert_eq!(bench.live(id).await.meta, meta);
    }
}

#[tokio::test]
async fn a_repeated_retime_gets_the_first_reply_and_is_not_another_use() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let op = bench.op();
    let first = bench.store.retime(op, &to(id, SPANS)).await.unwrap();
    same(&first, &bench.store.retime(op, &to(id, SPANS)).await.unwrap());
}

#[tokio::test]
async fn a_repeated_retime_after_a_newer_one_changes_nothing() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let op = bench.op();
    bench.store.retime(op, &to(id, SHORT)).await.unwrap().unwrap();
    let newer = bench.retime(&to(id, SPANS)).await.unwrap();
    let repeated = bench.store.retime(op, &to(id, SHORT)).await.unwrap();
    assert_eq!(repeated.unwrap().0, newer);
    assert_eq!(bench.live(id).await.meta, newer);
}

#[tokio::test]
async fn a_retime_past_the_absolute_timeout_ends_the_session_as_expired() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    bench.advance(10 * MINUTE);
    let (op, retime) = (bench.op(), to(id, Lifetimes { absolute_ms: MINUTE, ..SPANS }));
    for _ in 0..2 {
        let expired = Err(Refused::Gone(Some(EndReason::Expired)));
        assert_eq!(bench.store.retime(op, &retime).await.unwrap(), expired);
    }
    assert_eq!(bench.reason(id).await, Some(EndReason::Expired));
    assert_eq!(bench.scored(id), None);
}

#[tokio::test]
async fn a_session_expired_by_a_retime_leaves_the_users_index() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    bench.advance(10 * MINUTE);
    let retime = Retime { user: Some("ada".into()), ..to(id, Lifetimes { absolute_ms: MINUTE, ..SPANS }) };
    assert_eq!(bench.retime(&retime).await, Err(Refused::Gone(Some(EndReason::Expired))));
    assert_eq!((bench.indexed("ada"), bench.scored(id)), (0, None));
}

#[tokio::test]
async fn a_life_cut_short_keeps_the_key_for_a_late_repeat_of_its_creation() {
    let bench = open();
    let (new, op) = (guest(), bench.op());
    let nothing = Delta::default();
    let create = || bench.store.create(op, &new, &nothing);
    create().await.unwrap().unwrap();
    bench.retime(&to(new.id, SHORT)).await.unwrap();
    bench.advance(2_000);
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
    create().await.unwrap().unwrap();
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
}

#[tokio::test]
async fn a_longer_life_raises_the_expiry_of_the_users_index() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    let lifetimes = Lifetimes { absolute_ms: 48 * HOUR, idle_ms: 40 * HOUR, ..SPANS };
    let meta = bench.retime(&Retime { user: Some("ada".into()), ..to(id, lifetimes) }).await.unwrap();
    let index = bench.expiry(&bench.store.keys.index(&UserHash::of("ada"))) as u64;
    assert!(index >= meta.deadline() && meta.index_until == index);
    let short = Lifetimes { idle_ms: MINUTE, ..SPANS };
    bench.retime(&Retime { user: Some("ada".into()), ..to(id, short) }).await.unwrap();
    assert_eq!(bench.expiry(&bench.store.keys.index(&UserHash::of("ada"))) as u64, index, "never lowered");
}

#[tokio::test]
async fn a_retime_returns_gone_and_conflict() {
    let bench = open();
    let (id, before) = bench.guest(&[]).await;
    assert_eq!(bench.retime(&to(guest().id, SPANS)).await, Err(Refused::Gone(None)));
    assert_eq!(bench.retime(&Retime { generation: 2, ..to(id, SHORT) }).await, Err(Refused::Conflict));
    let after = Record { etag: before.etag.clone(), ..bench.live(id).await };
    assert_eq!(after, before, "but for the recorded refusals");
}
