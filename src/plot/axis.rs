//! An axis with exact ticks: linear, logarithmic or a clock. Values beyond its ends are clamped, since the drawing library
//! clips lines at the picture and not at the panel.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// One axis of a panel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    logarithmic: bool,
}

/// Steps that people expect on a clock, in seconds.
const CLOCK_STEPS_S: [f64; 18] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0,
    86_400.0,
];

impl Axis {
    /// From zero to the next tick above `largest`; ticks every 1, 2 or 5 × 10ⁿ, about `wanted` of them.
    pub(super) fn counted(largest: f64, wanted: u32) -> Self {
        let largest = if largest.is_finite() && largest > 0.0 { largest } else { 1.0 };
        let step = round_step(largest / f64::from(wanted));
        let steps = (largest / step * 0.999_999).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|n| f64::from(n) * step).collect();
        Self { low: 0.0, high: steps * step, ticks, logarithmic: false }
    }

    /// Per cent from zero: ticks every 25 up to 200, round ones beyond.
    pub(super) fn percent(largest: f64) -> Self {
        if !largest.is_finite() || largest > 200.0 {
            return Self::counted(largest, 5);
        }
        let steps = (largest / 25.0).ceil().max(4.0);
        let ticks = (0..=steps as u32).map(|n| f64::from(n) * 25.0).collect();
        // A little air above, so that a line at 100 is not lost in the frame.
        Self { low: 0.0, high: steps * 25.0 * 1.04, ticks, logarithmic: false }
    }

    /// Whole numbers from zero.
    pub(super) fn whole(largest: f64, wanted: u32) -> Self {
        let axis = Self::counted(largest.max(1.0), wanted);
        let ticks = axis.ticks.iter().copied().filter(|tick| tick.fract() == 0.0).collect();
        Self { ticks, ..axis }
    }

    /// Decades that hold both values, with ticks at 1, or at 1 and 3 if there is room.
    pub(super) fn decades(smallest: f64, largest: f64) -> Self {
        let (smallest, largest) = if smallest > 0.0 && largest.is_finite() && largest >= smallest {
            (smallest, largest)
        } else {
            (0.01, 1.0)
        };
        let marks = |per_decade: &[f64]| -> Vec<f64> {
            let first = smallest.log10().floor() as i32;
            let last = largest.log10().ceil() as i32;
            (first..=last).flat_map(|exponent| per_decade.iter().map(move |mark| mark * 10_f64.powi(exponent))).collect()
        };
        let fine = marks(&[1.0, 2.0, 5.0]);
        let low = fine.iter().copied().filter(|&mark| mark <= smallest * 1.000_001).fold(fine[0], f64::max);
        let high = fine.iter().copied().find(|&mark| mark >= largest * 0.999_999 && mark > low).unwrap_or(low * 10.0);
        let within = |marks: Vec<f64>| marks.into_iter().filter(|&mark| (low..=high).contains(&mark)).collect::<Vec<_>>();
        let mut ticks = within(fine);
        if ticks.len() > 7 {
            ticks = within(marks(&[1.0]));
        }
        Self { low, high, ticks, logarithmic: true }
    }

    /// A clock over `duration_s`, about `wanted` ticks; `starts_at_s` is what it says at 0.
    pub(super) fn clock(duration_s: f64, starts_at_s: f64, wanted: u32) -> Self {
        let duration_s = duration_s.max(1e-3);
        let days = (duration_s / f64::from(wanted) / 86_400.0).ceil();
        let step = CLOCK_STEPS_S.into_iter().find(|step| duration_s / step <= f64::from(wanted)).unwrap_or(days * 86_400.0);
        let first = (starts_at_s / step).ceil() * step - starts_at_s;
        let ticks = (0..).map(|n| first + f64::from(n) * step).take_while(|&tick| tick <= duration_s * 1.000_001).collect();
        Self { low: 0.0, high: duration_s, ticks, logarithmic: false }
    }

    /// Its upper end.
    pub(super) const fn high(&self) -> f64 {
        self.high
    }

    /// Its lower end.
    pub(super) const fn low(&self) -> f64 {
        self.low
    }

    fn part(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value.max(self.low).ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }
}

/// The smallest of 1, 2, 5 × 10ⁿ that is at least `raw`.
fn round_step(raw: f64) -> f64 {
    let magnitude = 10_f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|step| step * magnitude).find(|&step| step >= raw * 0.999_999).unwrap_or(10.0 * magnitude)
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (begin, end): (i32, i32)) -> i32 {
        let part = if value.is_finite() { self.part(*value).clamp(0.0, 1.0) } else { 1.0 };
        begin + (f64::from(end - begin) * part).round() as i32
    }

    fn key_points<H: KeyPointHint>(&self, _hint: H) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_beyond_the_data() {
        assert_eq!(Axis::counted(487.0, 5).ticks, [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
        assert_eq!(Axis::counted(0.0, 5).high, 1.0);
        assert_eq!(Axis::whole(2.0, 5).ticks, [0.0, 1.0, 2.0]);
        let log = Axis::decades(0.07, 13.0);
        assert_eq!((log.low, log.high), (0.05, 20.0));
        assert!(log.ticks.len() <= 9 && log.ticks.contains(&1.0));
        assert_eq!(Axis::clock(7_200.0, 0.0, 9).ticks.len(), 9); // every quarter of an hour
        assert_eq!(Axis::clock(3_600.0, 1_800.0, 5).ticks, [0.0, 900.0, 1_800.0, 2_700.0, 3_600.0]);
    }

    #[test]
    fn odd_input_still_makes_an_axis() {
        for (low, high) in [(0.0, 0.0), (f64::NAN, 1.0), (2.0, 1.0), (1.0, f64::INFINITY), (1.0, 1.0)] {
            let axis = Axis::decades(low, high);
            assert!(axis.low > 0.0 && axis.high > axis.low);
        }
        assert_eq!(Axis::counted(1.0, 5).map(&f64::INFINITY, (0, 100)), 100);
        assert!(!Axis::clock(0.0, 0.0, 9).ticks.is_empty());
    }
}
