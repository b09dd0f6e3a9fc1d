//! Touches: coalesced, and never past the absolute deadline.

use std::time::Duration;

use cloakroom::Timeouts;

use super::stage;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[tokio::test]
async fn a_touch_moves_the_deadline_by_idle_timeout_and_interval() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    stage.advance(minutes(20)).await;
    let session = stage.open(&token).await;
    let left = session.touch().await.expect("there").expect("live");
    assert!(left <= minutes(31) + Duration::from_secs(1) && left > minutes(30), "{left:?}");
    stage.advance(minutes(30)).await;
    assert!(stage.open(&token).await.id().is_some());
}

#[tokio::test]
async fn touch_never_outlives_the_absolute_deadline() {
    let timeouts = Timeouts::new().idle(minutes(30)).absolute(minutes(40));
    let stage = stage(|with| with.timeouts(timeouts)).await;
    let (_, token) = stage.guest().await;
    stage.advance(minutes(25)).await;
    let left = stage.open(&token).await.touch().await.expect("there").expect("live");
    assert!(left <= minutes(15) + Duration::from_secs(1), "{left:?}");
    stage.advance(minutes(15) + Duration::from_secs(1)).await;
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn within_the_interval_a_touch_changes_nothing() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    stage.advance(Duration::from_secs(30)).await;
    let _ = stage.open(&token).await.touch().await.expect("there");
    stage.advance(minutes(30) + Duration::from_secs(31)).await;
    assert!(stage.open(&token).await.id().is_none(), "31 minutes and a second after the only noted use");
}

#[tokio::test]
async fn last_access_follows_a_touch() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    stage.advance(minutes(5)).await;
    let session = stage.open(&token).await;
    let _ = session.touch().await.expect("there");
    let (created, used) = (session.created_at().expect("live"), session.last_access().expect("live"));
    let between = used.duration_since(created).expect("later");
    assert!(between >= minutes(5) - Duration::from_secs(1) && between < minutes(6), "{between:?}");
}

#[tokio::test]
async fn a_draft_and_an_ended_session_are_not_touched() {
    let stage = stage(|with| with).await;
    assert_eq!(stage.draft().await.touch().await.expect("there"), None);
    let (session, token) = stage.guest().await;
    let _ = stage.open(&token).await.logout().await.expect("there");
    stage.advance(minutes(2)).await;
    let _ = session.touch().await.expect("there");
    assert!(stage.open(&token).await.id().is_none());
}
