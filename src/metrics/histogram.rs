//! Latencies as a server counts them for Prometheus: a native histogram, whose buckets grow by the eighth root of two.
//!
//! Law: a count never goes down, and its memory does not depend on how much was counted.
//!
//! Rules: Prometheus native histograms of schema 3 (what client libraries take for a growth of 1.1), and
//! `promql/quantile.go` (`HistogramQuantile`) with exponential interpolation within a bucket, August 2026.

use crate::units::Span;

/// Buckets in which a latency doubles.
const PER_OCTAVE: i32 = 8;

/// The least latency told apart from 0: 2^-17 s, 8 µs.
const LEAST_OCTAVE: i32 = -17;

/// The greatest latency told apart from all above: 2^12 s, over an hour.
const GREATEST_OCTAVE: i32 = 12;

/// How many buckets: the first takes everything below, the last everything above.
const BUCKETS: usize = ((GREATEST_OCTAVE - LEAST_OCTAVE) * PER_OCTAVE) as usize + 1;

/// Upper ends of an octave's buckets, in ratios to where the octave begins: 2^(k/8).
const ENDS: [f64; PER_OCTAVE as usize] = [
    1.0,
    1.090_507_732_665_257_7,
    1.189_207_115_002_721,
    1.296_839_554_651_009_6,
    std::f64::consts::SQRT_2,
    1.542_210_825_407_940_7,
    1.681_792_830_507_429,
    1.834_008_086_409_342_4,
];

/// Counts of latencies by bucket, since a server began.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyCounts(Box<[u64]>);

impl Default for LatencyCounts {
    fn default() -> Self {
        Self(vec![0; BUCKETS].into_boxed_slice())
    }
}

impl LatencyCounts {
    /// Adds one.
    pub fn record(&mut self, latency: Span) {
        self.0[place(latency.as_secs_f64())] += 1;
    }

    /// How many in all.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Takes over another's counts.
    pub fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }
}

/// Buckets of real weights: rates of counts, summed over servers.
#[derive(Clone, Debug)]
pub struct LatencyRates(Vec<f64>);

impl Default for LatencyRates {
    fn default() -> Self {
        Self(vec![0.0; BUCKETS])
    }
}

impl LatencyRates {
    /// Adds `weight` for each of the counts.
    pub fn add(&mut self, counts: &LatencyCounts, weight: f64) {
        for (rate, count) in self.0.iter_mut().zip(&counts.0) {
            *rate += *count as f64 * weight;
        }
    }

    /// The latency in seconds that a share of `quantile` does not exceed; NaN if nothing was counted.
    pub fn quantile_s(&self, quantile: f64) -> f64 {
        let rank = quantile * self.0.iter().sum::<f64>();
        let mut below = 0.0;
        for (place, &rate) in self.0.iter().enumerate() {
            if rate > 0.0 && below + rate >= rank {
                let share = ((rank - below) / rate).clamp(0.0, 1.0);
                return end_s(place) * ((share - 1.0) / f64::from(PER_OCTAVE)).exp2();
            }
            below += rate;
        }
        // Rounding may leave the rank a hair above the sum.
        self.0.iter().rposition(|&rate| rate > 0.0).map_or(f64::NAN, end_s)
    }
}

/// Where a bucket ends.
fn end_s(place: usize) -> f64 {
    let eighths = i32::try_from(place).expect("some hundred buckets") + LEAST_OCTAVE * PER_OCTAVE;
    (f64::from(eighths) / f64::from(PER_OCTAVE)).exp2()
}

/// Into which bucket: it begins above its lower end and holds its upper one.
fn place(latency_s: f64) -> usize {
    const MANTISSA_BITS: u32 = 52;
    const BIAS: i32 = 1_023;
    let bits = latency_s.to_bits();
    let octave = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let mantissa = f64::from_bits(bits & ((1 << MANTISSA_BITS) - 1) | (BIAS as u64) << MANTISSA_BITS);
    let within = ENDS.iter().filter(|&&end| mantissa > end).count() as i32;
    let place = (octave - LEAST_OCTAVE) * PER_OCTAVE + within;
    place.clamp(0, BUCKETS as i32 - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_in_the_bucket_that_ends_next() {
        for millis in [1, 2, 10, 62, 63, 125, 126, 250, 1_000, 1_091, 4_000, 60_000] {
            let latency_s = f64::from(millis) / 1_000.0;
            let end = end_s(place(latency_s));
            assert!(latency_s <= end * (1.0 + 1e-12), "{latency_s} ends at {end}");
            assert!(latency_s > end * (-1.0 / 8.0_f64).exp2() * (1.0 - 1e-12), "{latency_s} ends at {end}");
        }
        for (k, end) in ENDS.into_iter().enumerate() {
            assert!((end - (k as f64 / 8.0).exp2()).abs() < 1e-15, "{k}");
        }
        assert_eq!((place(0.0), place(1e-6), place(1e6)), (0, 0, BUCKETS - 1));
        // A power of two is the upper end of its bucket.
        assert!((end_s(place(0.25)) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn quantiles_are_right_to_a_bucket() {
        let mut counts = LatencyCounts::default();
        for millis in 1..=1_000 {
            counts.record(Span::from_millis(millis));
        }
        let mut rates = LatencyRates::default();
        rates.add(&counts, 0.1);
        rates.add(&counts, 0.1);
        assert_eq!(counts.count(), 1_000);
        for quantile in [0.5, 0.95, 0.99, 1.0] {
            let seen = rates.quantile_s(quantile);
            assert!((seen / quantile - 1.0).abs() < 0.09, "{quantile}: {seen}");
        }
        assert!(LatencyRates::default().quantile_s(0.5).is_nan());
    }

    #[test]
    fn a_single_bucket_is_interpolated_exponentially() {
        let mut counts = LatencyCounts::default();
        counts.record(Span::from_millis(240)); // between 2^(-17/8) and 2^(-16/8)
        let mut rates = LatencyRates::default();
        rates.add(&counts, 1.0);
        assert!((rates.quantile_s(1.0) - 0.25).abs() < 1e-12);
        assert!((rates.quantile_s(0.5) - (-33.0 / 16.0_f64).exp2()).abs() < 1e-12);
    }
}
