//! Timed: `open` of sessions drawn evenly, no touch due, from `--tasks` tasks, and one alone. Each size is stored on a
//! server of its own, and the rounds go round the sizes, so that other load on the machine affects all alike. The control
//! in each row is a bare `GET` of as many bytes over as many connections on the same server, of as many strings.
//!
//! Known flaw: drawn evenly, hardly any of millions is in a CPU cache; sessions in use are not drawn evenly.

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
/// The number drawn before a round, more than can be requested in it.
const DRAWN: usize = 400_000;
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
        "| stored | filled in | loads per second | of the control | p99 | bytes each |\n|---|---|---|---|---|---|"
    );
    stages.iter().for_each(Stage::row);
    println!(
        "\n| stored | p50 | of the smallest | spread | control | of the smallest | one alone | of the smallest | spread |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for stage in &stages {
        stage.growth(&stages[0]);
    }
    Ok(())
}

/// A server with n sessions, and the measurements there, one figure for each round.
struct Stage {
    tokens: Arc<Tokens>,
    _redis: Redis,
    filled: Duration,
    bytes: f64,
    rates: Vec<f64>,
    of_control: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    control_p50: Vec<f64>,
    alone_p50: Vec<f64>,
}

struct Tokens {
    sessions: Sessions,
    tokens: Vec<String>,
    control: Arc<Control>,
}

impl Tokens {
    /// The tokens that requests bring: looking for one among millions would be the client's work, not the store's.
    fn draw(&self, count: usize) -> Vec<(usize, String)> {
        let number = || fastrand::usize(..self.tokens.len());
        (0..count).map(|_| number()).map(|number| (number, self.tokens[number].clone())).collect()
    }
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
        let control = redis.control_of("scale", size).await?;
        let tokens = Arc::new(Tokens { sessions, tokens, control });
        let [rates, of_control, p50, p99, control_p50, alone_p50] = [(); 6].map(|()| Vec::new());
        Ok(Self { tokens, _redis: redis, filled, bytes, rates, of_control, p50, p99, control_p50, alone_p50 })
    }

    async fn round(&mut self, plan: &Plan) -> Result<(), Failure> {
        let gets = many(&self.tokens, plan, plan.count("--tasks"), false).await?;
        let opens = many(&self.tokens, plan, plan.count("--tasks"), true).await?;
        let alone = many(&self.tokens, plan, 1, true).await?;
        self.rates.push(opens.len() as f64 / plan.number("--seconds"));
        self.of_control.push(opens.len() as f64 / gets.len() as f64);
        self.p50.push(part(&opens, 50));
        self.p99.push(part(&opens, 99));
        self.control_p50.push(part(&gets, 50));
        self.alone_p50.push(part(&alone, 50));
        Ok(())
    }

    fn row(&self) {
        let (size, filled) = (self.tokens.tokens.len(), self.filled.as_secs_f64());
        println!(
            "| {size} | {filled:.1} s | {:.0} | {:.2} | {:.0} µs | {:.0} |",
            middle(&self.rates),
            middle(&self.of_control),
            middle(&self.p99),
            self.bytes
        );
    }

    fn growth(&self, smallest: &Self) {
        let of = |what: fn(&Self) -> &Vec<f64>| {
            let p50 = middle(what(self));
            format!("{p50:.0} µs | {:.2}", p50 / middle(what(smallest)))
        };
        println!(
            "| {} | {} | {:.0} % | {} | {} | {:.0} % |",
            self.tokens.tokens.len(),
            of(|stage| &stage.p50),
            spread(&self.p50),
            of(|stage| &stage.control_p50),
            of(|stage| &stage.alone_p50),
            spread(&self.alone_p50),
        );
    }
}

/// The time that the given percentage did not exceed, in µs.
fn part(sorted: &[Duration], hundredths: usize) -> f64 {
    sorted[sorted.len() * hundredths / 100].as_secs_f64() * 1e6
}

/// From the least to the most, in hundredths of the median.
fn spread(figures: &[f64]) -> f64 {
    let most = figures.iter().copied().fold(0.0, f64::max);
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    (most - least) / middle(figures) * 100.0
}

/// The median.
fn middle(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The time of each load, or of each bare `GET`, in ascending order.
async fn many(tokens: &Arc<Tokens>, plan: &Plan, of_tasks: usize, open: bool) -> Result<Vec<Duration>, Failure> {
    let all_drawn: Vec<_> = (0..of_tasks).map(|_| tokens.draw(DRAWN / of_tasks)).collect();
    let (end, mut tasks) = (Instant::now() + plan.time(), JoinSet::new());
    for drawn in all_drawn {
        let stage = tokens.clone();
        tasks.spawn(async move {
            let mut took = Vec::with_capacity(drawn.len());
            for (number, token) in drawn {
                let begun = Instant::now();
                if begun >= end {
                    break;
                } else if open {
                    let session = stage.sessions.open(Some(&token), ClientInfo::new()).await?;
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
    all.sort_unstable();
    Ok(all)
}
