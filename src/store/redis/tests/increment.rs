use super::*;

fn by(id: SessionId, field: &str, by: i64) -> Increment {
    Increment { id, generation: 1, field: field.into(), by, snapshot: None }
}

impl Bench {
    async fn add(&self, increment: &Increment) -> Result<(i64, u32), Refused> {
        self.add_as(self.op(), increment).await
    }

    async fn add_as(&self, op: Op, increment: &Increment) -> Result<(i64, u32), Refused> {
        let answer = self.store.increment(op, increment).await.unwrap();
        answer.map(|(value, wrote)| (value, wrote.version))
    }
}

#[tokio::test]
async fn a_counter_starts_at_zero_and_keeps_all_64_bits() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    assert_eq!(bench.add(&by(id, "hits", 5)).await, Ok((5, 2)));
    assert_eq!(bench.add(&by(id, "hits", -7)).await, Ok((-2, 3)));
    assert_eq!(bench.add(&by(id, "big", i64::MAX - 1)).await, Ok((i64::MAX - 1, 4)));
    assert_eq!(bench.add(&by(id, "big", 1)).await, Ok((i64::MAX, 5)));
    assert_eq!(bench.add(&by(id, "small", i64::MIN)).await, Ok((i64::MIN, 6)));
    assert_eq!(stored_at(&bench.live(id).await, 0), encode_counter(i64::MAX));
}

#[tokio::test]
async fn a_repeated_increment_adds_once_and_returns_the_first_value() {
    let bench = open();
    let (id, _) = bench.guest(&[]).await;
    let op = bench.op();
    let first = bench.store.increment(op, &by(id, "hits", 1)).await.unwrap();
    bench.add(&by(id, "hits", 10)).await.unwrap();
    same(&first, &bench.store.increment(op, &by(id, "hits", 1)).await.unwrap());
    assert_eq!(stored_at(&bench.live(id).await, 0), encode_counter(11));
    bench.end(id).await;
    same(&first, &bench.store.increment(op, &by(id, "hits", 1)).await.unwrap());
}

#[tokio::test]
async fn overflow_and_wrong_kind_change_nothing() {
    let bench = open();
    let (id, _) = bench.guest(&["text=1"]).await;
    bench.add(&by(id, "big", i64::MAX)).await.unwrap();
    let before = bench.live(id).await;
    assert_eq!(bench.add(&by(id, "big", 1)).await, Err(Refused::Overflow));
    assert_eq!(bench.add(&by(id, "text", 1)).await, Err(Refused::WrongKind));
    let after = Record { etag: before.etag.clone(), ..bench.live(id).await };
    assert_eq!(after, before, "but for the recorded refusals");
}

#[tokio::test]
async fn a_permission_error_is_not_reported_as_a_wrong_kind() {
    let bench = open_on(Arc::new(Server::start(&[])), Limits::default());
    let (id, _) = bench.guest(&[]).await;
    bench.add(&by(id, "n", 1)).await.unwrap();
    let before = bench.live(id).await;
    bench.server.admin::<()>("ACL SETUSER default -hincrby");
    let op = bench.op();
    let failed = bench.store.increment(op, &by(id, "n", 1)).await;
    assert!(matches!(failed, Err(Error::Indeterminate(_))), "{failed:?}");
    assert_eq!(bench.live(id).await, before);
    bench.server.admin::<()>("ACL SETUSER default +hincrby");
    assert_eq!(bench.add_as(op, &by(id, "n", 1)).await, Ok((2, 3)), "a repeat finds no answer to give");
}

#[tokio::test]
async fn a_counter_that_grows_beyond_the_limit_is_put_back() {
    let bench = open_with(Limits::default().fields(1).session_bytes(3));
    let (id, _) = bench.guest(&[]).await;
    assert_eq!(bench.add(&by(id, "n", 99)).await, Ok((99, 2)));
    assert_eq!(bench.add(&by(id, "n", 1)).await, Err(Refused::TooManyBytes));
    assert_eq!(bench.add(&by(id, "m", 1)).await, Err(Refused::TooManyFields));
    let record = bench.live(id).await;
    assert_eq!((names(&record), stored_at(&record, 0)), (vec!["n"], encode_counter(99)));
    assert_eq!(bench.add(&by(id, "n", -90)).await, Ok((9, 3)));
    assert_eq!(bench.add(&by(id, "n", -18)).await, Ok((-9, 4)));
}

#[tokio::test]
async fn an_increment_returns_gone_and_conflict_before_the_wrong_kind() {
    let bench = open();
    let (id, _) = bench.guest(&["text=1"]).await;
    assert_eq!(bench.add(&by(guest().id, "n", 1)).await, Err(Refused::Gone(None)));
    assert_eq!(bench.add(&Increment { generation: 2, ..by(id, "text", 1) }).await, Err(Refused::Conflict));
    bench.end(id).await;
    assert_eq!(bench.add(&by(id, "n", 1)).await, Err(Refused::Gone(Some(EndReason::LoggedOut))));
}
