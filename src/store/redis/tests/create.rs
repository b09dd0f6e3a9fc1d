use super::*;
use crate::fields::map::Contents;

#[tokio::test]
async fn a_created_session_loads_as_returned() {
    let bench = open();
    let client = ClientInfo::new().address([192, 0, 2, 1].into()).user_agent("curl/8");
    let new = NewSession { client, ..guest() };
    let record = bench.create(&new, &["b=2", "a=1"]).await;
    assert_eq!(bench.live(new.id).await, Record { fields: delta_fields(&["a=1", "b=2"]), ..record.clone() });
    assert_eq!((record.meta.generation, record.meta.version, record.meta.rotation), (1, 1, None));
    assert_eq!(record.meta.created, record.meta.touched);
}

fn delta_fields(changes: &[&str]) -> Contents {
    delta(changes).sets().collect()
}

#[tokio::test]
async fn a_repeated_create_gets_the_first_reply_even_after_the_end() {
    let bench = open();
    let (new, op) = (guest(), bench.op());
    let nothing = Delta::default();
    let create = || bench.store.create(op, &new, &nothing);
    let first = create().await.unwrap();
    same(&first, &create().await.unwrap());
    bench.end(new.id).await;
    same(&first, &create().await.unwrap());
    assert_eq!(bench.reason(new.id).await, Some(EndReason::LoggedOut));
    assert_eq!(bench.scored(new.id), None);
}

#[tokio::test]
async fn another_create_of_the_same_id_is_refused_also_after_the_end() {
    let bench = open();
    let (id, before) = bench.guest(&["a=1"]).await;
    let new = NewSession { id, secret: secret(9), ..guest() };
    let refused = bench.store.create(bench.op(), &new, &delta(&["a=2"])).await.unwrap();
    assert_eq!(refused, Err(Refused::Exists));
    assert_eq!(bench.live(id).await, before);
    bench.end(id).await;
    assert_eq!(bench.store.create(bench.op(), &new, &Delta::default()).await.unwrap(), Err(Refused::Exists));
}

#[tokio::test]
async fn nothing_is_stored_beyond_the_limits() {
    let bench = open_with(Limits::default().fields(2).session_bytes(9));
    for (changes, refused) in [
        (&["a=1", "b=2", "c=3"][..], Err(Refused::TooManyFields)),
        (&["a=1", "b=12345"], Err(Refused::TooManyBytes)),
        (&["a=1", "b=1234"], Ok(())),
    ] {
        let new = guest();
        let answer = bench.store.create(bench.op(), &new, &delta(changes)).await.unwrap();
        assert_eq!(answer.map(drop), refused, "{changes:?}");
        assert_eq!(bench.is_live(new.id).await, refused.is_ok());
        assert_eq!(bench.scored(new.id).is_some(), refused.is_ok());
    }
}

#[tokio::test]
async fn a_repeated_create_after_a_short_life_revives_nothing() {
    let bench = open();
    let op = bench.op();
    let new = NewSession { lifetimes: Lifetimes { idle_ms: 5_000, absolute_ms: 5_000, interval_ms: 1_000 }, ..guest() };
    let nothing = Delta::default();
    let create = || bench.store.create(op, &new, &nothing);
    let first = create().await.unwrap();
    assert!(bench.is_live(new.id).await);
    bench.advance(6_000);
    assert_eq!(bench.load(new.id).await, Loaded::Absent, "the key is there for repeats only");
    create().await.unwrap().unwrap();
    assert_eq!(bench.load(new.id).await, Loaded::Absent);
    assert_eq!(bench.save(&saving(new.id, &["a=1"])).await, Err(Refused::Gone(None)));
    assert_eq!(bench.sweep(new.id.bucket()).await, (0, 1, 0));
    let still: bool = bench.raw("EXISTS", &bench.store.keys.session(new.id), &[]);
    assert!(still && first.is_ok());
    bench.advance(120_000);
    let still: bool = bench.raw("EXISTS", &bench.store.keys.session(new.id), &[]);
    assert!(!still);
}

#[tokio::test]
async fn only_a_login_makes_a_users_session() {
    let bench = open();
    let new = of_user("ada");
    let record = bench.create(&new, &[]).await;
    assert_eq!(record.meta.user, None);
    assert_eq!(bench.live(new.id).await.meta.user, None);
    assert_eq!(bench.listed("ada").await, []);
}

#[tokio::test]
async fn the_metadatas_field_name_is_rejected() {
    let bench = open();
    let changes = vec![("@".to_owned(), Some(vec![1]))];
    let answer = bench.store.create(bench.op(), &guest(), &Delta { clear: false, changes }).await;
    assert!(matches!(answer, Err(Error::Limit(_))));
}
