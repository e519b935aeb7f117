//! Axes: key paths of a scenario and the values that they take, as `[axes]`, `[search]` and `[[zip]]` state them.
//!
//! A path is the same as in `--set`, and its values are put in place the same way, so a wrong path or value earns the
//! same words, here under the user's line of the sweep file.

use super::values::{Range as ValueRange, Steps, Written};
use crate::diagnostics::{Problem, Severity, Source};
use crate::scenario;
use crate::scenario::keys::{Fallback, Key, Keys, Kind};
use crate::scenario::reader::{Reader, Section};
use crate::scenario::tree::{Entry, Node, Value};
use std::ops::Range;

/// Points that a grid or a sample can have.
pub const MOST_POINTS: u128 = 1_000_000;

static RANGE: Keys = Keys {
    keys: &[
        Key { name: "from", kind: Kind::Text, fallback: Fallback::Required, about: "the first value" },
        Key { name: "to", kind: Kind::Text, fallback: Fallback::Required, about: "no value is above it" },
        Key { name: "step", kind: Kind::Text, fallback: Fallback::None, about: "from one value to the next" },
        Key {
            name: "points",
            kind: Kind::Whole,
            fallback: Fallback::None,
            about: "number of values, both ends included",
        },
        Key {
            name: "scale",
            kind: Kind::Word(&["linear", "log"]),
            fallback: Fallback::Is("\"linear\""),
            about: "equal distances, or equal ratios",
        },
    ],
};

/// A value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// As TOML.
    pub toml: String,
    /// In a table.
    pub label: String,
    /// Where it stands in the file.
    pub at: Range<usize>,
}

/// The values of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These.
    List(Vec<Given>),
    /// Everything between two ends: for samples.
    Between(ValueRange, Range<usize>),
}

/// A part of a path, and the key that it stands in.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    /// Where it begins within the path.
    begin: usize,
    length: usize,
    at: Range<usize>,
}

/// A path and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// `pool.chat.scaler.hpa.cpu`.
    pub path: String,
    parts: Vec<Part>,
    /// Its values.
    pub values: Values,
}

impl Path {
    /// Where a stretch of the path stands in the file.
    pub fn place(&self, within: Range<usize>) -> Range<usize> {
        let part = self.parts.iter().rev().find(|part| part.begin <= within.start).or_else(|| self.parts.first());
        let part = part.expect("a path has a part");
        // A quoted key is wider than its text by its quotes.
        let quote = part.at.len().saturating_sub(part.length) / 2;
        let start = part.at.start + quote + (within.start - part.begin).min(part.length);
        start..(start + within.len()).min(part.at.end - quote).max(start + 1)
    }

    /// Where the part of a flag `--set path=value` stands in the file: in the key, or at the value.
    pub(super) fn place_of_flag(&self, value: Range<usize>, at: &Range<usize>) -> Option<Range<usize>> {
        let begin = "--set ".len();
        if at.end <= begin + self.path.len() {
            return Some(self.place(at.start.checked_sub(begin)?..at.end - begin));
        }
        Some(value)
    }

    /// Where the whole key stands.
    pub fn key_at(&self) -> Range<usize> {
        self.parts.last().map_or(0..0, |part| part.at.clone())
    }
}

/// Values of a path that are read alone; what is wrong with a thousand is seen from the first ones.
const TRIED_ALONE: usize = 50;

/// One axis: a path, or several that move together.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its path, or the name of the zip.
    pub name: String,
    /// What it sets.
    pub paths: Vec<Path>,
    /// Its values as a table shows them; empty where a sample draws them.
    pub labels: Vec<String>,
    /// Where it stands in the file.
    pub at: Range<usize>,
}

impl Axis {
    /// The last parts of its path, as many as it takes to differ from all others.
    pub fn short(&self, all: &[Self]) -> String {
        let parts: Vec<&str> = self.name.split('.').collect();
        let tail = |name: &str, count: usize| {
            let parts: Vec<&str> = name.split('.').collect();
            parts[parts.len().saturating_sub(count)..].join(".")
        };
        (2..parts.len())
            .map(|count| tail(&self.name, count))
            .find(|short| {
                let count = short.split('.').count();
                all.iter().filter(|other| other.name != self.name).all(|other| tail(&other.name, count) != *short)
            })
            .unwrap_or_else(|| self.name.clone())
    }
}

/// Reads every value with the base, one at a time, and reports what the base refuses, as far as it is to be kept.
pub(super) fn check_values(
    reader: &Reader<'_>,
    base: &Source,
    sets: &[String],
    axes: &[Axis],
    keep: impl Fn(&Problem) -> bool,
) {
    for path in axes.iter().flat_map(|axis| &axis.paths) {
        let Values::List(given) = &path.values else { continue };
        let mut said: Vec<Range<usize>> = Vec::new();
        for value in given.iter().take(TRIED_ALONE) {
            let set = format!("{}={}", path.path, value.toml);
            let sets: Vec<String> = sets.iter().chain([&set]).cloned().collect();
            let Err(problems) = scenario::load(base, &sets) else { continue };
            for problem in problems.list {
                if problem.severity != Severity::Error || !keep(&problem) {
                    continue;
                }
                let own = problem.flag.as_ref().filter(|flag| flag.text.strip_prefix("--set ") == Some(set.as_str()));
                let at = own.and_then(|flag| path.place_of_flag(value.at.clone(), &flag.at));
                let at = at.unwrap_or_else(|| value.at.clone());
                // A wrong path is wrong with each of its values, and a range has one place for all of them.
                if said.contains(&at) {
                    continue;
                }
                said.push(at.clone());
                let own = Problem::error(at, problem.message, problem.label);
                reader.report(Problem { help: problem.help, ..own });
            }
        }
    }
}

/// Where a file is wrong already it has no points to be read, but its values can be read one at a time, so that what is
/// wrong with them is said as well. What stands in another line may be right with another axis, and what stands below
/// another axis may be there with its values: neither is said.
pub(super) fn check_alone(reader: &Reader<'_>, base: &Source, sets: &[String], axes: &[Axis]) {
    if !reader.is_wrong() {
        return;
    }
    let paths: Vec<String> = axes.iter().flat_map(|axis| &axis.paths).map(|path| format!("{}.", path.path)).collect();
    let is_below = |axis: &Axis| axis.paths.iter().any(|path| paths.iter().any(|other| path.path.starts_with(other)));
    let own: Vec<Axis> = axes.iter().filter(|axis| !is_below(axis)).cloned().collect();
    check_values(reader, base, sets, &own, |problem| {
        problem.flag.is_some() && !problem.label.contains("on line ") && !problem.message.contains("on line ")
    });
}

/// Reads the table of axes under a key. `whole`: a range needs steps or points.
pub(super) fn read_axes(reader: &Reader<'_>, section: &Section<'_>, key: &str, text: &str, whole: bool) -> Vec<Axis> {
    let Some(entry) = section.entry(key) else { return Vec::new() };
    read_paths(reader, entry, key, text, Demands { whole, once: true })
        .into_iter()
        .map(|path| Axis {
            name: path.path.clone(),
            labels: labels(&path.values),
            at: path.key_at(),
            paths: vec![path],
        })
        .collect()
}

fn labels(values: &Values) -> Vec<String> {
    match values {
        Values::List(all) => all.iter().map(|value| value.label.clone()).collect(),
        Values::Between(..) => Vec::new(),
    }
}

/// What the values of a path must be.
#[derive(Clone, Copy)]
struct Demands {
    /// A range needs steps or points.
    whole: bool,
    /// No value stands twice.
    once: bool,
}

fn read_paths(reader: &Reader<'_>, entry: &Entry, title: &str, text: &str, demands: Demands) -> Vec<Path> {
    let Value::Table(entries) = &entry.node.value else {
        reader.report(
            Problem::error(
                entry.node.at.clone(),
                format!("`{title}` is {} where a table is wanted", entry.node.kind()),
                "not a table",
            )
            .help("write key paths and their values: `\"pool.chat.scaler.hpa.cpu\" = [\"60%\", \"70%\"]`"),
        );
        return Vec::new();
    };
    let mut paths = Vec::new();
    let mut reading = Reading { reader, text, demands, paths: &mut paths };
    reading.below(entries, "", &[]);
    paths
}

struct Reading<'a, 'r> {
    reader: &'a Reader<'r>,
    text: &'a str,
    demands: Demands,
    paths: &'a mut Vec<Path>,
}

impl Reading<'_, '_> {
    /// `pool.chat.start.load = [...]` and `"pool.chat.start.load" = [...]` mean the same.
    fn below(&mut self, entries: &[Entry], prefix: &str, before: &[Part]) {
        for entry in entries {
            let begin = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
            let path = if prefix.is_empty() { entry.key.clone() } else { format!("{prefix}.{}", entry.key) };
            let mut parts = before.to_vec();
            parts.push(Part { begin, length: entry.key.len(), at: entry.key_at.clone() });
            let values = match &entry.node.value {
                Value::List(items) => self.list(&path, entry, items),
                Value::Table(inner) if inner.iter().any(|key| RANGE.keys.iter().any(|known| known.name == key.key)) => {
                    self.range(&path, &entry.node)
                }
                Value::Table(inner) if !inner.is_empty() && !entry.key.contains('.') => {
                    self.below(inner, &path, &parts);
                    continue;
                }
                _ => {
                    self.reader.report(
                        Problem::error(
                            entry.node.at.clone(),
                            format!("`{path}` has {} where a list of values is wanted", entry.node.kind()),
                            "not a list",
                        )
                        .help("write `[...]`, `{ from = ..., to = ..., step = ... }` or `{ from = ..., to = ..., points = 5, scale = \"log\" }`"),
                    );
                    continue;
                }
            };
            if let Some(values) = values {
                self.paths.push(Path { path, parts, values });
            }
        }
    }

    fn list(&self, path: &str, entry: &Entry, items: &[Node]) -> Option<Values> {
        if items.is_empty() {
            self.reader.report(
                Problem::error(entry.node.at.clone(), format!("`{path}` has no values"), "the grid would be empty")
                    .help("write at least one value, or leave the path out"),
            );
            return None;
        }
        let mut given: Vec<Given> = items.iter().map(|item| self.given(item)).collect();
        let twice = |given: &[Given], label: &str| given.iter().filter(|other| other.label == label).count() > 1;
        // Two tables of one kind are told apart by all that is in them.
        for number in 0..given.len() {
            if twice(&given, &given[number].label.clone()) {
                given[number].label = items[number].inline();
            }
        }
        for (number, value) in given.iter().enumerate().filter(|_| self.demands.once) {
            if let Some(first) = given[..number].iter().find(|first| first.label == value.label) {
                self.reader.report(
                    Problem::error(value.at.clone(), format!("`{path}` has the value {} twice", value.label), "again")
                        .beside(first.at.clone(), "the first")
                        .help("leave one of them out"),
                );
            }
        }
        Some(Values::List(given))
    }

    fn given(&self, item: &Node) -> Given {
        let raw = self.text.get(item.at.clone()).unwrap_or("").trim();
        let toml = if raw.is_empty() || raw.starts_with("[[") { item.inline() } else { raw.to_owned() };
        Given { toml, label: label(item), at: item.at.clone() }
    }

    fn range(&self, path: &str, node: &Node) -> Option<Values> {
        let at = node.at.clone();
        let section = Section::open(self.reader, &RANGE, node, at.clone(), path.to_owned(), format!("`{path}`"));
        let (from, to) = (section.read("from", written), section.read("to", written));
        let step = if section.has("step") { Some(section.read("step", written)?) } else { None };
        let points = if section.has("points") { Some(section.whole("points")?) } else { None };
        let log = section.choice("scale", &[("linear", false), ("log", true)])?;
        let (from, to) = (from?, to?);
        let complain = |message: String, label: &str, help: &str| {
            self.reader.report(Problem::error(at.clone(), message, label).help(help));
            None
        };
        let wrong =
            |message: String| complain(message, "this range", "give both ends in one unit, the smaller one first");
        match (step, points) {
            (Some(_), Some(_)) => {
                complain(format!("`{path}` has both `step` and `points`"), "one of them", "leave one of them out")
            }
            (Some(_), None) if log => complain(
                format!("`{path}` has a `step` on a logarithmic scale"),
                "steps are distances",
                "write `points` instead",
            ),
            (Some(step), None) => match Steps::new(&from, &to, &step) {
                Ok(steps) if steps.count > MOST_POINTS => complain(
                    format!("`{path}` has {} values", grouped(steps.count)),
                    "more than 1,000,000 points",
                    "take a larger `step`, or write `points`",
                ),
                Ok(steps) => Some(self.made(steps.values(), &at)),
                Err(message) => wrong(message),
            },
            (None, Some(points)) if !(2..=MOST_POINTS as u64).contains(&points) => complain(
                format!("`{path}` has {} points", grouped(points.into())),
                "from 2 to 1,000,000",
                "both ends of a range are points of it",
            ),
            (None, points) => match (ValueRange::new(&from, &to, log), points) {
                (Ok(range), Some(points)) => Some(self.made(range.points(points as u32), &at)),
                (Ok(_), None) if self.demands.whole => complain(
                    format!("`{path}` has neither `step` nor `points`"),
                    "which values between them?",
                    "add `step` or `points`; only a `[sample]` draws from a whole range",
                ),
                (Ok(range), None) => Some(Values::Between(range, at.clone())),
                (Err(message), _) => wrong(message),
            },
        }
    }

    fn made(&self, values: Vec<String>, at: &Range<usize>) -> Values {
        let given = |toml: String| Given { label: toml.trim_matches('"').to_owned(), toml, at: at.clone() };
        Values::List(values.into_iter().map(given).collect())
    }
}

fn written(node: &Node) -> Result<Written, String> {
    match &node.value {
        Value::Text(text) => Ok(Written { text: text.clone(), bare: false }),
        Value::Number(text) => Ok(Written { text: text.clone(), bare: true }),
        _ => Err(format!("{} where a value is wanted", node.kind())),
    }
}

fn label(node: &Node) -> String {
    match &node.value {
        Value::Text(text) => text.clone(),
        Value::Table(entries) if entries.len() == 1 => entries[0].key.clone(),
        _ => node.inline(),
    }
}

/// Digits in groups of three.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Keys of `[[zip]]`.
pub(super) static ZIP: Keys = Keys {
    keys: &[
        Key { name: "name", kind: Kind::Name, fallback: Fallback::Required, about: "the axis in tables and charts" },
        Key {
            name: "labels",
            kind: Kind::Texts,
            fallback: Fallback::None,
            about: "its values in tables; else those of the first path",
        },
        Key {
            name: "set",
            kind: Kind::Changes,
            fallback: Fallback::Required,
            about: "key paths and lists of equal length",
        },
    ],
};

/// Reads a `[[zip]]`: values that move together.
pub(super) fn read_zip(reader: &Reader<'_>, section: &Section<'_>, text: &str) -> Option<Axis> {
    let name = section.name("name");
    let labels_given = if section.has("labels") { Some(section.texts("labels")?) } else { None };
    let Some(entry) = section.entry("set") else {
        section.read("set", |_| Ok(()));
        return None;
    };
    let paths = read_paths(reader, entry, "set", text, Demands { whole: true, once: false });
    let Some(first) = paths.first() else {
        if matches!(&entry.node.value, Value::Table(inner) if inner.is_empty()) {
            section.wrong(
                "set",
                "`set` of this zip is empty",
                "nothing moves",
                "write key paths and lists of equal length",
            );
        }
        return None;
    };
    let of_first = labels(&first.values);
    for other in &paths[1..] {
        let length = labels(&other.values).len();
        if length != of_first.len() {
            reader.report(
                Problem::error(
                    other.key_at(),
                    format!("{length} values beside {} of `{}`", of_first.len(), first.path),
                    "another length",
                )
                .beside(first.key_at(), "the first path")
                .help("values that move together come in lists of equal length"),
            );
            return None;
        }
    }
    let all = match labels_given {
        Some(given) if given.len() != of_first.len() => {
            section.wrong(
                "labels",
                format!("{} labels for {} values", given.len(), of_first.len()),
                "another length",
                "write one label per value",
            );
            return None;
        }
        Some(given) => given,
        None => of_first,
    };
    if let Some(twice) = (1..all.len()).find(|&number| all[..number].contains(&all[number])) {
        let key = if section.has("labels") { "labels" } else { "set" };
        section.wrong(
            key,
            format!("two values of this zip are called {}", all[twice]),
            "nobody could tell them apart",
            "give each value a label of its own: `labels = [\"...\", ...]`",
        );
        return None;
    }
    Some(Axis { name: name?, paths, labels: all, at: section.place("name") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str) -> Axis {
        Axis { name: name.to_owned(), paths: Vec::new(), labels: Vec::new(), at: 0..0 }
    }

    #[test]
    fn short_names_are_as_long_as_they_must_be() {
        let all = ["pool.chat.scaler.hpa.cpu", "pool.rank.scaler.hpa.cpu", "pool.chat.start.load", "metrics", "seed"];
        let all = all.map(axis);
        let short: Vec<String> = all.iter().map(|axis| axis.short(&all)).collect();
        assert_eq!(short, ["chat.scaler.hpa.cpu", "rank.scaler.hpa.cpu", "start.load", "metrics", "seed"]);
    }

    #[test]
    fn a_place_within_a_path_is_found_in_its_key() {
        // In `"a.bc.d"` the quote comes first; in a.bc.d each part is a key of its own.
        let quoted = Path {
            path: "a.bc.d".to_owned(),
            parts: vec![Part { begin: 0, length: 6, at: 10..18 }],
            values: Values::List(Vec::new()),
        };
        assert_eq!(quoted.place(2..4), 13..15);
        let plain = Path {
            parts: vec![
                Part { begin: 0, length: 1, at: 10..11 },
                Part { begin: 2, length: 2, at: 12..14 },
                Part { begin: 5, length: 1, at: 15..16 },
            ],
            ..quoted
        };
        assert_eq!((plain.place(2..4), plain.place(5..6), plain.key_at()), (12..14, 15..16, 15..16));
    }
}
