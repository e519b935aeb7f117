//! Kubernetes resource quantities.
//!
//! Law: a quantity is an exact decimal, never a float, and stands in canonical form, as every value does that has been
//! through the API server. Conversion to milli-units rounds up and wraps where upstream's int64 does.
//!
//! Source of the rules: apimachinery `pkg/api/resource` (`quantity.go`, `suffix.go`, `amount.go`, `math.go`) of
//! Kubernetes v1.36.2.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Nothing finer than a nano-unit is kept.
const FINEST_EXPONENT: i32 = -9;
/// The largest decimal suffix is E.
const LARGEST_SI_EXPONENT: i32 = 18;
/// Decimal exponents beyond this say nothing about any resource.
const EXPONENT_LIMIT: i64 = 1_000_000;
/// Up to this many digits upstream computes in int64, beyond in big integers.
const INT64_DIGITS: u32 = 18;
const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// A Kubernetes resource quantity: mantissa × 10^exponent, and the family of suffixes it is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
    format: Format,
}

/// The family of suffixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// n u m k M G T P E.
    DecimalSi,
    /// Ki Mi Gi Ti Pi Ei; only for whole numbers from 1024 on.
    BinarySi,
    /// e3, E-2.
    DecimalExponent,
}

/// Why a text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// Nothing there.
    Empty,
    /// Not a number followed by a suffix.
    Format,
    /// The suffix is unknown.
    Suffix,
    /// More digits, or a larger exponent, than a resource can have.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty quantity",
            Self::Format => "not a quantity: a number with an optional suffix, such as 250m, 1.5 or 256Mi",
            Self::Suffix => "unknown suffix: use n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3",
            Self::TooLarge => "a quantity out of range",
        })
    }
}

impl std::error::Error for QuantityError {}

/// The pieces of a text: sign, digits before and after the point, suffix.
struct Pieces<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

/// What a suffix stands for.
enum Suffix {
    Decimal { exponent: i32, format: Format },
    Binary { shift: u32 },
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { mantissa: 0, exponent: 0, format: Format::DecimalSi };

    /// Reads the full syntax: sign, decimal point, decimal and binary suffixes, exponents.
    ///
    /// # Errors
    /// A text that is no quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let pieces = split(text)?;
        let mut mantissa: i128 = 0;
        for digit in pieces.whole.bytes().chain(pieces.fraction.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|m| m.checked_add(i128::from(digit - b'0')))
                .ok_or(QuantityError::TooLarge)?;
        }
        if pieces.negative {
            mantissa = -mantissa;
        }
        let fraction_digits = i64::try_from(pieces.fraction.len()).map_err(|_| QuantityError::TooLarge)?;
        match interpret(pieces.suffix)? {
            Suffix::Decimal { exponent, format } => {
                let exponent = i64::from(exponent) - fraction_digits;
                if exponent.abs() > EXPONENT_LIMIT {
                    return Err(QuantityError::TooLarge);
                }
                Ok(Self::canonical(mantissa, exponent as i32, format))
            }
            Suffix::Binary { shift } => {
                let Some(scaled) = mantissa.checked_mul(1 << shift) else {
                    // Binary quantities are capped at the largest int64 upstream.
                    let cap = if pieces.negative { -i128::from(i64::MAX) } else { i128::from(i64::MAX) };
                    return Ok(Self::canonical(cap, 0, Format::BinarySi));
                };
                let exponent = i32::try_from(-fraction_digits).map_err(|_| QuantityError::TooLarge)?;
                Ok(Self::canonical(scaled, exponent, Format::BinarySi))
            }
        }
    }

    /// This many nano-units.
    pub fn from_nanos(nanos: i128) -> Self {
        Self::canonical(nanos, -9, Format::DecimalSi)
    }

    /// This many milli-units.
    pub fn from_millis(millis: i64) -> Self {
        Self::canonical(i128::from(millis), -3, Format::DecimalSi)
    }

    /// This many milli-units, written with binary suffixes where they fit: bytes.
    pub fn from_binary_millis(millis: i64) -> Self {
        Self::canonical(i128::from(millis), -3, Format::BinarySi)
    }

    /// This many whole units.
    pub fn from_units(units: i64) -> Self {
        Self::canonical(i128::from(units), 0, Format::DecimalSi)
    }

    /// The form in which the API server stores it: nothing finer than nano, no trailing zeros, exponent a multiple of
    /// three; binary only if whole and at least 1024.
    fn canonical(mantissa: i128, exponent: i32, format: Format) -> Self {
        let (mut mantissa, mut exponent) = if exponent < FINEST_EXPONENT {
            (divide_away_from_zero(mantissa, (FINEST_EXPONENT - exponent) as u32), FINEST_EXPONENT)
        } else {
            (mantissa, exponent)
        };
        if mantissa == 0 {
            return Self::ZERO;
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        if format == Format::BinarySi && exponent >= 0 {
            let limit = i128::from(i64::MAX);
            let whole = power_of_ten(exponent as u32).and_then(|power| mantissa.checked_mul(power));
            let whole = whole.unwrap_or(if mantissa < 0 { -limit } else { limit }).clamp(-limit, limit);
            if whole.abs() >= 1024 {
                return Self { mantissa: whole, exponent: 0, format };
            }
        }
        let format = if format == Format::BinarySi { Format::DecimalSi } else { format };
        let mut down = exponent.rem_euclid(3);
        if format == Format::DecimalSi {
            // There is no suffix above E. Upstream drops the exponent there; the value is kept here instead.
            down = down.max(exponent - LARGEST_SI_EXPONENT);
        }
        match power_of_ten(down as u32).and_then(|power| mantissa.checked_mul(power)) {
            Some(scaled) => Self { mantissa: scaled, exponent: exponent - down, format },
            None => Self { mantissa, exponent, format },
        }
    }

    /// Milli-units, rounded up, with the wrap of upstream's int64.
    pub fn milli_value(&self) -> i64 {
        self.scaled(3)
    }

    /// Whole units, rounded up, with the wrap of upstream's int64.
    pub fn value(&self) -> i64 {
        self.scaled(0)
    }

    /// Nano-units, exact as long as they fit.
    pub fn nanos(&self) -> i128 {
        let power = power_of_ten((self.exponent - FINEST_EXPONENT) as u32).unwrap_or(i128::MAX);
        self.mantissa.saturating_mul(power)
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// Approximate value: mantissa times a power of ten, in this order.
    pub fn as_f64(&self) -> f64 {
        let mantissa = self.mantissa as f64;
        if self.exponent == 0 { mantissa } else { mantissa * float_power_of_ten(self.exponent) }
    }

    fn is_wide(&self) -> bool {
        self.mantissa.unsigned_abs() >= 10_u128.pow(INT64_DIGITS)
    }

    /// Units of 10^-places, rounded up.
    fn scaled(&self, places: i32) -> i64 {
        let shift = self.exponent + places;
        if shift < 0 {
            let divided = if self.is_wide() {
                divide_rounding_up(self.mantissa, shift.unsigned_abs())
            } else {
                divide_away_from_zero(self.mantissa, shift.unsigned_abs())
            };
            return divided as i64; // the low 64 bits, as upstream takes them
        }
        if self.is_wide() || self.format == Format::BinarySi {
            let mut product = self.mantissa;
            for _ in 0..shift.min(64) {
                product = product.wrapping_mul(10);
            }
            return product as i64;
        }
        let mantissa = self.mantissa as i64;
        match shift {
            // Upstream multiplies these steps at once and drops the overflow flag; longer ones give up with 0.
            0..=3 | 6 | 9 => mantissa.wrapping_mul(10_i64.pow(shift as u32)),
            _ => 10_i64.checked_pow(shift as u32).and_then(|power| mantissa.checked_mul(power)).unwrap_or(0),
        }
    }
}

fn split(text: &str) -> Result<Pieces<'_>, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Empty);
    }
    let (negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = unsigned.split_at(digits(unsigned));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(QuantityError::Format);
    }
    let letters = suffix.bytes().take_while(|byte| b"eEinumkKMGTP".contains(byte)).count();
    let exponent = suffix[letters..].strip_prefix(['+', '-']).unwrap_or(&suffix[letters..]);
    if !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    Ok(Pieces { negative, whole: whole.trim_start_matches('0'), fraction: fraction.trim_end_matches('0'), suffix })
}

fn interpret(suffix: &str) -> Result<Suffix, QuantityError> {
    let si = |exponent| Ok(Suffix::Decimal { exponent, format: Format::DecimalSi });
    match suffix {
        "n" => return si(-9),
        "u" => return si(-6),
        "m" => return si(-3),
        "" => return si(0),
        "k" => return si(3),
        "M" => return si(6),
        "G" => return si(9),
        "T" => return si(12),
        "P" => return si(15),
        "E" => return si(18),
        _ => {}
    }
    if let Some(power) = BINARY_SUFFIXES.iter().position(|binary| *binary == suffix) {
        return Ok(Suffix::Binary { shift: 10 * power as u32 });
    }
    match suffix.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let number = exponent.parse::<i64>().map_err(|_| QuantityError::Suffix)?;
            if number.abs() > EXPONENT_LIMIT {
                return Err(QuantityError::TooLarge);
            }
            Ok(Suffix::Decimal { exponent: number as i32, format: Format::DecimalExponent })
        }
        None => Err(QuantityError::Suffix),
    }
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

/// The nearest float to 10^exponent.
fn float_power_of_ten(exponent: i32) -> f64 {
    match exponent {
        -9 => 1e-9,
        -6 => 1e-6,
        -3 => 1e-3,
        3 => 1e3,
        6 => 1e6,
        9 => 1e9,
        _ => format!("1e{exponent}").parse().expect("a power of ten is a float literal"),
    }
}

fn divide_away_from_zero(dividend: i128, places: u32) -> i128 {
    match power_of_ten(places) {
        Some(divisor) => {
            let exact = dividend % divisor == 0;
            dividend / divisor + if exact { 0 } else { dividend.signum() }
        }
        None => dividend.signum(),
    }
}

fn divide_rounding_up(dividend: i128, places: u32) -> i128 {
    match power_of_ten(places) {
        Some(divisor) => dividend.div_euclid(divisor) + i128::from(dividend % divisor != 0),
        None => i128::from(dividend > 0),
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::BinarySi => {
                let mut mantissa = self.mantissa;
                let mut power = 0;
                while mantissa % 1024 == 0 && power + 1 < BINARY_SUFFIXES.len() {
                    mantissa /= 1024;
                    power += 1;
                }
                write!(f, "{mantissa}{}", BINARY_SUFFIXES[power])
            }
            Format::DecimalExponent if self.exponent == 0 => write!(f, "{}", self.mantissa),
            Format::DecimalExponent => write!(f, "{}e{}", self.mantissa, self.exponent),
            Format::DecimalSi => {
                let suffix = match self.exponent {
                    -9 => "n",
                    -6 => "u",
                    -3 => "m",
                    3 => "k",
                    6 => "M",
                    9 => "G",
                    12 => "T",
                    15 => "P",
                    18 => "E",
                    _ => "",
                };
                write!(f, "{}{suffix}", self.mantissa)
            }
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn canonical_text() {
        let table = [
            ("0", "0"),
            ("-0", "0"),
            ("0.0", "0"),
            ("0m", "0"),
            ("1.5", "1500m"),
            (".5", "500m"),
            ("5.", "5"),
            ("+7", "7"),
            ("-2.5", "-2500m"),
            ("1000", "1k"),
            ("1000000m", "1k"),
            ("1500u", "1500u"),
            ("12e3", "12e3"),
            ("1e-3", "1e-3"),
            ("100E2", "10e3"),
            ("1.5Gi", "1536Mi"),
            ("1024Ki", "1Mi"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("0.0001Ki", "102400u"),
            ("1025Ki", "1025Ki"),
            ("1.0001Ki", "1024102400u"),
            ("8Ei", "9223372036854775807"),
            ("-7Ei", "-7Ei"),
            ("0.1n", "1n"),
            ("-0.1n", "-1n"),
            ("1e-30", "1e-9"),
            ("9223372036854775807m", "9223372036854775807m"),
            ("10000000000000000000", "10E"),
        ];
        for (text, wanted) in table {
            assert_eq!(quantity(text).to_string(), wanted, "{text}");
            assert_eq!(quantity(wanted).to_string(), wanted, "{wanted} again");
        }
    }

    #[test]
    fn milli_units_round_up() {
        let table = [
            ("123456789n", 124),
            ("1500u", 2),
            ("1n", 1),
            ("-1500u", -2),
            ("0.25", 250),
            ("256Mi", 268_435_456_000),
            ("300M", 300_000_000_000),
            ("12e3", 12_000_000),
            ("1e-5", 1),
        ];
        for (text, wanted) in table {
            assert_eq!(quantity(text).milli_value(), wanted, "{text}");
        }
        assert_eq!(quantity("1001m").value(), 2);
        assert_eq!(quantity("2k").value(), 2000);
    }

    #[test]
    fn milli_units_wrap_as_upstream() {
        // 9223372036854776 × 1000 = 2^63 + 192, and 2^63 + 192 - 2^64 = -9223372036854775616.
        assert_eq!(quantity("9223372036854776").milli_value(), -9_223_372_036_854_775_616);
        assert_eq!(quantity("9223372036854775807").milli_value(), -1000); // (2^63 - 1) × 1000 ≡ -1000
        assert_eq!(quantity("8E").milli_value(), 0);
        assert_eq!(quantity("9P").milli_value(), 9_000_000_000_000_000_000);
        assert_eq!(quantity("7Ei").milli_value(), (7_i64 << 60).wrapping_mul(1000));
        assert_eq!(quantity("1e30").milli_value(), 0);
    }

    #[test]
    fn floats_keep_the_order_of_operations() {
        assert_eq!(quantity("0.05").as_f64(), 50.0 * 1e-3);
        assert_eq!(quantity("1").as_f64(), 1.0);
        assert_eq!(quantity("1Ki").as_f64(), 1024.0);
        assert_eq!(quantity("1k").as_f64(), 1000.0);
        assert_eq!(quantity("1e100").as_f64(), 10.0 * 1e99);
    }

    #[test]
    fn constructors_are_canonical() {
        assert_eq!(Quantity::from_millis(1500), quantity("1.5"));
        assert_eq!(Quantity::from_units(2000), quantity("2k"));
        assert_eq!(Quantity::from_binary_millis(1_048_576_000).to_string(), "1Mi");
        assert_eq!(Quantity::from_binary_millis(2_000_000).to_string(), "2000"); // no factor of 1024
        assert_eq!(Quantity::from_binary_millis(1_048_576_001).to_string(), "1048576001m");
        assert_eq!(Quantity::from_nanos(1_000_000), quantity("1m"));
        assert_eq!(Quantity::from_millis(i64::MIN).to_string(), "-9223372036854775808m");
        assert_eq!(quantity("1500u").nanos(), 1_500_000);
        assert_eq!(quantity("-3").signum(), -1);
    }

    #[test]
    fn what_is_no_quantity() {
        let table = [
            ("", QuantityError::Empty),
            ("m", QuantityError::Format),
            (".", QuantityError::Format),
            ("+", QuantityError::Format),
            ("1 Gi", QuantityError::Format),
            ("1.2.3", QuantityError::Format),
            ("1Mi5x", QuantityError::Format),
            ("1mi", QuantityError::Suffix),
            ("1K", QuantityError::Suffix),
            ("1e", QuantityError::Suffix),
            ("ü", QuantityError::Format),
            ("1e99999999", QuantityError::TooLarge),
            ("9999999999999999999999999999999999999999", QuantityError::TooLarge),
        ];
        for (text, wanted) in table {
            assert_eq!(Quantity::parse(text), Err(wanted), "{text}");
        }
    }

    #[test]
    fn serde_speaks_text() {
        let text = serde_json::to_string(&quantity("1.5Gi")).unwrap();
        assert_eq!(text, "\"1536Mi\"");
        assert_eq!(serde_json::from_str::<Quantity>(&text).unwrap(), quantity("1.5Gi"));
    }
}
