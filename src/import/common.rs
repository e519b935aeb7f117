//! What every importer does alike: names, places, and the way out with all problems.

use crate::diagnostics::{Problem, Problems, Source, line_of};
use std::collections::BTreeSet;

/// `deploy.yaml:12`.
pub(super) fn place(source: &Source, at: usize) -> String {
    format!("{}:{}", source.name, line_of(&source.text, at))
}

/// All problems, if there are any; the lists are those of the sources.
pub(super) fn refused(sources: &[Source], lists: &mut Vec<Vec<Problem>>) -> Result<(), Vec<Problems>> {
    let some = sources.iter().zip(std::mem::take(lists)).filter(|(_, list)| !list.is_empty());
    let all: Vec<Problems> = some.map(|(source, list)| Problems::new(source.clone(), list)).collect();
    if all.is_empty() { Ok(()) } else { Err(all) }
}

/// A name as near to the wanted one as can be, which no other has.
pub(super) fn unique(names: &mut BTreeSet<String>, wanted: &str) -> String {
    let plain = scenario_name(wanted);
    let mut name = plain.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{plain}-{number}");
        number += 1;
    }
    name
}

/// Lower-case letters, digits and dashes, as near to this as can be.
pub(super) fn scenario_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let name: String =
        lower.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "pool".to_owned() } else { name.to_owned() }
}
