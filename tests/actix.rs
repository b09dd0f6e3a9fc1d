//! Cases for actix-web alone: `App::wrap`, middlewares that fail, layers that read the session again.

use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorConflict;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service, try_call_service};
use actix_web::{App, FromRequest, HttpMessage, HttpRequest, HttpResponse, rt, web};
use cloakroom::{
    Error, Login, Session, SessionCookie, SessionLayer, Sessions, TestCookie, TestKit, User, UserRejection,
};
use tokio::task::LocalSet;
use tokio::time::timeout;

async fn login(session: Session) -> Result<&'static str, Error> {
    session.login(Login::new("ada")).await.map(|_| "in")
}

async fn me(user: User) -> String {
    user.id().to_owned()
}

/// What a browser that got this response does with its cookie.
fn cookie(kit: &TestKit, response: &HttpResponse<impl MessageBody>) -> TestCookie {
    kit.cookie_of(response.headers().get_all("set-cookie"))
}

/// A layer without a server: connections to port 1 are refused.
fn away() -> SessionLayer {
    let builder = Sessions::builder("redis://127.0.0.1:1").namespace("test").budget(Duration::from_millis(100));
    SessionLayer::new(builder.connect_lazy().expect("fine settings"))
}

/// Extracts the user where no layer could respond; gives up long after any budget.
async fn asked(request: &HttpRequest) -> Result<User, UserRejection> {
    timeout(Duration::from_secs(10), User::extract(request)).await.expect("an answer")
}

#[tokio::test]
async fn an_app_is_wrapped_and_tested_with_the_kit() {
    let kit = TestKit::new();
    let layer = SessionLayer::new(kit.sessions().clone());
    let app = init_service(App::new().wrap(layer).route("/me", web::get().to(me))).await;
    let ask = |cookie: &str| TestRequest::get().uri("/me").insert_header(("cookie", cookie)).to_request();
    let held = kit.user("ada").await;
    assert_eq!(call_service(&app, ask(&held)).await.status(), 200);
    let guest = kit.guest(|session| session.insert("n", &1)).await;
    assert_eq!(call_service(&app, ask(&guest)).await.status(), 401);
    kit.advance(Duration::from_secs(60 * 60));
    assert_eq!(call_service(&app, ask(&held)).await.status(), 401);
}

#[tokio::test]
async fn a_login_keeps_its_cookie_when_a_middleware_fails_after_it() {
    async fn fail(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> actix_web::Result<ServiceResponse> {
        drop(next.call(request).await?);
        Err(ErrorConflict("no"))
    }
    let kit = TestKit::new();
    let layer = SessionLayer::new(kit.sessions().clone());
    let routes = web::scope("").wrap(from_fn(fail)).route("/login", web::get().to(login));
    let app = init_service(App::new().wrap(layer).service(routes)).await;
    let failed = try_call_service(&app, TestRequest::get().uri("/login").to_request()).await;
    let response = failed.expect_err("the middleware fails").error_response();
    assert_eq!(response.status(), 409);
    let TestCookie::Set(held) = cookie(&kit, &response) else { panic!("the login was done") };
    assert_eq!(kit.open(&held).await.expect("there").user().as_deref(), Some("ada"));
    assert_eq!(kit.open(&format!("{held}; {held}")).await.expect("there").user().as_deref(), Some("ada"));
    let user = async |cookies: String| kit.open(&cookies).await.expect("there").user();
    assert_eq!(user(format!("{held}; {held}x")).await.as_deref(), Some("ada"), "as for the layer");
    assert_eq!(user(format!("{held}; {}", kit.user("bob").await)).await, None, "as for the layer");
    assert_eq!(response.headers().get("vary").map(|vary| vary.as_bytes()), Some(&b"Cookie"[..]));
}

#[tokio::test]
async fn a_session_loaded_after_a_middlewares_error_cannot_be_changed() {
    async fn fail(_: ServiceRequest, _: Next<impl MessageBody>) -> actix_web::Result<ServiceResponse> {
        Err(ErrorConflict("no"))
    }
    async fn after(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
        let late = request.request().clone();
        let failed = next.call(request).await;
        let session = Session::extract(&late).await.expect("the store is there");
        assert!(matches!(session.insert("n", &1), Err(Error::TooLate)));
        failed
    }
    let layer = SessionLayer::new(TestKit::new().sessions().clone());
    let app = init_service(App::new().wrap(from_fn(fail)).wrap(layer).wrap(from_fn(after))).await;
    assert!(try_call_service(&app, TestRequest::get().uri("/").to_request()).await.is_err());
}

#[tokio::test]
async fn between_two_layers_each_side_gets_its_own_session() {
    async fn between(
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> actix_web::Result<ServiceResponse> {
        let before = request.extract::<Session>().await?;
        before.insert("seen", &"outside")?;
        let response = next.call(request).await?.map_into_boxed_body();
        let after = <Session as actix_web::FromRequest>::extract(response.request()).await?;
        assert_eq!(after.get::<String>("seen")?.as_deref(), Some("outside"), "not the inner layer's");
        Ok(response)
    }
    async fn inside(session: Session) -> Result<&'static str, Error> {
        session.insert("seen", &"inside").map(|()| "done")
    }
    let (kit, admin) = (TestKit::new(), TestKit::new().cookie_name("__Host-admin"));
    let inner = SessionLayer::new(admin.sessions().clone()).cookie(SessionCookie::new().name("__Host-admin"));
    let routes = web::scope("").wrap(inner.expect("a fine cookie")).route("/", web::get().to(inside));
    let routes = web::scope("").wrap(from_fn(between)).service(routes);
    let app = init_service(App::new().wrap(SessionLayer::new(kit.sessions().clone())).service(routes)).await;
    let response = call_service(&app, TestRequest::get().uri("/").to_request()).await.into_parts().1;
    for (kit, seen) in [(&kit, "outside"), (&admin, "inside")] {
        let TestCookie::Set(held) = cookie(kit, &response) else { panic!("a new session of {seen}") };
        let session = kit.open(&held).await.expect("there");
        assert_eq!(session.get::<String>("seen").ok().flatten().as_deref(), Some(seen));
    }
}

#[tokio::test]
async fn in_an_outage_a_middleware_around_the_layer_gets_an_error() {
    async fn after(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
        let response = next.call(request).await?;
        let user = asked(response.request()).await;
        assert!(matches!(user, Err(UserRejection::Session(error)) if error.is_retryable()));
        Ok(response)
    }
    let held = TestKit::new().user("ada").await;
    let app = App::new().wrap(away()).wrap(from_fn(after)).route("/", web::get().to(|| async { "served" }));
    let request = TestRequest::get().uri("/").insert_header(("cookie", &*held)).to_request();
    assert_eq!(call_service(&init_service(app).await, request).await.status(), 200);
}

#[tokio::test]
async fn in_an_outage_a_task_gets_an_error_and_stops_no_handler() {
    async fn ask(request: HttpRequest) -> &'static str {
        let user = rt::spawn(async move { asked(&request).await }).await.expect("no panic");
        if user.is_err() { "told" } else { "in" }
    }
    let held = TestKit::new().user("ada").await;
    let served = async {
        let app = init_service(App::new().wrap(away()).route("/", web::get().to(ask))).await;
        let request = TestRequest::get().uri("/").insert_header(("cookie", &*held)).to_request();
        call_and_read_body(&app, request).await
    };
    assert_eq!(LocalSet::new().run_until(served).await, "told");
}

#[tokio::test]
async fn no_request_is_retained_after_an_outage() {
    let held = TestKit::new().user("ada").await;
    let handler = async |_: User, _: web::Json<u8>| "ran";
    let app = init_service(App::new().wrap(away()).route("/", web::post().to(handler))).await;
    let kept = Arc::new(());
    for _ in 0..3 {
        for media in ["text/plain", "application/json"] {
            let request = TestRequest::post().uri("/").insert_header(("cookie", &*held));
            let request = request.insert_header(("content-type", media)).set_payload("1").to_request();
            request.extensions_mut().insert(Arc::clone(&kept));
            let response = call_service(&app, request).await;
            assert!(!response.status().is_success());
            drop(response);
            assert_eq!(Arc::strong_count(&kept), 1, "{media}");
        }
    }
}
