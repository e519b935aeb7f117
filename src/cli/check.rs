//! `sim check`.

use super::args::CheckArguments;
use super::{Done, Failure, Voice, estimate, import, input};
use crate::diagnostics::{Severity, Source};
use crate::scenario::{Loaded, Origin, load};

pub(super) fn check(arguments: &CheckArguments, voice: Voice) -> Result<Done, Failure> {
    let mut wrong = Vec::new();
    let quiet = Voice { quiet: 2, ..voice };
    for file in &arguments.files {
        match read(file, arguments, quiet) {
            Ok((source, loaded)) => {
                if arguments.effective {
                    voice.result(&effective(&loaded, arguments.seed))?;
                    continue;
                }
                let warnings: Vec<&_> =
                    loaded.warnings.list.iter().filter(|problem| problem.severity == Severity::Warning).collect();
                if warnings.is_empty() {
                    voice.result(&format!("ok     {}     {}\n", source.name, estimate::words(&loaded)))?;
                } else {
                    voice.result(&format!("warn   {}     {}\n", source.name, estimate::words(&loaded)))?;
                    voice.warn(&loaded.warnings.render(voice.colour));
                }
            }
            Err(Failure::Wrong(text)) => wrong.push(text),
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(Done::Fine) } else { Err(Failure::Wrong(wrong.join("\n"))) }
}

/// A scenario, or manifests as the scenario that an import makes of them.
fn read(file: &str, arguments: &CheckArguments, voice: Voice) -> Result<(Source, Loaded), Failure> {
    let is_manifest = [".yaml", ".yml", ".json"].iter().any(|ending| file.ends_with(ending));
    if !is_manifest {
        return input::scenario(file, &arguments.set, voice);
    }
    let source = import::as_scenario(file, voice)?;
    match load(&source, &arguments.set) {
        Ok(loaded) => Ok((source, loaded)),
        Err(problems) => Err(Failure::Wrong(problems.render(voice.colour))),
    }
}

/// Every value with its path, and where it came from.
fn effective(loaded: &Loaded, seed: Option<u64>) -> String {
    let rows: Vec<(String, String)> = loaded
        .effective
        .iter()
        .map(|(path, value, origin)| {
            let words = match (path.as_str(), seed) {
                ("seed", Some(_)) => "--seed or SIM_SEED".to_owned(),
                _ => match origin {
                    Origin::Line(line) => format!("line {line}"),
                    Origin::Set => "--set".to_owned(),
                    Origin::Default => "default".to_owned(),
                },
            };
            let value = match (path.as_str(), seed) {
                ("seed", Some(seed)) => seed.to_string(),
                _ => value.split_whitespace().collect::<Vec<_>>().join(" "),
            };
            (format!("{path} = {value}"), words)
        })
        .collect();
    let width = rows.iter().map(|(left, _)| left.chars().count()).filter(|&width| width <= 80).max().unwrap_or(0);
    rows.iter().map(|(left, words)| format!("{left:width$}  # {words}\n")).collect()
}
