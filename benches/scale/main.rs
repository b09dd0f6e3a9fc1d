//! Does a load stay as fast with ever more sessions stored, and how much memory does a session take?
//!
//! Timed: `open` of sessions drawn evenly, no touch due, from 64 tasks, with 10,000 stored and ten times as many, and so on up to `--most`.
//! The control in each row is a bare `GET` of as many bytes over as many connections, in the same rounds. Memory is what
//! `used_memory` grew by, on a fresh server for each layout, against a bare string with an expiry of the same content.
//!
//! Known flaw: at large numbers the sessions drawn are in no processor's cache, while the control's thousand strings are.
//!
//! `make scale`, or `cargo bench --bench scale -- --most 1000000 --rounds 5 --seconds 1`

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::{ClientInfo, Login, Sessions, Timeouts};
use tokio::task::JoinSet;

mod common;

use common::Failure;
use common::fill::{Content, guests};
use common::plan::Plan;
use common::redis::{CONNECTIONS, Control, Redis};
use common::server::Server;

const CONTENT: Content = Content::new(4, 50);
const HOUR: Duration = Duration::from_secs(3600);
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
const AGENT_BYTES: usize = 110;
const SESSIONS_PER_USER: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[("--most", 10_000.0), ("--weighed", 10_000.0)]);
    loads(&plan).await?;
    memory(plan.count("--weighed")).await
}

async fn loads(plan: &Plan) -> Result<(), Failure> {
    let redis = Redis::start().await;
    // A touch must not come due while many are stored, or it would be measured too.
    let rarely = Timeouts::new().idle(12 * HOUR).touch_interval(6 * HOUR);
    let sessions = redis.sessions("scale", |with| with.timeouts(rarely)).await?;
    let (rounds, tasks) = (plan.count("--rounds"), plan.count("--tasks"));
    println!("\n{rounds} rounds of {:?}, {tasks} tasks, {CONNECTIONS} connections over a Unix socket\n", plan.time());
    println!("| stored | filled in | loads per second | p50 | p99 | of the control | bytes each |");
    println!("|---|---|---|---|---|---|---|");
    let (mut tokens, mut filled) = (Vec::new(), Duration::ZERO);
    let empty = used_memory(&redis.server).await?;
    for size in SIZES.into_iter().filter(|size| *size <= plan.count("--most")) {
        let begun = Instant::now();
        tokens.extend(guests(&sessions, size - tokens.len(), CONTENT).await?);
        filled += begun.elapsed();
        let bytes = (used_memory(&redis.server).await? - empty) / size as f64;
        let control = redis.control("scale").await?;
        let shared = Arc::new(Stage { sessions: sessions.clone(), tokens, control });
        let (mut opens, mut gets) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            gets.extend(many(&shared, plan, false).await?);
            opens.extend(many(&shared, plan, true).await?);
        }
        let seconds = plan.number("--seconds") * rounds as f64;
        let (rate, of) = (opens.len() as f64 / seconds, opens.len() as f64 / gets.len() as f64);
        opens.sort_unstable();
        let (p50, p99) = (opens[opens.len() / 2], opens[opens.len() * 99 / 100]);
        let seconds = filled.as_secs_f64();
        println!("| {size} | {seconds:.1} s | {rate:.0} | {p50:.2?} | {p99:.2?} | {of:.2} | {bytes:.0} |");
        tokens = Arc::into_inner(shared).ok_or("a task still holds the tokens")?.tokens;
    }
    Ok(())
}

struct Stage {
    sessions: Sessions,
    tokens: Vec<String>,
    control: Arc<Control>,
}

/// How long each load took, or each bare `GET`.
async fn many(stage: &Arc<Stage>, plan: &Plan, open: bool) -> Result<Vec<Duration>, Failure> {
    let (end, mut tasks) = (Instant::now() + plan.time(), JoinSet::new());
    for _ in 0..plan.count("--tasks") {
        let stage = stage.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let (begun, number) = (Instant::now(), fastrand::usize(..stage.tokens.len()));
                if open {
                    let session = stage.sessions.open(Some(&stage.tokens[number]), ClientInfo::new()).await?;
                    session.id().ok_or("a session is gone")?;
                } else {
                    std::hint::black_box(stage.control.get(number).await?);
                }
                took.push(begun.elapsed());
            }
            Ok::<_, Failure>(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = tasks.join_next().await {
        all.extend(took??);
    }
    Ok(all)
}

async fn memory(count: usize) -> Result<(), Failure> {
    println!(
        "\n| {count} of 4 fields of 50 B | hash-max-listpack-value | bytes each | of the string |\n|---|---|---|---|"
    );
    for user in [false, true] {
        let text = if user { "a string with expiry, with user agent" } else { "a string with expiry" };
        let bytes = weigh("64", count, |server| strings(server, count, user)).await?;
        println!("| {text} | | {bytes:.0} | 1.00 |");
        for listpack in ["64", "1024"] {
            let whose = if user { "user's, 5 each, with user agent" } else { "guest's" };
            let each = weigh(listpack, count, |server| sessions(server, count, user)).await?;
            println!("| session, a {whose} | {listpack} | {each:.0} | {:.2} |", each / bytes);
        }
    }
    Ok(())
}

/// How much a fresh server's memory grows for each of what is stored.
async fn weigh<F: Future<Output = Result<Server, Failure>>>(
    listpack: &str,
    count: usize,
    store: impl FnOnce(Server) -> F,
) -> Result<f64, Failure> {
    let server = Server::start(&["--hash-max-listpack-value", listpack]);
    let before = used_memory(&server).await?;
    let server = store(server).await?;
    Ok((used_memory(&server).await? - before) / count as f64)
}

/// Strings of the same content under keys as long as a session's.
async fn strings(server: Server, count: usize, user: bool) -> Result<Server, Failure> {
    let bytes =
        CONTENT.fields * (CONTENT.bytes + "field0".len()) + if user { AGENT_BYTES + "user12345".len() } else { 0 };
    let mut plain = server.connection().await;
    for number in 0..count {
        let key = format!("weigh:{{000}}:s:00000000-0000-8000-8000-{number:012}");
        redis::cmd("SET").arg(key).arg(vec![b'x'; bytes]).arg("PX").arg(1_800_000).exec_async(&mut plain).await?;
    }
    Ok(server)
}

async fn sessions(server: Server, count: usize, user: bool) -> Result<Server, Failure> {
    let sessions = Sessions::builder(server.url()).namespace("weigh").connect().await?;
    if !user {
        guests(&sessions, count, CONTENT).await?;
        return Ok(server);
    }
    for number in 0..count {
        let session = sessions.open(None, ClientInfo::new().user_agent("x".repeat(AGENT_BYTES))).await?;
        CONTENT.put(&session)?;
        let user = format!("user{:05}", number / SESSIONS_PER_USER);
        let _ = session.login(Login::new(user).keep(CONTENT.names())).await?;
    }
    Ok(server)
}

async fn used_memory(server: &Server) -> Result<f64, Failure> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut server.connection().await).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("INFO says nothing of used_memory")?.trim_end().parse()?)
}
