//! The application of `examples/axum_login.rs`, as its visitors see it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use tower::ServiceExt;

use super::stage;

#[path = "../../examples/axum_login.rs"]
#[allow(dead_code)] // its `main` serves it
mod example;

const GOOD: &str = r#"{"user":"ada","password":"lovelace"}"#;

/// Sends a request; returns the status, the body, and the cookie that was set.
async fn send(app: &Router, method: Method, path: &str, cookie: &str, body: &'static str) -> (u16, String, String) {
    let request = Request::builder().method(method).uri(path).header("cookie", cookie);
    let request = request.header("content-type", "application/json").body(Body::from(body)).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a router does not fail");
    let set = response.headers().get("set-cookie").map_or("", |line| line.to_str().expect("ASCII"));
    let set = set.split(';').next().unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
    (status, String::from_utf8(body.to_vec()).expect("text"), set)
}

async fn login(app: &Router, cookie: &str) -> String {
    let (status, _, set) = send(app, Method::POST, "/login", cookie, GOOD).await;
    assert_eq!(status, 200);
    set
}

#[tokio::test]
async fn the_axum_login_example_logs_in_lists_devices_and_signs_out_everywhere() {
    let stage = stage(|with| with).await;
    let app = example::app(stage.sessions.clone());
    assert_eq!(send(&app, Method::GET, "/devices", "", "").await.0, 401);
    let wrong = r#"{"user":"ada","password":"babbage"}"#;
    assert_eq!(send(&app, Method::POST, "/login", "", wrong).await.0, 401);

    let (laptop, phone) = (login(&app, "").await, login(&app, "").await);
    assert_eq!(send(&app, Method::GET, "/devices", &phone, "").await.1, "2 devices\n");
    assert_eq!(send(&app, Method::POST, "/logout", &laptop, "").await.0, 200);
    assert_eq!(send(&app, Method::GET, "/devices", &laptop, "").await.0, 401);
    assert_eq!(send(&app, Method::GET, "/devices", &phone, "").await.1, "1 devices\n");

    let third = login(&app, "").await;
    assert_eq!(send(&app, Method::POST, "/everywhere", &phone, "").await.1, "2 devices signed out\n");
    for ended in [phone, third] {
        assert_eq!(send(&app, Method::GET, "/devices", &ended, "").await.0, 401);
    }
}
