//! A cross-site request without the cookie, which the browser may have withheld, replaces no login. R26.

use cloakroom::{
    CsrfLayer, EndOutcome, Error, Login, LoginOutcome, ReadSession, RotateOutcome, SameSite, SaveOn, SaveOutcome,
    Session, SessionCookie, SessionHeader, SessionLayer, Sessions,
};

use super::framework::App;
use super::visitor::{Answer, Reply, Request, Visitor, stage, stored};

async fn login(session: Session) -> Result<String, Error> {
    assert!(matches!(session.login(Login::new("ada").keep(["paid", "hits"])).await?, LoginOutcome::As(_)));
    Ok(session.user().unwrap_or_default())
}

/// The callback of a payment site.
async fn paid(session: Session) -> Result<String, Error> {
    session.insert("paid", &true)?;
    Ok(format!("withheld {}", session.cookie_may_be_withheld()))
}

async fn user(session: Session) -> String {
    session.user().unwrap_or_default()
}

fn routes() -> App {
    App::default().route("/login", login).route("/paid", paid).route("/user", user)
}

fn site(sessions: &Sessions, same_site: SameSite) -> App {
    site_of(routes(), sessions, same_site)
}

fn site_of(routes: App, sessions: &Sessions, same_site: SameSite) -> App {
    let cookie = SessionCookie::new().same_site(same_site);
    routes.layer(SessionLayer::new(sessions.clone()).cookie(cookie).expect("browsers take it"))
}

/// A request to `shop.example`, with these headers.
fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
    let request = Request::new(method, path).header("host", "shop.example");
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");
const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
const DOCUMENT: (&str, &str) = ("sec-fetch-dest", "document");
const ELSEWHERE: (&str, &str) = ("origin", "https://pay.example");

/// Another site's form, without the cookie.
async fn form(app: &App, path: &str) -> Answer {
    app.send(request("POST", path, &[CROSS_SITE, NAVIGATE, DOCUMENT, ELSEWHERE])).await
}

fn assert_nothing_set(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.set_cookie()), (200, None), "{what}: {}", answer.body);
}

#[tokio::test]
async fn another_sites_form_leaves_a_withheld_login_alone() {
    let stage = stage().await;
    let csrf = CsrfLayer::new().trust("https://pay.example").expect("as browsers write it");
    let app = routes().csrf(csrf).layer(SessionLayer::new(stage.sessions.clone()));
    let mut ada = Visitor::of(&app);
    ada.get("/login").await;
    let answer = form(&app, "/paid").await;
    assert_nothing_set(&answer, "the callback works");
    assert_eq!((answer.body.as_str(), answer.all("vary")), ("withheld true", vec!["Cookie"]));
    assert_eq!(stored(&stage.sessions).await, 1, "no draft was stored");
    assert_eq!(ada.get("/user").await.body, "ada");
}

#[tokio::test]
async fn a_cookie_counts_as_withheld_where_a_browser_may_have_one() {
    const SITES: [SameSite; 3] = [SameSite::Strict, SameSite::Lax, SameSite::None];
    type Headers = &'static [(&'static str, &'static str)];
    let cases: &[(&str, Headers, [bool; 3])] = &[
        ("POST", &[CROSS_SITE, NAVIGATE, DOCUMENT], [true, true, false]),
        ("GET", &[CROSS_SITE, NAVIGATE, DOCUMENT], [true, false, false]), // a link
        ("HEAD", &[CROSS_SITE, NAVIGATE, DOCUMENT], [true, false, false]),
        ("GET", &[CROSS_SITE, NAVIGATE, ("sec-fetch-dest", "iframe")], [true, true, false]),
        ("GET", &[CROSS_SITE, ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], [true, true, false]),
        ("GET", &[CROSS_SITE, NAVIGATE], [true, true, false]),
        ("GET", &[CROSS_SITE, NAVIGATE, NAVIGATE, DOCUMENT], [true, true, false]),
        ("GET", &[CROSS_SITE, CROSS_SITE, ("sec-fetch-mode", "cors")], [true, true, false]),
        ("GET", &[("sec-fetch-site", "of-the-future")], [true, true, false]),
        ("POST", &[ELSEWHERE], [true, true, false]),
        ("POST", &[("origin", "null")], [true, true, false]),
        ("POST", &[ELSEWHERE, ELSEWHERE], [true, true, false]),
        ("POST", &[("origin", "https://shop.example")], [false; 3]),
        ("POST", &[("sec-fetch-site", "same-origin"), ELSEWHERE], [false; 3]),
        ("POST", &[("sec-fetch-site", "same-site"), ("origin", "https://a.shop.example")], [false; 3]),
        ("POST", &[("sec-fetch-site", "none")], [false; 3]),
        ("POST", &[], [false; 3]),
        ("GET", &[], [false; 3]),
    ];
    let stage = stage().await;
    for (place, same_site) in SITES.into_iter().enumerate() {
        let app = site(&stage.sessions, same_site);
        for (method, headers, withheld) in cases {
            let answer = app.send(request(method, "/paid", headers)).await;
            let what = format!("{same_site:?} {method} {headers:?}");
            if *method != "HEAD" {
                assert_eq!(answer.body, format!("withheld {}", withheld[place]), "{what}");
            }
            assert_eq!(answer.token().is_none(), withheld[place], "{what}");
        }
    }
}

#[tokio::test]
async fn a_cookie_that_came_is_not_withheld_whatever_it_is() {
    let stage = stage().await;
    let app = site(&stage.sessions, SameSite::Lax);
    let mut ended = Visitor::of(&app);
    ended.get("/login").await;
    stage.sessions.revoke_user("ada").await.expect("the store is there");
    for cookie in ["__Host-id=", "__Host-id=x", "__Host-id=x; __Host-id=y", &format!("__Host-id={}", ended.held())] {
        let answer = app.send(request("POST", "/paid", &[CROSS_SITE, ELSEWHERE, ("cookie", cookie)])).await;
        assert_eq!(answer.body, "withheld false", "{cookie}");
        assert!(answer.token().is_some(), "{cookie}");
    }
    let other = app.send(request("POST", "/paid", &[CROSS_SITE, ELSEWHERE, ("cookie", "id=x; __host-id=y")])).await;
    assert_eq!((other.body.as_str(), other.set_cookie()), ("withheld true", None), "none is ours");
}

#[tokio::test]
async fn a_token_in_a_header_is_never_withheld() {
    let stage = stage().await;
    let header = SessionHeader::new("x-session");
    let app = routes().layer(SessionLayer::new(stage.sessions.clone()).header(header).expect("a fine header"));
    let answer = form(&app, "/paid").await;
    assert_eq!((answer.body.as_str(), answer.all("x-session").len()), ("withheld false", 1));
}

#[tokio::test]
async fn a_cross_site_login_gets_its_cookie_and_its_pending_fields() {
    async fn both(session: Session) -> Result<String, Error> {
        session.insert("paid", &true)?;
        assert_eq!(session.increment("hits", 2).await?, 2);
        login(session).await
    }
    let stage = stage().await;
    let app = site_of(App::default().route("/both", both), &stage.sessions, SameSite::Lax);
    let answer = form(&app, "/both").await;
    assert_eq!(answer.body, "ada");
    let session = stage.open(&answer.token().expect("a login has a cookie")).await;
    assert_eq!(session.user().as_deref(), Some("ada"));
    assert_eq!((session.get("paid").ok(), session.counter("hits").ok()), (Some(Some(true)), Some(Some(2))));
}

#[tokio::test]
async fn a_draft_is_stored_if_the_handler_replaces_the_withheld_cookie() {
    async fn replace(session: Session) -> Result<String, Error> {
        session.insert("n", &1)?;
        session.replace_withheld_cookie();
        Ok(session.cookie_may_be_withheld().to_string())
    }
    let stage = stage().await;
    let app = site_of(App::default().route("/", replace), &stage.sessions, SameSite::Strict);
    let answer = form(&app, "/").await;
    assert_eq!(answer.body, "true", "that is still so");
    let session = stage.open(&answer.token().expect("a new session has a cookie")).await;
    assert_eq!(session.get("n").ok(), Some(Some(1)));
    assert!(Visitor::of(&app).get("/").await.token().is_some(), "elsewhere it changes nothing");
}

#[tokio::test]
async fn an_explicit_save_of_a_withheld_draft_returns_withheld() {
    async fn ask(session: Session) -> Result<&'static str, Error> {
        assert_eq!(session.save().await?, SaveOutcome::Unchanged, "nothing to save yet");
        assert_eq!(session.increment("hits", 1).await?, 1);
        assert_eq!(session.increment("hits", 1).await?, 2, "the draft counts");
        session.insert("n", &1)?;
        assert_eq!(session.save().await?, SaveOutcome::Withheld);
        assert_eq!(session.save_if_unchanged().await?, SaveOutcome::Withheld);
        assert!(matches!(SaveOutcome::Withheld.into_result(), Err(Error::Withheld)));
        assert_eq!(session.get("n")?, Some(1), "as written");
        assert!(session.is_dirty() && session.id().is_none() && session.token().is_none());
        assert_eq!(session.rotate().await?, RotateOutcome::NoSession);
        assert_eq!(session.logout_keeping(["n"]).await?, EndOutcome::NoSession);
        session.set_dirty(true);
        Ok("told")
    }
    async fn insist(session: Session) -> Result<&'static str, Error> {
        session.insert("n", &1)?;
        session.save().await?.into_result()?;
        Ok("saved")
    }
    let stage = stage().await;
    let app = site_of(App::default().route("/ask", ask).route("/insist", insist), &stage.sessions, SameSite::Lax);
    let answer = form(&app, "/ask").await;
    assert_nothing_set(&answer, "no error");
    assert_eq!(answer.body, "told");
    let answer = form(&app, "/insist").await;
    assert_eq!((answer.status, answer.set_cookie()), (409, None));
    assert!(answer.body.contains("withheld"), "{}", answer.body);
    assert_eq!(stored(&stage.sessions).await, 0);
}

#[tokio::test]
async fn a_server_error_stores_no_withheld_draft() {
    let stage = stage().await;
    let fails = |session: Session| async move { session.insert("n", &1).map(|()| Reply::status(502)) };
    let layer = SessionLayer::new(stage.sessions.clone()).save_on(SaveOn::Always);
    let answer = form(&App::default().route("/", fails).layer(layer), "/").await;
    assert_eq!((answer.status, answer.set_cookie()), (502, None));
    assert_eq!(stored(&stage.sessions).await, 0);
}

#[tokio::test]
async fn a_read_session_returns_whether_the_cookie_was_withheld() {
    let stage = stage().await;
    let look = |session: ReadSession| async move { session.cookie_may_be_withheld().to_string() };
    let app = App::of(&stage.sessions, look);
    assert_eq!(form(&app, "/").await.body, "true");
    assert_eq!(app.send(request("POST", "/", &[])).await.body, "false");
}
