//! Late calls, lost operation ids, full memory.

use super::*;

#[tokio::test]
async fn a_late_call_is_sent_again_as_a_new_operation() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let now = bench.store.now();
    for not_after in [now - 1, 0, now + HOUR] {
        let op = Op { not_after, ..bench.op() };
        bench.save_as(op, &saving(id, &["a=1"])).await.unwrap();
    }
    assert_eq!(bench.live(id).await.meta.version, 4);
}

#[tokio::test]
async fn a_repeat_pushed_out_of_the_ring_is_not_executed() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let keys = [bench.store.keys.session(id)];
    let op = bench.op();
    let save = async |op: Op| {
        let not_after = op.not_after.to_string();
        let args: [&[u8]; 10] = [&op.id, not_after.as_bytes(), b"1", b"", b"9", b"99", b"0", b"1", b"a", b"\x021"];
        let budget = bench.store.client.budget();
        let sent = bench
            .store
            .client
            .script(client::Path::Request, &budget, &scripts::SAVE, &[&keys[0]], &args)
            .await
            .unwrap();
        reply::Reply::read(sent.answer).unwrap().code
    };
    assert_eq!(save(op).await, reply::Code::Ok);
    assert_eq!(save(op).await, reply::Code::Ok);
    assert_eq!(bench.live(id).await.meta.version, 2, "done once");
    for later in 0..8 {
        let op = Op { not_after: op.not_after + 1 + later, ..bench.op() };
        assert_eq!(save(op).await, reply::Code::Ok);
    }
    assert_eq!(save(op).await, reply::Code::Stale);
    assert_eq!(bench.live(id).await.meta.version, 10);
}

#[tokio::test]
async fn a_call_is_refused_after_its_not_after_and_two_minutes_before_it() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let now = bench.store.ping().await.unwrap();
    for not_after in [now - 1_000, now + 125_000] {
        let op = Op { not_after, ..bench.op() };
        assert_eq!(bench.deliver_save(id, op).await, reply::Code::Late, "{not_after}, now {now}");
    }
    assert_eq!(bench.live(id).await.meta.version, 1);
    assert_eq!(bench.deliver_save(id, Op { not_after: now + 115_000, ..bench.op() }).await, reply::Code::Ok);
}

#[tokio::test]
async fn a_later_pushed_out_operation_does_not_lower_the_horizon() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    bench.advance(2 * MINUTE);
    let now = bench.store.ping().await.unwrap();
    let first = Op { not_after: now + 100_000, ..bench.op() };
    assert_eq!(bench.deliver_save(id, first).await, reply::Code::Ok);
    for not_after in [[now + 60_000; 8], [now + 110_000; 8]].concat() {
        assert_eq!(bench.deliver_save(id, Op { not_after, ..bench.op() }).await, reply::Code::Ok);
    }
    assert_eq!(bench.deliver_save(id, first).await, reply::Code::Stale);
    assert_eq!(bench.live(id).await.meta.version, 18);
}

#[tokio::test]
async fn an_expired_call_is_not_executed_after_the_clock_is_set_back() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let op = bench.op();
    assert_eq!(bench.deliver_save(id, op).await, reply::Code::Ok);
    bench.advance(2 * MINUTE);
    bench.save(&saving(id, &["b=1"])).await.unwrap();
    bench.set_back(2 * MINUTE);
    assert_eq!(bench.deliver_save(id, op).await, reply::Code::Stale);
    assert_eq!(bench.live(id).await.meta.version, 3);
}

#[tokio::test]
async fn calls_that_push_each_other_out_of_the_ring_are_all_done_once() {
    let bench = Arc::new(open());
    let (id, _) = bench.guest(&[]).await;
    let add = Increment { id, generation: 1, field: "n".into(), by: 1, snapshot: None };
    let tasks: Vec<_> = (0..100)
        .map(|_| (bench.clone(), add.clone()))
        .map(|(bench, add)| {
            let op = bench.op();
            tokio::spawn(async move { bench.store.increment(op, &add).await.unwrap().unwrap() })
        })
        .collect();
    let mut values = Vec::new();
    for task in tasks {
        values.push(task.await.unwrap().0);
    }
    values.sort_unstable();
    assert_eq!(values, (1..=100).collect::<Vec<i64>>());
}

/// A Cluster keeps a part of the budget for a second try, which is never sent here.
#[tokio::test]
async fn a_possibly_executed_call_is_not_reported_as_not_executed() {
    let server = Server::start(&[]);
    let store = store_within(Duration::from_secs(1), &server.url(), "unsure", Limits::default()).sharded(true);
    let op = |again| Op { again, ..open().op() };
    let new = guest();
    let record = store.create(op(false), &new, &delta(&[])).await.unwrap().unwrap();
    server.stop();
    let end = ending(&record, new.id);
    let (ended, ()) = tokio::join!(store.end(op(false), &end), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.kill();
    });
    assert!(matches!(ended, Err(Error::Indeterminate(_))), "{ended:?}");
    for (again, unknown) in [(false, false), (true, true)] {
        let saved = store.save(op(again), &saving(new.id, &["a=1"])).await;
        assert_eq!(matches!(saved, Err(Error::Indeterminate(_))), unknown, "{saved:?}");
    }
}

#[tokio::test]
async fn at_full_memory_ends_and_touches_succeed_and_logins_leave_nothing() {
    let full = Arc::new(Server::start(&[]));
    let bench = open_on(full, Limits::default());
    let (one, record) = bench.login("ada").await;
    let (two, _) = bench.login("ada").await;
    let (used, _) = bench.guest(&["a=1"]).await;
    bench.advance(2 * MINUTE);
    let _: String = bench.server.admin("CONFIG SET maxmemory 1");
    let seen = bench.live(used).await.meta.touched;
    assert!(bench.touch(used, seen, None).await.unwrap().touched > seen);
    let login = login_of("ada", Cap::default());
    let refused = bench.store.login(bench.op(), &login).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert_eq!(bench.load(login.new.id).await, Loaded::Absent);
    bench.store.end(bench.op(), &ending(&record, one)).await.unwrap().unwrap();
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(1));
    assert_eq!((bench.reason(two).await, bench.indexed("ada")), (Some(EndReason::Revoked), 0));
    assert_eq!(bench.store.revoke_bucket(used.bucket(), Who::Everyone).await.unwrap(), 1);
}

#[tokio::test]
async fn at_full_memory_the_sweep_succeeds() {
    let bench = open_on(Arc::new(Server::start(&[])), Limits::default());
    let new = needs_pttl();
    bench.create(&new, &[]).await;
    bench.advance(LIFE + 1);
    let _: String = bench.server.admin("CONFIG SET maxmemory 1");
    assert_eq!(bench.sweep(new.id.bucket()).await, (1, 0, 0));
    assert_eq!(bench.scored(new.id), None);
}

#[tokio::test]
async fn flushed_scripts_are_not_an_outage() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let _: String = bench.server.admin("SCRIPT FLUSH");
    assert_eq!(bench.save(&saving(id, &["a=1"])).await, Ok(2));
}

#[tokio::test]
async fn after_the_clock_was_set_back_a_used_session_can_be_written_and_ended() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    for number in 0..10 {
        // The first ones are pushed out. Each later than the one before: in one millisecond the last would be stale.
        let op = bench.op();
        let op = Op { not_after: op.not_after + 10 * number, ..op };
        assert_eq!(bench.deliver_save(id, op).await, reply::Code::Ok);
    }
    bench.set_back(600_000);
    assert_eq!(bench.deliver_save(id, bench.op()).await, reply::Code::Ok);
    bench.end(id).await;
    assert!(matches!(bench.load(id).await, Loaded::Ended(_)));
}
