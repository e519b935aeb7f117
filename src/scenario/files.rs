//! Small files that a scenario names: measured values of a law, signals, a manifest.

use super::reader::Section;
use super::trace::seconds;
use crate::record::TableError;
use crate::record::raw::RawTable;
use crate::scalers::hpa::HpaSpec;
use crate::units::Span;
use std::fs::File;
use std::path::Path;

fn open(path: &Path) -> Result<RawTable<File>, String> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    RawTable::new(file).map_err(|error| in_file(path, &error))
}

fn in_file(path: &Path, error: &TableError) -> String {
    let column = error.column.as_ref().map_or(String::new(), |column| format!("column `{column}`: "));
    match error.line {
        None => format!("{}: {column}{}", path.display(), error.message),
        Some(line) => format!("{}:{line}: {column}{}", path.display(), error.message),
    }
}

fn wanted(table: &RawTable<File>, path: &Path, column: &str) -> Result<usize, String> {
    table.column(column).ok_or_else(|| {
        let known: Vec<&str> = table.header().iter().map(String::as_str).collect();
        let hint = match crate::diagnostics::closest(column, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it has {}", known.join(", ")),
        };
        format!("{} has no column `{column}`; {hint}", path.display())
    })
}

/// A column of numbers of 0 or more.
pub(super) fn column_of(path: &Path, column: &str) -> Result<Vec<f64>, String> {
    let mut table = open(path)?;
    let index = wanted(&table, path, column)?;
    let mut values = Vec::new();
    while table.next_row().map_err(|error| in_file(path, &error))? {
        let value = table.number(index).map_err(|error| in_file(path, &error))?;
        if value < 0.0 {
            return Err(format!("{}:{}: {value} is negative", path.display(), table.line()));
        }
        values.push(value);
    }
    if values.is_empty() { Err(format!("{} has no rows", path.display())) } else { Ok(values) }
}

/// A step function of time: columns `t` and values.
pub(super) fn signal_of(path: &Path, column: &str) -> Result<Vec<(Span, f64)>, String> {
    let mut table = open(path)?;
    let time = wanted(&table, path, "t")?;
    let value = wanted(&table, path, column)?;
    let mut points: Vec<(Span, f64)> = Vec::new();
    while table.next_row().map_err(|error| in_file(path, &error))? {
        let at = seconds(table.field(time).map_err(|error| in_file(path, &error))?).ok_or_else(|| {
            format!("{}:{}: the time is no number of seconds of 0 or more", path.display(), table.line())
        })?;
        if points.last().is_some_and(|&(last, _)| at < last) {
            return Err(format!(
                "{}:{}: the times are not in rising order; sort the file by `t`",
                path.display(),
                table.line()
            ));
        }
        points.push((at, table.number(value).map_err(|error| in_file(path, &error))?));
    }
    if points.is_empty() { Err(format!("{} has no rows", path.display())) } else { Ok(points) }
}

/// The HPA of a YAML manifest.
pub(super) fn hpa_manifest(section: &Section<'_>, folder: &Path) -> Option<HpaSpec> {
    let file = section.text("manifest")?;
    for key in ["min_replicas", "max_replicas", "behavior", "scale_target_ref"] {
        if section.has(key) {
            section.wrong(key, format!("`{key}` beside `manifest`"), "the manifest says it", "keep one of them");
        }
    }
    let path = folder.join(&file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            section.wrong(
                "manifest",
                format!("cannot read {}: {error}", path.display()),
                "this file",
                "give a YAML manifest",
            );
            return None;
        }
    };
    match crate::manifest::hpa_of_yaml(&text) {
        Ok(spec) => Some(spec),
        Err(message) => {
            section.wrong(
                "manifest",
                format!("{}: {message}", path.display()),
                "this manifest",
                "correct it; `kubectl apply --dry-run=server` says the same",
            );
            None
        }
    }
}
