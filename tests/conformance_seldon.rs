//! Seldon Core 2's parts against every recorded decision of upstream's own code.

#[path = "common/mod.rs"]
mod common;

use autosim::replay::Level;
use std::fmt::Write;

/// Files and how many cases each has at least.
const FILES: [(&str, usize); 16] = [
    ("agent-cache", 123),
    ("assign", 6),
    ("bucket", 30),
    ("core-replicas", 50),
    ("failed-models", 1),
    ("lag-agent", 111),
    ("lag-trigger", 215),
    ("loop", 110),
    ("model-state", 115),
    ("placement", 230),
    ("ring", 30),
    ("scenario", 208),
    ("server-down", 161),
    ("server-up", 99),
    ("spec-validate", 109),
    ("traffic-share", 40),
];
/// How many differences are printed.
const SHOWN: usize = 20;

#[test]
fn every_recorded_decision_is_repeated() {
    let Some(shared) = common::shared("Seldon conformance") else { return };
    let folder = shared.join("conformance/seldon");
    let mut failures = String::new();
    let mut shown = 0;
    for (file, least) in FILES {
        let results = common::replay_file(&folder, file);
        let equal = results.iter().filter(|result| result.equal_at(Level::C)).count();
        let (cases, steps) = (results.len(), results.iter().map(|result| result.steps).sum::<usize>());
        let compared: usize = results.iter().map(|result| result.compared).sum();
        common::say!("{file}: {cases} cases, {steps} steps, {compared} compared; equal {equal}");
        if cases < least {
            writeln!(failures, "{file}: {cases} cases, but there were {least}").expect("a string takes any text");
        }
        if compared == 0 {
            writeln!(failures, "{file}: nothing was compared").expect("a string takes any text");
        }
        for result in &results {
            for difference in result.differences.iter().take(SHOWN.saturating_sub(shown)) {
                shown += 1;
                let (name, step, at) = (&result.name, difference.step, difference.at_s);
                let (field, wanted, seen) = (&difference.field, &difference.wanted, &difference.seen);
                writeln!(failures, "{name}, step {step} at {at} s, {field}:\n  wanted {wanted}\n  seen   {seen}")
                    .expect("a string takes any text");
            }
        }
        if equal < cases {
            writeln!(failures, "{file}: {} of {cases} cases differ", cases - equal).expect("a string takes any text");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
