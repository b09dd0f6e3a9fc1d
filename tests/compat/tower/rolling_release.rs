//! A rolling release: servers of the previous version, on tower-sessions' own store, and servers that move from it.

use axum::Router;
use axum::routing::get as on;
use time::Duration;

use super::browser::get;
use super::line::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};
use super::{moving, naming, stage};
use crate::common::Stage;

type Done = Result<(), &'static str>;

async fn login(session: Session) -> Done {
    session.cycle_id().await.map_err(|_| "cycle")?;
    session.insert("user", "ada").await.map_err(|_| "insert")
}

async fn logout(session: Session) -> Done {
    session.flush().await.map_err(|_| "flush")
}

async fn who(session: Session) -> Result<String, &'static str> {
    Ok(session.get::<String>("user").await.map_err(|_| "get")?.unwrap_or_default())
}

/// The application on this store. Requests that need no session leave the cookie alone.
fn app(store: impl SessionStore + Clone) -> Router {
    let layer = SessionManagerLayer::new(store).with_expiry(Expiry::OnInactivity(Duration::days(1)));
    let routes = Router::new().route("/login", on(login)).route("/logout", on(logout)).route("/who", on(who));
    routes.route("/", on(async || "a page that needs no session")).layer(layer)
}

/// A server of each version.
async fn servers() -> (Stage, MemoryStore, Router, Router) {
    let (stage, before) = (stage(|with| with).await, MemoryStore::default());
    let new = app(moving(naming(&stage.sessions), before.clone()));
    (stage, before.clone(), app(before), new)
}

async fn log_in(server: &Router) -> String {
    get(server, "/login", None).await.id().to_owned()
}

#[tokio::test]
async fn a_login_on_an_old_server_is_valid_on_a_new_one() {
    let (stage, _, old, new) = servers().await;
    let id = log_in(&old).await;
    for _ in 0..2 {
        let answer = get(&new, "/who", Some(&id)).await;
        assert_eq!((answer.body.as_str(), answer.cookie.is_none()), ("ada", true), "under the cookie that they have");
    }
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    assert!(get(&old, "/", Some(&id)).await.cookie.is_none(), "a page without the session leaves the cookie alone");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "ada");
}

#[tokio::test]
async fn an_old_server_removes_the_cookie_of_a_new_servers_session() {
    let (_stage, _, old, new) = servers().await;
    let id = log_in(&new).await;
    let answer = get(&old, "/who", Some(&id)).await;
    assert_eq!((answer.body.as_str(), answer.id()), ("", ""), "what only requests of one visitor on one server avoid");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "ada", "nothing was changed");
}

#[tokio::test]
async fn a_logout_on_a_new_server_takes_effect_on_old_ones() {
    let (_stage, _, old, new) = servers().await;
    let id = log_in(&old).await;
    assert!(get(&new, "/logout", Some(&id)).await.status.is_success());
    assert_eq!(get(&old, "/who", Some(&id)).await.body, "");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "");
}

#[tokio::test]
async fn an_old_servers_write_after_the_move_revives_nothing() {
    let (_stage, before, old, new) = servers().await;
    let id = log_in(&old).await;
    let in_flight = before.load(&id.parse().expect("an id")).await.expect("in memory").expect("live");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "ada");
    before.save(&in_flight).await.expect("in memory");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "ada");
    assert!(get(&new, "/logout", Some(&id)).await.status.is_success());
    assert_eq!(get(&old, "/who", Some(&id)).await.body, "");
    before.save(&in_flight).await.expect("in memory");
    assert_eq!(get(&new, "/who", Some(&id)).await.body, "", "the end is remembered");
}
