//! Sessions that are read without counting as a use.

use std::time::Duration;

use cloakroom::{ClientInfo, ReadSession, Session, Sessions};

use super::framework::App;
use super::outage::{away, cookie};
use super::visitor::{Visitor, get_with, stage};

async fn look(session: ReadSession) -> String {
    format!("{:?} {:?} {:?}", session.user(), session.get::<i32>("n").ok(), session.ended())
}

/// The session as stored, without using it.
async fn peek(sessions: &Sessions, token: &str) -> Session {
    sessions.peek(Some(token), ClientInfo::new()).await.expect("the store is there")
}

fn site(sessions: &Sessions) -> App {
    App::of(sessions, look)
}

async fn guest(sessions: &Sessions) -> Visitor {
    let mut visitor =
        Visitor::of(&App::of(sessions, |session: Session| async move { session.insert("n", &1).map(|()| "") }));
    assert!(visitor.get("/").await.token().is_some());
    visitor
}

#[tokio::test]
async fn reading_a_session_keeps_nothing_alive() {
    let stage = stage().await;
    let visitor = guest(&stage.sessions).await;
    let mut looker = visitor.on(&site(&stage.sessions));
    let left = async || peek(&stage.sessions, visitor.held()).await.time_left().expect("live");
    stage.advance(Duration::from_secs(20 * 60)).await;
    let before = left().await;
    assert_eq!(looker.get("/").await.body, "None Some(Some(1)) None");
    assert!(left().await <= before, "no use");
    stage.advance(Duration::from_secs(12 * 60)).await;
    assert_eq!(looker.get("/").await.body, "None Some(None) None", "it has expired");
}

#[tokio::test]
async fn a_request_that_reads_and_uses_a_session_counts_as_a_use() {
    async fn both(read: ReadSession, session: Session, again: ReadSession) -> String {
        session.insert("n", &2).expect("legal");
        assert_eq!(read.get("n").ok(), Some(Some(2)), "one session, however it is extracted");
        format!("{:?}", again.get::<i32>("n").ok())
    }
    let stage = stage().await;
    let mut visitor = guest(&stage.sessions).await.on(&App::of(&stage.sessions, both));
    stage.advance(Duration::from_secs(20 * 60)).await;
    assert_eq!(visitor.get("/").await.body, "Some(Some(2))");
    crate::common::until("the touch beside the handler", async || {
        let left = peek(&stage.sessions, visitor.held()).await.time_left();
        left.is_some_and(|left| left > Duration::from_secs(29 * 60))
    })
    .await;
    assert_eq!(peek(&stage.sessions, visitor.held()).await.get("n").ok(), Some(Some(2)), "and saved");
}

#[tokio::test]
async fn reading_an_ended_session_leaves_the_cookie_alone() {
    let stage = stage().await;
    let visitor = guest(&stage.sessions).await;
    stage.sessions.revoke_guests(|_| {}).await.expect("the store is there");
    let answer = visitor.on(&site(&stage.sessions)).get("/").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("None Some(None) Some(Revoked)", None));
    assert_eq!((answer.all("vary"), answer.all("cache-control")), (vec!["Cookie"], vec![]));
}

#[tokio::test]
async fn in_an_outage_reading_a_session_is_an_error() {
    let answer = get_with(&site(&away()), "/", &[&cookie().await]).await;
    assert_eq!((answer.status, answer.set_cookie()), (503, None));
}

#[tokio::test]
async fn a_read_session_reads_a_counter_as_an_integer() {
    let stage = stage().await;
    let counting = App::of(&stage.sessions, |session: Session| async move {
        session.increment("n", 3).await.map(|count| count.to_string())
    });
    let mut visitor = Visitor::of(&counting);
    assert_eq!(visitor.get("/").await.body, "3");
    assert_eq!(visitor.on(&site(&stage.sessions)).get("/").await.body, "None Some(Some(3)) None");
}
