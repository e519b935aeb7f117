//! Open arrivals driven by a rate: Poisson, deterministic, renewal.
//!
//! All three are one process: gaps in units of area under the rate, turned into instants by the cursor of [`Rate`]. Gaps of
//! mean 1 keep their law, so a renewal process keeps its cv while it follows any rate.

use super::rate::Rate;
use super::spec::RateSpec;
use crate::random::Law;
use crate::random::Stream;
use crate::random::dist::unit_exponential;
use crate::units::SimTime;
use crate::units::Span;

/// Arrivals by inversion of the area under a rate.
pub(super) struct ByRate {
    rate: Rate,
    gaps: Gaps,
    stream: Stream,
    from: SimTime,
    pending: SimTime,
}

/// Area from one arrival to the next.
pub(super) enum Gaps {
    /// Exponential of mean 1: a Poisson process.
    Exponential,
    /// Always 1, the first one this.
    Even {
        /// Area before the first arrival.
        first: f64,
    },
    /// Any law of mean 1.
    Renewal(Law),
}

impl ByRate {
    pub(super) fn new(
        (rate, scale): (&RateSpec, f64),
        gaps: Gaps,
        stream: Stream,
        (from, end): (SimTime, SimTime),
    ) -> Self {
        let since_start = from.since(SimTime::ZERO);
        let rate = Rate::new(rate, since_start).scaled(scale).ending_at(end.saturating_since(from));
        let mut process = Self { rate, gaps, stream, from, pending: SimTime::NEVER };
        let first = match process.gaps {
            Gaps::Even { first } => first,
            _ => process.gap(),
        };
        process.wait_for(first);
        process
    }

    pub(super) const fn next_at(&self) -> SimTime {
        self.pending
    }

    /// The pending arrival happens; the next one is drawn.
    #[inline(always)]
    pub(super) fn fire(&mut self) {
        let gap = self.gap();
        self.wait_for(gap);
    }

    pub(super) fn set_scale(&mut self, now: SimTime, scale: f64) {
        let pending = self.rate.rescale(now.saturating_since(self.from), scale);
        self.pending = self.instant(pending);
    }

    #[inline(always)]
    fn gap(&mut self) -> f64 {
        match &self.gaps {
            Gaps::Exponential => unit_exponential(&mut self.stream),
            Gaps::Even { .. } => 1.0,
            Gaps::Renewal(law) => law.sample(&mut self.stream),
        }
    }

    #[inline(always)]
    fn wait_for(&mut self, gap: f64) {
        let pending = self.rate.advance(gap);
        self.pending = self.instant(pending);
    }

    #[inline(always)]
    fn instant(&self, since_from: Option<Span>) -> SimTime {
        since_from.map_or(SimTime::NEVER, |span| self.from + span)
    }
}
