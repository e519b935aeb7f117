//! What a tally counts of anything that is asked, scaled or read at ticks: a pool, a model, a pipeline.

use super::latency::Latencies;
use super::recorder::Outcome;
use super::story::{StoryTeller, resized};
use super::totals::{ConditionTotals, LatencyTotals, RequestTotals, SpellTotals, SpreadTotals};
use crate::scalers::Report;
use crate::units::{SimTime, Span};

pub(super) const SECONDS_PER_HOUR: f64 = 3600.0;

/// Requests by how they ended.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestTally {
    pub offered: u64,
    outcomes: [u64; Outcome::ALL.len()],
    pub done: Latencies,
    /// Ages of unfinished requests: a quantile over all offered ones needs them.
    pub unfinished: Latencies,
}

impl RequestTally {
    #[inline(always)]
    pub fn ended(&mut self, outcome: Outcome, age: Span) {
        self.outcomes[outcome as usize] += 1;
        match outcome {
            Outcome::Done => self.done.record(age),
            Outcome::Unfinished => self.unfinished.record(age),
            Outcome::Rejected | Outcome::TimedOut | Outcome::Lost => {}
        }
    }

    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Rejected, timed out or lost.
    pub fn failed(&self) -> u64 {
        self.outcome(Outcome::Rejected) + self.outcome(Outcome::TimedOut) + self.outcome(Outcome::Lost)
    }

    pub fn totals(&self) -> RequestTotals {
        let done = self.outcome(Outcome::Done);
        let failed = self.failed();
        RequestTotals {
            offered: self.offered,
            done,
            rejected: self.outcome(Outcome::Rejected),
            timed_out: self.outcome(Outcome::TimedOut),
            lost: self.outcome(Outcome::Lost),
            unfinished: self.outcome(Outcome::Unfinished),
            errors_ratio: (done + failed > 0).then(|| failed as f64 / (done + failed) as f64),
            latency: latency_totals(&self.done),
        }
    }
}

pub(super) fn latency_totals(done: &Latencies) -> Option<LatencyTotals> {
    let quantile_s = |quantile| done.quantile_s(quantile).unwrap_or_default();
    Some(LatencyTotals {
        mean_s: done.mean_s()?,
        p50_s: quantile_s(0.5),
        p90_s: quantile_s(0.9),
        p95_s: quantile_s(0.95),
        p99_s: quantile_s(0.99),
        p999_s: quantile_s(0.999),
        max_s: done.max_s()?,
    })
}

/// What a scaler did.
#[derive(Clone, Debug, Default)]
pub(super) struct ScalerTally {
    pub decisions: u64,
    pub scale_actions: u64,
    pub conditions: Vec<ConditionTotals>,
    pub story: StoryTeller,
}

impl ScalerTally {
    pub fn pass(&mut self, now: SimTime, report: &Report) {
        self.decisions += 1;
        self.scale_actions += u64::from(resized(report).is_some());
        self.story.pass(now, report);
        self.conditions.clear();
        self.conditions.extend(report.status.conditions.iter().map(|condition| ConditionTotals {
            kind: condition.kind.clone(),
            status: condition.status,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }));
    }
}

/// A tick of the time series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    pub from: SimTime,
    pub to: SimTime,
}

impl Tick {
    pub fn length(self) -> Span {
        self.to.saturating_since(self.from)
    }
}

/// A value that is read at the end of every tick, and stands for the whole of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ByTick {
    range: Option<(u64, u64)>,
    /// Value times nanoseconds.
    area: u128,
    length_ns: u128,
}

impl ByTick {
    pub fn see(&mut self, tick: Tick, value: u64) {
        let (least, most) = self.range.unwrap_or((value, value));
        self.range = Some((least.min(value), most.max(value)));
        let nanos = u128::from(tick.length().as_nanos());
        self.area += u128::from(value) * nanos;
        self.length_ns += nanos;
    }

    pub fn most(&self) -> u64 {
        self.range.map_or(0, |(_, most)| most)
    }

    /// The value over time, in hours.
    pub fn hours(&self) -> f64 {
        self.area as f64 / 1e9 / SECONDS_PER_HOUR
    }

    pub fn totals(&self) -> SpreadTotals {
        let (min, max) = self.range.unwrap_or_default();
        let mean = if self.length_ns > 0 { self.area as f64 / self.length_ns as f64 } else { 0.0 };
        SpreadTotals { min, mean, max }
    }
}

/// Unbroken runs of something.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streak {
    pub first: Option<SimTime>,
    pub last_end: Option<SimTime>,
    begin: Option<SimTime>,
    pub longest: Span,
    total: Span,
}

impl Streak {
    /// Whether it was so between these two, which follow the last ones.
    pub fn see(&mut self, is: bool, begin: SimTime, end: SimTime) {
        if !is {
            self.begin = None;
            return;
        }
        let since = *self.begin.get_or_insert(begin);
        self.first.get_or_insert(begin);
        self.last_end = Some(end);
        self.longest = self.longest.max(end.saturating_since(since));
        self.total += end.saturating_since(begin);
    }

    /// `None` if it never was so.
    pub fn totals(&self) -> Option<SpellTotals> {
        Some(SpellTotals {
            since_s: self.first?.as_secs_f64(),
            until_s: self.last_end?.as_secs_f64(),
            total_s: self.total.as_secs_f64(),
            longest_s: self.longest.as_secs_f64(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(from_s: u64, to_s: u64) -> Tick {
        Tick { from: SimTime::from_secs(from_s), to: SimTime::from_secs(to_s) }
    }

    #[test]
    fn what_a_tick_shows_at_its_end_stands_for_the_tick() {
        let mut value = ByTick::default();
        assert_eq!(value.totals(), SpreadTotals::default());
        // 2 for 10 s, 5 for 20 s and 0 for 10 s: 120 over 40 s.
        for (from, to, read) in [(0, 10, 2), (10, 30, 5), (30, 40, 0)] {
            value.see(tick(from, to), read);
        }
        assert_eq!(value.totals(), SpreadTotals { min: 0, mean: 3.0, max: 5 });
        assert_eq!(value.hours(), 120.0 / 3600.0);
    }

    #[test]
    fn streaks_are_summed_and_the_longest_is_kept() {
        let mut streak = Streak::default();
        assert_eq!(streak.totals(), None);
        for (second, is) in [false, true, true, false, true, false].into_iter().enumerate() {
            let begin = SimTime::from_secs(second as u64);
            streak.see(is, begin, begin + Span::from_secs(1));
        }
        let told = streak.totals().expect("it was so");
        assert_eq!((told.since_s, told.until_s, told.total_s, told.longest_s), (1.0, 5.0, 3.0, 2.0));
    }
}
