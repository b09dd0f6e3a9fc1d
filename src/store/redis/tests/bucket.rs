use super::*;

/// A bucket that holds a user's session, a guest's, an expired one in its grace and an ended one.
async fn mixed(bench: &Bench) -> (Bucket, SessionId, SessionId, SessionId) {
    let bucket = UserHash::of("ada").bucket();
    let in_bucket = |new: NewSession| NewSession { id: SessionId::mint(bucket).unwrap(), ..new };
    let expired = in_bucket(needs_pttl());
    bench.create(&expired, &[]).await;
    let ended = in_bucket(guest());
    bench.create(&ended, &[]).await;
    bench.end(ended.id).await;
    bench.advance(LIFE + MINUTE);
    let (user, _) = bench.login("ada").await;
    let guest = in_bucket(guest());
    bench.create(&guest, &["a=1"]).await;
    (bucket, user, guest.id, expired.id)
}

#[tokio::test]
async fn revoking_guests_ends_guests_and_not_users() {
    let bench = open();
    let (bucket, user, guest, expired) = mixed(&bench).await;
    assert_eq!(bench.store.revoke_bucket(bucket, Who::Guests).await.unwrap(), 1);
    assert_eq!(bench.reason(guest).await, Some(EndReason::Revoked));
    assert!(bench.is_live(user).await);
    assert_eq!(bench.reason(expired).await, Some(EndReason::Expired));
    assert_eq!(bench.sweep(bucket).await, (1, 0, 0), "the sweep tells of the expired one");
}

#[tokio::test]
async fn revoking_everyone_ends_all_and_empties_both_indexes() {
    let bench = open();
    let (bucket, user, guest, _) = mixed(&bench).await;
    assert_eq!(bench.store.active(bucket, 0).await.unwrap(), 2);
    assert_eq!(bench.store.revoke_bucket(bucket, Who::Everyone).await.unwrap(), 2);
    assert_eq!(bench.reason(user).await, Some(EndReason::Revoked));
    assert_eq!((bench.scored(user), bench.scored(guest), bench.indexed("ada")), (None, None, 0));
    assert_eq!(bench.store.active(bucket, 0).await.unwrap(), 0);
}

#[tokio::test]
async fn active_counts_sessions_used_since() {
    let bench = open();
    let bucket = UserHash::of("ada").bucket();
    bench.login("ada").await;
    bench.advance(10 * MINUTE);
    let (id, record) = bench.login("ada").await;
    assert_eq!(id.bucket(), bucket);
    assert_eq!(bench.store.active(bucket, record.meta.touched).await.unwrap(), 1);
    assert_eq!(bench.store.active(bucket, record.meta.touched - 20 * MINUTE).await.unwrap(), 2);
    assert_eq!(bench.store.active(bucket, record.meta.touched + 1).await.unwrap(), 0);
}

#[tokio::test]
async fn a_sweep_ends_due_sessions_forgets_gone_ones_and_rescores_live_ones() {
    let bench = open();
    let bucket = Bucket::random().unwrap();
    let in_bucket = |new: NewSession| NewSession { id: SessionId::mint(bucket).unwrap(), ..new };
    let (expiring, vanishing, living) = (in_bucket(needs_pttl()), in_bucket(guest()), in_bucket(guest()));
    for new in [&expiring, &vanishing, &living] {
        bench.create(new, &[]).await;
    }
    assert_eq!(bench.sweep(bucket).await, (0, 0, 0));
    bench.advance(20 * MINUTE);
    let seen = bench.live(living.id).await.meta.touched;
    let touched = bench.touch(living.id, seen, None).await.unwrap();
    bench.advance(12 * MINUTE);
    assert_eq!(bench.sweep(bucket).await, (1, 1, 1));
    assert_eq!(bench.scored(living.id), Some((touched.deadline() - 12 * MINUTE) as f64));
    assert_eq!(bench.sweep(bucket).await, (0, 0, 0));
    bench.advance(GRACE + 1);
    assert_eq!(bench.reason(expiring.id).await, Some(EndReason::Expired), "a tombstone now");
}

#[tokio::test]
async fn two_sweeps_at_once_end_each_session_once() {
    let bench = open();
    let bucket = UserHash::of("ada").bucket();
    let mut login = login_of("ada", Cap::default());
    login.new.grace_ms = GRACE as u32;
    for _ in 0..20 {
        login.new.id = of_user("ada").id;
        bench.try_login(&login).await.unwrap();
    }
    bench.advance(LIFE + 1);
    let (one, other) = tokio::join!(bench.sweep(bucket), bench.sweep(bucket));
    assert_eq!(one.0 + other.0, 20);
    assert_eq!(bench.indexed("ada"), 0);
}

#[tokio::test]
async fn more_sessions_than_one_call_may_name_are_swept_and_revoked() {
    let bench = open();
    let bucket = Bucket::random().unwrap();
    let fill = async |grace_ms| {
        for _ in 0..300 {
            let new = NewSession { id: SessionId::mint(bucket).unwrap(), grace_ms, ..guest() };
            bench.create(&new, &[]).await;
        }
    };
    fill(GRACE as u32).await;
    bench.advance(LIFE + 1);
    assert_eq!(bench.sweep(bucket).await, (300, 0, 0));
    fill(0).await;
    assert_eq!(bench.store.revoke_bucket(bucket, Who::Guests).await.unwrap(), 300);
    let left: bool = bench.raw("EXISTS", &bench.store.keys.deadlines(bucket), &[]);
    assert!(!left, "the index empties itself");
}

#[tokio::test]
async fn a_repeat_of_a_sweep_counts_what_its_first_delivery_ended() {
    let bench = open();
    let new = needs_pttl();
    bench.create(&new, &[]).await;
    bench.advance(LIFE + 1);
    let deadlines = bench.store.keys.deadlines(new.id.bucket());
    let keys = [deadlines.clone(), bench.store.keys.session(new.id), deadlines];
    let member = member(new.id);
    let op = bench.op();
    for _ in 0..2 {
        let reply = bench.deliver(&scripts::SWEEP, op, &keys, &[b"3600000", b"1", &member]).await;
        let counts = [1, 0, 0].map(::redis::Value::Int).to_vec();
        assert_eq!((reply.code, reply.value().unwrap()), (reply::Code::Ok, ::redis::Value::Array(counts)));
    }
    assert_eq!(bench.reason(new.id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn a_sweep_leaves_sessions_not_due_and_forgets_a_tombstone() {
    let bench = open();
    let (new, sweep) = (needs_pttl(), scripts::SWEEP.clone());
    bench.create(&new, &[]).await;
    let score = bench.scored(new.id);
    let deadlines = bench.store.keys.deadlines(new.id.bucket());
    let keys = [deadlines.clone(), bench.store.keys.session(new.id), deadlines.clone()];
    let member = member(new.id);
    let reply = bench.deliver(&sweep, bench.op(), &keys, &[b"3600000", b"1", &member]).await;
    assert_eq!(reply.value().unwrap(), ::redis::Value::Array([0, 0, 0].map(::redis::Value::Int).to_vec()));
    assert_eq!(bench.scored(new.id), score);
    bench.advance(LIFE + 1);
    assert_eq!(bench.sweep(new.id.bucket()).await, (1, 0, 0));
    let _: u32 = bench.raw("ZADD", &deadlines, &[b"1", new.id.as_bytes()]);
    assert_eq!(bench.sweep(new.id.bucket()).await, (0, 1, 0), "it expired once");
}
