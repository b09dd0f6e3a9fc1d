use super::*;

#[tokio::test]
async fn an_ended_session_is_a_tombstone_without_fields_or_user() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    bench.store.rotate(bench.op(), &rotating(id, 1, 1, 2)).await.unwrap().unwrap();
    bench.save(&saving(id, &["a=1"])).await.unwrap();
    bench.store.end(bench.op(), &ending(&record, id)).await.unwrap().unwrap();
    let tombstone = Tombstone {
        reason: EndReason::LoggedOut,
        secret: secret(2),
        previous: Some(secret(1)),
        successor: None,
        door: false,
    };
    assert_eq!(bench.load(id).await, Loaded::Ended(tombstone));
    let key = bench.store.keys.session(id);
    assert_eq!(bench.raw::<Vec<String>>("HKEYS", &key, &[]), ["@"]);
    let etag: Vec<u8> = bench.raw("HGET", &key, &[b"@"]);
    assert!(!etag.windows(3).any(|bytes| bytes == b"ada"));
    assert_eq!((bench.scored(id), bench.indexed("ada")), (None, 0));
}

#[tokio::test]
async fn no_call_after_the_end_changes_the_tombstone() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    bench.end(id).await;
    let gone = Refused::Gone(Some(EndReason::LoggedOut));
    let key = bench.store.keys.session(id);
    let etag: Vec<u8> = bench.raw("HGET", &key, &[b"@"]);
    assert_eq!(bench.save(&saving(id, &["a=1"])).await, Err(gone.clone()));
    assert_eq!(bench.touch(id, record.meta.touched, Some("ada")).await, Err(gone.clone()));
    let other = End { reason: EndReason::Revoked, ..ending(&record, id) };
    assert_eq!(bench.store.end(bench.op(), &other).await.unwrap(), Err(gone.clone()));
    assert_eq!(bench.store.reauthenticate(bench.op(), &again(&record, id, 3)).await.unwrap(), Err(gone));
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(0));
    assert_eq!(bench.raw::<Vec<u8>>("HGET", &key, &[b"@"]), etag);
}

#[tokio::test]
async fn a_repeated_end_gets_the_first_reply_and_ends_nothing_newer() {
    let bench = open();
    let (id, record) = bench.guest(&[]).await;
    let (op, end) = (bench.op(), ending(&record, id));
    assert_eq!(bench.store.end(op, &end).await.unwrap(), Ok(None));
    assert_eq!(bench.store.end(op, &end).await.unwrap(), Ok(None));
    assert_eq!(bench.store.end(bench.op(), &end).await.unwrap(), Err(Refused::Gone(Some(EndReason::LoggedOut))));
}

#[tokio::test]
async fn an_end_with_kept_fields_is_followed_by_a_guest() {
    let bench = open();
    let (id, record) = bench.login("ada").await;
    bench.save(&saving(id, &["cart=1", "language=en", "secret=1"])).await.unwrap();
    let (mut end, next) = followed(&record, id, &["language", "cart", "missing", "added", "@"]);
    end.delta = delta(&["added=1", "cart"]);
    let op = bench.op();
    let first = bench.store.end(op, &end).await.unwrap();
    let guest = first.clone().unwrap().unwrap();
    assert_eq!(names(&guest), ["added", "language"]);
    assert_eq!((&guest.meta.user, guest.meta.secret, guest.meta.version), (&None, secret(8), 1));
    assert_eq!(bench.live(next).await, guest);
    assert_eq!(bench.reason(id).await, Some(EndReason::LoggedOut));
    assert_eq!(bench.scored(next), Some(guest.meta.deadline() as f64));
    same(&first, &bench.store.end(op, &end).await.unwrap());
    bench.save(&saving(next, &["more=1"])).await.unwrap();
    assert_eq!(names(&bench.store.end(op, &end).await.unwrap().unwrap().unwrap()), ["added", "language", "more"]);
    bench.end(next).await;
    assert_eq!(bench.store.end(op, &end).await.unwrap(), Ok(None), "nothing follows any more");
}

#[tokio::test]
async fn an_end_without_kept_fields_has_no_successor() {
    let bench = open();
    let (id, record) = bench.guest(&["cart=1"]).await;
    let (mut end, next) = followed(&record, id, &["cart"]);
    end.delta = cleared(&[]);
    assert_eq!(bench.store.end(bench.op(), &end).await.unwrap(), Ok(None));
    assert_eq!(bench.load(next).await, Loaded::Absent);
    assert_eq!(bench.scored(next), None);
}
