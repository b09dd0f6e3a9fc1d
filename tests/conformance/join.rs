//! A login pressed twice: the second one joins the session that the first has made, and nobody else does. R44.

use std::time::Duration;

use cloakroom::{Cap, ClientInfo, EndReason, Login, LoginOutcome, RotateOutcome, SaveOutcome, Session};

use super::stage;
use crate::common::{Stage, login, token};

/// A guest with a cart, who is about to press the button twice: the guest's token, and the two requests.
async fn guest_with_cart(stage: &Stage) -> (String, Session, Session) {
    let guest = stage.draft().await;
    guest.insert("cart", &["hat"]).expect("legal");
    guest.save().await.expect("there").into_result().expect("saved");
    let old = token(&guest);
    let (one, two) = (stage.open(&old).await, stage.open(&old).await);
    (old, one, two)
}

fn ada() -> Login {
    Login::new("ada").keep(["cart"])
}

/// The session that a request with this session's token finds.
async fn reopened(stage: &Stage, session: &Session) -> (Option<String>, Vec<String>) {
    let found = stage.open(&token(session)).await;
    (found.user(), found.names())
}

fn in_with_cart() -> (Option<String>, Vec<String>) {
    (Some("ada".into()), vec!["cart".into()])
}

async fn count(stage: &Stage, user: &str) -> u64 {
    stage.sessions.user(user).count().await.expect("there")
}

#[tokio::test]
async fn the_second_of_two_logins_in_flight_joins_the_first() {
    let stage = stage(|with| with).await;
    let (_, one, two) = guest_with_cart(&stage).await;
    assert_eq!(one.login(ada()).await.expect("there"), LoginOutcome::As(one.id().expect("live")));
    assert_eq!(two.login(ada()).await.expect("there"), LoginOutcome::As(one.id().expect("live")));
    assert_eq!((two.id(), two.names()), (one.id(), vec!["cart".to_owned()]));
    assert_eq!(count(&stage, "ada").await, 1);
    assert_eq!(reopened(&stage, &one).await, in_with_cart(), "until the second token is used");
    assert_eq!(reopened(&stage, &two).await, in_with_cart());
}

#[tokio::test]
async fn a_login_sent_after_the_first_was_done_joins_it() {
    let stage = stage(|with| with).await;
    let (old, one, _) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let two = stage.open(&old).await;
    assert_eq!((two.id(), two.ended()), (None, Some(EndReason::LoggedIn)));
    assert_eq!(two.login(ada()).await.expect("there"), LoginOutcome::As(one.id().expect("live")));
    assert_eq!(count(&stage, "ada").await, 1);
    assert_eq!(reopened(&stage, &two).await, in_with_cart());
}

#[tokio::test]
async fn the_first_token_works_10_seconds_after_the_first_use_of_the_joined() {
    let stage = stage(|with| with).await;
    let (_, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let _ = two.login(ada()).await.expect("there");
    let used = stage.open(&token(&two)).await;
    let _ = used.touch().await.expect("there");
    stage.advance(Duration::from_secs(9)).await;
    assert_eq!(reopened(&stage, &one).await, in_with_cart());
    stage.advance(Duration::from_secs(2)).await;
    assert_eq!(reopened(&stage, &one).await, (None, vec![]));
    assert_eq!(reopened(&stage, &two).await, in_with_cart());
}

#[tokio::test]
async fn a_third_login_joins_too_and_ends_the_first_token() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let three = stage.open(&old).await;
    for session in [&one, &two, &three] {
        let _ = session.login(ada()).await.expect("there");
    }
    assert_eq!(count(&stage, "ada").await, 1);
    assert_eq!(reopened(&stage, &one).await, (None, vec![]), "a join keeps one previous token");
    assert_eq!(reopened(&stage, &two).await, in_with_cart());
    assert_eq!(reopened(&stage, &three).await, in_with_cart());
}

#[tokio::test]
async fn a_touch_that_finds_the_guest_ended_does_not_prevent_a_join() {
    let stage = stage(|with| with).await;
    let (old, one, _) = guest_with_cart(&stage).await;
    stage.advance(Duration::from_secs(120)).await;
    let two = stage.sessions.peek(Some(&old), ClientInfo::new()).await.expect("there");
    let _ = stage.open(&old).await.login(ada()).await.expect("there");
    let _ = two.touch().await.expect("there");
    assert_eq!(two.ended(), Some(EndReason::LoggedIn));
    assert!(matches!(two.login(ada()).await.expect("there"), LoginOutcome::As(_)));
    assert_eq!(count(&stage, "ada").await, 1);
    drop(one);
}

#[tokio::test]
async fn the_second_logins_changes_to_kept_fields_are_written() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    two.insert("cart", &["hat", "coat"]).expect("legal");
    two.insert("dropped", &1).expect("legal");
    let _ = two.login(ada()).await.expect("there");
    assert_eq!(two.require::<Vec<String>>("cart").expect("kept"), ["hat", "coat"]);
    assert_eq!((two.names(), two.is_dirty()), (vec!["cart".to_owned()], false));
    let three = stage.open(&old).await;
    three.clear().expect("a draft");
    let _ = three.login(Login::new("ada")).await.expect("there");
    assert_eq!(reopened(&stage, &three).await, in_with_cart(), "it kept no field");
}

#[tokio::test]
async fn the_first_requests_save_and_logout_work_after_a_join() {
    let stage = stage(|with| with).await;
    let (_, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let _ = two.login(ada()).await.expect("there");
    one.insert("seen", &1).expect("legal");
    assert_eq!(one.save().await.expect("there"), SaveOutcome::Saved);
    two.insert("also", &1).expect("legal");
    assert_eq!(two.save().await.expect("there"), SaveOutcome::Saved);
    assert_eq!(one.rotate().await.expect("there"), RotateOutcome::AlreadyRotated, "the join has replaced its token");
    let _ = one.logout().await.expect("there");
    assert_eq!(stage.open(&token(&two)).await.ended(), Some(EndReason::LoggedOut));
    assert_eq!(count(&stage, "ada").await, 0);
}

#[tokio::test]
async fn another_user_never_joins_and_gets_nothing_carried() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    for session in [two, stage.open(&old).await] {
        assert!(matches!(session.login(Login::new("bob").keep(["cart"])).await.expect("there"), LoginOutcome::As(_)));
        assert_ne!(session.id(), one.id());
        assert_eq!(reopened(&stage, &session).await, (Some("bob".into()), vec![]));
    }
    assert_eq!((count(&stage, "ada").await, count(&stage, "bob").await), (1, 2));
    assert_eq!(reopened(&stage, &one).await, in_with_cart());
}

#[tokio::test]
async fn another_client_never_joins() {
    let stage = stage(|with| with).await;
    let (old, one, _) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let clients =
        [ClientInfo::new().address([192, 0, 2, 1].into()), ClientInfo::new().user_agent("curl/8"), ClientInfo::new()];
    for (client, joins) in clients.into_iter().zip([false, false, true]) {
        let two = stage.sessions.open(Some(&old), client).await.expect("there");
        assert!(matches!(two.login(ada()).await.expect("there"), LoginOutcome::As(_)));
        assert_eq!(two.id() == one.id(), joins);
    }
    assert_eq!(count(&stage, "ada").await, 3);
}

#[tokio::test]
async fn a_login_never_joins_across_a_step_up() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    login(&one, "ada").await;
    one.insert("mfa", &true).expect("legal");
    one.save().await.expect("there").into_result().expect("saved");
    for session in [two, stage.open(&old).await] {
        let _ = session.login(ada()).await.expect("there");
        assert_ne!(session.id(), one.id());
        assert_eq!(reopened(&stage, &session).await, (Some("ada".into()), vec![]));
    }
}

#[tokio::test]
async fn a_step_up_ends_the_tokens_of_all_joined_logins() {
    let stage = stage(|with| with).await;
    let (_, victim, thief) = guest_with_cart(&stage).await;
    let _ = thief.login(ada()).await.expect("there");
    let _ = victim.login(ada()).await.expect("there");
    assert_eq!(victim.id(), thief.id(), "the thief knows the guest's token and the password");
    login(&victim, "ada").await;
    assert_eq!(reopened(&stage, &thief).await, (None, vec![]));
    assert_eq!(reopened(&stage, &victim).await, in_with_cart());
}

#[tokio::test]
async fn a_reauthentication_pressed_twice_conflicts_and_never_joins() {
    let stage = stage(|with| with).await;
    let (_, old) = stage.user("ada").await;
    let (one, two) = (stage.open(&old).await, stage.open(&old).await);
    login(&one, "ada").await;
    assert_eq!(two.login(ada()).await.expect("there"), LoginOutcome::Conflict);
    let late = stage.open(&old).await;
    let _ = late.login(ada()).await.expect("there");
    assert_ne!(late.id(), one.id());
}

#[tokio::test]
async fn a_late_login_never_undoes_a_logout() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let _ = one.logout().await.expect("there");
    for session in [two, stage.open(&old).await] {
        let gone = LoginOutcome::Gone(Some(EndReason::LoggedOut));
        assert_eq!(session.login(ada()).await.expect("there"), gone);
        assert!(!session.is_dirty());
    }
    assert_eq!(count(&stage, "ada").await, 0);
    stage.advance(Duration::from_secs(61)).await;
    let later = stage.open(&old).await;
    assert!(matches!(later.login(ada()).await.expect("there"), LoginOutcome::As(_)), "a minute after the login");
}

#[tokio::test]
async fn a_login_joins_for_a_minute_and_then_makes_a_session_of_its_own() {
    let stage = stage(|with| with).await;
    let (old, one, _) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    stage.advance(Duration::from_secs(59)).await;
    let two = stage.open(&old).await;
    let _ = two.login(ada()).await.expect("there");
    assert_eq!(two.id(), one.id());
    stage.advance(Duration::from_secs(2)).await;
    let three = stage.open(&old).await;
    let _ = three.login(ada()).await.expect("there");
    assert_ne!(three.id(), one.id());
    assert_eq!(count(&stage, "ada").await, 2);
}

#[tokio::test]
async fn a_ticket_from_before_a_revocation_joins_nothing() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let ticket = stage.sessions.ticket("ada").await.expect("there");
    let _ = one.login(ada()).await.expect("there");
    let _ = stage.sessions.user("ada").revoke_others(one.id().expect("live")).await.expect("there");
    for session in [two, stage.open(&old).await] {
        assert_eq!(session.login(ada().ticket(ticket)).await.expect("there"), LoginOutcome::TicketVoid);
    }
    assert_eq!(count(&stage, "ada").await, 1);
    assert_eq!(reopened(&stage, &one).await, in_with_cart());
}

#[tokio::test]
async fn a_join_needs_no_room_under_the_cap() {
    let stage = stage(|with| with.cap(Cap::reject(1))).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    for session in [two, stage.open(&old).await] {
        assert_eq!(session.login(ada()).await.expect("there"), LoginOutcome::As(one.id().expect("live")));
    }
    assert_eq!(count(&stage, "ada").await, 1);
}

#[tokio::test]
async fn a_guests_secret_never_leads_to_the_login_by_loading() {
    let stage = stage(|with| with).await;
    let (old, one, late) = guest_with_cart(&stage).await;
    let _ = one.login(ada()).await.expect("there");
    let found = stage.open(&old).await;
    assert_eq!((found.id(), found.user(), found.token().is_none()), (None, None, true));
    assert!(late.reload().await.is_err());
    assert!(!format!("{found:?} {late:?}").contains(&one.id().expect("live").to_string()));
}

#[tokio::test]
async fn a_guests_form_matches_with_the_guests_token_after_the_login() {
    let stage = stage(|with| with).await;
    let (old, one, two) = guest_with_cart(&stage).await;
    let form = one.csrf_token().expect("live");
    assert!(two.csrf_matches(&form));
    let _ = one.login(ada()).await.expect("there");
    let again = stage.open(&old).await;
    assert!(again.csrf_matches(&form) && !again.csrf_matches("guessed"));
    assert_eq!(again.csrf_token(), None, "no new page is made with it");
    assert!(!stage.open(&token(&one)).await.csrf_matches(&form), "one from before a login, with its token");
    assert_eq!(two.save().await.expect("there"), SaveOutcome::Unchanged);
    let _ = again.login(ada()).await.expect("there");
    assert!(!again.csrf_matches(&form));
    let _ = again.logout().await.expect("there");
    assert!(!again.csrf_matches(&form));
    let (_, other, _) = guest_with_cart(&stage).await;
    let (form, other_token) = (other.csrf_token().expect("live"), old);
    assert!(!stage.open(&other_token).await.csrf_matches(&form), "another guest's");
}
