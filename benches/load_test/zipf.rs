//! The session of a request: a few are used often, most rarely.

/// Draws ranks so that the n-th has a probability proportional to 1/n^skew.
pub(crate) struct Zipf {
    /// The cumulative weight of each rank.
    up_to: Vec<f64>,
}

impl Zipf {
    pub(crate) fn new(ranks: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let up_to = (1..=ranks).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Self { up_to: up_to.collect() }
    }

    /// The rank, from 0, for a number drawn evenly from 0 to 1.
    pub(crate) fn rank(&self, drawn: f64) -> usize {
        let sum = self.up_to.last().copied().unwrap_or(0.0);
        let wanted = drawn * sum;
        self.up_to.partition_point(|up_to| *up_to <= wanted).min(self.up_to.len().saturating_sub(1))
    }
}
