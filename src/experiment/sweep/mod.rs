//! Sweeps: a grid or a sample of settings times seeds.
//!
//! A sweep file names a base scenario and the paths that vary. Points are numbered in grid order, the last axis fastest;
//! seeds are first, first + 1, and so on, the same ones at every point, so that points differ by their settings alone.

pub mod check;
pub mod effects;
pub mod pareto;
pub mod read;
pub mod results;
pub mod run;
pub mod tables;

use super::axes::{Axis, Values};
use super::sample::Method;
use crate::diagnostics::Source;
use crate::scenario;
use crate::scenario::Loaded;
use std::fmt::Write;
use std::ops::Range;

/// A sweep that may run.
#[derive(Debug)]
pub struct Sweep {
    /// Output folder and title.
    pub name: String,
    /// The file.
    pub source: Source,
    /// The base scenario's text.
    pub base: Source,
    /// Overrides of the base.
    pub sets: Vec<String>,
    /// The base, overrides in place.
    pub loaded: Loaded,
    /// First seed.
    pub first_seed: u64,
    /// Seeds of every point.
    pub seeds: u32,
    /// More seeds until each half width is at most this share of the mean.
    pub precision: Option<f64>,
    /// Bound for that.
    pub max_seeds: u32,
    /// Axes in order; zips last.
    pub axes: Vec<Axis>,
    /// Coordinates of each point where the grid is not full.
    pub sample: Option<Sample>,
    /// What is shown.
    pub report: ReportSpec,
    /// Where some keys stand in the file, to write it anew.
    pub(super) places: Places,
}

/// Points of a sample.
#[derive(Debug)]
pub struct Sample {
    /// How they are spread.
    pub method: Method,
    /// A row per point, a coordinate per axis.
    pub rows: Vec<Vec<f64>>,
}

/// What a sweep shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSpec {
    /// Figures.
    pub columns: Vec<String>,
    /// Figure or axis by which the table is sorted.
    pub sort: String,
    /// Heat maps.
    pub heatmaps: Vec<HeatmapSpec>,
    /// A chart of cost against a figure.
    pub pareto: Option<ParetoSpec>,
}

/// A heat map: two axes by number, and a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeatmapSpec {
    /// From left to right.
    pub x: usize,
    /// From below.
    pub y: usize,
    /// The figure.
    pub color: String,
}

/// A Pareto chart: two figures, and an axis by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParetoSpec {
    /// From left to right.
    pub cost: String,
    /// From below.
    pub against: String,
    /// Colour and shape.
    pub color: Option<usize>,
}

/// Where keys stand that change when the file is written anew.
#[derive(Debug, Default)]
pub(super) struct Places {
    base: Range<usize>,
    seed: Option<Range<usize>>,
    seeds: Option<Range<usize>>,
    named: bool,
}

/// One point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its value on each axis, as tables show it.
    pub labels: Vec<String>,
    /// Its settings as overrides `path=value`.
    pub sets: Vec<String>,
}

impl Sweep {
    /// How many points.
    pub fn points(&self) -> usize {
        match &self.sample {
            Some(sample) => sample.rows.len(),
            None => self.axes.iter().map(|axis| axis.labels.len()).product(),
        }
    }

    /// Runs if no point needs more seeds than the first ones.
    pub fn runs(&self) -> u64 {
        self.points() as u64 * u64::from(self.seeds)
    }

    /// The number of a point's value on an axis; `None` where a sample draws it.
    pub fn level(&self, point: usize, axis: usize) -> Option<usize> {
        let count = self.axes[axis].labels.len();
        match &self.sample {
            None => {
                let faster: usize = self.axes[axis + 1..].iter().map(|axis| axis.labels.len()).product();
                Some(point / faster % count)
            }
            Some(_) if count == 0 => None,
            Some(sample) => Some(((sample.rows[point][axis] * count as f64) as usize).min(count - 1)),
        }
    }

    /// A point by its number, from 0.
    pub fn point(&self, number: usize) -> Point {
        let mut point = Point { labels: Vec::new(), sets: Vec::new() };
        for (place, axis) in self.axes.iter().enumerate() {
            let level = self.level(number, place);
            for path in &axis.paths {
                let value = match (&path.values, level) {
                    (Values::List(all), Some(level)) => all[level].toml.clone(),
                    (Values::Between(range, _), _) => {
                        range.at(self.sample.as_ref().map_or(0.0, |sample| sample.rows[number][place]))
                    }
                    (Values::List(_), None) => unreachable!("an axis with a list has levels"),
                };
                if level.is_none() {
                    point.labels.push(value.trim_matches('"').to_owned());
                }
                point.sets.push(format!("{}={value}", path.path));
            }
            if let Some(level) = level {
                point.labels.push(axis.labels[level].clone());
            }
        }
        point
    }

    /// The value of an axis that the base itself has, if it is one of them.
    pub fn own_level(&self, axis: usize) -> Option<usize> {
        let axis = &self.axes[axis];
        (0..axis.labels.len()).find(|&level| {
            axis.paths.iter().all(|path| {
                let own = self.loaded.effective.iter().find(|(known, ..)| *known == path.path);
                matches!((&path.values, own), (Values::List(all), Some((_, own, _))) if all[level].toml == *own)
            })
        })
    }

    /// All overrides of a point: those of the base first.
    pub fn sets_of(&self, point: &Point) -> Vec<String> {
        self.sets.iter().chain(&point.sets).cloned().collect()
    }

    /// `hpa.cpu = 40%, metrics = 15s`.
    pub fn words_of(&self, point: &Point) -> String {
        let pairs = self.axes.iter().zip(&point.labels);
        pairs.map(|(axis, label)| format!("{} = {label}", axis.short(&self.axes))).collect::<Vec<_>>().join(", ")
    }

    /// Quantiles that only this sweep asks for.
    pub fn quantiles(&self) -> Vec<String> {
        let report = &self.report;
        let pareto = report.pareto.iter().flat_map(|pareto| [&pareto.cost, &pareto.against]);
        let colors = report.heatmaps.iter().map(|heatmap| &heatmap.color);
        let mut more: Vec<String> = Vec::new();
        for name in report.columns.iter().chain([&report.sort]).chain(pareto).chain(colors) {
            let asked = super::figures::quantile_of(name).is_some();
            if asked && !super::figures::known_names().contains(&name.as_str()) && !more.contains(name) {
                more.push(name.clone());
            }
        }
        more
    }

    /// Everything that decides a number: two sweeps with the same fingerprint have the same runs.
    pub fn fingerprint(&self) -> String {
        let mut all = format!("autosim {}\n{}\n", env!("CARGO_PKG_VERSION"), self.loaded.text);
        for facts in self.loaded.traces.iter().flatten() {
            writeln!(all, "trace {}", facts.sha256).expect("a string takes any text");
        }
        for axis in &self.axes {
            writeln!(all, "axis {} {:?}", axis.name, axis.labels).expect("a string takes any text");
            for path in &axis.paths {
                let values: Vec<String> = match &path.values {
                    Values::List(all) => all.iter().map(|value| value.toml.clone()).collect(),
                    Values::Between(range, _) => vec![format!("{range:?}")],
                };
                writeln!(all, "{} = {values:?}", path.path).expect("a string takes any text");
            }
        }
        if let Some(sample) = &self.sample {
            writeln!(all, "sample {:?} of {}", sample.method, sample.rows.len()).expect("a string takes any text");
        }
        let Self { first_seed, seeds, precision, max_seeds, .. } = self;
        let most = precision.map(|_| max_seeds);
        let quantiles = self.quantiles();
        writeln!(all, "{first_seed} {seeds} {precision:?} {most:?} {quantiles:?}").expect("a string takes any text");
        scenario::fingerprint(&all)
    }

    /// The sweep as a text that runs the same from a folder where its base stands under this name.
    pub fn text_for(&self, base: &str) -> String {
        let mut edits: Vec<(Range<usize>, String)> = vec![(self.places.base.clone(), format!("{base:?}"))];
        let mut head = String::new();
        if !self.places.named {
            head.push_str(&format!("name = {:?}\n", self.name));
        }
        for (key, place, value) in
            [("seed", &self.places.seed, self.first_seed), ("seeds", &self.places.seeds, self.seeds.into())]
        {
            match place {
                Some(place) => edits.push((place.clone(), value.to_string())),
                None => head.push_str(&format!("{key} = {value}\n")),
            }
        }
        edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = self.source.text.clone();
        for (place, value) in edits {
            if text.get(place.clone()).is_some() {
                text.replace_range(place, &value);
            }
        }
        head + &text
    }
}
