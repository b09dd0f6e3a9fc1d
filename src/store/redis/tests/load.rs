use std::collections::BTreeMap;

use super::*;

#[tokio::test]
async fn an_unknown_id_is_absent_and_stays_so() {
    let bench = open();
    let id = guest().id;
    assert_eq!(bench.load(id).await, Loaded::Absent);
    assert_eq!(bench.store.load_timed(id).await.unwrap().0, Loaded::Absent);
    let stored: bool = bench.raw("EXISTS", &bench.store.keys.session(id), &[]);
    assert!(!stored);
}

#[tokio::test]
async fn the_first_graced_session_makes_loads_ask_for_the_time_left() {
    let bench = open();
    let new = needs_pttl();
    bench.create(&new, &["a=1"]).await;
    let stranger = store(&bench.server, &bench.store.settings.namespace, Limits::default());
    assert!(!stranger.needs_pttl());
    assert!(matches!(stranger.load(new.id).await.unwrap(), Loaded::Live(_)));
    assert!(stranger.needs_pttl());
    bench.advance(LIFE + 1);
    for asked in [&stranger, &store(&bench.server, &bench.store.settings.namespace, Limits::default())] {
        let Loaded::Ended(tombstone) = asked.load(new.id).await.unwrap() else { panic!("past its deadline") };
        assert_eq!((tombstone.reason, tombstone.secret), (EndReason::Expired, secret(1)));
    }
    bench.advance(GRACE);
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
}

#[tokio::test]
async fn a_timed_load_returns_redis_time_from_before() {
    let bench = open();
    let (id, record) = bench.guest(&["a=1"]).await;
    let (loaded, now) = bench.store.load_timed(id).await.unwrap();
    assert_eq!(loaded, Loaded::Live(Box::new(record.clone())));
    assert!((record.meta.created..record.meta.created + 10_000).contains(&now));
    bench.advance(LIFE + 1);
    assert_eq!(bench.store.load_timed(id).await.unwrap().0, Loaded::Absent);
}

#[tokio::test]
async fn a_key_that_is_not_a_session_is_unreadable() {
    let bench = open();
    let (id, _) = bench.guest(&["a=1"]).await;
    let key = bench.store.keys.session(id);
    let _: u32 = bench.raw("HSET", &key, &[b"@", b"\x02newer"]);
    assert!(matches!(bench.store.load(id).await, Err(Error::Unreadable(_))));
    let saved = bench.store.save(bench.op(), &saving(id, &["a=1"])).await;
    assert!(matches!(saved, Err(Error::Unreadable(_))), "{saved:?}");
    let _: u32 = bench.raw("HDEL", &key, &[b"@"]);
    assert!(matches!(bench.store.load(id).await, Err(Error::Unreadable(_))));
}

#[tokio::test]
async fn a_ping_returns_redis_time() {
    let bench = open();
    let now = bench.store.ping().await.unwrap();
    assert!(now.abs_diff(bench.store.now()) < 5_000);
}

/// R47: the server's work for a load and a save, by command; a save in a script.
#[tokio::test]
async fn a_plain_load_and_save_take_the_same_commands_as_ever() {
    const ROUNDS: u64 = 20;
    let bench = open_on(Arc::new(Server::start(&[])), Limits::default());
    let (id, _) = bench.guest(&["a=1"]).await;
    let load_and_save = async |round: u64| {
        let save = Save { snapshot: bench.snapshot(id).await, ..saving(id, &[&format!("a={round}")]) };
        // Each later than the one before: of more than eight in a millisecond some would be stale, and sent again.
        let op = bench.op();
        bench.save_as(Op { not_after: op.not_after + 10 * round, ..op }, &save).await.unwrap();
    };
    // From here on the server has the script.
    load_and_save(0).await;
    let calls = || {
        let stats: String = bench.raw("INFO", b"commandstats", &[]);
        let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
        let calls =
            lines.map(|(name, rest)| (name.to_owned(), rest.split(',').next().unwrap().parse::<u64>().unwrap()));
        calls.collect::<BTreeMap<_, _>>()
    };
    let before = calls();
    for round in 1..=ROUNDS {
        load_and_save(round).await;
    }
    let mut more = calls();
    more.iter_mut().for_each(|(name, calls)| *calls -= before.get(name).unwrap_or(&0));
    // This test's own connections, and the check of each connection every 2 s, do not count.
    more.retain(|name, calls| *calls > 0 && !["info", "hello", "time", "role", "client|setinfo"].contains(&&**name));
    let expected = ["evalsha", "hget", "hgetall", "hset", "pttl"].map(|name| (name.to_owned(), ROUNDS));
    assert_eq!(more, expected.into());
}
