use super::*;

impl Bench {
    async fn rotate(&self, rotate: &Rotate) -> Result<Meta, Refused> {
        self.store.rotate(self.op(), rotate).await.unwrap().map(|(meta, _)| meta)
    }

    /// A session whose secret 1 was replaced by 2, which is used or unused.
    async fn rotated(&self, used: bool) -> SessionId {
        let (id, _) = self.guest(&["a=1"]).await;
        let meta = self.rotate(&rotating(id, 1, 1, 2)).await.unwrap();
        if used {
            let touch = Touch { id, seen: meta.touched, first_use: Some(secret(2)), user: None };
            self.store.touch(self.op(), &touch).await.unwrap().unwrap();
        }
        id
    }
}

#[tokio::test]
async fn a_rotation_keeps_the_old_secret_as_previous_and_changes_nothing_else() {
    let bench = open();
    let (id, before) = bench.guest(&["a=1"]).await;
    let meta = bench.rotate(&rotating(id, 1, 1, 2)).await.unwrap();
    let rotation = meta.rotation.clone().unwrap();
    assert_eq!((meta.secret, rotation.previous, rotation.used), (secret(2), secret(1), None));
    let after = bench.live(id).await;
    assert_eq!((&after.meta, &after.fields), (&meta, &before.fields));
    assert_eq!((meta.touched, meta.version, meta.generation), (before.meta.touched, 1, 1));
    let meta = bench.rotate(&rotating(id, 2, 2, 3)).await.unwrap();
    assert_eq!(meta.rotation.unwrap().previous, secret(2), "an older previous one is dropped");
}

#[tokio::test]
async fn a_repeated_rotation_rotates_once() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let (op, rotate) = (bench.op(), rotating(id, 1, 1, 2));
    let first = bench.store.rotate(op, &rotate).await.unwrap();
    same(&first, &bench.store.rotate(op, &rotate).await.unwrap());
    bench.end(id).await;
    let ended = Err(Refused::Gone(Some(EndReason::LoggedOut)));
    assert_eq!(bench.store.rotate(op, &rotate).await.unwrap(), ended, "no metadata is left to answer");
}

#[tokio::test]
async fn rotating_by_the_previous_secret_is_already_rotated_until_it_settles() {
    let bench = open();
    let id = bench.rotated(false).await;
    let late = |loaded| Rotate { loaded, ..rotating(id, 1, 2, 3) };
    assert_eq!(bench.rotate(&late(bench.store.now())).await, Err(Refused::AlreadyRotated));
    let before = bench.store.now();
    bench.advance(61_000);
    assert_eq!(bench.rotate(&late(before - 30_000)).await, Err(Refused::AlreadyRotated), "loaded before it settled");
    let other = Rotate { current: secret(9), ..late(bench.store.now()) };
    assert_eq!(bench.rotate(&other).await, Err(Refused::AlreadyRotated), "the current one is another");
    let meta = bench.rotate(&late(bench.store.now())).await.unwrap();
    assert_eq!((meta.secret, meta.rotation.unwrap().previous), (secret(3), secret(1)));
}

#[tokio::test]
async fn once_the_new_secret_is_used_the_previous_one_works_for_ten_seconds() {
    let bench = open();
    let id = bench.rotated(true).await;
    let previous = Rotate { loaded: bench.store.now(), ..rotating(id, 1, 2, 3) };
    bench.advance(9_000);
    assert_eq!(bench.rotate(&previous).await, Err(Refused::AlreadyRotated));
    bench.advance(2_000);
    assert_eq!(bench.rotate(&previous).await, Err(Refused::Gone(None)));
    assert_eq!(bench.rotate(&rotating(id, 7, 2, 3)).await, Err(Refused::Gone(None)), "an unknown secret");
    assert_eq!(bench.live(id).await.meta.secret, secret(2));
}

#[tokio::test]
async fn two_rotations_at_once_replace_one_secret() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let (one, other) = (rotating(id, 1, 1, 2), rotating(id, 1, 1, 3));
    let (one, other) = tokio::join!(bench.rotate(&one), bench.rotate(&other));
    let refused = one.as_ref().err().or(other.as_ref().err());
    assert_eq!(refused, Some(&Refused::AlreadyRotated));
    assert!(one.is_ok() || other.is_ok());
}

#[tokio::test]
async fn a_rotation_returns_gone_and_conflict_first() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    assert_eq!(bench.rotate(&rotating(guest().id, 1, 1, 2)).await, Err(Refused::Gone(None)));
    assert_eq!(bench.rotate(&Rotate { generation: 2, ..rotating(id, 7, 7, 2) }).await, Err(Refused::Conflict));
    bench.end(id).await;
    assert_eq!(bench.rotate(&rotating(id, 1, 1, 2)).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
}

#[tokio::test]
async fn an_unknown_secret_replaces_no_unused_one() {
    let bench = open();
    let id = bench.rotated(false).await;
    let unknown = |loaded| Rotate { loaded, ..rotating(id, 7, 2, 3) };
    assert_eq!(bench.rotate(&unknown(bench.store.now())).await, Err(Refused::Gone(None)));
    bench.advance(61_000);
    assert_eq!(bench.rotate(&unknown(bench.store.now())).await, Err(Refused::Gone(None)));
    assert_eq!(bench.live(id).await.meta.secret, secret(2));
}

#[tokio::test]
async fn a_callers_clock_ahead_does_not_replace_an_unsettled_secret() {
    let bench = open();
    let id = bench.rotated(false).await;
    let ahead = Rotate { loaded: bench.store.now() + HOUR, ..rotating(id, 1, 2, 3) };
    assert_eq!(bench.rotate(&ahead).await, Err(Refused::AlreadyRotated));
}

/// The stored digests, as the number of their secret and their age in minutes.
impl Bench {
    async fn former(&self, id: SessionId) -> Vec<(u8, u64)> {
        let (meta, now) = (self.live(id).await.meta, self.store.now());
        let age = |at: Millis| (now.saturating_sub(at) + MINUTE / 2) / MINUTE;
        meta.rotation.map_or_else(Vec::new, |rotation| {
            rotation.former.iter().map(|former| (former.digest.0[0], age(former.at))).collect()
        })
    }
}

#[tokio::test]
async fn the_csrf_digests_of_the_last_four_rotations_of_an_hour_are_kept() {
    let bench = open();
    let new = NewSession { lifetimes: Lifetimes { idle_ms: 2 * HOUR, absolute_ms: 20 * HOUR, ..SPANS }, ..guest() };
    bench.create(&new, &["a=1"]).await;
    let id = new.id;
    for from in 1..=5 {
        bench.rotate(&rotating(id, from, from, from + 1)).await.unwrap();
        bench.advance(10 * MINUTE);
    }
    assert_eq!(bench.former(id).await, [(2, 40), (3, 30), (4, 20), (5, 10)]);
    bench.advance(25 * MINUTE);
    bench.rotate(&rotating(id, 6, 6, 7)).await.unwrap();
    assert_eq!(bench.former(id).await, [(3, 55), (4, 45), (5, 35), (6, 0)], "one too many, and older than an hour");
    bench.advance(30 * MINUTE);
    bench.rotate(&rotating(id, 7, 7, 8)).await.unwrap();
    assert_eq!(bench.former(id).await, [(6, 30), (7, 0)], "older than an hour");
}

#[tokio::test]
async fn a_secret_that_is_replaced_twice_has_one_csrf_digest() {
    let bench = open();
    let id = bench.rotated(false).await;
    bench.advance(2 * MINUTE);
    bench.rotate(&Rotate { loaded: bench.store.now(), ..rotating(id, 1, 2, 3) }).await.unwrap();
    assert_eq!(bench.former(id).await, [(1, 0)], "it counts from the second time");
}

#[tokio::test]
async fn a_refused_rotation_keeps_no_csrf_digest_and_a_login_drops_all() {
    let bench = open();
    let (id, before) = bench.login("ada").await;
    bench.rotate(&rotating(id, 1, 1, 2)).await.unwrap();
    assert_eq!(bench.rotate(&rotating(id, 9, 2, 3)).await, Err(Refused::Gone(None)));
    assert_eq!(bench.rotate(&rotating(id, 1, 2, 3)).await, Err(Refused::AlreadyRotated));
    assert_eq!(bench.former(id).await, [(1, 0)]);
    bench.store.reauthenticate(bench.op(), &again(&before, id, 5)).await.unwrap().unwrap();
    assert_eq!(bench.former(id).await, []);
    bench.rotate(&Rotate { generation: 2, ..rotating(id, 5, 5, 6) }).await.unwrap();
    assert_eq!(bench.former(id).await, [(5, 0)], "none of before the login comes back");
}
