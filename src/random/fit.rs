//! Laws from what people know of them: a mean with a spread, two quantiles, a list of measurements.
//!
//! One constructor for each set of parameters, and each refuses what has no solution or no finite variance. Closed forms
//! are textbook ones; only the Weibull shape for a given cv is solved for.

use super::Law;
use super::dist::{Empirical, Exponential, HyperExponential, Scaled, TwoPoint, Uniform};
use std::fmt;
use std::sync::Arc;

/// Why there is no such law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawError {
    /// The parameter to change.
    pub parameter: &'static str,
    /// One sentence: what must hold, and what to do.
    pub message: String,
}

impl fmt::Display for LawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LawError {}

/// The standard normal quantile of 99 %.
const Z99: f64 = 2.326_347_874_040_841;
/// cv of a uniform law that begins at 0: 1/√3.
const MAX_UNIFORM_CV: f64 = 0.577_350_269_189_625_8;
/// Within these the Weibull shape can be solved for, and means something.
const WEIBULL_CV: std::ops::RangeInclusive<f64> = 0.05..=20.0;

impl Law {
    /// Always this value, for values known to be good.
    pub const fn constant(value: f64) -> Self {
        Self::Constant(value)
    }

    /// Always this value.
    ///
    /// # Errors
    /// Negative or not finite.
    pub fn constant_value(value: f64) -> Result<Self, LawError> {
        if value.is_finite() && value >= 0.0 {
            return Ok(Self::Constant(value));
        }
        Err(refuse("value", format!("`value` must be 0 or more, and is {value}")))
    }

    /// Exponential with this mean.
    ///
    /// # Errors
    /// A mean that is not above 0.
    pub fn exponential(mean: f64) -> Result<Self, LawError> {
        finite(Self::Exponential(Exponential { mean: above_zero("mean", mean)? }), "mean")
    }

    /// Lognormal by mean and coefficient of variation.
    ///
    /// # Errors
    /// Parameters that are not above 0.
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Result<Self, LawError> {
        lognormal(above_zero("mean", mean)?, sigma_of_cv(cv)?, "cv")
    }

    /// Lognormal by mean and 99 % quantile. Of the two solutions the one with the smaller sigma.
    ///
    /// # Errors
    /// p99 / mean not above 1, or above 14.97: no solution.
    pub fn lognormal_mean_p99(mean: f64, p99: f64) -> Result<Self, LawError> {
        let ratio = above_zero("p99", p99)? / above_zero("mean", mean)?;
        let root = Z99 * Z99 - 2.0 * ratio.ln();
        // No lognormal law has a p99 / mean above e^(Z99²/2).
        if ratio <= 1.0 || root < 0.0 {
            return Err(refuse(
                "p99",
                format!(
                    "`p99` / `mean` must lie between 1 and 14.97, and is {ratio:.4}: change one of them, or give \
                     `median` and `p99`"
                ),
            ));
        }
        lognormal(mean, Z99 - root.sqrt(), "p99")
    }

    /// Lognormal by median and coefficient of variation.
    ///
    /// # Errors
    /// Parameters that are not above 0.
    pub fn lognormal_median_cv(median: f64, cv: f64) -> Result<Self, LawError> {
        let sigma = sigma_of_cv(cv)?;
        lognormal(above_zero("median", median)? * (sigma * sigma / 2.0).exp(), sigma, "cv")
    }

    /// Lognormal by median and 99 % quantile.
    ///
    /// # Errors
    /// p99 not above the median.
    pub fn lognormal_median_p99(median: f64, p99: f64) -> Result<Self, LawError> {
        let ratio = above_zero("p99", p99)? / above_zero("median", median)?;
        if ratio <= 1.0 {
            return Err(refuse("p99", "`p99` must be above `median`; without spread write a constant".to_string()));
        }
        let sigma = ratio.ln() / Z99;
        lognormal(median * (sigma * sigma / 2.0).exp(), sigma, "p99")
    }

    /// Gamma by mean and coefficient of variation.
    ///
    /// # Errors
    /// Parameters that are not above 0.
    pub fn gamma_mean_cv(mean: f64, cv: f64) -> Result<Self, LawError> {
        let cv = spread(cv)?;
        gamma(above_zero("mean", mean)?, 1.0 / (cv * cv), "cv").map(Self::Gamma)
    }

    /// Gamma by mean and shape.
    ///
    /// # Errors
    /// Parameters that are not above 0.
    pub fn gamma_mean_shape(mean: f64, shape: f64) -> Result<Self, LawError> {
        gamma(above_zero("mean", mean)?, above_zero("shape", shape)?, "shape").map(Self::Gamma)
    }

    /// Weibull by mean and shape.
    ///
    /// # Errors
    /// Parameters that are not above 0, or a shape so small that the variance overflows.
    pub fn weibull_mean_shape(mean: f64, shape: f64) -> Result<Self, LawError> {
        weibull(above_zero("mean", mean)?, above_zero("shape", shape)?, "shape")
    }

    /// Weibull by mean and coefficient of variation.
    ///
    /// # Errors
    /// A mean that is not above 0, or a cv outside 0.05 to 20.
    pub fn weibull_mean_cv(mean: f64, cv: f64) -> Result<Self, LawError> {
        if !WEIBULL_CV.contains(&cv) {
            return Err(refuse(
                "cv",
                format!("`cv` of a Weibull law must lie between 0.05 and 20, and is {cv}: a gamma law takes any"),
            ));
        }
        weibull(above_zero("mean", mean)?, weibull_shape_of_cv(cv), "cv")
    }

    /// Pareto by mean and tail index.
    ///
    /// # Errors
    /// A mean that is not above 0, or alpha not above 2.
    pub fn pareto_mean_alpha(mean: f64, alpha: f64) -> Result<Self, LawError> {
        pareto(above_zero("mean", mean)?, tail_index(alpha)?)
    }

    /// Pareto by smallest value and tail index.
    ///
    /// # Errors
    /// A minimum that is not above 0, or alpha not above 2.
    pub fn pareto_min_alpha(min: f64, alpha: f64) -> Result<Self, LawError> {
        let alpha = tail_index(alpha)?;
        pareto(above_zero("min", min)? * alpha / (alpha - 1.0), alpha)
    }

    /// Uniform between two ends.
    ///
    /// # Errors
    /// Ends that are not above 0, or in the wrong order.
    pub fn uniform_min_max(min: f64, max: f64) -> Result<Self, LawError> {
        let (min, max) = (above_zero("min", min)?, above_zero("max", max)?);
        if min > max {
            return Err(refuse("min", format!("`min` must not be above `max`: {min} > {max}")));
        }
        finite(Self::Uniform(Uniform { min, max }), "max")
    }

    /// Uniform by mean and coefficient of variation.
    ///
    /// # Errors
    /// A mean that is not above 0, or a cv below 0 or above 1/√3.
    pub fn uniform_mean_cv(mean: f64, cv: f64) -> Result<Self, LawError> {
        let mean = above_zero("mean", mean)?;
        if !(0.0..=MAX_UNIFORM_CV).contains(&cv) {
            return Err(refuse(
                "cv",
                format!(
                    "`cv` of a uniform law must lie between 0 and 0.577, and is {cv}: it would begin below 0; \
                     a gamma law takes any"
                ),
            ));
        }
        let half = mean * cv / MAX_UNIFORM_CV;
        finite(Self::Uniform(Uniform { min: (mean - half).max(0.0), max: mean + half }), "mean")
    }

    /// Erlang by mean and number of stages.
    ///
    /// # Errors
    /// A mean that is not above 0, or `k` not a whole number from 1.
    pub fn erlang(mean: f64, k: f64) -> Result<Self, LawError> {
        if !(k >= 1.0 && k.fract() == 0.0 && k.is_finite()) {
            return Err(refuse(
                "k",
                format!("`k` must be a whole number from 1, and is {k}: a gamma law takes any `shape`"),
            ));
        }
        gamma(above_zero("mean", mean)?, k, "k").map(Self::Erlang)
    }

    /// Hyperexponential by mean and coefficient of variation, with balanced means: both kinds carry half of the sum.
    ///
    /// # Errors
    /// A mean that is not above 0, or a cv not above 1.
    pub fn hyperexponential_mean_cv(mean: f64, cv: f64) -> Result<Self, LawError> {
        let mean = above_zero("mean", mean)?;
        if !(cv > 1.0 && cv.is_finite()) {
            return Err(refuse(
                "cv",
                format!("`cv` of a hyperexponential law must be above 1, and is {cv}: up to 1 take erlang or gamma"),
            ));
        }
        // 1 - p = (1 - s)/2 with s² = 1 - 2/(cv² + 1), written so that a large cv cancels nothing.
        let rest = 1.0 / (cv * cv + 1.0);
        let rare = rest / (1.0 + (1.0 - 2.0 * rest).sqrt());
        let law = HyperExponential { p: 1.0 - rare, mean1: mean / (2.0 * (1.0 - rare)), mean2: mean / (2.0 * rare) };
        finite(Self::HyperExponential(law), "cv")
    }

    /// Exponential of `mean1` with probability `p`, else of `mean2`.
    ///
    /// # Errors
    /// p outside 0 to 1, or a mean that is not above 0.
    pub fn hyperexponential(p: f64, mean1: f64, mean2: f64) -> Result<Self, LawError> {
        let law =
            HyperExponential { p: share(p)?, mean1: above_zero("mean1", mean1)?, mean2: above_zero("mean2", mean2)? };
        finite(Self::HyperExponential(law), "mean2")
    }

    /// `value1` with probability `p`, else `value2`.
    ///
    /// # Errors
    /// p outside 0 to 1, or a value that is not above 0.
    pub fn two_point(p: f64, value1: f64, value2: f64) -> Result<Self, LawError> {
        let law =
            TwoPoint { p: share(p)?, value1: above_zero("value1", value1)?, value2: above_zero("value2", value2)? };
        finite(Self::TwoPoint(law), "value2")
    }

    /// One of `values`, equally likely or by `weights`, times `scale`.
    ///
    /// # Errors
    /// No values, as many weights as values missing, negative or non-finite ones, weights without a positive sum, or a
    /// scale that is not above 0.
    pub fn empirical(values: Vec<f64>, weights: Option<Vec<f64>>, scale: f64) -> Result<Self, LawError> {
        let scale = above_zero("scale", scale)?;
        if values.is_empty() {
            return Err(refuse("values", "`values` must not be empty".to_string()));
        }
        all_from_zero("values", &values)?;
        let values: Arc<[f64]> = values.into_iter().map(|value| value * scale).collect();
        let law = match weights {
            None => {
                let (mean, variance) = moments(values.iter().map(|value| (*value, 1.0)));
                Empirical { values, cumulative: None, mean, variance }
            }
            Some(weights) => weighted(values, &weights)?,
        };
        finite(Self::Empirical(law), "values")
    }
}

fn refuse(parameter: &'static str, message: String) -> LawError {
    LawError { parameter, message }
}

fn above_zero(parameter: &'static str, value: f64) -> Result<f64, LawError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    Err(refuse(parameter, format!("`{parameter}` must be above 0 and finite, and is {value}")))
}

fn spread(cv: f64) -> Result<f64, LawError> {
    if cv.is_finite() && cv > 0.0 {
        return Ok(cv);
    }
    Err(refuse("cv", format!("`cv` must be above 0 and finite, and is {cv}; without spread write a constant")))
}

fn share(p: f64) -> Result<f64, LawError> {
    if (0.0..=1.0).contains(&p) {
        return Ok(p);
    }
    Err(refuse("p", format!("`p` must lie between 0 and 1, and is {p}")))
}

fn tail_index(alpha: f64) -> Result<f64, LawError> {
    if alpha.is_finite() && alpha > 2.0 {
        return Ok(alpha);
    }
    Err(refuse(
        "alpha",
        format!("`alpha` must be above 2, and is {alpha}: up to 2 the variance is infinite, and no figure settles"),
    ))
}

fn all_from_zero(parameter: &'static str, list: &[f64]) -> Result<(), LawError> {
    match list.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
        None => Ok(()),
        Some(index) => Err(refuse(
            parameter,
            format!("`{parameter}` must be 0 or more and finite: number {} is {}", index + 1, list[index]),
        )),
    }
}

/// A law whose moments fit into floating point.
fn finite(law: Law, parameter: &'static str) -> Result<Law, LawError> {
    if law.mean().is_finite() && law.variance().is_finite() {
        return Ok(law);
    }
    Err(too_far(parameter))
}

fn too_far(parameter: &'static str) -> LawError {
    refuse(parameter, format!("`{parameter}` is too far out: mean or variance overflow; take a milder one"))
}

/// σ of the logarithm of a lognormal law.
fn sigma_of_cv(cv: f64) -> Result<f64, LawError> {
    let cv = spread(cv)?;
    let sigma = (cv * cv).ln_1p().sqrt();
    if sigma.is_finite() { Ok(sigma) } else { Err(too_far("cv")) }
}

fn lognormal(mean: f64, sigma: f64, parameter: &'static str) -> Result<Law, LawError> {
    let variance_of_log = sigma * sigma;
    let unit = rand_distr::LogNormal::new(-variance_of_log / 2.0, sigma).expect("sigma is finite");
    finite(Law::LogNormal(Scaled { mean, cv: variance_of_log.exp_m1().sqrt(), unit }), parameter)
}

fn gamma(mean: f64, shape: f64, parameter: &'static str) -> Result<Scaled<rand_distr::Gamma<f64>>, LawError> {
    let scale = 1.0 / shape;
    match rand_distr::Gamma::new(shape, scale) {
        Ok(unit) if shape.is_finite() && scale.is_finite() && (mean * mean * scale).is_finite() => {
            Ok(Scaled { mean, cv: scale.sqrt(), unit })
        }
        _ => Err(refuse(parameter, format!("`{parameter}` is too far out for a gamma law; take a milder one"))),
    }
}

fn weibull(mean: f64, shape: f64, parameter: &'static str) -> Result<Law, LawError> {
    let scale = (-ln_gamma(1.0 + 1.0 / shape)).exp();
    match rand_distr::Weibull::new(scale, shape) {
        Ok(unit) => finite(Law::Weibull(Scaled { mean, cv: weibull_cv(shape), unit }), parameter),
        Err(_) => Err(refuse(parameter, format!("`{parameter}` is too small for a Weibull law; take a larger one"))),
    }
}

fn pareto(mean: f64, alpha: f64) -> Result<Law, LawError> {
    let unit = rand_distr::Pareto::new((alpha - 1.0) / alpha, alpha).expect("alpha above 2");
    finite(Law::Pareto(Scaled { mean, cv: 1.0 / (alpha * (alpha - 2.0)).sqrt(), unit }), "alpha")
}

fn weighted(values: Arc<[f64]>, weights: &[f64]) -> Result<Empirical, LawError> {
    if weights.len() != values.len() {
        let (have, want) = (weights.len(), values.len());
        return Err(refuse("weights", format!("`weights` must be as many as `values`: {have} instead of {want}")));
    }
    all_from_zero("weights", weights)?;
    let mut sum = 0.0;
    let cumulative: Arc<[f64]> = weights
        .iter()
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    if !(sum > 0.0 && sum.is_finite()) {
        return Err(refuse("weights", "`weights` must have a finite sum above 0".to_string()));
    }
    let (mean, variance) = moments(values.iter().copied().zip(weights.iter().copied()));
    Ok(Empirical { values, cumulative: Some(cumulative), mean, variance })
}

/// Mean and variance of weighted values.
fn moments(rows: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let weight: f64 = rows.clone().map(|(_, weight)| weight).sum();
    let mean = rows.clone().map(|(value, share)| value * (share / weight)).sum::<f64>();
    let variance = rows.map(|(value, share)| (value - mean).powi(2) * (share / weight)).sum();
    (mean, variance)
}

/// cv² = Γ(1 + 2/k)/Γ(1 + 1/k)² - 1.
fn weibull_cv(shape: f64) -> f64 {
    (ln_gamma(1.0 + 2.0 / shape) - 2.0 * ln_gamma(1.0 + 1.0 / shape)).exp_m1().max(0.0).sqrt()
}

/// The shape of this cv within [`WEIBULL_CV`], by bisection: the cv falls as the shape grows.
fn weibull_shape_of_cv(cv: f64) -> f64 {
    let (mut low, mut high) = (0.1, 100.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if weibull_cv(middle) > cv {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// ln Γ(x) for x ≥ 1, by the series of Lanczos (g = 7, nine terms; relative error about 1e-15).
fn ln_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let series = TERMS.iter().zip(1_u8..).fold(FIRST, |sum, (term, number)| sum + term / (x + f64::from(number)));
    let t = x + G + 0.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value} instead of {expected}");
    }

    #[test]
    fn the_logarithm_of_gamma_at_known_points() {
        close(ln_gamma(5.0).exp(), 24.0);
        close(ln_gamma(1.5).exp(), std::f64::consts::PI.sqrt() / 2.0);
        assert!(ln_gamma(1.0).abs() < 1e-15);
    }

    #[test]
    fn weibull_shapes_of_textbook_spreads() {
        // cv² of shape 1/2 is Γ(5)/Γ(3)² - 1 = 24/4 - 1 = 5; shape 1 is exponential; shape 2 has 4/π - 1.
        close(weibull_shape_of_cv(5_f64.sqrt()), 0.5);
        close(weibull_shape_of_cv(1.0), 1.0);
        close(weibull_shape_of_cv((4.0 / std::f64::consts::PI - 1.0).sqrt()), 2.0);
        for cv in [0.05, 20.0] {
            assert!((weibull_cv(weibull_shape_of_cv(cv)) / cv - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn asked_quantiles_are_met() {
        let laws = [
            (Law::lognormal_mean_p99(25.0, 70.0), 70.0, 0.99),
            (Law::lognormal_median_p99(25.0, 70.0), 70.0, 0.99),
            (Law::lognormal_median_p99(25.0, 70.0), 25.0, 0.5),
            (Law::lognormal_median_cv(25.0, 2.0), 25.0, 0.5),
        ];
        for (number, (law, quantile, share)) in laws.into_iter().enumerate() {
            let law = law.expect("a solution");
            let mut stream = Streams::new(1).keyed("quantiles", number as u64);
            let draws = 200_000_u32;
            let below = (0..draws).filter(|_| law.sample(&mut stream) <= quantile).count() as f64;
            let n = f64::from(draws);
            let error = (n * share * (1.0 - share)).sqrt();
            assert!((below - n * share).abs() < 5.0 * error, "{law:?}: {below} of {n} below {quantile}");
        }
    }

    #[test]
    fn of_two_lognormal_solutions_the_milder() {
        // p99 / mean of the median 1, p99 e: sigma = 1/Z99 = 0.43, far below Z99, where the two meet.
        let by_median = Law::lognormal_median_p99(1.0, std::f64::consts::E).expect("a solution");
        let by_mean = Law::lognormal_mean_p99(by_median.mean(), std::f64::consts::E).expect("a solution");
        close(by_mean.cv(), by_median.cv());
    }

    #[test]
    fn what_has_no_solution_is_refused() {
        let refused = [
            (Law::constant_value(-1.0), "value"),
            (Law::exponential(0.0), "mean"),
            (Law::exponential(f64::NAN), "mean"),
            (Law::lognormal_mean_p99(1.0, 1.0), "p99"),
            (Law::lognormal_mean_p99(1.0, 15.0), "p99"),
            (Law::lognormal_median_p99(1.0, 1.0), "p99"),
            (Law::lognormal_median_p99(1.0, 1e300), "p99"),
            (Law::lognormal_mean_cv(1.0, 0.0), "cv"),
            (Law::lognormal_mean_cv(1.0, 1e300), "cv"),
            (Law::lognormal_median_cv(1.0, 1e300), "cv"),
            (Law::gamma_mean_cv(1.0, 0.0), "cv"),
            (Law::gamma_mean_cv(1.0, 1e-200), "cv"),
            (Law::gamma_mean_shape(1.0, -1.0), "shape"),
            (Law::weibull_mean_cv(1.0, 0.049), "cv"),
            (Law::weibull_mean_cv(1.0, 20.1), "cv"),
            (Law::weibull_mean_shape(1.0, 1e-3), "shape"),
            (Law::pareto_mean_alpha(1.0, 2.0), "alpha"),
            (Law::pareto_min_alpha(0.0, 3.0), "min"),
            (Law::uniform_min_max(2.0, 1.0), "min"),
            (Law::uniform_mean_cv(1.0, 0.578), "cv"),
            (Law::erlang(1.0, 0.0), "k"),
            (Law::erlang(1.0, 2.5), "k"),
            (Law::hyperexponential_mean_cv(1.0, 1.0), "cv"),
            (Law::hyperexponential_mean_cv(1.0, 1e200), "cv"),
            (Law::hyperexponential(1.1, 1.0, 1.0), "p"),
            (Law::two_point(-0.1, 1.0, 1.0), "p"),
            (Law::empirical(vec![], None, 1.0), "values"),
            (Law::empirical(vec![1.0, -1.0], None, 1.0), "values"),
            (Law::empirical(vec![1.0], Some(vec![1.0, 2.0]), 1.0), "weights"),
            (Law::empirical(vec![1.0], Some(vec![0.0]), 1.0), "weights"),
            (Law::empirical(vec![1.0], None, 0.0), "scale"),
        ];
        for (law, parameter) in refused {
            assert_eq!(law.expect_err(parameter).parameter, parameter);
        }
    }

    #[test]
    fn a_refusal_shows_a_way_out() {
        let error = Law::lognormal_mean_p99(1.0, 20.0).expect_err("no solution");
        assert_eq!(
            error.to_string(),
            "`p99` / `mean` must lie between 1 and 14.97, and is 20.0000: change one of them, or give `median` and `p99`"
        );
    }
}
