//! No cache serves one visitor's page to another. R16.

use cloakroom::{ClientInfo, Error, Login, LoginOutcome, ReadSession, Session, SessionLayer, Sessions, User};

use super::framework::App;
use super::visitor::{Answer, Reply, Visitor, get_with, stage};

/// A handler's headers in the response if it reads the session, and if it writes.
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
async fn a_response_varies_by_cookie_if_the_session_was_accessed() {
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
async fn a_response_without_a_session_is_unchanged() {
    let public = || async { Reply::text("page").headers(&[("cache-control", "max-age=60")]) };
    let stage = stage().await;
    let answer = get_with(&App::of(&stage.sessions, public), "/", &[b"__Host-id=x"]).await;
    assert!(answer.all("vary").is_empty());
    assert_eq!(answer.all("cache-control"), ["max-age=60"]);
}

#[tokio::test]
async fn a_response_with_our_cookie_is_not_cached() {
    let [read, write] = with(&[]).await;
    assert_eq!((read.all("cache-control"), write.all("cache-control")), (vec![], vec!["no-store"]));
    let [read, write] = with(&[("cache-control", "public, max-age=60")]).await;
    assert_eq!(read.all("cache-control"), ["public, max-age=60"], "no cookie, the handler's own affair");
    assert_eq!(write.all("cache-control"), ["no-store"]);
    let [_, write] = with(&[("cache-control", "private, No-Store")]).await;
    assert_eq!(write.all("cache-control"), ["private, No-Store"], "as strict already");
}

#[tokio::test]
async fn a_response_that_removes_the_cookie_is_not_cached() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let login =
        App::of(&sessions, |session: Session| async move { session.login(Login::new("ada")).await.map(|_| ()) });
    let mut visitor = Visitor::of(&login);
    visitor.get("/").await;
    let answer = visitor
        .on(&App::of(&sessions, |session: Session| async move { session.logout().await.map(drop) }))
        .get("/")
        .await;
    assert!(answer.removes_cookie());
    assert_eq!(answer.all("cache-control"), ["no-store"]);
}

/// A user's page, by how it extracts the session; `/read` and `/own` also set headers.
fn pages(sessions: &Sessions, layer: impl Fn(SessionLayer) -> SessionLayer) -> App {
    async fn login(session: Session) -> Result<(), Error> {
        session.login(Login::new("ada")).await.map(drop)
    }
    let own = |_: User| async { Reply::default().headers(&[("cache-control", "public, max-age=60")]) };
    let routes = App::default().route("/login", login).route("/own", own);
    let routes = routes.route("/user", |_: User| async { "" }).route("/session", |_: Session| async { "" });
    let routes = routes.route("/read", |_: ReadSession| async { "" }).route("/none", || async { "" });
    routes.layer(layer(SessionLayer::new(sessions.clone())))
}

#[tokio::test]
async fn a_page_for_a_user_is_not_stored_by_shared_caches() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&pages(&stage.sessions, |layer| layer));
    for path in ["/session", "/read"] {
        assert!(visitor.get(path).await.all("cache-control").is_empty(), "{path} of a guest");
    }
    assert_eq!(visitor.get("/login").await.all("cache-control"), ["no-store"], "with the cookie");
    for path in ["/user", "/session", "/read"] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.all("cache-control"), answer.all("vary")), (vec!["private"], vec!["Cookie"]), "{path}");
    }
    assert_eq!(visitor.get("/own").await.all("cache-control"), ["public, max-age=60"], "the handler's own");
    assert!(visitor.get("/none").await.all("cache-control").is_empty(), "no session was looked at");
}

#[tokio::test]
async fn a_users_page_is_private_even_if_the_session_ended_meanwhile() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&pages(&stage.sessions, |layer| layer));
    visitor.get("/login").await;
    let token = visitor.held().to_owned();
    let late = move |session: Session| {
        let token = token.clone();
        async move {
            let user = session.user();
            let other_tab = session.sessions().open(Some(&token), ClientInfo::new()).await?;
            assert!(matches!(other_tab.login(Login::new("bob")).await?, LoginOutcome::As(_)));
            assert!(session.reload().await.is_err() && session.is_guest(), "it has ended under this handle");
            Ok::<_, Error>(format!("{user:?}"))
        }
    };
    let answer = visitor.on(&App::of(&stage.sessions, late)).get("/").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), (r#"Some("ada")"#, None));
    assert_eq!(answer.all("cache-control"), ["private"]);
}

#[tokio::test]
async fn with_leave_cache_control_no_page_is_marked_private() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&pages(&stage.sessions, SessionLayer::leave_cache_control));
    assert_eq!(visitor.get("/login").await.all("cache-control"), ["no-store"], "a cookie is still stored by none");
    for path in ["/user", "/session", "/read"] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.all("cache-control"), answer.all("vary")), (vec![], vec!["Cookie"]), "{path}");
    }
}
