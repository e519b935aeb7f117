//! Totals for programs and documents: rows per seed, CSV, Markdown, the line under a picture's title.

use super::amounts::markdown;
use super::seldon::{model_table, pipeline_table, server_table};
use super::summary::{mark, objective_name, objective_value, pool_table, summary_json};
use crate::record::{ModelTotals, PoolTotals, PooledLatency, RequestTotals, RunTotals};
use serde_json::{Value, json};

/// `summary.json`: the totals of the run, or of each seed and the latencies of all seeds together.
pub fn runs_json(runs: &[RunTotals], pooled: &[PooledLatency]) -> Value {
    match runs {
        [one] => summary_json(one),
        many => json!({ "seeds": many.iter().map(summary_json).collect::<Vec<_>>(), "pooled_latency": pooled }),
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

/// A column and its figure.
type Column<T> = (&'static str, fn(&T) -> Option<f64>);

const OF_REQUESTS: [Column<RequestTotals>; 12] = [
    ("offered", |requests| Some(requests.offered as f64)),
    ("done", |requests| Some(requests.done as f64)),
    ("rejected", |requests| Some(requests.rejected as f64)),
    ("timed_out", |requests| Some(requests.timed_out as f64)),
    ("lost", |requests| Some(requests.lost as f64)),
    ("unfinished", |requests| Some(requests.unfinished as f64)),
    ("errors_ratio", |requests| requests.errors_ratio),
    ("latency_mean_s", |requests| requests.latency.map(|latency| latency.mean_s)),
    ("latency_p50_s", |requests| requests.latency.map(|latency| latency.p50_s)),
    ("latency_p95_s", |requests| requests.latency.map(|latency| latency.p95_s)),
    ("latency_p99_s", |requests| requests.latency.map(|latency| latency.p99_s)),
    ("latency_max_s", |requests| requests.latency.map(|latency| latency.max_s)),
];

const OF_POOLS: [Column<PoolTotals>; 9] = [
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

/// A model's replicas are those that Envoy knew.
const OF_MODELS: [Column<ModelTotals>; 7] = [
    ("replicas_min", |model| Some(model.available.min as f64)),
    ("replicas_mean", |model| Some(model.available.mean)),
    ("replicas_max", |model| Some(model.available.max as f64)),
    ("queue_max", |model| Some(model.queue_max as f64)),
    ("model_replica_hours", |model| Some(model.model_replica_hours)),
    ("reloads", |model| Some(model.reloads as f64)),
    ("scale_actions", |model| Some(model.scale_actions as f64)),
];

/// What a run says of one pool, model or pipeline: its kind, its name, and its figures by column.
struct Owned<'a> {
    kind: &'static str,
    name: &'a str,
    figures: Vec<(&'static str, Option<f64>)>,
}

impl<'a> Owned<'a> {
    fn of<T>(kind: &'static str, name: &'a str, requests: &RequestTotals, columns: &[Column<T>], totals: &T) -> Self {
        let of_requests = OF_REQUESTS.iter().map(|(column, figure)| (*column, figure(requests)));
        let own = columns.iter().map(|(column, figure)| (*column, figure(totals)));
        Self { kind, name, figures: of_requests.chain(own).collect() }
    }

    fn all(run: &'a RunTotals) -> Vec<Self> {
        let pools = run.pools.iter().map(|pool| Self::of("pool", &pool.pool, &pool.requests, &OF_POOLS, pool));
        let models = run.models.iter().map(|model| Self::of("model", &model.model, &model.requests, &OF_MODELS, model));
        let pipelines = run
            .pipelines
            .iter()
            .map(|pipeline| Self::of("pipeline", &pipeline.pipeline, &pipeline.requests, &[], pipeline));
        pools.chain(models).chain(pipelines).collect()
    }
}

/// `seeds.csv`: one row per seed, one column per figure; columns begin with a name where there are several pools, or
/// models and pipelines besides.
pub fn seeds_csv(runs: &[RunTotals]) -> String {
    let Some(first) = runs.first() else { return String::new() };
    let all = Owned::all(first);
    let prefix = |owned: &Owned<'_>| if all.len() > 1 { format!("{}.", owned.name) } else { String::new() };
    let mut header = vec!["seed".to_owned(), "good_time_ratio".to_owned(), "recovery_s".to_owned()];
    for owned in &all {
        header.extend(owned.figures.iter().map(|(column, _)| format!("{}{column}", prefix(owned))));
    }
    let mut text = format!("{}\n", header.join(","));
    for run in runs {
        let mut cells = vec![run.seed.to_string(), cell(run.good_time_ratio), cell(run.recovery_s)];
        let figures = Owned::all(run).into_iter().flat_map(|owned| owned.figures);
        cells.extend(figures.map(|(_, value)| cell(value)));
        text.push_str(&format!("{}\n", cells.join(",")));
    }
    text
}

/// One row per run and pool, model or pipeline; a cell is empty where that has no such figure.
pub fn totals_csv(runs: &[RunTotals]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    let names = OF_REQUESTS.iter().map(|(column, _)| *column).chain(OF_POOLS.iter().map(|(column, _)| *column));
    for column in names.chain(OF_MODELS.iter().map(|(column, _)| *column)) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let mut text = format!("scenario,seed,kind,name,{}\n", columns.join(","));
    for run in runs {
        for owned in Owned::all(run) {
            let value =
                |column: &&str| owned.figures.iter().find(|(own, _)| own == column).and_then(|(_, value)| *value);
            let cells: Vec<String> = columns.iter().map(|column| cell(value(column))).collect();
            text.push_str(&format!(
                "{},{},{},{},{}\n",
                run.scenario,
                run.seed,
                owned.kind,
                owned.name,
                cells.join(",")
            ));
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
        let tables = [pool_table(run), model_table(run), server_table(run), pipeline_table(run)];
        let words = [1, 2, 1, 1];
        let tables = tables.into_iter().zip(words).filter(|(rows, _)| rows.len() > 1);
        let tables: Vec<String> = tables.map(|(rows, words)| markdown(&rows, words)).collect();
        text.push_str(&tables.join("\n"));
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
        let text = runs_json(std::slice::from_ref(&run), &[]).to_string();
        assert_eq!(totals_of_json(&text), Ok(run.clone()));
        let several = runs_json(&[run.clone(), RunTotals { seed: 43, ..run.clone() }], &[]).to_string();
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
        run.pools.push(PoolTotals {
            pool: "rank".to_owned(),
            requests: RequestTotals { latency: None, ..chat().requests },
            ..chat()
        });
        let two = seeds_csv(&[run]);
        assert!(two.lines().next().is_some_and(|header| header.contains(",rank.latency_p95_s,")));
        assert_eq!(
            two.lines().nth(1).map(|line| line.split(',').count()),
            Some(3 + 2 * (OF_REQUESTS.len() + OF_POOLS.len()))
        );
    }

    #[test]
    fn models_stand_beside_pools() {
        let model = ModelTotals { model: "rank".to_owned(), reloads: 3, ..ModelTotals::default() };
        let run = RunTotals { models: vec![model], ..spike() };
        let seeds = seeds_csv(std::slice::from_ref(&run));
        let cells = |line: usize| seeds.lines().nth(line).map(|line| line.split(',').collect::<Vec<_>>());
        let (header, row) = (cells(0).expect("a header"), cells(1).expect("a row"));
        assert_eq!(header.len(), row.len());
        let place = header.iter().position(|column| *column == "rank.reloads").expect("a column of the model");
        assert_eq!(row[place], "3");
        assert!(header.contains(&"chat.cost_usd"));
        let totals = totals_csv(std::slice::from_ref(&run));
        let lines: Vec<&str> = totals.lines().collect();
        assert!(lines[0].starts_with("scenario,seed,kind,name,offered,"), "{}", lines[0]);
        assert!(lines[1].starts_with("spike,42,pool,chat,1667912,") && lines[2].starts_with("spike,42,model,rank,0,"));
        assert!(lines.iter().all(|line| line.split(',').count() == lines[0].split(',').count()));
        assert!(totals_markdown(&[run]).contains("| rank |"));
    }
}
