//! Laws with known mean and variance.
//!
//! Every law has a finite mean and variance, known in closed form, so that a scenario can be checked against queueing
//! theory before it is run. The constructors stand in [`super::fit`]; how many numbers a draw takes from its stream is part
//! of a law, and is held by the golden draws below.

use super::Stream;
use rand::Rng;
use rand::RngExt;
use rand_distr::Distribution;
use rand_distr::Exp1;
use std::sync::Arc;

/// A law of a number: seconds where it is a duration.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Always this value.
    Constant(f64),
    /// Exponential.
    Exponential(Exponential),
    /// The logarithm is normal.
    LogNormal(Scaled<rand_distr::LogNormal<f64>>),
    /// Gamma.
    Gamma(Scaled<rand_distr::Gamma<f64>>),
    /// Weibull.
    Weibull(Scaled<rand_distr::Weibull<f64>>),
    /// A power tail that begins at a minimum.
    Pareto(Scaled<rand_distr::Pareto<f64>>),
    /// Equally likely anywhere between two ends.
    Uniform(Uniform),
    /// The sum of k exponential stages.
    Erlang(Scaled<rand_distr::Gamma<f64>>),
    /// One of two exponential laws.
    HyperExponential(HyperExponential),
    /// One of two values.
    TwoPoint(TwoPoint),
    /// One of listed values.
    Empirical(Empirical),
}

/// An exponential law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    pub(super) mean: f64,
}

/// A law as its mean times a law of mean 1, so that rescaling cannot change its shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled<S> {
    pub(super) mean: f64,
    pub(super) cv: f64,
    pub(super) unit: S,
}

/// Equally likely between `min` and `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Exponential of `mean1` with probability `p`, else of `mean2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HyperExponential {
    pub(super) p: f64,
    pub(super) mean1: f64,
    pub(super) mean2: f64,
}

/// `value1` with probability `p`, else `value2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPoint {
    pub(super) p: f64,
    pub(super) value1: f64,
    pub(super) value2: f64,
}

/// One of the values; shared, since a list may come from a long file and laws are copied freely.
#[derive(Clone, Debug, PartialEq)]
pub struct Empirical {
    pub(super) values: Arc<[f64]>,
    /// Running sums of the weights; `None`: equally likely.
    pub(super) cumulative: Option<Arc<[f64]>>,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Law {
    /// The mean.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential(law) => law.mean,
            Self::LogNormal(law) => law.mean,
            Self::Gamma(law) | Self::Erlang(law) => law.mean,
            Self::Weibull(law) => law.mean,
            Self::Pareto(law) => law.mean,
            Self::Uniform(law) => f64::midpoint(law.min, law.max),
            Self::HyperExponential(law) => law.p * law.mean1 + (1.0 - law.p) * law.mean2,
            Self::TwoPoint(law) => law.p * law.value1 + (1.0 - law.p) * law.value2,
            Self::Empirical(law) => law.mean,
        }
    }

    /// The variance.
    pub fn variance(&self) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Exponential(law) => law.mean * law.mean,
            Self::LogNormal(law) => law.variance(),
            Self::Gamma(law) | Self::Erlang(law) => law.variance(),
            Self::Weibull(law) => law.variance(),
            Self::Pareto(law) => law.variance(),
            Self::Uniform(law) => (law.max - law.min).powi(2) / 12.0,
            // Within the two laws, and between their means.
            Self::HyperExponential(law) => {
                let within = law.p * law.mean1.powi(2) + (1.0 - law.p) * law.mean2.powi(2);
                within + law.p * (1.0 - law.p) * (law.mean1 - law.mean2).powi(2)
            }
            Self::TwoPoint(law) => law.p * (1.0 - law.p) * (law.value1 - law.value2).powi(2),
            Self::Empirical(law) => law.variance,
        }
    }

    /// Standard deviation over mean; 0 for a law that is always 0.
    pub fn cv(&self) -> f64 {
        let mean = self.mean();
        if mean > 0.0 { self.variance().sqrt() / mean } else { 0.0 }
    }

    /// The same shape with another mean. A law that is always 0 has no shape: it becomes constant.
    #[must_use]
    pub fn rescaled_to_mean(&self, mean: f64) -> Self {
        let factor = mean / self.mean();
        match self {
            Self::LogNormal(law) => Self::LogNormal(law.with_mean(mean)),
            Self::Gamma(law) => Self::Gamma(law.with_mean(mean)),
            Self::Erlang(law) => Self::Erlang(law.with_mean(mean)),
            Self::Weibull(law) => Self::Weibull(law.with_mean(mean)),
            Self::Pareto(law) => Self::Pareto(law.with_mean(mean)),
            Self::Exponential(_) => Self::Exponential(Exponential { mean }),
            _ if !factor.is_finite() => Self::Constant(mean),
            Self::Constant(_) => Self::Constant(mean),
            Self::Uniform(law) => Self::Uniform(Uniform { min: law.min * factor, max: law.max * factor }),
            Self::HyperExponential(law) => Self::HyperExponential(HyperExponential {
                p: law.p,
                mean1: law.mean1 * factor,
                mean2: law.mean2 * factor,
            }),
            Self::TwoPoint(law) => {
                Self::TwoPoint(TwoPoint { p: law.p, value1: law.value1 * factor, value2: law.value2 * factor })
            }
            Self::Empirical(law) => Self::Empirical(Empirical {
                values: law.values.iter().map(|value| value * factor).collect(),
                cumulative: law.cumulative.clone(),
                mean,
                variance: law.variance * factor * factor,
            }),
        }
    }

    /// One draw.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential(law) => law.mean * unit_exponential(stream),
            _ => self.sample_other(stream),
        }
    }

    fn sample_other(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Exponential(law) => law.mean * unit_exponential(stream),
            Self::LogNormal(law) => law.sample(stream),
            Self::Gamma(law) | Self::Erlang(law) => law.sample(stream),
            Self::Weibull(law) => law.sample(stream),
            Self::Pareto(law) => law.sample(stream),
            Self::Uniform(law) => law.min + (law.max - law.min) * stream.random::<f64>(),
            Self::HyperExponential(law) => {
                let mean = if stream.random::<f64>() < law.p { law.mean1 } else { law.mean2 };
                mean * unit_exponential(stream)
            }
            Self::TwoPoint(law) => {
                if stream.random::<f64>() < law.p {
                    law.value1
                } else {
                    law.value2
                }
            }
            Self::Empirical(law) => law.sample(stream),
        }
    }
}

/// Exponential of mean 1.
#[inline]
pub fn unit_exponential(stream: &mut Stream) -> f64 {
    Exp1.sample(stream)
}

/// A Poisson count of this mean; 0 for a mean that is not above 0.
pub fn poisson_count(mean: f64, stream: &mut Stream) -> u64 {
    rand_distr::Poisson::new(mean).map_or(0, |law| law.sample(stream) as u64)
}

impl<S: Copy + Distribution<f64>> Scaled<S> {
    fn variance(&self) -> f64 {
        (self.cv * self.mean).powi(2)
    }

    fn with_mean(&self, mean: f64) -> Self {
        Self { mean, ..*self }
    }

    #[inline]
    fn sample(&self, stream: &mut Stream) -> f64 {
        self.mean * self.unit.sample(stream)
    }
}

impl Empirical {
    fn sample(&self, stream: &mut Stream) -> f64 {
        let last = self.values.len() - 1;
        let index = match &self.cumulative {
            // Multiplies instead of dividing: 64 random bits as a fraction of the length.
            None => ((u128::from(stream.next_u64()) * self.values.len() as u128) >> 64) as usize,
            Some(cumulative) => {
                let at = cumulative[last] * stream.random::<f64>();
                cumulative[..last].partition_point(|sum| *sum <= at)
            }
        };
        self.values[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::LawError;
    use crate::random::Streams;

    /// Each law with its mean and variance from its textbook formula, worked out by hand.
    fn laws() -> Vec<(Result<Law, LawError>, f64, f64)> {
        vec![
            (Law::constant_value(3.0), 3.0, 0.0),
            (Law::exponential(2.0), 2.0, 4.0),
            (Law::lognormal_mean_cv(2.0, 0.5), 2.0, 1.0),
            // cv 1: σ² = ln 2, so the mean is √2 medians.
            (Law::lognormal_median_cv(1.0, 1.0), std::f64::consts::SQRT_2, 2.0),
            (Law::gamma_mean_cv(2.0, 0.5), 2.0, 1.0),
            (Law::gamma_mean_shape(3.0, 0.5), 3.0, 18.0),
            // cv² = 4/π - 1.
            (Law::weibull_mean_shape(1.0, 2.0), 1.0, 4.0 / std::f64::consts::PI - 1.0),
            (Law::weibull_mean_cv(2.0, 1.5), 2.0, 9.0),
            // cv² = 1/(α(α - 2)).
            (Law::pareto_mean_alpha(1.0, 6.0), 1.0, 1.0 / 24.0),
            (Law::pareto_min_alpha(1.0, 5.0), 1.25, 1.5625 / 15.0),
            (Law::uniform_min_max(1.0, 3.0), 2.0, 1.0 / 3.0),
            (Law::uniform_mean_cv(2.0, 0.5), 2.0, 1.0),
            (Law::erlang(2.0, 4.0), 2.0, 1.0),
            (Law::hyperexponential_mean_cv(1.0, 2.0), 1.0, 4.0),
            // Second moment 2(1 + 9)/2 = 10.
            (Law::hyperexponential(0.5, 1.0, 3.0), 2.0, 6.0),
            (Law::two_point(0.25, 4.0, 8.0), 7.0, 3.0),
            (Law::empirical(vec![1.0, 2.0, 3.0, 4.0], None, 2.0), 5.0, 5.0),
            (Law::empirical(vec![1.0, 2.0, 4.0, 9.0], Some(vec![1.0, 0.0, 1.0, 0.0]), 1.0), 2.5, 2.25),
        ]
    }

    #[test]
    fn moments_follow_the_formulas() {
        for (law, mean, variance) in laws() {
            let law = law.expect("a law");
            assert!((law.mean() - mean).abs() < 1e-12 * mean, "{law:?}");
            assert!((law.variance() - variance).abs() < 1e-12 * variance.max(1.0), "{law:?}: {}", law.variance());
        }
    }

    #[test]
    fn draws_have_the_stated_moments() {
        let draws = 200_000;
        for (number, (law, mean, variance)) in laws().into_iter().enumerate() {
            let law = law.expect("a law");
            let mut stream = Streams::new(3).keyed("moments", number as u64);
            let sample: Vec<f64> = (0..draws).map(|_| law.sample(&mut stream)).collect();
            let n = f64::from(draws);
            let average = sample.iter().sum::<f64>() / n;
            assert!((average - mean).abs() <= 5.0 * (variance / n).sqrt(), "{law:?}: mean {average}");
            let second = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let fourth = sample.iter().map(|x| (x - mean).powi(4)).sum::<f64>() / n;
            let error = ((fourth - second * second) / n).sqrt();
            assert!((second - variance).abs() <= 5.0 * error, "{law:?}: variance {second}");
        }
    }

    #[test]
    fn rescaling_keeps_the_shape() {
        for (law, mean, variance) in laws() {
            let law = law.expect("a law");
            let unit = law.rescaled_to_mean(1.0);
            assert!((unit.mean() - 1.0).abs() < 1e-12, "{law:?}");
            assert!((unit.variance() - variance / (mean * mean)).abs() < 1e-12, "{law:?}");
            let (mut ours, mut theirs) = (Streams::new(9).named("shape"), Streams::new(9).named("shape"));
            for _ in 0..100 {
                let (scaled, plain) = (unit.sample(&mut ours) * mean, law.sample(&mut theirs));
                assert!((scaled - plain).abs() < 1e-12 * plain, "{law:?}");
            }
        }
        assert_eq!(Law::constant(0.0).rescaled_to_mean(1.0), Law::constant(1.0));
    }

    /// First draws by an independent Python program: the hash of `streams`, Xoshiro256++, ziggurats with tables computed
    /// anew, Marsaglia and Tsang's gamma. A change of a dependency that moves numbers is seen here.
    #[test]
    fn first_draws_are_fixed() {
        let weights = Some(vec![1.0, 0.0, 2.0, 3.0, 4.0]);
        let golden = [
            ("exponential", Law::exponential(2.0), [0.598_918_498_264_075_7, 0.184_673_932_908_800_02]),
            ("lognormal", Law::lognormal_mean_p99(2.0, 6.0), [2.857_172_614_481_497, 0.626_680_528_299_861_1]),
            ("gamma", Law::gamma_mean_cv(2.0, 2.0), [0.239_836_432_366_504_65, 0.001_105_555_054_738_490_7]),
            ("gamma-large", Law::gamma_mean_cv(2.0, 0.5), [1.035_654_055_432_510_2, 1.691_750_423_357_504_3]),
            ("weibull", Law::weibull_mean_shape(2.0, 0.7), [0.003_931_554_134_015_826, 1.882_593_923_377_79]),
            ("pareto", Law::pareto_mean_alpha(2.0, 3.0), [4.452_599_346_833_139, 1.383_567_136_332_615_2]),
            ("uniform", Law::uniform_min_max(1.0, 3.0), [1.121_380_265_762_326, 2.226_882_800_119_796_4]),
            ("erlang", Law::erlang(2.0, 3.0), [1.272_132_218_488_161_6, 3.205_186_257_798_594_3]),
            (
                "hyperexponential",
                Law::hyperexponential_mean_cv(2.0, 2.0),
                [1.107_622_545_915_912_6, 1.379_186_235_407_117],
            ),
            ("two-point", Law::two_point(0.25, 4.0, 8.0), [4.0, 8.0]),
            ("empirical", Law::empirical(vec![1.0, 2.0, 3.0, 5.0, 8.0], None, 1.0), [5.0, 8.0]),
            ("weighted", Law::empirical(vec![1.0, 2.0, 3.0, 5.0, 8.0], weights, 1.0), [8.0, 8.0]),
        ];
        for (name, law, draws) in golden {
            let law = law.expect(name);
            let mut stream = Streams::new(1).named(&format!("golden/{name}"));
            for expected in draws {
                let drawn = law.sample(&mut stream);
                // Platforms differ in the last bits of ln, exp and powf.
                assert!((drawn / expected - 1.0).abs() < 1e-12, "{name}: {drawn} instead of {expected}");
            }
        }
    }
}
