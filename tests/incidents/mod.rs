//! The log of an outage: one line when it begins, one when it is over, and none per request. R43.

use std::time::{Duration, Instant};

use cloakroom::{Builder, ClientBinding, ClientInfo, Error, Login, Session, Sessions};

use super::framework::App;
use crate::common::foreign_token;
use crate::common::log::Log;
use crate::common::server::Server;
use crate::frameworks::Request;

const REQUESTS: usize = 60;
/// The limit for an outage that is over to have been quiet for long enough, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn lazy(url: impl Into<String>, settings: impl FnOnce(Builder) -> Builder) -> Sessions {
    let builder = Sessions::builder(url).namespace("incidents").budget(Duration::from_millis(200));
    settings(builder).connect_lazy().expect("fine settings")
}

/// A site that reads the session in each request.
fn reading(sessions: &Sessions) -> App {
    App::of(sessions, |session: Session| async move { session.is_guest().to_string() })
}

/// A site that writes another value in each request.
fn writing(sessions: &Sessions) -> App {
    App::of(sessions, |session: Session| async move {
        session.update("n", |n: &mut u64| *n = fastrand::u64(..)).map(|_| "written")
    })
}

/// The cookie of a logged-in user.
async fn cookie(sessions: &Sessions) -> String {
    let session = sessions.open(None, ClientInfo::new()).await.expect("there");
    let _ = session.login(Login::new("ada")).await.expect("there");
    format!("__Host-id={}", session.token().expect("new").reveal().as_str())
}

async fn status(app: &App, cookie: &str) -> u16 {
    app.send(Request::get("/").header("cookie", cookie)).await.status
}

/// Sends requests while the store is away, ends the outage with `over`, and waits until the log says that it is over.
async fn outage(app: &App, cookie: &str, begins: &str, cause: &str, ends: &str, over: impl FnOnce()) {
    let (log, _guard) = Log::of_warnings();
    let said = |text: &str| log.lines().into_iter().filter(|line| line.contains(text)).collect::<Vec<_>>();
    for _ in 0..REQUESTS {
        assert_eq!(status(app, cookie).await, 503);
    }
    let begun = said(begins);
    assert!(begun.len() == 1 && begun[0].contains(cause), "{:#?}", log.lines());
    assert!(begun[0].contains("WARN") && begun[0].contains("advice="), "{begun:#?}");
    over();
    let limit = Instant::now() + PATIENCE;
    while said(ends).is_empty() {
        assert!(Instant::now() < limit, "the log does not say that it is over: {:#?}", log.lines());
        let _ = status(app, cookie).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..REQUESTS {
        assert_eq!(status(app, cookie).await, 200);
    }
    let ended = said(ends);
    assert!(ended.len() == 1 && ended[0].contains("lasted=") && ended[0].contains("failed="), "{ended:#?}");
    // On a busy machine replies may be late too, which is an incident of its own.
    assert!(said(begins).len() == 1 && log.lines().len() <= 4, "{:#?}", log.lines());
}

const AWAY: &str = "session store unavailable";
const BACK: &str = "session store available again";

#[tokio::test]
async fn an_unreachable_server_is_one_line_and_its_return_another() {
    let server = Server::start(&[]);
    let sessions = lazy(server.url(), |with| with);
    let cookie = cookie(&sessions).await;
    server.kill();
    outage(&reading(&sessions), &cookie, AWAY, "socket", BACK, || server.restart()).await;
}

#[tokio::test]
async fn a_start_without_a_server_is_one_line_and_its_return_another() {
    let server = Server::start(&[]);
    server.kill();
    let cookie = format!("__Host-id={}", foreign_token());
    let sessions = lazy(server.url(), |with| with);
    outage(&reading(&sessions), &cookie, AWAY, "cannot be reached", BACK, || server.restart()).await;
}

#[tokio::test]
async fn a_wrong_password_is_one_line_and_the_right_one_another() {
    let server = Server::start(&[]);
    let _: () = server.ask(&["ACL", "SETUSER", "app", "on", ">right", "~*", "&*", "+@all"]);
    let sessions = lazy(format!("{}?user=app&password=right", server.url()), |with| with);
    let cookie = cookie(&sessions).await;
    let _: () = server.ask(&["ACL", "SETUSER", "app", "resetpass", ">other"]);
    let _: u32 = server.ask(&["CLIENT", "KILL", "USER", "app"]);
    outage(&reading(&sessions), &cookie, AWAY, "rejected the user or the password", BACK, || {
        let _: () = server.ask(&["ACL", "SETUSER", "app", "resetpass", ">right"]);
    })
    .await;
}

#[tokio::test]
async fn writes_refused_for_lack_of_replicas_are_one_line() {
    let server = Server::start(&[]);
    let sessions = lazy(server.url(), |with| with);
    let cookie = cookie(&sessions).await;
    let _: () = server.ask(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let (begins, ends) = ("session store rejects writes", "session store accepts writes again");
    outage(&writing(&sessions), &cookie, begins, "too few replicas", ends, || {
        let _: () = server.ask(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    })
    .await;
}

#[tokio::test]
async fn writes_refused_for_lack_of_memory_are_one_line() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let sessions = lazy(server.url(), |with| with);
    let cookie = cookie(&sessions).await;
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let (begins, ends) = ("session store out of memory", "session store has memory again");
    outage(&writing(&sessions), &cookie, begins, "out of memory", ends, || {
        let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    })
    .await;
}

#[tokio::test]
async fn too_many_calls_in_flight_are_one_line_and_their_end_another() {
    let server = Server::start(&[]);
    let sessions = lazy(server.url(), |with| with.in_flight(1));
    let cookie = cookie(&sessions).await;
    server.stop();
    let waiting = tokio::spawn({
        let sessions = sessions.clone();
        async move {
            for _ in 0..1_000 {
                drop(sessions.ping().await);
            }
        }
    });
    tokio::task::yield_now().await;
    outage(&reading(&sessions), &cookie, AWAY, "", BACK, || {
        waiting.abort();
        server.go_on();
    })
    .await;
}

#[tokio::test]
async fn sentinels_without_a_master_are_one_line_and_a_master_another() {
    let (sentinel, server) = (Server::sentinel(""), Server::listening(&[]));
    let sessions = lazy(format!("redis-sentinel://127.0.0.1:{}/main", sentinel.port()), |with| with);
    let cookie = format!("__Host-id={}", foreign_token());
    outage(&reading(&sessions), &cookie, AWAY, "", BACK, || {
        let _: () = sentinel.ask(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &server.port().to_string(), "1"]);
    })
    .await;
}

#[tokio::test]
async fn a_cluster_without_masters_is_one_line_and_its_slots_another() {
    let server = Server::listening(&["--cluster-enabled", "yes"]);
    let sessions = lazy(format!("redis-cluster://127.0.0.1:{}", server.port()), |with| with);
    let cookie = format!("__Host-id={}", foreign_token());
    outage(&reading(&sessions), &cookie, AWAY, "", BACK, || {
        let _: () = server.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_fails_at_each_request_is_one_line() {
    let sessions = Sessions::builder("memory:").namespace("incidents").connect().await.expect("fine settings");
    let app = App::of(&sessions, |session: Session| async move {
        session.insert("left", &1)?;
        session.require::<String>("missing").map_err(|error| {
            assert!(matches!(error, Error::Missing { .. }));
            error
        })
    });
    let (log, _guard) = Log::of_warnings();
    for _ in 0..REQUESTS {
        assert_eq!(status(&app, "").await, 500);
    }
    let said = log.lines();
    let of = |text: &str| said.iter().filter(|line| line.contains(text)).count();
    assert_eq!((of("a request failed"), of("without being saved"), said.len()), (1, 1, 2), "{said:#?}");
}

#[tokio::test]
async fn a_session_that_is_used_from_another_address_is_one_line() {
    let builder = Sessions::builder("memory:").namespace("incidents").client_binding(ClientBinding::flag());
    let sessions = builder.connect().await.expect("fine settings");
    let at = |address: [u8; 4]| ClientInfo::new().address(address.into());
    let session = sessions.open(None, at([192, 0, 2, 1])).await.expect("there");
    let _ = session.login(Login::new("ada")).await.expect("there");
    let token = session.token().expect("new").reveal();
    let (log, _guard) = Log::of_warnings();
    for _ in 0..REQUESTS {
        let session = sessions.open(Some(token.as_str()), at([198, 51, 100, 7])).await.expect("there");
        assert!(session.address_changed());
    }
    let said = log.lines();
    assert!(said.len() == 1 && said[0].contains("different client address"), "{said:#?}");
}
