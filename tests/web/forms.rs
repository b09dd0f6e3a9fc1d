//! Forms of pages from before a rotation or a login: which are still accepted, in the header and as a field.

use std::time::Duration;

use cloakroom::{CsrfLayer, MissingOrigin, Timeouts};

use super::csrf::{NO_TOKEN, assert_passed, assert_refused, post_with, protected, site};
use super::framework::App;
use super::visitor::{Request, Visitor, stage};

/// A handler that compares the form's field itself.
async fn matches(visitor: &Visitor, app: &App, field: &str) -> String {
    let cookie = format!("__Host-id={}", visitor.held());
    app.send(Request::post("/matches").header("cookie", cookie).body(field)).await.body
}

/// R48.
#[tokio::test]
async fn a_form_from_before_a_rotation_is_accepted_for_an_hour() {
    let stage = super::stage(|with| with.timeouts(Timeouts::new().idle(Duration::from_secs(86_400)))).await;
    let (app, fields) =
        (protected(&stage.sessions), site(&stage.sessions, CsrfLayer::new().missing_origin(MissingOrigin::Allow)));
    let mut visitor = Visitor::of(&app);
    visitor.get("/login").await;
    let form = visitor.get("/token").await.body;
    assert_ne!(visitor.get("/rotate").await.body, form);
    stage.advance(Duration::from_secs(3590)).await;
    for held in [&form, &visitor.get("/token").await.body] {
        assert_passed(&post_with(&visitor, &app, &[held]).await, "within the hour");
        assert_eq!(matches(&visitor, &fields, held).await, "true");
    }
    stage.advance(Duration::from_secs(20)).await;
    assert_refused(&post_with(&visitor, &app, &[&form]).await, NO_TOKEN, "after an hour");
    assert_eq!(matches(&visitor, &fields, &form).await, "false");
}

#[tokio::test]
async fn a_form_from_before_a_login_is_refused_also_after_a_rotation() {
    for path in ["/guest", "/login"] {
        let stage = stage().await;
        let app = protected(&stage.sessions);
        let mut visitor = Visitor::of(&app);
        let form = visitor.get(path).await.body;
        let rotated = visitor.get("/rotate").await.body;
        visitor.get("/login").await;
        for change in ["/token", "/rotate"] {
            visitor.get(change).await;
            for old in [&form, &rotated] {
                assert_refused(&post_with(&visitor, &app, &[old]).await, NO_TOKEN, change);
            }
        }
    }
}

#[tokio::test]
async fn after_more_than_four_rotations_in_an_hour_the_oldest_form_is_refused() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    let mut forms = vec![visitor.get("/guest").await.body];
    for _ in 0..5 {
        forms.push(visitor.get("/rotate").await.body);
    }
    assert_refused(&post_with(&visitor, &app, &[&forms[0]]).await, NO_TOKEN, "five rotations ago");
    for form in &forms[1..] {
        assert_passed(&post_with(&visitor, &app, &[form]).await, "one of the last four, or the present one");
    }
}
