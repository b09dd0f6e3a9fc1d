//! Cases for axum alone: tower services that fail.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::FromRequestParts;
use axum::http::Request;
use axum::response::Response;
use cloakroom::{ClientInfo, Error, Login, LoginOutcome, Session, SessionLayer, Sessions, TestKit};
use redis::aio::MultiplexedConnection;
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::common::server::Server;
use crate::common::token;

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

#[tokio::test(start_paused = true)]
async fn an_error_that_passes_the_layer_ends_the_login_before_it() {
    let kit = TestKit::new();
    let failing = service_fn(|request: Request<Body>| async move {
        let session = Session::from_request_parts(&mut request.into_parts().0, &()).await?;
        assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
        Err::<Response, _>(Error::Conflict)
    });
    let service = ServiceBuilder::new().layer(SessionLayer::new(kit.sessions().clone())).service(failing);
    assert!(service.oneshot(Request::new(Body::empty())).await.is_err());
    let live = async || kit.sessions().user("ada").count().await.expect("embedded");
    assert_eq!(live().await, 1);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(live().await, 0);
}

#[tokio::test]
async fn an_error_handled_inside_the_layer_keeps_the_cookie_of_a_login() -> Result<(), Infallible> {
    let kit = TestKit::new();
    let failing = service_fn(|request: Request<Body>| async move {
        let session = Session::from_request_parts(&mut request.into_parts().0, &()).await?;
        assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
        Err::<Response, _>(Error::Conflict)
    });
    let layers = ServiceBuilder::new().layer(SessionLayer::new(kit.sessions().clone()));
    let service = layers.layer(HandleErrorLayer::new(async |error: Error| error)).service(failing);
    let response = service.oneshot(Request::new(Body::empty())).await?;
    assert_eq!(response.status(), 409);
    assert!(response.headers().contains_key("set-cookie"));
    Ok(())
}

/// Refused for lack of memory, which is available again when the response is sent.
#[tokio::test]
async fn a_failed_save_if_unchanged_overwrites_nothing_at_the_response() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let sessions = Sessions::builder(server.url()).namespace("again").connect().await.expect("a server");
    let guest = sessions.open(None, ClientInfo::new()).await.expect("there");
    guest.insert("n", &1).expect("legal");
    guest.save().await.expect("there").into_result().expect("saved");
    let (held, redis) = (token(&guest), server.connection().await);
    let of_handler = (sessions.clone(), held.clone());
    let service = service_fn(move |request: Request<Body>| {
        let ((sessions, held), redis) = (of_handler.clone(), redis.clone());
        async move {
            let session = Session::from_request_parts(&mut request.into_parts().0, &()).await?;
            let other = sessions.open(Some(&held), ClientInfo::new()).await?;
            other.insert("n", &5)?;
            other.save().await?.into_result()?;
            session.insert("n", &2)?;
            limit_memory(&redis, "1").await;
            assert!(matches!(session.save_if_unchanged().await, Err(Error::Unavailable(_))));
            limit_memory(&redis, "0").await;
            Ok::<_, Error>(Response::new(Body::empty()))
        }
    });
    let service = ServiceBuilder::new().layer(SessionLayer::new(sessions.clone())).service(service);
    let request = Request::builder().header("cookie", format!("__Host-id={held}")).body(Body::empty()).expect("legal");
    assert_eq!(service.oneshot(request).await.expect("answered").status(), 409);
    let after = sessions.open(Some(&held), ClientInfo::new()).await.expect("there");
    assert_eq!(after.get::<i32>("n").expect("a number"), Some(5));
}

async fn limit_memory(redis: &MultiplexedConnection, most: &str) {
    let set: Result<(), _> =
        redis::cmd("CONFIG").arg(&["SET", "maxmemory", most]).query_async(&mut redis.clone()).await;
    set.expect("there");
}
