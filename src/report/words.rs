//! Numbers in words: as few digits as tell the difference, each with its unit.

pub use crate::record::words::{clock, percent};

/// A length of time as scenarios write it: `250ms`, `7.5s`, `1m30s`, `2h`, `1d12h`. From a minute on in whole seconds.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "∞".to_owned();
    }
    let millis = (seconds.max(0.0) * 1e6).round() / 1e3;
    if millis == 0.0 {
        return "0s".to_owned();
    }
    if millis < 1000.0 {
        return format!("{millis}ms");
    }
    if seconds < 59.9995 {
        return format!("{}s", millis.round() / 1000.0);
    }
    let whole = seconds.round() as u64;
    let parts = [(whole / 86_400, 'd'), (whole / 3600 % 24, 'h'), (whole / 60 % 60, 'm'), (whole % 60, 's')];
    parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect()
}

/// A latency in two or three digits: `850µs`, `7.1ms`, `71ms`, `12.9s`, `2m5s`.
pub fn latency(seconds: f64) -> String {
    let millis = seconds * 1e3;
    if seconds == 0.0 {
        "0ms".to_owned()
    } else if millis < 0.9995 {
        format!("{:.0}µs", seconds * 1e6)
    } else if millis < 9.95 {
        format!("{millis:.1}ms")
    } else if millis < 999.5 {
        format!("{millis:.0}ms")
    } else if seconds < 99.95 {
        format!("{seconds:.1}s")
    } else {
        duration(seconds.round())
    }
}

/// A count in groups of three: `1,667,912`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count and what is counted: `1 change`, `21 changes`.
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A sum of money: `$20.96`, `$1,234.50`, `$0.0042`.
pub fn usd(dollars: f64) -> String {
    if !dollars.is_finite() {
        return "∞".to_owned();
    }
    if dollars > 0.0 && dollars < 0.005 {
        return format!("${dollars:.4}");
    }
    let cents = (dollars.max(0.0) * 100.0).round() as u64;
    format!("${}.{:02}", count(cents / 100), cents % 100)
}

/// A ratio in whole percent, where tenths mean nothing: `65%`.
pub fn whole_percent(ratio: f64) -> String {
    format!("{:.0}%", ratio * 100.0)
}

/// A large number by its order: `950`, `12.3 k`, `2.8 M`.
pub fn magnitude(number: f64) -> String {
    if number < 999.5 {
        format!("{number:.0}")
    } else if number < 999_950.0 {
        format!("{:.1} k", number / 1e3)
    } else {
        format!("{:.1} M", number / 1e6)
    }
}

/// An amount of memory: `0 B`, `512 KiB`, `1.5 GiB`.
pub fn bytes(number: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = number.max(0.0);
    let mut unit = 0;
    // What would be written as 1024 is one of the next unit.
    while amount >= 1_023.5 && unit + 1 < UNITS.len() {
        amount /= 1_024.0;
        unit += 1;
    }
    let digits = if unit == 0 || amount >= 9.95 { format!("{amount:.0}") } else { format!("{amount:.1}") };
    format!("{digits} {}", UNITS[unit])
}

/// Rows in aligned columns, two blanks apart, each line behind `indent`.
pub(super) fn columns(indent: &str, rows: &[Vec<String>]) -> String {
    let width_of = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            match widths.get_mut(column) {
                Some(width) => *width = width_of(cell).max(*width),
                None => widths.push(width_of(cell)),
            }
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - width_of(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_scenarios_write_them() {
        let words = [
            (0.0, "0s"),
            (0.000_5, "0.5ms"),
            (0.25, "250ms"),
            (7.5, "7.5s"),
            (60.0, "1m"),
            (59.999_9, "1m"),
            (90.0, "1m30s"),
            (780.0, "13m"),
            (7200.0, "2h"),
            (3_605.4, "1h5s"),
            (129_600.0, "1d12h"),
            (f64::INFINITY, "∞"),
        ];
        for (seconds, word) in words {
            assert_eq!(duration(seconds), word, "{seconds}");
        }
    }

    #[test]
    fn latencies_have_two_or_three_digits() {
        let words = [
            (0.0, "0ms"),
            (0.000_85, "850µs"),
            (0.007_1, "7.1ms"),
            (0.071, "71ms"),
            (0.999_6, "1.0s"),
            (12.94, "12.9s"),
            (125.2, "2m5s"),
            (f64::INFINITY, "∞"),
        ];
        for (seconds, word) in words {
            assert_eq!(latency(seconds), word, "{seconds}");
        }
    }

    #[test]
    fn counts_money_and_orders() {
        for (number, word) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_667_912, "1,667,912")] {
            assert_eq!(count(number), word);
        }
        for (dollars, word) in [(20.956, "$20.96"), (0.0, "$0.00"), (1_234.5, "$1,234.50"), (0.004_2, "$0.0042")] {
            assert_eq!(usd(dollars), word);
        }
        for (number, word) in [(950.0, "950"), (12_345.0, "12.3 k"), (2.8e6, "2.8 M")] {
            assert_eq!(magnitude(number), word);
        }
        assert_eq!((counted(1, "change"), counted(21, "change")), ("1 change".to_owned(), "21 changes".to_owned()));
        assert_eq!(whole_percent(0.654), "65%");
        for (number, word) in [
            (0.0, "0 B"),
            (1_023.0, "1023 B"),
            (1_024.0, "1.0 KiB"),
            (512.0 * 1_048_576.0, "512 MiB"),
            (1_023.9 * 1_048_576.0, "1.0 GiB"),
            (1.5 * 1_073_741_824.0, "1.5 GiB"),
            (3.0e15, "2728 TiB"),
        ] {
            assert_eq!(bytes(number), word);
        }
    }
}
