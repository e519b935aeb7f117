//! `sim compare`: two or more scenarios or finished runs under the same seeds.

use super::args::{CompareArguments, Format};
use super::estimate::Meter;
use super::folder::OutputFolder;
use super::progress::Progress;
use super::{Done, Failure, Voice, folder, input, output};
use crate::experiment::{Comparison, Contender, Crew, FigureValue, Whole, advise, compare, figures, run_once};
use crate::record::RunTotals;
use crate::report;
use crate::report::html::CompareAgain;
use crate::scenario::{Loaded, Scenario};
use crate::simulation::RunError;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// One of those that are compared.
struct Side {
    name: String,
    /// As it was given.
    given: String,
    loaded: Loaded,
    /// What a finished run wrote down, if it can stand for a run with these seeds.
    finished: Vec<RunTotals>,
}

/// Figures of a run, and whether it missed an objective.
struct Seen {
    figures: Vec<FigureValue>,
    missed: bool,
}

pub(super) fn run(arguments: &CompareArguments, voice: Voice, stop: &AtomicBool) -> Result<Done, Failure> {
    let mut sides = read_all(arguments, voice)?;
    let first = arguments.seed.unwrap_or(sides[0].loaded.scenario.seed);
    let seeds: Vec<u64> = (0..u64::from(arguments.seeds)).map(|number| first.wrapping_add(number)).collect();
    for side in &mut sides {
        keep_if_whole(side, &seeds, voice);
    }
    let crew = Crew::new(arguments.jobs.map_or(0, |jobs| jobs as usize)).map_err(Failure::World)?;
    let runs = run_all(&sides, &seeds, &crew, voice, stop)?;
    let missed = runs.iter().flatten().any(|seen| seen.missed);
    let met: Vec<Option<usize>> = sides
        .iter()
        .zip(&runs)
        .map(|(side, runs)| {
            let judged = !side.loaded.scenario.objectives.is_empty();
            judged.then(|| runs.iter().filter(|seen| !seen.missed).count())
        })
        .collect();
    let contenders: Vec<Contender> = sides
        .iter()
        .zip(runs)
        .map(|(side, runs)| Contender {
            name: side.name.clone(),
            runs: runs.into_iter().map(|seen| seen.figures).collect(),
        })
        .collect();
    let comparison = compare(&contenders, &seeds);
    let scenarios: Vec<&Scenario> = sides.iter().map(|side| &side.loaded.scenario).collect();
    let advice = advise(&scenarios, &contenders);
    if voice.quiet < 2 {
        voice.result(&match arguments.form.chosen() {
            Format::Table => {
                report::comparison_table(&comparison) + &advice.as_ref().map(report::advice).unwrap_or_default()
            }
            Format::Json => format!("{}\n", report::comparison_json(&comparison)),
            Format::Csv => report::comparison_csv(&comparison),
            Format::Markdown => report::comparison_markdown(&comparison),
        })?;
    }
    if let Some(out) = &arguments.out {
        write(out, arguments, &sides, &comparison, &met, voice)?;
    }
    if seeds.len() == 1 {
        voice.note("one seed has no interval: `--seeds 10` tells luck from difference");
    }
    Ok(if arguments.check && missed { Done::Missed } else { Done::Fine })
}

/// Writes the report of a comparison into a folder.
fn write(
    out: &Path,
    arguments: &CompareArguments,
    sides: &[Side],
    comparison: &Comparison,
    met: &[Option<usize>],
    voice: Voice,
) -> Result<(), Failure> {
    let folder = OutputFolder::begin(out)?;
    let first = comparison.seeds.first().copied().unwrap_or(0);
    let texts: Vec<String> = sides.iter().map(|side| side.loaded.text_for(first, &str::to_owned)).collect();
    let again = CompareAgain {
        given: &arguments.scenarios,
        sets: &arguments.set,
        texts: &texts,
        met,
        version: env!("CARGO_PKG_VERSION"),
    };
    let sections = report::html::comparison_sections(comparison, &again);
    let title = comparison.names.join(" and ");
    let mut names = vec!["compare.csv".to_owned(), "run.json".to_owned()];
    for (name, bytes) in super::page::both(&format!("Comparison of {title}"), &sections) {
        folder.write(&name, &bytes)?;
        names.push(name);
    }
    folder.write("compare.csv", report::comparison_csv(comparison).as_bytes())?;
    let scenarios: Vec<_> = sides
        .iter()
        .map(|side| json!({ "path": side.given, "name": side.name, "sha256": side.loaded.sha256() }))
        .collect();
    let about = json!({
        "program": "sim",
        "version": env!("CARGO_PKG_VERSION"),
        "target": output::target(),
        "compare": scenarios,
        "overrides": arguments.set,
        "seed": first,
        "seeds": comparison.seeds.len(),
        "files": names,
        "volatile": output::volatile(),
    });
    folder.write("run.json", output::pretty(&about).as_bytes())?;
    folder.finish()?;
    voice.note(&format!("wrote {} ({}, {} files)", out.display(), super::page::HTML, names.len()));
    Ok(())
}

/// All are read before the first one runs; problems of all are said together.
fn read_all(arguments: &CompareArguments, voice: Voice) -> Result<Vec<Side>, Failure> {
    let (mut sides, mut wrong) = (Vec::new(), Vec::new());
    for given in &arguments.scenarios {
        match side(given, arguments, voice) {
            Ok(side) => sides.push(side),
            Err(Failure::Wrong(text)) => wrong.push(text),
            Err(other) => return Err(other),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::Wrong(wrong.join("\n")));
    }
    // Two scenarios of the same name are told apart by where they stand.
    let names: Vec<String> = sides.iter().map(|side: &Side| side.name.clone()).collect();
    for (side, name) in sides.iter_mut().zip(&names) {
        if names.iter().filter(|other| *other == name).count() > 1 {
            side.name.clone_from(&side.given);
        }
    }
    Ok(sides)
}

fn side(given: &str, arguments: &CompareArguments, voice: Voice) -> Result<Side, Failure> {
    let path = Path::new(given);
    let is_folder = path.is_dir();
    let file = if is_folder { path.join("scenario.toml") } else { PathBuf::from(given) };
    if is_folder && (folder::listed(path).is_none() || !file.exists()) {
        return Err(Failure::Wrong(format!(
            "error: {given} is no folder of a run: it has no readable run.json and scenario.toml\n  = help: name a scenario, or a folder that `sim run` wrote"
        )));
    }
    let (_, loaded) = input::scenario(&file.to_string_lossy(), &arguments.set, voice)?;
    let finished = if is_folder && arguments.set.is_empty() { finished(path) } else { Vec::new() };
    Ok(Side { name: loaded.scenario.name.clone(), given: given.to_owned(), loaded, finished })
}

/// Totals that a run of this version left behind, if its scenario has not been touched since.
fn finished(path: &Path) -> Vec<RunTotals> {
    let changed = |name: &str| -> Option<SystemTime> { std::fs::metadata(path.join(name)).ok()?.modified().ok() };
    let untouched =
        matches!((changed("scenario.toml"), changed("run.json")), (Some(scenario), Some(run)) if scenario <= run);
    let read = |name: &str| -> Option<serde_json::Value> {
        serde_json::from_str(&std::fs::read_to_string(path.join(name)).ok()?).ok()
    };
    let same_version = read("run.json").is_some_and(|run| run["version"] == env!("CARGO_PKG_VERSION"));
    if !untouched || !same_version {
        return Vec::new();
    }
    let Some(mut summary) = read("summary.json") else { return Vec::new() };
    let runs = match summary.get_mut("seeds").map(serde_json::Value::take) {
        Some(serde_json::Value::Array(runs)) => runs,
        _ => vec![summary],
    };
    runs.into_iter().filter_map(|run| serde_json::from_value(run).ok()).collect()
}

/// What was written down counts only if it holds every seed; of several pools it lacks the latencies as a whole.
fn keep_if_whole(side: &mut Side, seeds: &[u64], voice: Voice) {
    let finished = std::mem::take(&mut side.finished);
    let of = |seed: &u64| finished.iter().find(|totals| totals.seed == *seed && totals.pools.len() == 1).cloned();
    if let Some(all) = seeds.iter().map(of).collect::<Option<Vec<_>>>() {
        voice.detail(&format!("{}: read from its summary.json", side.given));
        side.finished = all;
    }
}

fn run_all(
    sides: &[Side],
    seeds: &[u64],
    crew: &Crew,
    voice: Voice,
    stop: &AtomicBool,
) -> Result<Vec<Vec<Seen>>, Failure> {
    let progress = Progress::of("compare", sides.len() * seeds.len(), voice);
    // Seed by seed, so that all sides of a seed run at about the same time.
    let done = crew.in_order(sides.len() * seeds.len(), stop, |piece| {
        let (number, side) = (piece / sides.len(), &sides[piece % sides.len()]);
        let reached = &progress.reached[piece];
        let seen = if let Some(totals) = side.finished.get(number) {
            seen(totals, None)
        } else {
            let meter = Meter { reached, duration: side.loaded.scenario.duration };
            let ran = run_once(&side.loaded, seeds[number], output::tally_plan, stop, meter);
            let ran = ran.map_err(|error| match error {
                RunError::Interrupted => Failure::Interrupted,
                RunError::Trace(error) => Failure::World(error.to_string()),
            })?;
            seen(&ran.totals, Some(&ran.latencies))
        };
        reached.store(1_000, Ordering::Relaxed);
        Ok(seen)
    })?;
    let mut runs: Vec<Vec<Seen>> = sides.iter().map(|_| Vec::with_capacity(seeds.len())).collect();
    for (piece, seen) in done.into_iter().enumerate() {
        runs[piece % sides.len()].push(seen.ok_or(Failure::Interrupted)?);
    }
    Ok(runs)
}

fn seen(totals: &RunTotals, latencies: Option<&crate::record::Latencies>) -> Seen {
    Seen {
        figures: figures(Whole { totals, latencies }, &[]),
        missed: totals.objectives.iter().any(|objective| !objective.met),
    }
}
