//! Reads sections against their lists of keys, collecting every problem instead of stopping at the first.
//!
//! A key list states a key's kind, default and meaning once; the reader, `--effective`, `sim list` and the JSON Schema all
//! take them from there. A default is written as the user would write it and read the same way.

use super::keys::{Fallback, Key, Keys, Kind};
use super::tree::{Entry, Node, Value};
use crate::diagnostics::Problem;
use crate::diagnostics::closest;
use crate::diagnostics::units;
use crate::units::{Phase, Span};
use std::cell::RefCell;
use std::ops::Range;

/// One value of a scenario as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// Its path, as in `--set`.
    pub path: String,
    /// As TOML.
    pub value: String,
    /// Where it stands in the text; `None`: it is a default.
    pub at: Option<Range<usize>>,
}

/// What all sections of one text share.
pub(crate) struct Reader<'a> {
    text: &'a str,
    problems: RefCell<Vec<Problem>>,
    effective: RefCell<Vec<Effective>>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, problems: RefCell::new(Vec::new()), effective: RefCell::new(Vec::new()) }
    }

    /// Has anything been reported?
    pub(crate) fn is_wrong(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    pub(crate) fn report(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    pub(crate) fn finish(self) -> (Vec<Problem>, Vec<Effective>) {
        (self.problems.into_inner(), self.effective.into_inner())
    }

    pub(super) fn line_of(&self, at: usize) -> usize {
        crate::diagnostics::line_of(self.text, at)
    }

    fn note(&self, path: String, value: &Node) {
        let text = value.inline();
        self.effective.borrow_mut().push(Effective { path, value: text, at: Some(value.at.clone()) });
    }

    fn note_default(&self, path: String, literal: &str) {
        self.effective.borrow_mut().push(Effective { path, value: literal.to_owned(), at: None });
    }
}

/// A table of the scenario that is being read.
pub(crate) struct Section<'a> {
    pub(crate) reader: &'a Reader<'a>,
    keys: &'static Keys,
    entries: &'a [Entry],
    /// Where it begins: its key or header.
    pub(crate) at: Range<usize>,
    /// Its path, as in `--set`.
    pub(super) path: String,
    /// Its name in messages: `[[pool]] "chat"`.
    pub(super) title: String,
    /// Its path without the names and numbers of list items, as a header has it.
    header: String,
}

const NOTHING: &[Entry] = &[];

impl<'a> Section<'a> {
    /// Opens a table; unknown keys and a value that is no table are reported at once.
    pub(crate) fn open(
        reader: &'a Reader<'a>,
        keys: &'static Keys,
        node: &'a Node,
        at: Range<usize>,
        path: String,
        title: String,
    ) -> Self {
        let entries = match &node.value {
            Value::Table(entries) => entries.as_slice(),
            _ => {
                reader.report(
                    Problem::error(
                        node.at.clone(),
                        format!("{title} is {} where a table is wanted", node.kind()),
                        "not a table",
                    )
                    .help(format!(
                        "write its keys as in `{{ {} = ... }}`",
                        keys.keys.first().map_or("key", |key| key.name)
                    )),
                );
                NOTHING
            }
        };
        let header = header_path(&title);
        let section = Self { reader, keys, entries, at, path, title, header };
        section.refuse_unknown();
        section
    }

    /// A section of which nothing is written: defaults only.
    pub(super) fn absent(
        reader: &'a Reader<'a>,
        keys: &'static Keys,
        at: Range<usize>,
        path: String,
        title: String,
    ) -> Self {
        let header = header_path(&title);
        Self { reader, keys, entries: NOTHING, at, path, title, header }
    }

    fn refuse_unknown(&self) {
        for entry in self.entries {
            if self.keys.keys.iter().any(|key| key.name == entry.key) {
                continue;
            }
            let mut problem = Problem::error(
                entry.key_at.clone(),
                format!("unknown key `{}`", entry.key),
                format!("not a key of {}", self.title),
            );
            problem = match closest(&entry.key, self.keys.keys.iter().map(|key| key.name)) {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem.help(format!(
                    "the keys here are {}",
                    self.keys.keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
                )),
            };
            self.reader.report(problem);
        }
    }

    /// Is it written?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The place of a key's value, or of the section where it is not written.
    pub(crate) fn place(&self, name: &str) -> Range<usize> {
        self.entry(name).map_or_else(|| self.at.clone(), |entry| entry.node.at.clone())
    }

    /// The entry of a key.
    pub(crate) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    fn key(&self, name: &str) -> &'static Key {
        self.keys
            .keys
            .iter()
            .find(|key| key.name == name)
            .unwrap_or_else(|| panic!("`{name}` stands in the list of keys of {}", self.title))
    }

    /// Reports an error at a key's value.
    pub(crate) fn wrong(
        &self,
        name: &str,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.reader.report(Problem::error(self.place(name), message, label).help(help));
    }

    /// Reports a warning at a key's value.
    pub(super) fn suspicious(
        &self,
        name: &str,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.reader.report(Problem::warning(self.place(name), message, label).help(help));
    }

    /// Reads a key's value, or its default; `None` where neither is there or the value is wrong, which is then reported.
    pub(crate) fn read<T>(&self, name: &str, parse: impl Fn(&Node) -> Result<T, String>) -> Option<T> {
        let key = self.key(name);
        let path = join(&self.path, name);
        if let Some(entry) = self.entry(name) {
            return match parse(&entry.node) {
                Ok(value) => {
                    self.reader.note(path, &entry.node);
                    Some(value)
                }
                Err(message) => {
                    self.reader.report(
                        Problem::error(entry.node.at.clone(), message, format!("value of `{name}`")).help(format!(
                            "`{name}` is {}: {}",
                            key.kind.words(),
                            key.about
                        )),
                    );
                    None
                }
            };
        }
        match key.fallback {
            Fallback::None => None,
            Fallback::Required => {
                self.reader.report(
                    Problem::error(
                        self.at.clone(),
                        format!("{} has no `{name}`", self.title),
                        format!("`{name}` is missing"),
                    )
                    .help(format!("add `{name} = {}`: {}", key.kind.example(), key.about)),
                );
                None
            }
            Fallback::Is(literal) => {
                self.reader.note_default(path, literal);
                let (node, _) = Node::parse(&format!("x = {literal}"));
                let value = &node.get("x").expect("a default is TOML").node;
                match parse(value) {
                    Ok(value) => Some(value),
                    Err(message) => panic!("the default of `{name}` is readable: {message}"),
                }
            }
        }
    }

    /// Notes what holds for a key that nobody wrote, where that follows from others.
    pub(super) fn assume(&self, name: &str, literal: &str) {
        if !self.has(name) {
            self.reader.note_default(join(&self.path, name), literal);
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.read(name, text)
    }
    pub(super) fn duration(&self, name: &str) -> Option<Span> {
        self.read(name, duration)
    }
    /// An instant of a file's own clock.
    pub(super) fn file_time(&self, name: &str) -> Option<Span> {
        self.read(name, file_time)
    }
    /// A duration above zero.
    pub(super) fn some_time(&self, name: &str) -> Option<Span> {
        self.read(name, |node| match duration(node)? {
            Span::ZERO => Err("zero is no time at all; it must be above 0".to_owned()),
            span => Ok(span),
        })
    }
    /// A duration or a word for none: the inner `None`.
    pub(super) fn duration_or(&self, name: &str, word: &'static str) -> Option<Option<Span>> {
        self.read(name, |node| match &node.value {
            Value::Text(text) if text == word => Ok(None),
            _ => duration(node).map(Some).map_err(|message| format!("{message}; or write \"{word}\"")),
        })
    }
    pub(super) fn phase(&self, name: &str) -> Option<Phase> {
        self.duration_or(name, "random").map(|at| at.map_or(Phase::Random, Phase::At))
    }
    pub(super) fn rate(&self, name: &str) -> Option<f64> {
        self.read(name, |node| quoted(node, units::rate, "40/s"))
    }
    pub(crate) fn share(&self, name: &str) -> Option<f64> {
        self.read(name, |node| quoted(node, units::share, "70%"))
    }
    pub(super) fn cpu(&self, name: &str) -> Option<u64> {
        self.read(name, |node| quoted(node, units::cpu_millis, "500m"))
    }
    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.read(name, |node| match &node.value {
            Value::Number(number) if number == "0" => Ok(0),
            _ => quoted(node, units::bytes, "512Mi"),
        })
    }
    pub(super) fn price(&self, name: &str) -> Option<f64> {
        self.read(name, |node| quoted(node, units::price, "$0.80/h"))
    }
    pub(super) fn clock(&self, name: &str) -> Option<Span> {
        self.read(name, |node| match &node.value {
            Value::Date(date) => units::clock(date),
            _ => quoted(node, units::clock, "08:30"),
        })
    }
    /// A number within bounds, `least` included.
    pub(super) fn number_from(&self, name: &str, least: f64, above: bool) -> Option<f64> {
        self.read(name, |node| {
            let value = number(node)?;
            if value < least || (above && value <= least) {
                let word = if above { "above" } else { "at least" };
                return Err(format!("{value} is too small; it must be {word} {least}"));
            }
            Ok(value)
        })
    }
    pub(crate) fn whole(&self, name: &str) -> Option<u64> {
        self.read(name, whole)
    }
    /// A whole number that fits a count of replicas.
    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        self.read(name, count)
    }
    /// A whole number or a word for no bound: the inner `None`.
    pub(super) fn whole_or(&self, name: &str, word: &'static str) -> Option<Option<u64>> {
        self.read(name, |node| match &node.value {
            Value::Text(text) if text == word => Ok(None),
            _ => whole(node).map(Some).map_err(|message| format!("{message}; or write \"{word}\"")),
        })
    }
    pub(super) fn yes(&self, name: &str) -> Option<bool> {
        self.read(name, |node| match &node.value {
            Value::Bool(yes) => Ok(*yes),
            _ => Err(format!("{} where true or false is wanted", node.kind())),
        })
    }
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        self.read(name, |node| {
            let word = text(node)?;
            choices.iter().find(|(choice, _)| *choice == word).map(|&(_, value)| value).ok_or_else(|| {
                let all: Vec<String> = choices.iter().map(|(choice, _)| format!("\"{choice}\"")).collect();
                let meant = closest(&word, choices.iter().map(|(choice, _)| *choice))
                    .map_or(String::new(), |meant| format!("; did you mean \"{meant}\"?"));
                format!("`{word}` is none of {}{meant}", all.join(", "))
            })
        })
    }
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        self.read(name, |node| match &node.value {
            Value::List(items) => items.iter().map(text).collect(),
            _ => Err(format!("{} where a list of texts is wanted", node.kind())),
        })
    }
    /// A table of texts.
    pub(super) fn map(&self, name: &str) -> Option<Vec<(String, String)>> {
        self.read(name, |node| match &node.value {
            Value::Table(entries) => entries.iter().map(|entry| Ok((entry.key.clone(), text(&entry.node)?))).collect(),
            _ => Err(format!("{} where a table of texts is wanted", node.kind())),
        })
    }

    /// The table under a key; all defaults where it is not written.
    pub(crate) fn table(&self, name: &str) -> Section<'a> {
        let Kind::Table(keys) = self.key(name).kind else { panic!("`{name}` is a table of {}", self.title) };
        let title = self.inner_title(name);
        match self.entry(name) {
            Some(entry) => {
                Section::open(self.reader, keys, &entry.node, entry.key_at.clone(), join(&self.path, name), title)
            }
            None => Section::absent(self.reader, keys, self.at.clone(), join(&self.path, name), title),
        }
    }

    /// The table under a key of a table or a word; all defaults where it is not written.
    pub(super) fn table_or(&self, name: &str) -> Section<'a> {
        let Kind::TableOr(keys, _) = self.key(name).kind else {
            panic!("`{name}` is a table or a word of {}", self.title)
        };
        let path = join(&self.path, name);
        let title = self.inner_title(name);
        match self.entry(name) {
            Some(entry) => Section::open(self.reader, keys, &entry.node, entry.key_at.clone(), path, title),
            None => Section::absent(self.reader, keys, self.at.clone(), path, title),
        }
    }

    /// The table under a key, reported where it is missing.
    pub(super) fn required_table(&self, name: &str) -> Option<Section<'a>> {
        if !self.has(name) {
            self.reader.report(
                Problem::error(
                    self.at.clone(),
                    format!("{} has no `{name}`", self.title),
                    format!("`{name}` is missing"),
                )
                .help(format!("add `{name} = {{ ... }}`: {}", self.key(name).about)),
            );
            return None;
        }
        Some(self.table(name))
    }

    /// The table under a key, if it is written.
    pub(crate) fn table_if(&self, name: &str) -> Option<Section<'a>> {
        self.has(name).then(|| self.table(name))
    }

    /// The tables of a list; each is addressed by its `name` where it has one, else by its number.
    pub(crate) fn tables(&self, name: &str) -> Vec<Section<'a>> {
        let Kind::Tables(keys) = self.key(name).kind else { panic!("`{name}` is a list of tables of {}", self.title) };
        let Some(entry) = self.entry(name) else { return Vec::new() };
        let Value::List(items) = &entry.node.value else {
            self.reader.report(
                Problem::error(
                    entry.node.at.clone(),
                    format!("`{name}` is {} where a list is wanted", entry.node.kind()),
                    "not a list",
                )
                .help(if self.path.is_empty() {
                    format!("write `[[{name}]]` with two brackets")
                } else {
                    format!("write `{name} = [{{ ... }}]`")
                }),
            );
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let called = item.get("name").and_then(|entry| match &entry.node.value {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            });
            let address = called.clone().unwrap_or_else(|| number.to_string());
            let title = match (&called, self.path.is_empty()) {
                (Some(called), true) => format!("[[{name}]] \"{called}\""),
                (None, true) => format!("[[{name}]] number {}", number + 1),
                (Some(called), false) => format!("[[{}]] \"{called}\"", join(&self.header, name)),
                (None, false) => format!("[[{}]] number {}", join(&self.header, name), number + 1),
            };
            let at = header_of(self.reader.text, item);
            let path = join(&join(&self.path, name), &address);
            sections.push(Section::open(self.reader, keys, item, at, path, title));
        }
        sections
    }

    /// The one key that is written of a choice: its name and its section. Two at once, or none where one is required, are
    /// reported. A default is returned with an absent section.
    pub(super) fn one_of(&self, name: &str) -> Option<Choice<'a>> {
        let key = self.key(name);
        let Kind::OneOf(kinds) = key.kind else { panic!("`{name}` is a choice of {}", self.title) };
        let path = join(&self.path, name);
        let title = self.inner_title(name);
        let Some(entry) = self.entry(name) else {
            return match key.fallback {
                Fallback::Is(default) => {
                    self.reader.note_default(path.clone(), &format!("{{ {default} = {{}} }}"));
                    let at = self.at.clone();
                    Some(Choice { kind: default, inside: Section::absent(self.reader, kinds, at, path, title) })
                }
                Fallback::Required => {
                    self.reader.report(
                        Problem::error(
                            self.at.clone(),
                            format!("{} has no `{name}`", self.title),
                            format!("`{name}` is missing"),
                        )
                        .help(format!("add one of {}", choices(name, kinds))),
                    );
                    None
                }
                Fallback::None => None,
            };
        };
        self.chosen(name, kinds, &entry.node, entry.key_at.clone(), path, title)
    }

    /// As [`Section::one_of`] for an item of a list of rate shapes.
    pub(super) fn shape_in(&self, item: &'a Node, name: &str, number: usize) -> Option<Choice<'a>> {
        let path = join(&join(&self.path, name), &number.to_string());
        let title = format!("part {} of `{name}`", number + 1);
        self.chosen("rate", self.keys, item, item.at.clone(), path, title)
    }

    fn chosen(
        &self,
        name: &str,
        kinds: &'static Keys,
        node: &'a Node,
        at: Range<usize>,
        path: String,
        title: String,
    ) -> Option<Choice<'a>> {
        let inside = Section::open(self.reader, kinds, node, at.clone(), path, title);
        let Value::Table(entries) = &node.value else { return None };
        let known: Vec<&Entry> =
            entries.iter().filter(|entry| kinds.keys.iter().any(|key| key.name == entry.key)).collect();
        match known.as_slice() {
            [one] => {
                let kind = kinds.keys.iter().find(|key| key.name == one.key).expect("it was found just now").name;
                Some(Choice { kind, inside })
            }
            [] => {
                if entries.is_empty() {
                    self.reader.report(
                        Problem::error(at, format!("`{name}` of {} names no kind", self.title), "empty")
                            .help(format!("write one of {}", choices(name, kinds))),
                    );
                }
                None
            }
            [first, second, ..] => {
                self.reader.report(
                    Problem::error(
                        second.key_at.clone(),
                        format!(
                            "two kinds of `{name}` at once in {}: `{}` and `{}`",
                            self.title, first.key, second.key
                        ),
                        "the second",
                    )
                    .beside(first.key_at.clone(), "the first")
                    .help("keep one of them"),
                );
                None
            }
        }
    }

    /// `[pool.scaler.hpa]`: as its header would be written.
    fn inner_title(&self, name: &str) -> String {
        format!("[{}]", join(&self.header, name))
    }
}

/// The kind that was chosen.
pub(super) struct Choice<'a> {
    pub(super) kind: &'static str,
    /// The section in which the kinds are the keys.
    pub(super) inside: Section<'a>,
}

fn choices(name: &str, kinds: &Keys) -> String {
    kinds.keys.iter().map(|key| format!("`{name}.{}`", key.name)).collect::<Vec<_>>().join(", ")
}

/// `[[pool]]` above an element of an array of tables, or the element itself.
fn header_of(text: &str, node: &Node) -> Range<usize> {
    let end = text[node.at.start..].find('\n').map_or(text.len(), |offset| node.at.start + offset);
    node.at.start..end.min(node.at.end).max(node.at.start)
}

/// The path within the brackets of a title; nothing for the scenario itself.
fn header_path(title: &str) -> String {
    let inside = title.trim_start_matches('[').split(']').next().unwrap_or("");
    if title.starts_with('[') { inside.to_owned() } else { String::new() }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(super) fn text(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(format!("{} where text is wanted", node.kind())),
    }
}

/// Nothing a scenario speaks of lasts longer: sums and multiples of a few of these fit into the clock.
const LONGEST: Span = Span::from_secs(3_650 * 86_400);

pub(super) fn duration(node: &Node) -> Result<Span, String> {
    quoted(
        node,
        |text| match units::duration(text)? {
            span if span > LONGEST => Err(format!("`{text}` is longer than ten years; write at most \"3650d\"")),
            span => Ok(span),
        },
        "90s",
    )
}

/// A time of a trace's own clock, which may count from 1970.
fn file_time(node: &Node) -> Result<Span, String> {
    quoted(node, units::duration, "90s")
}

pub(super) fn quoted<T>(node: &Node, parse: impl Fn(&str) -> Result<T, String>, example: &str) -> Result<T, String> {
    match &node.value {
        Value::Text(text) => parse(text),
        Value::Number(number) => {
            Err(format!("{number} has no unit; write it as text with its unit, such as \"{example}\""))
        }
        _ => Err(format!("{} where text such as \"{example}\" is wanted", node.kind())),
    }
}

pub(super) fn number(node: &Node) -> Result<f64, String> {
    match &node.value {
        Value::Number(number) => match number.replace('_', "").parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!("{number} is not a finite number")),
        },
        Value::Text(text) => {
            Err(format!("\"{text}\" where a bare number is wanted; leave the quotes and the unit out"))
        }
        _ => Err(format!("{} where a number is wanted", node.kind())),
    }
}

pub(super) fn whole(node: &Node) -> Result<u64, String> {
    let Value::Number(number) = &node.value else {
        return Err(format!("{} where a whole number is wanted", node.kind()));
    };
    number.replace('_', "").parse::<u64>().map_err(|_| format!("{number} is not a whole number of 0 or more"))
}

pub(super) fn count(node: &Node) -> Result<u32, String> {
    let value = whole(node)?;
    u32::try_from(value)
        .ok()
        .filter(|&count| count <= 1_000_000)
        .ok_or_else(|| format!("{value} is more than 1,000,000"))
}
