//! Handlers that are for users only.

use std::time::{Duration, SystemTime};

use cloakroom::{Error, Login, LoginOutcome, RequireFresh, Session, SessionLayer, Sessions, User, UserRejection};

use super::framework::{App, NAME};
use super::outage::{away, cookie};
use super::visitor::{Answer, Visitor, get_with, stage, stored};

async fn login(session: Session) -> Result<(), Error> {
    assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
    Ok(())
}

async fn everywhere(user: User) -> Result<String, Error> {
    Ok(user.sessions().revoke_all().await?.ended.to_string())
}

async fn maybe(user: Option<User>) -> String {
    format!("{:?}", user.as_ref().map(User::id))
}

async fn politely(user: Result<User, UserRejection>) -> String {
    match user {
        Ok(user) => user.id().to_owned(),
        Err(UserRejection::Guest(reason)) => format!("guest, {reason:?}"),
        Err(other) => format!("{other:?}"),
    }
}

fn site(sessions: &Sessions) -> App {
    let routes = App::default().route("/login", login).route("/everywhere", everywhere);
    routes
        .route("/user", |user: User| async move { user.id().to_owned() })
        .route("/maybe", maybe)
        .route("/politely", politely)
        .route("/fresh", |RequireFresh(user): RequireFresh<300>| async move { user.id().to_owned() })
        .layer(SessionLayer::new(sessions.clone()))
}

/// A browser in which ada has logged in.
async fn ada(sessions: &Sessions) -> Visitor {
    let mut visitor = Visitor::of(&site(sessions));
    assert!(visitor.get("/login").await.token().is_some());
    visitor
}

fn said(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

#[tokio::test]
async fn a_handler_that_asks_for_a_user_gets_who_is_logged_in_and_since_when() {
    async fn handler(session: Session, user: User, same: Option<User>) -> String {
        let since: SystemTime = user.auth_time();
        assert_eq!((Some(since), Some(user.id().to_owned())), (session.auth_time(), session.user()));
        assert_eq!(same.map(|same| same.auth_time()), Some(since));
        assert_eq!(user.sessions().user(), "ada");
        user.session().insert("n", &1).expect("a fine field");
        assert_eq!(session.get("n").ok(), Some(Some(1)), "one session, however it is extracted");
        user.id().to_owned()
    }
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = ada(&sessions).await.on(&App::of(&sessions, handler));
    assert_eq!(said(&visitor.get("/").await), (200, "ada"));
}

#[tokio::test]
async fn a_guest_is_401_and_the_handler_does_not_run() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = site(&sessions);
    for path in ["/user", "/fresh", "/everywhere"] {
        let answer = get_with(&app, path, &[]).await;
        assert_eq!(said(&answer), (401, r#"{"ended":null}"#), "{path}");
        assert_eq!((answer.all("content-type"), answer.all("vary")), (vec!["application/json"], vec!["Cookie"]));
        assert_eq!(answer.set_cookie(), None);
    }
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn a_guest_with_a_session_is_401_and_keeps_it() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let write = App::of(&sessions, |session: Session| async move { session.insert("cart", &1) });
    let mut visitor = Visitor::of(&write);
    assert!(visitor.get("/").await.token().is_some());
    let answer = visitor.on(&site(&sessions)).get("/user").await;
    assert_eq!((said(&answer), answer.set_cookie()), ((401, r#"{"ended":null}"#), None));
    assert_eq!(stored(&sessions).await, 1);
}

#[tokio::test]
async fn a_user_signed_out_elsewhere_gets_the_reason_and_loses_the_cookie() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let (mut here, elsewhere) = (ada(&sessions).await, ada(&sessions).await);
    assert_eq!(said(&here.get("/everywhere").await), (200, "2"));
    for path in ["/user", "/fresh"] {
        let answer = elsewhere.on(&site(&sessions)).get(path).await;
        assert_eq!(said(&answer), (401, r#"{"ended":"revoked"}"#), "{path}");
        assert!(answer.removes_cookie());
        assert_eq!(answer.all("cache-control"), ["no-store"]);
    }
}

#[tokio::test]
async fn an_optional_user_is_none_for_a_guest() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = ada(&sessions).await;
    assert_eq!(said(&visitor.get("/maybe").await), (200, "Some(\"ada\")"));
    assert_eq!(said(&get_with(&site(&sessions), "/maybe", &[]).await), (200, "None"));
    sessions.revoke_user("ada").await.expect("the store is there");
    let answer = visitor.get("/maybe").await;
    assert_eq!((said(&answer), answer.removes_cookie()), ((200, "None"), true));
}

#[tokio::test]
async fn a_handler_may_respond_to_guests_itself() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let mut visitor = ada(&sessions).await;
    assert_eq!(visitor.get("/politely").await.body, "ada");
    sessions.revoke_user("ada").await.expect("the store is there");
    assert_eq!(said(&visitor.get("/politely").await), (200, "guest, Some(Revoked)"));
}

#[tokio::test]
async fn an_outage_makes_nobody_a_guest() {
    let (app, cookie) = (site(&away()), cookie().await);
    for path in ["/user", "/maybe", "/fresh"] {
        let answer = get_with(&app, path, &[&cookie]).await;
        assert_eq!(said(&answer), (503, r#"{"error":"the session store is unavailable"}"#), "{path}");
        assert_eq!((answer.all("retry-after"), answer.set_cookie()), (vec!["1"], None));
    }
}

#[tokio::test]
async fn extracting_a_user_without_a_layer_is_a_500() {
    let app = App::default().route("/user", |_: User| async { "" }).route("/maybe", maybe);
    assert_eq!(get_with(&app, "/user", &[]).await.status, 500);
    // actix-web turns the error into `None` by itself, and without a layer none of our code can prevent that.
    let maybe = get_with(&app, "/maybe", &[]).await;
    assert_eq!(maybe.status, if NAME == "axum" { 500 } else { 200 });
}

#[tokio::test]
async fn a_login_is_fresh_up_to_the_given_age_and_then_rejected() {
    let stage = stage().await;
    let mut visitor = ada(&stage.sessions).await;
    stage.advance(Duration::from_secs(270)).await;
    assert_eq!(said(&visitor.get("/fresh").await), (200, "ada"));
    stage.advance(Duration::from_secs(31)).await;
    let answer = visitor.get("/fresh").await;
    assert_eq!((said(&answer), answer.set_cookie()), ((401, r#"{"reauthenticate":true}"#), None));
    assert_eq!(answer.all("content-type"), ["application/json"]);
    assert_eq!(said(&visitor.get("/user").await), (200, "ada"), "the session goes on");
    visitor.get("/login").await;
    assert_eq!(said(&visitor.get("/fresh").await), (200, "ada"));
}
