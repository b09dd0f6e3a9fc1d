//! Timed: `open` of sessions drawn evenly, no touch due, from `--tasks` tasks. Each size is stored on a server of its own, and the
//! rounds go round the sizes, so that what else the machine does meets all alike. The control in each row is a bare
//! `GET` of as many bytes over as many connections on the same server.
//!
//! Known flaw: at large numbers the sessions drawn are in no processor's cache, while the control's thousand strings are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::{ClientInfo, Sessions, Timeouts};
use tokio::task::JoinSet;

use super::CONTENT;
use super::common::Failure;
use super::common::fill::guests;
use super::common::info::Info;
use super::common::plan::Plan;
use super::common::redis::{Control, PLACE, Redis};

const HOUR: Duration = Duration::from_secs(3600);
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 5_000_000];

pub(crate) async fn print(plan: &Plan) -> Result<(), Failure> {
    let mut stages = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= plan.count("--most")) {
        stages.push(Stage::fill(size).await?);
    }
    for _ in 0..plan.count("--rounds") {
        for stage in &mut stages {
            stage.round(plan).await?;
        }
    }
    println!("\n{} rounds of {:?}, {} tasks, {PLACE}\n", plan.count("--rounds"), plan.time(), plan.count("--tasks"));
    println!(
        "| stored | filled in | loads per second | of the control | p50 | of the smallest | p99 | spread of p50 | bytes each |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let smallest = stages.first().map_or(1.0, |stage| middle(&stage.p50));
    for stage in &stages {
        stage.row(smallest);
    }
    Ok(())
}

/// A server with so many sessions, and what was measured there, one figure for each round.
struct Stage {
    tokens: Arc<Tokens>,
    _redis: Redis,
    filled: Duration,
    bytes: f64,
    rates: Vec<f64>,
    of_control: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

struct Tokens {
    sessions: Sessions,
    tokens: Vec<String>,
    control: Arc<Control>,
}

impl Stage {
    async fn fill(size: usize) -> Result<Self, Failure> {
        let redis = Redis::start().await;
        // A touch must not come due while many are stored, or it would be measured too.
        let rarely = Timeouts::new().idle(12 * HOUR).touch_interval(6 * HOUR);
        let sessions = redis.sessions("scale", |with| with.timeouts(rarely)).await?;
        let empty = Info::of(&redis.server).await?.used_memory()?;
        let begun = Instant::now();
        let tokens = guests(&sessions, size, CONTENT).await?;
        let filled = begun.elapsed();
        let bytes = (Info::of(&redis.server).await?.used_memory()? - empty) / size as f64;
        let control = redis.control("scale").await?;
        let tokens = Arc::new(Tokens { sessions, tokens, control });
        let [rates, of_control, p50, p99] = [(); 4].map(|()| Vec::new());
        Ok(Self { tokens, _redis: redis, filled, bytes, rates, of_control, p50, p99 })
    }

    async fn round(&mut self, plan: &Plan) -> Result<(), Failure> {
        let gets = many(&self.tokens, plan, false).await?;
        let mut opens = many(&self.tokens, plan, true).await?;
        opens.sort_unstable();
        self.rates.push(opens.len() as f64 / plan.number("--seconds"));
        self.of_control.push(opens.len() as f64 / gets.len() as f64);
        self.p50.push(opens[opens.len() / 2].as_secs_f64() * 1e6);
        self.p99.push(opens[opens.len() * 99 / 100].as_secs_f64() * 1e6);
        Ok(())
    }

    fn row(&self, smallest: f64) {
        let (size, filled, p50) = (self.tokens.tokens.len(), self.filled.as_secs_f64(), middle(&self.p50));
        let longest = self.p50.iter().copied().fold(0.0, f64::max);
        let shortest = self.p50.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "| {size} | {filled:.1} s | {:.0} | {:.2} | {p50:.0} µs | {:.2} | {:.0} µs | {:.0} % | {:.0} |",
            middle(&self.rates),
            middle(&self.of_control),
            p50 / smallest,
            middle(&self.p99),
            (longest - shortest) / p50 * 100.0,
            self.bytes
        );
    }
}

/// The median.
fn middle(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// How long each load took, or each bare `GET`.
async fn many(tokens: &Arc<Tokens>, plan: &Plan, open: bool) -> Result<Vec<Duration>, Failure> {
    let (end, mut tasks) = (Instant::now() + plan.time(), JoinSet::new());
    for _ in 0..plan.count("--tasks") {
        let stage = tokens.clone();
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
