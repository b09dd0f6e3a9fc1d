use super::*;

#[tokio::test]
async fn refusals_come_in_order_and_end_nothing() {
    let bench = open_with(Limits::default().fields(2).session_bytes(20));
    let (id, record) = bench.guest(&["a=1"]).await;
    let (end, _) = followed(&record, id, &["a", "b", "c"]);
    let conflict = End { old: Old { generation: 2, ..end.old.clone() }, ..end.clone() };
    assert_eq!(bench.store.end(bench.op(), &conflict).await.unwrap(), Err(Refused::Conflict));
    let (mut taken, _) = followed(&record, id, &["a"]);
    taken.successor.as_mut().unwrap().0.id = other(&bench, id).await;
    assert_eq!(bench.store.end(bench.op(), &taken).await.unwrap(), Err(Refused::Exists));
    let many = End { delta: delta(&["b=1", "c=1"]), ..end.clone() };
    assert_eq!(bench.store.end(bench.op(), &many).await.unwrap(), Err(Refused::TooManyFields));
    let large = End { delta: delta(&["b=12345678901234567"]), ..end.clone() };
    assert_eq!(bench.store.end(bench.op(), &large).await.unwrap(), Err(Refused::TooManyBytes));
    assert_eq!(bench.live(id).await.fields, record.fields);
    let gone = End { old: Old { id: SessionId::mint(id.bucket()).unwrap(), ..conflict.old }, ..end };
    assert_eq!(bench.store.end(bench.op(), &gone).await.unwrap(), Err(Refused::Gone(None)));
}

/// Another session in the same bucket.
async fn other(bench: &Bench, id: SessionId) -> SessionId {
    let new = NewSession { id: SessionId::mint(id.bucket()).unwrap(), ..guest() };
    bench.create(&new, &[]).await;
    new.id
}
