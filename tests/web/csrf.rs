//! Requests that another site's page sends in a visitor's name are rejected. R17.

use cloakroom::{
    CsrfLayer, EndOutcome, Error, Login, LoginOutcome, MissingOrigin, RotateOutcome, Session, SessionCookie,
    SessionLayer, Sessions,
};

use super::framework::App;
use super::outage::away;
use super::visitor::{Answer, Request, Visitor, stage, stored};

const ELSEWHERE: &str = r#"{"error":"the request came from another site"}"#;
pub(super) const NO_TOKEN: &str = r#"{"error":"the CSRF token is missing or wrong"}"#;

/// Responds with the session's own token, after doing what the path says.
pub(super) fn site(sessions: &Sessions, csrf: CsrfLayer) -> App {
    async fn token(session: Session) -> String {
        session.csrf_token().unwrap_or_default()
    }
    async fn guest(session: Session) -> Result<String, Error> {
        session.increment("hits", 1).await?;
        Ok(token(session).await)
    }
    async fn login(session: Session) -> Result<String, Error> {
        assert!(matches!(session.login(Login::new("ada")).await?, LoginOutcome::As(_)));
        Ok(token(session).await)
    }
    async fn rotate(session: Session) -> Result<String, Error> {
        let before = token(session.clone()).await;
        assert_eq!(session.rotate().await?, RotateOutcome::Rotated);
        assert!(session.csrf_matches(&before) && Some(&before) != session.csrf_token().as_ref());
        Ok(token(session).await)
    }
    async fn logout(session: Session) -> Result<String, Error> {
        assert_eq!(session.logout().await?, EndOutcome::Ended);
        Ok(token(session).await)
    }
    async fn matches(session: Session, body: String) -> String {
        session.csrf_matches(&body).to_string()
    }
    let routes = App::default().route("/act", || async { "acted" }).route("/token", token);
    let routes = routes.route("/guest", guest).route("/login", login).route("/rotate", rotate);
    let routes = routes.route("/logout", logout).route("/matches", matches);
    routes.csrf(csrf).layer(SessionLayer::new(sessions.clone()))
}

pub(super) fn protected(sessions: &Sessions) -> App {
    site(sessions, CsrfLayer::new())
}

fn request(headers: &[(&str, &[u8])]) -> Request {
    headers.iter().fold(Request::post("/act"), |request, (name, value)| request.header(name, value))
}

/// A request that changes something, to `shop.example`.
async fn post(app: &App, headers: &[(&str, &str)]) -> Answer {
    let mut all: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    all.push(("host", b"shop.example"));
    app.send(request(&all)).await
}

/// The same without any header about where it comes from, by someone who holds a session.
pub(super) async fn post_with(visitor: &Visitor, app: &App, tokens: &[&str]) -> Answer {
    let cookie = visitor.token.as_ref().map(|token| format!("__Host-id={token}"));
    let cookie = cookie.iter().map(|cookie| ("cookie", cookie.as_str()));
    let tokens = tokens.iter().map(|token| ("X-CSRF-Token", *token));
    post(app, &cookie.chain(tokens).collect::<Vec<_>>()).await
}

pub(super) fn assert_passed(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (200, "acted"), "{what}");
}

pub(super) fn assert_refused(answer: &Answer, body: &str, what: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (403, body), "{what}");
    assert_eq!(answer.all("content-type"), ["application/json"], "{what}");
    assert_eq!(answer.set_cookie(), None, "{what}");
}

#[tokio::test]
async fn safe_methods_pass_from_any_site() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        let request = Request::new(method, "/act").header("sec-fetch-site", "cross-site");
        assert_eq!(app.send(request.header("origin", "https://evil.example")).await.status, 200, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND", "QUERY"] {
        let answer = app.send(Request::new(method, "/act").header("sec-fetch-site", "cross-site")).await;
        assert_refused(&answer, ELSEWHERE, method);
    }
}

#[tokio::test]
async fn sec_fetch_site_decides() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    for origin in [None, Some("https://shop.example"), Some("https://evil.example"), Some("null")] {
        let with = |site| {
            let origin = origin.map(|origin| ("origin", origin));
            [Some(("sec-fetch-site", site)), origin].into_iter().flatten().collect::<Vec<_>>()
        };
        for site in ["same-origin", "none"] {
            assert_passed(&post(&app, &with(site)).await, &format!("{site}, {origin:?}"));
        }
        for site in ["same-site", "cross-site"] {
            assert_refused(&post(&app, &with(site)).await, ELSEWHERE, &format!("{site}, {origin:?}"));
        }
    }
}

#[tokio::test]
async fn without_sec_fetch_site_the_origin_must_be_the_host_or_trusted() {
    let csrf = CsrfLayer::new().trust("https://app.example").and_then(|csrf| csrf.trust("http://localhost:3000"));
    let stage = stage().await;
    let app = site(&stage.sessions, csrf.expect("as browsers write them"));
    for ours in ["https://shop.example", "http://shop.example", "https://app.example", "http://localhost:3000"] {
        assert_passed(&post(&app, &[("origin", ours)]).await, ours);
    }
    for other in [
        "null",
        "https://evil.example",
        "https://shop.example:8443",
        "https://a.shop.example",
        "https://shop.example.evil.example",
        "http://app.example",
        "http://localhost:3001",
    ] {
        assert_refused(&post(&app, &[("origin", other)]).await, ELSEWHERE, other);
    }
}

#[tokio::test]
async fn a_trusted_origin_is_accepted_although_it_is_another_site() {
    let csrf = CsrfLayer::new().trust("https://app.example").expect("as browsers write it");
    let stage = stage().await;
    let app = site(&stage.sessions, csrf);
    for site in ["same-site", "cross-site"] {
        let from = |origin| [("sec-fetch-site", site), ("origin", origin)];
        assert_passed(&post(&app, &from("https://app.example")).await, site);
        assert_refused(&post(&app, &from("https://shop.example")).await, ELSEWHERE, site);
        assert_refused(&post(&app, &from("https://app.example.evil.example")).await, ELSEWHERE, site);
    }
}

#[tokio::test]
async fn an_origin_that_browsers_never_send_cannot_be_trusted() {
    for wrong in ["null", "*", "app.example", "https://app.example/", "https://App.example", "https://app.example:443"]
    {
        assert!(CsrfLayer::new().trust(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_duplicate_or_malformed_header_is_rejected() {
    let (site, origin, host): (&str, &str, &str) = ("sec-fetch-site", "origin", "host");
    let (ours, shop): (&[u8], (&str, &[u8])) = (b"https://shop.example", (host, b"shop.example"));
    let cases: &[&[(&str, &[u8])]] = &[
        &[(site, b"same-origin"), (site, b"same-origin"), shop],
        &[(site, b"same-origin"), (site, b"cross-site"), shop],
        &[(site, b"SAME-ORIGIN"), shop],
        &[(site, b"same-origin, none"), shop],
        &[(site, b"same-origin;v=1"), shop],
        &[(site, b""), (origin, ours), shop],
        &[(site, b"\xff"), (origin, ours), shop],
        &[(origin, ours), (origin, ours), shop],
        &[(origin, ours), (origin, b"https://evil.example"), shop],
        &[(origin, b"https://shop.example, https://evil.example"), shop],
        &[(origin, b"https://shop.example/"), shop],
        &[(origin, b"HTTPS://shop.example"), shop],
        &[(origin, b"shop.example"), shop],
        &[(origin, b""), shop],
        &[(origin, b"\xff"), shop],
        &[(origin, ours), shop, shop],
        &[(origin, ours), (host, b"SHOP.example")],
        &[(origin, ours), (host, b"")],
        &[(origin, b"https://"), (host, b"")],
        &[(origin, ours)],
    ];
    for (strict, csrf) in [(true, CsrfLayer::new()), (false, CsrfLayer::new().missing_origin(MissingOrigin::Allow))] {
        let stage = stage().await;
        let app = self::site(&stage.sessions, csrf);
        for case in cases {
            let answer = app.send(request(case)).await;
            assert_refused(&answer, ELSEWHERE, &format!("{strict} {case:?}"));
        }
    }
}

#[tokio::test]
async fn without_a_host_header_the_authority_is_the_host() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    let to = |uri: &str, host: Option<&str>| {
        let request = Request::post(uri).http2().header("origin", "https://shop.example");
        host.into_iter().fold(request, |request, host| request.header("host", host))
    };
    assert_passed(&app.send(to("https://shop.example/act", None)).await, "HTTP/2");
    assert_refused(&app.send(to("https://evil.example/act", None)).await, ELSEWHERE, "another host");
    assert_refused(&app.send(to("https://shop.example/act", Some("evil.example"))).await, ELSEWHERE, "the header's");
}

#[tokio::test]
async fn a_request_without_site_and_origin_needs_the_sessions_token() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = site(&sessions, CsrfLayer::new());
    let (mut visitor, mut other) = (Visitor::of(&app), Visitor::of(&app));
    let token = visitor.get("/guest").await.body;
    let others = other.get("/guest").await.body;
    assert_eq!((token.len(), visitor.get("/token").await.body), (43, token.clone()), "the same in every page");

    assert_passed(&post_with(&visitor, &app, &[&token]).await, "its own");
    let secret = visitor.held().to_owned();
    for wrong in ["", "x", &others, &secret, &token[..42], &format!("{token}A"), &token.to_uppercase()] {
        assert_refused(&post_with(&visitor, &app, &[wrong]).await, NO_TOKEN, wrong);
    }
    for wrong in [&[][..], &[&*token, &*token], &[&*token, &*others], &[&*others, &*token]] {
        assert_refused(&post_with(&visitor, &app, wrong).await, NO_TOKEN, &format!("{} tokens", wrong.len()));
    }
    let cookie = format!("__Host-id={secret}");
    let bytes = request(&[("cookie", cookie.as_bytes()), ("x-csrf-token", b"\xff")]);
    assert_refused(&app.send(bytes).await, NO_TOKEN, "not UTF-8");
    assert_refused(&post_with(&Visitor::of(&app), &app, &[&token]).await, NO_TOKEN, "without the cookie");
}

#[tokio::test]
async fn a_valid_token_does_not_help_a_cross_site_request() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    let token = visitor.get("/guest").await.body;
    let cookie = format!("__Host-id={}", visitor.held());
    for from in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        let answer = post(&app, &[from, ("cookie", &cookie), ("x-csrf-token", &token)]).await;
        assert_refused(&answer, ELSEWHERE, from.1);
    }
}

#[tokio::test]
async fn the_token_changes_with_a_login_and_a_rotation() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    let mut before: Vec<String> = Vec::new();
    // The second login is of the same user, in the same session.
    for change in ["/guest", "/login", "/login", "/rotate"] {
        let told = visitor.get(change).await.body;
        assert_passed(&post_with(&visitor, &app, &[&told]).await, change);
        assert_eq!(visitor.get("/token").await.body, told, "{change}: told in the request that changed it");
        for (at, old) in before.iter().enumerate() {
            let answer = post_with(&visitor, &app, &[old]).await;
            // Only the token of just before the rotation has no login after it.
            if change == "/rotate" && at == before.len() - 1 {
                assert_passed(&answer, change);
            } else {
                assert_refused(&answer, NO_TOKEN, change);
            }
        }
        before.push(told);
    }
    let mut copy = visitor.on(&app);
    assert_eq!(visitor.get("/logout").await.body, "", "a draft has none");
    let ended = post_with(&copy, &app, &[&before[3]]).await;
    assert_eq!((ended.status, ended.body.as_str(), ended.removes_cookie()), (403, NO_TOKEN, true));
    assert_eq!(copy.get("/token").await.body, "");
}

#[tokio::test]
async fn a_previous_secrets_csrf_token_matches_in_its_grace() {
    let stage = stage().await;
    let app = protected(&stage.sessions);
    let mut visitor = Visitor::of(&app);
    let old = visitor.get("/guest").await.body;
    let mut other_tab = visitor.on(&app);
    let new = visitor.get("/rotate").await.body;
    assert_eq!(visitor.get("/token").await.body, new, "used");
    assert_eq!(other_tab.get("/token").await.body, old);
    assert_passed(&post_with(&other_tab, &app, &[&old]).await, "each its own");
    assert_refused(&post_with(&other_tab, &app, &[&new]).await, NO_TOKEN, "the new one's");
    assert_passed(&post_with(&visitor, &app, &[&old]).await, "that of before the rotation");
}

#[tokio::test]
async fn a_visitor_without_a_session_gets_no_csrf_token_and_stores_nothing() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let app = site(&sessions, CsrfLayer::new());
    let mut visitor = Visitor::of(&app);
    let page = visitor.get("/token").await;
    assert_eq!((page.body.as_str(), page.set_cookie()), ("", None));
    for token in [&[][..], &[""], &["x"]] {
        assert_refused(&post_with(&visitor, &app, token).await, NO_TOKEN, "no session");
    }
    assert_passed(&post(&app, &[("sec-fetch-site", "same-origin")]).await, "a browser's own page");
    assert_eq!(stored(&sessions).await, 0);
}

#[tokio::test]
async fn with_allow_a_request_without_headers_reaches_the_handler() {
    let stage = stage().await;
    let app = site(&stage.sessions, CsrfLayer::new().missing_origin(MissingOrigin::Allow));
    assert_passed(&post(&app, &[]).await, "no session, no token");
    assert_refused(&post(&app, &[("sec-fetch-site", "cross-site")]).await, ELSEWHERE, "what is known is not asked");
    let mut visitor = Visitor::of(&app);
    let token = visitor.get("/guest").await.body;
    let cookie = format!("__Host-id={}", visitor.held());
    for (cookie, field, matches) in [(&*cookie, &*token, "true"), (&cookie, "x", "false"), ("a=b", &token, "false")] {
        let request = Request::post("/matches").header("cookie", cookie).body(field);
        assert_eq!(app.send(request).await.body, matches, "{cookie}");
    }
}

#[tokio::test]
async fn the_csrf_layer_loads_the_session_only_for_its_token() {
    let app = site(&away(), CsrfLayer::new());
    assert_passed(&post(&app, &[("sec-fetch-site", "same-origin")]).await, "no load");
    assert_refused(&post(&app, &[("sec-fetch-site", "cross-site")]).await, ELSEWHERE, "no load");
    let stage = stage().await;
    let elsewhere = protected(&stage.sessions);
    let mut visitor = Visitor::of(&elsewhere);
    let token = visitor.get("/guest").await.body;
    assert_refused(&post_with(&visitor, &app, &[]).await, NO_TOKEN, "nothing to compare");
    let answer = post_with(&visitor, &app, &[&token]).await;
    assert_eq!((answer.status, answer.set_cookie()), (503, None), "an outage is not a forgery");
}

#[tokio::test]
async fn a_csrf_layer_without_a_session_layer_is_a_500_and_no_panic() {
    let stage = stage().await;
    let sessions = stage.sessions.clone();
    let routes = || App::default().route("/act", || async { "acted" });
    let alone = routes().csrf(CsrfLayer::new());
    let outside = routes().layer(SessionLayer::new(sessions)).csrf(CsrfLayer::new());
    for app in [alone, outside] {
        for headers in [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", "https://shop.example")]] {
            let answer = post(&app, headers).await;
            assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"error":"the server failed"}"#));
        }
        assert_eq!(super::visitor::get_with(&app, "/act", &[]).await.body, "acted", "safe");
    }
    let by_headers_alone = routes().csrf(CsrfLayer::new().missing_origin(MissingOrigin::Allow));
    assert_passed(&post(&by_headers_alone, &[]).await, "needs no session");
    assert_refused(&post(&by_headers_alone, &[("origin", "null")]).await, ELSEWHERE, "needs no session");
}

#[tokio::test]
async fn the_inner_of_two_session_layers_checks_the_csrf_token() {
    let stage = stage().await;
    let (outer, inner) = (stage.sessions.clone(), stage.sessions.clone());
    let admin = SessionLayer::new(inner).cookie(SessionCookie::new().name("__Host-admin")).expect("fine");
    let shop = site(&outer, CsrfLayer::new());
    let mut visitor = Visitor::of(&shop);
    let token = visitor.get("/guest").await.body;
    assert_passed(&post_with(&visitor, &shop, &[&token]).await, "one layer");
    let routes = App::default().route("/act", || async { "acted" });
    let both = routes.csrf(CsrfLayer::new()).layer(admin).layer(SessionLayer::new(outer));
    assert_refused(&post_with(&visitor, &both, &[&token]).await, NO_TOKEN, "the outer one's");
}
