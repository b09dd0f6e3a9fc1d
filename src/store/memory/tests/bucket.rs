//! A bucket: sweep, revoke, count.

use super::*;

#[tokio::test]
async fn a_sweep_ends_sessions_in_their_grace_and_the_tombstone_stays() {
    let bench = open();
    let new = graced();
    bench.create(&new, &[]).await;
    bench.advance(LIFE + 1);
    assert_eq!(bench.sweep(new.id).await, (1, 0, 0));
    assert_eq!(bench.sweep(new.id).await, (0, 0, 0));
    bench.advance(HOUR);
    assert_eq!(bench.reason(new.id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn a_sweep_forgets_sessions_that_are_gone() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let (ended, _) = bench.guest(&[]).await;
    bench.end(ended, EndReason::LoggedOut).await.expect("live");
    bench.advance(LIFE + 1);
    assert_eq!(bench.sweep(id).await, (0, 1, 0), "an end leaves no entry");
    assert!(bench.store.state().due.is_empty());
}

#[tokio::test]
async fn a_sweep_rescores_sessions_touched_since_they_were_scored() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    bench.advance(10 * MINUTE);
    bench.touch(&Touch { id, seen: record.meta.touched, first_use: None, user: None }).await.expect("live");
    assert_eq!(bench.sweep(id).await, (0, 0, 0), "not yet due");
    bench.advance(LIFE - 10 * MINUTE + 1);
    assert_eq!(bench.sweep(id).await, (0, 0, 1));
    assert_eq!(bench.sweep(id).await, (0, 0, 0));
    bench.advance(10 * MINUTE);
    assert_eq!(bench.sweep(id).await, (0, 1, 0));
}

#[tokio::test]
async fn a_shortened_life_is_scored_at_once() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.retime(id, Lifetimes { idle_ms: MINUTE, ..SPANS }).await.expect("live");
    bench.advance(2 * MINUTE + 1);
    assert_eq!(bench.sweep(id).await, (0, 1, 0));
}

#[tokio::test]
async fn a_bucket_revocation_ends_guests_or_everyone() {
    let bench = open();
    let (users, _) = bench.login("ada").await;
    let guest = NewSession { id: of_user("ada").id, ..guest() };
    bench.create(&guest, &[]).await;
    let revoke = async |who| bench.store.revoke_bucket(users.bucket(), who).await.expect("no outage");
    assert_eq!(revoke(Who::Guests).await, 1);
    assert_eq!(bench.reason(guest.id).await, Some(EndReason::Revoked));
    assert!(bench.is_live(users).await);
    assert_eq!(revoke(Who::Everyone).await, 1);
    assert_eq!(bench.listed("ada").await, []);
}

#[tokio::test]
async fn active_counts_live_sessions_of_the_bucket_used_since() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.login("ada").await;
    bench.advance(20 * MINUTE);
    let since = bench.store.now();
    bench.guest(&[]).await;
    let active = async |since| bench.store.active(id.bucket(), since).await.expect("no outage");
    assert_eq!((active(0).await, active(since).await, active(since + 1).await), (2, 1, 0));
    bench.advance(LIFE - 20 * MINUTE + 1);
    assert_eq!(active(0).await, 1);
}
