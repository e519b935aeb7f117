//! What many seeds say together, in words: means, and how far they can be trusted.

use super::amounts::mean_and_half;
use super::summary::{mark, objective_name, sent, several, simulated};
use super::words::{columns, counted, whole_percent};
use crate::experiment::stats::wilson;
use crate::experiment::{CONFIDENCE, Estimate, Unit, estimate};
use crate::record::{ModelTotals, ObjectiveResult, PipelineTotals, PoolTotals, PooledLatency, RunTotals};

/// The main figures of a scenario over its seeds, with the latencies of all of them together. Empty without runs.
pub fn seeds_summary(runs: &[RunTotals], pooled: &[PooledLatency]) -> String {
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
    text.push_str(&columns("  ", &figure_rows(runs, pooled)));
    for departure in &first.departures {
        text.push_str(&format!("\n  note  {departure}\n"));
    }
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
pub(super) fn objective_row(runs: &[RunTotals], index: usize) -> Vec<String> {
    let results: Vec<&ObjectiveResult> = runs.iter().filter_map(|run| run.objectives.get(index)).collect();
    let held = results.iter().filter(|result| result.met).count();
    let name = objective_name(&runs[0], results[0]);
    let share: Vec<f64> =
        results.iter().filter(|result| result.windows.is_some()).filter_map(|result| result.value).collect();
    vec![
        format!("{} {name}", mark(held == results.len())),
        format!("holds in {held} of {}{}", counted(results.len() as u64, "seed"), share_interval(held, results.len())),
        estimate(&share).map_or(String::new(), |estimate| mean_and_half(Unit::Share, &estimate).join(" ")),
    ]
}

/// ` (95% interval 51% to 100%)`: of the share of all seeds in which it would hold. Nothing of one seed.
fn share_interval(held: usize, seeds: usize) -> String {
    if seeds < 2 {
        return String::new();
    }
    let (low, high) = wilson(held, seeds, CONFIDENCE);
    format!(" ({} interval {} to {})", whole_percent(CONFIDENCE), whole_percent(low), whole_percent(high))
}

/// The figure that is told of the requests of all seeds together.
const POOLED: &str = "p95";

/// A figure of a pool, model or pipeline, and how it is written.
type Figure<T> = (&'static str, Unit, fn(&T) -> Option<f64>);

const POOL_FIGURES: [Figure<PoolTotals>; 4] = [
    ("p95", Unit::Seconds, |pool| pool.requests.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |pool| pool.requests.errors_ratio),
    ("replica hours", Unit::Plain, |pool| Some(pool.replica_hours)),
    ("cost", Unit::Money, |pool| Some(pool.cost_usd)),
];

const MODEL_FIGURES: [Figure<ModelTotals>; 3] = [
    ("p95", Unit::Seconds, |model| model.requests.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |model| model.requests.errors_ratio),
    ("model replica hours", Unit::Plain, |model| Some(model.model_replica_hours)),
];

const PIPELINE_FIGURES: [Figure<PipelineTotals>; 2] = [
    ("p95", Unit::Seconds, |pipeline| pipeline.requests.latency.map(|latency| latency.p95_s)),
    ("errors", Unit::Share, |pipeline| pipeline.requests.errors_ratio),
];

/// A figure over the runs of one scenario.
struct Row {
    name: String,
    unit: Unit,
    values: Vec<f64>,
    /// Its value over all requests of all runs, where that is more than a mean of theirs.
    pooled: Option<f64>,
}

/// Every figure of everything of a kind, in the order of the first run.
fn figures_of<'a, T: 'a>(
    runs: &'a [RunTotals],
    of: impl Fn(&'a RunTotals) -> &'a [T],
    name: impl Fn(&T) -> &str,
    figures: &[Figure<T>],
    pooled: &[PooledLatency],
) -> Vec<Row> {
    let several = several(&runs[0]);
    let mut rows = Vec::new();
    for (index, first) in of(&runs[0]).iter().enumerate() {
        for &(figure, unit, value) in figures {
            let own = name(first);
            let of_all = pooled.iter().find(|one| one.name == own && figure == POOLED && runs.len() > 1);
            rows.push(Row {
                name: if several { format!("{own} {figure}") } else { figure.to_owned() },
                unit,
                values: runs.iter().filter_map(|run| value(of(run).get(index)?)).collect(),
                pooled: of_all.map(|one| one.latency.p95_s),
            });
        }
    }
    rows
}

/// The main figures with their intervals. A quantile is that of all requests of all seeds together; how far it can be
/// trusted is told by how much the seeds' own differ.
pub(super) fn figure_rows(runs: &[RunTotals], pooled: &[PooledLatency]) -> Vec<Vec<String>> {
    let interval = format!("{:.0}% INTERVAL", CONFIDENCE * 100.0);
    let mut rows = vec![vec![over_column(runs), "MEAN".to_owned(), interval]];
    let good_time = runs.iter().filter_map(|run| run.good_time_ratio).collect();
    let mut all = vec![Row { name: "good time".to_owned(), unit: Unit::Share, values: good_time, pooled: None }];
    all.extend(figures_of(runs, |run| &run.pools, |pool| &pool.pool, &POOL_FIGURES, pooled));
    all.extend(figures_of(runs, |run| &run.models, |model| &model.model, &MODEL_FIGURES, pooled));
    all.extend(figures_of(runs, |run| &run.pipelines, |pipeline| &pipeline.pipeline, &PIPELINE_FIGURES, pooled));
    for row in all {
        let Some(estimate) = estimate(&row.values) else { continue };
        let missing = runs.len() - estimate.seeds;
        let remarks = [
            row.pooled.map(|_| "all requests pooled".to_owned()),
            (missing > 0).then(|| format!("without {}", counted(missing as u64, "seed"))),
        ];
        let shown = Estimate { mean: row.pooled.unwrap_or(estimate.mean), ..estimate };
        let [mean, half_width] = mean_and_half(row.unit, &shown);
        let remark = remarks.into_iter().flatten().collect::<Vec<_>>().join(", ");
        rows.push(vec![row.name, mean, half_width, remark]);
    }
    rows
}

fn over_column(runs: &[RunTotals]) -> String {
    format!("OVER {}", counted(runs.len() as u64, "seed").to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{chat, result, spike};
    use super::*;
    use crate::record::{LatencyTotals, RequestTotals};

    /// Three runs whose figures are 1, 2 and 3 of something.
    fn three() -> Vec<RunTotals> {
        (1..=3_u32)
            .map(|number| {
                let size = f64::from(number);
                let pool = chat();
                let latency = pool.requests.latency.map(|latency| LatencyTotals { p95_s: size, ..latency });
                let pool = PoolTotals {
                    requests: RequestTotals {
                        offered: 1_000,
                        errors_ratio: Some(size / 100.0),
                        latency: if number == 3 { None } else { latency },
                        ..pool.requests
                    },
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
    ✗ p95 <= 500ms for 80% of time  holds in 2 of 3 seeds (95% interval 21% to 94%)   80.0% ±24.8
    ✓ cost <= $25                   holds in 3 of 3 seeds (95% interval 44% to 100%)

  OVER 3 SEEDS   MEAN    95% INTERVAL
  good time      80.0%   ±24.8
  p95            1.8s    ±6.4          all requests pooled, without 1 seed
  errors         2.0%    ±2.5
  replica hours  20.0    ±24.8
  cost           $20.00  ±0.00
";
        let latency = LatencyTotals { p95_s: 1.8, ..chat().requests.latency.expect("it has some") };
        let pooled = [PooledLatency { name: "chat".to_owned(), latency }];
        assert_eq!(seeds_summary(&three(), &pooled), expected);
    }

    #[test]
    fn models_and_pipelines_have_their_figures_too() {
        let run = super::super::seldon::tests::seldon();
        let mut other = run.clone();
        other.models[0].model_replica_hours = 2.0;
        let text = seeds_summary(&[run, other], &[]);
        assert!(text.contains("over 2 seeds (42 to 42): 18,000 requests"), "{text}");
        // 0 and 2: mean 1, 12.706 × 1.4142/1.4142.
        assert!(text.contains("embed model replica hours  1.0     ±12.7\n"), "{text}");
        assert!(text.contains("answer p95 ") && text.contains("mlserver replica hours "), "{text}");
    }

    #[test]
    fn one_seed_has_no_interval_and_no_seed_no_summary() {
        let text = seeds_summary(&three()[..1], &[]);
        assert!(text.starts_with("spike  2h simulated, one seed (42): 1,000 requests\n"), "{text}");
        assert!(text.contains("errors         1.0%    –"), "{text}");
        assert_eq!(seeds_summary(&[], &[]), "");
    }
}
