//! Laws that hold for every scenario, checked over random ones.
//!
//! A failure prints `seed = N` and the scenario of that seed: both the text and the run follow from it. How many scenarios
//! there are is chosen so that all tests together take about half a minute on two cores.

#![allow(clippy::print_stdout)] // how much was checked is told with `--nocapture`

mod books;
#[path = "../common/mod.rs"]
mod common;
mod luck;
mod scenarios;
mod witness;
mod work;

use autosim::scenario::Loaded;
use rayon::prelude::*;
use scenarios::{Drawn, Wish};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use witness::Witness;

/// What a law has found in the run of one seed.
struct Finding {
    wrong: Vec<String>,
    text: String,
    requests: usize,
}

/// Runs `law` on all seeds. Of the broken ones it prints what is wrong, and the shortest scenario.
fn for_all(name: &str, seeds: std::ops::Range<u64>, law: impl Fn(u64) -> Finding + Sync) {
    let count = seeds.end - seeds.start;
    let found: Vec<(u64, Finding)> = seeds
        .into_par_iter()
        .map(|seed| {
            let panics =
                |panic: Box<dyn Any + Send>| Finding { wrong: vec![words(&*panic)], text: String::new(), requests: 0 };
            (seed, catch_unwind(AssertUnwindSafe(|| law(seed))).unwrap_or_else(panics))
        })
        .collect();
    common::say!(
        "{name}: {count} scenarios, {} requests",
        found.iter().map(|(_, found)| found.requests).sum::<usize>()
    );
    let broken: Vec<&(u64, Finding)> = found.iter().filter(|(_, found)| !found.wrong.is_empty()).collect();
    let Some((seed, shortest)) = broken.iter().min_by_key(|(_, found)| found.text.len()) else { return };
    let lines: Vec<String> =
        broken.iter().map(|(seed, found)| format!("seed = {seed}\n  {}", found.wrong.join("\n  "))).collect();
    panic!(
        "{name}: broken by {} of {count} seeds\n{}\nthe scenario of seed = {seed}:\n{}",
        broken.len(),
        lines.join("\n"),
        shortest.text
    );
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panics: {}", text.unwrap_or("without words"))
}

fn load(seed: u64, wish: Wish) -> (Drawn, Loaded) {
    let drawn = scenarios::draw(seed, wish);
    let loaded = common::load(&format!("law-{seed}"), &drawn.text);
    (drawn, loaded)
}

fn witness(loaded: &Loaded, seed: u64) -> Witness<'_> {
    let mut witness = Witness::new(&loaded.scenario);
    common::run(loaded, seed, &mut witness);
    witness
}

#[test]
fn every_run_keeps_its_books() {
    for_all("books", 0..400, |seed| {
        let (drawn, loaded) = load(seed, Wish::default());
        let mut seen = Witness::new(&loaded.scenario);
        let stats = common::run(&loaded, seed, &mut seen);
        let mut wrong = books::judge(&drawn, &seen);
        if stats.requests != seen.births.len() as u64 {
            wrong.push(format!("{} requests by the run, {} by the record", stats.requests, seen.births.len()));
        }
        Finding { wrong, text: drawn.text, requests: seen.births.len() }
    });
}

#[test]
fn a_run_follows_from_its_seed_and_nobody_who_watches_changes_it() {
    for_all("determinism", 1_000..1_150, |seed| {
        let (drawn, loaded) = load(seed, Wish::default());
        let mut seen = Witness::new(&loaded.scenario);
        let stats = common::run(&loaded, seed, &mut seen);
        let mut wrong = Vec::new();
        if witness(&loaded, seed).fingerprint() != seen.fingerprint() {
            wrong.push("two runs of one seed differ".to_owned());
        }
        let unwatched = common::run(&loaded, seed, &mut ());
        if unwatched != stats {
            wrong.push(format!("{unwatched:?} without a recorder, {stats:?} with one"));
        }
        if witness(&loaded, seed + 1).fingerprint() == seen.fingerprint() {
            wrong.push("two seeds make the same run".to_owned());
        }
        Finding { wrong, text: drawn.text, requests: seen.births.len() }
    });
}

#[test]
fn no_policy_changes_anybodys_luck() {
    for_all("common random numbers", 2_000..2_200, |seed| {
        let (drawn, loaded) = load(seed, Wish::default());
        let other = common::load_with(&format!("law-{seed}"), &drawn.text, &drawn.other_policy);
        let (one, two) = (witness(&loaded, seed), witness(&other, seed));
        let mut wrong = luck::shared(&one, &two);
        if !wrong.is_empty() {
            wrong.extend(drawn.other_policy.clone());
        }
        Finding { wrong, text: drawn.text, requests: one.births.len() }
    });
}

#[test]
fn users_keep_their_work_under_every_policy() {
    let wish = Wish { users: true, steady_work: true };
    for_all("users", 3_000..3_100, |seed| {
        let (drawn, loaded) = load(seed, wish);
        let seen = witness(&loaded, seed);
        let (wrong, looked_at) = luck::users_keep_theirs(seed, &seen);
        Finding { wrong, text: drawn.text, requests: looked_at }
    });
}

#[test]
fn sharing_and_queueing_do_the_same_work() {
    for_all("work conservation", 4_000..4_060, |seed| {
        let text = work::draw(seed);
        let discipline = |kind: &str| common::load_with("work", &text, &[format!("pool.server.discipline={{{kind}}}")]);
        let (queueing, sharing) = (discipline("fifo={}"), discipline("processor_sharing={cores=1}"));
        let (one, two) = (witness(&queueing, seed), witness(&sharing, seed));
        Finding { wrong: work::same(&one, &two), text, requests: one.births.len() }
    });
}
