//! `sim plan`: the cheapest setting that meets the objectives, and how far it carries.

use super::args::{Format, Picture, PlanArguments};
use super::folder::OutputFolder;
use super::progress::Progress;
use super::sweep::draw_pareto;
use super::{Done, Failure, Voice, estimate, export, input, output};
use crate::diagnostics::Problems;
use crate::experiment::Crew;
use crate::experiment::plan::Plan;
use crate::experiment::plan::read::{PlanOptions, read_plan};
use crate::experiment::plan::search::{Outcome, Search, Workshop};
use crate::experiment::stats;
use crate::manifest::hpa_to_yaml;
use crate::plot::Landmark;
use crate::report;
use crate::report::PlanFound;
use crate::report::html::{Chart, PlanTexts};
use crate::scenario;
use crate::scenario::Loaded;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What the recommended scenario is called, and its file.
const PLANNED: &str = "planned";

/// Runs per candidate that a bar reckons with.
const RUNS_PER_CANDIDATE: u64 = 4;

pub(super) fn run(arguments: &PlanArguments, voice: Voice, stop: &AtomicBool) -> Result<Done, Failure> {
    let plan = read(arguments, voice)?;
    let crew = Crew::new(arguments.jobs.map_or(0, |jobs| jobs as usize)).map_err(Failure::World)?;
    let points: Vec<usize> = (0..plan.grid.points()).collect();
    let checked = plan.grid.check(&points, &crew, stop).map_err(|problems| wrong(&[problems], voice))?;
    let Some(checked) = checked else { return Err(Failure::Interrupted) };
    if arguments.dry_run {
        return dry_run(&plan, &crew, voice);
    }
    let place = match &arguments.out {
        Some(out) if out == Path::new("-") => None,
        Some(out) => Some(out.clone()),
        None => Some(Path::new("output").join(&plan.grid.name)),
    };
    let folder = place.as_deref().map(OutputFolder::begin).transpose()?;
    let progress = Progress::counted(&plan.grid.name, points.len() as u64 * RUNS_PER_CANDIDATE, 0, voice);
    let workshop = Workshop { crew: &crew, witness: output::tally_plan, stop, done: &progress.reached[0] };
    let search = plan.search(&checked, workshop).map_err(Failure::World)?.ok_or(Failure::Interrupted)?;
    let found = found(&plan, &search, workshop)?;
    drop(progress);
    let mut written = Vec::new();
    if let Some(folder) = folder {
        written = write(&folder, &plan, &search, found.as_ref(), arguments, stop)?;
        folder.finish()?;
    }
    say(&plan, arguments, voice, (&search, found.as_ref()), place.as_deref(), &written)?;
    Ok(if found.is_some() { Done::Fine } else { Done::Missed })
}

fn wrong(problems: &[Problems], voice: Voice) -> Failure {
    Failure::Wrong(problems.iter().map(|problems| problems.render(voice.colour)).collect::<Vec<_>>().join("\n"))
}

fn read(arguments: &PlanArguments, voice: Voice) -> Result<Plan, Failure> {
    let source = input::source(&arguments.plan)?;
    let options = PlanOptions { sets: arguments.set.clone(), seed: arguments.seed, seeds: arguments.seeds };
    let plan = read_plan(&source, &options).map_err(|problems| wrong(&problems, voice))?;
    if !plan.grid.loaded.warnings.list.is_empty() {
        voice.warn(&plan.grid.loaded.warnings.render(voice.colour));
    }
    Ok(plan)
}

/// The fewest runs, one of each candidate, and how long they take; how many more depends on what they show.
fn dry_run(plan: &Plan, crew: &Crew, voice: Voice) -> Result<Done, Failure> {
    let points = plan.grid.points();
    let one_s = estimate::run_s(&plan.grid.loaded.scenario, estimate::requests(&plan.grid.loaded));
    let all_s = one_s * points as f64 * RUNS_PER_CANDIDATE as f64 / crew.threads() as f64;
    voice.result(&format!(
        "would run {}: {}; the first look is {}, the whole about {} on {} (each run about {})\n",
        plan.grid.source.name,
        report::plan_size(plan),
        report::words::counted(points as u64, "run"),
        report::words::duration(all_s.ceil()),
        report::words::counted(crew.threads() as u64, "thread"),
        report::words::latency(one_s),
    ))?;
    Ok(Done::Fine)
}

/// What is now under the winner's seeds, the winner under fresh ones, and how far it carries.
fn found(plan: &Plan, search: &Search, workshop: Workshop<'_>) -> Result<Option<PlanFound>, Failure> {
    let Some(winner) = search.race.winner() else { return Ok(None) };
    let quantiles = plan.grid.quantiles();
    let runs = |loaded: &Loaded, first: u64, count: u64| -> Result<Vec<Outcome>, Failure> {
        let seeds: Vec<u64> = (0..count).map(|number| first.wrapping_add(number)).collect();
        workshop.all(loaded, &seeds, &quantiles).map_err(Failure::World)?.ok_or(Failure::Interrupted)
    };
    let now = runs(&plan.grid.loaded, plan.grid.first_seed, search.race.held(winner).1 as u64)?;
    let planned = planned(plan, winner)?;
    let fresh = runs(&planned, plan.first_fresh_seed(), plan.grid.max_seeds.into())?;
    let around = plan.look_around(winner, workshop).map_err(Failure::World)?.ok_or(Failure::Interrupted)?;
    Ok(Some(PlanFound { winner, now, fresh, around }))
}

/// The scenario that is recommended.
fn planned(plan: &Plan, winner: usize) -> Result<Loaded, Failure> {
    let mut sets = plan.sets_of(winner);
    sets.push(format!("name={PLANNED:?}"));
    scenario::load(&plan.grid.base, &sets)
        .map_err(|_| Failure::World(format!("{} changed since it was read", plan.grid.base.name)))
}

/// Its text, with file paths as they read from a folder.
fn planned_text(plan: &Plan, planned: &Loaded, folder: &Path) -> String {
    planned.text_for(planned.scenario.seed, &|path| {
        output::relative(&plan.grid.base.folder.join(path), folder).to_string_lossy().into_owned()
    })
}

/// Writes one file after the other and remembers their names.
struct Writer<'a> {
    folder: &'a OutputFolder,
    names: Vec<String>,
}

impl Writer<'_> {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.names.push(name.to_owned());
        self.folder.write(name, bytes)
    }
}

/// Writes everything; returns the names of the files.
fn write(
    folder: &OutputFolder,
    plan: &Plan,
    search: &Search,
    found: Option<&PlanFound>,
    arguments: &PlanArguments,
    stop: &AtomicBool,
) -> Result<Vec<String>, Failure> {
    let mut writer = Writer { folder, names: Vec::new() };
    let pictures = arguments.pictures.chosen();
    let mut texts = match found {
        Some(found) => recommend(&mut writer, plan, found, pictures, stop)?,
        None => PlanTexts::default(),
    };
    let subtitle = format!("plan {} · {}", plan.grid.name, report::plan_size(plan));
    let landmarks = landmarks(plan, search, found);
    for picture in pictures {
        let drawn = draw_pareto(&plan.grid, &search.results, &subtitle, &landmarks, *picture)?;
        match (drawn, picture) {
            (None, _) => {}
            (Some((_, bytes)), Picture::Html) => texts.pareto_svg = String::from_utf8_lossy(&bytes).into_owned(),
            (Some((name, bytes)), Picture::Png | Picture::Svg) => {
                writer.write(&name, &bytes)?;
                texts.pareto_file = name;
            }
        }
    }
    writer.write("candidates.csv", plan.grid.points_csv(&search.results).as_bytes())?;
    let sections = report::html::plan_sections(plan, search, found, &texts);
    for (name, bytes) in super::page::both(&plan.grid.name, &sections) {
        if name == super::page::MARKDOWN || pictures.contains(&Picture::Html) {
            writer.write(&name, &bytes)?;
        }
    }
    let mut names = writer.names;
    names.push("run.json".to_owned());
    let about = json!({
        "program": "sim",
        "version": env!("CARGO_PKG_VERSION"),
        "target": output::target(),
        "plan": {
            "path": plan.grid.source.name, "name": plan.grid.name,
            "sha256": scenario::fingerprint(&plan.grid.source.text),
        },
        "base": { "path": plan.grid.base.name, "sha256": plan.grid.loaded.sha256() },
        "overrides": arguments.set,
        "seed": plan.grid.first_seed,
        "first_fresh_seed": plan.first_fresh_seed(),
        "result": report::plan_json(plan, search, found),
        "files": names,
        "volatile": output::volatile(),
    });
    folder.write("run.json", output::pretty(&about).as_bytes())?;
    Ok(names)
}

/// Writes the recommendation as a scenario, as an autoscaler where it has one, and as a picture of how it goes.
fn recommend(
    writer: &mut Writer<'_>,
    plan: &Plan,
    found: &PlanFound,
    pictures: &[Picture],
    stop: &AtomicBool,
) -> Result<PlanTexts, Failure> {
    let planned = planned(plan, found.winner)?;
    let mut texts = PlanTexts { planned: planned_text(plan, &planned, writer.folder.path()), ..PlanTexts::default() };
    writer.write(&format!("{PLANNED}.toml"), texts.planned.as_bytes())?;
    let hpas = export::hpas(&planned.scenario, None).unwrap_or_default();
    let hpas: Vec<String> = hpas.iter().map(|(name, spec)| hpa_to_yaml(name, spec)).collect();
    if !hpas.is_empty() {
        texts.hpa = hpas.join("---\n");
        writer.write("hpa.yaml", texts.hpa.as_bytes())?;
    }
    if pictures.is_empty() {
        return Ok(texts);
    }
    let seed = plan.grid.first_seed;
    let drawn = output::draw_run(&planned, seed, writer.folder, pictures, stop)?;
    let mut timeline = Chart {
        label: format!("{PLANNED}: load, replicas, latency, utilization and queue over time."),
        caption: format!("The recommended setting under seed {seed}."),
        ..drawn.chart.unwrap_or_default()
    };
    for (kind, bytes) in &drawn.images {
        timeline.file = format!("{PLANNED}.{kind}");
        writer.write(&timeline.file, bytes)?;
    }
    texts.timeline = Some(timeline);
    Ok(texts)
}

/// Where things stand now and where they should.
fn landmarks(plan: &Plan, search: &Search, found: Option<&PlanFound>) -> Vec<Landmark> {
    let (Some(found), Some(pareto)) = (found, &plan.grid.report.pareto) else { return Vec::new() };
    let now = |figure: &str| {
        let values: Vec<f64> = found.now.iter().filter_map(|outcome| outcome.figure(figure)).collect();
        stats::estimate(&values).map(|estimate| estimate.mean)
    };
    let planned = |figure: &str| search.results.estimate(found.winner, figure).map(|estimate| estimate.mean);
    let landmark = |words: &str, of: &dyn Fn(&str) -> Option<f64>| {
        Some(Landmark { cost: of(&pareto.cost)?, value: of(&pareto.against)?, words: words.to_owned() })
    };
    [landmark("now", &now), landmark("recommended", &planned)].into_iter().flatten().collect()
}

fn say(
    plan: &Plan,
    arguments: &PlanArguments,
    voice: Voice,
    (search, found): (&Search, Option<&PlanFound>),
    place: Option<&Path>,
    written: &[String],
) -> Result<(), Failure> {
    let Some(place) = place else {
        return match found {
            Some(found) => voice.result(&planned_text(plan, &planned(plan, found.winner)?, &PathBuf::from("."))),
            None => {
                voice.warn(&report::plan_table(plan, search, None));
                Ok(())
            }
        };
    };
    if voice.quiet >= 2 {
        return Ok(());
    }
    match arguments.form.chosen() {
        Format::Json => voice.result(&format!("{}\n", report::plan_json(plan, search, found)))?,
        Format::Csv => voice.result(&plan.grid.points_csv(&search.results))?,
        Format::Markdown => voice.result(&report::plan_markdown(plan, search, found))?,
        Format::Table => {
            voice.result(&report::plan_table(plan, search, found))?;
            let names: Vec<&str> = written.iter().map(String::as_str).filter(|name| *name != "run.json").collect();
            voice.note(&format!("\nwrote {} ({})", place.display(), names.join(", ")));
            if found.is_some() {
                let file = place.join(format!("{PLANNED}.toml"));
                voice.note(&format!("try it:  sim run {}", file.display()));
            }
        }
    }
    Ok(())
}
