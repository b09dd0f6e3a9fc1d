//! What does a request's session cost, against a bare `GET` of the same bytes?
//!
//! Timed: whole operations of the public API from 64 tasks on two shared connections, over a Unix socket, against a
//! `redis-server` of its own. Not timed: HTTP, cookies, the network. The first row is the control: `GET` of a string
//! with as many bytes as the session's hash, by the same driver over as many connections. Rounds are interleaved, and
//! the figures to quote are the ratios of the medians.
//!
//! Known flaw: client and server share this machine's cores, so what a script costs the server and what a reply costs
//! the client are not told apart here.
//!
//! `cargo bench --bench requests [-- --rounds 7 --seconds 0.5 --tasks 64]`

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cloakroom::{Cap, ClientInfo, Login, Sessions, Timeouts};
use redis::aio::MultiplexedConnection;

#[path = "../tests/common/server.rs"]
#[allow(dead_code, unreachable_pub)]
mod server;

const CONNECTIONS: usize = 2;
const STORED: usize = 1_000;

struct Plan {
    rounds: usize,
    time: Duration,
    tasks: usize,
}

/// What every task works on.
struct Stage {
    sessions: Sessions,
    due: Sessions,
    tokens: Vec<String>,
    due_tokens: Vec<String>,
    plain: Vec<MultiplexedConnection>,
    next: AtomicU64,
}

impl Stage {
    fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) as usize
    }
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = plan();
    let server = server::Server::start(&[]);
    let stage = Arc::new(stage(&server).await?);
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); ROWS.len()];
    for _ in 0..plan.rounds {
        for (row, rates) in rates.iter_mut().enumerate() {
            rates.push(rate(&stage, row, &plan).await?);
        }
    }
    println!("{} rounds of {:?}, {} tasks, {CONNECTIONS} connections\n", plan.rounds, plan.time, plan.tasks);
    println!("| operation | per second | of the control | spread |\n|---|---|---|---|");
    let control = median(&mut rates[0]);
    for (name, rates) in ROWS.iter().zip(&mut rates) {
        let middle = median(rates);
        let spread = (rates[rates.len() - 1] - rates[0]) / middle;
        println!("| {name} | {middle:.0} | {:.2} | {:.0} % |", middle / control, spread * 100.0);
    }
    Ok(())
}

const ROWS: [&str; 7] = [
    "control: GET of the same bytes",
    "open, no touch due",
    "open, touch due each time",
    "open and save of one field",
    "increment",
    "login of a guest, at the cap of 5",
    "login and logout",
];

async fn one(stage: &Stage, row: usize) -> Result<(), Failure> {
    let number = stage.number();
    let token = &stage.tokens[number % STORED];
    match row {
        0 => {
            let mut plain = stage.plain[number % CONNECTIONS].clone();
            let bytes: Vec<u8> =
                redis::cmd("GET").arg(format!("plain:{}", number % STORED)).query_async(&mut plain).await?;
            std::hint::black_box(bytes);
        }
        1 => drop(stage.sessions.open(Some(token), ClientInfo::new()).await?),
        2 => {
            let session = stage.due.open(Some(&stage.due_tokens[number % STORED]), ClientInfo::new()).await?;
            session.touch().await?;
        }
        3 => {
            let session = stage.sessions.open(Some(token), ClientInfo::new()).await?;
            session.insert("cart", &number)?;
            session.save().await?.into_result()?;
        }
        4 => {
            let session = stage.sessions.open(Some(token), ClientInfo::new()).await?;
            session.increment("hits", 1).await?;
        }
        5 => {
            let session = stage.sessions.open(None, ClientInfo::new()).await?;
            let _ = session.login(Login::new(format!("user{}", number % 200)).cap(Cap::evict(5))).await?;
        }
        _ => {
            let session = stage.sessions.open(None, ClientInfo::new()).await?;
            let _ = session.login(Login::new(format!("other{}", number % 200))).await?;
            let _ = session.logout().await?;
        }
    }
    Ok(())
}

async fn rate(stage: &Arc<Stage>, row: usize, plan: &Plan) -> Result<f64, Failure> {
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..plan.tasks {
        let (stage, time) = (stage.clone(), plan.time);
        tasks.push(tokio::spawn(async move { count(begun + time, || one(&stage, row)).await }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

async fn count<F: Future<Output = Result<(), Failure>>>(until: Instant, run: impl Fn() -> F) -> Result<u64, Failure> {
    let mut done = 0;
    while Instant::now() < until {
        run().await?;
        done += 1;
    }
    Ok(done)
}

async fn stage(server: &server::Server) -> Result<Stage, Failure> {
    let builder = Sessions::builder(server.url()).namespace("bench").connections(CONNECTIONS);
    let often = Timeouts::new().touch_interval(Duration::from_millis(1));
    let due = Sessions::builder(server.url()).namespace("due").connections(CONNECTIONS).timeouts(often);
    let (sessions, due) = (builder.connect().await?, due.connect().await?);
    let tokens = fill(&sessions).await?;
    let due_tokens = fill(&due).await?;
    let mut plain = Vec::new();
    for _ in 0..CONNECTIONS {
        plain.push(server.connection().await);
    }
    let bytes = bytes_of_a_session(&mut plain[0]).await?;
    for number in 0..STORED {
        redis::cmd("SET").arg(format!("plain:{number}")).arg(vec![b'x'; bytes]).exec_async(&mut plain[0]).await?;
    }
    Ok(Stage { sessions, due, tokens, due_tokens, plain, next: AtomicU64::new(0) })
}

/// Sessions of about 200 bytes: four fields of 50.
async fn fill(sessions: &Sessions) -> Result<Vec<String>, Failure> {
    let mut tokens = Vec::new();
    for _ in 0..STORED {
        let session = sessions.open(None, ClientInfo::new()).await?;
        for name in ["address", "cart", "language", "theme"] {
            session.insert(name, &"x".repeat(48))?;
        }
        session.save().await?.into_result()?;
        tokens.extend(session.token().map(|token| token.reveal().to_string()));
    }
    Ok(tokens)
}

async fn bytes_of_a_session(redis: &mut MultiplexedConnection) -> Result<usize, Failure> {
    let mut scan = redis::cmd("SCAN");
    let (_, keys): (u64, Vec<String>) =
        scan.arg(0).arg("MATCH").arg("bench:*:s:*").arg("COUNT").arg(10_000).query_async(redis).await?;
    let key = keys.first().ok_or("no session is stored")?;
    let all: Vec<Vec<u8>> = redis::cmd("HGETALL").arg(key).query_async(redis).await?;
    Ok(all.iter().map(Vec::len).sum())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn plan() -> Plan {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<f64>().ok()
    };
    Plan {
        rounds: value("--rounds").unwrap_or(7.0) as usize,
        time: Duration::from_secs_f64(value("--seconds").unwrap_or(0.5)),
        tasks: value("--tasks").unwrap_or(64.0) as usize,
    }
}
