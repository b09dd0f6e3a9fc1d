//! One app server: reads its plan from standard input, reports its progress on standard output.
//!
//! When the input closes, the parent is gone, however it ended, and this process ends too.

use std::io::BufRead;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cloakroom::Sessions;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Failure;
use super::arrivals::Arrivals;
use super::fill;
use super::operation::{self, GONE, Kind, Operation};
use super::plan::Plan;
use super::slots::{Slots, Wanted};
use super::tally::Tally;
use super::zipf::Zipf;

/// With more requests in flight, those that are due are counted as `Shed`: memory is limited.
const MOST_UNDER_WAY: usize = 50_000;
/// Longer than every operation's budget.
const LAST_ANSWERS: Duration = Duration::from_secs(60);

/// A message of an app server.
#[derive(Serialize, Deserialize)]
pub(crate) enum Said {
    /// The number of sessions stored so far.
    Stored(usize),
    /// All are stored.
    Ready,
    Second(Second),
    Done(Tally),
}

/// The progress, sent every second.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Second {
    /// Seconds since the start.
    pub(crate) second: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) under_way: usize,
}

pub(crate) fn say(said: &Said) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(said)?);
    Ok(())
}

pub(crate) async fn work() -> Result<(), Failure> {
    let (plan, go) = orders()?;
    let builder = Sessions::builder(&plan.store).namespace(&plan.namespace).connections(plan.connections);
    let sessions = builder.connect().await?;
    let slots = fill::fill(&sessions, &plan).await?;
    let zipf = Zipf::new(plan.sessions, plan.skew);
    let run = Run { sessions, slots, tally: Mutex::default(), under_way: AtomicUsize::new(0), number: plan.number };
    let run = Arc::new(run);
    say(&Said::Ready)?;
    go.await?;
    let begun = Instant::now();
    let seconds = tokio::spawn(run.clone().say_seconds(begun));
    let scheduled = schedule(run.clone(), plan, zipf, begun).await?;
    let seconds_taken = run.last_answer(begun).await?;
    seconds.abort();
    let tally = Tally { scheduled, seconds: seconds_taken, ..run.tally().clone() };
    say(&Said::Done(tally))
}

/// Reads the plan, and waits for the start. Watches the parent from then on.
fn orders() -> Result<(Plan, oneshot::Receiver<()>), Failure> {
    let mut lines = std::io::stdin().lock().lines();
    let plan = serde_json::from_str(&lines.next().ok_or("no plan came")??)?;
    drop(lines);
    let (begin, begins) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lock().lines();
        if let Some(Ok(_)) = lines.next() {
            let _ = begin.send(());
        }
        while let Some(Ok(_)) = lines.next() {}
        std::process::exit(1)
    });
    Ok((plan, begins))
}

/// Makes requests when they are due, from a dedicated thread: a timer of the runtime is a millisecond late.
async fn schedule(run: Arc<Run>, plan: Plan, zipf: Zipf, begun: Instant) -> Result<u64, Failure> {
    let runtime = Handle::current();
    let scheduled = tokio::task::spawn_blocking(move || {
        let seed = plan.number as u64;
        let mut random = fastrand::Rng::with_seed(!seed);
        let end = Duration::from_secs(plan.seconds);
        let arrivals = Arrivals::new(plan.rate, seed).take_while(|due| *due < end);
        let mut scheduled = 0;
        for due in arrivals {
            let due = begun + due;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            run.arrive(&runtime, due, plan.mix.pick(random.f64()), zipf.rank(random.f64()));
            scheduled += 1;
        }
        scheduled
    });
    Ok(scheduled.await?)
}

struct Run {
    sessions: Sessions,
    slots: Slots,
    tally: Mutex<Tally>,
    under_way: AtomicUsize,
    number: usize,
}

impl Run {
    fn arrive(self: &Arc<Self>, runtime: &Handle, due: Instant, operation: Operation, visitor: usize) {
        if self.under_way.load(Ordering::Relaxed) >= MOST_UNDER_WAY {
            return self.tally().missed(operation, "Shed");
        }
        let wanted = match operation {
            Operation::Login => Wanted::GuestAlone,
            Operation::Logout => Wanted::UserAlone,
            _ => Wanted::Anyone,
        };
        match self.slots.take(visitor, wanted) {
            Some((visitor, token)) => {
                self.under_way.fetch_add(1, Ordering::Relaxed);
                runtime.spawn(self.clone().serve(due, operation, visitor, token));
            }
            None => self.tally().missed(operation, "NobodyFree"),
        }
    }

    async fn serve(self: Arc<Self>, due: Instant, operation: Operation, visitor: usize, token: String) {
        let late = due.elapsed();
        let outcome = self.act(operation, visitor, &token).await;
        {
            let mut tally = self.tally();
            tally.start.note(late);
            tally.note(operation, due.elapsed(), outcome.err());
        }
        if self.slots.release(visitor, is_lost(operation, outcome)) {
            self.come_back(visitor).await;
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    async fn act(&self, operation: Operation, visitor: usize, token: &str) -> Result<(), Kind> {
        match operation {
            Operation::Read | Operation::Create => operation::read(&self.sessions, token).await,
            Operation::Write => operation::write(&self.sessions, token).await,
            Operation::Logout => operation::logout(&self.sessions, token).await,
            Operation::Login => {
                let user = fill::user(self.number, visitor);
                let token = operation::login(&self.sessions, token, &user).await?;
                self.slots.renew(visitor, Some((&token, true)));
                Ok(())
            }
        }
    }

    /// A visitor without a session comes back as a guest, so that the number of sessions stays the same.
    async fn come_back(&self, visitor: usize) {
        let begun = Instant::now();
        let created = operation::create(&self.sessions, None).await;
        self.tally().note(Operation::Create, begun.elapsed(), created.as_ref().err().copied());
        self.slots.renew(visitor, created.as_ref().ok().map(|token| (token.as_str(), false)));
        self.slots.release(visitor, false);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn say_seconds(self: Arc<Self>, begun: Instant) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let under_way = self.under_way.load(Ordering::Relaxed);
            let (answered, failed) = {
                let tally = self.tally();
                (tally.answered(), tally.failed())
            };
            if say(&Said::Second(Second { second: begun.elapsed().as_secs(), answered, failed, under_way })).is_err() {
                return;
            }
        }
    }

    /// Waits for what is in flight; returns the seconds since the start.
    async fn last_answer(&self, begun: Instant) -> Result<f64, Failure> {
        let limit = Instant::now() + LAST_ANSWERS;
        while self.under_way.load(Ordering::Relaxed) > 0 {
            if Instant::now() > limit {
                let left = self.under_way.load(Ordering::Relaxed);
                return Err(format!("{left} requests have no answer after {LAST_ANSWERS:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// Whether the visitor has no session after this.
fn is_lost(operation: Operation, outcome: Result<(), Kind>) -> bool {
    let ends = matches!(operation, Operation::Login | Operation::Logout);
    match outcome {
        Ok(()) => operation == Operation::Logout,
        Err(kind) => kind == GONE || ends && kind == "Indeterminate",
    }
}
