//! A header instead of a cookie.

use cloakroom::{CsrfLayer, Error, Login, LoginOutcome, Session, SessionHeader, SessionLayer, Sessions, User};

use super::framework::App;
use super::visitor::{Answer, Reply, Request, stage};

async fn login(session: Session) -> Result<Reply, Error> {
    assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
    Ok(Reply::default().headers(&[("x-session", "forged"), ("authorization", "forged")]))
}

async fn user(user: User) -> String {
    user.id().to_owned()
}

async fn logout(session: Session) -> Result<&'static str, Error> {
    session.logout().await.map(|_| "out")
}

fn site(sessions: &Sessions, header: SessionHeader) -> App {
    let routes = App::default().route("/login", login).route("/user", user).route("/logout", logout);
    let layer = SessionLayer::new(sessions.clone()).header(header).expect("a fine header");
    routes.csrf(CsrfLayer::new()).layer(layer)
}

async fn post(app: &App, path: &str, header: &str, values: &[&str]) -> Answer {
    app.send(values.iter().fold(Request::post(path), |request, value| request.header(header, value))).await
}

/// The token that a response sets in this header; it sets nothing else.
fn given(answer: &Answer, header: &str) -> String {
    let values = answer.all(header);
    assert_eq!(values.len(), 1, "{values:?}");
    assert!(answer.all("set-cookie").is_empty());
    assert_eq!((answer.all("cache-control"), answer.all("vary")), (vec!["no-store"], vec![header]));
    values[0].to_owned()
}

#[tokio::test]
async fn the_token_is_read_and_set_in_a_header_without_a_cookie() {
    for (header, name) in [(SessionHeader::new("X-Session"), "x-session"), (SessionHeader::bearer(), "authorization")] {
        let stage = stage().await;
        let app = site(&stage.sessions, header);
        let token = given(&post(&app, "/login", name, &[]).await, name);
        assert_eq!(token.starts_with("Bearer "), name == "authorization");
        let answer = post(&app, "/user", name, &[&token]).await;
        assert_eq!((answer.status, answer.body.as_str(), answer.all(name)), (200, "ada", vec![]));
        assert_eq!(answer.all("vary"), [name]);

        assert_eq!(given(&post(&app, "/logout", name, &[&token]).await, name), "", "forget it");
        let ended = post(&app, "/user", name, &[&token]).await;
        assert_eq!((ended.status, ended.body.as_str()), (401, r#"{"ended":"logged_out"}"#));
        assert_eq!(given(&ended, name), "");
    }
}

#[tokio::test]
async fn a_malformed_header_is_ignored_and_hides_no_other() {
    let stage = stage().await;
    let app = site(&stage.sessions, SessionHeader::new("x-session"));
    let token = given(&post(&app, "/login", "x-session", &[]).await, "x-session");
    for wrong in [&["x"][..], &[""], &[&token[..63]]] {
        let answer = post(&app, "/user", "x-session", wrong).await;
        assert_eq!((answer.status, answer.all("x-session")), (401, vec![]), "{} values", wrong.len());
    }
    let unknown = crate::common::foreign_token();
    for beside in [&*token, "x", "", &*unknown] {
        let answer = post(&app, "/user", "x-session", &[beside, &token]).await;
        assert_eq!((answer.status, answer.all("x-session")), (200, vec![]));
        assert_eq!(post(&app, "/user", "x-session", &[&token, beside]).await.status, 200);
    }
    let other = given(&post(&app, "/login", "x-session", &[]).await, "x-session");
    let answer = post(&app, "/user", "x-session", &[&token, &other]).await;
    assert_eq!((answer.status, answer.all("x-session")), (401, vec![]), "two sessions are open");
    let cookie = format!("__Host-id={token}; x-session={token}");
    assert_eq!(post(&app, "/user", "cookie", &[&cookie]).await.status, 401, "a cookie is not read");
    assert_eq!(post(&app, "/user", "authorization", &[&format!("Bearer {token}")]).await.status, 401);
}

#[tokio::test]
async fn a_token_in_a_header_needs_no_csrf_protection() {
    let stage = stage().await;
    let app = site(&stage.sessions, SessionHeader::bearer());
    let from = Request::post("/login").header("origin", "https://evil.example");
    assert_eq!(app.send(from.header("sec-fetch-site", "cross-site")).await.status, 200);
}
