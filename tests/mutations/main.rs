//! Whatever stands in a scenario, the program answers with a scenario or with problems that can be drawn: it never panics, and
//! what it accepts it can run.
#![allow(clippy::print_stderr)] // what was tried, and what of it ended in a panic

mod hostile;

use autosim::diagnostics::Source;
use autosim::scenario;
use proptest::prelude::*;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const SCENARIOS: [&str; 8] = [
    include_str!("../../scenarios/spike.toml"),
    include_str!("../../scenarios/diurnal.toml"),
    include_str!("../../scenarios/metrics-server-down.toml"),
    include_str!("../../scenarios/prometheus-lag.toml"),
    include_str!("../../scenarios/validation/php-three-days.toml"),
    EVERYTHING,
    include_str!("../../scenarios/seldon-mixed.toml"),
    SELDON,
];

/// Most keys that there are.
const EVERYTHING: &str = include_str!("everything.toml");

/// Most keys of Seldon Core 2.
const SELDON: &str = include_str!("seldon.toml");

/// A recorded case of an HPA, as `sim replay` reads it.
const CASE: &str = r#"{"name":"x","source":"hand","scaler":"hpa","config":{"tolerance":0.1,"cpuInitializationPeriodSeconds":300,"initialReadinessDelaySeconds":30,"downscaleStabilizationSeconds":300},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"minReplicas":1,"maxReplicas":10,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}],"behavior":{"scaleUp":{"policies":[{"type":"Percent","value":100,"periodSeconds":15}]}}},"podTemplates":{"t":{"containers":[{"name":"c","requests":{"cpu":"1"}}]}},"steps":[{"at":0,"observe":{"specReplicas":1,"statusReplicas":1,"pods":[["p0","Running",-1000,"True",-900,0,"t"]],"metrics":{"resource":{"pods":[["p0",-10,15,["c","900m","1Mi"]]]}}}},{"at":15,"observe":{"pods":[["p0","Running",-1000,"True",-900,0,"t"]],"metrics":{}}}]}"#;

/// Bytes that mean something in JSON.
const REPLACEMENTS: &[u8] = b"0-9\"{}[],:eE.tfn";

/// What a slip of the hand leaves behind.
const DEBRIS: [&str; 28] = [
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "\"\"",
    "\"0s\"",
    "\"-5s\"",
    "\"1/s\"",
    "\"100%\"",
    "{}",
    "[]",
    "true",
    "[[pool]]",
    "[load]",
    "=",
    "\"",
    "'''",
    ".",
    ",",
    "}",
    "]",
    "\u{0}",
    "é",
    "99999999999999999999",
    "\"9999999d\"",
    "\"500000h\"",
];

fn mutated(text: &str, edits: &[(u16, u8, u8)]) -> String {
    let mut words: Vec<String> =
        text.split_inclusive([' ', '\n', '=', ',', '.', '{', '[']).map(str::to_owned).collect();
    for &(place, kind, which) in edits {
        let at = usize::from(place) % words.len();
        let debris = DEBRIS[usize::from(which) % DEBRIS.len()];
        match kind % 5 {
            0 => words[at] = debris.to_owned(),
            1 => words[at] = format!("{debris} "),
            2 => {
                let other = usize::from(which) * 7 % words.len();
                words.swap(at, other);
            }
            3 => words.insert(at, debris.to_owned()),
            _ => {
                let copy = words[at].clone();
                words.insert(at, copy);
            }
        }
    }
    words.concat()
}

/// True if it was accepted and run.
fn answer(text: String, sets: &[String]) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let source = Source { name: "mutated.toml".into(), text, folder };
    match scenario::load(&source, sets) {
        Err(problems) => {
            assert!(problems.errors() > 0, "refused without a reason:\n{}", source.text);
            assert!(!problems.render(false).is_empty());
            false
        }
        Ok(loaded) => {
            let replicas: u64 = loaded.scenario.pools.iter().map(|pool| u64::from(pool.replicas)).sum();
            let initial: u64 = loaded.scenario.pools.iter().map(|pool| pool.queue.initial).sum();
            if replicas + initial > 10_000 {
                return false; // allowed, and too large for this test
            }
            // The flag is up from the beginning: the run stops at its first look, after 65,536 events.
            let stop = AtomicBool::new(true);
            let _ = autosim::simulation::run(&loaded.scenario, 1, &mut |load| loaded.open_trace(load), &stop, &mut ());
            true
        }
    }
}

#[test]
fn the_unmutated_are_accepted() {
    for text in SCENARIOS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let source = Source { name: "whole.toml".into(), text: text.into(), folder };
        if let Err(problems) = scenario::load(&source, &[]) {
            panic!("{}", problems.render(false));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_scenarios_never_panic(which in 0..SCENARIOS.len(), edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        answer(mutated(SCENARIOS[which], &edits), &[]);
    }

    #[test]
    fn mutated_flags_never_panic(which in 0..SCENARIOS.len(), path in "[a-z_.0-9]{0,30}", value in ".{0,12}") {
        answer(SCENARIOS[which].to_owned(), &[format!("{path}={value}")]);
    }

    #[test]
    fn mutated_cases_never_panic(edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        let mut bytes = CASE.as_bytes().to_vec();
        for (place, kind, which) in edits {
            let at = usize::from(place) % bytes.len();
            match kind % 3 {
                0 => bytes[at] = REPLACEMENTS[usize::from(which) % REPLACEMENTS.len()],
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, REPLACEMENTS[usize::from(which) % REPLACEMENTS.len()]),
            }
        }
        let _ = autosim::replay::replay_case(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn flags_near_the_truth_never_panic(key in 0..8_usize, other in 0..8_usize, debris in 0..DEBRIS.len()) {
        let keys = ["pool.one.replicas", "pool.one.service", "load.a.rate", "pool.one.scaler.hpa.behavior.scale_up.policies.0.value",
            "pool.0.start", "duration", "tick", "pool.one.queue.capacity"];
        answer(EVERYTHING.to_owned(), &[format!("{}={}", keys[key], DEBRIS[debris])]);
        let keys = ["server.one.replicas", "model.a.service", "core.agent.overcommitPercentage", "pipeline.flow.steps.0.after",
            "model.0.scaler", "server.two.memory", "model.b.min_replicas", "core.version"];
        answer(SELDON.to_owned(), &[format!("{}={}", keys[other], DEBRIS[debris])]);
    }
}
