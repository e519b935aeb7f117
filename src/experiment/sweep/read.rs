//! Reads sweep files: all problems at once, each under the user's line.

use super::{HeatmapSpec, ParetoSpec, Places, ReportSpec, Sample, Sweep};
use crate::diagnostics::{Problem, Problems, Source, closest};
use crate::experiment::axes::{Axis, MOST_POINTS, ZIP, check_alone, grouped, read_axes, read_zip};
use crate::experiment::figures::{FigureKey, Owner, known_names, owner_of};
use crate::experiment::sample::{Method, SOBOL_AXES, sample};
use crate::scenario;
use crate::scenario::keys::{Fallback, Key, Keys, Kind};
use crate::scenario::reader::{Reader, Section};
use crate::scenario::tree::{Node, Value};
use crate::scenario::{Loaded, Scenario};
use std::ops::Range;
use std::path::Path;

/// Keys of a sweep file.
pub static SWEEP: Keys = Keys {
    keys: &[
        key("name", Kind::Name, Fallback::None, "output folder; the file's name where it is not written"),
        key("base", Kind::File, Fallback::Required, "the scenario that everything else changes"),
        key("seed", Kind::Whole, Fallback::None, "first seed; the base's where it is not written"),
        key("seeds", Kind::Whole, Fallback::Is("1"), "runs of every point"),
        key(
            "precision",
            Kind::Share,
            Fallback::None,
            "more seeds until each half width is at most this share of the mean",
        ),
        key("max_seeds", Kind::Whole, Fallback::Is("200"), "bound for `precision`"),
        key("axes", Kind::Changes, Fallback::None, "key paths and their values"),
        key("zip", Kind::Tables(&ZIP), Fallback::None, "values that move together: one axis"),
        key("sample", Kind::Table(&SAMPLE), Fallback::None, "some points instead of the full grid"),
        key("report", Kind::Table(&REPORT), Fallback::None, "what is shown and drawn"),
    ],
};

static SAMPLE: Keys = Keys {
    keys: &[
        key("latin_hypercube", Kind::Whole, Fallback::None, "number of points; each part of every axis once"),
        key("sobol", Kind::Whole, Fallback::None, "number of points; a low-discrepancy sequence"),
    ],
};

static REPORT: Keys = Keys {
    keys: &[
        key("columns", Kind::Texts, Fallback::None, "figures of the table"),
        key("heatmap", Kind::Tables(&HEATMAP), Fallback::None, "pictures of a figure over two axes"),
        key("pareto", Kind::Table(&PARETO), Fallback::None, "a picture of a cost against a figure"),
        key("sort", Kind::Text, Fallback::None, "figure or axis; the first column where it is not written"),
    ],
};

static HEATMAP: Keys = Keys {
    keys: &[
        key("x", Kind::Text, Fallback::Required, "an axis, by its path or its zip's name"),
        key("y", Kind::Text, Fallback::Required, "another axis"),
        key("color", Kind::Text, Fallback::Required, "a figure"),
    ],
};

static PARETO: Keys = Keys {
    keys: &[
        key("cost", Kind::Text, Fallback::Required, "a figure of which less is better"),
        key("against", Kind::Text, Fallback::Required, "another figure"),
        key("color", Kind::Text, Fallback::None, "an axis, by its path or its zip's name"),
    ],
};

const fn key(name: &'static str, kind: Kind, fallback: Fallback, about: &'static str) -> Key {
    Key { name, kind, fallback, about }
}

const DEFAULT_COLUMNS: [&str; 3] = ["good_time", "p95", "replica_hours"];

/// What the command line says in place of the file.
#[derive(Clone, Debug, Default)]
pub struct SweepOptions {
    /// Overrides of the base.
    pub sets: Vec<String>,
    /// First seed.
    pub seed: Option<u64>,
    /// Seeds of every point.
    pub seeds: Option<u32>,
    /// Figure or axis by which the table is sorted.
    pub sort: Option<String>,
}

/// Reads a sweep and its base.
///
/// # Errors
/// All problems of the sweep file and of the base at once, by file.
pub fn read_sweep(source: &Source, options: &SweepOptions) -> Result<Sweep, Vec<Problems>> {
    let (tree, syntax) = Node::parse(&source.text);
    if !syntax.is_empty() {
        return Err(vec![Problems::new(source.clone(), syntax)]);
    }
    let reader = Reader::new(&source.text);
    let top = Section::open(&reader, &SWEEP, &tree, 0..0, String::new(), "the sweep".to_owned());
    let (base, base_problems) = match read_base(&top, source, &options.sets) {
        Some((base, Ok(loaded))) => (Some((base, loaded)), None),
        Some((_, Err(problems))) => (None, Some(problems)),
        None => (None, None),
    };
    let draft = read_rest(&reader, &top, source, options, base.as_ref());
    let (problems, _) = reader.finish();
    let mut wrong = Vec::new();
    if !problems.is_empty() {
        wrong.push(Problems::new(source.clone(), problems));
    }
    wrong.extend(base_problems);
    match (draft, base) {
        (Some(draft), Some((base, loaded))) if wrong.is_empty() => {
            Ok(draft.with(source.clone(), base, loaded, options))
        }
        _ => Err(wrong),
    }
}

pub(in crate::experiment) type Base = (Source, Result<Loaded, Problems>);

/// Reads the base that a file names, with overrides; what is wrong with its name is reported.
pub(in crate::experiment) fn read_base(top: &Section<'_>, source: &Source, sets: &[String]) -> Option<Base> {
    let file = top.text("base")?;
    let path = source.folder.join(&file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            top.wrong(
                "base",
                format!("cannot read {}: {error}", path.display()),
                "this file",
                "give the path of a scenario, relative to this file",
            );
            return None;
        }
    };
    let folder = path.parent().map_or_else(Default::default, Path::to_path_buf);
    let base = Source { name: path.display().to_string(), text, folder };
    let loaded = scenario::load(&base, sets);
    Some((base, loaded))
}

/// Everything but the base.
struct Draft {
    name: String,
    seed: Option<u64>,
    seeds: u32,
    precision: Option<f64>,
    max_seeds: u32,
    axes: Vec<Axis>,
    sample: Option<(Method, usize)>,
    report: ReportSpec,
    places: Places,
}

impl Draft {
    fn with(self, source: Source, base: Source, loaded: Loaded, options: &SweepOptions) -> Sweep {
        let first_seed = options.seed.or(self.seed).unwrap_or(loaded.scenario.seed);
        let rows = |(method, points)| Sample { method, rows: sample(method, points, self.axes.len(), first_seed) };
        Sweep {
            name: self.name,
            source,
            base,
            sets: options.sets.clone(),
            loaded,
            first_seed,
            seeds: self.seeds,
            precision: self.precision,
            max_seeds: self.max_seeds.max(self.seeds),
            sample: self.sample.map(rows),
            axes: self.axes,
            report: self.report,
            places: self.places,
        }
    }
}

fn read_rest(
    reader: &Reader<'_>,
    top: &Section<'_>,
    source: &Source,
    options: &SweepOptions,
    base: Option<&(Source, Loaded)>,
) -> Option<Draft> {
    let name = top.name("name").or_else(|| (!top.has("name")).then(|| scenario::stem(&source.name)));
    let seed = top.has("seed").then(|| top.whole("seed"));
    let seeds = some_seeds(top, "seeds").map(|seeds| options.seeds.unwrap_or(seeds));
    let precision = if top.has("precision") { top.share("precision") } else { None };
    if precision == Some(0.0) {
        top.wrong("precision", "a precision of 0% is never reached", "too narrow", "write a share such as \"5%\"");
    }
    let max_seeds = some_seeds(top, "max_seeds");
    let sampled = top.table_if("sample").map(|section| read_sample(&section));
    let mut axes = read_axes(reader, top, "axes", &source.text, sampled.is_none());
    axes.extend(top.tables("zip").iter().filter_map(|section| read_zip(reader, section, &source.text)));
    check_axes(reader, top, ("sweep", "axes"), &axes, &options.sets);
    match sampled.flatten() {
        Some((method, points)) => check_sample(top, &axes, method, points),
        None => check_grid(reader, top, "axes", &axes, seeds.unwrap_or(1)),
    }
    let report = read_report(reader, &top.table("report"), &axes, options, base.map(|(_, loaded)| &loaded.scenario));
    if let Some((base, _)) = base {
        check_alone(reader, base, &options.sets, &axes);
    }
    let place = |key: &str| top.entry(key).map(|entry| entry.node.at.clone());
    Some(Draft {
        name: name?,
        seed: match seed {
            Some(seed) => Some(seed?),
            None => None,
        },
        seeds: seeds?,
        precision,
        max_seeds: max_seeds?,
        sample: match sampled {
            Some(sampled) => Some(sampled?),
            None => None,
        },
        axes,
        report: report?,
        places: Places {
            base: place("base").unwrap_or_default(),
            seed: place("seed"),
            seeds: place("seeds"),
            named: top.has("name"),
        },
    })
}

/// A number of seeds, which is never 0.
pub(in crate::experiment) fn some_seeds(top: &Section<'_>, key: &str) -> Option<u32> {
    let seeds = top.count(key)?;
    if seeds == 0 {
        top.wrong(key, format!("`{key}` is 0"), "no run at all", "write at least 1");
        return None;
    }
    Some(seeds)
}

fn read_sample(section: &Section<'_>) -> Option<(Method, usize)> {
    let method = match (section.has("latin_hypercube"), section.has("sobol")) {
        (true, false) => ("latin_hypercube", Method::LatinHypercube),
        (false, true) => ("sobol", Method::Sobol),
        (both, _) => {
            let (message, label) = if both {
                ("two samples at once", "one of them")
            } else {
                ("the sample has no method", "of which kind?")
            };
            section.reader.report(
                Problem::error(section.at.clone(), message, label)
                    .help("write `latin_hypercube = 100` or `sobol = 128`"),
            );
            return None;
        }
    };
    let points = section.count(method.0)?;
    if points == 0 {
        section.wrong(method.0, "a sample of 0 points", "nothing would run", "write at least 1");
        return None;
    }
    Some((method.1, points as usize))
}

/// Paths stand once, and no override of the command line would be lost. `key` is the table that holds the axes of this
/// `file`.
pub(in crate::experiment) fn check_axes(
    reader: &Reader<'_>,
    top: &Section<'_>,
    (file, key): (&str, &str),
    axes: &[Axis],
    sets: &[String],
) {
    if axes.is_empty() && !top.has(key) && !top.has("zip") {
        reader.report(Problem::file(format!("the {file} has no {key}: its grid is empty")).help(format!(
            "add `[{key}]` with a key path and its values: `\"pool.chat.scaler.hpa.cpu\" = [\"60%\", \"70%\"]`",
        )));
    }
    if let Some(entry) = top.entry(key)
        && matches!(&entry.node.value, Value::Table(inner) if inner.is_empty())
        && !top.has("zip")
    {
        reader.report(
            Problem::error(entry.key_at.clone(), format!("`{key}` is empty: so is the grid"), "no path")
                .help("write a key path and its values: `\"pool.chat.scaler.hpa.cpu\" = [\"60%\", \"70%\"]`"),
        );
    }
    let paths: Vec<_> = axes.iter().flat_map(|axis| axis.paths.iter()).collect();
    for path in paths.iter().filter(|path| path.path == "seed") {
        reader.report(
            Problem::error(path.key_at(), "`seed` is no axis: every point runs under the same seeds", "not an axis")
                .help("write `seed` and `seeds` above `[axes]`"),
        );
    }
    for (number, path) in paths.iter().enumerate() {
        if let Some(first) = paths[..number].iter().find(|first| first.path == path.path) {
            reader.report(
                Problem::error(path.key_at(), format!("`{}` stands on two axes", path.path), "the second")
                    .beside(first.key_at(), "the first")
                    .help("leave one of them out"),
            );
        }
        for set in sets.iter().filter(|set| set.split('=').next().map(str::trim) == Some(path.path.as_str())) {
            reader.report(
                Problem::error(path.key_at(), format!("`--set {set}` sets what this axis varies"), "an axis")
                    .help("leave the flag out, or the axis"),
            );
        }
    }
    for (number, axis) in axes.iter().enumerate() {
        if let Some(first) =
            axes[..number].iter().find(|first| first.name == axis.name && axis.paths.len() + first.paths.len() > 2)
        {
            reader.report(
                Problem::error(axis.at.clone(), format!("two axes are named `{}`", axis.name), "the second")
                    .beside(first.at.clone(), "the first")
                    .help("give one of them another name"),
            );
        }
    }
}

fn check_sample(top: &Section<'_>, axes: &[Axis], method: Method, points: usize) {
    if method == Method::Sobol && axes.len() > SOBOL_AXES {
        top.wrong(
            "sample",
            format!("a Sobol' sample of {} axes", axes.len()),
            format!("more than {SOBOL_AXES}"),
            "take `latin_hypercube`",
        );
    }
    debug_assert!(points as u128 <= MOST_POINTS, "a count is bounded");
}

/// A grid has no more points than can be handled.
pub(in crate::experiment) fn check_grid(reader: &Reader<'_>, top: &Section<'_>, key: &str, axes: &[Axis], seeds: u32) {
    let points = axes.iter().map(|axis| axis.labels.len() as u128).fold(1_u128, u128::saturating_mul);
    if points > MOST_POINTS {
        let at = top.entry(key).map_or(0..0, |entry| entry.key_at.clone());
        let runs = points.saturating_mul(seeds.into());
        let sample = if key == "axes" { ", or let a `[sample]` choose points" } else { "" };
        reader.report(
            Problem::error(
                at,
                format!("the grid has {} points, with {seeds} seeds each {} runs", grouped(points), grouped(runs)),
                "more than 1,000,000 points",
            )
            .help(format!("take larger steps or fewer axes{sample}")),
        );
    }
}

/// Texts and where each stands; wrong ones are reported.
fn texts(reader: &Reader<'_>, section: &Section<'_>, key: &str) -> Vec<(String, Range<usize>)> {
    let Some(entry) = section.entry(key) else { return Vec::new() };
    let Value::List(items) = &entry.node.value else {
        section.read("columns", |node| Err::<(), String>(format!("{} where a list of texts is wanted", node.kind())));
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in items {
        match &item.value {
            Value::Text(text) => all.push((text.clone(), item.at.clone())),
            _ => reader.report(
                Problem::error(item.at.clone(), format!("{} where text is wanted", item.kind()), "not a figure")
                    .help("write names of figures: `[\"good_time\", \"p95\"]`"),
            ),
        }
    }
    all
}

/// Names that a file may use: axes, and figures of runs of the base.
pub(in crate::experiment) struct Names<'a> {
    pub reader: &'a Reader<'a>,
    pub axes: &'a [Axis],
    pub base: Option<&'a Scenario>,
}

impl Names<'_> {
    /// Is there a figure of this name in runs of the base?
    pub fn figure(&self, name: &str, at: &Range<usize>) -> Option<String> {
        match self.no_figure(name) {
            None => Some(name.to_owned()),
            Some((message, help)) => {
                self.reader.report(Problem::error(at.clone(), message, "not a figure").help(help));
                None
            }
        }
    }

    /// Why runs of the base have no figure of this name, and what to write; `None` if they have.
    fn no_figure(&self, name: &str) -> Option<(String, String)> {
        let one_of = |what: &str, wanted: &str, names: &[&str]| match closest(wanted, names.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the {what} are {}", names.join(", ")),
        };
        match (owner_of(name), self.base) {
            (Some((owner, own)), Some(base)) => {
                let owners = Owner::all(base);
                if let Some(&(_, kind)) = owners.iter().find(|(known, _)| *known == owner) {
                    let figures = kind.figures();
                    return (!figures.contains(&own)).then(|| {
                        let word = kind.word();
                        (
                            format!("`{own}` is no figure of a {word}"),
                            one_of(&format!("figures of a {word}"), own, &figures),
                        )
                    });
                }
                if base.pools.iter().any(|pool| pool.name == owner) {
                    let message = format!("there is one pool, so `{owner}` need not be named");
                    return Some((message, format!("write `{own}`")));
                }
                let mut names: Vec<&str> = owners.iter().map(|(name, _)| *name).collect();
                if base.pools.len() == 1 {
                    names.extend(base.pools.iter().map(|pool| pool.name.as_str()));
                }
                let whose = if base.seldon.is_some() { "pool, model or pipeline" } else { "pool" };
                Some((format!("there is no {whose} \"{owner}\""), one_of("names", owner, &names)))
            }
            _ if FigureKey::of(name).is_some() => None,
            _ => Some((format!("`{name}` is no figure"), one_of("figures", name, &known_names()))),
        }
    }

    fn axis(&self, name: &str, at: &Range<usize>) -> Option<usize> {
        let found = self.axes.iter().position(|axis| axis.name == name);
        if found.is_none() {
            let names: Vec<&str> = self.axes.iter().map(|axis| axis.name.as_str()).collect();
            let help = match closest(name, names.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("the axes are {}", names.join(", ")),
            };
            let problem = Problem::error(at.clone(), format!("`{name}` is no axis of this sweep"), "not an axis");
            self.reader.report(problem.help(help));
        }
        found
    }
}

fn read_report(
    reader: &Reader<'_>,
    section: &Section<'_>,
    axes: &[Axis],
    options: &SweepOptions,
    base: Option<&Scenario>,
) -> Option<ReportSpec> {
    let names = Names { reader, axes, base };
    let written: Vec<String> =
        texts(reader, section, "columns").iter().filter_map(|(name, at)| names.figure(name, at)).collect();
    let has_good_time = base.is_none_or(|base| base.objectives.iter().any(|that| that.share_of_time.is_some()));
    let columns = if written.is_empty() {
        DEFAULT_COLUMNS
            .iter()
            .filter(|name| has_good_time || **name != "good_time")
            .map(|name| (*name).to_owned())
            .collect()
    } else {
        written
    };
    let heatmaps = section.tables("heatmap").iter().filter_map(|section| read_heatmap(section, &names)).collect();
    let pareto = section.table_if("pareto").and_then(|section| {
        let figure = |key: &str| section.text(key).and_then(|name| names.figure(&name, &section.place(key)));
        let (cost, against) = (figure("cost"), figure("against"));
        let color = if section.has("color") {
            Some(section.text("color").and_then(|name| names.axis(&name, &section.place("color")))?)
        } else {
            None
        };
        Some(ParetoSpec { cost: cost?, against: against?, color })
    });
    let sort = read_sort(section, &names, options, &columns);
    Some(ReportSpec { columns, sort: sort?, heatmaps, pareto })
}

fn read_heatmap(section: &Section<'_>, names: &Names<'_>) -> Option<HeatmapSpec> {
    let axis = |key: &str| {
        let number = section.text(key).and_then(|name| names.axis(&name, &section.place(key)))?;
        if names.axes[number].labels.is_empty() {
            section.wrong(
                key,
                format!("`{}` has no list of values to draw", names.axes[number].name),
                "drawn by the sample",
                "give the axis a list or a `step`",
            );
            return None;
        }
        Some(number)
    };
    let (x, y) = (axis("x"), axis("y"));
    let color = section.text("color").and_then(|name| names.figure(&name, &section.place("color")));
    let (x, y) = (x?, y?);
    if x == y {
        section.wrong("y", "`x` and `y` are the same axis", "again", "name two different axes");
        return None;
    }
    Some(HeatmapSpec { x, y, color: color? })
}

/// A figure, or an axis; a flag wins.
fn read_sort(section: &Section<'_>, names: &Names<'_>, options: &SweepOptions, columns: &[String]) -> Option<String> {
    let in_file = section.has("sort").then(|| section.text("sort"));
    let (name, flag) = match (&options.sort, in_file) {
        (Some(flag), _) => (flag.clone(), true),
        (None, Some(written)) => (written?, false),
        (None, None) => return columns.first().cloned(),
    };
    if let Some(axis) = names.axes.iter().find(|axis| axis.name == name || axis.short(names.axes) == name) {
        return Some(axis.name.clone());
    }
    if !flag {
        return names.figure(&name, &section.place("sort"));
    }
    let Some((_, help)) = names.no_figure(&name) else { return Some(name) };
    let text = format!("--sort {name}");
    let axes = names.axes.iter().map(|axis| axis.name.as_str());
    let label = closest(&name, axes).map_or(help, |meant| format!("did you mean `{meant}`?"));
    let flag = crate::diagnostics::Flag { at: "--sort ".len()..text.len(), text };
    names.reader.report(Problem::flag(flag, format!("`{name}` is no column"), label));
    None
}
