//! Scenario files, by path or from stdin.

use super::{Failure, Voice};
use crate::diagnostics::Source;
use crate::scenario::{Loaded, load};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Reads and checks a scenario; problems are drawn.
pub(super) fn scenario(path: &str, sets: &[String], voice: Voice) -> Result<(Source, Loaded), Failure> {
    let source = source(path)?;
    match load(&source, sets) {
        Ok(loaded) if path == "-" && loaded.traces.iter().any(Option::is_some) && reads_stdin(&loaded) => {
            Err(Failure::Wrong(
                "error: a trace cannot come from stdin\n  = help: write it to a file and name that".to_owned(),
            ))
        }
        Ok(loaded) => {
            if !loaded.warnings.list.is_empty() {
                voice.warn(&loaded.warnings.render(voice.colour));
            }
            Ok((source, loaded))
        }
        Err(problems) => Err(Failure::Wrong(problems.render(voice.colour))),
    }
}

fn reads_stdin(loaded: &Loaded) -> bool {
    loaded.scenario.loads.iter().any(|load| match &load.arrivals {
        crate::workload::ArrivalsSpec::Trace(trace) => trace.file.ends_with("-"),
        _ => false,
    })
}

/// A text and where its relative paths start.
pub(super) fn source(path: &str) -> Result<Source, Failure> {
    if path == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::Wrong(format!("error: cannot read stdin: {error}")))?;
        return Ok(Source { name: "<stdin>".to_owned(), text, folder: PathBuf::new() });
    }
    let bytes = std::fs::read(path).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => format!("\n  = help: {}", hint(path)),
            _ => String::new(),
        };
        Failure::Wrong(format!("error: cannot read {path}: {error}{help}"))
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        Failure::Wrong(format!("error: {path}:{line}: not UTF-8 text\n  = help: save it as UTF-8"))
    })?;
    let folder = Path::new(path).parent().map_or_else(PathBuf::new, Path::to_path_buf);
    Ok(Source { name: path.to_owned(), text, folder })
}

fn hint(path: &str) -> String {
    let stem = Path::new(path).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let known = super::init::TEMPLATES.iter().map(|template| template.name);
    match crate::diagnostics::closest(&stem, known) {
        Some(template) => format!("`sim init {template} > {path}` writes one"),
        None => "`sim init > FILE` writes one to begin with".to_owned(),
    }
}
