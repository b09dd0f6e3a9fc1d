//! How are an application's sessions tested? `cargo test --example testing_your_app`
//!
//! On the embedded store, with a clock that the test moves and a browser's cookie made by `TestKit`; no server, no mocks.

use axum::{Router, routing::get, routing::post};
use cloakroom::{Error, Session, SessionLayer, Sessions, User};

/// The application under test.
fn app(sessions: &Sessions) -> Router {
    let routes = Router::new().route("/me", get(me)).route("/logout", post(logout));
    routes.layer(SessionLayer::new(sessions.clone()))
}

async fn me(user: User) -> String {
    format!("This is {}.", user.id())
}

async fn logout(session: Session) -> Result<(), Error> {
    session.logout().await.map(drop)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = Sessions::builder("memory:").namespace("example").connect().await?;
    let _app = app(&sessions);
    println!("Its tests are what there is to see: cargo test --example testing_your_app");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Method, Request, Response, StatusCode};
    use cloakroom::{TestCookie, TestKit};
    use tower::ServiceExt;

    async fn send(kit: &TestKit, method: Method, path: &str, cookie: &str) -> Response<Body> {
        let request = Request::builder().method(method).uri(path).header("cookie", cookie).body(Body::empty());
        super::app(kit.sessions()).oneshot(request.expect("a request")).await.expect("a router does not fail")
    }

    #[tokio::test]
    async fn a_user_is_greeted_until_the_session_expires() {
        let kit = TestKit::new();
        let cookie = kit.user("ada").await;
        assert_eq!(send(&kit, Method::GET, "/me", &cookie).await.status(), StatusCode::OK);
        kit.advance(Duration::from_secs(60 * 60));
        assert_eq!(send(&kit, Method::GET, "/me", &cookie).await.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_logout_removes_the_cookie_and_ends_the_session() {
        let kit = TestKit::new();
        let cookie = kit.user("ada").await;
        let answer = send(&kit, Method::POST, "/logout", &cookie).await;
        assert_eq!(kit.cookie_of(answer.headers().get_all("set-cookie")), TestCookie::Removed);
        assert_eq!(kit.open(&cookie).await.expect("the embedded store is there").user(), None);
    }
}
