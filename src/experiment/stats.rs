//! What many seeds say together: means and how far they can be trusted, differences, shares of seeds, when to stop.
//!
//! Seeds are independent runs, so the mean of a figure over n of them has Student's t interval with n - 1 degrees of
//! freedom. The distribution function is the finite series for whole degrees of freedom (Abramowitz and Stegun, 26.7.3
//! and 26.7.4), inverted by bisection. Two scenarios that run under the same seed meet the same arrivals, so their
//! difference is estimated pair by pair. A share of seeds has Wilson's interval where it is shown, and the exact bound of
//! Clopper and Pearson where something is promised on it.

/// Confidence of intervals where nobody says otherwise.
pub const CONFIDENCE: f64 = 0.95;

/// Values whose difference is below this part of them differ by rounding alone.
const ROUNDING: f64 = 1e-12;

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seeds in which the figure has a value.
    pub seeds: usize,
    /// Mean.
    pub mean: f64,
    /// Half the width of the 95 % interval; `None` for a single seed.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Lower and upper end of the interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width.map(|half| (self.mean - half, self.mean + half))
    }
}

/// Mean and Student-t interval of independent values; `None` without any.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let seeds = values.len();
    if seeds == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / seeds as f64;
    let half_width = (seeds > 1).then(|| {
        let freedom = seeds - 1;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
        t_quantile(0.5 + CONFIDENCE / 2.0, freedom) * (variance / seeds as f64).sqrt()
    });
    Some(Estimate { seeds, mean, half_width })
}

/// How far `second` lies above `first`, pair by pair of the same seed. A pair of which one has no value does not count;
/// `None` without any pair.
pub fn paired_difference(first: &[Option<f64>], second: &[Option<f64>]) -> Option<Estimate> {
    let difference = |(first, second): (&Option<f64>, &Option<f64>)| {
        let (first, second) = ((*first)?, (*second)?);
        let difference = second - first;
        let rounding = ROUNDING * first.abs().max(second.abs());
        difference.is_finite().then_some(if difference.abs() <= rounding { 0.0 } else { difference })
    };
    estimate(&first.iter().zip(second).filter_map(difference).collect::<Vec<f64>>())
}

/// What an interval says about zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// All of it is above.
    Above,
    /// All of it is below.
    Below,
    /// Zero is in it: no difference was found, which does not say that there is none.
    NotFound,
    /// One seed has no interval.
    NoInterval,
}

/// What an estimated difference says.
pub fn sign(difference: &Estimate) -> Sign {
    match difference.interval() {
        None => Sign::NoInterval,
        Some((low, _)) if low > 0.0 => Sign::Above,
        Some((_, high)) if high < 0.0 => Sign::Below,
        Some(_) => Sign::NotFound,
    }
}

/// Is the half width of the interval at most this share of the mean? A figure without any value, or without any spread,
/// asks for no more seeds; a single value says nothing yet.
pub fn precise_enough(values: &[f64], share: f64) -> bool {
    match estimate(values) {
        None => true,
        Some(Estimate { mean, half_width: Some(half_width), .. }) => half_width <= share * mean.abs(),
        Some(_) => false,
    }
}

/// The value that Student's t with these degrees of freedom stays below with this probability. Probabilities are taken
/// between 1e-9 and 1 - 1e-9, degrees of freedom from 1.
pub fn t_quantile(probability: f64, freedom: usize) -> f64 {
    let freedom = freedom.max(1);
    symmetric_quantile(probability, |t| t_within(t, freedom))
}

/// The value that a standard normal variable stays below with this probability, taken between 1e-9 and 1 - 1e-9.
pub fn normal_quantile(probability: f64) -> f64 {
    symmetric_quantile(probability, normal_within)
}

/// Inverts the probability of lying within -x to x.
fn symmetric_quantile(probability: f64, within: impl Fn(f64) -> f64) -> f64 {
    let probability = probability.clamp(1e-9, 1.0 - 1e-9);
    if probability < 0.5 {
        return -symmetric_quantile(1.0 - probability, within);
    }
    let wanted = 2.0 * probability - 1.0;
    let mut high = 1.0;
    while within(high) < wanted {
        high *= 2.0;
    }
    bisect(if high > 1.0 { high / 2.0 } else { 0.0 }, high, |x| within(x) < wanted)
}

/// Where `below` turns from true to false.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    // Halving an interval of doubles ends when nothing lies between its ends.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Probability that Student's t lies within -t to t.
fn t_within(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let square = cosine * cosine;
    // Even: sin(1 + 1/2 cos² + 1·3/(2·4) cos⁴ + ...); odd: 2/π (angle + sin(cos + 2/3 cos³ + 2·4/(3·5) cos⁵ + ...)).
    let odd = freedom % 2 == 1;
    let terms = freedom / 2;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    for index in 0..terms {
        sum += term;
        let step = (2 * index + 1) as f64;
        term *= square * if odd { (step + 1.0) / (step + 2.0) } else { step / (step + 1.0) };
    }
    if odd { (angle + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum }
}

/// Probability that a standard normal variable lies within -x to x: Abramowitz and Stegun, 26.2.11, whose terms
/// x + x³/3 + x⁵/(3·5) + ... are all positive.
fn normal_within(x: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (x, 0.0, 1.0);
    while term > sum * f64::EPSILON {
        sum += term;
        odd += 2.0;
        term *= x * x / odd;
    }
    2.0 * sum * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

/// Wilson's interval for the share of which `held` of `seeds` are a sample, to show.
pub fn wilson(held: usize, seeds: usize, confidence: f64) -> (f64, f64) {
    if seeds == 0 {
        return (0.0, 1.0);
    }
    let z = normal_quantile(0.5 + confidence / 2.0);
    let (n, share) = (seeds as f64, held as f64 / seeds as f64);
    let middle = share + z * z / (2.0 * n);
    let reach = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0))
}

/// The exact one-sided lower bound of Clopper and Pearson: the share at which `held` or more of `seeds` are as likely as
/// the confidence leaves over.
pub fn lower_bound(held: usize, seeds: usize, confidence: f64) -> f64 {
    let held = held.min(seeds);
    if held == 0 {
        return 0.0;
    }
    let over = (1.0 - confidence).clamp(1e-12, 1.0);
    let logs = log_factorials(seeds);
    bisect(0.0, 1.0, |share| at_least(held, seeds, share, &logs) < over)
}

/// The exact one-sided upper bound of Clopper and Pearson.
pub fn upper_bound(held: usize, seeds: usize, confidence: f64) -> f64 {
    1.0 - lower_bound(seeds.saturating_sub(held), seeds, confidence)
}

fn log_factorials(most: usize) -> Vec<f64> {
    let mut logs = vec![0.0; most + 1];
    for number in 1..=most {
        logs[number] = logs[number - 1] + (number as f64).ln();
    }
    logs
}

/// Probability that `held` or more of `seeds` hold if each does with this probability, strictly between 0 and 1.
fn at_least(held: usize, seeds: usize, share: f64, logs: &[f64]) -> f64 {
    let (hit, miss) = (share.ln(), (-share).ln_1p());
    let of = |number: usize| {
        logs[seeds] - logs[number] - logs[seeds - number] + number as f64 * hit + (seeds - number) as f64 * miss
    };
    (held..=seeds).map(|number| of(number).exp()).sum()
}

/// What the seeds so far say about "it holds in this share of seeds".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feasibility {
    /// Sure to the confidence.
    Feasible,
    /// Sure to the confidence that it does not.
    Infeasible,
    /// Neither: more seeds are needed.
    Undecided,
}

/// Judges by the two exact one-sided bounds.
pub fn feasibility(held: usize, seeds: usize, holds_in: f64, confidence: f64) -> Feasibility {
    if lower_bound(held, seeds, confidence) > holds_in {
        Feasibility::Feasible
    } else if upper_bound(held, seeds, confidence) < holds_in {
        Feasibility::Infeasible
    } else {
        Feasibility::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_student_are_those_of_the_tables() {
        // From the usual printed tables, three decimals.
        let table = [
            (0.975, 1, 12.706),
            (0.975, 2, 4.303),
            (0.975, 3, 3.182),
            (0.975, 4, 2.776),
            (0.975, 9, 2.262),
            (0.975, 10, 2.228),
            (0.975, 19, 2.093),
            (0.975, 29, 2.045),
            (0.975, 120, 1.980),
            (0.95, 5, 2.015),
            (0.995, 8, 3.355),
            (0.995, 1, 63.657),
            (0.9, 30, 1.310),
        ];
        for (probability, freedom, value) in table {
            let t = t_quantile(probability, freedom);
            assert!((t - value).abs() < 6e-4, "{probability}, {freedom}: {t}");
            assert!((t_quantile(1.0 - probability, freedom) + t).abs() < 1e-6);
        }
        assert!(t_quantile(0.5, 7).abs() < 1e-9);
        // With many degrees of freedom it is the normal one.
        assert!((t_quantile(0.975, 100_000) - 1.959_96).abs() < 1e-3);
        // With one and with two there are formulas: tan(π(p - 1/2)) and (2p - 1)/sqrt(2p(1 - p)).
        assert!((t_quantile(0.75, 1) - 1.0).abs() < 1e-12);
        assert!((t_quantile(0.9, 2) - 0.8 / 0.18_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_of_the_normal_are_those_of_the_tables() {
        for (probability, value) in [(0.975, 1.959_964), (0.95, 1.644_854), (0.995, 2.575_829), (0.999, 3.090_232)] {
            assert!((normal_quantile(probability) - value).abs() < 1e-6, "{probability}");
            assert!((normal_quantile(1.0 - probability) + value).abs() < 1e-6, "{probability}");
        }
        assert!(normal_quantile(0.5).abs() < 1e-9);
        // Six deviations: 1 - 1e-9 is the farthest that is asked for.
        assert!((normal_quantile(1.0) - 5.997_807).abs() < 1e-5);
    }

    #[test]
    fn an_interval_by_hand() {
        // Mean 2, deviation 1, n = 3: 4.303 / sqrt(3).
        let three = estimate(&[1.0, 2.0, 3.0]).expect("three values");
        assert_eq!((three.seeds, three.mean), (3, 2.0));
        assert!((three.half_width.expect("three") - 2.484).abs() < 1e-3);
        assert_eq!(estimate(&[5.0]), Some(Estimate { seeds: 1, mean: 5.0, half_width: None }));
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[4.0; 8]).and_then(|same| same.half_width), Some(0.0));
    }

    #[test]
    fn pairs_are_narrower_than_their_members() {
        // Both rise by 10 from seed to seed; their difference is 2 or 3: mean 2.5, deviation 0.577, n = 4.
        let first = [10.0, 20.0, 30.0, 40.0].map(Some);
        let second = [12.0, 23.0, 32.0, 43.0].map(Some);
        let difference = paired_difference(&first, &second).expect("four pairs");
        assert_eq!((difference.seeds, difference.mean), (4, 2.5));
        assert!((difference.half_width.expect("four") - 3.182 * (1.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-3);
        assert_eq!(sign(&difference), Sign::Above);
        let back = paired_difference(&second, &first).expect("four pairs");
        assert_eq!((back.mean, sign(&back)), (-2.5, Sign::Below));
        // A seed without a value in one of them is no pair.
        let gap = paired_difference(&[None, Some(1.0), Some(2.0)], &[Some(1.0), Some(1.0), None]).expect("one pair");
        assert_eq!((gap.seeds, gap.mean, sign(&gap)), (1, 0.0, Sign::NoInterval));
        assert_eq!(paired_difference(&[None], &[Some(1.0)]), None);
    }

    #[test]
    fn rounding_and_chance_are_no_difference() {
        let found = |first: &[f64], second: &[f64]| {
            let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
            sign(&paired_difference(&some(first), &some(second)).expect("pairs"))
        };
        // 0.1 + 0.2 differs from 0.3 in the last bit, in the same direction with every seed.
        assert_eq!(found(&[0.3; 5], &[0.1 + 0.2; 5]), Sign::NotFound);
        assert_eq!(found(&[1.0, 2.0, 3.0], &[2.0, 1.0, 3.5]), Sign::NotFound);
        // The same difference with every seed is one, however small its interval.
        assert_eq!(found(&[1.0, 2.0, 3.0], &[1.5, 2.5, 3.5]), Sign::Above);
    }

    #[test]
    fn precision_is_a_share_of_the_mean() {
        // Mean 100, deviation 1, n = 4: 3.182 / 2 = 1.591.
        let values = [99.0, 99.0, 101.0, 101.0].map(|value: f64| 100.0 + (value - 100.0) * 0.75_f64.sqrt());
        assert!(precise_enough(&values, 0.016) && !precise_enough(&values, 0.0158));
        assert!(!precise_enough(&[100.0], 0.5), "one value has no interval");
        assert!(precise_enough(&[], 0.01) && precise_enough(&[0.0, 0.0], 0.01));
    }

    #[test]
    fn wilson_is_that_of_the_books() {
        // 8 of 10 at 95 %: (0.8 + 0.19207 ∓ 1.96 sqrt(0.016 + 0.009604)) / 1.38415.
        let (low, high) = wilson(8, 10, 0.95);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        // None of n: 0 to z²/(n + z²).
        let (low, high) = wilson(0, 10, 0.95);
        assert!(low == 0.0 && (high - 3.841_459 / 13.841_459).abs() < 1e-6);
        assert!((wilson(10, 10, 0.95).0 - (1.0 - high)).abs() < 1e-12);
        assert_eq!(wilson(0, 0, 0.95), (0.0, 1.0));
    }

    #[test]
    fn exact_bounds_are_those_of_the_formulas() {
        // All of n: the n-th root of 5 %. None of n: the rest of it.
        for n in [1, 2, 12, 29, 1_000] {
            let root = 0.05_f64.powf(1.0 / f64::from(n as u32));
            assert!((lower_bound(n, n, 0.95) - root).abs() < 1e-9, "{n}");
            assert!((upper_bound(0, n, 0.95) - (1.0 - root)).abs() < 1e-9, "{n}");
        }
        assert_eq!((lower_bound(0, 5, 0.95), upper_bound(5, 5, 0.95)), (0.0, 1.0));
        // 8 of 10 two-sided at 95 % is 0.4439 to 0.9748 in the printed tables.
        assert!((lower_bound(8, 10, 0.975) - 0.4439).abs() < 1e-4);
        assert!((upper_bound(8, 10, 0.975) - 0.9748).abs() < 1e-4);
        // At the bound the tail is what the confidence leaves over.
        let bound = lower_bound(2, 2, 0.9);
        assert!((bound * bound - 0.1).abs() < 1e-12);
    }

    #[test]
    fn ninety_percent_at_ninety_five_takes_29_seeds_or_46_with_one_miss() {
        use Feasibility::{Feasible, Infeasible, Undecided};
        // 0.9^29 = 0.047 and 0.9^28 = 0.052; 0.9^45 (4.6 + 0.9) = 0.048 and 0.9^44 (4.5 + 0.9) = 0.052.
        let table = [
            (28, 28, Undecided),
            (29, 29, Feasible),
            (44, 45, Undecided),
            (45, 46, Feasible),
            (44, 46, Undecided),
            (0, 0, Undecided),
            // One miss may be chance: 95 % of nothing. Two of two: 1 - sqrt(5 %) = 78 %.
            (0, 1, Undecided),
            (0, 2, Infeasible),
            (0, 12, Infeasible),
            (10, 20, Infeasible),
        ];
        for (held, seeds, wanted) in table {
            assert_eq!(feasibility(held, seeds, 0.9, 0.95), wanted, "{held} of {seeds}");
        }
    }
}
