//! Latencies of a run in constant memory.
//!
//! A histogram in whole microseconds from 1 µs to 1 h with 2 digits: a quantile is off by less than 1 % of itself or 1 µs.
//! Count, mean, least and greatest are exact.

use crate::units::Span;
use hdrhistogram::Histogram;

const NANOS_PER_MICRO: u64 = 1_000;
const LEAST_US: u64 = 1;
const GREATEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 2;
/// A quantile in billionths is a whole number for every `p99.99...` that a person writes.
pub(super) const BILLION: u64 = 1_000_000_000;

/// Latencies, to be asked for quantiles.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Histogram<u64>,
    sum_ns: u128,
    least_ns: u64,
    greatest_ns: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        let counts = Histogram::new_with_bounds(LEAST_US, GREATEST_US, DIGITS).expect("the bounds are fixed and valid");
        Self { counts, sum_ns: 0, least_ns: u64::MAX, greatest_ns: 0 }
    }

    /// Adds one.
    #[inline(always)]
    pub fn record(&mut self, latency: Span) {
        let nanos = latency.as_nanos();
        self.counts.saturating_record((nanos / NANOS_PER_MICRO).clamp(LEAST_US, GREATEST_US));
        self.sum_ns += u128::from(nanos);
        self.least_ns = self.least_ns.min(nanos);
        self.greatest_ns = self.greatest_ns.max(nanos);
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        self.counts.add(&other.counts).expect("all have the same bounds");
        self.sum_ns += other.sum_ns;
        self.least_ns = self.least_ns.min(other.least_ns);
        self.greatest_ns = self.greatest_ns.max(other.greatest_ns);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.counts.reset();
        self.sum_ns = 0;
        self.least_ns = u64::MAX;
        self.greatest_ns = 0;
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.counts.len()
    }

    /// Mean in seconds; `None` without any.
    pub fn mean_s(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64 / BILLION as f64)
    }

    /// Greatest in seconds; `None` without any.
    pub fn max_s(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.greatest_ns as f64 / BILLION as f64)
    }

    /// The least latency that a share of at least `quantile` does not exceed, in seconds; `None` without any.
    pub fn quantile_s(&self, quantile: f64) -> Option<f64> {
        self.ranked_s(rank(billionths(quantile), self.count()))
    }

    /// The latency of this rank in ascending order, from 1, in seconds; `None` if there are not so many.
    pub fn ranked_s(&self, rank: u64) -> Option<f64> {
        self.ranked_ns(rank).map(|nanos| nanos as f64 / BILLION as f64)
    }

    /// How many up to the latency of this rank, as far as the histogram can tell.
    pub fn count_up_to_rank(&self, rank: u64) -> u64 {
        if rank == 0 || rank > self.count() {
            return self.count().min(rank);
        }
        self.counts.count_between(0, self.ranked_us(rank))
    }

    fn ranked_ns(&self, rank: u64) -> Option<u64> {
        if rank == 0 || rank > self.count() {
            return None;
        }
        let nanos = match rank {
            1 => self.least_ns,
            _ if rank == self.count() => self.greatest_ns,
            _ => self.ranked_us(rank) * NANOS_PER_MICRO,
        };
        Some(nanos.clamp(self.least_ns, self.greatest_ns))
    }

    /// The middle of a rank, so that rounding cannot reach the next one.
    fn ranked_us(&self, rank: u64) -> u64 {
        self.counts.value_at_quantile((rank as f64 - 0.5) / self.count() as f64)
    }
}

/// A quantile in billionths.
pub(super) fn billionths(quantile: f64) -> u64 {
    (quantile * BILLION as f64).round() as u64
}

/// Which of `count` in ascending order, from 1, is the quantile: the first that leaves a share of at least it behind.
pub(super) fn rank(billionths: u64, count: u64) -> u64 {
    let rank = (u128::from(billionths) * u128::from(count)).div_ceil(u128::from(BILLION));
    u64::try_from(rank).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_millis(millis: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new();
        for each in millis {
            latencies.record(Span::from_millis(each));
        }
        latencies
    }

    #[test]
    fn quantiles_are_right_to_one_percent_and_the_rest_exactly() {
        let latencies = of_millis(1..=1000);
        for (quantile, exact) in [(0.5, 0.5), (0.9, 0.9), (0.99, 0.99), (0.001, 0.001)] {
            let seen = latencies.quantile_s(quantile).expect("there are some");
            assert!((seen / exact - 1.0).abs() < 0.01, "{quantile}: {seen}");
        }
        assert_eq!(latencies.mean_s(), Some(0.5005));
        assert_eq!(latencies.max_s(), Some(1.0));
        assert_eq!(latencies.quantile_s(1.0), Some(1.0));
        assert_eq!(latencies.quantile_s(0.0), Some(0.001));
    }

    #[test]
    fn what_is_out_of_range_counts_at_its_edge() {
        let mut latencies = Latencies::new();
        latencies.record(Span::from_nanos(1));
        latencies.record(Span::from_nanos(500));
        latencies.record(Span::from_secs(7200));
        assert_eq!(latencies.count(), 3);
        assert_eq!(latencies.max_s(), Some(7200.0));
        assert_eq!(latencies.quantile_s(0.5), Some(1e-6));
    }

    #[test]
    fn two_halves_make_a_whole() {
        let mut all = of_millis(1..=500);
        all.merge(&of_millis(501..=1000));
        assert_eq!(all.quantile_s(0.95), of_millis(1..=1000).quantile_s(0.95));
        assert_eq!(all.mean_s(), Some(0.5005));
        all.clear();
        assert_eq!((all.count(), all.quantile_s(0.5), all.mean_s()), (0, None, None));
    }

    #[test]
    fn ranks_are_exact_where_floats_are_not() {
        assert_eq!(rank(billionths(0.07), 100), 7); // 0.07 × 100 is 7.000000000000001 in floats
        assert_eq!(rank(billionths(0.95), 20), 19);
        assert_eq!(rank(billionths(0.5), 1), 1);
        assert_eq!(rank(billionths(0.999), 1000), 999);
    }
}
