//! A sweep as a person or a program reads it: the best points first, what matters, which points nobody beats.

use super::amounts::{NOTHING, amount, markdown, mean_and_half};
use super::words::{columns, count, counted, duration, whole_percent};
use crate::experiment::sweep::pareto::front;
use crate::experiment::{Better, FigureKey, Results, Sweep, Unit};
use serde_json::{Map, Value, json};

/// How a sweep was run, for its first line.
#[derive(Clone, Copy, Debug)]
pub struct SweepTook {
    /// How long.
    pub wall_s: f64,
    /// On how many threads.
    pub threads: usize,
    /// Runs that had been done before.
    pub before: usize,
}

/// Rows that are shown where nobody says how many: all of a few, the best of many.
const ALL_OF: usize = 10;
const BEST_OF_MANY: usize = 3;
/// Rows of the table in a document.
const IN_DOCUMENT: usize = 50;

/// `165 points × 10 seeds = 1,650 runs`.
pub fn sweep_size(sweep: &Sweep, points: usize, runs: usize) -> String {
    let seeds = match sweep.precision {
        None => counted(sweep.seeds.into(), "seed"),
        Some(_) => format!("{} to {} seeds", sweep.seeds, sweep.max_seeds),
    };
    format!("{} × {seeds} = {}", counted(points as u64, "point"), counted(runs as u64, "run"))
}

/// The first line.
pub fn sweep_head(sweep: &Sweep, results: &Results, points: usize, complete: bool, took: &SweepTook) -> String {
    let runs = results.runs();
    let size = if complete {
        sweep_size(sweep, points, runs)
    } else {
        let all = points as u64 * u64::from(sweep.seeds);
        format!("{} of {}, incomplete", count(runs as u64), counted(all, "run"))
    };
    let before = if took.before > 0 { format!(" ({} done before)", count(took.before as u64)) } else { String::new() };
    format!(
        "{}  {size}{before} in {} on {}\n",
        sweep.name,
        duration(took.wall_s),
        counted(took.threads as u64, "thread")
    )
}

/// Points that have any run, the best first: by a figure, or in the order of an axis.
pub fn sorted_points(sweep: &Sweep, results: &Results) -> Vec<usize> {
    let mut points: Vec<usize> = results.points().collect();
    if let Some(axis) = sweep.axes.iter().position(|axis| axis.name == sweep.report.sort) {
        points.sort_by_key(|&point| (sweep.level(point, axis), point));
        return points;
    }
    let better = FigureKey::of(&sweep.report.sort).map_or(Better::Neither, |key| key.better);
    let value = |point: usize| {
        let mean = results.estimate(point, &sweep.report.sort).map(|estimate| estimate.mean);
        mean.map(|mean| if better == Better::Higher { -mean } else { mean })
    };
    let mut keyed: Vec<(Option<f64>, usize)> = points.into_iter().map(|point| (value(point), point)).collect();
    keyed.sort_by(|(a, first), (b, second)| match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(b).then(first.cmp(second)),
        (a, b) => a.is_none().cmp(&b.is_none()).then(first.cmp(second)),
    });
    keyed.into_iter().map(|(_, point)| point).collect()
}

/// Points that no other beats, from the cheapest on; empty without a `pareto` in the file.
pub fn pareto_front(sweep: &Sweep, results: &Results) -> Vec<usize> {
    let Some(pareto) = &sweep.report.pareto else { return Vec::new() };
    let points: Vec<usize> = results.points().collect();
    let mean = |point: usize, figure: &str| results.estimate(point, figure).map(|estimate| estimate.mean);
    let pairs: Vec<Option<(f64, f64)>> =
        points.iter().map(|&point| mean(point, &pareto.cost).zip(mean(point, &pareto.against))).collect();
    let better = FigureKey::of(&pareto.against).map_or(Better::Lower, |key| key.better);
    let mut on: Vec<(f64, usize)> = points
        .iter()
        .zip(front(&pairs, better))
        .zip(&pairs)
        .filter_map(|((&point, on), pair)| Some((pair.filter(|_| on)?.0, point)))
        .collect();
    on.sort_by(|(a, first), (b, second)| a.total_cmp(b).then(first.cmp(second)));
    on.into_iter().map(|(_, point)| point).collect()
}

pub(super) fn words_of(figure: &str) -> String {
    FigureKey::of(figure).map_or_else(|| figure.to_owned(), |key| key.words())
}

/// Header and rows of these points; the first column counts them.
pub(super) fn table(sweep: &Sweep, results: &Results, points: &[usize], front: &[usize]) -> Vec<Vec<String>> {
    let mut header = vec!["#".to_owned()];
    header.extend(sweep.axes.iter().map(|axis| axis.short(&sweep.axes)));
    header.extend(sweep.report.columns.iter().map(|figure| words_of(figure).to_uppercase()));
    let marks = sweep.report.pareto.is_some();
    if marks {
        header.push("PARETO".to_owned());
    }
    let mut rows = vec![header];
    for (place, &point) in points.iter().enumerate() {
        let mut row = vec![(place + 1).to_string()];
        row.extend(sweep.point(point).labels);
        for figure in &sweep.report.columns {
            let unit = FigureKey::of(figure).map_or(Unit::Plain, |key| key.unit);
            row.push(match results.estimate(point, figure) {
                None => NOTHING.to_owned(),
                Some(estimate) if estimate.half_width.is_none() => amount(unit, estimate.mean),
                Some(estimate) => mean_and_half(unit, &estimate).join(" "),
            });
        }
        if marks {
            row.push(if front.contains(&point) { "●".to_owned() } else { String::new() });
        }
        rows.push(row);
    }
    rows
}

/// The table for people; `top` rows of it. `file` names where all points are.
pub fn sweep_table(sweep: &Sweep, results: &Results, top: Option<usize>, file: Option<&str>) -> String {
    let points = sorted_points(sweep, results);
    let usual = if points.len() <= ALL_OF { points.len() } else { BEST_OF_MANY };
    let shown = top.unwrap_or(usual).min(points.len());
    let mut text = columns("  ", &table(sweep, results, &points[..shown], &pareto_front(sweep, results)));
    let rest = points.len() - shown;
    if rest > 0 {
        let file = file.map_or(String::new(), |file| format!(" in {file}"));
        text.push_str(&format!("  ... {} more{file} (--top N, --sort COLUMN)\n", count(rest as u64)));
    }
    if let Some(words) = what_matters(sweep, results) {
        text.push_str(&format!("\n  what matters: {words}\n"));
    }
    text
}

/// Which axes move the figure that the table is sorted by, or its first one.
pub(super) fn what_matters(sweep: &Sweep, results: &Results) -> Option<String> {
    let report = &sweep.report;
    let figure = if FigureKey::of(&report.sort).is_some() { &report.sort } else { report.columns.first()? };
    let effects = sweep.effects(results, figure)?;
    let mut parts: Vec<String> = effects
        .axes
        .iter()
        .enumerate()
        .map(|(place, &(axis, share))| {
            let (name, share) = (sweep.axes[axis].short(&sweep.axes), whole_percent(share));
            if place == 0 {
                format!("{name} explains {share} of {}", words_of(figure))
            } else {
                format!("{name} {share}")
            }
        })
        .collect();
    parts.push(format!("together {}", whole_percent(effects.together)));
    Some(parts.join(", "))
}

/// The table for a document.
pub fn sweep_markdown(sweep: &Sweep, results: &Results, top: Option<usize>) -> String {
    let points = sorted_points(sweep, results);
    let shown = top.unwrap_or(IN_DOCUMENT).min(points.len());
    markdown(&table(sweep, results, &points[..shown], &pareto_front(sweep, results)), sweep.axes.len() + 1)
}

/// One object a line and point.
pub fn sweep_json_lines(sweep: &Sweep, results: &Results) -> String {
    let figures = results.figures();
    let mut text = String::new();
    for point in results.points() {
        let names = sweep.axes.iter().map(|axis| axis.name.clone());
        let settings: Map<String, Value> =
            names.zip(sweep.point(point).labels.into_iter().map(Value::String)).collect();
        let estimates: Map<String, Value> = figures
            .iter()
            .map(|figure| {
                let estimate = results.estimate(point, figure);
                let interval = estimate.and_then(|estimate| estimate.interval());
                let value = json!({
                    "mean": estimate.map(|estimate| estimate.mean),
                    "ci95_low": interval.map(|ends| ends.0),
                    "ci95_high": interval.map(|ends| ends.1),
                });
                (figure.clone(), value)
            })
            .collect();
        let seeds = results.seeds(point).count();
        let line = json!({ "point": point + 1, "settings": settings, "seeds": seeds, "figures": estimates });
        text.push_str(&format!("{line}\n"));
    }
    text
}

pub(super) fn sort_words(sweep: &Sweep) -> String {
    let axis = sweep.axes.iter().find(|axis| axis.name == sweep.report.sort);
    axis.map_or_else(|| words_of(&sweep.report.sort), |axis| axis.short(&sweep.axes))
}
