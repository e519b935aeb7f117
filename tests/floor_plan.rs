//! The floor plan: which room may import which, which outside crate is used where, a head on every module, and no function
//! longer than the longest there is.
//!
//! The sources are read as text, without comments and without what stands in quotes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may import, lowest first. `src/lib.rs` and `src/main.rs` stand outside.
const ROOMS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("kernel", &["units"]),
    ("diagnostics", &["units"]),
    ("random", &["units", "diagnostics"]),
    ("workload", &["units", "diagnostics", "random"]),
    ("cluster", &["units", "diagnostics", "random"]),
    ("serving", &["units", "diagnostics", "random"]),
    ("seldon", &["units", "diagnostics", "random"]),
    ("metrics", &["units", "diagnostics", "random"]),
    ("scalers", &["units", "diagnostics", "seldon"]),
    ("manifest", &["units", "diagnostics", "cluster", "seldon", "scalers"]),
    ("record", &["units", "scalers"]),
    (
        "scenario",
        &[
            "units",
            "diagnostics",
            "random",
            "workload",
            "cluster",
            "serving",
            "seldon",
            "metrics",
            "scalers",
            "manifest",
            "record",
        ],
    ),
    (
        "simulation",
        &[
            "units",
            "kernel",
            "diagnostics",
            "random",
            "workload",
            "cluster",
            "serving",
            "seldon",
            "metrics",
            "scalers",
            "record",
            "scenario",
        ],
    ),
    (
        "replay",
        &[
            "units",
            "kernel",
            "diagnostics",
            "random",
            "workload",
            "cluster",
            "serving",
            "seldon",
            "metrics",
            "scalers",
            "manifest",
            "record",
            "scenario",
            "simulation",
        ],
    ),
    ("experiment", &["units", "diagnostics", "record", "scenario", "simulation"]),
    ("plot", &["units", "record"]),
    ("report", &["units", "record", "scenario", "experiment", "plot"]),
    ("import", &["units", "diagnostics", "cluster", "seldon", "scalers", "manifest", "record", "scenario"]),
    (
        "cli",
        &[
            "units",
            "kernel",
            "diagnostics",
            "random",
            "workload",
            "cluster",
            "serving",
            "seldon",
            "metrics",
            "scalers",
            "manifest",
            "record",
            "scenario",
            "simulation",
            "replay",
            "experiment",
            "plot",
            "report",
            "import",
        ],
    ),
];

/// Each outside crate with the rooms that use it. `serde` may be derived anywhere and is not listed.
const CRATES: &[(&str, &[&str])] = &[
    ("annotate_snippets", &["diagnostics"]),
    ("anstream", &["cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("csv", &["record"]),
    ("ctrlc", &["cli"]),
    ("hdrhistogram", &["record"]),
    ("indicatif", &["cli"]),
    // ISO 8601 durations and times of day; a trace's own timestamps; the one wall clock.
    ("jiff", &["diagnostics", "scenario", "cli"]),
    ("md5", &["seldon"]),
    ("notosans", &["plot"]),
    ("plotters", &["plot"]),
    ("png", &["plot"]),
    ("rand", &["random"]),
    ("rand_distr", &["random"]),
    ("rayon", &["experiment", "cli"]),
    ("serde_json", &["manifest", "replay", "experiment", "report", "cli"]),
    ("serde_saphyr", &["manifest"]),
    ("sha2", &["scenario"]),
    ("strsim", &["diagnostics"]),
    ("toml", &["diagnostics", "scenario"]),
    ("toml_edit", &["scenario"]),
];

/// Rooms that draw from streams which `random` has made for them.
///
/// A stream is a generator of `rand`, so drawing needs its two traits in scope; a wrapper in `random` would only repeat
/// them. What must stay in one room is how a stream is *seeded*: on that rest common random numbers. So the traits are free
/// to those who draw, and everything else of `rand` is not.
const WHO_DRAWS: &[&str] = &["workload", "cluster", "serving", "simulation"];
/// The traits that draw.
const DRAWING: &[&str] = &["rand::Rng;", "rand::RngExt;"];

/// Cracks that are known, by file and crate: nothing new may join them, and one that is mended must leave the list.
const CRACKS: &[(&str, &str)] = &[];

/// No function is longer than this many lines: a ratchet, to be lowered when the longest one has been split.
const LONGEST_FUNCTION: usize = 80;

/// A source file.
struct Source {
    /// As it is named in a complaint.
    name: String,
    /// First-level module, `None` for the crate's own two files.
    room: Option<String>,
    text: String,
    /// The text without comments and without what stands in quotes, line by line as the text is.
    code: String,
}

impl Source {
    /// The code without the tests below it: those may read recorded cases by whatever crate they need.
    fn product(&self) -> &str {
        if self.name.ends_with("/tests.rs") {
            return "";
        }
        self.code.find("#[cfg(test)]\nmod tests {").map_or(&self.code, |tests| &self.code[..tests])
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(!files.is_empty(), "no sources in {}", root.display());
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let inside = path.strip_prefix(&root).expect("it was found below the root");
            let first = inside.iter().next().expect("a file has a name").to_string_lossy().into_owned();
            let room = match first.as_str() {
                "lib.rs" | "main.rs" => None,
                name => Some(name.trim_end_matches(".rs").to_owned()),
            };
            Source { name: format!("src/{}", inside.display()), room, code: bare(&text), text }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry of a folder that was opened").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Rust without comments and without the insides of strings and characters; lines and columns stay.
fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = quoted(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that begins at `at` ends; `at` itself if none begins there.
fn quoted(chars: &[char], at: usize) -> usize {
    let is = |index: usize, c: char| chars.get(index) == Some(&c);
    let find =
        |from: usize, found: &dyn Fn(usize) -> bool| (from..chars.len()).find(|&i| found(i)).unwrap_or(chars.len());
    match chars[at] {
        '/' if is(at + 1, '/') => find(at, &|i| chars[i] == '\n'),
        '/' if is(at + 1, '*') => {
            find(at + 2, &|i| chars[i] == '*' && is(i + 1, '/')).saturating_add(2).min(chars.len())
        }
        'r' if !part_of_name(chars, at) => {
            let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
            if !is(at + 1 + hashes, '"') {
                return at;
            }
            let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|n| is(i + n, '#'));
            find(at + hashes + 2, &closes).saturating_add(1 + hashes).min(chars.len())
        }
        '"' => {
            let mut i = at + 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            (i + 1).min(chars.len())
        }
        // A character, not a lifetime: 'x' or '\...'.
        '\'' if is(at + 1, '\\') => find(at + 3, &|i| chars[i] == '\'').saturating_add(1).min(chars.len()),
        '\'' if is(at + 2, '\'') => at + 3,
        _ => at,
    }
}

fn part_of_name(chars: &[char], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| chars[before].is_alphanumeric() || matches!(chars[before], '_' | '#'))
        && chars[at - 1] != 'b'
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Where a path begins with `name::`.
fn paths<'c>(code: &'c str, name: &str) -> impl Iterator<Item = usize> + use<'c> {
    let start = format!("{name}::");
    let found: Vec<usize> = code.match_indices(&start).map(|(at, _)| at).collect();
    found.into_iter().filter(|&at| !code[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':')))
}

fn assert_none(broken: &[String], law: &str) {
    assert!(broken.is_empty(), "{law}:\n{}", broken.join("\n"));
}

#[test]
fn rooms_import_only_what_the_plan_allows() {
    let plan: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut broken = Vec::new();
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let Some(allowed) = plan.get(room.as_str()) else {
            broken.push(format!("{}: the room `{room}` is not in the plan", source.name));
            continue;
        };
        for at in paths(&source.code, "crate") {
            let place = format!("{}:{}", source.name, line_of(&source.code, at));
            let other: String =
                source.code[at + "crate::".len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if other.is_empty() {
                broken.push(format!("{place}: one room a line, not `crate::{{`"));
            } else if other != *room && !allowed.contains(&other.as_str()) {
                broken.push(format!("{place}: `{room}` may not import `{other}`"));
            }
        }
    }
    assert_none(&broken, "imports against the plan");
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let (mut broken, mut cracks) = (Vec::new(), BTreeSet::new());
    for source in sources() {
        let Some(room) = &source.room else { continue };
        let code = source.product();
        for &(name, rooms) in CRATES {
            if rooms.contains(&room.as_str()) {
                continue;
            }
            for at in paths(code, name) {
                let draws =
                    WHO_DRAWS.contains(&room.as_str()) && DRAWING.iter().any(|part| code[at..].starts_with(part));
                if CRACKS.contains(&(source.name.as_str(), name)) {
                    cracks.insert((source.name.clone(), name));
                } else if !draws {
                    broken.push(format!("{}:{}: `{room}` may not use `{name}`", source.name, line_of(code, at)));
                }
            }
        }
    }
    let mended = CRACKS.iter().filter(|(file, name)| !cracks.contains(&((*file).to_owned(), *name)));
    broken.extend(mended.map(|(file, name)| format!("{file} no longer uses `{name}`: take it off the list")));
    assert_none(&broken, "outside crates against the plan");
}

/// A crate that nobody has given a room would be free to all.
#[test]
fn every_dependency_has_its_room() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a package has one");
    let section = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    let names = section.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let names = names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    let listed = |name: &str| name == "serde" || CRATES.iter().any(|(known, _)| *known == name);
    let broken: Vec<String> = names.map(|name| name.trim().replace('-', "_")).filter(|name| !listed(name)).collect();
    assert_none(&broken, "dependencies without a room");
}

#[test]
fn every_module_says_what_it_is() {
    let without = sources().into_iter().filter(|source| source.room.is_some() && !source.text.starts_with("//! "));
    assert_none(&without.map(|source| source.name).collect::<Vec<_>>(), "modules without a head");
}

#[test]
fn no_function_is_longer_than_the_longest_there_is() {
    let mut lengths: Vec<(usize, String)> = Vec::new();
    for source in sources() {
        for (at, name) in functions(&source.code) {
            let Some(length) = length_of(&source.code[at..]) else { continue };
            lengths
                .push((length, format!("{}:{}: `{name}` has {length} lines", source.name, line_of(&source.code, at))));
        }
    }
    lengths.sort();
    let broken: Vec<String> =
        lengths.into_iter().rev().filter(|(length, _)| *length > LONGEST_FUNCTION).map(|(_, words)| words).collect();
    assert_none(&broken, &format!("functions of more than {LONGEST_FUNCTION} lines: split them by meaning"));
}

/// Functions with where they begin.
fn functions(code: &str) -> Vec<(usize, String)> {
    let name = |at: usize| code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let whole = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices("fn ").map(|(at, _)| at).filter(|&at| whole(at)).map(|at| (at, name(at))).collect()
}

/// Lines from the beginning of a function to the end of its body; `None` for one without.
fn length_of(code: &str) -> Option<usize> {
    let (mut open, mut brackets, mut lines) = (0_usize, 0_usize, 1);
    for c in code.chars() {
        match c {
            '\n' => lines += 1,
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if open == 0 && brackets == 0 => return None,
            '{' => open += 1,
            '}' if open == 1 => return Some(lines),
            '}' => open = open.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[test]
fn the_sources_are_read_as_rust_reads_them() {
    let code = bare(
        "let a = \"// crate::x \\\" \"; // crate::y\nlet c = '\"'; let d = r#\"crate::\"z\"#; fn f<'a>() {}\n/* { */ b\"}\"",
    );
    assert!(!code.contains("crate::"), "{code}");
    assert_eq!(code.matches('\n').count(), 2);
    assert_eq!(functions(&code).len(), 1);
    assert!(!code.contains('"') && code.contains("fn f<'a>() {}"), "{code}");
    assert_eq!(length_of("fn f(a: [u8; 3]) -> u8 {\n  if a { b }\n}\nfn g() {}"), Some(3));
    assert_eq!(length_of("fn f(a: [u8; 3]);\nfn g() {}"), None);
    assert_eq!(paths("use crate::a; my_crate::b; x::crate::c", "crate").count(), 1);
}
