//! When requests arrive: independently of each other and of the answers (a Poisson process).

use std::time::Duration;

/// The scheduled times, from the begin of the run; endless.
pub(crate) struct Arrivals {
    mean: f64,
    at: f64,
    random: fastrand::Rng,
}

impl Arrivals {
    /// So many per second on average; the same seed gives the same times.
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
