//! Interleaved rounds of many operations, and the table of their medians.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::task::JoinSet;

use super::Failure;
use super::plan::Plan;

type Running = Pin<Box<dyn Future<Output = Result<f64, Failure>> + Send>>;

/// Groups of operations; the first of each group is its control.
pub(crate) struct Rounds<'a> {
    plan: &'a Plan,
    groups: Vec<(String, Vec<Row>)>,
}

struct Row {
    name: String,
    run: Box<dyn Fn() -> Running + Send>,
    /// Operations per second, one figure for each round.
    rates: Vec<f64>,
}

impl<'a> Rounds<'a> {
    pub(crate) const fn new(plan: &'a Plan) -> Self {
        Self { plan, groups: Vec::new() }
    }

    /// Begins a group: the next row is its control.
    pub(crate) fn group(&mut self, name: impl Into<String>) {
        self.groups.push((name.into(), Vec::new()));
    }

    /// An operation that many tasks repeat, each time with another number.
    pub(crate) fn row<C, F>(
        &mut self,
        name: impl Into<String>,
        context: &Arc<C>,
        operation: impl Fn(Arc<C>, usize) -> F + Copy + Send + Sync + 'static,
    ) where
        C: Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send,
    {
        let (context, next) = (context.clone(), Arc::new(AtomicUsize::new(0)));
        let (tasks, time) = (self.plan.count("--tasks"), self.plan.time());
        self.add(name, move || {
            let (context, next) = (context.clone(), next.clone());
            Box::pin(async move {
                let begun = Instant::now();
                in_tasks(tasks, begun, move || {
                    let (context, next) = (context.clone(), next.clone());
                    async move {
                        let mut done = 0;
                        while begun.elapsed() < time {
                            operation(context.clone(), next.fetch_add(1, Ordering::Relaxed)).await?;
                            done += 1;
                        }
                        Ok(done)
                    }
                })
                .await
            })
        });
    }

    /// An operation that uses up its input: a supply is prepared, untimed, before each round, and the round ends with it.
    pub(crate) fn supplied<C, T, P, F>(
        &mut self,
        name: impl Into<String>,
        context: &Arc<C>,
        prepare: impl Fn(Arc<C>) -> P + Copy + Send + Sync + 'static,
        operation: impl Fn(Arc<C>, T) -> F + Copy + Send + Sync + 'static,
    ) where
        C: Send + Sync + 'static,
        T: Send + 'static,
        P: Future<Output = Result<Vec<T>, Failure>> + Send,
        F: Future<Output = Result<(), Failure>> + Send,
    {
        let (context, tasks) = (context.clone(), self.plan.count("--tasks"));
        self.add(name, move || {
            let context = context.clone();
            Box::pin(async move {
                let supply = Arc::new(Mutex::new(prepare(context.clone()).await?));
                in_tasks(tasks, Instant::now(), move || {
                    let (context, supply) = (context.clone(), supply.clone());
                    async move {
                        let take = || supply.lock().unwrap_or_else(PoisonError::into_inner).pop();
                        let mut done = 0;
                        while let Some(item) = take() {
                            operation(context.clone(), item).await?;
                            done += 1;
                        }
                        Ok(done)
                    }
                })
                .await
            })
        });
    }

    fn add(&mut self, name: impl Into<String>, run: impl Fn() -> Running + Send + 'static) {
        let row = Row { name: name.into(), run: Box::new(run), rates: Vec::new() };
        match self.groups.last_mut() {
            Some((_, rows)) => rows.push(row),
            None => self.groups.push((String::new(), vec![row])),
        }
    }

    /// Measures everything, round by round, and prints the medians; `place` is the setup that it prints.
    pub(crate) async fn print(mut self, place: &str) -> Result<(), Failure> {
        let rounds = self.plan.count("--rounds").max(1);
        for _ in 0..rounds {
            for row in self.groups.iter_mut().flat_map(|(_, rows)| rows) {
                row.rates.push((row.run)().await?);
            }
        }
        let (time, tasks) = (self.plan.time(), self.plan.count("--tasks"));
        println!("\n{rounds} rounds of {time:?}, {tasks} tasks, {place}");
        for (name, rows) in &mut self.groups {
            println!("\n| {name} | per second | one each | of the control | spread |\n|---|---|---|---|---|");
            let control = rows.first_mut().map_or(1.0, |row| median(&mut row.rates));
            for row in rows {
                let middle = median(&mut row.rates);
                let spread = (row.rates[row.rates.len() - 1] - row.rates[0]) / middle * 100.0;
                let (name, each, of) = (&row.name, 1e6 / middle, middle / control);
                println!("| {name} | {middle:.0} | {each:.1} µs | {of:.3} | {spread:.0} % |");
            }
        }
        Ok(())
    }
}

/// Runs n tasks concurrently; returns what all have done per second.
async fn in_tasks<F>(tasks: usize, begun: Instant, task: impl Fn() -> F + Send) -> Result<f64, Failure>
where
    F: Future<Output = Result<u64, Failure>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        running.spawn(task());
    }
    let mut done = 0;
    while let Some(task) = running.join_next().await {
        done += task??;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
