//! Axes whose ticks are where people expect them: 1, 2, 5 on linear and logarithmic scales, clock steps on time.

/// Below this a latency is a rounding error; a logarithmic axis needs a floor above zero.
const SMALLEST_LOG: f64 = 1e-9;

/// A scale from values to a part of the panel's height or width.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    lo: f64,
    hi: f64,
    log: bool,
    /// Value and label of every tick.
    pub ticks: Vec<(f64, String)>,
    /// What the axis says about its unit, where the ticks alone do not.
    pub unit: &'static str,
}

impl Axis {
    /// From zero to the first tick at or above `max`, in about `want` steps of 1, 2 or 5 × 10ⁿ; `whole` numbers only
    /// if what is shown can be counted.
    pub fn from_zero(max: f64, want: u32, whole: bool) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = round_up(max / f64::from(want), &[1.0, 2.0, 5.0], whole);
        Self::steps(step, intervals(max, step))
    }

    /// From the tick at or below `min` to the one at or above `max`, in about `want` steps of 1, 2 or 5 × 10ⁿ.
    pub fn between(min: f64, max: f64, want: u32) -> Self {
        let (min, max) = if min.is_finite() && max.is_finite() && min <= max { (min, max) } else { (0.0, 1.0) };
        // A single value gets room on both sides.
        let room = if max > min { 0.0 } else { min.abs().max(1.0) / 10.0 };
        let step = round_up((max - min + 2.0 * room) / f64::from(want), &[1.0, 2.0, 5.0], false);
        let first = ((min - room) / step + 1e-9).floor();
        let count = (((max + room) / step - 1e-9).ceil() - first).max(1.0);
        let ticks = (0..=count as u32).map(|i| (first + f64::from(i)) * step).map(|v| (v, short(v, step))).collect();
        Self { lo: first * step, hi: (first + count) * step, log: false, ticks, unit: "" }
    }

    /// From zero in exactly `count` whole steps, so that its ticks stand at those of another axis.
    pub fn alongside(max: f64, count: u32) -> Self {
        let step = round_up(max / f64::from(count), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0], true);
        Self::steps(step, count)
    }

    fn steps(step: f64, count: u32) -> Self {
        let ticks = (0..=count).map(|i| step * f64::from(i)).map(|v| (v, short(v, step))).collect();
        Self { lo: 0.0, hi: step * f64::from(count), log: false, ticks, unit: "" }
    }

    /// Logarithmic seconds around all positive values between `min` and `max`.
    pub fn log_seconds(min: f64, max: f64) -> Self {
        let (min, max) = if min <= max { (min.max(SMALLEST_LOG), max.max(SMALLEST_LOG)) } else { (0.02, 0.5) };
        let marks = one_two_five(min / 1.05, max * 1.05);
        let (lo, hi) = (marks[0], marks[marks.len() - 1]);
        // All marks, every second one (0.05, 0.2, 1, 5, 20), or decades.
        let shown: Vec<f64> = match marks.len() {
            0..=7 => marks,
            8..=13 => marks.into_iter().step_by(2).collect(),
            _ => {
                let decades: Vec<f64> = marks.into_iter().filter(|v| is_power_of_ten(*v)).collect();
                let stride = decades.len().div_ceil(8);
                decades.into_iter().step_by(stride.max(1)).collect()
            }
        };
        Self { lo, hi, log: true, ticks: shown.into_iter().map(|v| (v, seconds(v))).collect(), unit: "log scale" }
    }

    /// Simulated time from 0 to `duration_s`, ticked where a clock that shows `starts_at_s` at time 0 has round times.
    pub fn time(starts_at_s: f64, duration_s: f64, want: u32) -> Self {
        let step = clock_step(duration_s / f64::from(want));
        // A clock's dial has no parts of seconds: those are counted from the start.
        let starts_at_s = if starts_at_s.is_finite() && step >= 1.0 { starts_at_s.max(0.0) } else { 0.0 };
        let first = (starts_at_s / step).ceil();
        let ticks = (0..=want)
            .map(|i| (first + f64::from(i)) * step)
            .map(|clock_s| (clock_s - starts_at_s, clock_s))
            .take_while(|(at, _)| *at <= duration_s * (1.0 + 1e-9))
            .map(|(at, clock_s)| (at, clock_label(clock_s, step, starts_at_s > 0.0)))
            .collect();
        let unit = match (step, starts_at_s > 0.0) {
            (s, _) if s < 1.0 => "simulated time (s)",
            (s, false) if s >= DAY => "simulated time (days)",
            (s, false) if s < 60.0 => "simulated time (h:mm:ss)",
            (_, false) => "simulated time (h:mm)",
            (s, true) if s >= DAY => "day of the simulated clock",
            (s, true) if s < 60.0 => "simulated clock (h:mm:ss)",
            (_, true) => "simulated clock (h:mm)",
        };
        Self { lo: 0.0, hi: duration_s, log: false, ticks, unit }
    }

    /// Number of steps between ticks.
    pub fn intervals(&self) -> u32 {
        self.ticks.len().saturating_sub(1).max(1) as u32
    }

    /// Lowest value.
    pub const fn lo(&self) -> f64 {
        self.lo
    }

    /// Highest value.
    pub const fn hi(&self) -> f64 {
        self.hi
    }

    /// Where a value stands between the ends, 0 to 1. Values beyond stand at the nearer end: a curve never leaves its
    /// panel.
    pub fn part(&self, value: f64) -> f64 {
        let part = if self.log {
            (value.max(self.lo) / self.lo).ln() / (self.hi / self.lo).ln()
        } else {
            (value - self.lo) / (self.hi - self.lo)
        };
        if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) }
    }
}

const DAY: f64 = 86_400.0;

/// The smallest of `units` × 10ⁿ that is not below `raw`.
fn round_up(raw: f64, units: &[f64], whole: bool) -> f64 {
    let raw = if whole { raw.max(1.0) } else { raw.max(f64::MIN_POSITIVE * 1e10) };
    let power = 10f64.powf(raw.log10().floor());
    units.iter().map(|u| u * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn intervals(max: f64, step: f64) -> u32 {
    (max / step * (1.0 - 1e-9)).ceil().max(1.0) as u32
}

/// All 1, 2, 5 × 10ⁿ from the last one at or below `min` to the first one at or above `max`; two at least.
fn one_two_five(min: f64, max: f64) -> Vec<f64> {
    let first = min.log10().floor() as i32;
    let last = max.log10().ceil() as i32;
    let all: Vec<f64> = (first..=last).flat_map(|n| [1.0, 2.0, 5.0].map(|m| power_of_ten(m, n))).collect();
    let from = all.iter().rposition(|v| *v <= min).unwrap_or(0);
    let until = all.iter().position(|v| *v >= max).unwrap_or(all.len() - 1).max(from + 1);
    all[from..=until.min(all.len() - 1)].to_vec()
}

/// `m` × 10ⁿ with the rounding of one division at most, so that 0.2 is 0.2.
fn power_of_ten(m: f64, n: i32) -> f64 {
    if n < 0 { m / 10f64.powi(-n) } else { m * 10f64.powi(n) }
}

fn is_power_of_ten(v: f64) -> bool {
    let n = v.log10();
    (n - n.round()).abs() < 1e-6
}

/// The step of a clock's dial that is not below `raw` seconds.
fn clock_step(raw: f64) -> f64 {
    const STEPS: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0,
        21_600.0, 43_200.0,
    ];
    if raw <= 0.5 {
        return round_up(raw, &[1.0, 2.0, 5.0], false);
    }
    STEPS
        .into_iter()
        .find(|s| *s >= raw * (1.0 - 1e-9))
        .unwrap_or_else(|| DAY * round_up(raw / DAY, &[1.0, 2.0, 5.0], true))
}

/// A tick of the time axis. A real clock starts again at midnight and names the day there; elapsed hours count on.
fn clock_label(clock_s: f64, step: f64, is_clock: bool) -> String {
    if step < 1.0 {
        return short(clock_s, step);
    }
    let s = clock_s.round() as u64;
    let (days, of_day) = (s / 86_400, s % 86_400);
    if step >= DAY {
        return if is_clock { format!("day {}", days + 1) } else { days.to_string() };
    }
    if is_clock && days > 0 && of_day == 0 {
        return format!("day {}", days + 1);
    }
    let s = if is_clock { of_day } else { s };
    let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
    if step < 60.0 { format!("{h}:{m:02}:{s:02}") } else { format!("{h}:{m:02}") }
}

/// A number as a tick shows it: k for thousands, M for millions, as many decimals as the step has.
pub fn short(v: f64, step: f64) -> String {
    let (unit, suffix) = match v.abs() {
        a if a >= 1e6 => (1e6, "M"),
        a if a >= 1e3 => (1e3, "k"),
        _ => (1.0, ""),
    };
    // One more decimal than the step's power of ten, for steps such as 2.5; zeros behind are cut.
    let decimals = (1.0 - (step / unit).log10().floor()).clamp(0.0, 12.0) as usize;
    let digits = format!("{:.*}", decimals, v / unit);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{suffix}")
}

/// Seconds with the unit that needs no leading zeros.
fn seconds(s: f64) -> String {
    let (v, unit) = match s {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    format!("{v:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn linear_axes_end_on_a_round_tick_above_the_data() {
        for (max, whole, want) in [
            (725.0, false, vec!["0", "200", "400", "600", "800"]),
            (500.0, false, vec!["0", "100", "200", "300", "400", "500"]),
            (1_400.0, false, vec!["0", "500", "1k", "1.5k"]),
            (0.3, false, vec!["0", "0.1", "0.2", "0.3"]),
            (2.0, true, vec!["0", "1", "2"]),
            (0.0, false, vec!["0", "0.2", "0.4", "0.6", "0.8", "1"]),
            (0.0, true, vec!["0", "1"]),
            (3.1e6, false, vec!["0", "1M", "2M", "3M", "4M"]),
        ] {
            assert_eq!(labels(&Axis::from_zero(max, 5, whole)), want, "max {max}");
        }
    }

    #[test]
    fn an_axis_between_two_values_need_not_begin_at_zero() {
        assert_eq!(labels(&Axis::between(62.0, 98.0, 5)), ["60", "70", "80", "90", "100"]);
        assert_eq!(labels(&Axis::between(0.2, 0.6, 4)), ["0.2", "0.3", "0.4", "0.5", "0.6"]);
        assert_eq!(labels(&Axis::between(-3.0, 4.0, 4)), ["-4", "-2", "0", "2", "4"]);
        // 50 with a tenth of it on both sides.
        assert_eq!(labels(&Axis::between(50.0, 50.0, 5)), ["44", "46", "48", "50", "52", "54", "56"]);
        assert_eq!(labels(&Axis::between(f64::INFINITY, f64::NEG_INFINITY, 2)), ["0", "0.5", "1"]);
    }

    #[test]
    fn an_axis_alongside_has_as_many_steps() {
        let axis = Axis::alongside(1_990.0, 5);
        assert_eq!(labels(&axis), ["0", "400", "800", "1.2k", "1.6k", "2k"]);
        assert_eq!(labels(&Axis::alongside(0.0, 2)), ["0", "1", "2"]);
    }

    #[test]
    fn logarithmic_axes_hold_the_data_between_marks() {
        let axis = Axis::log_seconds(0.08, 13.0);
        assert_eq!((axis.lo(), axis.hi()), (0.05, 20.0));
        assert_eq!(labels(&axis), ["50 ms", "200 ms", "1 s", "5 s", "20 s"]);
        assert_eq!(
            labels(&Axis::log_seconds(1.1e-3, 900.0)),
            ["1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1000 s"]
        );
        assert_eq!(labels(&Axis::log_seconds(0.2, 0.2)), ["100 ms", "200 ms", "500 ms"]);
        assert_eq!(
            labels(&Axis::log_seconds(f64::INFINITY, 0.0)),
            ["10 ms", "20 ms", "50 ms", "100 ms", "200 ms", "500 ms", "1 s"]
        );
        // The middle of 0.1 and 10 in decades is 1.
        let decades = Axis { lo: 0.1, hi: 10.0, log: true, ticks: vec![], unit: "" };
        assert!((decades.part(1.0) - 0.5).abs() < 1e-12);
        assert_eq!((decades.part(0.0), decades.part(1e9), decades.part(f64::NAN)), (0.0, 1.0, 0.0));
    }

    #[test]
    fn time_is_ticked_as_on_a_clock() {
        let two_hours = Axis::time(0.0, 7_200.0, 13);
        assert_eq!(labels(&two_hours)[..3], ["0:00", "0:10", "0:20"]);
        assert_eq!(labels(&two_hours).last(), Some(&"2:00"));
        let morning = Axis::time(8.0 * 3_600.0 + 60.0, 7_200.0, 13);
        assert_eq!(morning.ticks[0], (540.0, "8:10".to_owned()));
        let night = Axis::time(22.0 * 3_600.0, 4.0 * 3_600.0, 4);
        assert_eq!(labels(&night), ["22:00", "23:00", "day 2", "1:00", "2:00"]);
        assert_eq!(labels(&Axis::time(0.0, 20.0, 4)), ["0:00:00", "0:00:05", "0:00:10", "0:00:15", "0:00:20"]);
        assert_eq!(labels(&Axis::time(0.0, 1.0, 5)), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(&Axis::time(0.0, 3.0 * DAY, 3)), ["0", "1", "2", "3"]);
    }
}
