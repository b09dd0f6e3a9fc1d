//! The scenarios that actix-session publishes for its stores, and a few more, on its own middleware.

use std::rc::Rc;

use actix_session::Session;
use actix_session::config::{CookieContentSecurity, TtlExtensionPolicy};
use actix_web::cookie::Cookie;
use actix_web::{Error, web};
use cloakroom::Sessions;
use cloakroom::compat::actix_session::Store;
use time::Duration;
use tokio::sync::Notify;

use super::browser::{Config, Site};
use super::{naming, stage};
use crate::common::Stage;

const BOTH: [CookieContentSecurity; 2] = [CookieContentSecurity::Signed, CookieContentSecurity::Private];

const CONFIG: Config = Config {
    content: CookieContentSecurity::Private,
    ttl: Duration::minutes(1),
    extend: TtlExtensionPolicy::OnStateChanges,
};

async fn site(config: Config) -> (Stage, Site) {
    let stage = stage(|with| with).await;
    let site = Site::with(&naming(&stage.sessions), config, |_| ()).await;
    (stage, site)
}

#[tokio::test]
async fn a_write_of_one_request_is_read_by_the_next() {
    for content in BOTH {
        let (_stage, site) = site(Config { content, ..CONFIG }).await;
        let first = site.get("/count", None).await;
        assert_eq!(first.body, "1");
        let second = site.get("/count", Some(&first.cookie())).await;
        assert_eq!(second.body, "2");
        assert_eq!(site.get("/show", Some(&second.cookie())).await.body, "None Some(2)");
    }
}

#[tokio::test]
async fn a_request_that_only_reads_gets_no_cookie() {
    let (stage, site) = site(CONFIG).await;
    let answer = site.get("/show", None).await;
    assert_eq!((answer.body.as_str(), answer.cookie.is_none()), ("None None", true));
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn the_cookie_is_renewed_with_each_change_and_only_then() {
    for content in BOTH {
        let (_stage, site) = site(Config { content, ..CONFIG }).await;
        let first = site.get("/count", None).await.cookie();
        assert_eq!(first.max_age(), Some(CONFIG.ttl));
        assert!(site.get("/plain", Some(&first)).await.cookie.is_none());
        assert_eq!(site.get("/count", Some(&first)).await.cookie().max_age(), Some(CONFIG.ttl));
    }
}

#[tokio::test]
async fn with_extension_on_every_request_cookie_and_session_are_extended() {
    for content in BOTH {
        let (stage, site) = site(Config { content, extend: TtlExtensionPolicy::OnEveryRequest, ..CONFIG }).await;
        let cookie = site.get("/count", None).await.cookie();
        for _ in 0..3 {
            stage.advance(std::time::Duration::from_secs(50)).await;
            assert_eq!(site.get("/plain", Some(&cookie)).await.cookie().max_age(), Some(CONFIG.ttl));
        }
        assert_eq!(site.get("/show", Some(&cookie)).await.body, "None Some(1)");
        stage.advance(std::time::Duration::from_secs(67)).await;
        assert_eq!(site.get("/show", Some(&cookie)).await.body, "None None");
    }
}

#[tokio::test]
async fn a_renewed_session_has_a_new_key_and_the_same_data() {
    for content in BOTH {
        let (stage, site) = site(Config { content, ..CONFIG }).await;
        let guest = site.get("/count", None).await.cookie();
        let user = site.get("/login", Some(&guest)).await;
        assert_eq!(user.body, r#"Some("ferris") Some(1)"#);
        assert_ne!(user.cookie().value(), guest.value());
        assert_eq!(site.get("/count", Some(&user.cookie())).await.body, "2");
        let old = site.get("/show", Some(&guest)).await;
        assert_eq!((old.body.as_str(), old.cookie.is_none()), ("None None", true));
        assert_eq!(stage.sessions.user("ferris").count().await.expect("there"), 1);
    }
}

#[tokio::test]
async fn a_purge_removes_the_cookie_and_the_session() {
    for content in BOTH {
        let (stage, site) = site(Config { content, ..CONFIG }).await;
        let user = site.get("/login", None).await.cookie();
        let removed = site.get("/logout", Some(&user)).await.cookie();
        assert_eq!((removed.max_age(), removed.path()), (Some(Duration::ZERO), Some("/")));
        let after = site.get("/show", Some(&user)).await;
        assert_eq!((after.body.as_str(), after.cookie.is_none()), ("None None", true));
        assert_eq!(stage.sessions.user("ferris").count().await.expect("there"), 0);
    }
}

#[tokio::test]
async fn an_unsigned_cookie_is_ignored() {
    let (_stage, site) = site(CONFIG).await;
    for malformed in ["malformed", "", &"A".repeat(64), &"-".repeat(200)] {
        let cookie = Cookie::new("id", malformed.to_owned());
        let answer = site.get("/count", Some(&cookie)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "1"), "{malformed}");
    }
}

#[tokio::test]
async fn a_login_without_a_renewal_still_gets_a_new_key() {
    let (stage, site) = site(CONFIG).await;
    let guest = site.get("/count", None).await.cookie();
    let user = site.get("/login_in_place", Some(&guest)).await.cookie();
    assert_eq!(site.get("/show", Some(&guest)).await.body, "None None");
    assert_eq!(site.get("/show", Some(&user)).await.body, r#"Some("ferris") Some(1)"#);
    assert_eq!(stage.sessions.revoke_user("ferris").await.expect("there").ended, 1);
    assert_eq!(site.get("/show", Some(&user)).await.body, "None None");
}

/// While a request that has loaded its session waits, the session is logged out; then the request's write is saved.
#[tokio::test]
async fn a_request_in_flight_during_a_logout_revives_nothing_under_any_key() {
    let stage = stage(|with| with).await;
    let (loaded, go) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
    let slow = {
        let (loaded, go) = (loaded.clone(), go.clone());
        move |session: Session| {
            let (loaded, go) = (loaded.clone(), go.clone());
            async move {
                loaded.notify_one();
                go.notified().await;
                session.insert("late", 1)?;
                Ok::<_, Error>("late")
            }
        }
    };
    let store = naming(&stage.sessions);
    let site = Site::with(&store, CONFIG, |config| {
        config.route("/slow", web::get().to(slow));
    })
    .await;
    let user = site.get("/login", None).await.cookie();
    let late = async {
        let answer = site.get("/slow", Some(&user)).await;
        (answer.status, site.get("/show", answer.cookie.as_ref()).await.body)
    };
    let logout = async {
        loaded.notified().await;
        assert_eq!(site.get("/logout", Some(&user)).await.status, 200);
        go.notify_one();
    };
    let (late, ()) = tokio::join!(late, logout);
    assert_eq!(late, (200, "None None".to_owned()), "the cookie that it set opens nothing");
    assert_eq!(stage.sessions.active_since(std::time::UNIX_EPOCH).await.expect("there"), 0);
}

#[tokio::test]
async fn an_outage_is_an_opaque_500_and_changes_no_cookie() {
    let stage = stage(|with| with).await;
    let here = Site::with(&Store::new(stage.sessions.clone()), CONFIG, |_| ()).await;
    assert_eq!(here.get("/count", None).await.status, 200);
    let builder = Sessions::builder("redis://127.0.0.1:1").namespace("away");
    let away = builder.budget(std::time::Duration::from_millis(100)).connect_lazy().expect("fine settings");
    let away = Site::with(&Store::new(away), CONFIG, |_| ()).await;
    let answer = away.get("/count", None).await;
    assert_eq!((answer.status, answer.body.as_str(), answer.cookie.is_none()), (500, "", true));
}
