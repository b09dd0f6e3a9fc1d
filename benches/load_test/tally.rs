//! Counts and times; app servers send them as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::operation::{Kind, Operation};

/// The upper limit of the histogram: longer than any budget.
const LONGEST_US: u64 = 600_000_000;

/// Times in microseconds, to three digits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds that the crate allows"))
    }
}

impl Times {
    pub(crate) fn note(&mut self, time: Duration) {
        self.0.saturating_record(time.as_micros().max(1) as u64);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time in milliseconds that the given percentage did not exceed; 100 is the longest.
    pub(crate) fn percentile_ms(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64 / 1000.0
    }
}

impl From<Vec<(u64, u64)>> for Times {
    fn from(counts: Vec<(u64, u64)>) -> Self {
        let mut times = Self::default();
        for (value, count) in counts {
            times.0.saturating_record_n(value, count);
        }
        times
    }
}

impl From<Times> for Vec<(u64, u64)> {
    fn from(times: Times) -> Self {
        times.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

/// One operation's requests.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Requests {
    pub(crate) errors: BTreeMap<String, u64>,
    /// From the scheduled time to the response, failures included.
    pub(crate) times: Times,
}

/// All requests of an app server, or of all of them.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) requests: BTreeMap<Operation, Requests>,
    /// The delay between a request's scheduled time and its start.
    pub(crate) start: Times,
    /// Requests that were due.
    pub(crate) scheduled: u64,
    /// From the first scheduled time to the last response.
    pub(crate) seconds: f64,
}

impl Tally {
    pub(crate) fn note(&mut self, operation: Operation, time: Duration, failed: Option<Kind>) {
        let requests = self.requests.entry(operation).or_default();
        requests.times.note(time);
        if let Some(kind) = failed {
            *requests.errors.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// A request that was due and never sent or never got a response.
    pub(crate) fn missed(&mut self, operation: Operation, kind: Kind) {
        *self.requests.entry(operation).or_default().errors.entry(kind.to_owned()).or_default() += 1;
    }

    /// Responses received, without those for the guests that follow a logout, which are not part of the mix.
    pub(crate) fn answered(&self) -> u64 {
        let asked = self.requests.iter().filter(|(operation, _)| **operation != Operation::Create);
        asked.map(|(_, requests)| requests.times.count()).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.requests.values().flat_map(|requests| requests.errors.values()).sum()
    }

    pub(crate) fn merged(tallies: Vec<Self>) -> Self {
        let mut all = Self::default();
        for one in tallies {
            all.scheduled += one.scheduled;
            all.seconds = all.seconds.max(one.seconds);
            all.start.0 += one.start.0;
            for (operation, requests) in one.requests {
                let sum = all.requests.entry(operation).or_default();
                sum.times.0 += requests.times.0;
                for (kind, count) in requests.errors {
                    *sum.errors.entry(kind).or_default() += count;
                }
            }
        }
        all
    }
}
