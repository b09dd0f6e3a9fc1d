//! Whether the browser keeps the cookie when it is closed, chosen per login.

use cloakroom::{Error, Login, LoginOutcome, RotateOutcome, Session, SessionCookie, SessionLayer, Sessions};

use super::framework::{App, Uri};
use super::visitor::{Answer, Visitor, get_with, stage};

async fn act(session: Session, uri: Uri) -> Result<String, Error> {
    let login = Login::new("ada");
    let login = match uri.path() {
        "/rotate" => {
            assert_eq!(session.rotate().await?, RotateOutcome::Rotated);
            return Ok(format!("{:?}", session.is_remembered()));
        }
        "/guest" => return session.increment("hits", 1).await.map(|_| format!("{:?}", session.is_remembered())),
        "/remember" => login.remember(true),
        "/forget" => login.remember(false),
        _ => login,
    };
    assert!(matches!(session.login(login).await?, LoginOutcome::As(_)));
    Ok(format!("{:?}", session.is_remembered()))
}

fn site(sessions: &Sessions, cookie: SessionCookie) -> App {
    App::default().fallback(act).layer(SessionLayer::new(sessions.clone()).cookie(cookie).expect("browsers take it"))
}

fn is_kept(answer: &Answer) -> bool {
    answer.set_cookie().expect("a cookie").iter().any(|attribute| attribute.starts_with("Max-Age="))
}

#[tokio::test]
async fn a_login_chooses_cookie_persistence_and_a_rotation_keeps_it() {
    let stage = stage().await;
    for (cookie, kept_by_default) in [(SessionCookie::new(), true), (SessionCookie::new().browser_session(), false)] {
        let app = site(&stage.sessions, cookie);
        for (path, kept, said) in
            [("/login", kept_by_default, "None"), ("/remember", true, "Some(true)"), ("/forget", false, "Some(false)")]
        {
            let mut visitor = Visitor::of(&app);
            assert_eq!(is_kept(&visitor.get("/guest").await), kept_by_default, "a guest's is as configured");
            let answer = visitor.get(path).await;
            assert_eq!((is_kept(&answer), answer.body.as_str()), (kept, said), "{path}");
            let answer = visitor.get("/rotate").await;
            assert_eq!((is_kept(&answer), answer.body.as_str()), (kept, said), "{path}, rotated");
            let answer = visitor.get("/login").await;
            assert_eq!((is_kept(&answer), answer.body.as_str()), (kept, said), "{path}, again without a word");
        }
    }
}

#[tokio::test]
async fn a_later_login_may_choose_otherwise() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions, SessionCookie::new()));
    assert!(is_kept(&visitor.get("/remember").await));
    assert!(!is_kept(&visitor.get("/forget").await));
    assert!(is_kept(&visitor.get("/remember").await));
}

#[tokio::test]
async fn a_partitioned_cookie_is_set_and_removed_with_the_attribute() {
    let stage = stage().await;
    let cookie = SessionCookie::new().same_site(cloakroom::SameSite::None).partitioned();
    let layer = SessionLayer::new(stage.sessions.clone()).cookie(cookie).expect("browsers take it");
    let app = App::default().fallback(|session: Session| async move {
        if session.is_guest() {
            session.login(Login::new("ada")).await.map(|_| "in")
        } else {
            session.logout().await.map(|_| "out")
        }
    });
    let app = app.layer(layer);
    let set = get_with(&app, "/", &[]).await;
    assert_eq!(set.set_cookie().expect("a login")[4..6], ["SameSite=None", "Partitioned"]);
    let token = set.token().expect("a login");
    let removed = get_with(&app, "/", &[format!("__Host-id={token}").as_bytes()]).await;
    assert!(removed.removes_cookie() && removed.set_cookie().expect("a logout").contains(&"Partitioned"));
    let refused = SessionCookie::new().name("id").partitioned().insecure_for_development();
    assert!(SessionLayer::new(stage.sessions.clone()).cookie(refused).is_err());
}
