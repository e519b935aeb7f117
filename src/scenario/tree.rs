//! A scenario's text as a tree in which every key and every value knows its place.

use crate::diagnostics::Problem;
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml_edit::DocumentMut;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Range<usize>,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// A number as it was written: whole or not is for the key to say.
    Number(String),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key, its value, and where the key stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Range<usize>,
    pub(crate) node: Node,
}

impl Node {
    /// Reads a text. Syntax errors are returned together, with what could be read.
    pub(crate) fn parse(text: &str) -> (Self, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let problems = errors
            .iter()
            .map(|error| {
                let at = error.span().unwrap_or(0..0);
                Problem::error(at, format!("not TOML: {}", first_line(error.message())), "here")
                    .help("an inline table `{ ... }` stays on one line; text stands in double quotes")
            })
            .collect();
        let at = table.span();
        (Self { at, value: Value::Table(entries(table.get_ref())) }, problems)
    }

    /// Reads a text that is to be edited as well: what the editor cannot hold, such as a number of more than 64 bits, is a
    /// syntax error too.
    pub(super) fn parse_to_edit(text: &str) -> (Self, Vec<Problem>) {
        let (node, mut problems) = Self::parse(text);
        if problems.is_empty()
            && let Err(error) = text.parse::<DocumentMut>()
        {
            let message = format!("not TOML: {}", first_line(error.message()));
            let help = "a whole number has at most 64 bits; one with a point, such as 1e21, may be larger";
            problems.push(Problem::error(error.span().unwrap_or(0..0), message, "here").help(help));
        }
        (node, problems)
    }

    /// The value as TOML on one line, however it was written.
    pub(crate) fn inline(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("{text:?}"),
            Value::Number(text) | Value::Date(text) => text.clone(),
            Value::Bool(yes) => yes.to_string(),
            Value::List(items) => format!("[{}]", items.iter().map(Self::inline).collect::<Vec<_>>().join(", ")),
            Value::Table(entries) if entries.is_empty() => "{}".to_owned(),
            Value::Table(entries) => {
                let pairs = entries.iter().map(|entry| format!("{} = {}", entry.key, entry.node.inline()));
                format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The value of a key of a table.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    pub(crate) const fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "text",
            Value::Number(_) => "a bare number",
            Value::Bool(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("cannot be read")
}

fn entries(table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_at: key.span(),
            node: Node { at: value.span(), value: plain(value.get_ref()) },
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_at.start);
    entries
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Value::Number(whole.to_string()),
            Err(_) => Value::Number(number.as_str().to_owned()),
        },
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Value::Bool(*yes),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|item| Node { at: item.span(), value: plain(item.get_ref()) }).collect())
        }
        DeValue::Table(table) => Value::Table(entries(table)),
    }
}
