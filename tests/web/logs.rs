//! What the web layer logs and does not log. R12, R43.

use cloakroom::{ClientBinding, Error, Login, Session, SessionLayer};

use super::framework::App;
use super::visitor::{Reply, Request, Visitor, get_with, stage};
use crate::common::foreign_token;
use crate::common::log::Log;

/// The number of WARN lines with this message; at DEBUG there is one per request.
fn warnings(log: &str, message: &str) -> usize {
    log.lines().filter(|line| line.contains("WARN") && line.contains(message)).count()
}

#[tokio::test]
async fn a_client_with_two_open_sessions_causes_one_line_without_its_tokens() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |_: Session| async { "" });
    let [(_, first), (_, second)] = [stage.guest().await, stage.guest().await];
    let cookies = format!("__Host-id={first}; __Host-id={second}");
    let (log, _guard) = Log::of_all_levels();
    for _ in 0..60 {
        get_with(&app, "/", &[cookies.as_bytes()]).await;
    }
    let text = log.text();
    assert_eq!(warnings(&text, "they open different sessions"), 1, "{text}");
    assert!(text.contains("WARN") && text.contains("__Host-id"), "{text}");
    assert!(!text.contains(&first[32..]) && !text.contains(&second[32..]), "{text}");
}

#[tokio::test]
async fn a_client_with_too_many_tokens_causes_one_line_without_them() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |_: Session| async { "" });
    let tokens: Vec<_> = (0..5).map(|_| foreign_token()).collect();
    let cookies = tokens.iter().map(|token| format!("__Host-id={token}")).collect::<Vec<_>>().join("; ");
    let (log, _guard) = Log::of_all_levels();
    for _ in 0..60 {
        get_with(&app, "/", &[cookies.as_bytes()]).await;
    }
    let text = log.text();
    assert_eq!(warnings(&text, "too many session tokens"), 1, "{text}");
    assert!(tokens.iter().all(|token| !text.contains(&token[32..])), "{text}");
}

#[tokio::test]
async fn a_client_whose_address_changes_causes_one_line() {
    for (binding, message) in [
        (ClientBinding::flag(), "used from a different client address"),
        (ClientBinding::reject(), "rejected: different client address"),
    ] {
        let stage = super::stage(|builder| builder.client_binding(binding)).await;
        let app =
            App::of(&stage.sessions, |session: Session| async move { session.increment("n", 1).await.map(|_| "") });
        let home = app.send(Request::get("/").from("192.0.2.1:1".parse().expect("an address"))).await;
        let cookie = format!("__Host-id={}", home.token().expect("a new session"));
        let (log, _guard) = Log::of_all_levels();
        for _ in 0..60 {
            let away = Request::get("/").header("cookie", &cookie);
            app.send(away.from("198.51.100.1:1".parse().expect("an address"))).await;
        }
        assert_eq!(warnings(&log.text(), message), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn a_missing_layer_is_reported_with_advice() {
    let app = App::default().route("/", |_: Session| async { "" });
    let (log, _guard) = Log::of_all_levels();
    get_with(&app, "/", &[]).await;
    assert!(log.text().contains("SessionLayer::new(sessions)"), "{}", log.text());
}

#[tokio::test]
async fn nested_layers_with_different_sessions_are_reported_with_advice() {
    let (outside, inside) = (stage().await, stage().await);
    let app = App::of(&inside.sessions, |_: Session| async { "" }).layer(SessionLayer::new(outside.sessions.clone()));
    let (log, _guard) = Log::of_all_levels();
    get_with(&app, "/", &[]).await;
    assert!(log.text().contains("give both clones of one"), "{}", log.text());
}

#[tokio::test]
async fn no_token_reaches_the_log_or_a_debug_print() {
    let stage = stage().await;
    let app = App::of(&stage.sessions, |session: Session| async move {
        tracing::info!(?session, change = ?session.cookie_change(), "inside");
        session.login(Login::new("ada")).await.map(|_| ())?;
        tracing::info!(?session, change = ?session.cookie_change(), "logged in");
        session.insert("not a name", &1)?;
        Ok::<_, Error>(())
    });
    let (log, _guard) = Log::of_all_levels();
    let mut visitor = Visitor::of(&app);
    for _ in 0..3 {
        let answer = visitor.get("/").await;
        assert_eq!(answer.status, 400);
        tracing::info!(headers = answer.shown(), "answered");
        let text = log.text();
        assert!(text.contains("logged in") && text.contains("Sensitive"), "{text}");
        assert!(!text.contains(visitor.held()) && !text.contains(&visitor.held()[32..]), "{text}");
    }
}

#[tokio::test]
async fn changes_dropped_without_a_save_are_logged_by_name_alone() {
    let stage = stage().await;
    let fails = App::of(&stage.sessions, |session: Session| async move {
        session.insert("cart", "secret-data").map(|()| Reply::status(500))
    });
    let (log, _guard) = Log::of_all_levels();
    assert_eq!(get_with(&fails, "/", &[]).await.status, 500);
    let text = log.text();
    assert!(text.contains("WARN") && text.contains("without being saved") && text.contains("cart"), "{text}");
    assert_eq!(text.matches("without being saved").count(), 1, "{text}");

    let (log, _second) = Log::of_all_levels();
    let session = stage.draft().await;
    session.insert("hat", "secret-data").expect("legal");
    drop(session);
    let text = log.text();
    assert!(text.contains("without being saved") && text.contains("hat") && !text.contains("secret-data"), "{text}");

    let (log, _third) = Log::of_all_levels();
    let session = stage.draft().await;
    session.insert("hat", "secret-data").expect("legal");
    session.save().await.expect("the store is there").into_result().expect("saved");
    drop(session);
    assert!(!log.text().contains("without being saved"), "{}", log.text());
}

#[tokio::test]
async fn drafts_withheld_from_other_sites_are_logged_at_debug_only() {
    let stage = stage().await;
    for status in [200, 500] {
        let app = App::of(&stage.sessions, move |session: Session| async move {
            session.insert("cart", "secret-data").map(|()| Reply::status(status))
        });
        let (log, _guard) = Log::of_all_levels();
        assert_eq!(app.send(Request::post("/").header("sec-fetch-site", "cross-site")).await.status, status);
        let text = log.text();
        assert!(text.contains("DEBUG") && text.contains("withheld") && text.contains("cart"), "{text}");
        assert!(!text.contains("WARN") && !text.contains("secret-data"), "{text}");
    }
}
