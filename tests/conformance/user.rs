//! The list of a user's sessions.

use std::time::{Duration, SystemTime};

use super::stage;
use crate::common::login;

#[tokio::test]
async fn the_list_has_every_live_session_of_the_user_earliest_login_first() {
    let stage = stage(|with| with).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stage.user("ada").await.0.id().expect("live"));
    }
    let _ = stage.user("bob").await;
    let _ = stage.guest().await;
    let listed = stage.sessions.user("ada").list().await.expect("there");
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), ids);
    assert!(listed.windows(2).all(|pair| pair[0].auth_time < pair[1].auth_time));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 3);
    assert_eq!(stage.sessions.user("nobody").count().await.expect("there"), 0);
}

#[tokio::test]
async fn a_new_login_moves_a_session_to_the_end_of_the_list() {
    let stage = stage(|with| with).await;
    let (first, _) = stage.user("ada").await;
    let (second, _) = stage.user("ada").await;
    login(&first, "ada").await;
    let listed = stage.sessions.user("ada").list().await.expect("there");
    assert_eq!(listed.iter().map(|session| Some(session.id)).collect::<Vec<_>>(), [second.id(), first.id()]);
}

#[tokio::test]
async fn ended_and_expired_sessions_are_not_listed() {
    let stage = stage(|with| with.expiry_grace(Duration::from_secs(600))).await;
    let _ = stage.user("ada").await;
    stage.advance(Duration::from_secs(20 * 60)).await;
    let (ended, _) = stage.user("ada").await;
    let (live, _) = stage.user("ada").await;
    let _ = ended.logout().await.expect("there");
    stage.advance(Duration::from_secs(12 * 60)).await;
    let listed = stage.sessions.user("ada").list().await.expect("there");
    assert_eq!(listed.iter().map(|session| Some(session.id)).collect::<Vec<_>>(), [live.id()]);
}

#[tokio::test]
async fn sessions_active_since_an_instant_are_counted_per_user_and_overall() {
    let stage = stage(|with| with).await;
    let (_, used) = stage.user("ada").await;
    let _ = stage.user("ada").await;
    let _ = stage.guest().await;
    stage.advance(Duration::from_secs(600)).await;
    let session = stage.open(&used).await;
    let _ = session.touch().await.expect("there");
    let since = session.last_access().expect("live") - Duration::from_secs(300);
    assert_eq!(stage.sessions.user("ada").active_since(since).await.expect("there"), 1);
    assert_eq!(stage.sessions.active_since(since).await.expect("there"), 1);
    assert_eq!(stage.sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("there"), 3);
}

#[tokio::test]
async fn an_index_outlives_sessions_that_are_touched_on() {
    let never = cloakroom::Timeouts::new().absolute(cloakroom::Timeout::Never);
    let stage = stage(|with| with.timeouts(never)).await;
    let (_, token) = stage.user("ada").await;
    for _ in 0..20 {
        stage.advance(Duration::from_secs(25 * 60)).await;
        let _ = stage.open(&token).await.touch().await.expect("there");
        assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    }
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
}
