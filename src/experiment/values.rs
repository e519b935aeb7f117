//! Ranges of values with units: `40%` to `90%` in steps of `5%`, `10s` to `5m` on a logarithmic scale.
//!
//! Where both ends share their unit, the number within it moves and the unit stays as it was written; where they do not
//! (`30s` to `5m`), both are taken to their base unit. Steps are exact in decimal digits: ten times 0.1 is 1. Between whole
//! ends values are whole; `1.0s` instead of `1s` asks for finer ones.

use crate::diagnostics::units;

/// How the numbers of a range are written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Notation {
    /// A bare number.
    Bare,
    /// Text with a number in it: what stands before and after.
    Within(String, String),
    /// A duration; the number is nanoseconds.
    Duration,
    /// A rate; the number is per second.
    Rate,
    /// CPU; the number is millicores.
    Cpu,
    /// A size; the number is bytes.
    Size,
}

/// A whole number of decimal units: `12.5` is 125 with one decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: i128,
    decimals: u32,
}

const MOST_DECIMALS: u32 = 12;

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (sign, plain) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let plain = plain.replace('_', "");
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let decimals = u32::try_from(fraction.len()).ok().filter(|&decimals| decimals <= MOST_DECIMALS)?;
        let all = format!("{whole}{fraction}");
        let fine = !whole.is_empty() && all.len() <= 24 && all.chars().all(|c| c.is_ascii_digit());
        let digits = all.parse::<i128>().ok().filter(|_| fine)?;
        Some(Self { digits: sign * digits, decimals })
    }

    /// In units of 10 to the minus `decimals`.
    fn scaled(self, decimals: u32) -> i128 {
        self.digits * 10_i128.pow(decimals - self.decimals)
    }

    fn value(self) -> f64 {
        self.digits as f64 / 10_f64.powi(self.decimals as i32)
    }
}

/// One end of a range, or a step: text or a bare number, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The number or the text without quotes.
    pub text: String,
    /// Is it a number without quotes?
    pub bare: bool,
}

/// A stretch between two values of one notation.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    notation: Notation,
    from: Decimal,
    to: Decimal,
    /// Equal ratios instead of equal distances.
    log: bool,
}

/// The digits of a text and what stands around them.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let begin = text.find(|c: char| c.is_ascii_digit() || c == '-')?;
    let rest = &text[begin..];
    let end = rest
        .char_indices()
        .skip(1)
        .find(|&(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
        .map_or(rest.len(), |(at, _)| at);
    let after = &rest[end..];
    // A second number is a compound such as 1m30s.
    (!after.contains(|c: char| c.is_ascii_digit())).then_some((&text[..begin], &rest[..end], after))
}

/// Reads texts of one notation; a shared unit first, then whatever base unit all of them have.
fn common(texts: &[&Written]) -> Result<(Notation, Vec<Decimal>), String> {
    let read = |notation: Notation, of: &dyn Fn(&Written) -> Option<Decimal>| {
        texts.iter().map(|text| of(text)).collect::<Option<Vec<_>>>().map(|all| (notation, all))
    };
    if texts.iter().all(|text| text.bare) {
        return read(Notation::Bare, &|text| Decimal::parse(&text.text))
            .ok_or_else(|| "a range needs plain decimal numbers".to_owned());
    }
    if let Some((first, ..)) = texts.split_first().filter(|_| texts.iter().all(|text| !text.bare))
        && let Some((before, _, after)) = split(first.text.trim())
        && let Some(found) = read(Notation::Within(before.to_owned(), after.to_owned()), &|text| {
            let (own_before, digits, own_after) = split(text.text.trim())?;
            (own_before == before && own_after == after).then(|| Decimal::parse(digits)).flatten()
        })
    {
        return Ok(found);
    }
    let whole = |value: Result<u64, String>| value.ok().map(|value| Decimal { digits: value.into(), decimals: 0 });
    let quoted = |text: &Written| (!text.bare).then(|| text.text.trim().to_owned());
    read(Notation::Duration, &|text| whole(units::duration(&quoted(text)?).map(|span| span.as_nanos())))
        .or_else(|| read(Notation::Rate, &|text| per_second(&quoted(text)?)))
        .or_else(|| read(Notation::Cpu, &|text| whole(units::cpu_millis(&quoted(text)?))).filter(|_| few_units(texts)))
        .or_else(|| read(Notation::Size, &|text| whole(units::bytes(&quoted(text)?))))
        .ok_or_else(|| "the ends of a range and its step must be of one kind, such as \"30s\" and \"5m\"".to_owned())
}

/// CPU is written in cores and millicores; other suffixes of a quantity speak of sizes.
fn few_units(texts: &[&Written]) -> bool {
    texts.iter().all(|text| text.text.trim().trim_end_matches('m').chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn per_second(text: &str) -> Option<Decimal> {
    let rate = units::rate(text).ok()?;
    Decimal::parse(&format!("{rate:.9}"))
}

impl Range {
    /// From one value to another.
    ///
    /// # Errors
    /// They are of different kinds, in the wrong order, or have no logarithm.
    pub fn new(from: &Written, to: &Written, log: bool) -> Result<Self, String> {
        let (notation, ends) = common(&[from, to])?;
        Self::between(notation, ends[0], ends[1], log, from, to)
    }

    fn between(
        notation: Notation,
        from: Decimal,
        to: Decimal,
        log: bool,
        written_from: &Written,
        written_to: &Written,
    ) -> Result<Self, String> {
        if from.value() > to.value() {
            return Err(format!("`from` ({}) is above `to` ({})", written_from.text, written_to.text));
        }
        if log && from.digits <= 0 {
            return Err(format!("a logarithmic scale begins above 0, not at {}", written_from.text));
        }
        Ok(Self { notation, from, to, log })
    }

    /// The value at this part of the way, 0 to 1; both ends are met exactly.
    pub fn at(&self, part: f64) -> String {
        if part <= 0.0 {
            return self.write(self.from.digits, self.from.decimals);
        }
        if part >= 1.0 {
            return self.write(self.to.digits, self.to.decimals);
        }
        let (from, to) = (self.from.value(), self.to.value());
        let value = if self.log { from * (to / from).powf(part) } else { from + (to - from) * part };
        // Base units are whole, and whole ends have whole values between them: replicas, per cent.
        let whole = self.from.decimals == 0 && self.to.decimals == 0 && self.notation != Notation::Rate;
        let decimals = match self.notation {
            Notation::Duration | Notation::Size | Notation::Cpu => 0,
            _ if whole => 0,
            _ => digits_behind(value),
        };
        let coarse = match self.notation {
            Notation::Duration | Notation::Size => {
                10_f64.powi((value.max(1.0).log10().floor() as i32 + 1 - DIGITS).max(0))
            }
            _ => 1.0 / 10_f64.powi(decimals as i32),
        };
        let rounded = (value / coarse).round();
        let digits = if coarse >= 1.0 { rounded * coarse } else { rounded };
        self.write(digits as i128, decimals)
    }

    /// So many values, both ends among them, each once.
    pub fn points(&self, count: u32) -> Vec<String> {
        let last = f64::from(count.max(2) - 1);
        let mut values: Vec<String> = (0..count.max(2)).map(|number| self.at(f64::from(number) / last)).collect();
        values.dedup();
        values
    }

    fn write(&self, digits: i128, decimals: u32) -> String {
        match &self.notation {
            Notation::Bare => decimal_text(digits, decimals),
            Notation::Within(before, after) => format!("\"{before}{}{after}\"", decimal_text(digits, decimals)),
            Notation::Duration => format!("\"{}\"", duration_text(digits)),
            Notation::Rate => format!("\"{}/s\"", decimal_text(digits, decimals)),
            Notation::Cpu if digits % 1_000 == 0 => format!("\"{}\"", digits / 1_000),
            Notation::Cpu => format!("\"{digits}m\""),
            Notation::Size => format!("\"{}\"", size_text(digits)),
        }
    }
}

/// From one value to another in steps: how many there are, before any is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    range: Range,
    decimals: u32,
    from: i128,
    step: i128,
    /// How many values.
    pub count: u128,
}

impl Steps {
    /// All values from `from` on that are not above `to`.
    ///
    /// # Errors
    /// They are of different kinds, in the wrong order, or the step leads nowhere.
    pub fn new(from: &Written, to: &Written, step: &Written) -> Result<Self, String> {
        let (notation, all) = common(&[from, to, step])?;
        let range = Range::between(notation, all[0], all[1], false, from, to)?;
        if all[2].digits <= 0 {
            return Err(format!("a step of {} leads nowhere; it must be above 0", step.text));
        }
        let decimals = all.iter().map(|value| value.decimals).max().unwrap_or(0);
        let [from, to, step] = [0, 1, 2].map(|number: usize| all[number].scaled(decimals));
        Ok(Self { range, decimals, from, step, count: ((to - from) / step).unsigned_abs() + 1 })
    }

    /// The values in order, as TOML.
    pub fn values(&self) -> Vec<String> {
        (0..self.count).map(|number| self.range.write(self.from + self.step * number as i128, self.decimals)).collect()
    }
}

/// Digits that a computed value is rounded to.
const DIGITS: i32 = 4;

/// Decimals that leave a number with [`DIGITS`] digits.
fn digits_behind(value: f64) -> u32 {
    let before = value.abs().max(1e-9).log10().floor() as i32 + 1;
    (DIGITS - before).clamp(0, MOST_DECIMALS as i32) as u32
}

/// Without zeros behind.
fn decimal_text(digits: i128, decimals: u32) -> String {
    let unit = 10_i128.pow(decimals);
    let sign = if digits < 0 { "-" } else { "" };
    let (whole, fraction) = (digits.abs() / unit, digits.abs() % unit);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = decimals as usize);
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// As a scenario writes it: `250ms`, `1.5s`, `1m30s`.
pub(super) fn duration_text(nanos: i128) -> String {
    const SECOND: i128 = 1_000_000_000;
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < SECOND {
        return format!("{}ms", decimal_text(nanos, 6));
    }
    let mut text = String::new();
    let mut rest = nanos;
    for (unit, word) in [(86_400 * SECOND, "d"), (3_600 * SECOND, "h"), (60 * SECOND, "m")] {
        if rest >= unit {
            text.push_str(&format!("{}{word}", rest / unit));
            rest %= unit;
        }
    }
    if rest > 0 {
        text.push_str(&format!("{}s", decimal_text(rest, 9)));
    }
    text
}

/// In the largest binary unit that leaves a whole number.
fn size_text(bytes: i128) -> String {
    for (shift, word) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
        if bytes > 0 && bytes % (1 << shift) == 0 {
            return format!("{}{word}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Written {
        Written { text: text.to_owned(), bare: false }
    }

    fn bare(text: &str) -> Written {
        Written { text: text.to_owned(), bare: true }
    }

    fn steps(from: &Written, to: &Written, step: &Written) -> Vec<String> {
        Steps::new(from, to, step).expect("a range").values()
    }

    #[test]
    fn steps_are_exact_and_keep_their_unit() {
        let percents = steps(&text("40%"), &text("90%"), &text("5%"));
        assert_eq!((percents.len(), percents[0].as_str(), percents[10].as_str()), (11, "\"40%\"", "\"90%\""));
        assert_eq!(steps(&bare("10"), &bare("28"), &bare("2")).len(), 10);
        assert_eq!(steps(&bare("0.1"), &bare("0.5"), &bare("0.1")), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(steps(&bare("0"), &bare("10"), &bare("4")), ["0", "4", "8"]);
        assert_eq!(steps(&bare("3"), &bare("3"), &bare("1")), ["3"]);
        assert_eq!(steps(&text("$0.50/h"), &text("$1/h"), &text("$0.25/h")), ["\"$0.5/h\"", "\"$0.75/h\"", "\"$1/h\""]);
        assert_eq!(steps(&text("5s"), &text("15s"), &text("5s")), ["\"5s\"", "\"10s\"", "\"15s\""]);
    }

    #[test]
    fn ends_of_different_units_meet_in_their_base() {
        assert_eq!(steps(&text("30s"), &text("2m"), &text("30s")), ["\"30s\"", "\"1m\"", "\"1m30s\"", "\"2m\""]);
        assert_eq!(steps(&text("500ms"), &text("1.5s"), &text("500ms")), ["\"500ms\"", "\"1s\"", "\"1.5s\""]);
        assert_eq!(steps(&text("500m"), &text("2"), &text("500m")), ["\"500m\"", "\"1\"", "\"1500m\"", "\"2\""]);
        assert_eq!(steps(&text("512Mi"), &text("1Gi"), &text("256Mi")), ["\"512Mi\"", "\"768Mi\"", "\"1Gi\""]);
        assert_eq!(steps(&text("30/m"), &text("1/s"), &text("15/m")), ["\"0.5/s\"", "\"0.75/s\"", "\"1/s\""]);
    }

    #[test]
    fn counting_needs_no_values() {
        let many = Steps::new(&bare("1"), &bare("1000000000"), &bare("1")).expect("a range");
        assert_eq!(many.count, 1_000_000_000);
    }

    #[test]
    fn points_lie_evenly_or_in_equal_ratios() {
        let range = |from: &Written, to: &Written, log| Range::new(from, to, log).expect("a range");
        assert_eq!(range(&bare("1"), &bare("10"), false).points(4), ["1", "4", "7", "10"]);
        // Five and a half replicas are none.
        assert_eq!(range(&bare("1"), &bare("10"), false).points(3), ["1", "6", "10"]);
        assert_eq!(range(&bare("1"), &bare("3"), false).points(9), ["1", "2", "3"]);
        assert_eq!(range(&bare("0.5"), &bare("2.5"), false).points(3), ["0.5", "1.5", "2.5"]);
        assert_eq!(range(&bare("1"), &bare("1000"), true).points(4), ["1", "10", "100", "1000"]);
        // 10 × 30^(1/4) = 23.40, 10 × 30^(1/2) = 54.77, 10 × 30^(3/4) = 128.2.
        assert_eq!(
            range(&text("10.0s"), &text("300s"), true).points(5),
            ["\"10s\"", "\"23.4s\"", "\"54.77s\"", "\"128.2s\"", "\"300s\""]
        );
        assert_eq!(range(&text("10s"), &text("300s"), true).points(3), ["\"10s\"", "\"55s\"", "\"300s\""]);
        assert_eq!(range(&text("10%"), &text("25%"), false).points(3), ["\"10%\"", "\"18%\"", "\"25%\""]);
        assert_eq!(range(&text("10s"), &text("5m"), true).points(3), ["\"10s\"", "\"54.77s\"", "\"5m\""]);
        assert_eq!(range(&text("40%"), &text("90%"), false).points(3), ["\"40%\"", "\"65%\"", "\"90%\""]);
    }

    #[test]
    fn what_is_no_range_says_so() {
        let wrong = |from: &Written, to: &Written, step: &Written| Steps::new(from, to, step).expect_err("no range");
        assert!(wrong(&text("40%"), &text("9s"), &text("5%")).contains("of one kind"));
        assert!(wrong(&bare("4"), &text("9s"), &bare("1")).contains("of one kind"));
        assert!(wrong(&bare("9"), &bare("4"), &bare("1")).contains("above `to`"));
        assert!(wrong(&bare("4"), &bare("9"), &bare("0")).contains("leads nowhere"));
        assert!(wrong(&bare("4"), &bare("9"), &bare("-1")).contains("leads nowhere"));
        assert!(Range::new(&bare("0"), &bare("9"), true).is_err());
        assert!(Range::new(&bare("1e400"), &bare("9"), true).is_err());
    }
}
