//! What does the client's side cost before and after Redis: tokens, and the cookie in the web layer?
//!
//! Timed: calls in one thread, many in a row. The layer is called as a service without HTTP, on the embedded store. Not
//! timed: the network. The control is decoding the same 64 characters of base64url and nothing else. A token is only ever
//! made with its session, so making one is timed as storing a guest on the embedded store.
//!
//! Known flaw: in a loop like this everything stays in the CPU caches; `make instructions` counts instead.
//!
//! `cargo bench --bench token [-- --rounds 7 --seconds 0.5]`

use std::hint::black_box;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use base64ct::{Base64UrlUnpadded, Encoding};
use cloakroom::{ClientInfo, Session, SessionCookie, SessionLayer, SessionToken, Sessions};
use tokio::runtime::Runtime;
use tower::ServiceExt;

mod common;

use common::Failure;
use common::fill::{Content, guests, token};
use common::plan::Plan;

/// Calls between two readings of the clock.
const BATCH: usize = 100;
/// Stored sessions stay, so their number is limited.
const MADE: usize = 20_000;

fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let sessions = runtime.block_on(Sessions::builder("memory:").namespace("bench").connect())?;
    let text = runtime.block_on(guests(&sessions, 1, Content::new(4, 50)))?.remove(0);
    let parsed = SessionToken::parse(&text)?;
    let wrong = format!("{}!", &text[..63]);
    let app = app(&sessions)?;
    let rounds = plan.count("--rounds");
    let time = plan.time();
    println!("\n{rounds} rounds of {time:?}, one thread\n\n| call | ns | of the control |\n|---|---|---|");
    let mut measure = Table { rounds, time, control: None };
    let mut bytes = [0; 48];
    let decoded = || Base64UrlUnpadded::decode(black_box(&text), &mut bytes).is_ok();
    measure.pure("control: base64url of 64 characters", decoded)?;
    measure.pure("parse a token", || SessionToken::parse(black_box(&text)))?;
    measure.pure("reject an invalid token", || SessionToken::parse(black_box(&wrong)))?;
    measure.pure("reveal a token", || parsed.reveal())?;
    measure.row("make one, with its session", MADE, || runtime.block_on(make(&sessions)))?;
    let cookie = format!("theme=dark; __Host-session={text}; consent=1");
    let request = |path| Request::get(path).header("cookie", &cookie).body(Body::empty());
    measure
        .row("a request that does not ask for its session", usize::MAX, || call(&runtime, &app, request("/plain")?))?;
    measure.row("a request that reads its session", usize::MAX, || call(&runtime, &app, request("/session")?))
}

fn app(sessions: &Sessions) -> Result<Router, Failure> {
    let layer = SessionLayer::new(sessions.clone()).cookie(SessionCookie::new().name("__Host-session"))?;
    let routes = Router::new().route("/plain", get(|| async { "" }));
    let routes = routes.route("/session", get(|session: Session| async move { session.names().len().to_string() }));
    Ok(routes.layer(layer))
}

fn call(runtime: &Runtime, app: &Router, request: Request<Body>) -> Result<(), Failure> {
    let answer = runtime.block_on(app.clone().oneshot(request))?;
    if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string().into()) }
}

async fn make(sessions: &Sessions) -> Result<(), Failure> {
    let session = sessions.open(None, ClientInfo::new()).await?;
    session.insert("field", &1)?;
    session.save().await?.into_result()?;
    black_box(token(&session)?);
    Ok(())
}

struct Table {
    rounds: usize,
    time: std::time::Duration,
    control: Option<f64>,
}

impl Table {
    fn pure<T>(&mut self, name: &str, mut call: impl FnMut() -> T) -> Result<(), Failure> {
        self.row(name, usize::MAX, || {
            black_box(call());
            Ok(())
        })
    }

    /// Prints the median of the rounds, each of at most this many calls.
    fn row(&mut self, name: &str, most: usize, mut call: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            let (begun, mut calls) = (Instant::now(), 0);
            while begun.elapsed() < self.time && calls < most {
                for _ in 0..BATCH {
                    call()?;
                }
                calls += BATCH;
            }
            rounds.push(begun.elapsed().as_nanos() as f64 / calls as f64);
        }
        rounds.sort_by(f64::total_cmp);
        let middle = rounds[rounds.len() / 2];
        println!("| {name} | {middle:.0} | {:.2} |", middle / *self.control.get_or_insert(middle));
        Ok(())
    }
}
