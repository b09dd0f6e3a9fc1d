use super::*;

#[tokio::test]
async fn a_list_is_in_login_order_and_removes_dead_members() {
    let bench = open();
    let mut short = login_of("ada", Cap::default());
    short.new.lifetimes = Lifetimes { idle_ms: 1_000, absolute_ms: HOUR, interval_ms: 100 };
    bench.try_login(&short).await.unwrap();
    let (first, _) = bench.login("ada").await;
    let (second, record) = bench.login("ada").await;
    bench.advance(200_000);
    assert_eq!(bench.indexed("ada"), 3);
    let list = bench.store.list("ada").await.unwrap();
    assert_eq!(list.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(list[1].1.since + 200_000, record.meta.since);
    assert_eq!(bench.indexed("ada"), 2);
}
