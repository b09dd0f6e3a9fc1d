//! A session that nobody asks for costs nothing; several extractors share one. R18.

use cloakroom::{EndOutcome, Error, Session, SessionLayer};

use super::framework::App;
use super::visitor::{Visitor, get_with, stage, stored};

#[tokio::test]
async fn a_visitor_who_only_reads_stores_nothing_and_gets_no_cookie() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = App::of(&sessions, |session: Session| async move { format!("{:?}", session.get_or("n", 0)) });
    let answer = Visitor::of(&app).get("/").await;
    assert_eq!(answer.body, "Ok(0)");
    assert_eq!(answer.set_cookie(), None);
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn a_change_that_is_undone_stores_nothing() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = App::of(&sessions, |session: Session| async move {
        session.insert("n", &1)?;
        session.remove("n").map(|_| ())
    });
    assert_eq!(Visitor::of(&app).get("/").await.set_cookie(), None);
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn a_logout_without_a_session_stores_nothing_and_sets_no_cookie() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = App::of(&sessions, |session: Session| async move {
        let outcome = session.logout_keeping(["cart"]).await?;
        assert_eq!(outcome, EndOutcome::NoSession);
        Ok::<_, Error>(())
    });
    assert_eq!(Visitor::of(&app).get("/").await.set_cookie(), None);
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn a_404_loads_no_session() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = App::default().route("/", |_: Session| async { "" }).layer(SessionLayer::new(sessions.clone()));
    let answer = get_with(&app, "/missing", &[b"__Host-id=x"]).await;
    assert_eq!(answer.status, 404);
    assert!(answer.all("vary").is_empty() && answer.set_cookie().is_none());
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn all_extractors_and_nested_services_of_a_request_share_one_session() {
    async fn inside(first: Session, second: Session) -> Result<String, Error> {
        first.insert("inside", &2)?;
        Ok(format!("{:?} {:?}", second.get::<i32>("before")?, second.get::<i32>("inside")?))
    }
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let before = |session: &Session| session.insert("before", &1).expect("legal");
    let after = |session: &Session| assert_eq!(session.get::<i32>("inside").expect("a number"), Some(2));
    let routes = App::default().route("/in", inside).around(before, after);
    let app = routes.nested("/nested").layer(SessionLayer::new(sessions.clone()));
    let answer = Visitor::of(&app).get("/nested/in").await;
    assert_eq!(answer.body, "Some(1) Some(2)");
    assert!(answer.token().is_some());
    assert_eq!(stored(&sessions).await, 1);
}
