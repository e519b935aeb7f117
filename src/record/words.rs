//! The few words that the record itself needs; the report says the rest.

/// Time since the start of the run: `0:30:30`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    format!("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}

/// A ratio as a share: `7.9%`, `0.42%`, `99.97%`. Only nothing is `0%` and only all is `100%`.
pub fn percent(ratio: f64) -> String {
    let hundred = ratio * 100.0;
    let sign = if hundred < 0.0 { "-" } else { "" };
    let size = hundred.abs();
    if !hundred.is_finite() {
        "∞".to_owned()
    } else if size == 0.0 {
        "0%".to_owned()
    } else if size < 0.005 {
        format!("{sign}<0.01%")
    } else if size < 0.995 {
        format!("{sign}{size:.2}%")
    } else if size == 100.0 {
        format!("{sign}100%")
    } else if (99.95..100.0).contains(&size) {
        // Rounding up would tell of a success that was none.
        format!("{sign}{:.2}%", (size * 100.0 + 1e-6).floor() / 100.0)
    } else {
        format!("{sign}{size:.1}%")
    }
}

/// A share as a person writes it, with as many digits as it has: `99%`, `99.9%`.
pub fn exact_percent(ratio: f64) -> String {
    format!("{}%", (ratio * 1e11).round() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        let words = [
            (0.0, "0%"),
            (0.000_01, "<0.01%"),
            (0.004_2, "0.42%"),
            (0.01, "1.0%"),
            (0.079, "7.9%"),
            (0.892, "89.2%"),
            (0.999_4, "99.9%"),
            (0.999_6, "99.96%"),
            (0.999_72, "99.97%"),
            (0.999_999, "99.99%"),
            (1.0, "100%"),
            (1.5, "150.0%"),
        ];
        for (ratio, word) in words {
            assert_eq!(percent(ratio), word);
        }
    }

    #[test]
    fn a_written_share_comes_back() {
        assert_eq!(exact_percent(99.0 / 100.0), "99%");
        assert_eq!(exact_percent(99.9 / 100.0), "99.9%");
        assert_eq!(exact_percent(0.07), "7%");
    }

    #[test]
    fn clocks_count_hours_beyond_a_day() {
        assert_eq!(clock(1830.9), "0:30:30");
        assert_eq!(clock(90_061.0), "25:01:01");
    }
}
