//! A stretch of a rate: the area below it, and the instant at which an area is reached.
//!
//! Flat and straight pieces have closed forms; the straight one, dt = 2A/(r + √(r² + 2sA)), is stable for a slope s of
//! either sign and near 0, and gives the instants of k6's ramping-arrival-rate (its own formula, with the fraction
//! rationalised). A curved piece is short enough for a Chebyshev series of nine terms to be exact to the last digits; its
//! area is the series' integral, inverted by Newton's method between brackets.

const NANOS_PER_SEC: f64 = 1e9;
/// Terms of a series.
const TERMS: usize = 9;
/// How far a curved piece may bend, in radians or time constants: at 0.2 the tenth Chebyshev coefficient of a sine or an
/// exponential is below 1e-17 of the first.
pub(super) const BEND_PER_PIECE: f64 = 0.2;

/// A stretch of a rate over which one formula holds.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Nanoseconds since the load's `from`.
    pub start: u64,
    /// Nanoseconds; `None`: for ever.
    pub length: Option<u64>,
    /// Requests in it: the area below the rate.
    pub area: f64,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Flat { rate: f64 },
    Straight { first: f64, last: f64, length: f64 },
    Curved(Series),
}

impl Piece {
    /// A constant rate.
    pub(super) fn flat(start: u64, length: Option<u64>, rate: f64) -> Self {
        let area = match length {
            _ if rate == 0.0 => 0.0,
            Some(length) => rate * length as f64 / NANOS_PER_SEC,
            None => f64::INFINITY,
        };
        Self { start, length, area, form: Form::Flat { rate } }
    }

    /// A rate that moves evenly from `first` to `last`.
    pub(super) fn straight(start: u64, length: u64, first: f64, last: f64) -> Self {
        if first == last {
            return Self::flat(start, Some(length), first);
        }
        let span = length as f64;
        let area = (first + last) * span / (2.0 * NANOS_PER_SEC);
        Self { start, length: Some(length), area, form: Form::Straight { first, last, length: span } }
    }

    /// A smooth rate, known by its value at any offset in nanoseconds.
    pub(super) fn curved(start: u64, length: u64, rate: impl Fn(f64) -> f64) -> Self {
        let series = Series::new(length as f64 / 2.0, rate);
        Self { start, length: Some(length), area: series.area(1.0).max(0.0), form: Form::Curved(series) }
    }

    /// Where the next piece begins.
    pub(super) fn end(&self) -> Option<u64> {
        self.start.checked_add(self.length?)
    }

    /// The area of the first `offset` nanoseconds.
    pub(super) fn area_to(&self, offset: u64) -> f64 {
        let offset = offset as f64;
        match &self.form {
            Form::Flat { rate } => rate * offset / NANOS_PER_SEC,
            Form::Straight { first, last, length } => {
                let here = first + (last - first) * (offset / length);
                (first + here) * offset / (2.0 * NANOS_PER_SEC)
            }
            Form::Curved(series) => series.area(offset / series.half - 1.0).clamp(0.0, self.area),
        }
    }

    /// After how many whole nanoseconds the area is reached; `area` lies within this piece.
    #[inline]
    pub(super) fn reaches(&self, area: f64) -> u64 {
        match &self.form {
            // One rounding of the true quotient: k/rate never falls a nanosecond short of a whole one.
            Form::Flat { rate } => (area * NANOS_PER_SEC / rate) as u64,
            Form::Straight { first, last, length } => {
                let squared = first * first + 2.0 * area * (last - first) * NANOS_PER_SEC / length;
                let here = squared.max(0.0).sqrt();
                if area > 0.0 { (2.0 * area * NANOS_PER_SEC / (first + here)).min(*length) as u64 } else { 0 }
            }
            Form::Curved(series) => series.reaches(area, self.area),
        }
    }
}

/// A rate over `2 × half` nanoseconds as a Chebyshev series in v from -1 to 1.
#[derive(Clone, Debug)]
struct Series {
    half: f64,
    /// Requests per unit of v; the first coefficient counts half.
    rate: [f64; TERMS],
    /// Requests since v = -1.
    area: [f64; TERMS + 1],
}

impl Series {
    fn new(half: f64, rate: impl Fn(f64) -> f64) -> Self {
        let seconds = half / NANOS_PER_SEC;
        let mut coefficients = [0.0; TERMS];
        for node in 0..TERMS {
            let angle = std::f64::consts::PI * (node as f64 + 0.5) / TERMS as f64;
            let value = rate((angle.cos() + 1.0) * half) * seconds * 2.0 / TERMS as f64;
            for (order, coefficient) in coefficients.iter_mut().enumerate() {
                *coefficient += value * (order as f64 * angle).cos();
            }
        }
        let mut area = [0.0; TERMS + 1];
        for order in 1..=TERMS {
            let above = coefficients.get(order + 1).copied().unwrap_or(0.0);
            area[order] = (coefficients[order - 1] - above) / (2.0 * order as f64);
            // The area is 0 at v = -1, where Chebyshev polynomials alternate between 1 and -1. Clenshaw halves the first.
            area[0] -= 2.0 * if order % 2 == 0 { area[order] } else { -area[order] };
        }
        Self { half, rate: coefficients, area }
    }

    fn area(&self, v: f64) -> f64 {
        clenshaw(&self.area, v)
    }

    fn reaches(&self, area: f64, whole: f64) -> u64 {
        /// Steps below this many nanoseconds change nothing that is kept.
        const SMALL: f64 = 1e-3;
        let (mut low, mut high) = (-1.0_f64, 1.0_f64);
        let mut v = 2.0 * area / whole - 1.0;
        // Newton needs about four steps; bisection, where the rate is all but 0, some eighty at most.
        for _ in 0..100 {
            let miss = self.area(v) - area;
            if miss > 0.0 {
                high = v;
            } else {
                low = v;
            }
            let newton = v - miss / clenshaw(&self.rate, v);
            let next = if newton >= low && newton <= high { newton } else { f64::midpoint(low, high) };
            let step = (next - v).abs() * self.half;
            v = next;
            if step < SMALL {
                break;
            }
        }
        ((v + 1.0) * self.half) as u64
    }
}

/// c₀/2 + Σ cₖ Tₖ(v).
#[inline]
fn clenshaw<const N: usize>(coefficients: &[f64; N], v: f64) -> f64 {
    let (mut one, mut two) = (0.0, 0.0);
    for coefficient in coefficients[1..].iter().rev() {
        (one, two) = (coefficient + 2.0 * v * one - two, one);
    }
    coefficients[0] / 2.0 + v * one - two
}
