//! Interleaved rounds of the contestants.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::Failure;
use crate::plan::Plan;
use crate::server::Server;
use crate::work;

type Once = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// One of those compared: does its operation once, for the request of this number.
pub struct Contestant {
    pub name: String,
    once: Arc<dyn Fn(usize) -> Once + Send + Sync>,
    /// The process that calls Redis.
    client: u32,
    pub rounds: Vec<Round>,
}

/// The result of a round.
#[derive(Clone, Copy)]
pub struct Round {
    /// Requests per second.
    pub rate: f64,
    /// The CPU time of one request, in µs: of its client, and of Redis.
    pub client: f64,
    pub redis: f64,
}

/// Contestants that are compared with each other; the first is the control.
pub struct Group {
    pub name: String,
    pub contestants: Vec<Contestant>,
    next: Arc<AtomicUsize>,
}

impl Group {
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), contestants: Vec::new(), next: Arc::default() }
    }

    /// An operation of this process.
    pub fn with<F, R>(self, name: &str, once: F) -> Self
    where
        F: Fn(usize) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.with_client(name, std::process::id(), once)
    }

    /// An operation of another process.
    pub fn with_client<F, R>(mut self, name: &str, client: u32, once: F) -> Self
    where
        F: Fn(usize) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let once = Arc::new(move |number| Box::pin(once(number)) as Once);
        self.contestants.push(Contestant { name: name.into(), once, client, rounds: Vec::new() });
        self
    }

    pub async fn round(&mut self, plan: &Plan, server: &Server) -> Result<(), Failure> {
        for contestant in &mut self.contestants {
            let used = || (work::used(contestant.client), server.used());
            let before = used();
            let run = run(&contestant.once, &self.next, plan).await;
            let (done, rate) = run.map_err(|error| format!("{}, {}: {error}", self.name, contestant.name))?;
            let after = used();
            let (client, redis) = ((after.0 - before.0) / done, (after.1 - before.1) / done);
            contestant.rounds.push(Round { rate, client, redis });
        }
        Ok(())
    }
}

/// The number of requests done, and the number per second.
async fn run(
    once: &Arc<dyn Fn(usize) -> Once + Send + Sync>,
    next: &Arc<AtomicUsize>,
    plan: &Plan,
) -> Result<(f64, f64), Failure> {
    let begun = Instant::now();
    let end = begun + plan.time;
    let mut tasks = Vec::new();
    for _ in 0..plan.tasks {
        let (once, next) = (Arc::clone(once), Arc::clone(next));
        tasks.push(tokio::spawn(async move {
            let mut done = 0u64;
            while Instant::now() < end {
                once(next.fetch_add(1, Ordering::Relaxed)).await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    let done = done as f64;
    Ok((done, done / begun.elapsed().as_secs_f64()))
}
