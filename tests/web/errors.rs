//! Errors are JSON responses that reveal no data.

use cloakroom::{Error, Login, Session};

use super::framework::{App, Uri};
use super::visitor::{Visitor, get_with, stage};

async fn mistakes(session: Session, uri: Uri) -> Result<(), Error> {
    session.insert("text", "secret-data")?;
    match uri.path() {
        "/name" => session.insert("not a name", &1),
        "/size" => session.insert("big", &"x".repeat(70_000)),
        "/user" => session.login(Login::new("")).await.map(|_| ()),
        "/kind" => session.counter("text").map(|_| ()),
        "/type" => session.get::<i32>("text").map(|_| ()),
        "/overflow" => {
            session.increment("n", i64::MAX).await?;
            session.increment("n", 1).await.map(|_| ())
        }
        _ => session.require::<i32>("missing").map(|_| ()),
    }
}

#[tokio::test]
async fn each_error_has_its_status_and_a_body_without_data() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, mistakes);
    for (path, status) in [
        ("/name", 400),
        ("/size", 413),
        ("/user", 400),
        ("/kind", 422),
        ("/type", 500),
        ("/overflow", 422),
        ("/missing", 500),
    ] {
        let answer = Visitor::of(&app).get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.all("content-type"), ["application/json"]);
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert!(body["error"].as_str().is_some_and(|error| !error.is_empty() && !error.contains("secret-data")));
    }
}

#[tokio::test]
async fn a_session_without_a_layer_is_a_500_and_no_panic() {
    let app = App::default().route("/", |_: Session| async { "" });
    let answer = get_with(&app, "/", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"error":"the server failed"}"#));
}
