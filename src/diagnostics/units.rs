//! Values with their units: text in, a number out, or a sentence that says what to write instead.

use crate::units::{Quantity, Span};

/// A duration: `250ms`, `1m30s`, `1.5h`, `3d` (a day has 24 hours), or ISO 8601's `PT5M`. Exact to the nanosecond.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> Result<Span, String> {
    let complain = || {
        format!(
            "`{text}` is not a duration; write a number and its unit, such as \"90s\", \"1m30s\", \"250ms\" or \"2h\""
        )
    };
    let text = text.trim();
    if text.starts_with('-') {
        return Err(format!("`{text}` is negative; a duration is 0 or more"));
    }
    let too_long = || format!("`{text}` is longer than 146 years");
    let fits = |nanos: &u64| *nanos < u64::MAX / 4;
    if text.starts_with(['P', 'p']) {
        let signed: jiff::SignedDuration = text.parse().map_err(|_| complain())?;
        return u64::try_from(signed.as_nanos()).ok().filter(fits).map(Span::from_nanos).ok_or_else(too_long);
    }
    let mut rest = text;
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(complain)?;
        let (number, tail) = rest.split_at(number_end);
        let tail = tail.trim_start();
        let unit_end = tail.find(|c: char| !c.is_alphabetic() && c != 'µ').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit_nanos: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" | "sec" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(complain()),
        };
        nanos = nanos.checked_add(scaled(number, unit_nanos).ok_or_else(complain)?).ok_or_else(complain)?;
        rest = tail.trim_start();
    }
    if text.is_empty() {
        return Err(complain());
    }
    u64::try_from(nanos).ok().filter(fits).map(Span::from_nanos).ok_or_else(too_long)
}

/// A decimal number times a unit, rounded down to whole units of 1; `None` if it is no number.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 19 || fraction.len() > 19 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / 10_u128.pow(u32::try_from(fraction.len()).ok()?))
}

fn finite(text: &str) -> Option<f64> {
    let number = text.trim();
    if !number.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// A rate: `40/s`, `90/m`, `5000/h`; per second.
///
/// # Errors
/// What to write instead.
pub fn rate(text: &str) -> Result<f64, String> {
    let complain =
        || format!("`{text}` is not a rate; write a number per time, such as \"40/s\", \"90/m\" or \"5000/h\"");
    let (number, per) = text.split_once('/').ok_or_else(complain)?;
    let seconds = match per.trim() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(complain()),
    };
    let value = finite(number).ok_or_else(complain)?;
    if value < 0.0 {
        return Err(format!("`{text}` is negative; a rate is 0 or more"));
    }
    if value / seconds > 1e9 {
        return Err(format!("`{text}` is more than one in a nanosecond, the grain of the clock; write less"));
    }
    Ok(value / seconds)
}

/// A share: `70%`, `0.1%`; as a ratio.
///
/// # Errors
/// What to write instead.
pub fn share(text: &str) -> Result<f64, String> {
    let complain = || format!("`{text}` is not a share; write it in per cent, such as \"70%\"");
    let number = text.trim().strip_suffix('%').ok_or_else(complain)?;
    let value = finite(number).ok_or_else(complain)?;
    if value < 0.0 {
        return Err(format!("`{text}` is negative; a share is 0% or more"));
    }
    Ok(value / 100.0)
}

/// A CPU amount in Kubernetes' syntax: `500m`, `2`; millicores.
///
/// # Errors
/// What to write instead.
pub fn cpu_millis(text: &str) -> Result<u64, String> {
    let complain = || format!("`{text}` is not an amount of CPU; write cores or millicores, such as \"2\" or \"500m\"");
    let quantity = Quantity::parse(text.trim()).map_err(|_| complain())?;
    u64::try_from(quantity.milli_value()).map_err(|_| format!("`{text}` is negative; CPU is 0 or more"))
}

/// A size in Kubernetes' syntax, a trailing B allowed: `512Mi`, `16GiB`, `1G`; bytes.
///
/// # Errors
/// What to write instead.
pub fn bytes(text: &str) -> Result<u64, String> {
    let complain = || format!("`{text}` is not a size; write bytes with their unit, such as \"512Mi\" or \"16GiB\"");
    let trimmed = text.trim();
    let quantity = Quantity::parse(trimmed.strip_suffix('B').unwrap_or(trimmed)).map_err(|_| complain())?;
    u64::try_from(quantity.value()).map_err(|_| format!("`{text}` is negative; a size is 0 or more"))
}

/// A price: `$0.80/h`; USD per hour.
///
/// # Errors
/// What to write instead.
pub fn price(text: &str) -> Result<f64, String> {
    let complain = || format!("`{text}` is not a price; write dollars per replica-hour, such as \"$0.80/h\"");
    let number = text.trim().strip_prefix('$').and_then(|rest| rest.strip_suffix("/h")).ok_or_else(complain)?;
    let value = finite(number).ok_or_else(complain)?;
    if value < 0.0 {
        return Err(format!("`{text}` is negative; a price is $0/h or more"));
    }
    Ok(value)
}

/// A time of day, `08:30` or `08:30:15`, or a date with it, `2026-11-20T08:00:00Z`: time since midnight.
///
/// # Errors
/// What to write instead.
pub fn clock(text: &str) -> Result<Span, String> {
    let complain =
        || format!("`{text}` is not a time of day; write \"08:30\", or a date as in \"2026-11-20T08:00:00Z\"");
    let time = if text.contains('T') {
        text.parse::<jiff::civil::DateTime>()
            .or_else(|_| text.trim_end_matches('Z').parse::<jiff::civil::DateTime>())
            .map_err(|_| complain())?
            .time()
    } else {
        text.trim().parse::<jiff::civil::Time>().map_err(|_| complain())?
    };
    let part = |value: i8| u64::try_from(value).unwrap_or(0);
    Ok(Span::from_secs(part(time.hour()) * 3_600 + part(time.minute()) * 60 + part(time.second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_and_want_a_unit() {
        assert_eq!(duration("250ms"), Ok(Span::from_millis(250)));
        assert_eq!(duration("1m30s"), Ok(Span::from_secs(90)));
        assert_eq!(duration("1h 30m"), Ok(Span::from_secs(5_400)));
        assert_eq!(duration("1.5h"), Ok(Span::from_secs(5_400)));
        assert_eq!(duration("3d"), Ok(Span::from_secs(259_200)));
        assert_eq!(duration("0.1s"), Ok(Span::from_millis(100)));
        assert_eq!(duration("250µs"), Ok(Span::from_nanos(250_000)));
        assert_eq!(duration("PT5M"), Ok(Span::from_secs(300)));
        for wrong in ["90", "", "s", "1.2.3s", "-5s", "5 parsecs", "NaN", "1e3s", "99999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_shares_and_prices_want_their_unit() {
        assert_eq!(rate("90/m"), Ok(1.5));
        assert_eq!(rate("40/s"), Ok(40.0));
        assert_eq!(share("70%"), Ok(0.7));
        assert_eq!(price("$0.80/h"), Ok(0.8));
        for wrong in ["40", "NaN/s", "inf/s", "-1/s", "1/week", "/s", "1e10/s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0.7", "NaN%", "-1%", "%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0.80", "$0.80", "$-1/h", "$x/h"] {
            assert!(price(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn clocks_are_times_of_day() {
        assert_eq!(clock("08:30"), Ok(Span::from_secs(30_600)));
        assert_eq!(clock("2026-11-20T08:00:00Z"), Ok(Span::from_secs(28_800)));
        assert!(clock("25:00").is_err());
    }

    #[test]
    fn cpu_and_sizes_are_kubernetes_quantities() {
        assert_eq!(cpu_millis("500m"), Ok(500));
        assert_eq!(cpu_millis("2"), Ok(2_000));
        assert_eq!(bytes("16GiB"), Ok(16 << 30));
        assert_eq!(bytes("1G"), Ok(1_000_000_000));
        assert!(bytes("16 GB of it").is_err());
        assert!(cpu_millis("-1").is_err());
    }
}
