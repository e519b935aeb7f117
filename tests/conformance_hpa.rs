//! The HPA against every recorded decision of Kubernetes v1.36.2.
//!
//! Levels A (decisions) and B (measurements shown) must be equal, and so must the texts of level C.

#[path = "common/mod.rs"]
mod common;

use autosim::replay::Level;
use std::fmt::Write;

/// Files and how many cases each has at least.
const FILES: [(&str, usize); 17] = [
    ("behavior", 75),
    ("closed-loop", 34),
    ("container-resource", 32),
    ("controller-memory", 60),
    ("custom-external", 62),
    ("default-scaling", 38),
    ("edge-cases", 52),
    ("errors", 56),
    ("extremes", 30),
    ("missing-metrics", 80),
    ("multi-metric", 38),
    ("resource", 52),
    ("scale-to-zero", 33),
    ("spec-change", 32),
    ("tolerance", 70),
    ("upstream-tables", 113),
    ("validation", 120),
];
/// How many differences are printed.
const SHOWN: usize = 20;

#[test]
fn every_recorded_decision_is_repeated() {
    let Some(shared) = common::shared("HPA conformance") else { return };
    let folder = shared.join("conformance/hpa");
    let mut failures = String::new();
    let mut shown = 0;
    for (file, least) in FILES {
        let results = common::replay_file(&folder, file);
        let equal = |level| results.iter().filter(|result| result.equal_at(level)).count();
        let cases = results.len();
        let steps: usize = results.iter().map(|result| result.steps).sum();
        let compared: usize = results.iter().map(|result| result.compared).sum();
        let texts: usize = results.iter().map(|result| result.texts_equal).sum();
        let texts_differ: usize = results.iter().map(|result| result.texts_differ).sum();
        common::say!(
            "{file}: {cases} cases, {steps} steps; equal at A {}, at B {}, at C {}; texts {texts} of {}",
            equal(Level::A),
            equal(Level::B),
            equal(Level::C),
            texts + texts_differ,
        );
        if cases < least {
            writeln!(failures, "{file}: {cases} cases, but there were {least}").expect("a string takes any text");
        }
        if compared < steps {
            writeln!(failures, "{file}: only {compared} of {steps} steps have an expectation")
                .expect("a string takes any text");
        }
        for result in &results {
            for difference in &result.differences {
                shown += 1;
                if shown <= SHOWN {
                    writeln!(
                        failures,
                        "{}, step {} at {} s, level {:?}, {}:\n  wanted {}\n  seen   {}",
                        result.name,
                        difference.step,
                        difference.at_s,
                        difference.level,
                        difference.field,
                        difference.wanted,
                        difference.seen
                    )
                    .expect("a string takes any text");
                }
            }
        }
    }
    assert!(failures.is_empty(), "{shown} differences, of which the first are\n{failures}");
}
