//! `sim import`.

use super::args::{ImportArguments, ImportKind};
use super::{Done, Failure, Voice, input};
use crate::diagnostics::{Problems, Source};
use crate::import::scenario_of_k8s;
use crate::import::scenario_of_seldon;
use crate::manifest::seldon::API_VERSION;

pub(super) fn import(arguments: &ImportArguments, voice: Voice) -> Result<Done, Failure> {
    let sources: Vec<Source> = arguments.files.iter().map(|file| input::source(file)).collect::<Result<_, _>>()?;
    let imported = match arguments.kind {
        ImportKind::K8s => scenario_of_k8s(&sources),
        ImportKind::Seldon => scenario_of_seldon(&sources),
    };
    let imported = imported.map_err(|problems| drawn(&problems, voice))?;
    voice.result(&imported.text)?;
    let rows =
        [("read   ", &imported.read, ", "), ("assumed", &imported.assumed, "; "), ("ignored", &imported.ignored, ", ")];
    for (word, items, separator) in rows {
        if !items.is_empty() {
            voice.note(&format!("{word} {}", items.join(separator)));
        }
    }
    Ok(Done::Fine)
}

fn drawn(problems: &[Problems], voice: Voice) -> Failure {
    Failure::Wrong(problems.iter().map(|each| each.render(voice.colour)).collect::<Vec<_>>().join("\n"))
}

/// Manifests as the scenario that an import makes of them, for `sim check`.
pub(super) fn as_scenario(file: &str, voice: Voice) -> Result<Source, Failure> {
    let source = input::source(file)?;
    let folder = source.folder.clone();
    let seldon = source.text.contains(API_VERSION);
    let imported = if seldon { scenario_of_seldon(&[source]) } else { scenario_of_k8s(&[source]) };
    let imported = imported.map_err(|problems| drawn(&problems, voice))?;
    Ok(Source { name: format!("{file} as a scenario"), text: imported.text, folder })
}
