//! One kind of trouble under load, and its result.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom::Sessions;

use super::load::Load;
use super::tally::Counts;

/// What the trouble may undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undoes {
    Nothing,
    /// What a failover can undo: replication is asynchronous.
    WhatWasNotReplicated,
}

/// The trouble, as reported by the code that made it.
pub(super) struct Trouble {
    /// When the servers had recovered by themselves.
    pub(super) over: Instant,
    /// The hash tags on the shard concerned; all if there are no shards.
    pub(super) concerned: Option<BTreeSet<String>>,
}

impl Trouble {
    /// Over now; it concerned everyone.
    pub(super) fn over() -> Self {
        Self { over: Instant::now(), concerned: None }
    }
}

/// Minutes in all, rather than seconds.
pub(super) fn is_long() -> bool {
    std::env::var_os("CLOAKROOM_CHAOS").is_some_and(|mode| mode == "long")
}

/// The time without trouble before and after it.
fn calm() -> Duration {
    if is_long() { Duration::from_secs(5) } else { Duration::from_millis(800) }
}

/// Runs the load, makes trouble meanwhile, and judges the result. `trouble` gets the users' hash tags.
pub(super) async fn row<P, T>(name: &str, place: Arc<P>, servers: Vec<Sessions>, undoes: Undoes, trouble: T)
where
    P: Send + Sync + 'static,
    T: FnOnce(&P, BTreeSet<String>) -> Trouble + Send + 'static,
{
    let load = Load::start(servers);
    tokio::time::sleep(calm()).await;
    let tags = load.tally.counts().tags.values().cloned().collect();
    let begun = Instant::now();
    let there = Arc::clone(&place);
    let trouble = tokio::task::spawn_blocking(move || trouble(&there, tags)).await.expect("the trouble can be made");
    let took = trouble.over - begun;
    tokio::time::sleep(calm() + Duration::from_secs(1)).await;
    let tally = load.stop().await;
    drop(place);
    report(name, took, &trouble, undoes, &tally.counts());
}

fn report(name: &str, took: Duration, trouble: &Trouble, undoes: Undoes, counts: &Counts) {
    let concerned = |user: &str| match (counts.tags.get(user), &trouble.concerned) {
        (Some(tag), Some(concerned)) => concerned.contains(tag),
        (tag, None) => tag.is_some(),
        (None, Some(_)) => false,
    };
    let others = |user: &str| counts.tags.contains_key(user) && !concerned(user);
    let back = counts.back_after(trouble.over, concerned);
    let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
    let line = [
        format!("{name:<34}"),
        format!("{:>6}", counts.done),
        format!("{:>6}", counts.unavailable),
        format!("{:>6}", counts.indeterminate),
        format!("{:>6}", counts.others.len()),
        format!("{:>8}", seconds(counts.longest_gap(concerned))),
        format!("{:>8}", seconds(counts.longest_gap(others))),
        format!("{:>8}", seconds(took)),
        format!("{:>8}", seconds(back)),
        format!("{:>6}", counts.undone.len()),
        format!("{:>6}", counts.broken.len()),
    ];
    println!("{}", line.join(" "));
    if let Some(table) = std::env::var_os("CLOAKROOM_CHAOS_TABLE") {
        let mut table = OpenOptions::new().create(true).append(true).open(table).expect("a file for the table");
        writeln!(table, "{}", line.join(" ")).expect("room on the disk");
    }
    assert_eq!(counts.broken, Vec::<String>::new(), "{name}: broken promises");
    assert_eq!(counts.others, Vec::<String>::new(), "{name}: errors that no outage explains");
    if undoes == Undoes::Nothing {
        assert_eq!(counts.undone, Vec::<String>::new(), "{name}: undone");
    }
    // Other tests may run on this machine too, so there is more time.
    let limit = Duration::from_secs(if is_long() { 3 } else { 10 });
    assert!(back <= limit, "{name}: back only {back:?} after the servers were");
    assert!(counts.done > 100, "{name}: hardly a load: {}", counts.done);
}
