//! An outage never looks like "no session" and never changes a cookie. R19.

use std::time::Duration;

use cloakroom::{ClientInfo, Error, Session, Sessions};

use super::framework::App;
use super::visitor::{get_with, stage};

/// A store without a server: connections to port 1 are refused.
pub(super) fn away() -> Sessions {
    let builder = Sessions::builder("redis://127.0.0.1:1").namespace("test").budget(Duration::from_millis(100));
    builder.connect_lazy().expect("fine settings")
}

/// The cookie of a session that may well exist.
pub(super) async fn cookie() -> Vec<u8> {
    let stage = stage().await;
    let session = stage.sessions.clone().open(None, ClientInfo::new()).await.expect("the store is there");
    session.set_dirty(true);
    session.save().await.and_then(cloakroom::SaveOutcome::into_result).expect("the store is there");
    format!("__Host-id={}", session.token().expect("a new session").reveal().as_str()).into_bytes()
}

#[tokio::test]
async fn a_request_that_needs_its_session_is_503_and_its_cookie_stays() {
    let app = App::of(&away(), |_: Session| async { "ran" });
    let answer = get_with(&app, "/", &[&cookie().await]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.all("retry-after"), ["1"]);
    assert_eq!(answer.body, r#"{"error":"the session store is unavailable"}"#);
    assert_eq!(answer.set_cookie(), None);
    assert_eq!(answer.all("vary"), ["Cookie"]);
}

#[tokio::test]
async fn in_an_outage_a_request_that_extracts_no_session_is_served() {
    let app = App::of(&away(), || async { "ran" });
    assert_eq!(get_with(&app, "/", &[&cookie().await]).await.body, "ran");
}

#[tokio::test]
async fn a_handler_may_continue_without_a_session_and_the_cookie_stays() {
    let app = App::of(&away(), |session: Result<Session, Error>| async move {
        if session.is_err_and(|error| error.is_retryable()) { "later" } else { "now" }
    });
    let answer = get_with(&app, "/", &[&cookie().await]).await;
    assert_eq!((answer.status, answer.body.as_str(), answer.set_cookie()), (200, "later", None));
}

#[tokio::test]
async fn a_write_that_cannot_be_saved_is_503_whatever_the_response() {
    let app = App::of(&away(), |session: Session| async move { session.insert("n", &1).map(|()| "done") });
    let answer = get_with(&app, "/", &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.all("retry-after"), ["1"]);
    assert_eq!(answer.set_cookie(), None);
}
