//! Joining another login's session: repeats, lost replies, and a session that is still parked.

use super::*;
use crate::store::redis::ops::login_cross_slot::CrossSlotLogin;

/// A guest with a cart that one login has made a session for.
async fn joinable(bench: &Bench) -> Join {
    joinable_as(bench, None).await
}

async fn joinable_as(bench: &Bench, remember: Option<bool>) -> Join {
    let (guest, before) = bench.guest(&["cart=1"]).await;
    let mut login =
        NewLogin { old: Some(old(&before, guest)), keep: vec!["cart".into()], ..login_of("ada", Cap::default()) };
    login.new.remember = remember;
    bench.try_login(&login).await.unwrap();
    joining(login.new.id)
}

fn joining(id: SessionId) -> Join {
    let (user, client) = ("ada".to_owned(), ClientInfo::new());
    Join { id, user, secret: secret(9), client, delta: delta(&["cart=2"]), ticket: None }
}

impl Bench {
    async fn join(&self, op: Op, join: &Join) -> Result<Record, Refused> {
        self.store.join(op, join).await.unwrap()
    }
}

#[tokio::test]
async fn a_join_changes_the_secret_and_its_delta_and_nothing_else() {
    let bench = open();
    let join = joinable(&bench).await;
    let before = bench.live(join.id).await;
    let record = bench.join(bench.op(), &join).await.unwrap();
    assert_eq!(record, bench.live(join.id).await);
    let rotation = record.meta.rotation.clone().unwrap();
    assert_eq!((record.meta.secret, rotation.previous, rotation.used), (secret(9), secret(1), None));
    assert_eq!((record.meta.version, names(&record)), (2, vec!["cart"]));
    let same = Meta { secret: secret(1), rotation: None, version: 1, ..record.meta };
    assert_eq!(same, before.meta, "generation, login time, deadline and index stay");
    let unchanged = Join { secret: secret(8), delta: Delta::default(), ..join };
    assert_eq!(bench.join(bench.op(), &unchanged).await.unwrap().meta.version, 2, "only a delta raises it");
}

#[tokio::test]
async fn a_repeated_join_gets_the_first_reply_and_replaces_no_secret() {
    let bench = open();
    let join = joinable(&bench).await;
    let op = bench.op();
    let first = bench.join(op, &join).await.unwrap();
    let etag = bench.hash(join.id);
    assert_eq!(bench.join(Op { again: true, ..op }, &join).await.unwrap(), first);
    assert_eq!(bench.hash(join.id), etag);
    bench.advance(30_000);
    let before = bench.hash(join.id);
    bench.end(join.id).await;
    assert_eq!(bench.join(Op { again: true, ..op }, &join).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
    assert_ne!(bench.hash(join.id), before);
}

#[tokio::test]
async fn a_repeated_join_gets_the_first_reply_even_after_a_step_up() {
    let bench = open();
    let join = joinable(&bench).await;
    bench.advance(50_000);
    let op = bench.op();
    let first = bench.join(op, &join).await.unwrap();
    bench.advance(20_000);
    // Moved back in time like the stored data.
    let repeat = Op { not_after: op.not_after - 20_000, again: true, ..op };
    assert_eq!(bench.join(repeat, &join).await.unwrap().meta.secret, first.meta.secret);
    assert_eq!(bench.join(bench.op(), &join).await, Err(Refused::NotJoined), "a new one is too late");

    let join = joinable(&bench).await;
    let op = bench.op();
    bench.join(op, &join).await.unwrap();
    let step_up = again(&bench.live(join.id).await, join.id, 3);
    bench.store.reauthenticate(bench.op(), &step_up).await.unwrap().unwrap();
    let stored = bench.hash(join.id);
    assert_eq!(bench.join(Op { again: true, ..op }, &join).await.unwrap().meta.secret, secret(3));
    assert_eq!(bench.hash(join.id), stored);
    assert_eq!(bench.join(bench.op(), &join).await, Err(Refused::NotJoined), "a new one comes after it");
}

#[tokio::test]
async fn an_impossible_join_changes_nothing() {
    let bench = open();
    let join = joinable(&bench).await;
    let before = bench.hash(join.id);
    let other = |client| Join { client, ..join.clone() };
    for refused in [
        other(ClientInfo::new().user_agent("")),
        other(ClientInfo::new().address([192, 0, 2, 1].into())),
        Join { user: "adam".into(), ..join.clone() },
        Join { user: "ad".into(), ..join.clone() },
    ] {
        assert_eq!(bench.join(bench.op(), &refused).await, Err(Refused::NotJoined), "{refused:?}");
    }
    assert_eq!(bench.hash(join.id), before);
    let absent = SessionId::mint(join.id.bucket()).unwrap();
    assert_eq!(bench.join(bench.op(), &joining(absent)).await, Err(Refused::NotJoined));
}

#[tokio::test]
async fn a_join_does_not_depend_on_whether_the_cookie_is_kept() {
    let bench = open();
    let join = joinable_as(&bench, Some(true)).await;
    assert!(bench.join(bench.op(), &join).await.is_ok());
}

#[tokio::test]
async fn a_join_waits_for_a_cross_slot_login_within_its_budget() {
    let mut bench = open();
    bench.store.sharded = true;
    let (guest, before) = bench.guest(&["cart=1"]).await;
    let mut login = NewLogin { old: Some(old(&before, guest)), ..login_of("ada", Cap::default()) };
    login.keep = vec!["cart".into()];
    let steps = CrossSlotLogin::new(&bench.store, bench.op(), &login, login.old.as_ref().unwrap());
    let seen = steps.look().await.unwrap().unwrap();
    steps.park(&steps.carried(&seen)).await.unwrap().unwrap();
    let carried = steps.leave(1).await.unwrap().unwrap();
    let Loaded::Ended(tombstone) = bench.load(guest).await else { panic!("a tombstone") };
    assert_eq!(tombstone.successor, Some(login.new.id));

    let join = joining(login.new.id);
    let began = std::time::Instant::now();
    assert_eq!(bench.join(bench.op(), &join).await, Err(Refused::NotJoined));
    assert!((1_900..6_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let (joined, activated) = tokio::join!(bench.join(bench.op(), &join), async {
        tokio::task::yield_now().await;
        steps.activate(&carried).await.unwrap()
    });
    assert_eq!(joined.unwrap().meta.secret, secret(9));
    assert_eq!(activated.unwrap().meta.secret, secret(1));
    assert_eq!(names(&bench.live(login.new.id).await), ["cart"]);
}

/// The key of a short session outlives it, for repeats of its creation alone.
#[tokio::test]
async fn a_session_whose_key_stays_only_for_repeats_cannot_be_joined() {
    let bench = open();
    let (guest, before) = bench.guest(&["cart=1"]).await;
    let mut login = NewLogin { old: Some(old(&before, guest)), ..login_of("ada", Cap::default()) };
    login.new.lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: 1_000, interval_ms: 100 };
    bench.try_login(&login).await.unwrap();
    bench.advance(50_000);
    assert_eq!(bench.load(login.new.id).await, Loaded::Absent);
    assert_eq!(bench.join(bench.op(), &joining(login.new.id)).await, Err(Refused::NotJoined));
}
