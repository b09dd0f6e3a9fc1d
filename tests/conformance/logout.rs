//! Logging out, with and without fields that survive.

use cloakroom::{CookieChange, EndOutcome, EndReason, Error, Login, SaveOutcome, Timeout, Timeouts};

use super::stage;
use crate::common::{login, token};

#[tokio::test]
async fn after_logout_the_token_opens_nothing_and_gets_the_reason() {
    let stage = stage(|with| with).await;
    let (session, old) = stage.user("ada").await;
    assert_eq!(session.logout().await.expect("there"), EndOutcome::Ended);
    assert!(matches!(session.cookie_change(), CookieChange::Remove));
    let late = stage.open(&old).await;
    assert_eq!((late.id(), late.user(), late.ended()), (None, None, Some(EndReason::LoggedOut)));
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 0);
}

#[tokio::test]
async fn named_fields_survive_in_a_new_guest_session() {
    let stage = stage(|with| with).await;
    let (session, old) = stage.user("ada").await;
    session.insert("language", "de").expect("legal");
    session.insert("secret", &1).expect("legal");
    session.save().await.expect("there").into_result().expect("saved");
    session.insert("theme", "dark").expect("legal");
    let before = session.id();
    assert_eq!(session.logout_keeping(["language", "theme", "missing"]).await.expect("there"), EndOutcome::Ended);
    assert!(session.is_guest() && session.id().is_some() && session.id() != before);
    let guest = stage.open(&token(&session)).await;
    assert!(guest.is_guest());
    assert_eq!(guest.names(), ["language", "theme"]);
    assert_eq!(stage.open(&old).await.ended(), Some(EndReason::LoggedOut));
}

#[tokio::test]
async fn a_logout_without_any_kept_field_leaves_no_session() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    assert_eq!(session.logout_keeping(["language"]).await.expect("there"), EndOutcome::Ended);
    assert!(session.id().is_none() && session.token().is_none());
    assert!(matches!(session.cookie_change(), CookieChange::Remove));
}

#[tokio::test]
async fn a_write_after_a_logout_makes_a_guest_session_in_the_same_bucket() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    let before = session.id().expect("live").to_string();
    let _ = session.logout().await.expect("there");
    session.insert("flash", "goodbye").expect("a draft");
    session.save().await.expect("there").into_result().expect("saved");
    let after = session.id().expect("live").to_string();
    assert!(session.is_guest() && before != after);
    assert_eq!(before[15..18], after[15..18]);
}

#[tokio::test]
async fn a_logout_with_a_token_that_a_new_login_replaced_ends_nothing() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let (slow, fresh) = (stage.open(&old).await, stage.open(&old).await);
    login(&fresh, "ada").await;
    assert_eq!(slow.logout().await.expect("there"), EndOutcome::Superseded);
    assert!(stage.open(&token(&fresh)).await.id().is_some());
}

#[tokio::test]
async fn a_logout_with_a_rotated_token_ends_the_session() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let (slow, other) = (stage.open(&old).await, stage.open(&old).await);
    let _ = other.rotate().await.expect("there");
    assert_eq!(slow.logout().await.expect("there"), EndOutcome::Ended);
    assert!(stage.open(&token(&other)).await.id().is_none());
}

#[tokio::test]
async fn a_rotated_token_gets_the_reason_of_the_sessions_end() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let session = stage.open(&old).await;
    let _ = session.rotate().await.expect("there");
    assert_eq!(session.logout().await.expect("there"), EndOutcome::Ended);
    assert_eq!(stage.open(&old).await.ended(), Some(EndReason::LoggedOut), "the new one may never have arrived");
}

#[tokio::test]
async fn a_write_in_flight_during_a_logout_does_not_revive_the_session() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let slow = stage.open(&old).await;
    slow.insert("late", &1).expect("legal");
    let _ = stage.open(&old).await.logout().await.expect("there");
    assert_eq!(slow.save().await.expect("there"), SaveOutcome::Gone(Some(EndReason::LoggedOut)));
    assert!(stage.open(&old).await.id().is_none());
}

#[tokio::test]
async fn logging_out_everywhere_ends_this_session_and_the_others() {
    let stage = stage(|with| with).await;
    let (here, here_token) = stage.user("ada").await;
    let (_, there) = stage.user("ada").await;
    let (_, bob) = stage.user("bob").await;
    assert_eq!(here.logout_everywhere().await.expect("there").ended, 2);
    assert!(here.is_guest() && matches!(here.cookie_change(), CookieChange::Remove));
    for ended in [here_token, there] {
        assert_eq!(stage.open(&ended).await.ended(), Some(EndReason::Revoked));
    }
    assert!(stage.open(&bob).await.id().is_some());
}

#[tokio::test]
async fn a_write_after_logging_out_everywhere_has_a_guests_timeouts() {
    let stage = stage(|with| with).await;
    let session = stage.draft().await;
    let long = Timeouts::new().idle(Timeout::Never);
    let _ = session.login(Login::new("ada").timeouts(long)).await.expect("there");
    session.logout_everywhere().await.expect("there");
    session.insert("a", &1).expect("a draft again");
    session.save().await.expect("there").into_result().expect("saved");
    assert_eq!(session.timeouts(), Timeouts::new());
}

#[tokio::test]
async fn a_guest_logging_out_everywhere_ends_their_own_session() {
    let stage = stage(|with| with).await;
    let ((guest, _), (_, other)) = (stage.guest().await, stage.guest().await);
    assert_eq!(guest.logout_everywhere().await.expect("there").ended, 1);
    assert_eq!(stage.draft().await.logout_everywhere().await.expect("there").ended, 0);
    assert!(stage.open(&other).await.id().is_some());
}

#[tokio::test]
async fn a_draft_keeps_what_a_logout_keeps() {
    let stage = stage(|with| with).await;
    let draft = stage.draft().await;
    draft.insert("language", "de").expect("legal");
    draft.insert("other", &1).expect("legal");
    assert_eq!(draft.logout_keeping(["language"]).await.expect("there"), EndOutcome::NoSession);
    assert_eq!(draft.names(), ["language"]);
    draft.save().await.expect("there").into_result().expect("saved");
}

#[tokio::test]
async fn signing_out_everywhere_from_an_ended_session_is_not_a_success() {
    let stage = stage(|with| with).await;
    let ((_, one), (_, other)) = (stage.user("ada").await, stage.user("ada").await);
    let slow = stage.open(&one).await;
    stage.sessions.user("ada").revoke(slow.id().expect("live")).await.expect("there");
    assert!(matches!(slow.increment("n", 1).await, Err(Error::Gone(_))));
    let told = slow.logout_everywhere().await;
    assert!(matches!(told, Err(Error::Gone(Some(EndReason::Revoked)))), "{told:?}");
    assert!(stage.open(&other).await.id().is_some(), "and none is ended");
}

#[tokio::test]
async fn after_a_logout_of_an_ended_session_the_handle_is_a_draft() {
    let stage = stage(|with| with).await;
    for found in [false, true] {
        for keeping in [false, true] {
            let (_, token) = stage.user("ada").await;
            let (one, other) = (stage.open(&token).await, stage.open(&token).await);
            assert_eq!(one.logout().await.expect("there"), EndOutcome::Ended);
            if found {
                assert!(matches!(other.increment("n", 1).await, Err(Error::Gone(_))));
            }
            let told = if keeping { other.logout_keeping(["n"]).await } else { other.reset().await };
            assert_eq!(told.expect("there"), EndOutcome::AlreadyEnded(Some(EndReason::LoggedOut)));
            assert!(matches!(other.cookie_change(), CookieChange::Remove) && other.user().is_none());
            other.insert("flash", "signed out").expect("a draft");
            assert_eq!(other.save().await.expect("there"), SaveOutcome::Saved);
            assert!(other.token().is_some());
        }
    }
    let (_, token) = stage.guest().await;
    let (one, other) = (stage.open(&token).await, stage.open(&token).await);
    let _ = one.login(Login::new("ada")).await.expect("there");
    assert_eq!(other.logout().await.expect("there"), EndOutcome::AlreadyEnded(Some(EndReason::LoggedIn)));
    assert!(matches!(other.cookie_change(), CookieChange::Keep), "the client holds a newer one");
}
