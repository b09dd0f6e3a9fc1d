//! The arrival times of requests: independent of each other and of the responses (a Poisson process).

use std::time::Duration;

/// The scheduled times, from the start of the run; endless.
pub(crate) struct Arrivals {
    mean: f64,
    at: f64,
    random: fastrand::Rng,
}

impl Arrivals {
    /// The average number per second; the same seed gives the same times.
    pub(crate) fn new(rate: f64, seed: u64) -> Self {
        Self { mean: 1.0 / rate, at: 0.0, random: fastrand::Rng::with_seed(seed) }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        // 1 is possible, 0 is not, so the logarithm is finite.
        let drawn = 1.0 - self.random.f64();
        self.at -= drawn.ln() * self.mean;
        Some(Duration::from_secs_f64(self.at))
    }
}
