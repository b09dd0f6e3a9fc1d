//! More than one layer.

use axum::Router;
use axum::routing::get;
use cloakroom::{Error, Session, SessionCookie, SessionLayer};

use super::visitor::{get_with, memory, stored};

async fn hits(session: Session) -> Result<String, Error> {
    session.insert("n", &1)?;
    Ok(session.increment("hits", 1).await?.to_string())
}

#[tokio::test]
async fn of_two_layers_of_one_cookie_the_outer_one_serves_both() {
    let sessions = memory().await;
    let layer = SessionLayer::new(sessions.clone());
    let app: Router = Router::new().route("/", get(hits)).layer(layer.clone()).layer(layer);
    let answer = get_with(&app, "/", &[]).await;
    assert_eq!(answer.all("set-cookie").len(), 1);
    assert_eq!(stored(&sessions).await, 1);
}

#[tokio::test]
async fn the_inner_of_two_layers_of_different_cookies_is_the_handlers() {
    let (outer, inner) = (memory().await, memory().await);
    let admin = SessionLayer::new(inner.clone()).cookie(SessionCookie::new().name("__Host-admin")).expect("fine");
    let app: Router = Router::new().route("/", get(hits)).layer(admin).layer(SessionLayer::new(outer.clone()));
    let answer = get_with(&app, "/", &[]).await;
    assert!(answer.all("set-cookie")[0].starts_with("__Host-admin="));
    assert_eq!((stored(&outer).await, stored(&inner).await), (0, 1));
}
