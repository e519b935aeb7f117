//! What many seeds say together: means, and how far they can be trusted.
//!
//! Seeds are independent runs, so the mean of a figure over n of them has Student's t interval with n - 1 degrees of
//! freedom. The distribution function is the finite series for whole degrees of freedom (Abramowitz and Stegun, 26.7.3
//! and 26.7.4), inverted by bisection.

use super::summary::{mark, objective_name, sent, several, simulated};
use super::words::{columns, counted, latency, percent, usd};
use crate::record::{ModelTotals, ObjectiveResult, PipelineTotals, PoolTotals, RunTotals};

/// Confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

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

/// The value that Student's t with these degrees of freedom stays below with this probability. Probabilities are taken
/// between 1e-9 and 1 - 1e-9, degrees of freedom from 1.
pub fn t_quantile(probability: f64, freedom: usize) -> f64 {
    let probability = probability.clamp(1e-9, 1.0 - 1e-9);
    let freedom = freedom.max(1);
    if probability < 0.5 {
        return -t_quantile(1.0 - probability, freedom);
    }
    let within = 2.0 * probability - 1.0;
    let (mut low, mut high) = (0.0, 1.0);
    while t_within(high, freedom) < within {
        low = high;
        high *= 2.0;
    }
    // Halving an interval of doubles ends when nothing lies between its ends.
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if t_within(middle, freedom) < within {
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

/// The main figures of a scenario over its seeds. Empty without runs.
pub fn seeds_summary(runs: &[RunTotals]) -> String {
    let Some(first) = runs.first() else {
        return String::new();
    };
    let offered = runs.iter().map(sent).sum();
    let mut text =
        format!("{}  {}, {}: {}\n", first.scenario, simulated(first), over(runs), counted(offered, "request"));
    if !first.objectives.is_empty() {
        let rows: Vec<_> = (0..first.objectives.len()).map(|index| objective_row(runs, index)).collect();
        text.push_str("\n  objectives\n");
        text.push_str(&columns("    ", &rows));
    }
    text.push('\n');
    text.push_str(&columns("  ", &figure_rows(runs)));
    text
}

/// `over 10 seeds (42 to 51)`.
fn over(runs: &[RunTotals]) -> String {
    let seeds = runs.iter().map(|run| run.seed);
    match (seeds.clone().min(), seeds.max()) {
        (Some(least), Some(most)) if runs.len() > 1 => format!("over {} seeds ({least} to {most})", runs.len()),
        (Some(only), _) => format!("one seed ({only})"),
        _ => "no seed".to_owned(),
    }
}

/// In how many seeds an objective holds; it is marked as met only if it does in all.
fn objective_row(runs: &[RunTotals], index: usize) -> Vec<String> {
    let results: Vec<&ObjectiveResult> = runs.iter().filter_map(|run| run.objectives.get(index)).collect();
    let held = results.iter().filter(|result| result.met).count();
    let name = objective_name(&runs[0], results[0]);
    let share: Vec<f64> =
        results.iter().filter(|result| result.windows.is_some()).filter_map(|result| result.value).collect();
    vec![
        format!("{} {name}", mark(held == results.len())),
        format!("holds in {held} of {}", counted(results.len() as u64, "seed")),
        estimate(&share).map_or(String::new(), |estimate| Unit::Share.cells(estimate).join(" ")),
    ]
}

/// A figure of a pool, model or pipeline, and how it is written.
type Figure<T> = (&'static str, Unit, fn(&T) -> Option<f64>);

const POOL_FIGURES: [Figure<PoolTotals>; 4] = [
    ("p95", Unit::Latency, |pool| pool.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |pool| pool.errors_ratio),
    ("replica hours", Unit::Plain, |pool| Some(pool.replica_hours)),
    ("cost", Unit::Money, |pool| Some(pool.cost_usd)),
];

const MODEL_FIGURES: [Figure<ModelTotals>; 3] = [
    ("p95", Unit::Latency, |model| model.requests.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |model| model.requests.errors_ratio),
    ("model replica hours", Unit::Plain, |model| Some(model.model_replica_hours)),
];

const PIPELINE_FIGURES: [Figure<PipelineTotals>; 2] = [
    ("p95", Unit::Latency, |pipeline| pipeline.requests.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |pipeline| pipeline.requests.errors_ratio),
];

/// Name, unit and values over the runs of every figure of everything of a kind, in the order of the first run.
fn figures_of<'a, T: 'a>(
    runs: &'a [RunTotals],
    of: impl Fn(&'a RunTotals) -> &'a [T],
    name: impl Fn(&T) -> &str,
    figures: &[Figure<T>],
) -> Vec<(String, Unit, Vec<f64>)> {
    let several = several(&runs[0]);
    let mut rows = Vec::new();
    for (index, first) in of(&runs[0]).iter().enumerate() {
        for &(figure, unit, value) in figures {
            let named = if several { format!("{} {figure}", name(first)) } else { figure.to_owned() };
            rows.push((named, unit, runs.iter().filter_map(|run| value(of(run).get(index)?)).collect()));
        }
    }
    rows
}

fn figure_rows(runs: &[RunTotals]) -> Vec<Vec<String>> {
    let interval = format!("{:.0}% INTERVAL", CONFIDENCE * 100.0);
    let mut rows = vec![vec![over_column(runs), "MEAN".to_owned(), interval]];
    let mut add = |name: String, unit: Unit, values: Vec<f64>| {
        if let Some(estimate) = estimate(&values) {
            let [mean, half_width] = unit.cells(estimate);
            let missing = runs.len() - estimate.seeds;
            let remark =
                if missing > 0 { format!("without {}", counted(missing as u64, "seed")) } else { String::new() };
            rows.push(vec![name, mean, half_width, remark]);
        }
    };
    add("good time".to_owned(), Unit::Share, runs.iter().filter_map(|run| run.good_time_ratio).collect());
    let pools = figures_of(runs, |run| &run.pools, |pool| &pool.pool, &POOL_FIGURES);
    let models = figures_of(runs, |run| &run.models, |model| &model.model, &MODEL_FIGURES);
    let pipelines = figures_of(runs, |run| &run.pipelines, |pipeline| &pipeline.pipeline, &PIPELINE_FIGURES);
    for (name, unit, values) in [pools, models, pipelines].concat() {
        add(name, unit, values);
    }
    rows
}

fn over_column(runs: &[RunTotals]) -> String {
    format!("OVER {}", counted(runs.len() as u64, "seed").to_uppercase())
}

/// How a figure is written.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Share,
    Latency,
    Plain,
    Money,
}

impl Unit {
    /// Mean, and half the interval in the mean's unit.
    fn cells(self, estimate: Estimate) -> [String; 2] {
        let Estimate { mean, half_width, .. } = estimate;
        let written = match self {
            Self::Share => percent(mean),
            Self::Latency => latency(mean),
            Self::Plain => format!("{mean:.1}"),
            Self::Money => usd(mean),
        };
        let Some(half_width) = half_width else {
            return [written, "–".to_owned()];
        };
        let in_unit = match self {
            Self::Share => half_width * 100.0,
            Self::Latency if mean < 0.9995e-3 => half_width * 1e6,
            Self::Latency if mean < 0.9995 => half_width * 1e3,
            _ => half_width,
        };
        let narrow = in_unit < 0.05 || matches!(self, Self::Money);
        [written, if narrow { format!("±{in_unit:.2}") } else { format!("±{in_unit:.1}") }]
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{chat, result, spike};
    use super::*;
    use crate::record::LatencyTotals;

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
    fn an_interval_by_hand() {
        // Mean 2, deviation 1, n = 3: 4.303 / sqrt(3).
        let three = estimate(&[1.0, 2.0, 3.0]).expect("three values");
        assert_eq!((three.seeds, three.mean), (3, 2.0));
        assert!((three.half_width.expect("three") - 2.484).abs() < 1e-3);
        assert_eq!(estimate(&[5.0]), Some(Estimate { seeds: 1, mean: 5.0, half_width: None }));
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[4.0; 8]).and_then(|same| same.half_width), Some(0.0));
    }

    /// Three runs whose figures are 1, 2 and 3 of something.
    fn three() -> Vec<RunTotals> {
        (1..=3_u32)
            .map(|number| {
                let size = f64::from(number);
                let pool = chat();
                let latency = pool.latency.map(|latency| LatencyTotals { p95_s: size, ..latency });
                let pool = PoolTotals {
                    offered: 1_000,
                    errors_ratio: Some(size / 100.0),
                    latency: if number == 3 { None } else { latency },
                    replica_hours: 10.0 * size,
                    cost_usd: 20.0,
                    ..pool
                };
                let share = ObjectiveResult {
                    windows: Some(10),
                    ..result("p95 <= 500ms for 80% of time", number > 1, Some(0.6 + size / 10.0))
                };
                RunTotals {
                    seed: 41 + u64::from(number),
                    objectives: vec![share, result("cost <= $25", true, Some(20.0))],
                    good_time_ratio: Some(0.6 + size / 10.0),
                    pools: vec![pool],
                    ..spike()
                }
            })
            .collect()
    }

    #[test]
    fn the_whole_summary_of_three_seeds() {
        // Half widths: 2.484 times the step between the runs; p95 of two seeds: 12.706 × 0.7071/1.4142.
        let expected = "\
spike  2h simulated, over 3 seeds (42 to 44): 3,000 requests

  objectives
    ✗ p95 <= 500ms for 80% of time  holds in 2 of 3 seeds  80.0% ±24.8
    ✓ cost <= $25                   holds in 3 of 3 seeds

  OVER 3 SEEDS   MEAN    95% INTERVAL
  good time      80.0%   ±24.8
  p95            1.5s    ±6.4          without 1 seed
  errors         2.0%    ±2.5
  replica hours  20.0    ±24.8
  cost           $20.00  ±0.00
";
        assert_eq!(seeds_summary(&three()), expected);
    }

    #[test]
    fn models_and_pipelines_have_their_figures_too() {
        let run = super::super::seldon::tests::seldon();
        let mut other = run.clone();
        other.models[0].model_replica_hours = 2.0;
        let text = seeds_summary(&[run, other]);
        assert!(text.contains("over 2 seeds (42 to 42): 18,000 requests"), "{text}");
        // 0 and 2: mean 1, 12.706 × 1.4142/1.4142.
        assert!(text.contains("embed model replica hours  1.0     ±12.7\n"), "{text}");
        assert!(text.contains("answer p95 ") && text.contains("mlserver replica hours "), "{text}");
    }

    #[test]
    fn one_seed_has_no_interval_and_no_seed_no_summary() {
        let text = seeds_summary(&three()[..1]);
        assert!(text.starts_with("spike  2h simulated, one seed (42): 1,000 requests\n"), "{text}");
        assert!(text.contains("errors         1.0%    –"), "{text}");
        assert_eq!(seeds_summary(&[]), "");
    }
}
