//! No cache hands one visitor's page to another. R16.

use cloakroom::{Error, Session};

use super::framework::App;
use super::visitor::{Answer, Reply, get_with, stage};

/// What becomes of a handler's headers if it reads the session, and if it writes.
async fn with(headers: &'static [(&'static str, &'static str)]) -> [Answer; 2] {
    let read = move |_: Session| async move { Reply::default().headers(headers) };
    let write = move |session: Session| async move {
        session.insert("n", &1)?;
        Ok::<_, Error>(Reply::default().headers(headers))
    };
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    [get_with(&App::of(&sessions, read), "/", &[]).await, get_with(&App::of(&sessions, write), "/", &[]).await]
}

#[tokio::test]
async fn a_response_varies_by_cookie_whenever_the_session_was_looked_at() {
    let [read, write] = with(&[]).await;
    assert_eq!((read.all("vary"), write.all("vary")), (vec!["Cookie"], vec!["Cookie"]));
    let [read, _] = with(&[("vary", "Accept")]).await;
    assert_eq!(read.all("vary"), ["Accept", "Cookie"]);
    for already in [&[("vary", "accept, COOKIE")][..], &[("vary", "*")]] {
        let [read, _] = with(already).await;
        assert_eq!(read.all("vary"), [already[0].1]);
    }
}

#[tokio::test]
async fn a_response_without_a_session_is_left_as_it_is() {
    let public = || async { Reply::text("page").headers(&[("cache-control", "max-age=60")]) };
    let stage = stage().await;
    let answer = get_with(&App::of(&stage.sessions, public), "/", &[b"__Host-id=x"]).await;
    assert!(answer.all("vary").is_empty());
    assert_eq!(answer.all("cache-control"), ["max-age=60"]);
}

#[tokio::test]
async fn a_response_with_our_cookie_is_stored_by_no_cache() {
    let [read, write] = with(&[]).await;
    assert_eq!((read.all("cache-control"), write.all("cache-control")), (vec![], vec!["no-store"]));
    let [read, write] = with(&[("cache-control", "public, max-age=60")]).await;
    assert_eq!(read.all("cache-control"), ["public, max-age=60"], "no cookie, the handler's own affair");
    assert_eq!(write.all("cache-control"), ["no-store"]);
    let [_, write] = with(&[("cache-control", "private, No-Store")]).await;
    assert_eq!(write.all("cache-control"), ["private, No-Store"], "as strict already");
}

#[tokio::test]
async fn a_removal_is_stored_by_no_cache() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let login =
        App::of(
            &sessions,
            |session: Session| async move { session.login(cloakroom::Login::new("ada")).await.map(|_| ()) },
        );
    let mut visitor = super::visitor::Visitor::of(&login);
    visitor.get("/").await;
    let answer = visitor
        .on(&App::of(&sessions, |session: Session| async move { session.logout().await.map(drop) }))
        .get("/")
        .await;
    assert!(answer.removes_cookie());
    assert_eq!(answer.all("cache-control"), ["no-store"]);
}
