//! Requests of one tick of a time series: of a pool, or of a model.
//!
//! Quantiles are exact, by selection over the samples in a buffer that is used again; beyond 65,536 samples they come from a
//! histogram.

use super::latency::{Latencies, billionths, rank};
use super::recorder::Outcome;
use crate::units::Span;

/// Samples of a tick up to which its quantiles are exact.
const EXACT_SAMPLES: usize = 65_536;

/// What was asked of one pool or model since the last tick.
pub(super) struct OpenRequests {
    pub offered: u64,
    outcomes: [u64; Outcome::ALL.len()],
    samples: TickLatencies,
}

/// A tick's requests per second, and its quantiles of latency.
pub(super) struct TickRates {
    pub offered: f64,
    pub done: f64,
    pub rejected: f64,
    pub timed_out: f64,
    pub lost: f64,
    /// p50, p95 and p99 in seconds.
    pub latency_s: [Option<f64>; 3],
}

impl OpenRequests {
    pub fn new() -> Self {
        Self {
            offered: 0,
            outcomes: [0; Outcome::ALL.len()],
            samples: TickLatencies { nanos: Vec::new(), many: Latencies::new() },
        }
    }

    #[inline(always)]
    pub fn ended(&mut self, outcome: Outcome, latency: Span) {
        self.outcomes[outcome as usize] += 1;
        if outcome == Outcome::Done {
            self.samples.record(latency);
        }
    }

    /// Closes the tick of this length and opens the next one.
    pub fn take(&mut self, length: Span) -> TickRates {
        let per_second = |count: u64| {
            if length.is_zero() { 0.0 } else { count as f64 / length.as_secs_f64() }
        };
        let of = |outcome: Outcome| per_second(self.outcomes[outcome as usize]);
        let rates = TickRates {
            offered: per_second(self.offered),
            done: of(Outcome::Done),
            rejected: of(Outcome::Rejected),
            timed_out: of(Outcome::TimedOut),
            lost: of(Outcome::Lost),
            latency_s: self.samples.take(),
        };
        self.offered = 0;
        self.outcomes = [0; Outcome::ALL.len()];
        rates
    }
}

/// Latencies of one tick.
struct TickLatencies {
    nanos: Vec<u64>,
    /// In use once `nanos` has been full.
    many: Latencies,
}

impl TickLatencies {
    #[inline(always)]
    fn record(&mut self, latency: Span) {
        if self.many.count() > 0 {
            self.many.record(latency);
        } else if self.nanos.len() < EXACT_SAMPLES {
            self.nanos.push(latency.as_nanos());
        } else {
            for nanos in self.nanos.drain(..) {
                self.many.record(Span::from_nanos(nanos));
            }
            self.many.record(latency);
        }
    }

    /// p50, p95 and p99 in seconds; leaves nothing behind.
    fn take(&mut self) -> [Option<f64>; 3] {
        const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
        if self.many.count() > 0 {
            let quantiles = QUANTILES.map(|quantile| self.many.quantile_s(quantile));
            self.many.clear();
            return quantiles;
        }
        let mut quantiles = [None; 3];
        let mut rest = self.nanos.len();
        for (quantile, value) in QUANTILES.into_iter().zip(&mut quantiles).rev() {
            // What lies below the greater quantile is already apart from what lies above.
            let rank = rank(billionths(quantile), self.nanos.len() as u64) as usize;
            if rank <= rest {
                let (_, nanos, _) = self.nanos[..rest].select_nth_unstable(rank - 1);
                *value = Some(Span::from_nanos(*nanos).as_secs_f64());
                rest = rank;
            }
        }
        self.nanos.clear();
        quantiles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_samples_of_a_tick_are_counted_in_a_histogram() {
        let mut samples = TickLatencies { nanos: Vec::new(), many: Latencies::new() };
        for micros in 1..=100_000 {
            samples.record(Span::from_nanos(micros * 1_000));
        }
        for (seen, exact) in samples.take().into_iter().zip([0.05, 0.095, 0.099]) {
            assert!((seen.expect("there are some") / exact - 1.0_f64).abs() < 0.01, "{exact}");
        }
        assert_eq!(samples.take(), [None; 3]);
        samples.record(Span::from_millis(7));
        assert_eq!(samples.take(), [Some(0.007); 3], "exact again");
    }
}
