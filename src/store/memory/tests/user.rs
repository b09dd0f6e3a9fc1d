//! List and revoke.

use super::*;

#[tokio::test]
async fn a_list_has_the_users_live_sessions_by_login_time() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    bench.advance(1);
    let (ended, _) = bench.login("ada").await;
    bench.login("bob").await;
    let (last, record) = bench.login("ada").await;
    bench.end(ended, EndReason::LoggedOut).await.expect("live");
    assert_eq!(bench.listed("ada").await, [first, last]);
    assert_eq!(bench.store.list("ada").await.expect("no outage")[1].1, record.meta);
    bench.advance(LIFE);
    assert_eq!(bench.listed("ada").await, [last]);
    assert_eq!(bench.store.state().users["ada"].len(), 1, "the dead member is removed");
}

#[tokio::test]
async fn revoking_all_ends_every_session_of_the_user_and_of_nobody_else() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (second, _) = bench.login("ada").await;
    let (bobs, _) = bench.login("bob").await;
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(2));
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(0));
    assert_eq!(
        (bench.reason(first).await, bench.reason(second).await),
        (Some(EndReason::Revoked), Some(EndReason::Revoked))
    );
    assert!(bench.is_live(bobs).await);
}

#[tokio::test]
async fn an_expired_session_is_not_counted_as_revoked() {
    let bench = open();
    let login =
        NewLogin { new: NewSession { grace_ms: GRACE as u32, ..of_user("ada") }, ..login_of("ada", Cap::default()) };
    bench.try_login(&login).await.expect("logged in");
    bench.advance(LIFE + 1);
    assert_eq!(bench.revoke("ada", Scope::All).await, Ok(0));
    assert_eq!(bench.reason(login.new.id).await, Some(EndReason::Expired));
}

#[tokio::test]
async fn revoking_all_or_others_raises_the_epoch_and_revoking_one_does_not() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (second, record) = bench.login("ada").await;
    bench.revoke("ada", Scope::One(first)).await.expect("live");
    assert_eq!(bench.ticket("ada").await.epoch, None);
    bench.revoke("ada", Scope::Others(second)).await.expect("live");
    assert_eq!(bench.ticket("ada").await.epoch, Some(record.meta.since), "not before the latest login");
    bench.revoke("ada", Scope::All).await.expect("ended");
    assert_eq!(bench.ticket("ada").await.epoch, Some(record.meta.since + 1));
    bench.advance(MINUTE);
    bench.revoke("ada", Scope::All).await.expect("nothing to end");
    assert_eq!(bench.ticket("ada").await.epoch, Some(bench.store.now()));
}

#[tokio::test]
async fn revoking_others_keeps_exactly_the_named_one() {
    let bench = open();
    let (first, _) = bench.login("ada").await;
    let (kept, record) = bench.login("ada").await;
    assert_eq!(bench.revoke("ada", Scope::Others(kept)).await, Ok(1));
    assert_eq!(bench.reason(first).await, Some(EndReason::Revoked));
    assert_eq!(bench.live(kept).await, record);
}

#[tokio::test]
async fn naming_a_session_that_is_not_a_live_one_of_the_user_ends_nothing() {
    let bench = open();
    let (mine, _) = bench.login("ada").await;
    let (ended, _) = bench.login("ada").await;
    bench.end(ended, EndReason::LoggedOut).await.expect("live");
    let (bobs, _) = bench.login("bob").await;
    let (guest, _) = bench.guest(&[]).await;
    for id in [ended, bobs, guest] {
        assert_eq!(bench.revoke("ada", Scope::Others(id)).await, Err(Refused::Gone(None)));
        assert_eq!(bench.revoke("ada", Scope::One(id)).await, Err(Refused::Gone(None)));
    }
    assert_eq!(bench.ticket("ada").await.epoch, None);
    assert!(bench.is_live(mine).await && bench.is_live(bobs).await && bench.is_live(guest).await);
}
