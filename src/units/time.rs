//! Simulated time in whole nanoseconds.
//!
//! Instants and lengths are different types. Integers make equality and order exact: a 15 s scrape and a 15 s sync that
//! start together meet for ever, which accumulated floating-point seconds do not.

use std::fmt;
use std::ops::{Add, AddAssign, Mul};

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// An instant of simulated time: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

/// A length of simulated time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

/// Why a number of seconds is no [`Span`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanError {
    /// NaN or infinite.
    NotFinite,
    /// Below zero.
    Negative,
    /// Longer than 584 years.
    TooLong,
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "not a finite number of seconds",
            Self::Negative => "a negative number of seconds",
            Self::TooLong => "longer than 584 years",
        })
    }
}

impl std::error::Error for SpanError {}

/// When something periodic happens first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Uniform over one period.
    Random,
    /// At this time.
    At(Span),
}

impl SimTime {
    /// The start of the run.
    pub const ZERO: Self = Self(0);
    /// Later than everything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `secs` whole seconds after the start.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for formulas and output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// Time from `earlier` to here.
    ///
    /// # Panics
    /// If `earlier` is later: the caller's order of events is broken.
    pub fn since(self, earlier: Self) -> Span {
        match self.0.checked_sub(earlier.0) {
            Some(nanos) => Span(nanos),
            None => panic!("{earlier:?} is later than {self:?}"),
        }
    }

    /// Time from `earlier` to here, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The instant `span` before this one, if the run had begun by then.
    pub const fn checked_sub(self, span: Span) -> Option<Self> {
        match self.0.checked_sub(span.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The instant `span` before this one, at the earliest the start of the run.
    pub const fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The instant `span` after this one, at the latest [`SimTime::NEVER`].
    pub const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span.
    pub const MAX: Self = Self(u64::MAX);

    /// `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// `secs` whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * NANOS_PER_SEC)
    }

    /// The only door from floating-point seconds: rounds once, to the nearest nanosecond.
    ///
    /// # Errors
    /// NaN, infinities, negative numbers, and what does not fit.
    pub fn from_secs_f64(secs: f64) -> Result<Self, SpanError> {
        if !secs.is_finite() {
            return Err(SpanError::NotFinite);
        }
        if secs < 0.0 {
            return Err(SpanError::Negative);
        }
        let nanos = (secs * NANOS_PER_SEC as f64).round();
        if nanos >= u64::MAX as f64 {
            return Err(SpanError::TooLong);
        }
        Ok(Self(nanos as u64))
    }

    /// As [`Span::from_secs_f64`] for drawn values, where only the far tail of a law can miss: NaN and negative become
    /// zero, too long becomes [`Span::MAX`].
    pub fn from_drawn_secs(secs: f64) -> Self {
        Self((secs * NANOS_PER_SEC as f64 + 0.5) as u64)
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds, for formulas and output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// True for no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The difference, zero if `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for SimTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for SimTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Span {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickers_of_different_periods_meet_exactly() {
        let met = (0..86_400_u64)
            .filter(|n| {
                (SimTime::ZERO + Span::from_millis(100) * (n * 10))
                    .as_nanos()
                    .is_multiple_of(Span::from_secs(15).as_nanos())
            })
            .count();
        assert_eq!(met, 5_760); // every 15 s of a day
    }

    #[test]
    fn seconds_come_in_through_one_door() {
        assert_eq!(Span::from_secs_f64(1.5), Ok(Span::from_millis(1500)));
        assert_eq!(Span::from_secs_f64(f64::NAN), Err(SpanError::NotFinite));
        assert_eq!(Span::from_secs_f64(-0.1), Err(SpanError::Negative));
        assert_eq!(Span::from_secs_f64(1e12), Err(SpanError::TooLong));
        assert_eq!(Span::from_drawn_secs(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_drawn_secs(f64::INFINITY), Span::MAX);
    }

    #[test]
    fn differences_are_checked() {
        assert_eq!(SimTime::from_secs(3).since(SimTime::from_secs(1)), Span::from_secs(2));
        assert_eq!(SimTime::from_secs(1).checked_sub(Span::from_secs(2)), None);
        assert_eq!(SimTime::NEVER + Span::from_secs(1), SimTime::NEVER);
    }
}
