//! Rotation: a lost response logs nobody out, and an old secret does not live on.

use std::time::Duration;

use cloakroom::{ClientInfo, CookieChange, RotateOutcome};

use super::stage;
use crate::common::{login, token};

const SETTLED: Duration = Duration::from_secs(61);
const AFTER_GRACE: Duration = Duration::from_secs(11);

#[tokio::test]
async fn a_rotation_keeps_id_user_and_fields_and_changes_the_token() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let session = stage.open(&old).await;
    session.insert("a", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(session.rotate().await.expect("there"), RotateOutcome::Rotated);
    let new = token(&session);
    assert_ne!(old, new);
    let again = stage.open(&new).await;
    assert_eq!((again.id(), again.user(), again.auth_time()), (session.id(), session.user(), session.auth_time()));
    assert!(again.contains("a"));
}

#[tokio::test]
async fn the_old_token_works_until_10_seconds_after_the_first_use_of_the_new() {
    let stage = stage(|with| with).await;
    let (session, old) = stage.guest().await;
    let _ = session.rotate().await.expect("there");
    let new = token(&session);
    stage.advance(Duration::from_secs(20 * 60)).await;
    assert!(stage.open(&old).await.id().is_some(), "the new one is unused: its response may be lost");
    assert!(matches!(stage.open(&old).await.cookie_change(), CookieChange::Keep));
    let _ = stage.open(&new).await.touch().await.expect("there");
    stage.advance(Duration::from_secs(5)).await;
    assert!(stage.open(&old).await.id().is_some(), "parallel requests of the same browser");
    stage.advance(AFTER_GRACE).await;
    let late = stage.open(&old).await;
    assert!(late.id().is_none() && late.ended().is_none());
    assert!(matches!(late.cookie_change(), CookieChange::Keep));
    assert!(stage.open(&new).await.id().is_some());
}

#[tokio::test]
async fn two_rotations_at_once_leave_one_new_token() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let (one, two) = (stage.open(&old).await, stage.open(&old).await);
    assert_eq!(one.rotate().await.expect("there"), RotateOutcome::Rotated);
    assert_eq!(two.rotate().await.expect("there"), RotateOutcome::AlreadyRotated);
    assert!(matches!(two.cookie_change(), CookieChange::Keep));
    assert!(stage.open(&token(&one)).await.id().is_some() && stage.open(&old).await.id().is_some());
}

#[tokio::test]
async fn an_unused_new_secret_is_replaced_after_a_minute() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let lost = stage.open(&old).await;
    let _ = lost.rotate().await.expect("there");
    stage.advance(SETTLED).await;
    let again = stage.open(&old).await;
    assert_eq!(again.rotate().await.expect("there"), RotateOutcome::Rotated);
    assert!(stage.open(&token(&lost)).await.id().is_none(), "nobody ever had it");
    assert!(stage.open(&old).await.id().is_some() && stage.open(&token(&again)).await.id().is_some());
}

#[tokio::test]
async fn a_handle_from_within_the_minute_does_not_replace_the_new_secret() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let first = stage.open(&old).await;
    let _ = first.rotate().await.expect("there");
    let early = stage.open(&old).await;
    assert_eq!(early.rotate().await.expect("there"), RotateOutcome::AlreadyRotated);
    stage.advance(SETTLED).await;
    let (one, two) = (stage.open(&old).await, stage.open(&old).await);
    assert_eq!(one.rotate().await.expect("there"), RotateOutcome::Rotated);
    assert_eq!(two.rotate().await.expect("there"), RotateOutcome::AlreadyRotated, "the secret is not what it saw");
}

#[tokio::test]
async fn rotating_again_drops_an_older_secret_at_once() {
    let stage = stage(|with| with).await;
    let (session, first) = stage.guest().await;
    let _ = session.rotate().await.expect("there");
    let second = token(&session);
    assert_eq!(stage.open(&second).await.rotate().await.expect("there"), RotateOutcome::Rotated);
    assert!(stage.open(&first).await.id().is_none());
    assert!(stage.open(&second).await.id().is_some());
}

#[tokio::test]
async fn a_rotation_with_the_previous_secret_returns_already_rotated() {
    let stage = stage(|with| with).await;
    let (session, old) = stage.guest().await;
    let _ = session.rotate().await.expect("there");
    stage.advance(SETTLED).await;
    let _ = stage.open(&token(&session)).await.touch().await.expect("there");
    assert_eq!(stage.open(&old).await.rotate().await.expect("there"), RotateOutcome::AlreadyRotated);
}

#[tokio::test]
async fn a_draft_and_an_ended_session_are_not_rotated() {
    let stage = stage(|with| with).await;
    assert_eq!(stage.draft().await.rotate().await.expect("there"), RotateOutcome::NoSession);
    let (session, old) = stage.guest().await;
    let _ = stage.open(&old).await.logout().await.expect("there");
    assert_eq!(session.rotate().await.expect("there"), RotateOutcome::Gone(Some(cloakroom::EndReason::LoggedOut)));
    assert!(matches!(session.cookie_change(), CookieChange::Remove));
}

#[tokio::test]
async fn an_older_request_does_not_rotate_a_reauthenticated_session() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let (slow, fresh) = (stage.open(&old).await, stage.open(&old).await);
    login(&fresh, "ada").await;
    assert_eq!(slow.rotate().await.expect("there"), RotateOutcome::Conflict);
    assert!(matches!(slow.cookie_change(), CookieChange::Keep));
    assert!(stage.open(&old).await.id().is_none(), "a new login leaves the old token no grace");
    assert!(stage.sessions.peek(Some(&token(&fresh)), ClientInfo::new()).await.expect("there").id().is_some());
}

#[tokio::test]
async fn a_request_whose_secret_was_rotated_away_leaves_the_cookie_alone() {
    let stage = stage(|with| with).await;
    let (_, first) = stage.guest().await;
    let (slow, reloading) = (stage.open(&first).await, stage.open(&first).await);
    let other = stage.open(&first).await;
    let _ = other.rotate().await.expect("there");
    let _ = stage.open(&token(&other)).await.rotate().await.expect("there");
    assert_eq!(slow.rotate().await.expect("there"), RotateOutcome::Gone(None));
    assert!(matches!(reloading.reload().await, Err(cloakroom::Error::Gone(None))));
    for handle in [slow, reloading] {
        assert!(matches!(handle.cookie_change(), CookieChange::Keep), "the browser holds a newer token");
    }
}

#[tokio::test]
async fn rotating_twice_in_one_request_keeps_the_old_token_working() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let session = stage.open(&old).await;
    assert_eq!(session.rotate().await.expect("there"), RotateOutcome::Rotated);
    let new = token(&session);
    assert_eq!(session.rotate().await.expect("there"), RotateOutcome::AlreadyRotated);
    session.reload().await.expect("by the token that the request brought");
    assert_eq!(session.rotate().await.expect("there"), RotateOutcome::AlreadyRotated);
    let _ = session.touch().await.expect("there");
    assert_eq!(token(&session), new);
    stage.advance(Duration::from_secs(20)).await;
    assert!(stage.open(&old).await.id().is_some(), "the response may be lost");
    assert!(stage.open(&new).await.id().is_some());
}

#[tokio::test]
async fn a_handle_that_is_kept_rotates_on_after_its_client_used_the_new_token() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let kept = stage.open(&old).await;
    let _ = kept.rotate().await.expect("there");
    let _ = stage.open(&token(&kept)).await.touch().await.expect("there");
    stage.advance(AFTER_GRACE).await;
    kept.reload().await.expect("by the token that it issued");
    assert_eq!(kept.rotate().await.expect("there"), RotateOutcome::Rotated);
    assert!(stage.open(&token(&kept)).await.id().is_some());
}
