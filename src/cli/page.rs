//! The report of a run's folder, from what stands in it.

use super::output::{self, Files};
use super::{Failure, explain, run};
use crate::plot::TimelineFigure;
use crate::record::{DecisionRow, EventRow, PooledLatency, RunTotals, TimelineRow};
use crate::report;
use crate::report::explain::RunTables;
use crate::report::html::{RunAgain, RunReport};
use crate::scenario::Loaded;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The page, and the same as Markdown.
pub(super) const HTML: &str = "report.html";
pub(super) const MARKDOWN: &str = "report.md";

/// What a report says besides what is drawn.
pub(super) struct Told<'a> {
    pub loaded: &'a Loaded,
    pub runs: &'a [RunTotals],
    pub pooled: &'a [PooledLatency],
    pub scenario_text: String,
    pub about: About,
    decisions: Vec<DecisionRow>,
    events: Vec<EventRow>,
}

/// How the run was made.
pub(super) struct About {
    path: String,
    sets: Vec<String>,
    version: String,
    sha256: String,
    picture: &'static str,
}

impl About {
    /// A run that has just been made.
    pub fn of_run(files: &Files<'_>, picture: &'static str) -> Self {
        Self {
            path: files.source.name.clone(),
            sets: files.sets.to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sha256: files.loaded.sha256(),
            picture,
        }
    }

    /// A run that wrote down how it was made.
    pub fn of_folder(run: &Value, picture: &'static str) -> Self {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sets = run["overrides"].as_array().into_iter().flatten().map(word).collect();
        Self {
            path: word(&run["scenario"]["path"]),
            sets,
            version: word(&run["version"]),
            sha256: word(&run["scenario"]["sha256"]),
            picture,
        }
    }
}

impl<'a> Told<'a> {
    /// Reads what is told of a run besides its pictures' tables.
    pub fn read(
        loaded: &'a Loaded,
        (runs, pooled): (&'a [RunTotals], &'a [PooledLatency]),
        scenario_text: String,
        about: About,
        at: impl Fn(&str) -> PathBuf,
    ) -> Result<Self, Failure> {
        let (mut decisions, mut events) = (Vec::new(), Vec::new());
        output::each_row(&at("decisions.csv"), |row| decisions.push(row))?;
        output::each_row(&at("events.csv"), |row| events.push(row))?;
        Ok(Self { loaded, runs, pooled, scenario_text, about, decisions, events })
    }

    /// Names and contents of both files.
    pub fn files(
        &self,
        figure: &TimelineFigure<'_>,
        timeline: &[TimelineRow],
    ) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let scenario = &self.loaded.scenario;
        let tables = RunTables {
            scenario: scenario.name.clone(),
            duration_s: scenario.duration.as_secs_f64(),
            warmup_s: scenario.warmup.as_secs_f64(),
            pools: explain::pool_facts(scenario),
            objectives: self.runs.first().map(|run| run.objectives.clone()).unwrap_or_default(),
            timeline: timeline.to_vec(),
            decisions: self.decisions.clone(),
            events: self.events.clone(),
        };
        let About { path, sets, version, sha256, picture } = &self.about;
        let sections = report::html::run_sections(&RunReport {
            runs: self.runs,
            pooled: self.pooled,
            figure,
            tables: &tables,
            assumed: &run::assumptions(&self.loaded.text),
            scenario_text: &self.scenario_text,
            again: RunAgain { path, sets, version, sha256, picture },
        })
        .map_err(|error| Failure::World(format!("cannot draw: {error}")))?;
        Ok(both(&scenario.name, &sections))
    }
}

/// A document in both forms.
pub(super) fn both(title: &str, sections: &[report::html::Section]) -> Vec<(String, Vec<u8>)> {
    vec![
        (HTML.to_owned(), report::html::page(title, sections).into_bytes()),
        (MARKDOWN.to_owned(), report::html::document(title, sections).into_bytes()),
    ]
}

/// Totals of every seed that a `summary.json` holds, and the latencies of all of them together.
pub(super) fn totals_of_all_seeds(summary: &str) -> Result<(Vec<RunTotals>, Vec<PooledLatency>), String> {
    let mut summary: Value = serde_json::from_str(summary).map_err(|error| error.to_string())?;
    let pooled = summary.get_mut("pooled_latency").map_or(Value::Array(Vec::new()), Value::take);
    let pooled = serde_json::from_value(pooled).map_err(|error| error.to_string())?;
    let runs = match summary.get_mut("seeds").map(Value::take) {
        Some(Value::Array(runs)) => runs,
        _ => vec![summary],
    };
    let runs = runs.into_iter().map(|run| serde_json::from_value(run).map_err(|error| error.to_string()));
    Ok((runs.collect::<Result<_, _>>()?, pooled))
}

/// What is written beside a run's tables is listed in its `run.json`, so that the next run replaces it.
pub(super) fn list_too(path: &Path, names: &[String]) -> Result<(), Failure> {
    let file = path.join("run.json");
    let cannot = |error: std::io::Error| Failure::World(format!("cannot write {}: {error}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(cannot)?;
    let Ok(mut run) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
    let Some(files) = run.get_mut("files").and_then(Value::as_array_mut) else { return Ok(()) };
    let before = files.len();
    for name in names {
        if !files.iter().any(|file| file == name) {
            files.push(Value::String(name.clone()));
        }
    }
    if files.len() == before {
        return Ok(());
    }
    files.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    let building = path.join(format!(".run.json.tmp-{}", std::process::id()));
    std::fs::write(&building, output::pretty(&run)).and_then(|()| std::fs::rename(&building, &file)).map_err(|error| {
        let _ = std::fs::remove_file(&building);
        cannot(error)
    })
}
