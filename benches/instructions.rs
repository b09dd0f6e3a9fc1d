//! How many instructions does the client's side of an operation take? Counted, so that a regression shows on a noisy
//! machine.
//!
//! Counted by `valgrind --tool=callgrind`: this program runs each operation twice, under valgrind, 10 and 110 times, and the
//! difference leaves start-up out. Not counted: the kernel, and Redis, which is real, on a Unix socket. The control is a
//! bare `GET` by the same driver.
//!
//! Known flaw: the number of times that the runtime polls for a reply that is not there yet varies a little; differences
//! below 2 % mean nothing.
//!
//! `make instructions`

use std::error::Error;
use std::process::{Command, Stdio};

use cloakroom::{ClientInfo, Login, Session, SessionToken, Sessions};

mod common;

use common::fill::{Content, guests};
use common::server::Server;

type Failure = Box<dyn Error + Send + Sync>;

const OPERATIONS: [&str; 9] = [
    "control: GET of 200 B, the redis crate",
    "parse a token",
    "reveal a token",
    "open, 4 fields of 50 B",
    "open, 20 fields of 100 B",
    "open, insert, save",
    "login of a new visitor",
    "request without its session",
    "request that reads its session",
];
const COUNTS: [u64; 2] = [10, 110];

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().collect();
    if let [_, word, url, operation, count] = words.as_slice()
        && word == "operate"
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(operate(url, operation, count.parse()?));
    }
    let valgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !valgrind.is_ok_and(|status| status.success()) {
        println!("\nInstructions are not counted: valgrind is missing (Debian, Ubuntu: apt-get install valgrind)");
        return Ok(());
    }
    let server = Server::start(&[]);
    println!("\n| operation | instructions | of the control |\n|---|---|---|");
    let mut control = None;
    for operation in OPERATIONS {
        let [few, many] = COUNTS.map(|count| instructions(&server.url(), operation, count));
        let each = (many? - few?) as f64 / (COUNTS[1] - COUNTS[0]) as f64;
        println!("| {operation} | {each:.0} | {:.2} |", each / *control.get_or_insert(each));
    }
    Ok(())
}

/// The instructions of a whole run.
fn instructions(url: &str, operation: &str, count: u64) -> Result<i64, Failure> {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["operate", url, operation, &count.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&counted.stderr);
    let total = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    if counted.status.success() { total.ok_or_else(|| said.into()) } else { Err(said.into()) }
}

async fn operate(url: &str, operation: &str, count: u64) -> Result<(), Failure> {
    let builder = Sessions::builder(url).namespace("count").connections(1);
    let sessions = builder.connect().await?;
    match operation {
        "control: GET of 200 B, the redis crate" => gets(url, count).await,
        "parse a token" => tokens(&sessions, count, false).await,
        "reveal a token" => tokens(&sessions, count, true).await,
        "open, 4 fields of 50 B" => opens(&sessions, count, Content::new(4, 50), false).await,
        "open, 20 fields of 100 B" => opens(&sessions, count, Content::new(20, 100), false).await,
        "open, insert, save" => opens(&sessions, count, Content::new(4, 50), true).await,
        "login of a new visitor" => logins(&sessions, count).await,
        "request without its session" => requests(&sessions, count, "/plain").await,
        "request that reads its session" => requests(&sessions, count, "/session").await,
        other => Err(format!("unknown operation {other}").into()),
    }
}

async fn gets(url: &str, count: u64) -> Result<(), Failure> {
    let mut plain = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    redis::cmd("SET").arg("plain").arg(vec![b'x'; 200]).exec_async(&mut plain).await?;
    for _ in 0..count {
        let _: Vec<u8> = redis::cmd("GET").arg("plain").query_async(&mut plain).await?;
    }
    Ok(())
}

async fn tokens(sessions: &Sessions, count: u64, reveal: bool) -> Result<(), Failure> {
    let text = guests(sessions, 1, Content::new(1, 8)).await?.remove(0);
    let parsed = SessionToken::parse(&text)?;
    for _ in 0..count {
        if reveal {
            std::hint::black_box(parsed.reveal());
        } else {
            std::hint::black_box(SessionToken::parse(std::hint::black_box(&text))?);
        }
    }
    Ok(())
}

async fn opens(sessions: &Sessions, count: u64, content: Content, save: bool) -> Result<(), Failure> {
    let token = guests(sessions, 1, content).await?.remove(0);
    for number in 0..count {
        let session = sessions.open(Some(&token), ClientInfo::new()).await?;
        if save {
            session.insert("field2", &number)?;
            session.save().await?.into_result()?;
        }
    }
    Ok(())
}

async fn logins(sessions: &Sessions, count: u64) -> Result<(), Failure> {
    for number in 0..count {
        let session = sessions.open(None, ClientInfo::new()).await?;
        let _ = session.login(Login::new(format!("user{number:04}"))).await?;
    }
    Ok(())
}

async fn requests(sessions: &Sessions, count: u64, path: &str) -> Result<(), Failure> {
    use axum::routing::get;
    use tower::ServiceExt;
    let token = guests(sessions, 1, Content::new(4, 50)).await?.remove(0);
    let name = "__Host-session";
    let cookie = cloakroom::SessionCookie::new().name(name);
    let routes = axum::Router::new().route("/plain", get(|| async { "" }));
    let routes = routes.route("/session", get(|session: Session| async move { session.names().len().to_string() }));
    let app = routes.layer(cloakroom::SessionLayer::new(sessions.clone()).cookie(cookie)?);
    for _ in 0..count {
        let request = axum::http::Request::get(path).header("cookie", format!("a=b; {name}={token}"));
        let answer = app.clone().oneshot(request.body(axum::body::Body::empty())?).await?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string().into());
        }
    }
    Ok(())
}
