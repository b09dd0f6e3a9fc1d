//! An application on actix-identity.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::SessionMiddleware;
use actix_web::cookie::{Cookie, Key};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, HttpMessage, HttpRequest, web};
use cloakroom::compat::actix_session::Store;

use super::stage;

async fn login(request: HttpRequest) -> Result<&'static str, Error> {
    Identity::login(&request.extensions(), "ada".to_owned())?;
    Ok("in")
}

async fn member(_: Identity) -> &'static str {
    "a member"
}

#[tokio::test]
async fn sign_out_everywhere_ends_the_sessions_of_an_actix_identity_user() {
    let stage = stage(|with| with).await;
    let store = Store::new(stage.sessions.clone()).actix_identity();
    let app = App::new().wrap(IdentityMiddleware::default()).wrap(SessionMiddleware::new(store, Key::from(&[7; 64])));
    let app = app.route("/login", web::get().to(login)).route("/", web::get().to(member));
    let service = init_service(app).await;
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let response = call_service(&service, TestRequest::with_uri("/login").to_request()).await;
        cookies.push(response.response().cookies().next().map(Cookie::into_owned).expect("set"));
    }
    let ask = async |cookie: &Cookie<'static>| {
        let request = TestRequest::with_uri("/").cookie(cookie.clone()).to_request();
        call_service(&service, request).await.status().as_u16()
    };
    assert_eq!(ask(&cookies[0]).await, 200);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 2);
    assert_eq!((ask(&cookies[0]).await, ask(&cookies[1]).await), (401, 401));
}
