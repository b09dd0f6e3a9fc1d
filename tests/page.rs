//! The demo's page and its forms, without a browser: which forms are rejected, and what the page contains. In a browser:
//! `make browser-test`.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use cloakroom::{SessionId, Sessions};
use tower::ServiceExt;

use crate::common::memory_stage;

#[path = "../examples/app/src/routes/mod.rs"]
#[allow(unreachable_pub, reason = "public in the package of the app server")]
mod routes;

const FORM: &str = "application/x-www-form-urlencoded";

/// A page without a notice.
const SILENT: &str = r#"<div id="notice" role="status"></div>"#;

/// A visitor whose browser sends no header about where a request comes from.
struct Visitor {
    app: Router,
    cookie: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The CSRF token of the page's forms; all have the same one.
    fn csrf(&self) -> &str {
        let mut tokens = self.body.split(r#"name="csrf" value=""#).skip(1).filter_map(|rest| rest.split('"').next());
        let token = tokens.next().expect("a form");
        assert!(tokens.all(|other| other == token));
        token
    }
}

impl Visitor {
    fn of(sessions: &Sessions) -> Self {
        Self { app: routes::router(sessions.clone()), cookie: None }
    }

    async fn signed_in(sessions: &Sessions, name: &str) -> Self {
        let mut visitor = Self::of(sessions);
        let answer = visitor.submit("/sign-in", &format!("name={name}")).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
        visitor
    }

    async fn page(&mut self) -> Answer {
        self.send(Request::get("/"), String::new()).await
    }

    /// Sends a form of the page as it is now.
    async fn submit(&mut self, path: &str, fields: &str) -> Answer {
        let csrf = self.page().await.csrf().to_owned();
        self.post(path, &csrf, fields).await
    }

    async fn post(&mut self, path: &str, csrf: &str, fields: &str) -> Answer {
        self.send(Request::post(path).header("content-type", FORM), format!("csrf={csrf}&{fields}")).await
    }

    async fn send(&mut self, mut request: axum::http::request::Builder, body: String) -> Answer {
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let (parts, body) = self.app.clone().oneshot(request).await.expect("a router does not fail").into_parts();
        if let Some(line) = parts.headers.get("set-cookie") {
            let line = line.to_str().expect("ASCII");
            self.cookie = (!line.contains("Max-Age=0")).then(|| line.split(';').next().unwrap_or_default().to_owned());
        }
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).expect("text") }
    }
}

async fn memory() -> Sessions {
    Sessions::builder("memory:").namespace("page").connect().await.expect("memory is always there")
}

async fn ids(sessions: &Sessions, user: &str) -> Vec<SessionId> {
    sessions.user(user).list().await.expect("memory is always there").iter().map(|info| info.id).collect()
}

#[tokio::test]
async fn a_form_without_the_sessions_token_changes_nothing() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    let mut eve = Visitor::signed_in(&sessions, "eve").await;
    let of_eve = eve.page().await.csrf().to_owned();
    for path in ["/sign-out", "/devices/end-all", "/devices/end-others", "/sign-in", "/cart/add", "/cart/remove"] {
        for wrong in ["", "guessed", &of_eve] {
            let answer = ada.post(path, wrong, "name=mallory&item=bomb").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {wrong}");
            assert!(answer.body.contains("The page was out of date, and nothing was done."), "{path} {wrong}");
            assert!(answer.body.contains("Signed in as <bdi>ada</bdi>") && !answer.body.contains("bomb"));
        }
    }
    assert_eq!((ids(&sessions, "ada").await.len(), ids(&sessions, "mallory").await.len()), (1, 0));
    assert_eq!(ada.submit("/sign-out", "").await.status, StatusCode::SEE_OTHER, "with it, it is done");
}

#[tokio::test]
async fn a_form_from_before_the_login_is_rejected_and_a_draft_has_no_token() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    assert_eq!(visitor.page().await.csrf(), "");
    let forged = visitor.post("/cart/add", "guessed", "item=hat").await;
    assert_eq!((forged.status, visitor.cookie.clone()), (StatusCode::FORBIDDEN, None), "nothing is stored");

    visitor.submit("/cart/add", "item=hat").await;
    let guest = visitor.page().await.csrf().to_owned();
    visitor.submit("/sign-in", "name=ada").await;
    assert_eq!(visitor.post("/devices/end-all", &guest, "").await.status, StatusCode::FORBIDDEN);
    let page = visitor.page().await;
    assert!(page.body.contains("Signed in as <bdi>ada</bdi>") && page.body.contains("hat") && page.csrf() != guest);
}

#[tokio::test]
async fn a_form_is_accepted_after_a_rotation_and_not_after_a_new_login() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    let open = ada.page().await.csrf().to_owned();
    assert_eq!(ada.send(Request::post("/api/rotate"), String::new()).await.status, StatusCode::OK);
    assert_ne!(ada.page().await.csrf(), open);
    assert_eq!(ada.post("/cart/add", &open, "item=hat").await.status, StatusCode::SEE_OTHER);
    assert!(ada.page().await.body.contains("hat"));
    ada.submit("/sign-in", "name=ada").await;
    let stale = ada.post("/cart/add", &open, "item=coat").await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    assert!(stale.body.contains("The page was out of date, and nothing was done.") && !stale.body.contains("coat"));
}

#[tokio::test]
async fn the_sign_in_form_sent_twice_signs_in_once_with_the_cart() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    visitor.submit("/cart/add", "item=hat").await;
    let (guest, csrf) = (visitor.cookie.clone(), visitor.page().await.csrf().to_owned());
    let mut kept = Vec::new();
    for _ in 0..2 {
        visitor.cookie.clone_from(&guest);
        assert_eq!(visitor.post("/sign-in", &csrf, "name=ada").await.status, StatusCode::SEE_OTHER);
        kept.push(visitor.cookie.clone());
    }
    for cookie in kept {
        visitor.cookie = cookie;
        let page = visitor.page().await;
        assert!(page.body.contains("Signed in as <bdi>ada</bdi>") && page.body.contains("hat"));
    }
    assert_eq!(ids(&sessions, "ada").await.len(), 1);
    visitor.cookie = guest;
    assert_eq!(visitor.post("/cart/add", &csrf, "item=coat").await.status, StatusCode::FORBIDDEN, "no other form");
}

#[tokio::test]
async fn a_cross_site_form_is_rejected_even_with_the_right_token() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    let csrf = ada.page().await.csrf().to_owned();
    for (header, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null")] {
        for path in ["/sign-in", "/sign-out", "/cart/add", "/cart/remove"] {
            let request = Request::post(path).header("content-type", FORM).header(header, value);
            let answer = ada.send(request, format!("csrf={csrf}&name=mallory&item=bomb")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {header}: {value}");
            assert_eq!(answer.body, r#"{"error":"the request came from another site"}"#);
        }
        for path in ["/devices/end", "/devices/end-others", "/devices/end-all"] {
            let request = Request::post(path).header("content-type", FORM).header(header, value);
            let answer = ada.send(request, format!("csrf={csrf}&id=x")).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {header}: {value}");
        }
    }
}

#[tokio::test]
async fn another_sites_form_cannot_call_the_api_and_a_program_can() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    // What a form with `enctype="text/plain"` and one field with a crafted name sends.
    let login = r#"{"user":"mallory","x":"="}"#;
    for (header, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "null")] {
        let forged = Request::post("/api/login").header("content-type", "text/plain").header(header, value);
        let answer = visitor.send(forged, login.to_owned()).await;
        assert_eq!((answer.status, &visitor.cookie), (StatusCode::FORBIDDEN, &None), "{header}: {value}");
        assert_eq!(answer.body, r#"{"error":"the request came from another site"}"#);
    }
    let answer = visitor.send(Request::post("/api/login"), login.to_owned()).await;
    assert!(answer.status == StatusCode::OK && visitor.cookie.is_some(), "without a browser's headers");
    for (method, path) in [("POST", "/api/logout"), ("PUT", "/api/fields/cart"), ("DELETE", "/api/sessions")] {
        let forged = Request::builder().method(method).uri(path).header("sec-fetch-site", "cross-site");
        assert_eq!(visitor.send(forged, "[]".to_owned()).await.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let request = Request::post("/api/logout").header("sec-fetch-site", "same-origin");
    assert_eq!(visitor.send(request, String::new()).await.status, StatusCode::NO_CONTENT, "as our own page sends it");
}

/// Every reason for not being saved except an outage.
#[tokio::test]
async fn the_slow_route_reports_in_a_200_why_nothing_was_saved() {
    let slow = |field: &str, value: &str| format!(r#"{{"ms":300,"field":"{field}","value":{value}}}"#);
    let large = format!(r#""{}""#, "x".repeat(70_000));
    for (way, sent, said) in [
        ("nothing", slow("n", "1"), r#"{"saved":true}"#),
        ("the same value", slow("here", "1"), r#"{"saved":true}"#),
        ("a new login", slow("n", "1"), r#"{"saved":true}"#),
        ("a login a minute ago", slow("n", "1"), r#"{"reason":"conflict","saved":false}"#),
        ("two new logins", slow("n", "1"), r#"{"reason":"conflict","saved":false}"#),
        ("two new logins", slow("here", "1"), r#"{"reason":"conflict","saved":false}"#),
        ("revoked", slow("n", "1"), r#"{"reason":"revoked","saved":false}"#),
        ("logged out", slow("n", "1"), r#"{"reason":"logged_out","saved":false}"#),
        ("too large", slow("n", &large), r#"{"reason":"too_large","saved":false}"#),
    ] {
        let stage = memory_stage(|with| with).await;
        let sessions = stage.sessions.clone();
        let mut ada = Visitor::of(&sessions);
        ada.send(Request::post("/api/login"), r#"{"user":"ada"}"#.to_owned()).await;
        ada.send(Request::put("/api/fields/here"), "1".to_owned()).await;
        let mut late = Visitor { cookie: ada.cookie.clone(), ..Visitor::of(&sessions) };
        let meanwhile = async {
            // Begins while the request waits, after its load.
            match way {
                "a new login" => drop(ada.send(Request::post("/api/login"), r#"{"user":"ada"}"#.to_owned()).await),
                "a login a minute ago" => {
                    ada.send(Request::post("/api/login"), r#"{"user":"ada"}"#.to_owned()).await;
                    stage.advance(Duration::from_secs(61)).await;
                }
                "two new logins" => {
                    for _ in 0..2 {
                        ada.send(Request::post("/api/login"), r#"{"user":"ada"}"#.to_owned()).await;
                    }
                }
                "revoked" => drop(sessions.revoke_user("ada").await.expect("memory is always there")),
                "logged out" => drop(ada.send(Request::post("/api/logout"), String::new()).await),
                _ => {}
            }
        };
        let (answer, ()) = tokio::join!(late.send(Request::post("/api/slow"), sent), meanwhile);
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, said), "{way}");
    }
    let bad = slow("a b", "1");
    let answer = Visitor::of(&memory().await).send(Request::post("/api/slow"), bad).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "no field can have that name");
}

#[tokio::test]
async fn external_text_is_escaped_in_the_page() {
    let sessions = memory().await;
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27";
    let mut visitor = Visitor::of(&sessions);
    visitor.submit("/cart/add", &format!("item={script}")).await;
    let csrf = visitor.page().await.csrf().to_owned();
    let request = Request::post("/sign-in").header("content-type", FORM).header("user-agent", "<script>\"'/1");
    let answer = visitor.send(request, format!("csrf={csrf}&name={script}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let page = visitor.page().await.body;
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert_eq!(
        page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;").count(),
        4,
        "name, item and its button"
    );
    assert!(page.contains("<p>&lt;script&gt;&quot;&#39; <span"), "the browser's name: {page}");
}

#[tokio::test]
async fn the_page_loads_only_its_own_files_and_is_not_cached() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    let page = ada.page().await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    for directive in ["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "script-src 'self'"] {
        assert!(policy.split("; ").any(|part| part == directive), "{directive}");
    }
    // With `no-referrer` browsers send `Origin: null` for the page's own forms.
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!((page.header("cache-control"), page.header("vary")), ("no-store", "Cookie"));
    for inline in ["style=", " on", "<style", "javascript:"] {
        let tags = page.body.split('<').filter_map(|tag| tag.split('>').next());
        assert_eq!(tags.filter(|tag| format!("<{tag}").contains(inline)).count(), 0, "{inline}");
    }
    for (path, kind) in [("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let asset = ada.send(Request::get(path), String::new()).await;
        assert_eq!((asset.status, asset.header("content-type"), asset.header("vary")), (StatusCode::OK, kind, ""));
    }
}

#[tokio::test]
async fn viewing_the_page_stores_nothing() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    assert_eq!(visitor.page().await.status, StatusCode::OK);
    visitor.submit("/sign-out", "").await;
    let refused = visitor.submit("/devices/end-all", "").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.body.contains("Please sign in first."));
    let stored = sessions.active_since(SystemTime::UNIX_EPOCH).await.expect("memory is always there");
    assert_eq!((stored, visitor.cookie), (0, None));
}

#[tokio::test]
async fn a_form_sent_after_the_end_shows_the_reason() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    let csrf = ada.page().await.csrf().to_owned();
    sessions.revoke_user("ada").await.expect("memory is always there");
    let answer = ada.post("/devices/end-others", &csrf, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("You were signed out on another device"), "{}", answer.body);
    assert_eq!(ada.cookie, None);
}

#[tokio::test]
async fn an_own_sign_in_or_out_is_not_shown_as_an_end_elsewhere() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    visitor.submit("/cart/add", "item=hat").await;
    let mut late = Visitor { cookie: visitor.cookie.clone(), ..Visitor::of(&sessions) };
    visitor.submit("/sign-in", "name=ada").await;
    assert!(late.page().await.body.contains(SILENT), "a request that the sign-in overtook");
    let mut late = Visitor { cookie: visitor.cookie.clone(), ..Visitor::of(&sessions) };
    visitor.submit("/sign-out", "").await;
    assert!(late.page().await.body.contains(SILENT), "a request that the sign-out overtook");
}

#[tokio::test]
async fn only_the_users_own_devices_can_be_signed_out() {
    let sessions = memory().await;
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    Visitor::signed_in(&sessions, "eve").await;
    for id in [ids(&sessions, "eve").await[0].to_string(), "x".to_owned(), String::new()] {
        let answer = ada.submit("/devices/end", &format!("id={id}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        assert!(answer.body.contains("That device was signed out already."));
    }
    assert_eq!(ids(&sessions, "eve").await.len(), 1);
    let own = ids(&sessions, "ada").await[0];
    let answer = ada.submit("/devices/end", &format!("id={own}")).await;
    assert_eq!((answer.header("location"), ada.cookie), ("/?done=signed-out", None), "one's own is a sign-out");
}

#[tokio::test]
async fn a_link_never_shows_a_notice_that_is_not_true() {
    let sessions = memory().await;
    let mut guest = Visitor::of(&sessions);
    let mut ada = Visitor::signed_in(&sessions, "ada").await;
    for (word, of_guest, of_user) in [
        ("signed-out", "You are signed out.", ""),
        ("everywhere", "You are signed out everywhere.", ""),
        ("others", "", "Your other devices are signed out."),
        ("device", "", "That device is signed out."),
        ("%3Cb%3E", "", ""),
    ] {
        for (visitor, said) in [(&mut guest, of_guest), (&mut ada, of_user)] {
            let page = visitor.send(Request::get(format!("/?done={word}")), String::new()).await.body;
            assert!(page.contains(&format!(r#"<div id="notice" role="status">{said}</div>"#)), "{word}: {page}");
        }
    }
}

#[tokio::test]
async fn names_and_items_that_are_too_long_or_empty_get_an_error_text() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    for (path, fields) in [
        ("/sign-in", "name=".to_owned()),
        ("/sign-in", "name=++".to_owned()),
        ("/sign-in", format!("name={}", "n".repeat(65))),
        ("/cart/add", "item=+".to_owned()),
        ("/cart/add", format!("item={}", "i".repeat(81))),
    ] {
        let answer = visitor.submit(path, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {fields}");
        assert!(answer.body.contains(" characters.</div>"), "{path} {fields}");
    }
    for count in 0..50 {
        assert_eq!(visitor.submit("/cart/add", &format!("item={count}")).await.status, StatusCode::SEE_OTHER);
    }
    let full = visitor.submit("/cart/add", "item=more").await;
    assert_eq!(full.status, StatusCode::CONFLICT);
    assert!(full.body.contains("The cart is full.") && !full.body.contains("more<"));
}

#[tokio::test]
async fn a_page_renders_whatever_the_api_wrote_as_the_cart() {
    let sessions = memory().await;
    let mut visitor = Visitor::of(&sessions);
    for (json, shown) in [
        (r#"["hat",1]"#, "<div>hat</div>"),
        (r#"{"a":"<b>"}"#, "{&quot;a&quot;:&quot;&lt;b&gt;&quot;}"),
        ("null", "Nothing yet"),
    ] {
        let put = visitor.send(Request::put("/api/fields/cart"), json.to_owned()).await;
        assert_eq!(put.status, StatusCode::NO_CONTENT);
        assert!(visitor.page().await.body.contains(shown), "{json}");
    }
    visitor.send(Request::delete("/api/fields/cart"), String::new()).await;
    visitor.send(Request::post("/api/counter/cart"), String::new()).await;
    assert!(visitor.page().await.body.contains("Nothing yet"));
    assert_eq!(visitor.submit("/cart/add", "item=hat").await.status, StatusCode::SEE_OTHER);
    assert!(visitor.page().await.body.contains("<div>hat</div>"));
}

#[tokio::test]
async fn an_outage_is_a_page_with_a_notice_and_keeps_the_cookie() {
    // Connections to port 1 are refused.
    let away = Sessions::builder("redis://127.0.0.1:1").namespace("page").budget(Duration::from_millis(100));
    let mut visitor = Visitor::of(&away.connect_lazy().expect("fine settings"));
    visitor.cookie = Visitor::signed_in(&memory().await, "ada").await.cookie;
    for request in [Request::get("/"), Request::post("/sign-out").header("content-type", FORM)] {
        let answer = visitor.send(request, "csrf=x".to_owned()).await;
        assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
        assert!(answer.body.contains("You are not signed out: please try again soon."), "{}", answer.body);
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(visitor.cookie.is_some());
    }
    assert_eq!(visitor.send(Request::get("/page.css"), String::new()).await.status, StatusCode::OK);
}
