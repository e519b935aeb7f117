//! Rates as functions of time: values, and how far ahead a formula stays the same.
//!
//! Times are nanoseconds since the load's `from`. A shape answers two questions. [`Shape::value`]: the formula that holds
//! from an instant on, evaluated some way behind it. [`Shape::stretch`]: until when that formula holds, and whether it is
//! flat, straight or curved. From these two the cursor in [`super::rate`] cuts its pieces.

use super::spec::{RateSpec, Stage};
use crate::units::Span;
use std::f64::consts::TAU;

const HOUR: u64 = 3_600_000_000_000;
const DAY: u64 = 24 * HOUR;
/// An exponential approach is over after so many time constants: e^-64 is below 2e-28.
const SETTLED_AFTER: u64 = 64;

/// A rate function.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Piecewise linear; the last line is flat and has no end.
    Lines(Vec<Line>),
    /// Exponential rise, exponential decay.
    FlashCrowd(FlashCrowd),
    /// A wave around a mean.
    Sine {
        /// 1/s.
        mean: f64,
        /// Share of the mean.
        amplitude: f64,
        /// Length of a wave.
        period: u64,
        /// How far into the wave time 0 is.
        ahead: u64,
    },
    /// A profile of the day.
    Diurnal {
        /// 1/s.
        mean: f64,
        /// Factors at the full hours.
        profile: Box<[f64; 24]>,
        /// What the clock says at time 0.
        clock: u64,
    },
    /// The sum of the parts.
    Sum(Vec<Shape>),
    /// The product of the factors.
    Product(Vec<Shape>),
}

/// A line from `rate` at `start` to `target` after `length`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    start: u64,
    length: u64,
    rate: f64,
    target: f64,
}

/// base + (peak - base)(1 - e^(-t/rise)) for a time, then e^(-t/decay) back to the base.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlashCrowd {
    base: f64,
    peak: f64,
    begins: u64,
    /// From here on the rise has reached its peak, if it lasts so long.
    risen: u64,
    falls: u64,
    /// From here on the base is reached again.
    over: u64,
    rise: f64,
    decay: f64,
    /// What the rise has added at its end.
    excess: f64,
}

/// How a shape goes on from an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// The formula changes here; `None`: never.
    pub until: Option<u64>,
    /// What kind of formula it is.
    pub bend: Bend,
}

/// The kind of a formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bend {
    /// Constant.
    Flat,
    /// Linear.
    Straight,
    /// Smooth; the number is how much it bends in a nanosecond: 2π/period, 1/time constant.
    Curved(f64),
}

impl Shape {
    /// The function of this description; `from` is where the load begins in the run, which moves the diurnal clock.
    pub(super) fn new(spec: &RateSpec, from: Span) -> Self {
        match spec {
            RateSpec::Constant(rate) => Self::flat(*rate),
            RateSpec::Step { before, after, at } => lines(*before, &[(*at, *before), (Span::ZERO, *after)]),
            RateSpec::Ramp { from, to, at, over } => lines(*from, &[(*at, *from), (*over, *to)]),
            RateSpec::Spike { base, peak, at, lasts } => {
                lines(*base, &[(*at, *base), (Span::ZERO, *peak), (*lasts, *peak), (Span::ZERO, *base)])
            }
            RateSpec::Stages(stages) => {
                let stages: Vec<_> = stages.iter().map(|Stage { duration, target }| (*duration, *target)).collect();
                lines(0.0, &stages)
            }
            RateSpec::FlashCrowd { base, peak, at, hold, rise, decay } => {
                Self::FlashCrowd(FlashCrowd::new((*base, *peak), *at, *hold, *rise, *decay))
            }
            RateSpec::Sine { mean, amplitude, period, phase } => {
                let period = period.as_nanos();
                if *mean == 0.0 || *amplitude == 0.0 || period == 0 {
                    return Self::flat(*mean);
                }
                let ahead = (period - phase.as_nanos() % period) % period;
                Self::Sine { mean: *mean, amplitude: *amplitude, period, ahead }
            }
            RateSpec::Diurnal { mean, profile, starts_at } => {
                if *mean == 0.0 {
                    return Self::flat(0.0);
                }
                let clock = (starts_at.as_nanos() % DAY + from.as_nanos() % DAY) % DAY;
                Self::Diurnal { mean: *mean, profile: Box::new(*profile), clock }
            }
            RateSpec::Sum(parts) => Self::Sum(parts.iter().map(|part| Self::new(part, from)).collect()),
            RateSpec::Product(factors) => Self::Product(factors.iter().map(|factor| Self::new(factor, from)).collect()),
        }
    }

    fn flat(rate: f64) -> Self {
        lines(rate, &[])
    }

    /// The formula that holds from `at` on, `offset` nanoseconds later.
    pub(super) fn value(&self, at: u64, offset: f64) -> f64 {
        match self {
            Self::Lines(lines) => line_at(lines, at).value(at, offset),
            Self::FlashCrowd(crowd) => crowd.value(at, offset),
            Self::Sine { mean, amplitude, period, ahead } => {
                let into = ((at % period + ahead) % period) as f64 + offset;
                (mean * (1.0 + amplitude * (TAU * into / *period as f64).sin())).max(0.0)
            }
            Self::Diurnal { mean, profile, clock } => {
                let now = (clock + at % DAY) % DAY;
                let hour = (now / HOUR) as usize;
                let share = ((now % HOUR) as f64 + offset) / HOUR as f64;
                mean * between(profile[hour], profile[(hour + 1) % 24], share)
            }
            Self::Sum(parts) => parts.iter().map(|part| part.value(at, offset)).sum(),
            Self::Product(factors) => factors.iter().map(|factor| factor.value(at, offset)).product(),
        }
    }

    /// How the formula of `at` goes on.
    pub(super) fn stretch(&self, at: u64) -> Stretch {
        match self {
            Self::Lines(lines) => line_at(lines, at).stretch(),
            Self::FlashCrowd(crowd) => crowd.stretch(at),
            Self::Sine { period, .. } => Stretch { until: None, bend: Bend::Curved(TAU / *period as f64) },
            Self::Diurnal { clock, .. } => {
                let left = HOUR - (clock % HOUR + at % HOUR) % HOUR;
                Stretch { until: at.checked_add(left), bend: Bend::Straight }
            }
            Self::Sum(parts) => sum_stretch(parts, at),
            Self::Product(factors) => product_stretch(factors, at),
        }
    }
}

/// Lines from a rate through targets; the last one holds.
fn lines(from: f64, stages: &[(Span, f64)]) -> Shape {
    let (mut lines, mut start, mut rate) = (Vec::new(), 0_u64, from);
    for (duration, target) in stages {
        let length = duration.as_nanos();
        if length > 0 {
            lines.push(Line { start, length, rate, target: *target });
        }
        start = start.saturating_add(length);
        rate = *target;
    }
    lines.push(Line { start, length: u64::MAX, rate, target: rate });
    Shape::Lines(lines)
}

/// The line that holds from `at` on.
fn line_at(lines: &[Line], at: u64) -> &Line {
    let begun = lines.partition_point(|line| line.start <= at);
    &lines[begun - 1]
}

/// Exact at both ends.
fn between(first: f64, second: f64, share: f64) -> f64 {
    first * (1.0 - share) + second * share
}

impl Line {
    fn value(&self, at: u64, offset: f64) -> f64 {
        if self.rate == self.target {
            return self.rate;
        }
        between(self.rate, self.target, ((at - self.start) as f64 + offset) / self.length as f64)
    }

    fn stretch(&self) -> Stretch {
        let until = if self.length == u64::MAX { None } else { self.start.checked_add(self.length) };
        Stretch { until, bend: if self.rate == self.target { Bend::Flat } else { Bend::Straight } }
    }
}

impl FlashCrowd {
    fn new((base, peak): (f64, f64), at: Span, hold: Span, rise: Span, decay: Span) -> Self {
        let begins = at.as_nanos();
        let falls = (at + hold).as_nanos();
        let risen = (at + rise * SETTLED_AFTER).as_nanos().min(falls);
        let over = (at + hold + decay * SETTLED_AFTER).as_nanos();
        let (rise, decay) = (rise.as_nanos() as f64, decay.as_nanos() as f64);
        let reached = if risen < falls { 1.0 } else { -(-(hold.as_nanos() as f64) / rise).exp_m1() };
        // A crowd that neither holds nor has to rise (0/0) adds nothing.
        let excess = if reached.is_nan() { 0.0 } else { (peak - base) * reached };
        Self { base, peak, begins, risen, falls, over, rise, decay, excess }
    }

    fn value(&self, at: u64, offset: f64) -> f64 {
        if at < self.begins || at >= self.over {
            self.base
        } else if at < self.risen {
            let x = (at - self.begins) as f64 + offset;
            self.base - (self.peak - self.base) * (-x / self.rise).exp_m1()
        } else if at < self.falls {
            self.peak
        } else {
            let x = (at - self.falls) as f64 + offset;
            self.base + self.excess * (-x / self.decay).exp()
        }
    }

    fn stretch(&self, at: u64) -> Stretch {
        let (until, bend) = if at < self.begins {
            (Some(self.begins), Bend::Flat)
        } else if at < self.risen {
            (Some(self.risen), Bend::Curved(1.0 / self.rise))
        } else if at < self.falls {
            (Some(self.falls), Bend::Flat)
        } else if at < self.over {
            (Some(self.over), Bend::Curved(1.0 / self.decay))
        } else {
            (None, Bend::Flat)
        };
        Stretch { until, bend }
    }
}

/// The earlier of two ends.
fn earlier(first: Option<u64>, second: Option<u64>) -> Option<u64> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.min(second)),
        (first, second) => first.or(second),
    }
}

fn sum_stretch(parts: &[Shape], at: u64) -> Stretch {
    let mut all = Stretch { until: None, bend: Bend::Flat };
    for part in parts {
        let stretch = part.stretch(at);
        all.until = earlier(all.until, stretch.until);
        all.bend = match (all.bend, stretch.bend) {
            (Bend::Curved(first), Bend::Curved(second)) => Bend::Curved(first.max(second)),
            (curved @ Bend::Curved(_), _) | (_, curved @ Bend::Curved(_)) => curved,
            (Bend::Flat, Bend::Flat) => Bend::Flat,
            _ => Bend::Straight,
        };
    }
    all
}

fn product_stretch(factors: &[Shape], at: u64) -> Stretch {
    let mut all = Stretch { until: None, bend: Bend::Flat };
    // The longest silence of a factor silences all, whatever the others do meanwhile.
    let mut silence: Option<Stretch> = None;
    for factor in factors {
        let stretch = factor.stretch(at);
        if stretch.bend == Bend::Flat && factor.value(at, 0.0) == 0.0 {
            let longer = silence.is_none_or(|known| match (known.until, stretch.until) {
                (Some(known), Some(other)) => other > known,
                (known, _) => known.is_some(),
            });
            silence = if longer { Some(stretch) } else { silence };
        }
        all.bend = match (all.bend, stretch.bend) {
            (bend, Bend::Flat) | (Bend::Flat, bend) => bend,
            (first, second) => Bend::Curved(bend_of(first, at, all.until) + bend_of(second, at, stretch.until)),
        };
        all.until = earlier(all.until, stretch.until);
    }
    silence.unwrap_or(all)
}

/// How much a factor bends a product: a line as if its length were a time constant.
fn bend_of(bend: Bend, at: u64, until: Option<u64>) -> f64 {
    match (bend, until) {
        (Bend::Curved(bend), _) => bend,
        (Bend::Straight, Some(until)) => 1.0 / (until - at) as f64,
        _ => 0.0,
    }
}
