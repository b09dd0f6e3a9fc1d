//! Several values of our cookie's name in one request. R12.

use std::time::Duration;

use cloakroom::{ClientInfo, Error, Login, RotateOutcome, Session, Sessions};

use super::framework::App;
use super::outage::away;
use super::visitor::{Answer, Visitor, get_with, stage};
use crate::common::{Stage, foreign_token};

async fn read(session: Session) -> String {
    format!("{:?} {:?}", session.user(), session.ended())
}

async fn csrf(session: Session) -> String {
    format!("{:?}", session.csrf_token())
}

async fn login(session: Session) -> Result<(), Error> {
    session.login(Login::new("ada")).await.map(drop)
}

async fn logout(session: Session) -> Result<(), Error> {
    session.logout().await.map(drop)
}

fn site(sessions: &Sessions) -> App {
    let routes = App::default().route("/read", read).route("/csrf", csrf).route("/login", login);
    routes.route("/logout", logout).layer(cloakroom::SessionLayer::new(sessions.clone()))
}

/// A request with these values of our name, in one header.
async fn with(app: &App, path: &str, values: &[&str]) -> Answer {
    let cookies: Vec<_> = values.iter().map(|value| format!("__Host-id={value}")).collect();
    get_with(app, path, &[cookies.join("; ").as_bytes()]).await
}

/// The token of a session that its user logged out of.
async fn dead(stage: &Stage) -> String {
    let (session, token) = stage.user("ada").await;
    let _ = session.logout().await.expect("the store is there");
    token
}

/// The time that this session has left without a further use.
async fn left(stage: &Stage, token: &str) -> Duration {
    let session = stage.sessions.peek(Some(token), ClientInfo::new()).await.expect("the store is there");
    session.time_left().expect("a live session")
}

#[tokio::test]
async fn among_several_values_the_one_that_opens_a_session_is_used() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let (_, live) = stage.user("ada").await;
    for other in [&*dead(&stage).await, &foreign_token(), "x", "", "\"", "é", &live[..63]] {
        for values in [[other, &live], [&live, other]] {
            let answer = with(&app, "/read", &values).await;
            assert_eq!((answer.body.as_str(), answer.set_cookie()), ("Some(\"ada\") None", None), "{other}");
        }
        let headers = [format!("__Host-id={other}"), format!("__Host-id={live}")];
        let answer = get_with(&app, "/read", &[headers[0].as_bytes(), headers[1].as_bytes()]).await;
        assert_eq!(answer.body, "Some(\"ada\") None", "in two headers");
    }
}

#[tokio::test]
async fn values_that_open_different_sessions_are_ignored() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let [(_, mine), (_, planted)] = [stage.user("ada").await, stage.user("mallory").await];
    for values in [[&*mine, &*planted], [&planted, &mine]] {
        let answer = with(&app, "/read", &values).await;
        assert_eq!((answer.body.as_str(), answer.set_cookie()), ("None None", None));
    }
    let dead = dead(&stage).await;
    assert_eq!(with(&app, "/read", &[&mine, &dead, &planted]).await.body, "None None");
    assert_eq!(with(&app, "/read", &[&mine]).await.body, "Some(\"ada\") None", "neither was ended");
    assert_eq!(with(&app, "/read", &[&planted]).await.body, "Some(\"mallory\") None");
}

#[tokio::test]
async fn the_current_of_two_secrets_of_one_session_is_used() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let (session, previous) = stage.user("ada").await;
    assert_eq!(session.rotate().await.expect("the store is there"), RotateOutcome::Rotated);
    let current = crate::common::token(&session);
    let alone = with(&app, "/csrf", &[&current]).await.body;
    for values in [[&*previous, &*current], [&current, &previous]] {
        let answer = with(&app, "/csrf", &values).await;
        assert_eq!((answer.body.as_str(), answer.set_cookie()), (alone.as_str(), None));
    }
}

#[tokio::test]
async fn at_most_four_well_formed_values_are_tried_in_their_order() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let (_, live) = stage.user("ada").await;
    let foreign: Vec<_> = (0..4).map(|_| foreign_token()).collect();
    let foreign: Vec<&str> = foreign.iter().map(String::as_str).collect();
    assert_eq!(with(&app, "/read", &[&foreign[..3], &[&live]].concat()).await.body, "Some(\"ada\") None");
    assert_eq!(with(&app, "/read", &[&foreign[..], &[&live]].concat()).await.body, "None None");
    assert_eq!(with(&app, "/read", &[&[&*live], &foreign[..]].concat()).await.body, "Some(\"ada\") None");
    let repeated = [foreign[0]; 9];
    assert_eq!(with(&app, "/read", &[&repeated[..], &[&live]].concat()).await.body, "Some(\"ada\") None");
    let malformed: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    let malformed: Vec<&str> = malformed.iter().map(String::as_str).collect();
    assert_eq!(with(&app, "/read", &[&malformed[..], &[&live]].concat()).await.body, "Some(\"ada\") None");
}

#[tokio::test]
async fn only_the_chosen_session_is_kept_alive() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let [(_, one), (_, other)] = [stage.guest().await, stage.guest().await];
    stage.advance(Duration::from_secs(29 * 60)).await;
    with(&app, "/read", &[&one, &other]).await;
    let before = Duration::from_secs(3 * 60);
    assert!(left(&stage, &one).await < before && left(&stage, &other).await < before, "none was chosen");
    with(&app, "/read", &[&foreign_token(), &one]).await;
    crate::common::until("the touch is done", || async { left(&stage, &one).await > before }).await;
    assert!(left(&stage, &other).await < before);
}

#[tokio::test]
async fn a_dead_value_next_to_an_unknown_one_removes_no_cookie() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let dead = dead(&stage).await;
    let answer = with(&app, "/read", &[&dead, &foreign_token()]).await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("None Some(LoggedOut)", None));
}

#[tokio::test]
async fn if_all_values_have_ended_the_cookie_is_removed_and_the_reason_known() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let [one, other] = [dead(&stage).await, dead(&stage).await];
    let answer = with(&app, "/read", &[&one, &other]).await;
    assert!(answer.removes_cookie());
    assert_eq!(answer.body, "None Some(LoggedOut)");

    let (_, revoked) = stage.user("bob").await;
    assert_eq!(stage.sessions.revoke_user("bob").await.expect("the store is there").ended, 1);
    let answer = with(&app, "/read", &[&one, &revoked]).await;
    assert!(answer.removes_cookie());
    assert_eq!(answer.body, "None None", "the reasons differ");
}

#[tokio::test]
async fn dead_values_before_one_that_is_not_tried_remove_no_cookie() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let mut values = Vec::new();
    for _ in 0..4 {
        values.push(dead(&stage).await);
    }
    values.push(stage.user("ada").await.1);
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let answer = with(&app, "/read", &values).await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("None Some(LoggedOut)", None));
    let four = with(&app, "/read", &values[..4]).await;
    assert!(four.set_cookie().is_some_and(|line| line.contains(&"Max-Age=0")), "all have ended");
}

#[tokio::test]
async fn a_logout_with_two_values_ends_the_session_that_opens_and_no_other() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let (_, live) = stage.user("ada").await;
    let answer = with(&app, "/logout", &[&foreign_token(), &live]).await;
    assert!(answer.removes_cookie());
    assert_eq!(with(&app, "/read", &[&live]).await.body, "None Some(LoggedOut)");
}

#[tokio::test]
async fn a_login_next_to_a_dead_cookie_is_found_by_the_next_request() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let old_path = dead(&stage).await;
    let mut visitor = Visitor::of(&app);
    visitor.token = with(&app, "/login", &[&old_path]).await.token();
    assert_eq!(with(&app, "/read", &[&old_path, visitor.held()]).await.body, "Some(\"ada\") None");
}

#[tokio::test]
async fn an_outage_while_several_values_are_tried_is_an_outage() {
    let answer = with(&site(&away()), "/read", &[&foreign_token(), &foreign_token()]).await;
    assert_eq!((answer.status, answer.set_cookie()), (503, None));
}

/// A value that opens a session does not make up for a read that failed: the other value might open one too.
#[tokio::test]
async fn a_failed_read_is_an_error_even_if_another_value_opens() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let [(_, live), (spoilt, token)] = [stage.user("ada").await, stage.guest().await];
    let key = spoilt.id().expect("a live session").to_string();
    for mut master in stage.masters().await {
        for key in stage.keys().await.into_iter().filter(|name| name.ends_with(&key)) {
            let set = redis::cmd("SET").arg(&key).arg("x").query_async(&mut master).await;
            let () = set.expect("a server of its own");
        }
        let answer = with(&app, "/read", &[&live, &token]).await;
        assert!(answer.status >= 500 && answer.set_cookie().is_none(), "{}: {}", answer.status, answer.body);
    }
}
