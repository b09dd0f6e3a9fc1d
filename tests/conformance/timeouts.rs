//! Timeouts that change at run time.

use std::time::Duration;

use cloakroom::{EndReason, Error, Timeout, Timeouts};

use super::stage;
use crate::common::login;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[tokio::test]
async fn a_shorter_idle_timeout_applies_at_once() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.guest().await;
    session.set_timeouts(Timeouts::new().idle(minutes(5))).await.expect("live");
    assert!(!session.is_dirty() && session.time_left().expect("live") <= minutes(6));
    stage.advance(minutes(5)).await;
    assert!(stage.sessions.peek(Some(&token), session.client().clone()).await.expect("there").id().is_some());
    stage.advance(Duration::from_secs(31)).await;
    assert!(stage.open(&token).await.id().is_none(), "the interval is 30 s now");
}

#[tokio::test]
async fn a_longer_idle_timeout_applies_at_once_and_the_index_covers_it() {
    let stage = stage(|with| with).await;
    let (session, token) = stage.user("ada").await;
    let long = Timeouts::new().idle(minutes(3 * 24 * 60)).absolute(Timeout::Never);
    session.set_timeouts(long).await.expect("live");
    stage.advance(minutes(2 * 24 * 60)).await;
    assert_eq!(stage.open(&token).await.timeouts(), long);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
}

#[tokio::test]
async fn a_session_older_than_its_new_absolute_timeout_expires_at_once() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.user("ada").await;
    stage.advance(minutes(20)).await;
    let session = stage.open(&token).await;
    let outcome = session.set_timeouts(Timeouts::new().absolute(minutes(10))).await;
    assert!(matches!(outcome, Err(Error::Gone(Some(EndReason::Expired)))), "{outcome:?}");
    assert_eq!(stage.open(&token).await.ended(), Some(EndReason::Expired));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test]
async fn a_draft_is_stored_with_the_timeouts_set_on_it() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    let short = Timeouts::new().idle(Duration::from_secs(100));
    draft.set_timeouts(short).await.expect("in range");
    draft.insert("a", &1).expect("legal");
    draft.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&crate::common::token(&draft)).await.timeouts(), short);
    stage.advance(Duration::from_secs(111)).await;
    assert!(stage.open(&crate::common::token(&draft)).await.id().is_none());
}

#[tokio::test]
async fn timeouts_out_of_range_are_errors_and_change_nothing() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.guest().await;
    for bad in [Duration::ZERO, minutes(401 * 24 * 60)] {
        assert!(matches!(session.set_timeouts(Timeouts::new().idle(bad)).await, Err(Error::Config(_))));
    }
    assert_eq!(session.timeouts(), Timeouts::new());
}

#[tokio::test]
async fn an_older_request_does_not_change_the_timeouts_of_a_new_login() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.user("ada").await;
    let (slow, fresh) = (stage.open(&token).await, stage.open(&token).await);
    login(&fresh, "ada").await;
    assert!(matches!(slow.set_timeouts(Timeouts::new().idle(minutes(1))).await, Err(Error::Conflict)));
}

#[tokio::test]
async fn changing_timeouts_of_an_ended_session_returns_gone() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let slow = stage.open(&token).await;
    let _ = stage.open(&token).await.logout().await.expect("there");
    assert!(matches!(slow.set_timeouts(Timeouts::new()).await, Err(Error::Gone(Some(EndReason::LoggedOut)))));
    assert!(stage.open(&token).await.id().is_none());
}
