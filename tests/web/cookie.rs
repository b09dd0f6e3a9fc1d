//! The cookies that responses set. R10 to R15.

use std::time::Duration;

use cloakroom::{
    Error, Login, LoginOutcome, RotateOutcome, SameSite, Session, SessionCookie, SessionLayer, Sessions, Timeout,
    Timeouts,
};

use super::framework::App;
use super::visitor::{Answer, Reply, Visitor, get_with, stage};

async fn hits(session: Session) -> Result<String, Error> {
    Ok(session.increment("hits", 1).await?.to_string())
}

async fn login(session: Session) -> Result<String, Error> {
    let outcome = session.login(Login::new("ada")).await?;
    Ok(matches!(outcome, LoginOutcome::As(_)).to_string())
}

async fn logout(session: Session) -> Result<(), Error> {
    session.logout().await.map(drop)
}

async fn rotate(session: Session) -> Result<String, Error> {
    assert_eq!(session.rotate().await?, RotateOutcome::Rotated);
    Ok(String::new())
}

fn site(sessions: &Sessions) -> App {
    let routes = App::default().route("/hits", hits).route("/login", login).route("/logout", logout);
    let routes = routes
        .route("/rotate", rotate)
        .route("/read", |session: Session| async move { format!("{:?}", session.user()) });
    routes.layer(SessionLayer::new(sessions.clone()))
}

#[tokio::test]
async fn the_default_cookie_has_every_protection() {
    let stage = stage().await;
    let answer = Visitor::of(&site(&stage.sessions)).get("/hits").await;
    let cookie = answer.set_cookie().expect("a new session");
    assert_eq!(cookie[1..], ["Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=43200"]);
    assert_eq!(cookie[0].len(), "__Host-id=".len() + 64);
}

#[tokio::test]
async fn a_cookie_that_browsers_reject_is_an_error_when_the_layer_is_built() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let build = |cookie| SessionLayer::new(sessions.clone()).cookie(cookie).map(drop);
    for refused in [
        SessionCookie::new().domain("shop.example"),
        SessionCookie::new().path("/shop"),
        SessionCookie::new().insecure_for_development(),
        SessionCookie::new().name("__secure-id").insecure_for_development(),
        SessionCookie::new().name("id").insecure_for_development().same_site(SameSite::None),
        SessionCookie::new().name("not a name"),
    ] {
        assert!(build(refused.clone()).is_err(), "{refused:?}");
    }
    assert_eq!(build(SessionCookie::new().name("__Secure-id").domain("shop.example")), Ok(()));
}

#[tokio::test]
async fn another_cookie_is_set_and_read_as_configured() {
    let cookie =
        SessionCookie::new().name("sid").same_site(SameSite::Strict).browser_session().insecure_for_development();
    let stage = stage().await;
    let layer = SessionLayer::new(stage.sessions.clone()).cookie(cookie).expect("browsers take it");
    let app = App::default().route("/", hits).layer(layer);
    let answer = get_with(&app, "/", &[]).await;
    let set = answer.all("set-cookie")[0].to_owned();
    assert!(set.starts_with("sid=") && set.ends_with("; HttpOnly; Path=/; SameSite=Strict"), "{set}");
    let pair = set.split(';').next().expect("a pair");
    assert_eq!(get_with(&app, "/", &[pair.as_bytes()]).await.body, "2");
}

#[tokio::test]
async fn the_cookies_name_is_matched_byte_for_byte_over_all_headers() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    visitor.get("/hits").await;
    let token = visitor.held();
    let with = |text: &str| text.replace('T', token).into_bytes();
    for own in ["__Host-id=T", "=; b; \"; __Host-id=T;;", "\t__Host-id = T\t", "__Host-id=T; __Host-id=T"] {
        let answer = get_with(&app, "/hits", &[b"a=b", &with(own), b"\xff=\xff"]).await;
        assert_eq!(answer.set_cookie(), None, "{own}: the session was found");
    }
    for other in
        ["__%48ost-id=T", "__host-id=T", "\"__Host-id\"=T", "a=__Host-id=T", "__Host-id=\"T\"", "a, __Host-id=T"]
    {
        let answer = get_with(&app, "/hits", &[&with(other)]).await;
        assert_eq!(answer.body, "1", "{other}: another session");
    }
}

#[tokio::test]
async fn a_response_has_one_cookie_of_our_name_whatever_the_handler_adds() {
    async fn forging(session: Session) -> Result<Reply, Error> {
        session.insert("n", &1)?;
        Ok(Reply::default().headers(&[("set-cookie", "__Host-id=forged; Path=/"), ("set-cookie", "theme=dark")]))
    }
    async fn forging_blindly() -> Reply {
        Reply::default().headers(&[("set-cookie", "__Host-id=a"), ("set-cookie", "__Host-id=b")])
    }
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let answer = get_with(&App::of(&sessions, forging), "/", &[]).await;
    assert!(answer.token().is_some_and(|token| token != "forged"));
    assert!(answer.all("set-cookie").contains(&"theme=dark"));
    let answer = get_with(&App::of(&sessions, forging_blindly), "/", &[]).await;
    assert_eq!(answer.set_cookie(), None);
}

#[tokio::test]
async fn a_removal_carries_the_attributes_of_the_cookie_that_it_removes() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    let set = visitor.get("/login").await.set_cookie().expect("a login").join("; ");
    let removed = visitor.get("/logout").await.set_cookie().expect("a logout").join("; ");
    let attributes =
        |line: &str| line.split_once("; ").expect("attributes").1.rsplit_once("; ").expect("Max-Age").0.to_owned();
    assert_eq!(attributes(&removed), attributes(&set));
    assert!(removed.starts_with("__Host-id=; ") && removed.ends_with("Max-Age=0"), "{removed}");
}

#[tokio::test]
async fn max_age_is_the_rest_of_the_absolute_life_and_400_days_without_one() {
    let max_age = |answer: Answer| answer.set_cookie().expect("a cookie")[5].to_owned();

    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    let stage = super::stage(|builder| builder.timeouts(Timeouts::new().idle(hours(9)).absolute(hours(10)))).await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    assert_eq!(max_age(visitor.get("/hits").await), "Max-Age=36000");
    stage.advance(hours(8)).await;
    assert_eq!(max_age(visitor.get("/rotate").await), "Max-Age=7200");

    let stage = super::stage(|builder| builder.timeouts(Timeouts::new().absolute(Timeout::Never))).await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    assert_eq!(max_age(visitor.get("/hits").await), "Max-Age=34560000");
}

#[tokio::test]
async fn a_touch_sets_no_cookie() {
    let stage = stage().await;
    let mut visitor = Visitor::of(&site(&stage.sessions));
    visitor.get("/hits").await;
    stage.advance(Duration::from_secs(29 * 60)).await;
    assert_eq!(visitor.get("/read").await.set_cookie(), None);
    stage.advance(Duration::from_secs(29 * 60)).await;
    let answer = visitor.get("/hits").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("2", None), "the touch kept it alive");
}

#[tokio::test]
async fn a_session_found_ended_removes_the_cookie_unless_the_response_sets_one() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = site(&sessions);
    let mut visitor = Visitor::of(&app);
    visitor.get("/login").await;
    let (mut reads, mut writes, mut blind) = (visitor.on(&app), visitor.on(&app), visitor.on(&app));
    assert_eq!(sessions.revoke_user("ada").await.expect("the store is there").ended, 1);
    assert!(reads.get("/read").await.removes_cookie());
    assert!(writes.get("/hits").await.token().is_some(), "a new guest");
    assert_eq!(blind.get("/missing").await.set_cookie(), None, "nobody looked");
}

#[tokio::test]
async fn an_old_secret_within_its_grace_leaves_the_cookie_alone() {
    let stage = stage().await;
    let app = site(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    visitor.get("/login").await;
    let mut other_tab = visitor.on(&app);
    assert!(visitor.get("/rotate").await.token().is_some());
    let answer = other_tab.get("/read").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("Some(\"ada\")", None));
    visitor.get("/read").await;
    let answer = other_tab.get("/read").await;
    assert_eq!((answer.body.as_str(), answer.set_cookie()), ("Some(\"ada\")", None), "in its grace");
}

#[tokio::test]
async fn a_logout_of_a_session_made_in_the_same_request_sets_no_cookie() {
    async fn in_and_out(session: Session) -> Result<(), Error> {
        assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
        session.logout().await.map(drop)
    }
    let stage = stage().await;
    let app = App::of(&stage.sessions, in_and_out);
    assert_eq!(get_with(&app, "/", &[]).await.set_cookie(), None);
    assert!(get_with(&app, "/", &[b"__Host-id=x"]).await.removes_cookie());
}
