//! YAML or JSON text to trees in which every key and value knows its place.
//!
//! Law: whatever the text is, the answer is trees or one [`Problem`] with its place, never a panic and never a hang: size,
//! nesting, documents and what aliases expand to are bounded. Scalars mean what they mean to the API server's own reader
//! (YAML 1.1: `yes` is true, `0755` is octal, `<<` is merged, `null` and `~` are nothing); a key that stands twice is refused.

use crate::diagnostics::Problem;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::ops::Range;

/// No manifest is longer; 10 MB of it still is.
const MOST_BYTES: usize = 16 << 20;
/// Values of all documents together: those of a large cluster's `kubectl get -A`.
const MOST_VALUES: usize = 1_000_000;
/// Documents.
const MOST_DOCUMENTS: usize = 10_000;
/// What aliases may add to the values.
const MOST_REPEATED: usize = 100_000;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Bytes of the text; of a list or table its first line.
    pub at: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a node can be.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as text.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the text.
    Table(Vec<Entry>),
}

/// A key of a table and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: Range<usize>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The value under a key; a `null` is the same as nothing.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of a key; a `null` is the same as nothing.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key && entry.node.value != Value::Null)
    }

    /// The entries of a table; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Table(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// What it is, for a message.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// The same tree without places.
pub fn to_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::Bool(*yes),
        Value::Number(text) => number(text),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Table(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node))).collect())
        }
    }
}

fn number(text: &str) -> serde_json::Value {
    let whole = text.parse::<i64>().map(serde_json::Value::from);
    let whole = whole.or_else(|_| text.parse::<u64>().map(serde_json::Value::from));
    whole.unwrap_or_else(|_| text.parse::<f64>().map_or(serde_json::Value::Null, serde_json::Value::from))
}

/// Reads all documents of a text; empty ones are left out.
///
/// # Errors
/// What is no YAML, or more of it than any manifest has.
pub fn documents(text: &str) -> Result<Vec<Node>, Box<Problem>> {
    if text.len() > MOST_BYTES {
        let message = format!("{} MB of manifests", text.len() >> 20);
        return Err(Box::new(Problem::file(message).help("give the objects that are to be simulated alone")));
    }
    garbage(text)?;
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_documents: MOST_DOCUMENTS,
            max_nodes: MOST_VALUES,
            max_events: 4 * MOST_VALUES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_REPEATED,
        },
    };
    let raw: Vec<Spanned<Raw>> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| Box::new(problem(text, &error)))?;
    Ok(raw.into_iter().map(|raw| placed(text, raw)).collect())
}

/// What no editor writes: control characters other than line ends and tabs.
fn garbage(text: &str) -> Result<(), Box<Problem>> {
    let control = |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || c == '\u{fffe}' || c == '\u{ffff}';
    match text.char_indices().find(|&(_, c)| control(c)) {
        None => Ok(()),
        Some((at, c)) => {
            let message = format!("the character U+{:04X} is neither YAML nor JSON", u32::from(c));
            let problem = Problem::error(at..at + c.len_utf8(), message, "not text");
            Err(Box::new(problem.help("give a text file, such as `kubectl get deployment,hpa -o yaml` writes")))
        }
    }
}

/// The parser's complaint, with a way out where the reason is a common one.
fn problem(text: &str, error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let place = error.location().map_or(0..0, |location| range(text, location));
    let line = text[..place.start].rfind('\n').map_or(0, |end| end + 1);
    let indent = text[line..].len() - text[line..].trim_start_matches([' ', '\t']).len();
    if let Some(tab) = text[line..line + indent].find('\t') {
        return Problem::error(line + tab..line + tab + 1, "a tab in the indentation", "YAML wants spaces here")
            .help("put two spaces in place of each tab");
    }
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("");
            Problem::error(place, format!("the key `{key}` stands twice in one table"), "the second one")
                .help("keep one of them")
        }
        Error::Budget { breach, .. } => {
            let what = match breach {
                BudgetBreach::Documents { .. } => format!("{MOST_DOCUMENTS} documents"),
                BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. } => format!("{MOST_VALUES} values"),
                BudgetBreach::Depth { .. } => "64 levels within one another".to_owned(),
                _ => "any manifest has: text, anchors or aliases".to_owned(),
            };
            Problem::error(place, format!("more than {what}"), "the reader stopped here")
                .help("give the objects that are to be simulated alone")
        }
        _ => {
            let words = error.to_string();
            let words = words.lines().next().unwrap_or("").trim();
            // The place is shown beside it.
            let words = words.split(" at line ").next().unwrap_or(words);
            Problem::error(place, format!("neither YAML nor JSON: {words}"), "the reader stopped here")
                .help("`kubectl apply --dry-run=client -f FILE` reads the file the same way")
        }
    }
}

/// Bytes of a place, within the text and on the boundaries of its characters.
fn range(text: &str, location: Location) -> Range<usize> {
    let span = location.span();
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (start, length) = match (span.byte_offset(), span.byte_len()) {
        (Some(offset), length) => (index(offset), index(length.unwrap_or(0))),
        (None, _) => {
            // Without byte offsets the line and the column say it.
            let line = index(location.line()).saturating_sub(1);
            let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
            let column = index(location.column()).saturating_sub(1);
            let rest = text.get(start..).unwrap_or("");
            (start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at), 0)
        }
    };
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    floor(start)..floor(start.saturating_add(length))
}

/// A tree with byte ranges of a tree with lines and columns.
fn placed(text: &str, raw: Spanned<Raw>) -> Node {
    let at = range(text, raw.defined);
    let scalar = text[at.clone()].trim_end().len() + at.start;
    match raw.value {
        Raw::Null => Node { at: at.start..scalar, value: Value::Null },
        Raw::Bool(yes) => Node { at: at.start..scalar, value: Value::Bool(yes) },
        Raw::Whole(number) => Node { at: at.start..scalar, value: Value::Number(number.to_string()) },
        Raw::Float(number) => {
            // As it was written, where that is how JSON writes numbers: 12e3 is a quantity of its own form.
            let written = &text[at.start..scalar];
            let plain = written.parse::<f64>().is_ok() && written.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            let number = if plain { written.to_owned() } else { number.to_string() };
            Node { at: at.start..scalar, value: Value::Number(number) }
        }
        Raw::Text(words) => Node { at: at.start..scalar, value: Value::Text(words) },
        Raw::List(items) => {
            let value = Value::List(items.into_iter().map(|item| placed(text, item)).collect());
            Node { at: first_line(text, at.start), value }
        }
        Raw::Table(entries) => {
            let entry = |(key, node): (Spanned<String>, Spanned<Raw>)| {
                let key_at = range(text, key.defined);
                let end = text[key_at.clone()].trim_end().len() + key_at.start;
                Entry { key: key.value, key_at: key_at.start..end, node: placed(text, node) }
            };
            Node { at: first_line(text, at.start), value: Value::Table(entries.into_iter().map(entry).collect()) }
        }
    }
}

fn first_line(text: &str, start: usize) -> Range<usize> {
    let line = text[start..].lines().next().unwrap_or("");
    start..start + line.trim_end().len()
}

/// What the reader delivers.
enum Raw {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Table(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }
    fn visit_bool<E>(self, yes: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(yes))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Whole(i128::from(number)))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Whole(i128::from(number)))
    }
    fn visit_i128<E>(self, number: i128) -> Result<Raw, E> {
        Ok(Raw::Whole(number))
    }
    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Raw, E> {
        i128::try_from(number).map(Raw::Whole).map_err(|_| E::custom("a number out of range"))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Float(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut table: Vec<(Spanned<String>, Spanned<Raw>)> = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            table.push(entry);
        }
        Ok(Raw::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let mut documents = documents(text).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    fn place(text: &str) -> (usize, String) {
        let problem = documents(text).expect_err(text);
        let at = problem.at.unwrap_or(0..0);
        (crate::diagnostics::line_of(text, at.start), problem.message)
    }

    #[test]
    fn values_and_keys_know_their_bytes() {
        let text = "a: 1\nbé: \"x y\"\nlist:\n  - 12e3\n  - {deep: yes}\n";
        let node = one(text);
        let words: Vec<&str> = node.entries().iter().map(|entry| &text[entry.key_at.clone()]).collect();
        assert_eq!(words, ["a", "bé", "list"]);
        assert_eq!(&text[node.get("a").expect("a").at.clone()], "1");
        assert_eq!(&text[node.get("bé").expect("b").at.clone()], "\"x y\"");
        let list = node.get("list").expect("a list").items();
        assert_eq!(list[0].value, Value::Number("12e3".into()));
        assert_eq!(&text[list[0].at.clone()], "12e3");
        assert_eq!(list[1].get("deep").expect("deep").value, Value::Bool(true));
        assert_eq!(to_json(&node), serde_json::json!({"a": 1, "bé": "x y", "list": [12e3, {"deep": true}]}));
    }

    #[test]
    fn documents_aliases_and_merges() {
        let text = "---\nbase: &b\n  cpu: 1\nmore:\n  <<: *b\n  memory: 2\n---\n# empty\n---\n[1, null]\n";
        let nodes = documents(text).expect("three documents, one empty");
        assert_eq!(nodes.len(), 2);
        let more = nodes[0].get("more").expect("more");
        assert_eq!(to_json(more), serde_json::json!({"cpu": 1, "memory": 2}));
        let cpu = &more.get("cpu").expect("merged").at;
        assert_eq!(crate::diagnostics::line_of(text, cpu.start), 3);
        assert_eq!(to_json(&nodes[1]), serde_json::json!([1, null]));
    }

    #[test]
    fn json_with_tabs_is_read() {
        let node = one("{\n\t\"a\": [1.5, -2, true],\n\t\"b\": \"\\u00e9\"\n}\n");
        assert_eq!(to_json(&node), serde_json::json!({"a": [1.5, -2, true], "b": "é"}));
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        let (line, message) = place("a: 1\nb: 2\na: 3\n");
        assert_eq!((line, message.as_str()), (3, "the key `a` stands twice in one table"));
        let (line, message) = place("spec:\n\treplicas: 1\n");
        assert_eq!((line, message.as_str()), (2, "a tab in the indentation"));
        let (line, message) = place("a: 1\n\u{1}\u{2}");
        assert_eq!((line, message.as_str()), (2, "the character U+0001 is neither YAML nor JSON"));
        let (line, _) = place("a: 1\nb: [1, 2\nc: 3\n");
        assert!(line >= 2);
        assert_eq!(place("a: *nowhere\n").0, 1);
    }

    #[test]
    fn bombs_and_floods_are_refused_at_once() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let last = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", last.trim_end_matches(", ")));
        }
        assert!(place(&bomb).1.contains("alias"));
        place(&"- ".repeat(100_000));
        place(&"[".repeat(100_000));
        assert_eq!(place(&"a: {}\n---\n".repeat(1_000_000)).1, "more than 10000 documents");
        assert_eq!(place(&format!("[{}]", "1,".repeat(1_100_000))).1, "more than 1000000 values");
        place(&"x".repeat(MOST_BYTES + 1));
        place(&format!("{}: 1", "? ".repeat(50_000)));
    }
}
