//! Writes of fields by handles from before a re-authentication, as of other tabs or of a thief. R48.

use std::time::Duration;

use cloakroom::{
    CookieChange, EndOutcome, EndReason, Error, Login, LoginOutcome, RotateOutcome, SaveOutcome, Session, Timeouts,
};

use super::stage;
use crate::common::{Stage, login, token};

/// How long after a re-authentication earlier handles may still write.
const WINDOW: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_secs(1);

/// A handle from before a re-authentication, and the one that was re-authenticated.
async fn overtaken(stage: &Stage) -> (Session, Session) {
    let (_, token) = stage.user("ada").await;
    let (slow, fresh) = (stage.open(&token).await, stage.open(&token).await);
    login(&fresh, "ada").await;
    (slow, fresh)
}

async fn save(session: &Session, name: &str) -> SaveOutcome {
    session.insert(name, &1).expect("legal");
    session.save().await.expect("there")
}

#[tokio::test]
async fn a_write_from_before_a_reauthentication_is_accepted_for_a_minute() {
    for pass in [Duration::ZERO, WINDOW - 5 * MOMENT] {
        let stage = stage(|with| with).await;
        let (slow, fresh) = overtaken(&stage).await;
        stage.advance(pass).await;
        let login_time = stage.open(&token(&fresh)).await.auth_time();
        assert_eq!(save(&slow, "late").await, SaveOutcome::Saved);
        assert_eq!(slow.increment("n", 2).await.expect("there"), 2);
        assert_eq!(save(&slow, "later").await, SaveOutcome::Saved, "after its own write too");
        let stored = stage.open(&token(&fresh)).await;
        assert_eq!(
            (stored.names(), stored.user().as_deref()),
            (["late", "later", "n"].map(str::to_owned).into(), Some("ada"))
        );
        assert_eq!(stored.auth_time(), login_time, "the write is no login");
    }
}

/// A WebSocket that was opened with a stolen secret keeps its handle for hours.
#[tokio::test]
async fn a_minute_after_a_reauthentication_earlier_handles_write_nothing() {
    let stage = stage(|with| with).await;
    let (thief, fresh) = overtaken(&stage).await;
    assert_eq!(save(&thief, "early").await, SaveOutcome::Saved);
    stage.advance(WINDOW + MOMENT).await;
    assert_eq!(save(&thief, "late").await, SaveOutcome::Conflict);
    assert!(matches!(thief.increment("n", 1).await, Err(Error::Conflict)));
    assert_eq!(stage.open(&token(&fresh)).await.names(), ["early"]);
}

#[tokio::test]
async fn a_second_reauthentication_ends_the_writes_of_earlier_handles() {
    let stage = stage(|with| with).await;
    let (thief, fresh) = overtaken(&stage).await;
    let slow = stage.open(&token(&fresh)).await;
    stage.advance(WINDOW + MOMENT).await;
    login(&fresh, "ada").await;
    assert_eq!(save(&thief, "late").await, SaveOutcome::Conflict);
    assert!(matches!(thief.increment("n", 1).await, Err(Error::Conflict)));
    assert_eq!(save(&slow, "slow").await, SaveOutcome::Saved, "the handle of the login just before");
    assert_eq!(stage.open(&token(&fresh)).await.names(), ["slow"]);
}

/// The re-authentication itself changes no field here.
#[tokio::test]
async fn a_conditional_save_across_a_reauthentication_conflicts() {
    let stage = stage(|with| with).await;
    let (slow, fresh) = overtaken(&stage).await;
    slow.insert("late", &1).expect("legal");
    assert_eq!(slow.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
    assert!(matches!(slow.reload().await, Err(Error::Gone(None))), "its secret opens nothing any more");
    fresh.insert("own", &1).expect("legal");
    assert_eq!(fresh.save_if_unchanged().await.expect("there"), SaveOutcome::Saved);
    assert_eq!(stage.open(&token(&fresh)).await.names(), ["own"]);
}

#[tokio::test]
async fn a_handle_whose_late_write_was_done_is_not_logged_in_again_by_it() {
    let stage = stage(|with| with).await;
    let (slow, fresh) = overtaken(&stage).await;
    let before = slow.auth_time();
    assert_eq!(save(&slow, "late").await, SaveOutcome::Saved);
    assert_eq!((slow.auth_time(), slow.token().is_none()), (before, true));
    assert_eq!(slow.rotate().await.expect("there"), RotateOutcome::Conflict);
    assert!(matches!(slow.set_timeouts(Timeouts::new()).await, Err(Error::Conflict)));
    assert_eq!(slow.login(Login::new("ada")).await.expect("there"), LoginOutcome::Conflict);
    assert_eq!(slow.login(Login::new("bob")).await.expect("there"), LoginOutcome::Conflict);
    assert_eq!(slow.logout().await.expect("there"), EndOutcome::Superseded);
    assert!(matches!(slow.cookie_change(), CookieChange::Keep));
    assert_eq!(stage.open(&token(&fresh)).await.names(), ["late"]);
}

/// The re-authentication has given the browser a newer token since.
#[tokio::test]
async fn a_late_write_gives_no_client_the_old_token() {
    for way in ["save", "increment"] {
        let stage = stage(|with| with).await;
        let (_, old) = stage.user("ada").await;
        let (slow, fresh) = (stage.open(&old).await, stage.open(&old).await);
        assert_eq!(slow.rotate().await.expect("there"), RotateOutcome::Rotated);
        assert!(slow.token().is_some());
        login(&fresh, "ada").await;
        match way {
            "save" => assert_eq!(save(&slow, "late").await, SaveOutcome::Saved),
            _ => assert_eq!(slow.increment("late", 1).await.expect("there"), 1),
        }
        assert!(slow.token().is_none() && matches!(slow.cookie_change(), CookieChange::Keep), "{way}");
        assert!(stage.open(&token(&fresh)).await.contains("late"), "{way}");
    }
}

#[tokio::test]
async fn a_write_in_the_same_login_keeps_the_token_for_the_response() {
    let stage = stage(|with| with).await;
    let (session, _) = stage.user("ada").await;
    login(&session, "ada").await;
    stage.open(&token(&session)).await.increment("other", 1).await.expect("there");
    assert_eq!(save(&session, "own").await, SaveOutcome::Saved);
    assert_eq!(session.increment("n", 1).await.expect("there"), 1);
    assert_eq!(stage.open(&token(&session)).await.names(), ["n", "other", "own"]);
}

#[tokio::test]
async fn a_late_write_never_reaches_an_ended_session_or_another_users() {
    for end in ["logout", "revoke", "another user"] {
        let stage = stage(|with| with).await;
        let (slow, fresh) = overtaken(&stage).await;
        let reason = match end {
            "logout" => fresh.logout().await.map(|_| EndReason::LoggedOut).expect("there"),
            "revoke" => stage.sessions.revoke_user("ada").await.map(|_| EndReason::Revoked).expect("there"),
            _ => {
                login(&fresh, "bob").await;
                EndReason::LoggedIn
            }
        };
        assert_eq!(save(&slow, "late").await, SaveOutcome::Gone(Some(reason)), "{end}");
        assert!(!fresh.contains("late"));
    }
}
