//! More than one layer.

use cloakroom::{CsrfLayer, Error, Session, SessionCookie, SessionHeader, SessionLayer};

use super::framework::App;
use super::visitor::{get_with, stage, stored};

async fn hits(session: Session) -> Result<String, Error> {
    session.insert("n", &1)?;
    Ok(session.increment("hits", 1).await?.to_string())
}

#[tokio::test]
async fn the_outer_of_two_layers_of_one_cookie_serves_both() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let layer = SessionLayer::new(sessions.clone());
    let app = App::default().route("/", hits).layer(layer.clone()).layer(layer);
    let answer = get_with(&app, "/", &[]).await;
    assert_eq!(answer.all("set-cookie").len(), 1);
    assert_eq!(stored(&sessions).await, 1);
}

#[tokio::test]
async fn two_layers_of_one_cookie_and_different_sessions_are_an_error() {
    let (outside, inside) = (stage().await, stage().await);
    let (outer, inner) = (SessionLayer::new(outside.sessions.clone()), SessionLayer::new(inside.sessions.clone()));
    let other = outer.clone().cookie(SessionCookie::new().name("__Host-other")).expect("fine");
    for app in [
        App::default().route("/", hits).layer(inner.clone()).layer(outer.clone()),
        App::default().route("/", hits).layer(inner).layer(other).layer(outer),
    ] {
        let answer = get_with(&app, "/", &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"error":"the server failed"}"#));
        assert!(answer.all("set-cookie").is_empty());
    }
    assert_eq!((stored(&outside.sessions).await, stored(&inside.sessions).await), (0, 0));
}

#[tokio::test]
async fn the_inner_of_two_layers_of_different_cookies_is_the_handlers() {
    let stage = stage().await;
    let within = super::visitor::stage().await;
    let (outer, inner) = (stage.sessions.clone(), within.sessions.clone());
    let admin = SessionLayer::new(inner.clone()).cookie(SessionCookie::new().name("__Host-admin")).expect("fine");
    let app = App::default().route("/", hits).layer(admin).layer(SessionLayer::new(outer.clone()));
    let answer = get_with(&app, "/", &[]).await;
    assert!(answer.all("set-cookie")[0].starts_with("__Host-admin="));
    assert_eq!((stored(&outer).await, stored(&inner).await), (0, 1));
}

#[tokio::test]
async fn the_outermost_of_a_cookies_layers_serves_through_one_of_another_cookie() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let layer = SessionLayer::new(sessions.clone());
    let other = layer.clone().cookie(SessionCookie::new().name("__Host-other")).expect("fine");
    let app = App::default().route("/", hits).layer(layer.clone()).layer(other).layer(layer);
    let answer = get_with(&app, "/", &[]).await;
    let cookies = answer.all("set-cookie");
    assert!(cookies.len() == 1 && cookies[0].starts_with("__Host-id="), "{} cookies", cookies.len());
    assert_eq!(stored(&sessions).await, 1);
}

#[tokio::test]
async fn a_cookie_and_a_header_of_one_name_are_two_places() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let cookie = SessionLayer::new(sessions.clone()).cookie(SessionCookie::new().name("session")).expect("fine");
    let header = SessionLayer::new(sessions.clone()).header(SessionHeader::new("session")).expect("fine");
    let app = App::default().route("/", hits).layer(header).layer(cookie);
    let answer = get_with(&app, "/", &[]).await;
    assert_eq!((answer.all("set-cookie").len(), answer.all("session").len()), (0, 1));
}

#[tokio::test]
async fn a_cookies_layer_inside_a_headers_csrf_layer_is_an_error() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let header = || SessionLayer::new(sessions.clone()).header(SessionHeader::bearer()).expect("fine");
    let cookie = || SessionLayer::new(sessions.clone());
    let app = App::default().route("/", hits).layer(cookie()).csrf(CsrfLayer::new()).layer(header());
    assert_eq!(get_with(&app, "/", &[]).await.status, 500, "it would guard nothing");
    let app = App::default().route("/", hits).layer(cookie()).csrf(CsrfLayer::new()).layer(header()).layer(cookie());
    assert_eq!(get_with(&app, "/", &[]).await.status, 500, "though the outermost serves it");
    let app = App::default().route("/", hits).csrf(CsrfLayer::new()).layer(cookie()).layer(header());
    assert_eq!(get_with(&app, "/", &[]).await.status, 200);
}
