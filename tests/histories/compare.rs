//! The same history on two stores: the first result that differs, and a shorter history that still shows it.

use std::fmt;
use std::time::{Duration, Instant};

use super::generate::{History, Repeats, history};
use super::invariants::Watch;
use super::replay::Past;
use super::setup::SLOWEST;
use super::world::World;
use crate::common::place::Place;
use crate::common::{memory_stage, stage_at};

/// Steps of a history.
const LENGTH: usize = 60;
/// Number of steps between two checks of what Redis stores.
const LOOK_EVERY: usize = 5;
/// The limit for making a failing history shorter.
const SHRINKING: Duration = Duration::from_secs(20);

/// What a history is compared with.
#[derive(Clone)]
pub(super) enum Against {
    Memory,
    /// The chosen server.
    Redis(Place),
    /// Redis, with calls delivered more than once. Private servers.
    RepeatingRedis(Place),
}

/// A difference between two stores, or a broken invariant of Redis.
#[derive(Debug)]
struct Difference {
    step: usize,
    here: String,
    there: String,
}

/// Runs n histories, from a seed on; panics with the first whose results differ.
///
/// `CLOAKROOM_SEED` and `CLOAKROOM_HISTORIES` set both.
pub(super) async fn all_alike(against: &Against, default_count: u64) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("CLOAKROOM_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    for seed in first..first + number("CLOAKROOM_HISTORIES").unwrap_or(default_count) {
        let repeats = if matches!(against, Against::RepeatingRedis(_)) { Repeats::Many } else { Repeats::None };
        let history = history(seed, LENGTH, repeats);
        if let Some(difference) = run(&history, against).await {
            let (history, difference) = shrunk(history, difference, against).await;
            panic!("CLOAKROOM_SEED={seed} CLOAKROOM_HISTORIES=1\n{}", Report(&history, &difference));
        }
    }
}

/// The first difference. None for a run that was too slow to distinguish it from time passing.
async fn run(history: &History, against: &Against) -> Option<Difference> {
    let began = Instant::now();
    let found = run_once(history, against).await;
    found.filter(|_| began.elapsed() < SLOWEST)
}

async fn run_once(history: &History, against: &Against) -> Option<Difference> {
    let (mut here, mut there, mut watch) = worlds(history, against).await;
    let found = go_through(history, &mut here, &mut there, &mut watch).await;
    if let Some(watch) = watch {
        watch.clear().await;
    }
    found
}

async fn go_through(
    history: &History,
    here: &mut World,
    there: &mut World,
    watch: &mut Option<Watch>,
) -> Option<Difference> {
    for (step, what) in history.steps.iter().enumerate() {
        let (one, two) = (here.step(what).await, there.step(what).await);
        if one != two {
            return Some(Difference { step, here: one, there: two });
        }
        if let Some(watch) = watch.as_mut().filter(|_| step % LOOK_EVERY == 0)
            && let Err(broken) = watch.look().await
        {
            return Some(Difference { step, here: "every invariant of Redis holds".into(), there: broken });
        }
    }
    // A complete history has calls to deliver again.
    let heard = there.past.as_ref().is_none_or(Past::heard);
    assert!(heard || history.steps.len() < LENGTH, "MONITOR reported no call");
    let (here, there) = (here.last_look().await, there.last_look().await);
    let differs = here.into_iter().zip(there).find(|(one, two)| one != two);
    differs.map(|(here, there)| Difference { step: history.steps.len(), here, there })
}

async fn worlds(history: &History, against: &Against) -> (World, World, Option<Watch>) {
    let setup = history.setup;
    let here = World::memory(setup, memory_stage(|with| setup.apply(with)).await).await;
    let (place, repeats) = match against {
        Against::Memory => {
            let there = World::memory(setup, memory_stage(|with| setup.apply(with)).await).await;
            return (here, there, None);
        }
        Against::Redis(place) => (place.clone(), None),
        Against::RepeatingRedis(place) => (place.clone(), Some(place)),
    };
    let stage = stage_at(place, |with| setup.apply(with)).await;
    let past = match repeats {
        Some(place) => Some(Past::of(&place.servers(), &stage.namespace).await),
        None => None,
    };
    let watch = Watch::new(stage.masters().await, &stage.namespace, setup.cap);
    (here, World::redis(setup, stage, past).await, Some(watch))
}

/// Leaves out steps while the stores still differ, in ever smaller pieces.
async fn shrunk(mut history: History, mut found: Difference, against: &Against) -> (History, Difference) {
    let began = Instant::now();
    let mut piece = history.steps.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < history.steps.len() && began.elapsed() < SHRINKING {
            let mut shorter = history.clone();
            shorter.steps.drain(at..(at + piece).min(history.steps.len()));
            shorter.keep_off_tombstones();
            match run(&shorter, against).await {
                Some(difference) => (history, found) = (shorter, difference),
                None => at += piece,
            }
        }
        piece /= 2;
    }
    (history, found)
}

/// Prints a failing history.
struct Report<'a>(&'a History, &'a Difference);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(history, Difference { step, here, there }) = self;
        writeln!(f, "{:?}", history.setup)?;
        for (number, step) in history.steps.iter().enumerate() {
            writeln!(f, "{number:4}  {step:?}")?;
        }
        writeln!(f, "differs at step {step} (after the last: at the final look)")?;
        writeln!(f, "  embedded: {here}\n  other:    {there}")
    }
}
