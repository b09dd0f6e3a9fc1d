//! A WebSocket handshake is a safe request that opens an unsafe connection. R17.

use cloakroom::{CsrfLayer, Error, MissingOrigin, Session, SessionHeader, SessionLayer, Sessions};

use super::framework::App;
use super::visitor::{Answer, Reply, Request, Visitor, stage};

const ELSEWHERE: &str = r#"{"error":"the request came from another site"}"#;
const NO_TOKEN: &str = r#"{"error":"the CSRF token is missing or wrong"}"#;

async fn token(session: Session) -> Result<String, Error> {
    session.increment("hits", 1).await?;
    Ok(session.csrf_token().unwrap_or_default())
}

fn site(sessions: &Sessions, csrf: CsrfLayer) -> App {
    let routes = App::default().route("/chat", || async { Reply::status(101) }).route("/token", token);
    routes.csrf(csrf).layer(SessionLayer::new(sessions.clone()))
}

/// What browsers send to open a WebSocket to `shop.example` over HTTP/1.1.
fn handshake(method: &str) -> Request {
    let request = Request::new(method, "/chat").header("host", "shop.example");
    let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
    request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

/// The same over HTTP/2 (RFC 8441): the method is `CONNECT`, and `:protocol` is not a header.
fn extended_connect() -> Request {
    Request::new("CONNECT", "https://shop.example/chat").http2().header("sec-websocket-version", "13")
}

fn assert_refused(answer: &Answer, body: &str, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (403, body), "{what}");
}

#[tokio::test]
async fn a_websocket_handshake_from_another_site_is_refused() {
    let stage = stage().await;
    let app = site(&stage.sessions, CsrfLayer::new());
    let mut visitor = Visitor::of(&app);
    visitor.get("/token").await;
    let cookie = format!("__Host-id={}", visitor.held());
    for from in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "https://a.shop.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://a.shop.example")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        for request in [handshake("GET"), handshake("HEAD"), handshake("OPTIONS"), extended_connect()] {
            let request = from.iter().fold(request, |request, (name, value)| request.header(name, value));
            let answer = app.send(request.header("cookie", &cookie)).await;
            assert_eq!(answer.status, 403, "{from:?}");
        }
        let request = from.iter().fold(handshake("GET"), |request, (name, value)| request.header(name, value));
        assert_refused(&app.send(request.header("cookie", &cookie)).await, ELSEWHERE, &format!("{from:?}"));
    }
}

#[tokio::test]
async fn a_websocket_handshake_of_our_own_page_or_a_trusted_one_passes() {
    let stage = stage().await;
    let csrf = CsrfLayer::new().trust("https://app.example").expect("as browsers write it");
    let app = site(&stage.sessions, csrf);
    for from in [
        &[("origin", "https://shop.example")][..],
        &[("origin", "https://app.example")],
        &[("sec-fetch-site", "same-origin"), ("origin", "https://shop.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")],
    ] {
        for request in [handshake("GET"), extended_connect()] {
            let request = from.iter().fold(request, |request, (name, value)| request.header(name, value));
            assert_eq!(app.send(request).await.status, 101, "{from:?}");
        }
    }
}

#[tokio::test]
async fn every_accepted_spelling_of_websocket_is_a_handshake() {
    let stage = stage().await;
    let app = site(&stage.sessions, CsrfLayer::new());
    let from_elsewhere =
        || Request::get("/chat").header("host", "shop.example").header("origin", "https://evil.example");
    for values in [&["WebSocket"][..], &["WEBSOCKET"], &["h2c, websocket"], &["websocket/13"], &["h2c", "websocket"]] {
        let request = values.iter().fold(from_elsewhere(), |request, value| request.header("upgrade", value));
        assert_refused(&app.send(request).await, ELSEWHERE, &format!("{values:?}"));
    }
    for other in ["h2c", "TLS/1.0", "", "websocke"] {
        let answer = app.send(from_elsewhere().header("upgrade", other)).await;
        assert_eq!(answer.status, 101, "{other}: a page cannot ask for it, and `curl --http2` asks for h2c");
    }
    let events = from_elsewhere().header("accept", "text/event-stream");
    assert_eq!(app.send(events).await.status, 101, "an event stream only reads");
}

#[tokio::test]
async fn a_websocket_handshake_without_an_origin_needs_the_sessions_token() {
    let stage = stage().await;
    let app = site(&stage.sessions, CsrfLayer::new());
    let mut visitor = Visitor::of(&app);
    let token = visitor.get("/token").await.body;
    let cookie = format!("__Host-id={}", visitor.held());
    assert_refused(&app.send(handshake("GET").header("cookie", &cookie)).await, NO_TOKEN, "none");
    let with = handshake("GET").header("cookie", &cookie).header("x-csrf-token", &token);
    assert_eq!(app.send(with).await.status, 101);
    let allow = site(&stage.sessions, CsrfLayer::new().missing_origin(MissingOrigin::Allow));
    assert_eq!(allow.send(handshake("GET").header("cookie", &cookie)).await.status, 101);
}

#[tokio::test]
async fn a_websocket_handshake_whose_token_is_in_a_header_passes() {
    let stage = stage().await;
    let routes = App::default().route("/chat", || async { Reply::status(101) }).csrf(CsrfLayer::new());
    let layer = SessionLayer::new(stage.sessions.clone()).header(SessionHeader::bearer()).expect("a fine header");
    let app = routes.layer(layer);
    assert_eq!(app.send(handshake("GET").header("origin", "https://evil.example")).await.status, 101);
}
