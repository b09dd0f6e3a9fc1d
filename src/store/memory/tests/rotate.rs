//! Rotation and the first use of a secret.

use super::*;
use crate::identity::csrf::CsrfDigest;

/// Rotates by a secret, having loaded `current` at `loaded`.
fn rotate(id: SessionId, presented: u8, current: u8, loaded: Millis, new: u8) -> Rotate {
    Rotate {
        id,
        generation: 1,
        presented: secret(presented),
        current: secret(current),
        loaded,
        new: secret(new),
        csrf: CsrfDigest([presented; 16]),
    }
}

/// The CSRF tokens of these secrets, all replaced now.
fn former(bench: &Bench, secrets: &[u8]) -> Vec<FormerCsrf> {
    secrets.iter().map(|number| FormerCsrf { digest: CsrfDigest([*number; 16]), at: bench.store.now() }).collect()
}

fn first_use(id: SessionId, seen: &Meta, number: u8) -> Touch {
    Touch { id, seen: seen.touched, first_use: Some(secret(number)), user: None }
}

/// A session whose secret 1 has just been replaced by 2.
async fn rotated(bench: &Bench) -> (SessionId, Meta) {
    let (id, _) = bench.guest(&[]).await;
    let meta = bench.rotate(&rotate(id, 1, 1, bench.store.now(), 2)).await.expect("rotated");
    (id, meta)
}

#[tokio::test]
async fn a_rotation_keeps_the_replaced_secret_as_the_previous_one() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    assert_eq!(meta.secret, secret(2));
    assert_eq!(
        meta.rotation,
        Some(Rotation { previous: secret(1), at: bench.store.now(), used: None, former: former(&bench, &[1]) })
    );
    assert_eq!((meta.generation, meta.version), (1, 1));
    bench.end(id, EndReason::Revoked).await.expect("live");
    let tombstone = Tombstone {
        reason: EndReason::Revoked,
        secret: secret(2),
        previous: Some(secret(1)),
        successor: None,
        door: false,
    };
    assert_eq!(bench.load(id).await, Loaded::Ended(tombstone));
}

#[tokio::test]
async fn rotating_again_with_the_current_secret_drops_the_older_previous_one() {
    let bench = open();
    let (id, _) = rotated(&bench).await;
    let meta = bench.rotate(&rotate(id, 2, 2, bench.store.now(), 3)).await.expect("rotated");
    assert_eq!(meta.rotation.map(|rotation| rotation.previous), Some(secret(2)));
    assert_eq!(bench.rotate(&rotate(id, 1, 3, bench.store.now(), 4)).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn the_previous_secret_gets_already_rotated_until_the_rotation_settles() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    bench.advance(ROTATION_SETTLES_MS);
    let early = bench.store.now();
    assert_eq!(bench.rotate(&rotate(id, 1, 2, early, 3)).await, Err(Refused::AlreadyRotated));
    bench.advance(1);
    assert_eq!(bench.rotate(&rotate(id, 1, 2, early, 3)).await, Err(Refused::AlreadyRotated), "loaded before");
    assert_eq!(bench.rotate(&rotate(id, 1, 9, early + 1, 3)).await, Err(Refused::AlreadyRotated), "replaced since");
    assert_eq!(bench.live(id).await.meta, meta);
}

#[tokio::test]
async fn an_unused_secret_is_replaced_once_the_rotation_has_settled() {
    let bench = open();
    let (id, _) = rotated(&bench).await;
    bench.advance(ROTATION_SETTLES_MS + 1);
    let meta = bench.rotate(&rotate(id, 1, 2, bench.store.now(), 3)).await.expect("replaced");
    assert_eq!(meta.secret, secret(3));
    assert_eq!(
        meta.rotation,
        Some(Rotation { previous: secret(1), at: bench.store.now(), used: None, former: former(&bench, &[1]) })
    );
}

#[tokio::test]
async fn after_the_first_use_the_previous_secret_has_ten_seconds() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    bench.advance(1);
    let used = bench.touch(&first_use(id, &meta, 2)).await.expect("live");
    assert_eq!(used.rotation.and_then(|rotation| rotation.used), Some(bench.store.now()));
    bench.advance(PREVIOUS_GRACE_MS);
    assert_eq!(bench.rotate(&rotate(id, 1, 2, bench.store.now(), 3)).await, Err(Refused::AlreadyRotated));
    bench.advance(1);
    assert_eq!(bench.rotate(&rotate(id, 1, 2, bench.store.now(), 3)).await, Err(Refused::Gone(None)));
}

#[tokio::test]
async fn a_first_use_is_noted_at_once_and_only_once() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    bench.advance(5);
    let used = bench.touch(&first_use(id, &meta, 2)).await.expect("live");
    assert_eq!(used.touched, meta.touched + 5);
    bench.advance(MINUTE);
    let again = bench.touch(&first_use(id, &used, 2)).await.expect("live");
    assert_eq!(again.rotation, used.rotation);
}

#[tokio::test]
async fn a_first_use_with_an_outdated_last_use_waits_until_a_touch_is_due() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    let outdated = Touch { seen: meta.touched - 1, ..first_use(id, &meta, 2) };
    bench.advance(5);
    assert_eq!(bench.touch(&outdated).await, Ok(meta));
    bench.advance(MINUTE);
    let used = bench.touch(&outdated).await.expect("live");
    assert_eq!(used.rotation.and_then(|rotation| rotation.used), Some(bench.store.now()));
}

#[tokio::test]
async fn a_first_use_of_a_secret_that_is_not_the_current_one_is_not_noted() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    bench.advance(5);
    assert_eq!(bench.touch(&first_use(id, &meta, 1)).await, Ok(meta.clone()));
    bench.advance(MINUTE);
    assert_eq!(bench.touch(&first_use(id, &meta, 1)).await.expect("live").rotation, meta.rotation);
}

#[tokio::test]
async fn an_unknown_secret_and_another_generation_do_not_rotate() {
    let bench = open();
    let (id, meta) = rotated(&bench).await;
    assert_eq!(bench.rotate(&rotate(id, 7, 2, bench.store.now(), 3)).await, Err(Refused::Gone(None)));
    let stale = Rotate { generation: 2, ..rotate(id, 2, 2, bench.store.now(), 3) };
    assert_eq!(bench.rotate(&stale).await, Err(Refused::Conflict));
    assert_eq!(bench.live(id).await.meta, meta);
}
