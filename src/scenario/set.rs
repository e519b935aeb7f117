//! `--set path=value`, and the changes of `[[event]]`: the text is edited, its comments kept, and read again.

use super::tree::{Node, Value as Read};
use crate::diagnostics::Flag;
use crate::diagnostics::Problem;
use crate::diagnostics::closest;
use std::ops::Range;
use toml_edit::{DocumentMut, InlineTable, Item, Value};

/// A path and the value to put there.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Segments with their place in the flag's text.
    segments: Vec<(String, Range<usize>)>,
    value: Value,
    /// The text it came from: a whole flag, or empty for an event.
    flag: String,
    value_at: Range<usize>,
    /// How many segments were there before.
    existing: usize,
}

/// Why a change does not fit: the segment, and the words.
pub(super) struct Misfit {
    pub(super) segment: usize,
    pub(super) message: String,
    pub(super) label: String,
}

impl Change {
    /// Reads the text of a `--set`: `path=value`.
    pub(super) fn from_flag(text: &str) -> Result<Self, Box<Problem>> {
        let flag = format!("--set {text}");
        let begin = "--set ".len();
        let Some((path, value)) = text.split_once('=') else {
            let at = Flag { at: begin..flag.len(), text: flag };
            return Err(Box::new(Problem::flag(at, "`--set` without a value", "write it as PATH=VALUE")));
        };
        let path_text = path.trim_end();
        let segments = split(path_text, begin);
        if segments.iter().any(|(segment, _)| segment.is_empty()) {
            let at = Flag { at: begin..begin + path_text.len().max(1), text: flag };
            return Err(Box::new(Problem::flag(
                at,
                "`--set` with an empty part in its path",
                "write it as in pool.chat.replicas=3",
            )));
        }
        let value_at = begin + path.len() + 1..flag.len();
        let trimmed = value.trim();
        let value = trimmed.parse::<Value>().unwrap_or_else(|_| Value::from(trimmed));
        Ok(Self { segments, value, flag, value_at, existing: 0 })
    }

    /// A change of an event.
    pub(super) fn from_event(path: &str, node: &Node) -> Self {
        Self { segments: split(path, 0), value: edited(node), flag: String::new(), value_at: 0..0, existing: 0 }
    }

    pub(super) fn path(&self) -> Vec<&str> {
        self.segments.iter().map(|(segment, _)| segment.as_str()).collect()
    }

    /// Puts the value into the document.
    pub(super) fn apply(&mut self, document: &mut DocumentMut) -> Result<(), Misfit> {
        let mut item: &mut Item = document.as_item_mut();
        let last = self.segments.len() - 1;
        self.existing = 0;
        for (number, (segment, _)) in self.segments.iter().enumerate() {
            if item.is_array_of_tables() || item.is_array() {
                let position =
                    position(item, segment).map_err(|(message, label)| Misfit { segment: number, message, label })?;
                self.existing += 1;
                if number == last {
                    replace_element(item, position, &self.value);
                    return Ok(());
                }
                item = item.get_mut(position).expect("the element was found just now");
                continue;
            }
            let Some(table) = item.as_table_like_mut() else {
                let message = format!(
                    "`{}` is a value, not a table",
                    self.segments[..number].iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>().join(".")
                );
                return Err(Misfit { segment: number, message, label: "nothing can stand below it".to_owned() });
            };
            let known = table.contains_key(segment);
            self.existing += usize::from(known);
            if number == last {
                let mut value = self.value.clone();
                if let Some(old) = table.get(segment).and_then(Item::as_value) {
                    *value.decor_mut() = old.decor().clone();
                }
                table.insert(segment, Item::Value(value));
                return Ok(());
            }
            if !known {
                table.insert(segment, Item::Value(Value::InlineTable(InlineTable::new())));
            }
            item = table.get_mut(segment).expect("it was put there just now");
        }
        Ok(())
    }

    pub(super) fn misfit(&self, misfit: &Misfit) -> Problem {
        let at = self.segments[misfit.segment].1.clone();
        Problem::flag(Flag { text: self.flag.clone(), at }, misfit.message.clone(), misfit.label.clone())
    }

    /// If a problem speaks of what this change put there: the same problem, pointing at the flag.
    pub(super) fn claim(&self, problem: &Problem, tree: &Node) -> Option<Problem> {
        let at = problem.at.as_ref()?;
        let mut node = tree;
        for (number, (segment, place)) in self.segments.iter().enumerate() {
            let (key_at, next) = step(node, segment)?;
            let own = number >= self.existing.min(self.segments.len() - 1);
            if own && key_at.as_ref() == Some(at) {
                return Some(self.pointed(problem, place.clone()));
            }
            node = next;
        }
        (node.at.start <= at.start && at.end <= node.at.end).then(|| self.pointed(problem, self.value_at.clone()))
    }

    fn pointed(&self, problem: &Problem, at: Range<usize>) -> Problem {
        let unknown = problem.message.starts_with("unknown key");
        let message = if unknown {
            let end = self.segments.iter().position(|(_, place)| *place == at).map_or(self.segments.len(), |n| n + 1);
            format!("unknown key `{}`", self.path()[..end].join("."))
        } else {
            problem.message.clone()
        };
        let (label, help) = match (&problem.help, unknown) {
            (Some(help), true) => (help.clone(), None),
            (help, _) => (problem.label.clone(), help.clone()),
        };
        Problem {
            message,
            label,
            help,
            at: None,
            beside: None,
            flag: Some(Flag { text: self.flag.clone(), at }),
            severity: problem.severity,
        }
    }
}

fn split(path: &str, begin: usize) -> Vec<(String, Range<usize>)> {
    let mut at = begin;
    path.split('.')
        .map(|segment| {
            let place = at..at + segment.len();
            at = place.end + 1;
            (segment.trim().trim_matches('"').to_owned(), place)
        })
        .collect()
}

fn step<'n>(node: &'n Node, segment: &str) -> Option<(Option<Range<usize>>, &'n Node)> {
    match &node.value {
        Read::Table(_) => node.get(segment).map(|entry| (Some(entry.key_at.clone()), &entry.node)),
        Read::List(items) => items
            .iter()
            .find(|item| item.get("name").is_some_and(|entry| entry.node.value == Read::Text(segment.to_owned())))
            .or_else(|| segment.parse::<usize>().ok().and_then(|number| items.get(number)))
            .map(|item| (None, item)),
        _ => None,
    }
}

fn names(item: &Item) -> Vec<String> {
    let name = |item: Option<&Item>| item.and_then(Item::as_str).unwrap_or("").to_owned();
    match item {
        Item::ArrayOfTables(tables) => tables.iter().map(|table| name(table.get("name"))).collect(),
        Item::Value(Value::Array(values)) => values
            .iter()
            .map(|value| {
                value
                    .as_inline_table()
                    .and_then(|table| table.get("name"))
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .to_owned()
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn position(item: &Item, segment: &str) -> Result<usize, (String, String)> {
    let names = names(item);
    if let Some(found) = names.iter().position(|name| name == segment) {
        return Ok(found);
    }
    if let Ok(number) = segment.parse::<usize>() {
        if number < names.len() {
            return Ok(number);
        }
        return Err((format!("there is no element number {number}"), format!("there are {}", names.len())));
    }
    let known: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let label = match closest(segment, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "address it by its number, from 0".to_owned(),
        None => format!("there are {}", known.join(", ")),
    };
    Err((format!("nothing here is named `{segment}`"), label))
}

fn replace_element(item: &mut Item, position: usize, value: &Value) {
    match item {
        Item::Value(Value::Array(values)) => {
            values.replace(position, value.clone());
        }
        Item::ArrayOfTables(tables) => {
            if let (Some(table), Some(given)) = (tables.get_mut(position), value.as_inline_table()) {
                *table = given.clone().into_table();
            }
        }
        _ => {}
    }
}

fn edited(node: &Node) -> Value {
    match &node.value {
        Read::Text(text) => Value::from(text.as_str()),
        Read::Number(number) => number.parse::<Value>().unwrap_or_else(|_| Value::from(number.as_str())),
        Read::Bool(yes) => Value::from(*yes),
        Read::Date(date) => date.parse::<Value>().unwrap_or_else(|_| Value::from(date.as_str())),
        Read::List(items) => Value::Array(items.iter().map(edited).collect()),
        Read::Table(entries) => {
            let mut table = InlineTable::new();
            for entry in entries {
                table.insert(entry.key.as_str(), edited(&entry.node));
            }
            Value::InlineTable(table)
        }
    }
}

/// For each line of `new` the line of `old` that it was, if it is still the same.
pub(super) fn lines_kept(old: &str, new: &str) -> Vec<Option<usize>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut kept = Vec::with_capacity(new.len());
    let mut next = 0;
    for (number, line) in new.iter().enumerate() {
        let same = old.get(next) == Some(line);
        let inserted = !same
            && new.get(number + 1..).is_some_and(|rest| rest.iter().take(3).any(|later| old.get(next) == Some(later)));
        if same {
            kept.push(Some(next));
            next += 1;
        } else if inserted {
            kept.push(None);
        } else if let Some(skip) = old.get(next..).and_then(|rest| rest.iter().position(|later| later == line)) {
            kept.push(Some(next + skip));
            next += skip + 1;
        } else {
            kept.push(None);
            next += 1;
        }
    }
    kept
}

/// Keys that hold the path of a file, by the key above them where another key has the same name.
const PATH_KEYS: [(&str, &str); 4] =
    [("trace", "file"), ("signal", "file"), ("empirical", "file"), ("hpa", "manifest")];

/// Rewrites every file path of a scenario.
pub(super) fn rewrite_paths(document: &mut DocumentMut, rewrite: &dyn Fn(&str) -> String) {
    fn table(table: &mut dyn toml_edit::TableLike, above: &str, rewrite: &dyn Fn(&str) -> String) {
        for (key, item) in table.iter_mut() {
            let key = key.get().to_owned();
            if PATH_KEYS.contains(&(above, key.as_str()))
                && let Some(path) = item.as_str().map(rewrite)
            {
                let mut value = Value::from(path);
                if let Some(old) = item.as_value() {
                    *value.decor_mut() = old.decor().clone();
                }
                *item = Item::Value(value);
                continue;
            }
            walk(item, &key, rewrite);
        }
    }
    fn walk(item: &mut Item, key: &str, rewrite: &dyn Fn(&str) -> String) {
        match item {
            Item::ArrayOfTables(tables) => {
                for inner in tables.iter_mut() {
                    table(inner, key, rewrite);
                }
            }
            Item::Value(Value::Array(values)) => {
                for inner in values.iter_mut().filter_map(Value::as_inline_table_mut) {
                    table(inner, key, rewrite);
                }
            }
            other => {
                if let Some(inner) = other.as_table_like_mut() {
                    table(inner, key, rewrite);
                }
            }
        }
    }
    table(document.as_table_mut(), "", rewrite);
}
