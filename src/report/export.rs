//! Totals for programs and documents: rows per seed, CSV, Markdown, the line under a picture's title.

use super::summary::{mark, objective_name, objective_value, summary_json};
use super::words::{count, latency, percent, usd, whole_percent};
use crate::record::{PoolTotals, RunTotals};
use serde_json::{Value, json};

/// `summary.json`: the totals of the run, or of each seed.
pub fn runs_json(runs: &[RunTotals]) -> Value {
    match runs {
        [one] => summary_json(one),
        many => json!({ "seeds": many.iter().map(summary_json).collect::<Vec<_>>() }),
    }
}

/// One object a line and run.
pub fn runs_json_lines(runs: &[RunTotals]) -> String {
    runs.iter().map(|run| format!("{}\n", summary_json(run))).collect()
}

/// The first run of a `summary.json`.
///
/// # Errors
/// It is no summary.
pub fn totals_of_json(text: &str) -> Result<RunTotals, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let first = value.get("seeds").and_then(|seeds| seeds.get(0)).cloned().unwrap_or(value);
    serde_json::from_value(first).map_err(|error| error.to_string())
}

/// A figure of a pool and its column.
type Column = (&'static str, fn(&PoolTotals) -> Option<f64>);

const COLUMNS: [Column; 21] = [
    ("offered", |pool| Some(pool.offered as f64)),
    ("done", |pool| Some(pool.done as f64)),
    ("rejected", |pool| Some(pool.rejected as f64)),
    ("timed_out", |pool| Some(pool.timed_out as f64)),
    ("lost", |pool| Some(pool.lost as f64)),
    ("unfinished", |pool| Some(pool.unfinished as f64)),
    ("errors_ratio", |pool| pool.errors_ratio),
    ("latency_mean_s", |pool| pool.latency.map(|latency| latency.mean_s)),
    ("latency_p50_s", |pool| pool.latency.map(|latency| latency.p50_s)),
    ("latency_p95_s", |pool| pool.latency.map(|latency| latency.p95_s)),
    ("latency_p99_s", |pool| pool.latency.map(|latency| latency.p99_s)),
    ("latency_max_s", |pool| pool.latency.map(|latency| latency.max_s)),
    ("replicas_min", |pool| Some(f64::from(pool.replicas_min))),
    ("replicas_mean", |pool| Some(pool.replicas_mean)),
    ("replicas_max", |pool| Some(f64::from(pool.replicas_max))),
    ("utilization_ratio", |pool| pool.utilization_ratio),
    ("queue_max", |pool| Some(pool.queue_max as f64)),
    ("replica_hours", |pool| Some(pool.replica_hours)),
    ("idle_replica_hours", |pool| Some(pool.idle_replica_hours)),
    ("cost_usd", |pool| Some(pool.cost_usd)),
    ("scale_actions", |pool| Some(pool.scale_actions as f64)),
];

/// `seeds.csv`: one row per seed, one column per figure; a pool's columns begin with its name where there are several.
pub fn seeds_csv(runs: &[RunTotals]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let prefix = |pool: &PoolTotals| if first.pools.len() > 1 { format!("{}.", pool.pool) } else { String::new() };
    let mut header = vec!["seed".to_owned(), "good_time_ratio".to_owned(), "recovery_s".to_owned()];
    for pool in &first.pools {
        header.extend(COLUMNS.iter().map(|(name, _)| format!("{}{name}", prefix(pool))));
    }
    let mut text = format!("{}\n", header.join(","));
    for run in runs {
        let mut cells = vec![run.seed.to_string(), cell(run.good_time_ratio), cell(run.recovery_s)];
        for pool in &run.pools {
            cells.extend(COLUMNS.iter().map(|(_, figure)| cell(figure(pool))));
        }
        text.push_str(&format!("{}\n", cells.join(",")));
    }
    text
}

/// One row per run and pool.
pub fn totals_csv(runs: &[RunTotals]) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut text = format!("scenario,seed,pool,{}\n", names.join(","));
    for run in runs {
        for pool in &run.pools {
            let cells: Vec<String> = COLUMNS.iter().map(|(_, figure)| cell(figure(pool))).collect();
            text.push_str(&format!("{},{},{},{}\n", run.scenario, run.seed, pool.pool, cells.join(",")));
        }
    }
    text
}

/// The shortest text that reads back as the number; nothing for what is not there.
fn cell(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(String::new(), |value| value.to_string())
}

/// Tables for a document.
pub fn totals_markdown(runs: &[RunTotals]) -> String {
    let mut text = String::new();
    for run in runs {
        text.push_str(&format!("### {} (seed {})\n\n", run.scenario, run.seed));
        if !run.objectives.is_empty() {
            text.push_str("| objective | | result |\n|---|---|---|\n");
            for result in &run.objectives {
                let (name, value) = (objective_name(run, result), objective_value(result));
                text.push_str(&format!("| {name} | {} | {value} |\n", mark(result.met)));
            }
            text.push('\n');
        }
        text.push_str("| pool | requests | p50 | p95 | p99 | errors | replicas min/mean/max | utilization | cost |\n");
        text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
        for pool in &run.pools {
            let of_done = |pick: fn(&crate::record::LatencyTotals) -> f64| {
                pool.latency.as_ref().map_or("–".to_owned(), |totals| latency(pick(totals)))
            };
            text.push_str(&format!(
                "| {} | {} | {} | {} | {} | {} | {}/{:.1}/{} | {} | {} |\n",
                pool.pool,
                count(pool.offered),
                of_done(|totals| totals.p50_s),
                of_done(|totals| totals.p95_s),
                of_done(|totals| totals.p99_s),
                pool.errors_ratio.map_or("–".to_owned(), percent),
                pool.replicas_min,
                pool.replicas_mean,
                pool.replicas_max,
                pool.utilization_ratio.map_or("–".to_owned(), whole_percent),
                usd(pool.cost_usd),
            ));
        }
        text.push('\n');
    }
    text
}

/// The line under a picture's title: objectives, errors, replicas, seed.
pub fn result_line(run: &RunTotals) -> String {
    let mut parts: Vec<String> = run
        .objectives
        .iter()
        .take(2)
        .map(|result| {
            let held = if result.met { "met" } else { "missed" };
            format!(
                "{} {held}: {}",
                objective_name(run, result).replace("<=", "≤").replace(">=", "≥"),
                objective_value(result)
            )
        })
        .collect();
    let hours: f64 = run.pools.iter().map(|pool| pool.replica_hours).sum();
    parts.push(format!("{hours:.1} replica-hours"));
    if let [pool] = run.pools.as_slice() {
        parts.push(format!("{} to {} replicas", pool.replicas_min, pool.replicas_max));
    }
    parts.push(format!("seed {}", run.seed));
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{chat, spike};
    use super::*;

    #[test]
    fn a_summary_reads_back() {
        let run = spike();
        let text = runs_json(std::slice::from_ref(&run)).to_string();
        assert_eq!(totals_of_json(&text), Ok(run.clone()));
        let several = runs_json(&[run.clone(), RunTotals { seed: 43, ..run.clone() }]).to_string();
        assert_eq!(totals_of_json(&several), Ok(run));
        assert!(totals_of_json("{}").is_err() && totals_of_json("x").is_err());
    }

    #[test]
    fn seeds_have_a_row_each_and_pools_their_columns() {
        let mut run = spike();
        let one = seeds_csv(&[run.clone(), RunTotals { seed: 43, ..run.clone() }]);
        let lines: Vec<&str> = one.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with("seed,good_time_ratio,recovery_s,offered,done"), "{}", lines[0]);
        assert!(lines[2].starts_with("43,0.8916666666666667,780,1667912,1535000"), "{}", lines[2]);
        run.pools.push(PoolTotals { pool: "rank".to_owned(), latency: None, ..chat() });
        let two = seeds_csv(&[run]);
        assert!(two.lines().next().is_some_and(|header| header.contains(",rank.latency_p95_s,")));
        assert_eq!(two.lines().nth(1).map(|line| line.split(',').count()), Some(3 + 2 * COLUMNS.len()));
    }
}
