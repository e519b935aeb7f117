//! Laws as a scenario writes them: a plain value, or one law with one of its allowed sets of parameters.

use super::reader::{Section, duration, join, number};
use super::tree::{Entry, Node, Value};
use crate::diagnostics::Problem;
use crate::diagnostics::closest;
use crate::random::Law;
use std::path::Path;

/// What a law is a law of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Durations with units.
    Time,
    /// Bare numbers.
    Number,
    /// Gaps of mean 1: the mean is not written.
    Gap,
}

/// A law and the sets of parameters it may be written with.
#[derive(Debug)]
pub struct LawKeys {
    /// As it is written.
    pub name: &'static str,
    /// Sets of parameters.
    pub sets: &'static [&'static [&'static str]],
    /// One line.
    pub about: &'static str,
}

/// All laws.
pub static LAWS: &[LawKeys] = &[
    LawKeys { name: "constant", sets: &[&["value"]], about: "always this value" },
    LawKeys { name: "exponential", sets: &[&["mean"]], about: "memoryless" },
    LawKeys {
        name: "lognormal",
        sets: &[&["mean", "cv"], &["mean", "p99"], &["median", "cv"], &["median", "p99"]],
        about: "positive with a long tail, as most service times",
    },
    LawKeys { name: "gamma", sets: &[&["mean", "cv"], &["mean", "shape"]], about: "any variation with a light tail" },
    LawKeys { name: "weibull", sets: &[&["mean", "shape"], &["mean", "cv"]], about: "stretched exponential" },
    LawKeys {
        name: "pareto",
        sets: &[&["mean", "alpha"], &["min", "alpha"]],
        about: "power-law tail above a least value",
    },
    LawKeys { name: "uniform", sets: &[&["min", "max"], &["mean", "cv"]], about: "equally likely between two bounds" },
    LawKeys { name: "erlang", sets: &[&["mean", "k"]], about: "the sum of k equal exponentials" },
    LawKeys {
        name: "hyperexponential",
        sets: &[&["mean", "cv"], &["p", "mean1", "mean2"]],
        about: "one of two exponentials: more variable than one",
    },
    LawKeys { name: "two_point", sets: &[&["p", "value1", "value2"]], about: "value1 with probability p, else value2" },
    LawKeys {
        name: "empirical",
        sets: &[
            &["values"],
            &["values", "scale"],
            &["values", "weights"],
            &["values", "weights", "scale"],
            &["file", "column"],
            &["file", "column", "scale"],
        ],
        about: "drawn from measured values",
    },
];

/// Parameters that are numbers whatever the law is of.
const BARE: &[&str] = &["cv", "shape", "alpha", "k", "p", "scale"];

impl Section<'_> {
    /// Reads a law; `None` where it is neither written nor has a default, or is wrong.
    pub(super) fn law(&self, name: &str, of: Of, folder: &Path) -> Option<Law> {
        let found = std::cell::RefCell::new(None);
        self.read(name, |node| {
            found.replace(self.law_of(name, node, of, folder));
            Ok(())
        })?;
        found.into_inner()
    }

    fn law_of(&self, name: &str, node: &Node, of: Of, folder: &Path) -> Option<Law> {
        let Value::Table(entries) = &node.value else {
            if of == Of::Gap {
                self.refuse(
                    node,
                    format!("`{name}` names no law"),
                    "a law is wanted",
                    "write `renewal.gamma = { cv = 2.0 }`",
                );
                return None;
            }
            return self.measure(node, of).map(Law::constant);
        };
        let (law, entry) = match entries.as_slice() {
            [entry] => match LAWS.iter().find(|law| law.name == entry.key) {
                Some(law) => (law, entry),
                None => {
                    self.unknown_law(entry);
                    return None;
                }
            },
            [] => {
                self.refuse(node, format!("`{name}` names no law"), "empty", &format!("write one of {}", law_names()));
                return None;
            }
            [_, second, ..] => {
                let help = format!("write exactly one law, as in `{name}.lognormal = {{ mean = \"80ms\", cv = 0.5 }}`");
                self.reader.report(
                    Problem::error(second.key_at.clone(), format!("`{name}` names more than one law"), "the second")
                        .help(help),
                );
                return None;
            }
        };
        let path = join(&join(&self.path, name), law.name);
        self.law_with(law, entry, &path, of, folder)
    }

    fn unknown_law(&self, entry: &Entry) {
        let problem = Problem::error(entry.key_at.clone(), format!("unknown law `{}`", entry.key), "not a law");
        self.reader.report(match closest(&entry.key, LAWS.iter().map(|law| law.name)) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help(format!("the laws are {}", law_names())),
        });
    }

    fn law_with(&self, law: &LawKeys, entry: &Entry, path: &str, of: Of, folder: &Path) -> Option<Law> {
        let Value::Table(given) = &entry.node.value else {
            if law.name == "constant" && of != Of::Gap {
                return self.measure(&entry.node, of).map(Law::constant);
            }
            self.refuse(
                &entry.node,
                format!("`{path}` is {} where its parameters are wanted", entry.node.kind()),
                "not a table",
                &format!("write {}", sets_of(law, of)),
            );
            return None;
        };
        let names: Vec<&str> = given.iter().map(|entry| entry.key.as_str()).collect();
        let set = law.sets.iter().find(|set| {
            let wanted: Vec<&str> = set.iter().copied().filter(|name| of != Of::Gap || *name != "mean").collect();
            wanted.len() == names.len() && wanted.iter().all(|name| names.contains(name))
        });
        if set.is_none() {
            self.wrong_parameters(law, entry, given, of);
            return None;
        }
        if names.contains(&"values") || names.contains(&"file") {
            return self.empirical(given, of, folder);
        }
        let mut values = Vec::new();
        for parameter in given {
            let bare = BARE.contains(&parameter.key.as_str());
            let value =
                if bare { self.measure(&parameter.node, Of::Number) } else { self.measure(&parameter.node, of) };
            values.push(value.map(|value| (parameter, value)));
        }
        let values: Vec<_> = values.into_iter().collect::<Option<_>>()?;
        let value = |name: &str| values.iter().find(|(entry, _)| entry.key == name).map(|&(_, value)| value);
        match build(law.name, &|name| value(name).or_else(|| (name == "mean" && of == Of::Gap).then_some(1.0))) {
            Ok(built) if of == Of::Gap => {
                if built.mean() > 0.0 {
                    return Some(built.rescaled_to_mean(1.0));
                }
                self.refuse(
                    &entry.node,
                    "gaps of mean 0 never let time pass".into(),
                    "mean 0",
                    "give it a positive value",
                );
                None
            }
            Ok(built) => Some(built),
            Err(error) => {
                let at = values
                    .iter()
                    .find(|(entry, _)| entry.key == error.parameter)
                    .map_or(&entry.node, |(entry, _)| &entry.node);
                self.refuse(at, error.message, "refused", &format!("the parameter sets are {}", sets_of(law, of)));
                None
            }
        }
    }

    fn wrong_parameters(&self, law: &LawKeys, entry: &Entry, given: &[Entry], of: Of) {
        let all: Vec<&str> = law.sets.iter().flat_map(|set| set.iter().copied()).collect();
        let help = format!("write {}", sets_of(law, of));
        if let Some(stranger) = given.iter().find(|entry| !all.contains(&entry.key.as_str())) {
            let help = match closest(&stranger.key, all.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => help,
            };
            let message = format!("unknown parameter `{}` of law `{}`", stranger.key, law.name);
            self.reader.report(Problem::error(stranger.key_at.clone(), message, "not a parameter").help(help));
            return;
        }
        let names: Vec<String> = given.iter().map(|entry| format!("`{}`", entry.key)).collect();
        let written = if names.is_empty() { "none".to_owned() } else { names.join(" and ") };
        let message = format!("law `{}` is not set by these parameters: {written}", law.name);
        self.reader.report(Problem::error(entry.key_at.clone(), message, "missing or one too many").help(help));
    }

    fn empirical(&self, given: &[Entry], of: Of, folder: &Path) -> Option<Law> {
        let entry = |name: &str| given.iter().find(|entry| entry.key == name);
        let scale = match entry("scale") {
            Some(entry) => self.measure(&entry.node, Of::Number)?,
            None => 1.0,
        };
        let list = |entry: &Entry, of: Of| match &entry.node.value {
            Value::List(items) => items.iter().map(|item| self.measure(item, of)).collect::<Option<Vec<f64>>>(),
            _ => {
                self.refuse(
                    &entry.node,
                    format!("`{}` is {} where a list is wanted", entry.key, entry.node.kind()),
                    "not a list",
                    "write `[...]`",
                );
                None
            }
        };
        let at = given.first()?;
        let values = match (entry("values"), entry("file"), entry("column")) {
            (Some(values), ..) => list(values, of)?,
            (None, Some(file), Some(column)) => {
                let (Value::Text(name), Value::Text(column)) = (&file.node.value, &column.node.value) else {
                    self.refuse(&file.node, "`file` and `column` are texts".into(), "not text", "write them in quotes");
                    return None;
                };
                match super::files::column_of(&folder.join(name), column) {
                    Ok(values) => values,
                    Err(message) => {
                        self.refuse(&file.node, message, "this file", "give a CSV file with that column, in seconds");
                        return None;
                    }
                }
            }
            _ => return None,
        };
        let weights = match entry("weights") {
            Some(entry) => Some(list(entry, Of::Number)?),
            None => None,
        };
        match Law::empirical(values, weights, scale) {
            Ok(law) => Some(law),
            Err(error) => {
                let at = entry(error.parameter).unwrap_or(at);
                self.refuse(&at.node, error.message, "refused", "values are 0 or more; weights are as many as values");
                None
            }
        }
    }

    fn measure(&self, node: &Node, of: Of) -> Option<f64> {
        let value = match (of, &node.value) {
            (Of::Time, _) | (Of::Gap, Value::Text(_)) => duration(node).map(crate::units::Span::as_secs_f64),
            _ => number(node).and_then(|value| {
                if value < 0.0 { Err(format!("{value} is negative; it must be 0 or more")) } else { Ok(value) }
            }),
        };
        match value {
            Ok(value) => Some(value),
            Err(message) => {
                let help =
                    if of == Of::Time { "write it with its unit, such as \"80ms\"" } else { "write a bare number" };
                self.refuse(node, message, "not understood", help);
                None
            }
        }
    }

    fn refuse(&self, node: &Node, message: String, label: &str, help: &str) {
        self.reader.report(Problem::error(node.at.clone(), message, label).help(help));
    }
}

fn law_names() -> String {
    LAWS.iter().map(|law| format!("`{}`", law.name)).collect::<Vec<_>>().join(", ")
}

fn sets_of(law: &LawKeys, of: Of) -> String {
    let sets: Vec<String> = law
        .sets
        .iter()
        .map(|set| {
            let names: Vec<&str> = set.iter().copied().filter(|name| of != Of::Gap || *name != "mean").collect();
            format!("`{}`", if names.is_empty() { "{}".to_owned() } else { names.join(" + ") })
        })
        .collect();
    sets.join(" or ")
}

fn build(name: &str, value: &dyn Fn(&str) -> Option<f64>) -> Result<Law, crate::random::LawError> {
    let get = |parameter: &str| value(parameter).unwrap_or(f64::NAN);
    let has = |parameter: &str| value(parameter).is_some();
    match name {
        "constant" => Law::constant_value(value("value").or_else(|| value("mean")).unwrap_or(1.0)),
        "exponential" => Law::exponential(get("mean")),
        "lognormal" => match (has("median"), has("cv")) {
            (true, true) => Law::lognormal_median_cv(get("median"), get("cv")),
            (true, false) => Law::lognormal_median_p99(get("median"), get("p99")),
            (false, true) => Law::lognormal_mean_cv(get("mean"), get("cv")),
            (false, false) => Law::lognormal_mean_p99(get("mean"), get("p99")),
        },
        "gamma" if has("cv") => Law::gamma_mean_cv(get("mean"), get("cv")),
        "gamma" => Law::gamma_mean_shape(get("mean"), get("shape")),
        "weibull" if has("cv") => Law::weibull_mean_cv(get("mean"), get("cv")),
        "weibull" => Law::weibull_mean_shape(get("mean"), get("shape")),
        "pareto" if has("min") => Law::pareto_min_alpha(get("min"), get("alpha")),
        "pareto" => Law::pareto_mean_alpha(get("mean"), get("alpha")),
        "uniform" if has("cv") => Law::uniform_mean_cv(get("mean"), get("cv")),
        "uniform" => Law::uniform_min_max(get("min"), get("max")),
        "erlang" => Law::erlang(get("mean"), get("k")),
        "hyperexponential" if has("p") => Law::hyperexponential(get("p"), get("mean1"), get("mean2")),
        "hyperexponential" => Law::hyperexponential_mean_cv(get("mean"), get("cv")),
        "two_point" => Law::two_point(get("p"), get("value1"), get("value2")),
        _ => panic!("`{name}` is a law of the list"),
    }
}
