//! What does a sweep cost: with nothing stored, with nothing due, and per session ended?
//!
//! Timed: `Sessions::sweep`, which walks all 4,096 buckets. Not timed: filling, and waiting for the deadlines, 1.5 s. The
//! control is one bare `GET` per bucket, in sequence on one connection.
//!
//! Known flaw: each sweep runs once; `--sessions` makes it longer.
//!
//! `cargo bench --bench sweep [-- --sessions 20000]`

use std::time::{Duration, Instant};

use cloakroom::{Sessions, Timeouts};

mod common;

use common::Failure;
use common::fill::{Content, guests};
use common::plan::Plan;
use common::redis::Redis;

const CONTENT: Content = Content::new(4, 50);
const BUCKETS: usize = 4096;
const IDLE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[("--sessions", 20_000.0)]);
    let count = plan.count("--sessions");
    let redis = Redis::start().await;
    let live = redis.sessions("live", |with| with).await?;
    let timeouts = Timeouts::new().idle(IDLE).touch_interval(INTERVAL);
    let due = redis.sessions("due", |with| with.timeouts(timeouts).expiry_grace(Duration::from_secs(3600))).await?;
    println!("\n| sweep | took | of the control |\n|---|---|---|");
    let control = row("control: 4096 GETs in turn, the redis crate", None, gets(&redis).await?);
    row("nothing stored", Some(control), sweep(&live, 0).await?);
    guests(&live, count, CONTENT).await?;
    row(&format!("{count} stored, none due"), Some(control), sweep(&live, 0).await?);
    guests(&due, count, CONTENT).await?;
    tokio::time::sleep(IDLE + 4 * INTERVAL).await;
    let took = sweep(&due, count).await?;
    row(&format!("{count} due"), Some(control), took);
    println!("\n{:.1} µs for each session that ended", took.as_secs_f64() * 1e6 / count as f64);
    Ok(())
}

async fn gets(redis: &Redis) -> Result<Duration, Failure> {
    let begun = Instant::now();
    for _ in 0..BUCKETS {
        redis::cmd("GET").arg("none").exec_async(&mut redis.plain()).await?;
    }
    Ok(begun.elapsed())
}

async fn sweep(sessions: &Sessions, ends: usize) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let swept = sessions.sweep().await?;
    let took = begun.elapsed();
    if swept.expired == ends as u64 { Ok(took) } else { Err(format!("{swept:?} instead of {ends} ends").into()) }
}

fn row(name: &str, control: Option<Duration>, took: Duration) -> Duration {
    let of = took.as_secs_f64() / control.unwrap_or(took).as_secs_f64();
    println!("| {name} | {took:.1?} | {of:.2} |");
    took
}
