//! Ends that replicas have, and ends that are repeated after a failover.

use super::*;
use crate::store::Replicas;
use crate::store::redis::client::tests::group::TestGroup;

fn wanted(count: usize) -> Arc<Replicas> {
    Arc::new(Replicas::new(count, Duration::from_millis(300)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_returns_the_replica_count_and_survives_a_failover() {
    let group = TestGroup::start();
    let bench = Bench { store: store_at(&group.url(), "durable", Limits::default()), server: Server::shared() };
    let (one, _) = bench.login("ada").await;
    let (other, _) = bench.login("ada").await;
    let (guest, record) = bench.guest(&[]).await;
    let replicas = wanted(1);
    let ended = bench.store.end_on(bench.op(), &ending(&record, guest), &replicas).await.unwrap();
    assert_eq!((ended, replicas.least()), (Ok(None), 1));
    let replicas = wanted(1);
    let ended = bench.store.revoke_on("ada", Scope::All, EndReason::Revoked, &replicas).await.unwrap();
    assert_eq!((ended, replicas.least()), (Ok(2), 1));
    let more = wanted(2);
    let ended = bench.store.revoke_on("ada", Scope::All, EndReason::Revoked, &more).await.unwrap();
    assert_eq!((ended, more.least()), (Ok(0), 1), "there is only one");
    let epoch = bench.store.ticket("ada").await.unwrap().epoch;

    group.fail_over();
    group.until_promoted(1);
    for id in [one, other, guest] {
        assert!(!bench.is_live(id).await);
    }
    assert_eq!(bench.store.ticket("ada").await.unwrap().epoch, epoch);
}

#[tokio::test]
async fn without_replicas_the_end_is_done_and_returns_none() {
    let bench = open();
    let (id, _) = bench.login("ada").await;
    let replicas = Arc::new(Replicas::new(1, Duration::from_millis(1)));
    let ended = bench.store.revoke_on("ada", Scope::One(id), EndReason::Revoked, &replicas).await.unwrap();
    assert_eq!((ended, replicas.least()), (Ok(1), 0));
    assert_eq!(bench.reason(id).await, Some(EndReason::Revoked));
}

#[tokio::test]
async fn the_wait_for_replicas_does_not_shorten_the_time_for_ends() {
    let within = Duration::from_secs(1);
    let server = Arc::new(Server::start(&[]));
    let store = store_within(Duration::from_millis(400), &server.url(), "alone", Limits::default());
    let bench = Bench { store, server };
    let ((one, _), (other, _)) = (bench.login("ada").await, bench.login("bob").await);
    for (ends, name) in [(Scope::One(one), "ada"), (Scope::All, "bob")] {
        let (begun, replicas) = (std::time::Instant::now(), Arc::new(Replicas::new(1, within)));
        let ended = bench.store.revoke_on(name, ends, EndReason::Revoked, &replicas).await.unwrap();
        assert_eq!((ended, replicas.least()), (Ok(1), 0), "{name}");
        assert!(begun.elapsed() < within + Duration::from_millis(800), "all waits together: {:?}", begun.elapsed());
    }
    assert!(!bench.is_live(one).await && !bench.is_live(other).await);
    let (guest, record) = bench.guest(&[]).await;
    let replicas = Arc::new(Replicas::new(1, within));
    assert_eq!(bench.store.end_on(bench.op(), &ending(&record, guest), &replicas).await.unwrap(), Ok(None));
}

#[tokio::test]
async fn sessions_end_at_once_while_replicas_are_away() {
    let within = Duration::from_secs(2);
    let server = Arc::new(Server::start(&[]));
    let store = store_within(Duration::from_millis(400), &server.url(), "waiting", Limits::default());
    let bench = Arc::new(Bench { store, server });
    let mut ids = Vec::new();
    for user in ["ada", "bob", "cyd", "dan"] {
        ids.push(bench.login(user).await.0);
    }
    let begun = std::time::Instant::now();
    let ends = ["ada", "bob", "cyd", "dan"].map(|user| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let replicas = Arc::new(Replicas::new(1, within));
            let ended = bench.store.revoke_on(user, Scope::All, EndReason::Revoked, &replicas).await;
            (ended.unwrap(), replicas.least())
        })
    });
    for id in ids {
        while bench.is_live(id).await {
            assert!(begun.elapsed() < within / 2, "it lives on while the replicas are waited for");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    for end in ends {
        assert_eq!(end.await.unwrap(), (Ok(1), 0));
    }
}

/// Restarts a server that had persisted nothing since: as in a failover to a replica that lags behind.
#[tokio::test(flavor = "multi_thread")]
async fn ends_undone_by_a_failover_are_repeated_and_later_logins_survive() {
    let server = Server::start(&["--dbfilename", "before.rdb"]);
    let store = store_at(&server.url(), "journal", Limits::default()).shared();
    let op = || Op { id: secret_id(), not_after: store.now() + 60_000, again: false };
    let login = |user: &str| login_of(user, Cap::default());
    let [revoked, kept, lost] = [login("ada"), login("ada"), login("bob")];
    for login in [&revoked, &kept, &lost] {
        store.login(op(), login).await.unwrap().unwrap();
    }
    let guest = guest();
    let record = store.create(op(), &guest, &delta(&["a=1"])).await.unwrap().unwrap();
    server.admin::<()>("SAVE");

    store.revoke("ada", Scope::Others(kept.new.id), EndReason::Revoked).await.unwrap().unwrap();
    store.revoke("bob", Scope::One(lost.new.id), EndReason::Revoked).await.unwrap().unwrap();
    store.end(op(), &ending(&record, guest.id)).await.unwrap().unwrap();
    let epoch = store.ticket("ada").await.unwrap().epoch;
    server.kill();
    server.restart();
    let since = login("ada");
    store.login(op(), &since).await.unwrap().unwrap();

    let is_live = async |id| matches!(store.load(id).await.unwrap(), Loaded::Live(_));
    let limit = std::time::Instant::now() + Duration::from_secs(10);
    while is_live(revoked.new.id).await || is_live(lost.new.id).await || is_live(guest.id).await {
        assert!(std::time::Instant::now() < limit, "the journal does nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(is_live(kept.new.id).await && is_live(since.new.id).await);
    assert_eq!(store.ticket("ada").await.unwrap().epoch, epoch);
}

/// The old master replied just before the failover was seen, and the end was recorded just after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_recorded_just_after_a_failover_is_repeated_too() {
    let server = Server::start(&[]);
    let store = store_at(&server.url(), "late", Limits::default()).shared();
    let op = || Op { id: secret_id(), not_after: store.now() + 60_000, again: false };
    let first = guest();
    let record = store.create(op(), &first, &delta(&[])).await.unwrap().unwrap();
    store.end(op(), &ending(&record, first.id)).await.unwrap().unwrap();
    let mut failovers = store.client.failovers();
    server.kill();
    server.restart();
    let login = login_of("ada", Cap::default());
    while store.login(op(), &login).await.is_err() {}
    tokio::time::timeout(Duration::from_secs(5), failovers.wait_for(|count| *count > 0)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    store.note_end(login.new.id, Some("ada"), EndReason::LoggedOut);
    let limit = std::time::Instant::now() + Duration::from_secs(5);
    while matches!(store.load(login.new.id).await.unwrap(), Loaded::Live(_)) {
        assert!(std::time::Instant::now() < limit, "it is not looked at again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As where each worker of a server has a runtime of its own.
#[test]
fn the_journal_outlives_the_runtime_of_the_first_end() {
    an_end_is_repeated_in_another_runtime(0);
}

/// A login's time is later than the user's epoch and than each other login of the user.
#[test]
fn an_end_is_repeated_for_a_login_ahead_of_the_clock() {
    an_end_is_repeated_in_another_runtime(500);
}

/// Records an end that the server does not have, of a login whose time is this much ahead of the server's clock.
fn an_end_is_repeated_in_another_runtime(ahead_ms: u64) {
    let server = Server::start(&[]);
    let store = store_at(&server.url(), "runtimes", Limits::default()).shared();
    let op = || Op { id: secret_id(), not_after: store.now() + 60_000, again: false };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let guest = guest();
        let record = store.create(op(), &guest, &delta(&[])).await.unwrap().unwrap();
        store.end(op(), &ending(&record, guest.id)).await.unwrap().unwrap();
    });
    drop(first);
    runtime().block_on(async {
        let epoch = store.now() + ahead_ms;
        crate::store::redis::ops::user::revoke_again(&store, "ada", epoch, None, EndReason::Revoked)
            .await
            .unwrap()
            .unwrap();
        let login = login_of("ada", Cap::default());
        store.login(op(), &login).await.unwrap().unwrap();
        store.note_end(login.new.id, Some("ada"), EndReason::LoggedOut);
        let limit = std::time::Instant::now() + Duration::from_secs(5);
        while matches!(store.load(login.new.id).await.unwrap(), Loaded::Live(_)) {
            assert!(std::time::Instant::now() < limit, "nobody watches any more");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

fn secret_id() -> [u8; 8] {
    let mut id = [0; 8];
    fill(&mut id).unwrap();
    id
}
