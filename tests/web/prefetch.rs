//! Requests that a browser sends ahead of its user, or that the application names, are not a use of the session. R27.

use std::time::Duration;

use cloakroom::{ClientInfo, Error, RequestView, RotateOutcome, Session, SessionLayer, Sessions};

use super::framework::App;
use super::visitor::{Answer, Request, Visitor, stage};
use crate::common::{Stage, until};

async fn read(session: Session) -> String {
    format!("{:?}", session.get::<i32>("n").ok().flatten())
}

async fn write(session: Session) -> Result<String, Error> {
    session.update("n", |n: &mut i32| *n += 1)?;
    Ok(session.increment("hits", 1).await?.to_string())
}

async fn rotate(session: Session) -> Result<&'static str, Error> {
    assert_eq!(session.rotate().await?, RotateOutcome::Rotated);
    Ok("rotated")
}

fn routes() -> App {
    App::default().route("/read", read).route("/write", write).route("/rotate", rotate)
}

fn site(sessions: &Sessions) -> App {
    routes().layer(SessionLayer::new(sessions.clone()))
}

async fn send(app: &App, visitor: &Visitor, request: Request) -> Answer {
    app.send(request.header("cookie", format!("__Host-id={}", visitor.held()))).await
}

/// The session as stored, without using it.
async fn peek(sessions: &Sessions, token: &str) -> Session {
    sessions.peek(Some(token), ClientInfo::new()).await.expect("the store is there")
}

async fn left(sessions: &Sessions, visitor: &Visitor) -> Duration {
    peek(sessions, visitor.held()).await.time_left().expect("live")
}

/// A visitor whose last use was 20 minutes ago; a session lives for 30 without a use.
async fn idler(stage: &Stage) -> Visitor {
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/write").await;
    stage.advance(Duration::from_secs(20 * 60)).await;
    visitor
}

async fn assert_passive(stage: &Stage, app: &App, request: Request, what: &str) {
    let visitor = idler(stage).await;
    let before = left(&stage.sessions, &visitor).await;
    assert_eq!(send(app, &visitor, request).await.body, "Some(1)", "{what}");
    assert!(left(&stage.sessions, &visitor).await <= before, "{what}");
    stage.advance(Duration::from_secs(12 * 60)).await;
    assert_eq!(peek(&stage.sessions, visitor.held()).await.id(), None, "{what}: it has expired");
}

async fn assert_used(stage: &Stage, app: &App, request: Request) {
    let visitor = idler(stage).await;
    let before = left(&stage.sessions, &visitor).await;
    assert_eq!(send(app, &visitor, request).await.body, "Some(1)");
    until("the touch beside the handler", async || left(&stage.sessions, &visitor).await > before).await;
}

#[tokio::test]
async fn a_prefetch_or_prerender_keeps_no_session_alive() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    for (name, value) in [
        ("Sec-Purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let request = Request::get("/read").header(name, value);
        assert_passive(&stage, &app, request, &format!("{name}: {value}")).await;
    }
}

#[tokio::test]
async fn a_request_with_another_purpose_is_a_use() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    for request in [Request::get("/read"), Request::get("/read").header("sec-purpose", "other")] {
        assert_used(&stage, &app, request).await;
    }
}

#[tokio::test]
async fn a_request_that_the_rule_names_keeps_no_session_alive() {
    let rule = |request: &RequestView<'_>| {
        request.method() == "GET" && request.path() == "/in/read" && request.header("X-Poll") == Some("1")
    };
    let stage = stage().await;
    let app = routes().nested("/in").layer(SessionLayer::new(stage.sessions.clone()).passive_when(rule));
    assert_passive(&stage, &app, Request::get("/in/read?since=1").header("x-poll", "1"), "the rule").await;
    assert_passive(&stage, &app, Request::get("/in/read").header("sec-purpose", "prefetch"), "prefetch").await;
    let twice = SessionLayer::new(stage.sessions.clone()).passive_when(|_| true).passive_when(rule);
    for app in [app, routes().nested("/in").layer(twice)] {
        for active in [
            Request::get("/in/read"),
            Request::get("/in/read").header("x-poll", "2"),
            Request::get("/in/read").header("x-poll", b"\xff"),
            Request::post("/in/read").header("x-poll", "1"),
        ] {
            assert_used(&stage, &app, active).await;
        }
    }
}

#[tokio::test]
async fn a_passive_requests_writes_are_saved_and_keep_nothing_alive() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    visitor.get("/write").await;
    stage.advance(Duration::from_secs(20 * 60)).await;
    let before = left(&stage.sessions, &visitor).await;
    let prefetch = || Request::get("/write").header("sec-purpose", "prefetch");
    assert_eq!(send(&app, &visitor, prefetch()).await.body, "2");
    let stored = peek(&stage.sessions, visitor.held()).await;
    assert_eq!((stored.get("n").ok(), stored.counter("hits").ok()), (Some(Some(2)), Some(Some(2))));
    assert!(stored.time_left().expect("live") <= before, "no use");

    let first = app.send(prefetch()).await;
    let stored = peek(&stage.sessions, &first.token().expect("a new session's")).await;
    assert_eq!(stored.get("n").ok(), Some(Some(1)), "a draft becomes a session");
}

#[tokio::test]
async fn a_passive_request_is_not_the_first_use_of_a_rotated_token() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    visitor.get("/write").await;
    let old = visitor.on(&app);
    visitor.get("/rotate").await;
    let opens = async || peek(&stage.sessions, old.held()).await.id().is_some();
    send(&app, &visitor, Request::get("/read").header("sec-purpose", "prefetch")).await;
    stage.advance(Duration::from_secs(15)).await;
    assert!(opens().await, "nobody has used the new one");
    visitor.get("/read").await;
    until("the first use is noted and its grace over", async || {
        stage.advance(Duration::from_secs(15)).await;
        !opens().await
    })
    .await;
}
