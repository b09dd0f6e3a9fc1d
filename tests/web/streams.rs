//! Changes after the response has begun, as by a streamed body or a task of the handler.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::{EndOutcome, Error, Login, Session, Sessions, Timeouts};

use super::framework::App;
use super::visitor::{Reply, Visitor, stage, stored};

/// A session that outlives its handler; `status` is the handler's response.
async fn kept(sessions: &Sessions, visitor: &mut Visitor, status: u16) -> Session {
    let left = Arc::new(Mutex::new(None));
    let handler = {
        let left = Arc::clone(&left);
        move |session: Session| {
            let left = Arc::clone(&left);
            async move {
                if status != 200 {
                    session.insert("pending", &1).expect("legal");
                }
                *left.lock().expect("no panic") = Some(session);
                Reply::status(status)
            }
        }
    };
    let answer = visitor.on(&App::of(sessions, handler)).get("/").await;
    assert_eq!(answer.status, status);
    left.lock().expect("no panic").take().expect("the handler ran")
}

async fn ada(sessions: &Sessions) -> Visitor {
    let login = App::of(sessions, |session: Session| async move {
        session.insert("n", &1)?;
        session.login(Login::new("ada").keep(["n"])).await.map(|_| "")
    });
    let mut visitor = Visitor::of(&login);
    assert!(visitor.get("/").await.token().is_some());
    visitor
}

fn late<T: std::fmt::Debug>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::TooLate))
}

#[tokio::test]
async fn once_the_response_has_begun_every_change_is_an_error() {
    let stage = stage().await;
    let mut visitor = ada(&stage.sessions).await;
    let session = kept(&stage.sessions, &mut visitor, 200).await;
    assert!(late(session.insert("n", &2)) && late(session.insert_bytes("b", b"x")));
    assert!(late(session.remove("n")) && late(session.pop::<i32>("n")) && late(session.clear()));
    assert!(late(session.update("n", |n: &mut i32| *n += 1)) && late(session.get_or_insert("m", 1)));
    assert!(late(session.save().await) && late(session.save_if_unchanged().await));
    assert!(late(session.login(Login::new("bob")).await) && late(session.login(Login::new("ada")).await));
    assert!(late(session.rotate().await) && late(session.reset().await));
    assert!(late(session.logout_keeping(["n"]).await));
    assert!(late(session.set_timeouts(Timeouts::new().idle(Duration::from_secs(60))).await));
    session.set_dirty(true);
    assert!(!session.is_dirty());
    let stored = stage.open(visitor.held()).await;
    assert_eq!((stored.get("n").ok(), stored.user().as_deref()), (Some(Some(1)), Some("ada")));
}

#[tokio::test]
async fn once_the_response_has_begun_reading_counting_and_ending_work() {
    let stage = stage().await;
    let mut visitor = ada(&stage.sessions).await;
    let session = kept(&stage.sessions, &mut visitor, 200).await;
    assert_eq!(session.get("n").ok(), Some(Some(1)));
    assert_eq!(session.increment("count", 1).await.ok(), Some(1));
    session.reload().await.expect("still live");
    assert_eq!(session.counter("count").ok(), Some(Some(1)));
    assert!(session.touch().await.expect("the store is there").is_some());
    assert_eq!(session.logout().await.expect("the store is there"), EndOutcome::Ended);
    assert_eq!(stage.open(visitor.held()).await.id(), None);
    assert!(late(session.insert("n", &2)), "nor is the draft after it");

    let mut visitor = ada(&stage.sessions).await;
    let session = kept(&stage.sessions, &mut visitor, 200).await;
    assert_eq!(session.logout_everywhere().await.expect("the store is there").ended, 1);
    let mut visitor = ada(&stage.sessions).await;
    let session = kept(&stage.sessions, &mut visitor, 200).await;
    assert_eq!(session.invalidate().await.expect("the store is there"), EndOutcome::Ended);
    assert_eq!(stage.open(visitor.held()).await.id(), None);
}

#[tokio::test]
async fn a_draft_cannot_become_a_session_after_its_response_has_begun() {
    let stage = stage().await;
    let nobody = App::of(&stage.sessions, |_: Session| async { "" });
    let session = kept(&stage.sessions, &mut Visitor::of(&nobody), 200).await;
    assert!(late(session.increment("n", 1).await) && late(session.insert("n", &1)));
    assert!(late(session.login(Login::new("ada")).await));
    assert_eq!(session.logout().await.expect("nothing to do"), EndOutcome::NoSession);
    assert_eq!(stored(&stage.sessions).await, 0);
}

#[tokio::test]
async fn changes_dropped_by_a_server_error_are_not_saved_later() {
    let stage = stage().await;
    let mut visitor = ada(&stage.sessions).await;
    let session = kept(&stage.sessions, &mut visitor, 500).await;
    assert!(!session.is_dirty() && !session.contains("pending"));
    assert_eq!(session.increment("pending", 1).await.ok(), Some(1), "no change is in its way");
}
