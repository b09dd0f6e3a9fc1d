//! What is axum's alone: services of tower that fail.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::FromRequestParts;
use axum::http::Request;
use axum::response::Response;
use cloakroom::{Error, LoggedIn, Login, Session, SessionLayer, TestKit};
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::test]
async fn after_an_error_that_passes_the_layer_the_session_cannot_be_changed() {
    let kit = TestKit::new();
    let left = Arc::new(Mutex::new(None));
    let failing = service_fn(|request: Request<Body>| {
        let left = Arc::clone(&left);
        async move {
            let session = Session::from_request_parts(&mut request.into_parts().0, &()).await?;
            session.insert("pending", &1)?;
            *left.lock().expect("no panic") = Some(session);
            Err::<Response, _>(Error::Conflict)
        }
    });
    let service = ServiceBuilder::new().layer(SessionLayer::new(kit.sessions().clone())).service(failing);
    let failed = service.oneshot(Request::new(Body::empty())).await;
    assert!(matches!(failed, Err(Error::Conflict)));
    let session = left.lock().expect("no panic").take().expect("the service ran");
    assert!(matches!(session.insert("n", &1), Err(Error::TooLate)));
    assert!(matches!(session.login(Login::new("ada")).await, Err(Error::TooLate)), "nobody would get the token");
    assert_eq!(session.id(), None, "nothing was stored");
}

#[tokio::test]
async fn an_error_that_is_handled_inside_the_layer_keeps_the_cookie_of_a_login() -> Result<(), Infallible> {
    let kit = TestKit::new();
    let failing = service_fn(|request: Request<Body>| async move {
        let session = Session::from_request_parts(&mut request.into_parts().0, &()).await?;
        assert!(matches!(session.login(Login::new("ada")).await?, LoggedIn::As(_)));
        Err::<Response, _>(Error::Conflict)
    });
    let layers = ServiceBuilder::new().layer(SessionLayer::new(kit.sessions().clone()));
    let service = layers.layer(HandleErrorLayer::new(async |error: Error| error)).service(failing);
    let response = service.oneshot(Request::new(Body::empty())).await?;
    assert_eq!(response.status(), 409);
    assert!(response.headers().contains_key("set-cookie"));
    Ok(())
}
