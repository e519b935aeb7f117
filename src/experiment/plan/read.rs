//! Reads plan files: all problems at once, each under the user's line.

use super::Plan;
use crate::diagnostics::{Problem, Problems, Source, units};
use crate::experiment::axes::{Axis, Values, ZIP, check_alone, check_values, read_axes, read_zip};
use crate::experiment::figures::{Better, FigureKey};
use crate::experiment::sweep::read::{Names, check_axes, check_grid, read_base, some_seeds};
use crate::experiment::sweep::{ParetoSpec, Places, ReportSpec, Sweep};
use crate::scenario;
use crate::scenario::keys::{Fallback, Key, Keys, Kind, OBJECTIVE};
use crate::scenario::reader::{Reader, Section};
use crate::scenario::tree::{Node, Value};
use crate::scenario::{Loaded, Scenario};
use std::ops::Range;

/// Keys of a plan file.
pub static PLAN: Keys = Keys {
    keys: &[
        key("name", Kind::Name, Fallback::None, "output folder; the file's name where it is not written"),
        key("base", Kind::File, Fallback::Required, "the scenario that everything else changes"),
        key("seed", Kind::Whole, Fallback::None, "first seed; the base's where it is not written"),
        key("seeds", Kind::Whole, Fallback::Is("10"), "the first batch: runs of a candidate that has not failed"),
        key("max_seeds", Kind::Whole, Fallback::Is("200"), "runs after which a candidate stays undecided"),
        key("minimize", Kind::Text, Fallback::Is("\"cost\""), "a figure of which less is better"),
        key(
            "holds_in",
            Kind::Text,
            Fallback::Is("\"90% of seeds\""),
            "share of seeds in which every objective must be met",
        ),
        key("confidence", Kind::Share, Fallback::Is("\"95%\""), "how sure that must be"),
        key("search", Kind::Changes, Fallback::None, "key paths and their values"),
        key("zip", Kind::Tables(&ZIP), Fallback::None, "values that move together: one axis"),
        key("objective", Kind::Tables(&OBJECTIVE), Fallback::None, "what must hold; replaces those of the base"),
        key("stress", Kind::Changes, Fallback::None, "`load` and key paths that the recommendation is tried with"),
    ],
};

const fn key(name: &'static str, kind: Kind, fallback: Fallback, about: &'static str) -> Key {
    Key { name, kind, fallback, about }
}

/// What the command line says in place of the file.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Overrides of the base.
    pub sets: Vec<String>,
    /// First seed.
    pub seed: Option<u64>,
    /// The first batch.
    pub seeds: Option<u32>,
}

/// Reads a plan and its base.
///
/// # Errors
/// All problems of the plan file and of the base at once, by file.
pub fn read_plan(source: &Source, options: &PlanOptions) -> Result<Plan, Vec<Problems>> {
    let (tree, syntax) = Node::parse(&source.text);
    if !syntax.is_empty() {
        return Err(vec![Problems::new(source.clone(), syntax)]);
    }
    let reader = Reader::new(&source.text);
    let top = Section::open(&reader, &PLAN, &tree, 0..0, String::new(), "the plan".to_owned());
    let mut wrong = Vec::new();
    let base = match read_base(&top, source, &options.sets) {
        Some((base, Ok(loaded))) => with_objectives(&top, source, base, loaded, options),
        Some((_, Err(problems))) => {
            wrong.push(problems);
            None
        }
        None => None,
    };
    let draft = read_rest(&reader, &top, source, options, base.as_ref());
    if let (Some(draft), Some(base)) = (&draft, &base) {
        check_values(&reader, &base.source, &base.sets, &draft.stress, |_| true);
    }
    let (problems, _) = reader.finish();
    if !problems.is_empty() {
        wrong.insert(0, Problems::new(source.clone(), problems));
    }
    match (draft, base) {
        (Some(draft), Some(base)) if wrong.is_empty() => Ok(draft.with(source.clone(), base, options)),
        _ => Err(wrong),
    }
}

/// The base with the objectives of the plan.
struct Base {
    source: Source,
    sets: Vec<String>,
    loaded: Loaded,
}

/// An objective as an override of the base writes it.
fn inline(section: &Section<'_>, text: &str) -> String {
    let parts = OBJECTIVE.keys.iter().filter_map(|key| {
        let entry = section.entry(key.name)?;
        Some(format!("{} = {}", key.name, text.get(entry.node.at.clone()).unwrap_or("").trim()))
    });
    format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
}

/// Puts the plan's objectives in place of the base's.
fn with_objectives(
    top: &Section<'_>,
    source: &Source,
    base: Source,
    loaded: Loaded,
    options: &PlanOptions,
) -> Option<Base> {
    let sections = top.tables("objective");
    if sections.is_empty() {
        if loaded.scenario.objectives.is_empty() {
            let problem = Problem::file("neither the plan nor its base says what must hold");
            top.reader.report(problem.help("add `[[objective]]` with `that = \"p95 <= 500ms\"`"));
        }
        return Some(Base { source: base, sets: options.sets.clone(), loaded });
    }
    let all: Vec<String> = sections.iter().map(|section| inline(section, &source.text)).collect();
    let with = |objectives: &[String]| {
        let mut sets = options.sets.clone();
        sets.push(format!("objective=[{}]", objectives.join(", ")));
        sets
    };
    let mut fine = true;
    for (section, one) in sections.iter().zip(&all) {
        let Err(problems) = scenario::load(&base, &with(std::slice::from_ref(one))) else { continue };
        for problem in problems.list.iter().filter(|problem| problem.severity == crate::diagnostics::Severity::Error) {
            fine = false;
            let words = format!("{} {}", problem.message, problem.label);
            let place = place_in(section, &source.text, &words);
            let own = Problem::error(place, problem.message.clone(), problem.label.clone());
            top.reader.report(Problem { help: problem.help.clone(), ..own });
        }
    }
    if !fine {
        return None;
    }
    let sets = with(&all);
    match scenario::load(&base, &sets) {
        Ok(loaded) => Some(Base { source: base, sets, loaded }),
        Err(problems) => {
            for problem in problems.list {
                top.reader.report(Problem::error(sections[0].at.clone(), problem.message, "these objectives together"));
            }
            None
        }
    }
}

/// The value of the key that a problem's words name, else one that they repeat, else that of `that`.
fn place_in(section: &Section<'_>, text: &str, words: &str) -> Range<usize> {
    let keys = OBJECTIVE.keys.iter().filter(|key| section.has(key.name));
    let named = keys.clone().find(|key| words.contains(&format!("`{}`", key.name)));
    let repeats = |name: &str| {
        let value = section.entry(name).and_then(|entry| text.get(entry.node.at.clone()));
        value.is_some_and(|value| value.starts_with(['"', '\'']) && words.contains(&value.replace('\'', "\"")))
    };
    let repeated = || keys.clone().find(|key| repeats(key.name));
    named.or_else(repeated).map_or_else(
        || if section.has("that") { section.place("that") } else { section.at.clone() },
        |key| section.place(key.name),
    )
}

/// Everything but the base.
struct Draft {
    name: String,
    seed: Option<u64>,
    seeds: u32,
    max_seeds: u32,
    minimize: String,
    holds_in: f64,
    confidence: f64,
    axes: Vec<Axis>,
    stress_loads: Vec<f64>,
    stress: Vec<Axis>,
}

impl Draft {
    fn with(self, source: Source, base: Base, options: &PlanOptions) -> Plan {
        let Base { source: base, sets, loaded } = base;
        let report = ReportSpec {
            columns: vec![self.minimize.clone()],
            sort: self.minimize.clone(),
            heatmaps: Vec::new(),
            pareto: Some(ParetoSpec { cost: self.minimize.clone(), against: against(&loaded.scenario), color: None }),
        };
        let grid = Sweep {
            name: self.name,
            source,
            base,
            sets,
            first_seed: options.seed.or(self.seed).unwrap_or(loaded.scenario.seed),
            loaded,
            seeds: self.seeds,
            precision: None,
            max_seeds: self.max_seeds,
            axes: self.axes,
            sample: None,
            report,
            places: Places::default(),
        };
        Plan {
            grid,
            sets: options.sets.clone(),
            minimize: self.minimize,
            holds_in: self.holds_in,
            confidence: self.confidence,
            stress_loads: self.stress_loads,
            stress: self.stress,
        }
    }
}

/// The figure that candidates are drawn over, beside what they cost.
fn against(base: &Scenario) -> String {
    if base.objectives.iter().any(|objective| objective.share_of_time.is_some()) {
        return "good_time".to_owned();
    }
    let named = |that: &str| that.split(['<', '>', '=', ' ']).next().unwrap_or("").to_owned();
    let first =
        base.objectives.iter().map(|objective| named(&objective.that)).find(|name| FigureKey::of(name).is_some());
    first.unwrap_or_else(|| "objectives".to_owned())
}

fn read_rest(
    reader: &Reader<'_>,
    top: &Section<'_>,
    source: &Source,
    options: &PlanOptions,
    base: Option<&Base>,
) -> Option<Draft> {
    let name = top.name("name").or_else(|| (!top.has("name")).then(|| scenario::stem(&source.name)));
    let seed = top.has("seed").then(|| top.whole("seed"));
    let max_seeds = some_seeds(top, "max_seeds");
    let seeds = some_seeds(top, "seeds").map(|seeds| options.seeds.unwrap_or(seeds));
    let mut axes = read_axes(reader, top, "search", &source.text, true);
    axes.extend(top.tables("zip").iter().filter_map(|section| read_zip(reader, section, &source.text)));
    check_axes(reader, top, ("plan", "search"), &axes, &options.sets);
    check_grid(reader, top, "search", &axes, seeds.unwrap_or(1));
    let minimize = read_minimize(reader, top, &axes, base.map(|base| &base.loaded.scenario));
    let holds_in = top.read("holds_in", holds_in);
    let confidence = top.share("confidence");
    if let Some(confidence) = confidence
        && !(0.5..1.0).contains(&confidence)
    {
        let help = "write a share such as \"95%\"";
        top.wrong("confidence", "a confidence lies from 50% to below 100%", "out of range", help);
    }
    let (stress_loads, stress) = read_stress(reader, top, source);
    if let Some(max_seeds) = max_seeds {
        check_provable(top, max_seeds, holds_in, confidence);
    }
    if let Some(base) = base {
        check_alone(reader, &base.source, &base.sets, &axes);
    }
    let (seeds, max_seeds) = (seeds?, max_seeds?);
    Some(Draft {
        name: name?,
        seed: match seed {
            Some(seed) => Some(seed?),
            None => None,
        },
        seeds: seeds.min(max_seeds),
        max_seeds,
        minimize: minimize?,
        holds_in: holds_in?,
        confidence: confidence?,
        axes,
        stress_loads,
        stress,
    })
}

/// `90% of seeds`.
fn holds_in(node: &Node) -> Result<f64, String> {
    let Value::Text(text) = &node.value else { return Err(format!("{} where text is wanted", node.kind())) };
    let share = text.trim().strip_suffix("of seeds").map(str::trim_end);
    let Some(share) = share else { return Err(format!("`{text}` is no share of seeds, such as \"90% of seeds\"")) };
    let share = units::share(share)?;
    if share > 0.0 && share < 1.0 {
        return Ok(share);
    }
    Err("no number of seeds proves more than a share between 0% and 100%".to_owned())
}

/// Can as many seeds as are allowed prove anything?
fn check_provable(top: &Section<'_>, max_seeds: u32, holds_in: Option<f64>, confidence: Option<f64>) {
    let (Some(holds_in), Some(confidence)) = (holds_in, confidence) else { return };
    if !(0.5..1.0).contains(&confidence) {
        return;
    }
    // If all of n hold, the bound is the n-th root of what the confidence leaves over.
    let fewest = ((1.0 - confidence).ln() / holds_in.ln()).floor() + 1.0;
    if fewest <= f64::from(max_seeds) {
        return;
    }
    let key = if top.has("max_seeds") { "max_seeds" } else { "holds_in" };
    top.wrong(
        key,
        format!("{max_seeds} seeds cannot prove this: it takes {fewest} that all hold"),
        "nothing could be recommended",
        format!("write `max_seeds = {}`, or ask for less", (fewest / 50.0).ceil() * 50.0),
    );
}

fn read_minimize(reader: &Reader<'_>, top: &Section<'_>, axes: &[Axis], base: Option<&Scenario>) -> Option<String> {
    let name = top.text("minimize")?;
    let free = base.is_some_and(|base| base.pools.iter().all(|pool| pool.price_usd_per_hour == 0.0));
    if free && name.contains("cost") {
        let message = "no pool of the base has a price, so all candidates cost the same";
        let help = "give the base `price = \"$0.80/h\"`, or write `minimize = \"replica_hours\"`";
        if top.has("minimize") {
            top.wrong("minimize", message, "nothing to compare", help);
        } else {
            reader.report(Problem::file(message).help(help));
        }
        return None;
    }
    if !top.has("minimize") {
        return Some(name);
    }
    let at = top.place("minimize");
    let name = Names { reader, axes, base }.figure(&name, &at)?;
    let key = FigureKey::of(&name)?;
    if key.better != Better::Lower {
        let why = if key.better == Better::Higher { "more of it is better" } else { "neither direction is better" };
        let problem = Problem::error(at, format!("`{name}` is not to be minimized: {why}"), "not a cost");
        reader.report(
            problem.help("take a figure such as `cost` or `replica_hours`, and state the others as objectives"),
        );
        return None;
    }
    Some(name)
}

/// Multiples of the load, and other paths.
fn read_stress(reader: &Reader<'_>, top: &Section<'_>, source: &Source) -> (Vec<f64>, Vec<Axis>) {
    let mut axes = read_axes(reader, top, "stress", &source.text, true);
    let Some(place) = axes.iter().position(|axis| axis.name == "load") else { return (Vec::new(), axes) };
    let load = axes.remove(place);
    let Some(Values::List(given)) = load.paths.first().map(|path| &path.values) else { return (Vec::new(), axes) };
    let mut loads = Vec::new();
    for value in given {
        match value.toml.parse::<f64>() {
            Ok(multiple) if multiple.is_finite() && multiple > 0.0 => loads.push(multiple),
            _ => reader.report(
                Problem::error(value.at.clone(), format!("{} is no multiple of the load", value.label), "not a number")
                    .help("write numbers above 0: `load = [1.2, 1.5, 2.0]`"),
            ),
        }
    }
    (loads, axes)
}
