//! The sweeper.

use std::time::Duration;

use cloakroom::EndReason;

use super::stage;

#[tokio::test]
async fn one_sweep_ends_a_session_in_its_grace_and_keeps_a_tombstone() {
    let stage = stage(|with| with.expiry_grace(Duration::from_secs(600))).await;
    let tokens = [stage.guest().await.1, stage.user("ada").await.1];
    stage.advance(Duration::from_secs(32 * 60)).await;
    let other = stage.another(|with| with).await;
    let (one, two) = tokio::join!(stage.sessions.sweep(), other.sweep());
    assert_eq!(one.expect("there").expired + two.expect("there").expired, 2);
    stage.advance(Duration::from_secs(11 * 60)).await;
    for token in tokens {
        assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Expired), "past its grace");
    }
}

#[tokio::test]
async fn a_session_in_use_is_not_swept() {
    let stage = stage(|with| with.expiry_grace(Duration::from_secs(600))).await;
    let (_, token) = stage.user("ada").await;
    stage.advance(Duration::from_secs(25 * 60)).await;
    let _ = stage.open(&token).await.touch().await.expect("there");
    stage.advance(Duration::from_secs(25 * 60)).await;
    let swept = stage.sessions.sweep().await.expect("there");
    assert_eq!((swept.expired, swept.rescored), (0, 1));
    assert!(stage.open(&token).await.id().is_some());
    assert_eq!(stage.sessions.sweep().await.expect("there").rescored, 0, "it has its real deadline now");
}

#[tokio::test]
async fn a_sweep_forgets_entries_of_sessions_that_are_gone() {
    let stage = stage(|with| with).await;
    let _ = (stage.guest().await, stage.user("ada").await);
    let (ended, _) = stage.guest().await;
    let _ = ended.logout().await.expect("there");
    stage.advance(Duration::from_secs(32 * 60)).await;
    let swept = stage.sessions.sweep().await.expect("there");
    assert_eq!((swept.expired, swept.forgotten), (0, 2), "the ended one left the index at its end");
    assert_eq!(stage.sessions.sweep().await.expect("there"), cloakroom::Swept::default());
}

#[tokio::test]
async fn a_spawned_sweeper_sweeps_until_it_is_dropped() {
    let stage = stage(|with| with.expiry_grace(Duration::from_secs(24 * 3600))).await;
    let (_, token) = stage.guest().await;
    stage.advance(Duration::from_secs(32 * 60)).await;
    let sweeper = stage.sessions.spawn_sweeper(Duration::from_millis(100));
    crate::common::until("the sweeper ended it", || async {
        stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there") == 0
    })
    .await;
    drop(sweeper);
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Expired));
}
