//! What does ending 100,000 sessions cost, and how long does another request wait meanwhile?
//!
//! Timed: `revoke_guests` over all of them, as time per session, and `revoke_user` of 256 sessions, user after user;
//! meanwhile loads of one user's session through the crate, in sequence, and bare `GET`s from a thread that has its own
//! connection and nothing else to do. The control is the same for as long with nothing else going on. Redis's own count
//! of the scripts is printed below. Not timed: filling.
//!
//! Known flaw: on a machine with few cores everyone waits for a core as much as for Redis, so the longest wait of the
//! control is due to the machine; a script's longest time is wall time too.
//!
//! `cargo bench --bench revoke_all [-- --sessions 100000 --rounds 3]`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom::{Cap, ClientInfo, Sessions};

mod common;

use common::Failure;
use common::fill::{Content, guests, users};
use common::plan::Plan;
use common::redis::Redis;

const CONTENT: Content = Content::new(4, 50);
const OF_A_USER: usize = 256;
/// The wait that nobody should have.
const TOO_LONG: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let plan = Plan::read(&[("--sessions", 100_000.0)]);
    let redis = Redis::start().await;
    let mut config = redis::cmd("CONFIG");
    config.arg("SET").arg("latency-tracking-info-percentiles").arg("50 99 100").exec_async(&mut redis.plain()).await?;
    let sessions = redis.sessions("all", |with| with.cap(Cap::evict(OF_A_USER as u16))).await?;
    let token = users(&sessions, std::iter::once("ada".to_owned()), 1, CONTENT).await?.remove(0);
    let stage = Stage { redis, sessions, token };
    let count = plan.count("--sessions");
    for _ in 0..plan.count("--rounds") {
        guests(&stage.sessions, count, CONTENT).await?;
        stage.measure("revoke_guests", count, |sessions| async move { end_guests(&sessions).await }).await?;
        let names = (0..count.div_ceil(8 * OF_A_USER)).map(|number| format!("user{number}"));
        let names: Vec<_> = names.collect();
        users(&stage.sessions, names.iter().cloned(), OF_A_USER, CONTENT).await?;
        let count = names.len() * OF_A_USER;
        stage.measure("revoke_user of 256", count, |sessions| async move { end_users(&sessions, names).await }).await?;
    }
    Ok(())
}

async fn end_guests(sessions: &Sessions) -> Result<u64, Failure> {
    Ok(sessions.revoke_guests(|_| {}).await?.ended)
}

async fn end_users(sessions: &Sessions, names: Vec<String>) -> Result<u64, Failure> {
    let mut ended = 0;
    for name in names {
        ended += sessions.revoke_user(name).await?.ended;
    }
    Ok(ended)
}

struct Stage {
    redis: Redis,
    sessions: Sessions,
    token: String,
}

impl Stage {
    async fn measure<F: Future<Output = Result<u64, Failure>> + Send + 'static>(
        &self,
        name: &str,
        count: usize,
        end: impl FnOnce(Sessions) -> F,
    ) -> Result<(), Failure> {
        redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut self.redis.plain()).await?;
        let ending = tokio::spawn(end(self.sessions.clone()));
        let begun = Instant::now();
        let during = self.waits(|| !ending.is_finished()).await?;
        let took = begun.elapsed();
        let ended = ending.await??;
        if ended != count as u64 {
            return Err(format!("{ended} sessions ended instead of {count}").into());
        }
        let scripts = self.scripts(count).await?;
        let begun = Instant::now();
        let control = self.waits(|| begun.elapsed() < took).await?;
        let each = took.as_secs_f64() * 1e6 / count as f64;
        println!("\n{name}: {count} ended in {:.2} s, {each:.1} µs each; {scripts}\n", took.as_secs_f64());
        println!(
            "| another request | number | p50 | p99 | p99.9 | longest | over 5 ms |\n|---|---|---|---|---|---|---|"
        );
        for (waits, when) in [(control, "control: no other load"), (during, "while they are ended")] {
            row(&format!("load, {when}"), waits.loads);
            row(&format!("bare GET, {when}"), waits.gets);
        }
        Ok(())
    }

    /// The waits of others, in sequential requests of each kind.
    async fn waits(&self, go_on: impl Fn() -> bool + Send + Sync) -> Result<Waits, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut plain =
            redis::Client::open(format!("unix://{}", self.redis.server.socket().display()))?.get_connection()?;
        let gets = std::thread::spawn({
            let stop = stop.clone();
            move || {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    redis::cmd("GET").arg("none").exec(&mut plain)?;
                    took.push(begun.elapsed());
                    // So that this thread alone does not keep a core and Redis busy.
                    std::thread::sleep(Duration::from_micros(200));
                }
                Ok::<_, redis::RedisError>(took)
            }
        });
        let loads = loads(&self.sessions, &self.token, go_on).await;
        stop.store(true, Ordering::Relaxed);
        let gets = gets.join().map_err(|_| "the thread of bare GETs panicked")??;
        Ok(Waits { loads: loads?, gets })
    }

    /// The scripts' statistics from Redis.
    async fn scripts(&self, count: usize) -> Result<String, Failure> {
        let info: String = redis::cmd("INFO").arg("everything").query_async(&mut self.redis.plain()).await?;
        let of = |line: &str, name: &str| {
            let line = info.lines().find_map(|each| each.strip_prefix(line))?;
            line.split([',', ':']).find_map(|pair| pair.trim().strip_prefix(name)?.parse::<f64>().ok())
        };
        let number = |line, name| of(line, name).ok_or_else(|| format!("INFO says nothing of {name} in {line}"));
        let (calls, us) = (number("cmdstat_evalsha:", "calls=")?, number("cmdstat_evalsha:", "usec=")?);
        let [p50, p99, longest] = ["p50=", "p99=", "p100="].map(|name| of("latency_percentiles_usec_evalsha:", name));
        Ok(format!(
            "{calls:.0} script calls, {:.1} µs for a session; a call p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            us / count as f64,
            p50.unwrap_or(0.0) / 1e3,
            p99.unwrap_or(0.0) / 1e3,
            longest.unwrap_or(0.0) / 1e3
        ))
    }
}

struct Waits {
    loads: Vec<Duration>,
    gets: Vec<Duration>,
}

/// The times of consecutive loads.
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
    let at = |share: f64| took.get((took.len() as f64 * share) as usize).or(took.last()).copied().unwrap_or_default();
    let (p50, p99, p999, longest) = (at(0.5), at(0.99), at(0.999), at(1.0));
    let late = took.iter().filter(|took| **took > TOO_LONG).count();
    println!("| {name} | {} | {p50:.2?} | {p99:.2?} | {p999:.2?} | {longest:.2?} | {late} |", took.len());
}
