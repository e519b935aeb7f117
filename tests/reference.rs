//! The reference of keys and columns is made of the lists that the program itself reads and writes by.

use autosim::experiment::SWEEP;
use autosim::experiment::plan::read::PLAN;
use autosim::record::COLUMNS;
use autosim::scenario::keys::{Fallback, Key, Keys, Kind, SCENARIO};
use autosim::scenario::{FIGURES, LAWS};
use std::fmt::Write;
use std::path::Path;

/// Tables that have been described, and under which heading.
type Described = Vec<(*const Keys, String)>;

/// Words in a cell of a table.
fn cell(words: &str) -> String {
    words.replace('|', "\\|")
}

/// What stands behind a key.
fn kind_of(kind: &Kind, place: &str) -> String {
    match kind {
        Kind::Word(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        Kind::WholeOr(word) | Kind::DurationOr(word) => format!("{}, or `\"{word}\"`", kind.words()),
        Kind::Table(_) | Kind::Tables(_) | Kind::OneOf(_) => place.to_owned(),
        Kind::TableOr(_, word) => format!("{place}, or `\"{word}\"`"),
        Kind::Law => "a law of a duration".to_owned(),
        Kind::NumberLaw => "a law of a number".to_owned(),
        kind => kind.words().to_owned(),
    }
}

/// The heading of a key's own table: `[[pool]]`, `[pool.start]`.
fn heading_of(above: &str, key: &Key) -> Option<(String, &'static Keys, &'static str)> {
    let path = if above.is_empty() { key.name.to_owned() } else { format!("{above}.{}", key.name) };
    match key.kind {
        Kind::Tables(keys) => Some((format!("[[{path}]]"), keys, "")),
        Kind::Table(keys) | Kind::TableOr(keys, _) => Some((format!("[{path}]"), keys, "")),
        Kind::OneOf(keys) => Some((format!("[{path}]"), keys, "Exactly one of:\n\n")),
        _ => None,
    }
}

fn describe(text: &mut String, above: &str, keys: &'static Keys, described: &mut Described) {
    let mut below = Vec::new();
    text.push_str("| key | is | default | means |\n|---|---|---|---|\n");
    for key in keys.keys {
        let place = match heading_of(above, key) {
            None => String::new(),
            Some((_, own, _)) if own.keys.is_empty() => "no keys".to_owned(),
            Some((heading, own, note)) => match described.iter().find(|(known, _)| std::ptr::eq(*known, own)) {
                Some((_, first)) => format!("as `{first}`"),
                None => {
                    described.push((own, heading.clone()));
                    let place = format!("`{heading}`");
                    below.push((heading, own, note));
                    place
                }
            },
        };
        let default = match key.fallback {
            Fallback::Required => "required".to_owned(),
            Fallback::Is(value) => format!("`{value}`"),
            Fallback::None => "–".to_owned(),
        };
        let cells = [format!("`{}`", key.name), kind_of(&key.kind, &place), default, key.about.to_owned()];
        writeln!(text, "| {} |", cells.map(|words| cell(&words)).join(" | ")).expect("a string takes any text");
    }
    for (heading, own, note) in below {
        write!(text, "\n### `{heading}`\n\n{note}").expect("a string takes any text");
        describe(text, heading.trim_matches(['[', ']']), own, described);
    }
}

fn reference() -> String {
    let mut text = "# Reference: keys and columns\n\nMade of the lists that `sim` reads and writes by; `sim schema`, `sim list` and \
                    the messages of `sim check` say the same.\n"
        .to_owned();
    let mut described = Described::new();
    for (title, keys) in [("Scenario files", &SCENARIO), ("Sweep files", &SWEEP), ("Plan files", &PLAN)] {
        write!(text, "\n## {title}\n\n").expect("a string takes any text");
        describe(&mut text, "", keys, &mut described);
    }
    text.push_str("\n## Laws\n\n| law | parameters | means |\n|---|---|---|\n");
    for law in LAWS {
        let sets: Vec<String> = law.sets.iter().map(|set| format!("`{}`", set.join("`, `"))).collect();
        writeln!(text, "| `{}` | {} | {} |", law.name, sets.join("; or "), cell(law.about))
            .expect("a string takes any text");
    }
    let figures: Vec<String> = FIGURES.iter().map(|(name, _)| format!("`{name}`")).collect();
    write!(text, "\n## Figures of objectives\n\n`p50`, `p95`, `p99`, `p99.9`, ..., {}.\n", figures.join(", "))
        .expect("a string takes any text");
    text.push_str("\n## Columns\n");
    for (file, about, columns) in COLUMNS {
        let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
        write!(text, "\n**`{file}`** {about}: {}\n", columns.join(", ")).expect("a string takes any text");
    }
    text
}

#[test]
fn the_reference_is_what_the_program_goes_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    let wanted = reference();
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &wanted).expect("the file can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/reference.md");
    assert!(kept == wanted, "docs/reference.md is stale: UPDATE_EXPECTED=1 cargo test --test reference writes it");
}
