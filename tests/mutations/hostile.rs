//! Every value of the scenarios and every key of the format, each with every hostile value: nothing is left to luck here.

use super::{EVERYTHING, SCENARIOS, SELDON, answer};
use autosim::diagnostics::{Source, units};
use autosim::experiment::plan::read::{PlanOptions, read_plan};
use autosim::experiment::{SweepOptions, read_sweep};
use autosim::scenario::LAWS;
use autosim::scenario::keys::{Fallback, Keys, Kind, SCENARIO};
use std::panic::catch_unwind;
use std::path::Path;

const EXPERIMENTS: [(&str, &str); 4] = [
    ("capacity", include_str!("../../scenarios/capacity.toml")),
    ("cold-start-sweep", include_str!("../../scenarios/cold-start-sweep.toml")),
    ("spike-sweep", include_str!("../../scenarios/spike-sweep.toml")),
    ("which-scaler", include_str!("../../scenarios/which-scaler.toml")),
];

/// What may be behind any key.
const ANYTHING: &[&str] = &["\"\"", "\"one\"", "true", "-1", "{}", "[]", "[{}]"];
const DURATIONS: &[&str] =
    &["\"0s\"", "\"15m\"", "\"1h\"", "\"1ns\"", "\"1ms\"", "\"3650d\"", "\"500000h\"", "\"P9999D\""];
const NUMBERS: &[&str] = &["0", "1", "1000000", "4294967296", "18446744073709551615", "1e-300", "1e300", "nan"];
const RATES: &[&str] = &["\"0/s\"", "\"1e-300/s\"", "\"1e9/s\"", "\"1e300/s\""];
const SHARES: &[&str] = &["\"0%\"", "\"100%\"", "\"1e-300%\"", "\"1e300%\""];
const AMOUNTS: &[&str] = &["\"0\"", "\"1n\"", "\"1m\"", "\"1Ki\"", "\"8Ei\"", "\"9223372036854775807\"", "\"1e300\""];
const PRICES: &[&str] = &["\"$0/h\"", "\"$1e-300/h\"", "\"$1e300/h\""];
const CLOCKS: &[&str] = &["\"00:00\"", "\"23:59:59\"", "\"24:00\""];

/// Laws with one hostile parameter each; the others are `small` or `large`.
fn laws(hostile: &[&str], small: &str, large: &str) -> Vec<String> {
    let plain = |name: &str| match name {
        "max" | "p99" => large.to_owned(),
        "p" => "0.3".to_owned(),
        "cv" | "shape" | "alpha" | "k" | "scale" | "weights" => "3".to_owned(),
        _ => small.to_owned(),
    };
    let mut all = Vec::new();
    for law in LAWS {
        for set in law.sets {
            for hostile in hostile {
                for at in 0..set.len() {
                    let entry = |(place, name): (usize, &&str)| match *name {
                        "values" | "weights" if place == at => format!("{name} = [{hostile}, {hostile}]"),
                        "values" | "weights" => format!("{name} = [{}, {}]", plain(name), plain(name)),
                        _ if place == at => format!("{name} = {hostile}"),
                        _ => format!("{name} = {}", plain(name)),
                    };
                    let entries: Vec<String> = set.iter().enumerate().map(entry).collect();
                    all.push(format!("{{ {} = {{ {} }} }}", law.name, entries.join(", ")));
                }
            }
        }
    }
    all
}

/// What to put where a value of this kind is wanted.
fn hostile_to(kind: &Kind) -> Vec<String> {
    let texts: &[&str] = match kind {
        Kind::Duration | Kind::DurationOr(_) | Kind::Law => DURATIONS,
        Kind::Whole | Kind::WholeOr(_) | Kind::Number | Kind::NumberLaw => NUMBERS,
        Kind::Rate => RATES,
        Kind::Share | Kind::ShareOrAmount => SHARES,
        Kind::Cpu | Kind::Size | Kind::Quantity => AMOUNTS,
        Kind::Price => PRICES,
        Kind::Clock => CLOCKS,
        Kind::Numbers => return NUMBERS.iter().map(|number| format!("[{}]", [*number; 24].join(", "))).collect(),
        _ => &[],
    };
    ANYTHING.iter().chain(texts).map(|&text| text.to_owned()).collect()
}

/// Keys that must be there, with values that could be.
fn least(keys: &Keys, besides: &str) -> Vec<String> {
    let required = keys.keys.iter().filter(|key| key.fallback == Fallback::Required && key.name != besides);
    required
        .map(|key| {
            let value = match key.kind {
                Kind::Word(words) => format!("\"{}\"", words[0]),
                Kind::Table(inner) | Kind::TableOr(inner, _) => format!("{{ {} }}", least(inner, "").join(", ")),
                Kind::Tables(inner) => format!("[{{ {} }}]", least(inner, "").join(", ")),
                Kind::OneOf(inner) => format!("{{ {} = {} }}", inner.keys[0].name, inner.keys[0].kind.example()),
                Kind::Name | Kind::Text => "\"one\"".to_owned(),
                Kind::File => "\"traces/payments.csv\"".to_owned(),
                kind => kind.example().to_owned(),
            };
            format!("{} = {value}", key.name)
        })
        .collect()
}

/// Values of a key with something hostile somewhere inside.
fn values_of(kind: &Kind) -> Vec<String> {
    let inside = match kind {
        Kind::Table(keys) | Kind::TableOr(keys, _) | Kind::Tables(keys) | Kind::OneOf(keys) => *keys,
        kind => return hostile_to(kind),
    };
    let mut all = Vec::new();
    let alone = matches!(kind, Kind::OneOf(_));
    let (open, close) = if matches!(kind, Kind::Tables(_)) { ("[{", "}]") } else { ("{", "}") };
    for key in inside.keys {
        let beside = if alone { Vec::new() } else { least(inside, key.name) };
        for value in values_of(&key.kind) {
            let mut entries = beside.clone();
            entries.push(format!("{} = {value}", key.name));
            all.push(format!("{open} {} {close}", entries.join(", ")));
        }
    }
    all
}

/// What came of some values.
#[derive(Default)]
struct Tally {
    tried: usize,
    run: usize,
    panics: usize,
}

impl Tally {
    fn answer(&mut self, text: &str, sets: &[String]) {
        self.count(catch_unwind(|| answer(text.to_owned(), sets)).ok(), text, sets);
    }

    /// `ran`: whether it was accepted; `None` after a panic.
    fn count(&mut self, ran: Option<bool>, text: &str, sets: &[String]) {
        self.tried += 1;
        self.run += usize::from(ran == Some(true));
        if ran.is_none() {
            self.panics += 1;
            eprintln!("a panic with {sets:?} in\n{text}\n");
        }
    }

    /// Says it, and fails on a panic, or if nothing was left to run.
    fn told(self, of: &str) {
        let Self { tried, run, panics } = self;
        eprintln!("{of}: {tried} values, {run} accepted");
        assert!(run > 0 && run < tried, "{of}: {run} accepted of {tried} values");
        assert_eq!(panics, 0, "{of}: panics of {tried} values");
    }
}

/// Every key of these tables.
fn try_tables(name: &str, base: &str, tables: &[&str]) {
    let mut tally = Tally::default();
    for table in tables {
        try_keys(&mut tally, base, table);
    }
    tally.told(name);
}

fn try_keys(tally: &mut Tally, base: &str, table: &str) {
    let name = table.split('.').next().unwrap_or_default();
    let own = SCENARIO.keys.iter().find(|key| key.name == name).map(|key| key.kind);
    let (keys, before) = match own {
        Some(Kind::Table(keys) | Kind::Tables(keys)) => (keys, format!("{table}.")),
        _ => (&SCENARIO, String::new()),
    };
    for key in keys.keys {
        // What stands in tables of its own has a turn of its own.
        if table.is_empty() && matches!(key.kind, Kind::Table(_) | Kind::Tables(_)) {
            continue;
        }
        for value in values_of(&key.kind) {
            tally.answer(base, &[format!("{before}{}={value}", key.name)]);
        }
    }
}

/// The hostile values of what a value seems to be.
fn hostile_like(value: &str) -> Vec<String> {
    let Some(text) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return hostile_to(&Kind::Number);
    };
    hostile_to(&if units::duration(text).is_ok() {
        Kind::Duration
    } else if units::rate(text).is_ok() {
        Kind::Rate
    } else if units::share(text).is_ok() {
        Kind::Share
    } else if units::price(text).is_ok() {
        Kind::Price
    } else if units::bytes(text).is_ok() {
        Kind::Quantity
    } else {
        Kind::Text
    })
}

/// Where values begin and end: after `=`, or between the brackets and commas of a list.
fn values_in(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut all = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split_once('#').map_or(line, |(code, _)| code);
        let mut start = 0;
        for (place, mark) in code.char_indices().filter(|(_, c)| "=,[]{}\n".contains(*c)).chain([(code.len(), '\n')]) {
            let piece = &code[start..place];
            let value = piece.trim();
            let is_value = value.starts_with('"')
                || value.starts_with(|c: char| c.is_ascii_digit())
                || matches!(value, "true" | "false");
            if is_value && mark != '=' {
                let from = at + start + piece.find(value).unwrap_or(0);
                all.push(from..from + value.len());
            }
            start = (place + 1).min(code.len());
        }
        at += line.len();
    }
    all
}

/// A text with each hostile value in place of each of its values.
fn mutations_of(text: &str) -> impl Iterator<Item = String> {
    let places = values_in(text);
    assert!(places.len() >= 10, "{}", places.len());
    places.into_iter().flat_map(move |place| {
        let all = hostile_like(&text[place.clone()]).into_iter();
        all.map(move |hostile| [&text[..place.start], &hostile, &text[place.end..]].concat()).collect::<Vec<_>>()
    })
}

fn try_scenario(which: usize) {
    let mut tally = Tally::default();
    for text in mutations_of(SCENARIOS[which]) {
        tally.answer(&text, &[]);
    }
    tally.told(&format!("scenario {which}"));
}

/// True if a sweep or a plan is accepted, false if it is refused with a reason.
fn read_experiment(text: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let source = Source { name: "mutated.toml".into(), text: text.to_owned(), folder };
    let refused = if text.contains("[search]") {
        read_plan(&source, &PlanOptions::default()).err()
    } else {
        read_sweep(&source, &SweepOptions::default()).err()
    };
    for problems in refused.iter().flatten() {
        assert!(problems.errors() > 0 && !problems.render(false).is_empty(), "refused without a reason");
    }
    refused.is_none()
}

#[test]
fn hostile_values_of_plain_scenarios() {
    (0..5).for_each(try_scenario);
}

#[test]
fn hostile_values_of_the_fullest_scenarios() {
    (5..SCENARIOS.len()).for_each(try_scenario);
}

#[test]
fn hostile_values_of_experiments() {
    for (name, text) in EXPERIMENTS {
        let mut tally = Tally::default();
        for text in mutations_of(text) {
            tally.count(catch_unwind(|| read_experiment(&text)).ok(), &text, &[]);
        }
        tally.told(name);
    }
}

#[test]
fn hostile_values_of_every_key() {
    let tables = ["", "hpa_controller", "load.0", "pool.0", "event.0", "event.1", "objective.0"];
    try_tables("keys", EVERYTHING, &tables);
    // Here the pipelines of metrics are at work.
    try_tables("keys with metrics-server", SCENARIOS[0], &["hpa_controller", "metrics_server", "pool.0"]);
    try_tables("keys with Prometheus", SCENARIOS[3], &["hpa_controller", "prometheus", "pool.0"]);
}

#[test]
fn hostile_values_of_every_key_of_seldon() {
    let tables = ["core", "advice", "server.0", "model.0", "pipeline.0", "load.2"];
    try_tables("keys of Seldon Core 2", SELDON, &tables);
}

#[test]
fn hostile_parameters_of_every_law() {
    let times = [laws(DURATIONS, "\"20ms\"", "\"90ms\""), laws(NUMBERS, "\"20ms\"", "\"90ms\"")].concat();
    let numbers = laws(NUMBERS, "2", "9");
    let gaps = numbers.iter().map(|law| format!("{{ renewal = {law} }}")).collect();
    for (path, values) in [("pool.0.service", times), ("pool.0.speed", numbers.clone()), ("load.0.arrivals", gaps)] {
        let mut tally = Tally::default();
        for value in values {
            tally.answer(EVERYTHING, &[format!("{path}={value}")]);
        }
        tally.told(path);
    }
}
