//! `sim import`.

use super::args::{ImportArguments, ImportKind};
use super::{Done, Failure, Voice, input};
use crate::diagnostics::{Problems, Source};
use crate::import::scenario_of_k8s;

pub(super) fn import(arguments: &ImportArguments, voice: Voice) -> Result<Done, Failure> {
    let sources: Vec<Source> = arguments.files.iter().map(|file| input::source(file)).collect::<Result<_, _>>()?;
    let imported = match arguments.kind {
        ImportKind::K8s => scenario_of_k8s(&sources),
    };
    let drawn = |problems: Vec<Problems>| {
        Failure::Wrong(problems.iter().map(|each| each.render(voice.colour)).collect::<Vec<_>>().join("\n"))
    };
    let imported = imported.map_err(drawn)?;
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
