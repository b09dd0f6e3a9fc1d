//! Former places of the cookie. R12, R13.

use cloakroom::{ClientInfo, Error, Login, ReadSession, RotateOutcome, Session, SessionCookie, SessionLayer, Sessions};

use super::framework::{App, Uri};
use super::visitor::{Answer, Reply, get_with, stage};
use crate::common::foreign_token;

async fn read(session: Session) -> String {
    format!("{:?}", session.user())
}

async fn login(session: Session) -> Result<(), Error> {
    session.login(Login::new("ada")).await.map(drop)
}

async fn logout(session: Session) -> Result<(), Error> {
    session.logout().await.map(drop)
}

async fn guest(session: Session) -> Result<String, Error> {
    Ok(session.increment("hits", 1).await?.to_string())
}

fn site(sessions: &Sessions, cookie: SessionCookie) -> App {
    let routes = App::default().route("/shop/read", read).route("/shop/login", login).route("/about", guest);
    let routes = routes.route("/shop/logout", logout).route("/shop/look", |_: ReadSession| async { "" });
    let routes = routes.route("/shop/busy", |_: Session| async { Reply::status(503) });
    routes.layer(SessionLayer::new(sessions.clone()).cookie(cookie).expect("browsers take it"))
}

fn old() -> SessionCookie {
    SessionCookie::new().name("sid").path("/shop")
}

fn new() -> SessionCookie {
    SessionCookie::new().name("sid").former_place(None, "/shop")
}

/// A browser's cookies of our name, one per path; the longest path is sent first (RFC 6265bis, 5.8.3).
#[derive(Default)]
struct Jar(Vec<(String, String)>);

impl Jar {
    async fn get(&mut self, app: &App, path: &str) -> Answer {
        let sent = self.0.iter().filter(|(at, _)| path.starts_with(at.as_str()));
        let sent: Vec<_> = sent.map(|(_, value)| format!("sid={value}")).collect();
        let answer = get_with(app, path, &[sent.join("; ").as_bytes()]).await;
        for line in answer.all("set-cookie") {
            self.obey(line);
        }
        answer
    }

    fn obey(&mut self, line: &str) {
        let parts: Vec<_> = line.split("; ").collect();
        let path = parts.iter().find_map(|part| part.strip_prefix("Path=")).expect("a path");
        self.0.retain(|(at, _)| at != path);
        if !parts.contains(&"Max-Age=0") {
            self.0.push((path.to_owned(), parts[0].strip_prefix("sid=").expect("our name").to_owned()));
        }
        self.0.sort_by_key(|(at, _)| usize::MAX - at.len());
    }

    fn paths(&self) -> Vec<&str> {
        self.0.iter().map(|(path, _)| path.as_str()).collect()
    }
}

/// A request with these values of our name.
async fn with(app: &App, path: &str, values: &[&str]) -> Answer {
    let cookies: Vec<_> = values.iter().map(|value| format!("sid={value}")).collect();
    get_with(app, path, &[cookies.join("; ").as_bytes()]).await
}

const REMOVAL: &str = "sid=; Secure; HttpOnly; Path=/shop; SameSite=Lax; Max-Age=0";

#[tokio::test]
async fn a_former_places_dead_cookie_is_removed_and_the_live_one_set_again() {
    let stage = stage().await;
    let app = site(&stage.sessions, new());
    let (_, live) = stage.user("ada").await;
    let answer = with(&app, "/shop/read", &[&foreign_token(), &live]).await;
    let again = format!("sid={live}; Secure; HttpOnly; Path=/; SameSite=Lax; Max-Age=43200");
    assert_eq!(answer.body, "Some(\"ada\")");
    assert_eq!(answer.all("set-cookie"), [REMOVAL, &*again], "the removals come first");
    assert_eq!((answer.all("cache-control"), answer.all("vary")), (vec!["no-store"], vec!["Cookie"]));
    let answer = with(&app, "/shop/read", &["malformed", &live]).await;
    assert_eq!(answer.all("set-cookie"), [REMOVAL, &*again], "whatever the other one is");
}

#[tokio::test]
async fn a_login_only_in_the_former_place_moves_to_the_present_one() {
    let stage = stage().await;
    let (before, after) = (site(&stage.sessions, old()), site(&stage.sessions, new()));
    let mut jar = Jar::default();
    jar.get(&before, "/shop/login").await;
    assert_eq!(jar.get(&after, "/shop/read").await.body, "Some(\"ada\")");
    jar.obey(&format!("sid={}; Path=/", foreign_token()));
    assert_eq!(jar.get(&after, "/shop/read").await.body, "Some(\"ada\")");
    assert_eq!(jar.paths(), ["/"]);
    assert_eq!(jar.get(&after, "/shop/read").await.body, "Some(\"ada\")");
}

#[tokio::test]
async fn a_login_removes_the_dead_cookie_of_a_former_place() {
    let stage = stage().await;
    let (before, after) = (site(&stage.sessions, old()), site(&stage.sessions, new()));
    let mut jar = Jar::default();
    jar.get(&before, "/shop/login").await;
    assert_eq!(stage.sessions.revoke_user("ada").await.expect("the store is there").ended, 1);
    jar.get(&after, "/shop/login").await;
    assert_eq!(jar.paths(), ["/shop", "/"]);
    assert_eq!(jar.get(&after, "/shop/read").await.body, "Some(\"ada\")");
    assert_eq!(jar.paths(), ["/"]);
    assert!(jar.get(&after, "/shop/read").await.all("set-cookie").is_empty(), "no sign of another one is left");
}

#[tokio::test]
async fn two_open_sessions_in_two_places_block_a_visitor_for_one_request() {
    let stage = stage().await;
    let (before, after) = (site(&stage.sessions, old()), site(&stage.sessions, new()));
    let mut jar = Jar::default();
    jar.get(&before, "/shop/login").await;
    jar.get(&after, "/about").await;
    let answer = jar.get(&after, "/shop/read").await;
    assert_eq!((answer.body.as_str(), answer.all("set-cookie")), ("None", vec![REMOVAL]));
    jar.get(&after, "/shop/login").await;
    assert_eq!(jar.get(&after, "/shop/read").await.body, "Some(\"ada\")");
}

#[tokio::test]
async fn a_logout_removes_the_cookie_from_every_place() {
    let stage = stage().await;
    let app = site(&stage.sessions, new());
    let (_, token) = stage.user("ada").await;
    let ours = REMOVAL.replace("Path=/shop", "Path=/");
    assert_eq!(with(&app, "/shop/logout", &[&token]).await.all("set-cookie"), [REMOVAL, &*ours]);
}

#[tokio::test]
async fn a_request_without_a_former_cookie_removes_none() {
    let stage = stage().await;
    let app = site(&stage.sessions, new());
    let (_, live) = stage.user("ada").await;
    for values in [&[&*live][..], &[&live, &live], &["malformed"], &[&foreign_token()]] {
        assert!(with(&app, "/shop/read", values).await.all("set-cookie").is_empty());
    }
    assert_eq!(with(&app, "/shop/login", &[]).await.all("set-cookie").len(), 1);
    assert!(with(&app, "/shop/look", &["malformed", &live]).await.all("set-cookie").is_empty(), "only looked at");
    assert!(with(&app, "/shop/busy", &["malformed", &live]).await.all("set-cookie").is_empty(), "a 503");
}

#[tokio::test]
async fn a_removal_from_a_former_domain_names_it() {
    let stage = stage().await;
    let cookie = SessionCookie::new().name("sid").domain("shop.example").browser_session();
    let cookie = cookie.former_place(None, "/").former_place(Some("www.shop.example"), "/cart");
    let (_, live) = stage.user("ada").await;
    let answer = with(&site(&stage.sessions, cookie), "/shop/read", &["malformed", &live]).await;
    let attributes = |place: &str| format!("; Secure; HttpOnly; {place}; SameSite=Lax");
    let wanted = [
        format!("sid={}; Max-Age=0", attributes("Path=/")),
        format!("sid={}; Max-Age=0", attributes("Path=/cart; Domain=www.shop.example")),
        format!("sid={live}{}", attributes("Path=/; Domain=shop.example")),
    ];
    assert_eq!(answer.all("set-cookie"), wanted);
}

/// Another tab rotated meanwhile, and its response may be lost: then only the former place has a token that opens the
/// session.
#[tokio::test]
async fn a_former_place_is_left_alone_if_the_present_one_cannot_be_set() {
    async fn overtaken(session: Session, uri: Uri) -> Result<&'static str, Error> {
        let other = session.sessions().open(uri.query(), ClientInfo::new()).await?;
        assert_eq!(other.rotate().await?, RotateOutcome::Rotated);
        Ok("done")
    }
    let stage = stage().await;
    let layer = SessionLayer::new(stage.sessions.clone()).cookie(new()).expect("browsers take it");
    let app = App::default().fallback(overtaken).layer(layer);
    let (_, live) = stage.user("ada").await;
    let answer = with(&app, &format!("/shop?{live}"), &["malformed", &live]).await;
    assert_eq!((answer.body.as_str(), answer.all("set-cookie")), ("done", vec![]));
}
