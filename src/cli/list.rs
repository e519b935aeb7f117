//! `sim list`: what there is, each with one line and its keys.

use super::args::{ListArguments, Listed};
use super::init::TEMPLATES;
use super::{Done, Failure, Voice};
use crate::scenario::keys::{ARRIVALS, Fallback, Key, Keys, Kind, RATE};
use crate::scenario::keys_seldon::MODEL_SCALER;
use crate::scenario::{FIGURES, LAWS, SELDON_SIGNALS, SIGNALS};

pub(super) fn list(arguments: &ListArguments, voice: Voice) -> Result<Done, Failure> {
    let text = match arguments.what {
        Listed::Scalers => kinds("scaler", &MODEL_SCALER),
        Listed::Loads => format!("{}{}", kinds("arrivals", &ARRIVALS), kinds("rate", &RATE)),
        Listed::Laws => rows(LAWS.iter().map(|law| {
            let sets: Vec<String> = law.sets.iter().map(|set| set.join("+")).collect();
            (law.name.to_owned(), law.about.to_owned(), sets.join(", "))
        })),
        Listed::Signals => rows(
            SIGNALS
                .iter()
                .chain(SELDON_SIGNALS)
                .map(|&(name, about)| (name.to_owned(), about.to_owned(), "Pods, Object, External".to_owned()))
                .chain([(
                    "[[signal]]".to_owned(),
                    "a CSV series of your own".to_owned(),
                    "Object, External".to_owned(),
                )]),
        ),
        Listed::Templates => {
            rows(TEMPLATES.iter().map(|t| (t.name.to_owned(), t.about.to_owned(), format!("sim init {}", t.name))))
        }
        Listed::Columns => columns(),
    };
    voice.result(&text)?;
    Ok(Done::Fine)
}

fn kinds(prefix: &str, kinds: &Keys) -> String {
    rows(kinds.keys.iter().map(|key| (format!("{prefix}.{}", key.name), key.about.to_owned(), keys_of(key))))
}

fn keys_of(key: &Key) -> String {
    match key.kind {
        Kind::Table(keys) | Kind::Tables(keys) if keys.keys.is_empty() => "no keys".to_owned(),
        Kind::Table(keys) | Kind::Tables(keys) => {
            let names: Vec<String> = keys
                .keys
                .iter()
                .map(|key| match key.fallback {
                    Fallback::Required => key.name.to_owned(),
                    Fallback::Is(default) if default.len() <= 12 => format!("[{} = {default}]", key.name),
                    Fallback::None | Fallback::Is(_) => format!("[{}]", key.name),
                })
                .collect();
            names.join(", ")
        }
        kind => kind.words().to_owned(),
    }
}

fn rows(rows: impl Iterator<Item = (String, String, String)>) -> String {
    let rows: Vec<_> = rows.collect();
    let first = rows.iter().map(|row| row.0.chars().count()).max().unwrap_or(0);
    let second = rows.iter().map(|row| row.1.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, about, keys)| format!("{name:first$}  {about:second$}  {keys}\n")).collect()
}

fn columns() -> String {
    let mut text = String::new();
    for (file, about, columns) in crate::record::COLUMNS {
        text.push_str(&format!("{file}: {about}\n"));
        for column in *columns {
            text.push_str(&format!("  {column}\n"));
        }
    }
    let figures: Vec<&str> = FIGURES.iter().map(|&(name, _)| name).collect();
    text.push_str(&format!("figures of objectives: p50, p95, p99, p99.9, ..., {}\n", figures.join(", ")));
    text
}
