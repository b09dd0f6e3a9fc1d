//! Logging in: new identity, bound user, carried fields, an old token that opens nothing.

use std::net::IpAddr;
use std::time::Duration;

use cloakroom::{ClientInfo, CookieChange, EndReason, Error, Login, LoginOutcome, SaveOutcome, Timeouts};

use super::stage;
use crate::common::{login, token};

#[tokio::test]
async fn a_guest_who_logs_in_gets_a_new_id_and_token_and_keeps_what_is_named() {
    let stage = stage(|with| with).await;
    let (guest, old) = stage.guest().await;
    guest.insert("cart", &["hat"]).expect("legal");
    guest.save().await.expect("there").into_result().expect("saved");
    let before = guest.id();
    let outcome = guest.login(Login::new("ada").keep(["cart", "missing"])).await.expect("there");
    assert_eq!(outcome, LoginOutcome::As(guest.id().expect("live")));
    assert_ne!(guest.id(), before);
    assert_eq!(guest.names(), ["cart"]);
    let again = stage.open(&token(&guest)).await;
    assert_eq!(again.user().as_deref(), Some("ada"));
    assert_eq!(again.require::<Vec<String>>("cart").expect("carried"), ["hat"]);
    let old = stage.open(&old).await;
    assert_eq!((old.id(), old.user(), old.ended()), (None, None, Some(EndReason::LoggedIn)));
}

#[tokio::test]
async fn pending_changes_go_into_the_login() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let guest = stage.open(&old).await;
    guest.insert("cart", &1).expect("legal");
    guest.insert("other", &1).expect("legal");
    guest.remove("a").expect("live");
    let _ = guest.login(Login::new("ada").keep(["cart", "a"])).await.expect("there");
    assert!(!guest.is_dirty());
    assert_eq!(stage.open(&token(&guest)).await.names(), ["cart"]);
}

#[tokio::test]
async fn a_login_carries_another_requests_writes_too() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let (slow, other) = (stage.open(&old).await, stage.open(&old).await);
    other.insert("cart", &2).expect("legal");
    other.save().await.expect("there").into_result().expect("saved");
    let _ = slow.login(Login::new("ada").keep(["cart"])).await.expect("there");
    assert_eq!(slow.require::<i32>("cart").expect("carried"), 2);
}

#[tokio::test]
async fn a_draft_can_log_in_directly() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("cart", &1).expect("legal");
    draft.insert("dropped", &1).expect("legal");
    let _ = draft.login(Login::new("ada").keep(["cart"])).await.expect("there");
    assert_eq!(stage.open(&token(&draft)).await.names(), ["cart"]);
}

#[tokio::test]
async fn the_same_user_again_keeps_id_and_fields_and_loses_the_old_token() {
    let stage = stage(|with| with).await;
    let (session, old) = stage.user("ada").await;
    session.insert("a", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    session.insert("pending", &1).expect("legal");
    let (id, first) = (session.id(), session.auth_time().expect("logged in"));
    stage.advance(Duration::from_secs(60)).await;
    let session = stage.open(&old).await;
    session.insert("pending", &1).expect("legal");
    login(&session, "ada").await;
    assert_eq!(session.id(), id);
    assert!(session.auth_time().expect("logged in") > first);
    let again = stage.open(&token(&session)).await;
    assert_eq!(again.names(), ["a", "pending"]);
    assert!(stage.open(&old).await.id().is_none());
}

#[tokio::test]
async fn a_new_login_begins_the_absolute_life_again() {
    let stage = stage(|with| with.timeouts(Timeouts::new().absolute(Duration::from_secs(3600)))).await;
    let (_, old) = stage.user("ada").await;
    stage.advance(Duration::from_secs(29 * 60)).await;
    let session = stage.open(&old).await;
    login(&session, "ada").await;
    let token = token(&session);
    stage.advance(Duration::from_secs(29 * 60)).await;
    let _ = stage.open(&token).await.touch().await.expect("there");
    stage.advance(Duration::from_secs(29 * 60)).await;
    assert!(stage.open(&token).await.id().is_some(), "87 minutes after creation, 58 after the login");
    stage.advance(Duration::from_secs(3 * 60)).await;
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn another_user_gets_no_fields_of_the_first() {
    let stage = stage(|with| with).await;
    let (session, ada) = stage.user("ada").await;
    session.insert("secret", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    let _ = session.login(Login::new("bob").keep(["secret"])).await.expect("there");
    assert_eq!(session.user().as_deref(), Some("bob"));
    assert!(session.names().is_empty());
    assert_eq!(stage.open(&ada).await.ended(), Some(EndReason::LoggedIn));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
    assert_eq!(stage.sessions.user("bob").count().await.expect("there"), 1);
}

#[tokio::test]
async fn a_login_in_a_session_that_ended_meanwhile_is_refused() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let slow = stage.open(&old).await;
    let _ = stage.open(&old).await.logout().await.expect("there");
    let outcome = slow.login(Login::new("ada")).await.expect("there");
    assert_eq!(outcome, LoginOutcome::Gone(Some(EndReason::LoggedOut)));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test]
async fn a_second_login_of_the_same_user_from_an_older_handle_conflicts() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let (one, two) = (stage.open(&old).await, stage.open(&old).await);
    login(&one, "ada").await;
    assert_eq!(two.login(Login::new("ada")).await.expect("there"), LoginOutcome::Conflict);
    assert_eq!(two.login(Login::new("bob")).await.expect("there"), LoginOutcome::Conflict);
    assert!(stage.open(&token(&one)).await.id().is_some());
}

#[tokio::test]
async fn a_late_write_of_the_guest_session_is_gone() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let (slow, fast) = (stage.open(&old).await, stage.open(&old).await);
    login(&fast, "ada").await;
    slow.insert("late", &1).expect("not known yet");
    assert_eq!(slow.save().await.expect("there"), SaveOutcome::Gone(Some(EndReason::LoggedIn)));
    assert!(!stage.open(&token(&fast)).await.contains("late"));
}

#[tokio::test]
async fn an_invalid_user_id_is_an_error_and_logs_nobody_in() {
    let stage = stage(|with| with).await;
    let (guest, old) = stage.guest().await;
    for user in [String::new(), "x".repeat(257)] {
        assert!(matches!(guest.login(Login::new(user)).await, Err(Error::Limit(_))));
    }
    let _ = guest.login(Login::new("ü".repeat(128))).await.expect("256 bytes are fine");
    assert_eq!(stage.open(&old).await.ended(), Some(EndReason::LoggedIn));
}

#[tokio::test]
async fn client_and_timeouts_of_the_login_are_kept() {
    let stage = stage(|with| with).await;
    let address: IpAddr = "2001:db8::7".parse().expect("an address");
    let client = ClientInfo::new().address(address).user_agent("Mozilla/5.0 (test)");
    let session = stage.sessions.open(None, client).await.expect("there");
    let long = Timeouts::new().idle(Duration::from_secs(7 * 86_400)).absolute(Duration::from_secs(30 * 86_400));
    let _ = session.login(Login::new("ada").timeouts(long)).await.expect("there");
    stage.advance(Duration::from_secs(6 * 86_400)).await;
    let again = stage.open(&token(&session)).await;
    assert_eq!(again.timeouts(), long);
    let listed = stage.sessions.user("ada").list().await.expect("there");
    assert_eq!((listed[0].address, listed[0].user_agent.as_deref()), (Some(address), Some("Mozilla/5.0 (test)")));
}

#[tokio::test]
async fn reauthentication_is_due_for_guests_and_after_a_while() {
    let stage = stage(|with| with).await;
    let (guest, _) = stage.guest().await;
    assert!(guest.reauthentication_due(Duration::from_secs(300)));
    let (_, token) = stage.user("ada").await;
    assert!(!stage.open(&token).await.reauthentication_due(Duration::from_secs(300)));
    stage.advance(Duration::from_secs(301)).await;
    assert!(stage.open(&token).await.reauthentication_due(Duration::from_secs(300)));
}

#[tokio::test]
async fn a_late_request_of_a_guest_leaves_the_cookie_of_the_login_alone() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.guest().await;
    let (slow, fast) = (stage.open(&old).await, stage.open(&old).await);
    login(&fast, "ada").await;
    slow.insert("late", &1).expect("not known yet");
    assert_eq!(slow.save().await.expect("there"), SaveOutcome::Gone(Some(EndReason::LoggedIn)));
    for late in [slow, stage.open(&old).await] {
        assert_eq!(late.ended(), Some(EndReason::LoggedIn));
        assert!(matches!(late.cookie_change(), CookieChange::Keep), "the browser holds the login's by now");
    }
}
