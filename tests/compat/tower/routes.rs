//! The scenarios that tower-sessions publishes for its middleware, and a few more, on this store.

use std::sync::Arc;

use axum::Router;
use axum::routing::get as on;
use cloakroom::compat::tower_sessions::Store;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::browser::{Answer, get};
use super::line::{Expiry, Session, SessionManagerLayer, SessionStore as _};
use super::{naming, stage};
use crate::common::Stage;

type Done = Result<(), &'static str>;

async fn insert(session: Session) -> Done {
    session.insert("foo", 42).await.map_err(|_| "insert")
}

async fn read(session: Session) -> Result<String, &'static str> {
    Ok(format!("{:?}", session.get::<u32>("foo").await.map_err(|_| "get")?))
}

async fn remove(session: Session) -> Done {
    session.remove_value("foo").await.map(drop).map_err(|_| "remove")
}

async fn login(session: Session) -> Done {
    session.cycle_id().await.map_err(|_| "cycle")?;
    session.insert("user", "ada").await.map_err(|_| "insert")
}

async fn cycle(session: Session) -> Done {
    session.cycle_id().await.map_err(|_| "cycle")
}

async fn flush(session: Session) -> Done {
    session.flush().await.map_err(|_| "flush")
}

async fn clear(session: Session) {
    session.clear().await;
}

async fn for_a_day(session: Session) {
    session.set_expiry(Some(Expiry::AtDateTime(OffsetDateTime::now_utc() + Duration::days(1))));
}

async fn for_the_browsers_session(session: Session) {
    session.set_expiry(Some(Expiry::OnSessionEnd));
}

/// The application, with this expiry and domain.
fn app(store: Store, expiry: Option<Duration>, domain: Option<&'static str>) -> Router {
    app_in(SessionManagerLayer::new(store), expiry, domain)
}

fn app_in(mut layer: SessionManagerLayer<Store>, expiry: Option<Duration>, domain: Option<&'static str>) -> Router {
    if let Some(expiry) = expiry {
        layer = layer.with_expiry(Expiry::OnInactivity(expiry));
    }
    if let Some(domain) = domain {
        layer = layer.with_domain(domain);
    }
    let routes =
        Router::new().route("/", on(|_: Session| async {})).route("/insert", on(insert)).route("/get", on(read));
    let routes = routes.route("/remove", on(remove)).route("/cycle", on(cycle)).route("/login", on(login));
    let routes = routes.route("/flush", on(flush)).route("/clear", on(clear)).route("/day", on(for_a_day));
    routes.route("/browser", on(for_the_browsers_session)).layer(layer)
}

async fn hour() -> (Stage, Router) {
    let stage = stage(|with| with).await;
    let app = app(naming(&stage.sessions), Some(Duration::hours(1)), None);
    (stage, app)
}

/// Stores something for a visitor; returns the cookie's value.
async fn stored(app: &Router) -> String {
    get(app, "/insert", None).await.id().to_owned()
}

fn is_about(answer: &Answer, seconds: i64) -> bool {
    let given = answer.cookie.as_ref().and_then(super::browser::SetCookie::max_age);
    given.is_some_and(|given| (seconds - 5..=seconds).contains(&given))
}

#[tokio::test]
async fn a_visitor_without_stored_data_gets_no_cookie() {
    let (_stage, app) = hour().await;
    let answer = get(&app, "/", None).await;
    assert!(answer.status.is_success() && answer.cookie.is_none());
    assert_eq!(get(&app, "/get", None).await.body, "None");
}

#[tokio::test]
async fn a_first_write_sets_the_cookie_as_configured() {
    let (_stage, app) = hour().await;
    let answer = get(&app, "/insert", None).await;
    let cookie = answer.cookie.as_ref().expect("set");
    assert_eq!((cookie.name.as_str(), cookie.value.len()), ("id", 22));
    assert!(cookie.has("HttpOnly", "") && cookie.has("Secure", ""));
    assert!(cookie.has("SameSite", "Strict") && cookie.has("Path", "/"));
    assert!(is_about(&answer, 3600));
}

#[tokio::test]
async fn without_an_expiry_the_cookie_is_the_browser_sessions() {
    let stage = stage(|with| with).await;
    let app = app(Store::new(stage.sessions.clone()), None, None);
    assert_eq!(get(&app, "/insert", None).await.cookie.expect("set").max_age(), None);
}

#[tokio::test]
async fn a_written_value_is_read_by_the_next_request() {
    let (_stage, app) = hour().await;
    let id = stored(&app).await;
    let answer = get(&app, "/get", Some(&id)).await;
    assert_eq!(answer.body, "Some(42)");
    assert!(answer.cookie.is_none(), "reading sets no cookie");
}

#[tokio::test]
async fn an_id_of_the_clients_choice_is_not_adopted() {
    let (_stage, app) = hour().await;
    let chosen = "AAAAAAAAAAAAAAAAAAAAAA";
    let answer = get(&app, "/insert", Some(chosen)).await;
    assert!(answer.status.is_success());
    assert_ne!(answer.id(), chosen);
    assert_eq!(get(&app, "/get", Some(chosen)).await.body, "None");
}

#[tokio::test]
async fn a_malformed_cookie_is_ignored_and_removed() {
    let (_stage, app) = hour().await;
    for malformed in ["malformed", "", "AAAAAAAAAAAAAAAAAAAAAAA", "%00", "*"] {
        let answer = get(&app, "/", Some(malformed)).await;
        assert!(answer.status.is_success());
        assert_eq!(answer.id(), "", "{malformed}");
    }
}

#[tokio::test]
async fn the_last_value_removed_leaves_an_empty_session() {
    let (_stage, app) = hour().await;
    let id = stored(&app).await;
    assert!(get(&app, "/remove", Some(&id)).await.status.is_success());
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
}

/// A clear loads nothing, so the save that follows is of a record that was never loaded.
#[tokio::test]
async fn a_clear_empties_the_session_and_adopts_no_id() {
    let (stage, app) = hour().await;
    let id = stored(&app).await;
    assert_eq!(get(&app, "/clear", Some(&id)).await.id(), id);
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
    let chosen = "AAAAAAAAAAAAAAAAAAAAAA";
    assert!(get(&app, "/clear", Some(chosen)).await.status.is_success());
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 1);
}

#[tokio::test]
async fn with_always_save_reading_keeps_the_session_alive() {
    let stage = stage(|with| with).await;
    let layer = SessionManagerLayer::new(naming(&stage.sessions)).with_always_save(true);
    let app = app_in(layer, Some(Duration::minutes(30)), None);
    let id = stored(&app).await;
    for _ in 0..3 {
        stage.advance(std::time::Duration::from_secs(29 * 60)).await;
        let answer = get(&app, "/get", Some(&id)).await;
        assert!(answer.body == "Some(42)" && is_about(&answer, 30 * 60), "{answer:?}");
    }
}

#[tokio::test]
async fn a_cycled_id_carries_the_data_and_the_old_one_opens_nothing() {
    let (_stage, app) = hour().await;
    let old = stored(&app).await;
    let new = get(&app, "/cycle", Some(&old)).await.id().to_owned();
    assert_ne!(old, new);
    assert_eq!(get(&app, "/get", Some(&new)).await.body, "Some(42)");
    assert_eq!(get(&app, "/get", Some(&old)).await.body, "None");
}

#[tokio::test]
async fn a_flush_removes_the_cookie_and_ends_the_session() {
    for domain in [None, Some("localhost")] {
        let stage = stage(|with| with).await;
        let app = app(Store::new(stage.sessions.clone()), Some(Duration::hours(1)), domain);
        let id = stored(&app).await;
        let answer = get(&app, "/flush", Some(&id)).await;
        let cookie = answer.cookie.expect("removed");
        assert_eq!((cookie.value.as_str(), cookie.max_age()), ("", Some(0)));
        assert!(cookie.has("Path", "/"));
        assert_eq!(cookie.attributes.get("Domain").map(String::as_str), domain);
        assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
    }
}

#[tokio::test]
async fn an_expiry_set_by_a_handler_applies_to_cookie_and_session() {
    let (stage, app) = hour().await;
    let id = stored(&app).await;
    assert!(is_about(&get(&app, "/day", Some(&id)).await, 86_400));
    assert_eq!(get(&app, "/browser", Some(&id)).await.cookie.expect("set").max_age(), None);
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "Some(42)");
    stage.advance(std::time::Duration::from_secs(13 * 86_400)).await;
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "Some(42)");
    stage.advance(std::time::Duration::from_secs(86_400 + 61)).await;
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None", "tower-sessions' default is two weeks");
}

#[tokio::test]
async fn a_handler_gives_a_session_without_expiry_one() {
    let stage = stage(|with| with).await;
    let app = app(Store::new(stage.sessions.clone()), None, Some("localhost"));
    let id = stored(&app).await;
    assert!(is_about(&get(&app, "/day", Some(&id)).await, 86_400));
}

#[tokio::test]
async fn an_expired_session_is_not_loaded() {
    let (stage, _) = hour().await;
    let app = app(Store::new(stage.sessions.clone()), Some(Duration::minutes(5)), None);
    let id = stored(&app).await;
    stage.advance(std::time::Duration::from_secs(301)).await;
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
}

#[tokio::test]
async fn cookie_record_and_key_live_for_the_applications_expiry() {
    let stage = stage(|with| with).await;
    let store = naming(&stage.sessions);
    let app = app(store.clone(), Some(Duration::days(14)), None);
    let answer = get(&app, "/insert", None).await;
    assert!(is_about(&answer, 14 * 86_400), "{answer:?}");
    let loaded = store.load(&answer.id().parse().expect("an id")).await.expect("there").expect("live");
    let left = loaded.expiry_date - OffsetDateTime::now_utc();
    assert!((Duration::days(14) - left).abs() < Duration::seconds(5), "{left}");
    stage.advance(std::time::Duration::from_secs(14 * 86_400 - 10)).await;
    assert_eq!(get(&app, "/get", Some(answer.id())).await.body, "Some(42)");
    stage.advance(std::time::Duration::from_secs(72)).await;
    assert_eq!(get(&app, "/get", Some(answer.id())).await.body, "None");
}

#[tokio::test]
async fn a_login_that_cycles_the_id_is_listed_and_revoked() {
    let (stage, app) = hour().await;
    let guest = stored(&app).await;
    let id = get(&app, "/login", Some(&guest)).await.id().to_owned();
    assert_eq!(stage.sessions.user("ada").count().await.expect("there"), 1);
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("there").ended, 1);
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
}

/// While a request that has loaded its session waits, the session is logged out; then the request writes.
#[tokio::test]
async fn a_request_in_flight_during_a_logout_revives_nothing_and_is_not_500() {
    let stage = stage(|with| with).await;
    let (loaded, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (loaded, go) = (loaded.clone(), go.clone());
        on(move |session: Session| async move {
            let had: Option<u32> = session.get("foo").await.map_err(|_| "get")?;
            loaded.notify_one();
            go.notified().await;
            session.insert("late", had).await.map_err(|_| "insert")
        })
    };
    let store = naming(&stage.sessions);
    let layer = SessionManagerLayer::new(store.clone());
    let slow = Router::new().route("/slow", slow).layer(layer);
    let app = app(store, None, None);
    let id = stored(&app).await;
    let in_flight = tokio::spawn({
        let id = id.clone();
        async move { get(&slow, "/slow", Some(&id)).await }
    });
    loaded.notified().await;
    assert!(get(&app, "/flush", Some(&id)).await.status.is_success());
    go.notify_one();
    let late = in_flight.await.expect("no panic");
    assert!(late.status.is_success(), "{late:?}");
    assert_eq!(late.id(), id, "no other id was made for it");
    assert_eq!(get(&app, "/get", Some(&id)).await.body, "None");
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}
