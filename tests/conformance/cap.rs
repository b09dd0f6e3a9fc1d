//! The cap on sessions per user.

use cloakroom::{Cap, EndReason, Error, Login, LoginOutcome};

use super::stage;

#[tokio::test]
async fn at_the_cap_a_login_is_rejected_and_nothing_changes() {
    let stage = stage(|with| with.cap(Cap::reject(2))).await;
    let tokens = [stage.user("ada").await.1, stage.user("ada").await.1];
    let (guest, guest_token) = stage.guest().await;
    assert_eq!(guest.login(Login::new("ada")).await.expect("there"), LoginOutcome::AtCap);
    assert!(guest.is_guest() && stage.open(&guest_token).await.id().is_some());
    for token in &tokens {
        assert!(stage.open(token).await.id().is_some());
    }
    let _ = stage.open(&tokens[0]).await.logout().await.expect("there");
    let outcome = guest.login(Login::new("ada")).await.expect("there");
    assert!(matches!(outcome, LoginOutcome::As(_)), "there is room again");
}

#[tokio::test]
async fn at_the_cap_the_earliest_login_is_evicted() {
    let stage = stage(|with| with.cap(Cap::evict(2))).await;
    let tokens = [stage.user("ada").await.1, stage.user("ada").await.1, stage.user("ada").await.1];
    assert_eq!(stage.open(&tokens[0]).await.ended(), Some(EndReason::Evicted));
    for token in &tokens[1..] {
        assert!(stage.open(token).await.id().is_some());
    }
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 2);
}

#[tokio::test]
async fn expired_sessions_do_not_count_at_the_cap() {
    let stage = stage(|with| with.cap(Cap::reject(2))).await;
    let _ = (stage.user("ada").await, stage.user("ada").await);
    stage.advance(std::time::Duration::from_secs(32 * 60)).await;
    let tokens = [stage.user("ada").await.1, stage.user("ada").await.1];
    assert!(stage.open(&tokens[0]).await.id().is_some());
    assert_eq!(stage.draft().await.login(Login::new("ada")).await.expect("there"), LoginOutcome::AtCap);
}

#[tokio::test]
async fn a_lowered_cap_holds_from_the_next_login_on() {
    let stage = stage(|with| with).await;
    for _ in 0..5 {
        let _ = stage.user("ada").await;
    }
    let login = |cap| Login::new("ada").cap(cap);
    assert_eq!(stage.draft().await.login(login(Cap::reject(3))).await.expect("there"), LoginOutcome::AtCap);
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 5);
    let _ = stage.draft().await.login(login(Cap::evict(3))).await.expect("there");
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 3);
}

#[tokio::test]
async fn a_reauthentication_takes_no_second_place_under_the_cap() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let (session, _) = stage.user("ada").await;
    assert!(matches!(session.login(Login::new("ada")).await.expect("there"), LoginOutcome::As(_)));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
}

#[tokio::test]
async fn a_cap_of_one_and_of_256_work_and_others_are_errors() {
    let stage = stage(|with| with.cap(Cap::evict(1))).await;
    let (_, first) = stage.user("ada").await;
    let (_, second) = stage.user("ada").await;
    assert_eq!(stage.open(&first).await.ended(), Some(EndReason::Evicted));
    assert!(stage.open(&second).await.id().is_some());
    for bad in [Cap::evict(0), Cap::reject(257)] {
        assert!(matches!(stage.draft().await.login(Login::new("ada").cap(bad)).await, Err(Error::Config(_))));
    }
    for _ in 0..3 {
        let outcome = stage.draft().await.login(Login::new("bob").cap(Cap::reject(256))).await.expect("there");
        assert!(matches!(outcome, LoginOutcome::As(_)));
    }
}
