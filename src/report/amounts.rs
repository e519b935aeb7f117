//! Figures in words: a mean, how far it can be trusted, a difference.

use super::words::{latency, percent, usd};
use crate::experiment::{Estimate, Unit};

/// What a figure without a value looks like.
pub const NOTHING: &str = "–";

/// A figure's value.
pub fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => percent(value),
        Unit::Seconds => latency(value),
        Unit::Plain => format!("{value:.1}"),
        Unit::Money => usd(value),
    }
}

/// Mean, and half the interval in the mean's unit.
pub fn mean_and_half(unit: Unit, estimate: &Estimate) -> [String; 2] {
    let Estimate { mean, half_width, .. } = *estimate;
    let written = amount(unit, mean);
    let Some(half_width) = half_width else {
        return [written, NOTHING.to_owned()];
    };
    let in_unit = match unit {
        Unit::Share => half_width * 100.0,
        Unit::Seconds if mean < 0.9995e-3 => half_width * 1e6,
        Unit::Seconds if mean < 0.9995 => half_width * 1e3,
        _ => half_width,
    };
    let narrow = in_unit < 0.05 || matches!(unit, Unit::Money);
    [written, if narrow { format!("±{in_unit:.2}") } else { format!("±{in_unit:.1}") }]
}

/// A difference and its interval: `+10.7 [+10.4, +11.0]`; shares in points of a hundred.
pub fn difference(unit: Unit, estimate: &Estimate) -> String {
    let (low, high) = estimate.interval().unwrap_or((estimate.mean, estimate.mean));
    let largest = low.abs().max(high.abs());
    let (factor, suffix) = match unit {
        Unit::Share => (100.0, ""),
        Unit::Seconds if largest < 1e-3 => (1e6, "µs"),
        Unit::Seconds if largest < 1.0 => (1e3, "ms"),
        Unit::Seconds => (1.0, "s"),
        Unit::Plain | Unit::Money => (1.0, ""),
    };
    // The interval's width says how many digits mean something; without one the value itself does.
    let scale = estimate.half_width.filter(|half| *half > 0.0).unwrap_or(estimate.mean.abs() / 10.0) * factor;
    let least: i32 = match unit {
        Unit::Money => 2,
        Unit::Seconds if scale >= 10.0 => 0,
        _ => 1,
    };
    let decimals = if scale > 0.0 { (-scale.log10().floor() as i32).clamp(least, 6) } else { least };
    let decimals = usize::try_from(decimals).expect("it was clamped above 0");
    let mean = signed(estimate.mean * factor, decimals);
    match estimate.half_width {
        None => format!("{mean}{suffix}"),
        Some(_) => format!("{mean}{suffix} [{}, {}]", signed(low * factor, decimals), signed(high * factor, decimals)),
    }
}

/// With its sign, minus as in print; nothing has none.
fn signed(value: f64, decimals: usize) -> String {
    let size = format!("{:.decimals$}", value.abs());
    if size.chars().all(|c| matches!(c, '0' | '.')) {
        size
    } else if value < 0.0 {
        format!("−{size}")
    } else {
        format!("+{size}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimated(mean: f64, half_width: f64) -> Estimate {
        Estimate { seeds: 20, mean, half_width: Some(half_width) }
    }

    #[test]
    fn differences_have_as_many_digits_as_they_are_sure_of() {
        let table = [
            (Unit::Share, 0.107, 0.003, "+10.7 [+10.4, +11.0]"),
            (Unit::Share, -0.079, 0.002, "−7.9 [−8.1, −7.7]"),
            (Unit::Share, -0.000_31, 0.000_04, "−0.031 [−0.035, −0.027]"),
            (Unit::Plain, 20.8, 0.2, "+20.8 [+20.6, +21.0]"),
            (Unit::Plain, 20.0, 0.0, "+20.0 [+20.0, +20.0]"),
            (Unit::Money, 16.64, 0.14, "+16.64 [+16.50, +16.78]"),
            (Unit::Seconds, -3.1, 0.2, "−3.1s [−3.3, −2.9]"),
            (Unit::Seconds, 0.310, 0.020, "+310ms [+290, +330]"),
            (Unit::Seconds, 0.000_03, 0.000_002, "+30.0µs [+28.0, +32.0]"),
            (Unit::Plain, 0.0, 0.5, "0.0 [−0.5, +0.5]"),
        ];
        for (unit, mean, half_width, words) in table {
            assert_eq!(difference(unit, &estimated(mean, half_width)), words);
        }
        let one = Estimate { seeds: 1, mean: -0.02, half_width: None };
        assert_eq!(difference(Unit::Share, &one), "−2.0");
    }

    #[test]
    fn means_have_their_half_width_in_the_same_unit() {
        let cells = |unit, mean, half_width| mean_and_half(unit, &estimated(mean, half_width)).join(" ");
        assert_eq!(cells(Unit::Share, 0.967, 0.002), "96.7% ±0.2");
        assert_eq!(cells(Unit::Seconds, 0.9, 0.1), "900ms ±100.0");
        assert_eq!(cells(Unit::Plain, 41.9, 0.02), "41.9 ±0.02");
        assert_eq!(cells(Unit::Money, 20.0, 1.0), "$20.00 ±1.00");
    }
}
