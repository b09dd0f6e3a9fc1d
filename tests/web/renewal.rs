//! The cookie is set again where the session would outlive it. R14.

use std::time::Duration;

use cloakroom::{
    ClientInfo, Error, Login, ReadSession, RotateOutcome, Session, SessionCookie, SessionHeader, SessionLayer,
    Sessions, Timeout, Timeouts,
};

use super::framework::{App, Uri};
use super::visitor::{Answer, Request, Visitor, get_with};
use crate::common::{Stage, until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `/absolute-N` sets an absolute timeout of N days, `/absolute-N-M` first N and then M.
async fn act(session: Session, uri: Uri) -> Result<&'static str, Error> {
    if uri.path() == "/login" {
        return session.login(Login::new("ada")).await.map(|_| "in");
    }
    if uri.path() == "/forget" {
        return session.login(Login::new("ada").remember(false)).await.map(|_| "in");
    }
    for days in uri.path().split('-').skip(1) {
        let days: u32 = days.parse().expect("a number of days");
        session.set_timeouts(Timeouts::new().absolute(DAY * days)).await?;
    }
    Ok("done")
}

fn site(sessions: &Sessions) -> App {
    App::default().fallback(act).layer(SessionLayer::new(sessions.clone()))
}

async fn stage() -> Stage {
    super::stage(|builder| builder).await
}

/// Sessions that end only after 400 days without a use.
async fn endless() -> Stage {
    super::stage(|builder| builder.timeouts(Timeouts::new().idle(Timeout::Never).absolute(Timeout::Never))).await
}

fn max_age(answer: &Answer) -> Option<String> {
    answer
        .set_cookie()
        .and_then(|cookie| cookie.iter().find(|part| part.starts_with("Max-Age=")).map(|s| (*s).to_owned()))
}

/// Waits until this token's session was touched just now.
async fn touched(stage: &Stage, token: &str) {
    until("the touch is done", || async {
        let session = stage.sessions.peek(Some(token), ClientInfo::new()).await.expect("the store is there");
        session.time_left().expect("a live session") > DAY * 399
    })
    .await;
}

#[tokio::test]
async fn a_longer_absolute_timeout_sets_the_same_token_with_the_new_age() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/login").await;
    let token = visitor.held().to_owned();
    let answer = visitor.get("/absolute-30").await;
    assert_eq!(answer.token().as_deref(), Some(&*token));
    assert_eq!(max_age(&answer).as_deref(), Some("Max-Age=2592000"));
    assert_eq!(answer.all("cache-control"), ["no-store"]);
    assert_eq!(visitor.get("/read").await.set_cookie(), None, "once");
    assert_eq!(max_age(&visitor.get("/absolute-40").await).as_deref(), Some("Max-Age=3456000"), "longer again");
}

#[tokio::test]
async fn timeouts_that_leave_the_cookie_long_enough_set_no_cookie() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/login").await;
    visitor.get("/absolute-30").await;
    for path in ["/absolute-30", "/absolute-40-30", "/absolute-20"] {
        assert_eq!(visitor.get(path).await.set_cookie(), None, "{path}");
    }
}

#[tokio::test]
async fn a_cookie_without_max_age_is_not_renewed() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/forget").await;
    assert_eq!(visitor.get("/absolute-30").await.set_cookie(), None, "the login asked for none");

    let layer = SessionLayer::new(stage.sessions.clone()).cookie(SessionCookie::new().browser_session());
    let mut visitor = Visitor::of(&App::default().fallback(act).layer(layer.expect("browsers take it")));
    visitor.get("/login").await;
    assert_eq!(visitor.get("/absolute-30").await.set_cookie(), None, "the layer sets none");

    let layer = SessionLayer::new(stage.sessions.clone()).header(SessionHeader::new("x-session"));
    let app = App::default().fallback(act).layer(layer.expect("a fine header"));
    let token = get_with(&app, "/login", &[]).await.all("x-session")[0].to_owned();
    let answer = app.send(Request::get("/absolute-30").header("x-session", &token)).await;
    assert_eq!((answer.status, answer.all("x-session")), (200, vec![]), "a header has none");
}

#[tokio::test]
async fn without_an_absolute_timeout_the_cookie_is_renewed_every_30_days() {
    let stage = endless().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/login").await;
    let token = visitor.held().to_owned();
    let (mut age, mut renewals) = (Duration::ZERO, 0);
    for visit in 1..=60 {
        stage.advance(DAY * 9).await;
        age += DAY * 9;
        let answer = visitor.get("/read").await;
        if answer.set_cookie().is_some() {
            assert_eq!(answer.token().as_deref(), Some(&*token));
            assert_eq!(max_age(&answer).as_deref(), Some("Max-Age=34560000"));
            (age, renewals) = (Duration::ZERO, renewals + 1);
        }
        assert!(age < DAY * 40, "visit {visit}");
        touched(&stage, &token).await;
        assert_eq!(visitor.get("/read").await.set_cookie(), None, "visit {visit}: once");
    }
    assert_eq!(renewals, 60 * 9 / 30);
}

#[tokio::test]
async fn a_visitor_who_returns_once_a_year_keeps_the_cookie() {
    let stage = endless().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/login").await;
    let token = visitor.held().to_owned();
    for year in 1..4 {
        stage.advance(DAY * 365).await;
        assert!(visitor.get("/read").await.token().is_some(), "year {year}");
        touched(&stage, &token).await;
    }
}

#[tokio::test]
async fn a_read_session_renews_no_cookie_but_the_next_use_does() {
    let stage = endless().await;
    let routes = App::default().route("/look", |_: ReadSession| async { "" }).fallback(act);
    let mut visitor = Visitor::of(&routes.layer(SessionLayer::new(stage.sessions.clone())));
    visitor.get("/login").await;
    stage.advance(DAY * 31).await;
    assert_eq!(visitor.get("/look").await.set_cookie(), None);
    assert!(visitor.get("/read").await.token().is_some());
}

/// The other request is another tab's; the browser may have its response already.
#[tokio::test]
async fn a_renewal_never_replaces_a_newer_token() {
    async fn overtaken(session: Session, uri: Uri) -> Result<&'static str, Error> {
        session.set_timeouts(Timeouts::new().absolute(DAY)).await?;
        let token = uri.query().expect("the token").to_owned();
        let other = session.sessions().open(Some(&token), ClientInfo::new()).await?;
        match uri.path() {
            "/rotated" => assert_eq!(other.rotate().await?, RotateOutcome::Rotated),
            "/logged-in" => drop(other.login(Login::new("ada")).await?),
            _ => drop(other.logout().await?),
        }
        Ok("done")
    }
    let stage = stage().await;
    let app = App::default().fallback(overtaken).layer(SessionLayer::new(stage.sessions.clone()));
    for path in ["/rotated", "/logged-in", "/logged-out"] {
        let (_, token) = stage.guest().await;
        let cookie = format!("__Host-id={token}");
        let answer = get_with(&app, &format!("{path}?{token}"), &[cookie.as_bytes()]).await;
        assert_eq!((answer.status, answer.set_cookie()), (200, None), "{path}");
    }
}

#[tokio::test]
async fn a_client_with_the_previous_secret_does_not_get_it_set_again() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let (session, previous) = stage.user("ada").await;
    assert_eq!(session.rotate().await.expect("the store is there"), RotateOutcome::Rotated);
    let cookie = format!("__Host-id={previous}");
    let answer = get_with(&app, "/absolute-30", &[cookie.as_bytes()]).await;
    assert_eq!((answer.status, answer.set_cookie()), (200, None));
}

/// Corrupts the session's key, which only Redis has.
#[tokio::test]
async fn a_renewal_that_cannot_be_checked_is_skipped() {
    let stage = stage().await;
    for master in stage.masters().await {
        let (guest, token) = stage.guest().await;
        let id = guest.id().expect("a live session").to_string();
        let keys: Vec<_> = stage.keys().await.into_iter().filter(|key| key.ends_with(&id)).collect();
        let spoil = move |session: Session| {
            let (mut master, keys) = (master.clone(), keys.clone());
            async move {
                session.set_timeouts(Timeouts::new().absolute(DAY)).await?;
                for key in keys {
                    let () = redis::cmd("SET").arg(&key).arg("x").query_async(&mut master).await.expect("a server");
                }
                Ok::<_, Error>("done")
            }
        };
        let cookie = format!("__Host-id={token}");
        let answer = get_with(&App::of(&stage.sessions, spoil), "/", &[cookie.as_bytes()]).await;
        assert_eq!((answer.body.as_str(), answer.set_cookie()), ("done", None));
    }
}
