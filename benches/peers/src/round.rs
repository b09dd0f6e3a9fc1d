//! Interleaved rounds of things to compare.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::Failure;
use crate::plan::Plan;

type Once = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// One of those compared: does its thing once, for the request of this number.
pub struct Contestant {
    pub name: String,
    once: Arc<dyn Fn(usize) -> Once + Send + Sync>,
    pub rates: Vec<f64>,
}

/// Those who are compared with each other; the first is the control.
pub struct Group {
    pub name: String,
    pub contestants: Vec<Contestant>,
    next: Arc<AtomicUsize>,
}

impl Group {
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), contestants: Vec::new(), next: Arc::default() }
    }

    pub fn with<F, R>(mut self, name: &str, once: F) -> Self
    where
        F: Fn(usize) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let once = Arc::new(move |number| Box::pin(once(number)) as Once);
        self.contestants.push(Contestant { name: name.into(), once, rates: Vec::new() });
        self
    }

    pub async fn round(&mut self, plan: &Plan) -> Result<(), Failure> {
        for contestant in &mut self.contestants {
            let rate = rate(&contestant.once, &self.next, plan).await;
            contestant.rates.push(rate.map_err(|error| format!("{}, {}: {error}", self.name, contestant.name))?);
        }
        Ok(())
    }
}

async fn rate(
    once: &Arc<dyn Fn(usize) -> Once + Send + Sync>,
    next: &Arc<AtomicUsize>,
    plan: &Plan,
) -> Result<f64, Failure> {
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
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}
