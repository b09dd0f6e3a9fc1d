//! What does ending 100,000 sessions cost, and how long does another request wait meanwhile?
//!
//! Timed: `revoke_guests` over all of them, as time per session; and loads of one user's session, one after another, from
//! the same process while that goes on. The control is the same loads with nothing else going on. Not timed: filling.
//!
//! Known flaw: on a machine with few cores the other requests wait for a core as much as for Redis. The longest command
//! that Redis noted is wall time too, so only on a quiet machine is it Redis's own.
//!
//! `cargo bench --bench revoke_all [-- --sessions 100000 --seconds 1]`

use std::time::{Duration, Instant};

use cloakroom::{ClientInfo, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, guests, users};
use common::plan::Plan;
use common::redis::Redis;

const CONTENT: Content = Content::new(4, 50);
/// Redis notes commands from this long on.
const NOTED_US: u64 = 200;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[("--sessions", 100_000.0)]);
    let redis = Redis::start().await;
    let sessions = redis.sessions("all", |with| with).await?;
    let count = plan.count("--sessions");
    let begun = Instant::now();
    guests(&sessions, count, CONTENT).await?;
    println!("\n{count} sessions stored in {:.1} s\n", begun.elapsed().as_secs_f64());
    let token = users(&sessions, std::iter::once("ada".to_owned()), 1, CONTENT).await?.remove(0);

    let end = Instant::now() + plan.time();
    let control = loads(&sessions, &token, || Instant::now() < end).await?;
    redis::cmd("CONFIG").arg("SET").arg("slowlog-log-slower-than").arg(NOTED_US).exec_async(&mut redis.plain()).await?;
    redis::cmd("SLOWLOG").arg("RESET").exec_async(&mut redis.plain()).await?;
    let begun = Instant::now();
    let revoking = tokio::spawn({
        let sessions = sessions.clone();
        async move { sessions.revoke_guests(|_| {}).await }
    });
    let during = loads(&sessions, &token, || !revoking.is_finished()).await?;
    let (took, ended) = (begun.elapsed(), revoking.await??.ended);
    if ended != count as u64 {
        return Err(format!("{ended} sessions ended instead of {count}").into());
    }
    let each = took.as_secs_f64() * 1e6 / count as f64;
    println!("{count} ended in {:.2} s, {each:.1} µs each\n", took.as_secs_f64());
    println!("| another request's load | loads | p50 | p99 | longest |\n|---|---|---|---|---|");
    row("control: nothing else goes on", control);
    row("while they are ended", during);
    match longest_command(&redis).await? {
        Some(us) => println!("\nRedis's longest command meanwhile: {:.2} ms", us as f64 / 1000.0),
        None => println!("\nRedis's longest command meanwhile: below {NOTED_US} µs"),
    }
    Ok(())
}

/// The microseconds of the longest command that Redis noted.
async fn longest_command(redis: &Redis) -> Result<Option<u64>, Failure> {
    type Noted = (u64, u64, u64, Vec<Vec<u8>>, String, String);
    let noted: Vec<Noted> = redis::cmd("SLOWLOG").arg("GET").arg(-1).query_async(&mut redis.plain()).await?;
    Ok(noted.into_iter().map(|(_, _, us, ..)| us).max())
}

/// How long loads take, one after another.
async fn loads(
    sessions: &Sessions,
    token: &str,
    go_on: impl Fn() -> bool + Send + Sync,
) -> Result<Vec<Duration>, Failure> {
    let mut took = Vec::new();
    while took.is_empty() || go_on() {
        let begun = Instant::now();
        let session = sessions.peek(Some(token), ClientInfo::new()).await?;
        took.push(begun.elapsed());
        session.id().ok_or("the user's session is gone")?;
    }
    Ok(took)
}

fn row(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let (p50, p99, longest) = (took[took.len() / 2], took[took.len() * 99 / 100], took[took.len() - 1]);
    println!("| {name} | {} | {p50:.2?} | {p99:.2?} | {longest:.2?} |", took.len());
}
