//! From draft to end: expiry, invalidation, tombstones.

use std::time::Duration;

use cloakroom::{ClientInfo, CookieChange, EndOutcome, EndReason, Error, SaveOutcome, Timeout, Timeouts};

use super::stage;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[tokio::test]
async fn a_session_lives_until_one_idle_timeout_without_use_has_passed() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    stage.advance(minutes(30)).await;
    assert!(stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there").id().is_some());
    stage.advance(minutes(1) + Duration::from_millis(1)).await;
    let late = stage.open(&token).await;
    assert!(late.id().is_none());
}

#[tokio::test]
async fn a_session_is_alive_at_its_deadline_and_dead_after_it() {
    let stage = stage(|with| with.expiry_grace(minutes(10))).await;
    let (session, token) = stage.guest().await;
    let left = session.time_left().expect("live");
    stage.advance(left - Duration::from_secs(1)).await;
    assert!(stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there").id().is_some());
    stage.advance(Duration::from_secs(2)).await;
    assert!(stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there").id().is_none());
}

#[tokio::test]
async fn within_its_grace_an_expired_session_returns_expired() {
    let stage = stage(|with| with.expiry_grace(minutes(10))).await;
    let (session, token) = stage.guest().await;
    stage.advance(minutes(32)).await;
    let late = stage.open(&token).await;
    assert_eq!((late.id(), late.ended()), (None, Some(EndReason::Expired)));
    assert!(matches!(late.cookie_change(), CookieChange::Remove));
    session.insert("a", &2).expect("legal");
    assert_eq!(session.save().await.expect("there"), SaveOutcome::Gone(Some(EndReason::Expired)));
    stage.advance(minutes(11)).await;
    assert_eq!(stage.open(&token).await.ended(), None);
}

#[tokio::test]
async fn touching_does_not_revive_a_session_in_its_grace() {
    let stage = stage(|with| with.expiry_grace(minutes(10))).await;
    let (session, token) = stage.guest().await;
    stage.advance(minutes(32)).await;
    let _ = session.touch().await.expect("there");
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Expired));
}

#[tokio::test]
async fn use_keeps_a_session_alive_up_to_its_absolute_deadline() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    for _ in 0..28 {
        stage.advance(minutes(25)).await;
        let used = stage.open(&token).await;
        assert!(used.id().is_some());
        let _ = used.touch().await.expect("there");
    }
    stage.advance(minutes(21)).await;
    assert!(stage.open(&token).await.id().is_none(), "12 hours and a minute");
}

#[tokio::test]
async fn a_never_timeout_is_400_days_from_the_last_use() {
    let never = Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never);
    let stage = stage(|with| with.timeouts(never)).await;
    let (_, token) = stage.guest().await;
    for _ in 0..3 {
        stage.advance(minutes(399 * 24 * 60)).await;
        let used = stage.open(&token).await;
        assert!(used.id().is_some() && used.absolute_time_left().is_none());
        let _ = used.touch().await.expect("there");
    }
    stage.advance(minutes(401 * 24 * 60)).await;
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn peeking_does_not_keep_a_session_alive() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    for _ in 0..3 {
        stage.advance(minutes(10)).await;
        assert!(stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there").id().is_some());
    }
    stage.advance(minutes(2)).await;
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn a_wrong_secret_does_not_keep_a_session_alive() {
    let stage = stage(|with| with).await;
    let ((_, token), (_, other)) = (stage.guest().await, stage.guest().await);
    stage.advance(minutes(20)).await;
    let _ = stage.open(&format!("{}{}", &token[..22], &other[22..])).await.touch().await.expect("there");
    stage.advance(minutes(12)).await;
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn an_invalidated_session_is_gone_for_everyone() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    let other = stage.open(&token).await;
    assert_eq!(session.invalidate().await.expect("there"), EndOutcome::Ended);
    assert!(matches!(session.cookie_change(), CookieChange::Remove));
    assert!(matches!(session.insert("a", &2), Err(Error::Gone(Some(EndReason::Invalidated)))));
    other.insert("late", &1).expect("not known yet");
    assert_eq!(other.save().await.expect("there"), SaveOutcome::Gone(Some(EndReason::Invalidated)));
    assert!(matches!(other.increment("n", 1).await, Err(Error::Gone(_))));
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Invalidated));
}

#[tokio::test]
async fn ending_twice_returns_that_the_session_had_ended() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    let other = stage.open(&token).await;
    assert_eq!(session.logout().await.expect("there"), EndOutcome::Ended);
    assert_eq!(other.invalidate().await.expect("there"), EndOutcome::AlreadyEnded(Some(EndReason::LoggedOut)));
    assert_eq!(session.logout().await.expect("there"), EndOutcome::NoSession);
}

#[tokio::test]
async fn the_reason_is_remembered_for_an_hour() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    let _ = session.logout().await.expect("there");
    stage.advance(minutes(59)).await;
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::LoggedOut));
    stage.advance(minutes(7)).await;
    assert_eq!(stage.open(&token).await.ended(), None, "a tenth later at the latest");
}

#[tokio::test]
async fn reset_gives_a_new_identity_without_user_or_fields() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.user("ada").await;
    session.insert("secret", &1).expect("legal");
    let old = session.id();
    assert_eq!(session.reset().await.expect("there"), EndOutcome::Ended);
    assert!(session.is_guest() && session.names().is_empty() && !session.is_dirty());
    session.insert("b", &2).expect("a draft again");
    session.save().await.expect("there").into_result().expect("saved");
    assert!(session.id().is_some() && session.id() != old);
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Invalidated));
}

#[tokio::test]
async fn a_draft_can_be_reset_logged_out_and_invalidated_without_effect() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    assert_eq!(draft.reset().await.expect("there"), EndOutcome::NoSession);
    assert_eq!(draft.logout().await.expect("there"), EndOutcome::NoSession);
    assert_eq!(draft.invalidate().await.expect("there"), EndOutcome::NoSession);
    assert!(matches!(draft.cookie_change(), CookieChange::Keep));
}
