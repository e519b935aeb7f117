//! The report of a run.

use super::super::explain::{RunTables, evidence, explain_run};
use super::super::seeds::{figure_rows, objective_row};
use super::super::seldon;
use super::super::summary::{mark, objective_name, objective_value, pool_table, remark, sent, simulated};
use super::super::words::{count, counted, latency, percent, usd, whole_percent};
use super::page::{Cell, Chart, Section, Table, Tile, Verdict};
use super::{footer, quoted};
use crate::plot::{PlotError, TimelineFigure, timeline_svg};
use crate::record::{LatencyTotals, PoolTotals, PooledLatency, RunTotals};

/// What the report of a run is made from.
pub struct RunReport<'a> {
    /// One per seed; the chart and the decisions are those of the first. Not empty.
    pub runs: &'a [RunTotals],
    /// Latencies of all runs together; empty of one.
    pub pooled: &'a [PooledLatency],
    /// The chart.
    pub figure: &'a TimelineFigure<'a>,
    /// The tables that the decisions are told from.
    pub tables: &'a RunTables,
    /// What an import had to assume.
    pub assumed: &'a [String],
    /// The scenario as it was run.
    pub scenario_text: &'a str,
    /// How it was run.
    pub again: RunAgain<'a>,
}

/// How a run was made.
#[derive(Clone, Debug, Default)]
pub struct RunAgain<'a> {
    /// The scenario's file.
    pub path: &'a str,
    /// `--set` as they were given.
    pub sets: &'a [String],
    /// Version of this program.
    pub version: &'a str,
    /// Fingerprint of the scenario.
    pub sha256: &'a str,
    /// Folder and name of the picture, for Markdown; empty without one.
    pub picture: &'a str,
}

/// The parts of the report.
///
/// # Errors
/// The chart cannot be drawn.
pub fn run_sections(report: &RunReport<'_>) -> Result<Vec<Section>, PlotError> {
    let Some(first) = report.runs.first() else { return Ok(Vec::new()) };
    let mut sections = vec![Section::Lead(lead(report, first)), verdict(report.runs), Section::Tiles(tiles(first))];
    let causes = [evidence(report.tables, None), seldon::notes(first)].concat();
    if !causes.is_empty() {
        sections.push(Section::Heading("Why, and what would help".to_owned()));
        sections.extend(causes.into_iter().map(Section::Warning));
    }
    sections.push(Section::Heading("What happened".to_owned()));
    sections.push(Section::Svg(Chart {
        svg: timeline_svg(report.figure)?,
        label: format!("Timeline of {}: load, replicas, latency, utilization and queue.", first.scenario),
        caption: if report.runs.len() > 1 {
            format!("Seed {} of {}.", first.seed, report.runs.len())
        } else {
            String::new()
        },
        readout: Some(report.figure.readout()),
        file: report.again.picture.to_owned(),
    }));
    if report.runs.len() > 1 {
        sections.push(Section::Heading("Over all seeds".to_owned()));
        sections.extend(Table::of(figure_rows(report.runs, report.pooled), 1).map(Section::Table));
    }
    sections.push(Section::Heading("Totals".to_owned()));
    let tables =
        [pool_table(first), seldon::model_table(first), seldon::server_table(first), seldon::pipeline_table(first)];
    let words = [1, 2, 1, 1];
    sections
        .extend(tables.into_iter().zip(words).filter_map(|(rows, words)| Table::of(rows, words)).map(Section::Table));
    sections.extend(decisions(report.tables));
    sections.push(Section::Heading("Settings".to_owned()));
    sections.extend(report.assumed.iter().map(|words| Section::Text(words.clone())));
    sections
        .push(Section::Pre { summary: "The scenario as it was run".to_owned(), text: report.scenario_text.to_owned() });
    sections.extend(again(report, first));
    Ok(sections)
}

fn lead(report: &RunReport<'_>, first: &RunTotals) -> String {
    let scalers = report.figure.title.split_once(": ").map_or("", |(_, scalers)| scalers);
    let seeds = match report.runs {
        [one] => format!("seed {}", one.seed),
        [first, .., last] => format!("{} seeds, {} to {}", report.runs.len(), first.seed, last.seed),
        [] => String::new(),
    };
    let parts = [scalers.to_owned(), simulated(first), seeds];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Were the objectives met, and each of them in words?
fn verdict(runs: &[RunTotals]) -> Section {
    let first = &runs[0];
    let all = first.objectives.len();
    let missed =
        (0..all).filter(|&index| runs.iter().any(|run| run.objectives.get(index).is_some_and(|one| !one.met))).count();
    let words = match (all, missed) {
        (0, _) => "No objectives were set: nothing was judged.".to_owned(),
        (1, 0) => "The objective is met.".to_owned(),
        (1, _) => "The objective is missed.".to_owned(),
        (2, 0) => "Both objectives are met.".to_owned(),
        (2, 2) => "Both objectives are missed.".to_owned(),
        (all, 0) => format!("All {all} objectives are met."),
        (all, missed) if missed == all => format!("All {all} objectives are missed."),
        (all, missed) => format!(
            "{missed} of {} {} missed.",
            counted(all as u64, "objective"),
            if missed == 1 { "is" } else { "are" }
        ),
    };
    let typeset = |words: String| words.replace("<=", "≤").replace(">=", "≥");
    let reasons = if runs.len() > 1 {
        let told = |row: Vec<String>| row.into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" · ");
        (0..all).map(|index| typeset(told(objective_row(runs, index)))).collect()
    } else {
        let told = |result: &crate::record::ObjectiveResult| {
            let after = remark(result);
            let after = if after.is_empty() { after } else { format!(" ({after})") };
            let value = objective_value(result);
            typeset(format!("{} {}: {value}{after}", mark(result.met), objective_name(first, result)))
        };
        first.objectives.iter().map(told).collect()
    };
    Section::Verdict(Verdict { met: (all > 0).then_some(missed == 0), words, reasons })
}

/// Key figures of one run.
fn tiles(run: &RunTotals) -> Vec<Tile> {
    let tile = |name: &str, value: String, remark: String| Tile { name: name.to_owned(), value, remark };
    let mut tiles = vec![tile("requests", count(sent(run)), String::new())];
    let (whose, totals, errors) = worst(run);
    if let Some(totals) = totals {
        let of = if whose.is_empty() { String::new() } else { format!(" of {whose}, the slowest") };
        tiles.push(tile(
            "95 % served within",
            latency(totals.p95_s),
            format!("half within {}{of}", latency(totals.p50_s)),
        ));
    }
    if let Some(errors) = errors {
        let failed = run.pools.iter().map(|pool| pool.requests.failed()).sum();
        let remark =
            if run.clients.is_some() { String::new() } else { format!("{} failed", counted(failed, "request")) };
        tiles.push(tile("errors", percent(errors), remark));
    }
    if let [pool] = run.pools.as_slice() {
        let remark = format!("{:.1} in the mean", pool.replicas_mean);
        tiles.push(tile("replicas", format!("{} to {}", pool.replicas_min, pool.replicas_max), remark));
    }
    let hours = |of: fn(&PoolTotals) -> f64| run.pools.iter().map(of).sum::<f64>();
    let (all, idle) = (hours(|pool| pool.replica_hours), hours(|pool| pool.idle_replica_hours));
    let idle_words = if all > 0.0 { format!("{} idle", whole_percent(idle / all)) } else { String::new() };
    tiles.push(tile("replica hours", format!("{all:.1}"), idle_words));
    let cost = hours(|pool| pool.cost_usd);
    if cost > 0.0 {
        let million = match run.pools.as_slice() {
            [pool] => pool.cost_per_million_usd.map_or(String::new(), |cost| format!("{} per million", usd(cost))),
            _ => String::new(),
        };
        tiles.push(tile("cost", usd(cost), million));
    }
    tiles
}

/// Whose latency is told, that latency, and the share of requests that failed: of the clients' own requests, of the only
/// pool, or of the slowest.
fn worst(run: &RunTotals) -> (&str, Option<LatencyTotals>, Option<f64>) {
    if let Some(clients) = &run.clients {
        return ("", clients.latency, clients.errors_ratio);
    }
    let slowest = run.pools.iter().filter_map(|pool| Some((pool, pool.requests.latency?)));
    let slowest = slowest.max_by(|(_, a), (_, b)| a.p95_s.total_cmp(&b.p95_s));
    let ended = |pool: &PoolTotals| (pool.requests.done + pool.requests.failed()) as f64;
    let all: f64 = run.pools.iter().map(ended).sum();
    let failed: u64 = run.pools.iter().map(|pool| pool.requests.failed()).sum();
    let errors = (all > 0.0).then(|| failed as f64 / all);
    match slowest {
        Some((pool, latency)) => (if run.pools.len() > 1 { &pool.pool } else { "" }, Some(latency), errors),
        None => ("", None, errors),
    }
}

/// The story of every scaler: what it did, and what held it.
fn decisions(tables: &RunTables) -> Vec<Section> {
    let text = explain_run(tables);
    let mut sections = vec![Section::Heading("What the autoscaler did, and why".to_owned())];
    // A block per pool: a title, then lines of two blanks, cells two blanks apart.
    for block in text.split("\n\n").skip(1) {
        let mut lines = block.lines();
        let Some(title) = lines.next() else { continue };
        let rows: Vec<Vec<Cell>> = lines
            .map(|line| {
                line.trim_start().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(Cell::from).collect()
            })
            .filter(|row: &Vec<Cell>| !row.is_empty())
            .collect();
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width < 2 {
            let told: Vec<String> = rows.into_iter().flatten().map(|cell| cell.text).collect();
            sections.push(Section::Text(format!("{title}: {}.", told.join("; "))));
            continue;
        }
        let names = ["when", "replicas", "what it saw", "what it asked for", "the truth"];
        let head = (0..width).map(|column| names.get(column).copied().unwrap_or("").to_owned()).collect();
        sections.push(Section::Table(Table { caption: title.to_owned(), head, rows, words: width, sortable: false }));
    }
    sections
}

fn again(report: &RunReport<'_>, first: &RunTotals) -> Vec<Section> {
    let RunAgain { path, sets, version, sha256, .. } = &report.again;
    let mut command = format!("sim run {}", quoted(path));
    for set in *sets {
        command.push_str(&format!(" --set {}", quoted(set)));
    }
    command.push_str(&format!(" --seed {}", first.seed));
    let mut from_here = "sim run scenario.toml".to_owned();
    if report.runs.len() > 1 {
        let seeds = format!(" --seeds {}", report.runs.len());
        command.push_str(&seeds);
        from_here.push_str(&seeds);
    }
    let text = format!(
        "{command} --plots png,html\n\n# or in this folder, whose scenario.toml holds every override and the seed:\n{from_here}\n\n\
         # draw again from the tables, and look at one decision:\nsim plot . --plots html\nsim explain . --at 30m\n"
    );
    vec![
        Section::Heading("Repeat it".to_owned()),
        Section::Text("The same version and seed give the same tables, number for number.".to_owned()),
        Section::Pre { summary: String::new(), text },
        footer(version, &format!(" · {} · seed {} · scenario sha256 {sha256}", first.scenario, first.seed)),
    ]
}
