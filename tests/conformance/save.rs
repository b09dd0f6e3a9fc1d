//! Delta saves: lost updates, conflicts, ended sessions.

use std::time::Duration;

use cloakroom::{ClientInfo, EndReason, Error, Login, RotateOutcome, SaveOutcome, Session, Timeouts};

use super::stage;

#[tokio::test]
async fn two_requests_that_change_different_fields_lose_nothing() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    one.insert("one", &1).expect("legal");
    two.insert("two", &2).expect("legal");
    two.remove("a").expect("live");
    one.save().await.expect("there").into_result().expect("saved");
    two.save().await.expect("there").into_result().expect("saved");
    assert_eq!(stage.open(&token).await.names(), ["one", "two"]);
}

#[tokio::test]
async fn a_stale_version_conflicts_where_that_is_asked_for() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    one.insert("one", &1).expect("legal");
    assert_eq!(one.save_if_unchanged().await.expect("there"), SaveOutcome::Saved);
    two.insert("two", &2).expect("legal");
    assert_eq!(two.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
    assert!(two.is_dirty());
    two.reload().await.expect("live");
    assert!(!two.is_dirty() && two.contains("one"));
    two.insert("two", &2).expect("legal");
    assert_eq!(two.save_if_unchanged().await.expect("there"), SaveOutcome::Saved);
    one.insert("one", &3).expect("legal");
    assert_eq!(one.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
}

#[tokio::test]
async fn an_own_write_over_an_unseen_one_does_not_hide_it_from_the_version() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    two.insert("unseen", &1).expect("legal");
    two.save().await.expect("there").into_result().expect("saved");
    one.insert("b", &1).expect("legal");
    assert_eq!(one.save().await.expect("there"), SaveOutcome::Saved);
    one.insert("b", &2).expect("legal");
    assert_eq!(one.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
}

#[tokio::test]
async fn an_increment_counts_as_a_write() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    one.increment("n", 1).await.expect("there");
    two.insert("b", &1).expect("legal");
    assert_eq!(two.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
    one.insert("b", &1).expect("legal");
    assert_eq!(one.save_if_unchanged().await.expect("there"), SaveOutcome::Saved);
}

#[tokio::test]
async fn a_save_after_a_plain_rotation_succeeds() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (slow, other) = (stage.open(&token).await, stage.open(&token).await);
    let _ = other.rotate().await.expect("there");
    slow.insert("late", &1).expect("legal");
    assert_eq!(slow.save().await.expect("there"), SaveOutcome::Saved);
}

#[tokio::test]
async fn a_save_never_brings_an_ended_session_back() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.user("ada").await;
    let slow = stage.open(&token).await;
    stage.sessions.revoke_user("ada").await.expect("there");
    slow.insert("late", &1).expect("not known yet");
    let outcome = slow.save().await.expect("there");
    assert_eq!(outcome, SaveOutcome::Gone(Some(cloakroom::EndReason::Revoked)));
    assert!(matches!(outcome.into_result(), Err(Error::Gone(Some(_)))));
    assert!(slow.token().is_none() && !slow.contains("late") && !slow.is_dirty());
    assert!(stage.open(&token).await.id().is_none());
}

#[tokio::test]
async fn a_reload_of_an_ended_session_is_gone() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let slow = stage.open(&token).await;
    let _ = stage.open(&token).await.logout().await.expect("there");
    assert!(matches!(slow.reload().await, Err(Error::Gone(Some(_)))));
}

#[tokio::test]
async fn an_empty_save_does_not_hide_anothers_write_from_the_version() {
    let stage = stage(|with| with).await;
    let (_, token) = stage.guest().await;
    let (one, two) = (stage.open(&token).await, stage.open(&token).await);
    two.insert("unseen", &1).expect("legal");
    two.save().await.expect("there").into_result().expect("saved");
    one.set_dirty(true);
    assert_eq!(one.save().await.expect("there"), SaveOutcome::Saved);
    one.insert("b", &1).expect("legal");
    assert_eq!(one.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
}

/// Like a touch concurrent with a handler, whose result nobody reads.
#[tokio::test]
async fn a_lost_write_is_reported_even_if_a_touch_found_the_end_first() {
    let stage = stage(|with| with).await;
    for finder in ["touch", "increment", "rotate", "set_timeouts"] {
        let (_, token) = stage.user("ada").await;
        stage.advance(Duration::from_secs(20 * 60)).await;
        let session = stage.sessions.peek(Some(&token), ClientInfo::new()).await.expect("there");
        session.insert("cart", "hat").expect("legal");
        stage.sessions.revoke_user("ada").await.expect("there");
        let found = match finder {
            "touch" => session.touch().await.expect("there").is_none(),
            "increment" => matches!(session.increment("hits", 1).await, Err(Error::Gone(_))),
            "rotate" => matches!(session.rotate().await, Ok(RotateOutcome::Gone(_))),
            _ => matches!(session.set_timeouts(Timeouts::new()).await, Err(Error::Gone(_))),
        };
        assert!(found && session.is_dirty(), "{finder}");
        let told = session.save().await.expect("there");
        assert_eq!(told, SaveOutcome::Gone(Some(EndReason::Revoked)), "{finder}");
        assert_eq!(session.save().await.expect("there"), SaveOutcome::Unchanged, "told once, after {finder}");
    }
}

#[tokio::test]
async fn conflicting_changes_are_not_written_by_later_calls() {
    let stage = stage(|with| with).await;
    for way in ["login", "again", "logout", "increment"] {
        let (_, token) = if way == "login" { stage.guest().await } else { stage.user("ada").await };
        let (session, other) = (stage.open(&token).await, stage.open(&token).await);
        other.insert("n", &50).expect("legal");
        other.save().await.expect("there").into_result().expect("saved");
        session.increment("hits", 1).await.expect("there");
        session.insert("n", &70).expect("legal");
        assert_eq!(session.save_if_unchanged().await.expect("there"), SaveOutcome::Conflict);
        match way {
            "login" => drop(session.login(Login::new("bob").keep(["n"])).await.expect("there")),
            "again" => drop(session.login(Login::new("ada")).await.expect("there")),
            "logout" => drop(session.logout_keeping(["n"]).await.expect("there")),
            _ => {
                let refused = session.increment("n", 1).await;
                assert!(matches!(refused, Err(Error::Conflict)), "{refused:?}");
                session.increment("hits", 1).await.expect("another field");
                session.reload().await.expect("there");
            }
        }
        assert_eq!(session.get::<i32>("n").expect("a number"), Some(50), "{way}");
        let stored = stage.open(&token_of(&session, &token)).await;
        assert_eq!(stored.get::<i32>("n").expect("a number"), Some(50), "{way}");
    }
}

fn token_of(session: &Session, before: &str) -> String {
    session.token().map_or_else(|| before.to_owned(), |token| token.reveal().as_str().to_owned())
}
