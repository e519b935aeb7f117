//! The report of a sweep.

use super::super::amounts::{NOTHING, amount, mean_and_half};
use super::super::sweep::{pareto_front, sort_words, sorted_points, table, what_matters, words_of};
use super::super::words::{count, counted};
use super::page::{Cell, Chart, Section, Table, Tile, Verdict};
use super::{MOST_ROWS, footer};
use crate::experiment::{FigureKey, Results, Sweep, Unit};

/// What the report of a sweep holds besides its figures.
#[derive(Clone, Debug, Default)]
pub struct SweepCharts {
    /// Heat maps and the Pareto chart.
    pub drawn: Vec<Chart>,
    /// The sweep's file, as the folder has it.
    pub sweep_text: String,
    /// The base scenario as it was run.
    pub base_text: String,
}

/// The parts of the report.
pub fn sweep_sections(sweep: &Sweep, results: &Results, complete: bool, charts: &SweepCharts) -> Vec<Section> {
    let points = sorted_points(sweep, results);
    let front = pareto_front(sweep, results);
    let least = points.iter().map(|&point| results.seeds(point).count()).min().unwrap_or(0);
    let mut sections = vec![Section::Lead(format!(
        "Sweep of {} · {} × {} from seed {} on · intervals are those of Student's t at 95 %",
        sweep.loaded.scenario.name,
        counted(points.len() as u64, "point"),
        counted(least as u64, "seed"),
        sweep.first_seed
    ))];
    sections.push(verdict(sweep, results, &points));
    sections.push(Section::Tiles(tiles(sweep, results, &points, &front)));
    if !complete {
        let runs = counted(results.runs() as u64, "run");
        sections.push(Section::Warning(format!("Incomplete: {runs} so far. sim sweep --resume goes on.")));
    }
    if !charts.drawn.is_empty() {
        sections.push(Section::Heading("At a glance".to_owned()));
        sections.extend(charts.drawn.iter().cloned().map(Section::Svg));
    }
    if let Some(beaten_by_none) = Table::of(table(sweep, results, &front, &front), sweep.axes.len() + 1) {
        sections.push(Section::Heading("Points that no other beats".to_owned()));
        let caption = "Numbered as in the chart, from the cheapest on.".to_owned();
        sections.push(Section::Table(Table { caption, ..beaten_by_none }));
    }
    sections.push(Section::Heading(format!("Points by {}", sort_words(sweep))));
    let shown = points.len().min(MOST_ROWS);
    sections.push(Section::Table(sorted_table(sweep, results, &points[..shown], &front)));
    if points.len() > shown {
        let rest = count((points.len() - shown) as u64);
        sections.push(Section::Text(format!("{rest} more are in points.csv.")));
    }
    sections.push(Section::Text(
        "points.csv has every figure of every point, points_by_seed.csv of every run, in base units.".to_owned(),
    ));
    sections.push(Section::Heading("Settings".to_owned()));
    sections.push(Section::Pre { summary: "The sweep".to_owned(), text: charts.sweep_text.clone() });
    sections
        .push(Section::Pre { summary: "The base scenario as it was run".to_owned(), text: charts.base_text.clone() });
    sections.push(Section::Heading("Repeat it".to_owned()));
    sections.push(Section::Pre {
        summary: String::new(),
        text: "sim sweep sweep.toml        # in this folder, whose files hold every override\n".to_owned(),
    });
    sections.push(footer(env!("CARGO_PKG_VERSION"), &format!(" · {} · from seed {}", sweep.name, sweep.first_seed)));
    sections
}

fn written(results: &Results, point: usize, figure: &str) -> Option<(String, f64)> {
    let unit = FigureKey::of(figure).map_or(Unit::Plain, |key| key.unit);
    let estimate = results.estimate(point, figure)?;
    let text = match estimate.half_width {
        None => amount(unit, estimate.mean),
        Some(_) => mean_and_half(unit, &estimate).join(" "),
    };
    Some((text, estimate.mean))
}

/// The best point in words, and what moves its figure.
fn verdict(sweep: &Sweep, results: &Results, points: &[usize]) -> Section {
    let sort = &sweep.report.sort;
    let mut reasons = Vec::new();
    let words = match points.first() {
        None => "No run is done yet.".to_owned(),
        Some(&best) => {
            let labels = sweep.point(best).labels;
            let settings: Vec<String> = sweep
                .axes
                .iter()
                .zip(labels)
                .map(|(axis, label)| format!("{} {label}", axis.short(&sweep.axes)))
                .collect();
            let figures = sweep.report.columns.iter().filter_map(|figure| {
                written(results, best, figure).map(|(text, _)| format!("{} {text}", words_of(figure)))
            });
            reasons.push(figures.collect::<Vec<_>>().join(" · "));
            let by = if FigureKey::of(sort).is_some() { "Best" } else { "First" };
            format!("{by} by {}: {}", sort_words(sweep), settings.join(", "))
        }
    };
    reasons.extend(what_matters(sweep, results).map(|words| format!("What matters: {words}")));
    reasons.push(if results.all_met() {
        "Every run met all of its objectives".to_owned()
    } else {
        "Not every run met all of its objectives".to_owned()
    });
    Section::Verdict(Verdict { met: None, words, reasons })
}

fn tiles(sweep: &Sweep, results: &Results, points: &[usize], front: &[usize]) -> Vec<Tile> {
    let tile = |name: &str, value: String, remark: String| Tile { name: name.to_owned(), value, remark };
    let all = count(sweep.points() as u64);
    let mut tiles = vec![
        tile("points", count(points.len() as u64), format!("of {all}")),
        tile("runs", count(results.runs() as u64), String::new()),
    ];
    for figure in sweep.report.columns.iter().take(3) {
        let means = points.iter().filter_map(|&point| results.estimate(point, figure)).map(|estimate| estimate.mean);
        let unit = FigureKey::of(figure).map_or(Unit::Plain, |key| key.unit);
        let ends = means.fold(None, |ends: Option<(f64, f64)>, mean| {
            Some(ends.map_or((mean, mean), |(low, high)| (low.min(mean), high.max(mean))))
        });
        if let Some((low, high)) = ends {
            tiles.push(tile(
                &words_of(figure),
                format!("{} – {}", amount(unit, low), amount(unit, high)),
                "least to most".to_owned(),
            ));
        }
    }
    if !front.is_empty() {
        tiles.push(tile(
            "points that no other beats",
            count(front.len() as u64),
            "on both axes of the last chart".to_owned(),
        ));
    }
    tiles
}

/// The table of the summary, with what each cell is sorted by.
fn sorted_table(sweep: &Sweep, results: &Results, points: &[usize], front: &[usize]) -> Table {
    let mut rows = table(sweep, results, points, front).into_iter();
    let head = rows.next().unwrap_or_default();
    let axes = sweep.axes.len();
    let rows = rows.zip(points).map(|(row, &point)| {
        row.into_iter()
            .enumerate()
            .map(|(column, text)| {
                let of_axis =
                    column.checked_sub(1).filter(|axis| *axis < axes).and_then(|axis| sweep.level(point, axis));
                let figure = column.checked_sub(1 + axes).and_then(|figure| sweep.report.columns.get(figure));
                let of_figure = figure.and_then(|figure| results.estimate(point, figure)).map(|estimate| estimate.mean);
                let text = if text.is_empty() && column > axes { String::new() } else { text };
                Cell { key: of_axis.map(|level| level as f64).or(of_figure), ..Cell::from(text) }
            })
            .collect()
    });
    let caption = format!("Sorted by {}; the head of a column sorts by it. {NOTHING} is no value.", sort_words(sweep));
    Table { caption, head, rows: rows.collect(), words: axes + 1, sortable: true }
}
