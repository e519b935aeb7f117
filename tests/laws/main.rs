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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use witness::Witness;

/// Runs `law` on all seeds; it says what is wrong, and how many requests it has looked at.
fn for_all(name: &str, seeds: std::ops::Range<u64>, law: impl Fn(u64) -> (Vec<String>, usize) + Sync) {
    let requests = AtomicUsize::new(0);
    let count = seeds.end - seeds.start;
    let broken: Vec<String> = seeds
        .into_par_iter()
        .filter_map(|seed| {
            let (wrong, looked_at) = catch_unwind(AssertUnwindSafe(|| law(seed))).unwrap_or_else(|panic| (vec![words(&*panic)], 0));
            requests.fetch_add(looked_at, Ordering::Relaxed);
            (!wrong.is_empty()).then(|| format!("seed = {seed}\n  {}", wrong.join("\n  ")))
        })
        .collect();
    println!("{name}: {count} scenarios, {} requests", requests.into_inner());
    assert!(broken.is_empty(), "{name}: {} of {count} seeds\n{}", broken.len(), broken.join("\n"));
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
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

/// Adds the scenario's text to what is wrong.
fn with_text(mut wrong: Vec<String>, text: &str) -> Vec<String> {
    if !wrong.is_empty() {
        wrong.push(text.replace('\n', "\n  "));
    }
    wrong
}

#[test]
fn every_run_keeps_its_books() {
    for_all("books", 0..400, |seed| {
        let (drawn, loaded) = load(seed, Wish::default());
        let mut seen = Witness::new(&loaded.scenario);
        let stats = common::run(&loaded, seed, &mut seen);
        let mut wrong = books::judge(&loaded.scenario, &drawn, &seen);
        if stats.requests != seen.births.len() as u64 {
            wrong.push(format!("{} requests by the run, {} by the record", stats.requests, seen.births.len()));
        }
        (with_text(wrong, &drawn.text), seen.births.len())
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
        (with_text(wrong, &drawn.text), seen.births.len())
    });
}

#[test]
fn no_policy_changes_anybodys_luck() {
    for_all("common random numbers", 2_000..2_200, |seed| {
        let (drawn, loaded) = load(seed, Wish::default());
        let other = common::load_with(&format!("law-{seed}"), &drawn.text, &drawn.other_policy);
        let (one, two) = (witness(&loaded, seed), witness(&other, seed));
        let mut wrong = luck::shared(&loaded.scenario, &one, &two);
        if !wrong.is_empty() {
            wrong.extend(drawn.other_policy.clone());
        }
        (with_text(wrong, &drawn.text), one.births.len())
    });
}

#[test]
fn users_keep_their_work_under_every_policy() {
    let wish = Wish { users: true, steady_work: true };
    for_all("users", 3_000..3_100, |seed| {
        let (drawn, loaded) = load(seed, wish);
        let seen = witness(&loaded, seed);
        let (wrong, looked_at) = luck::users_keep_theirs(&loaded.scenario, seed, &seen);
        (with_text(wrong, &drawn.text), looked_at)
    });
}

#[test]
fn sharing_and_queueing_do_the_same_work() {
    for_all("work conservation", 4_000..4_060, |seed| {
        let text = work::draw(seed);
        let discipline = |kind: &str| common::load_with("work", &text, &[format!("pool.server.discipline={{{kind}}}")]);
        let (queueing, sharing) = (discipline("fifo={}"), discipline("processor_sharing={cores=1}"));
        let (one, two) = (witness(&queueing, seed), witness(&sharing, seed));
        (with_text(work::same(&one, &two), &text), one.births.len())
    });
}
