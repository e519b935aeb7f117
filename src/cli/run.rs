//! `sim run`: check everything, simulate, write, say what came out.

use super::args::{Format, RunArguments};
use super::estimate::{self, Meter};
use super::folder::OutputFolder;
use super::progress::Progress;
use super::{Done, Failure, Voice, input, output};
use crate::diagnostics::Source;
use crate::record::{FileRecorder, PooledLatency, Recorder, RunTotals, Tally};
use crate::report;
use crate::scenario::Loaded;
use crate::simulation::{self, RunError, RunStats};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// A scenario that is to be run, and where to.
struct Job {
    source: Source,
    loaded: Loaded,
    seeds: Vec<u64>,
    /// `None`: the time series goes to stdout.
    folder: Option<PathBuf>,
}

/// One run with one seed.
struct Ran {
    tally: Tally,
    stats: RunStats,
    watched: Vec<String>,
    wall_s: f64,
}

pub(super) fn run(arguments: &RunArguments, voice: Voice, stop: &AtomicBool) -> Result<Done, Failure> {
    let jobs = read_all(arguments, voice)?;
    if arguments.dry_run {
        return dry_run(&jobs, voice);
    }
    let threads = arguments.jobs.map_or(0, |jobs| jobs as usize);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Failure::World(format!("cannot start threads: {error}")))?;
    let mut missed = false;
    for job in &jobs {
        let totals = run_job(job, arguments, voice, stop, &pool)?;
        missed |= totals.iter().any(|totals| totals.objectives.iter().any(|objective| !objective.met));
    }
    Ok(if arguments.check && missed { Done::Missed } else { Done::Fine })
}

/// All scenarios are checked before the first one runs.
fn read_all(arguments: &RunArguments, voice: Voice) -> Result<Vec<Job>, Failure> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut wrong = Vec::new();
    let several = arguments.scenarios.len() > 1;
    let to_stdout = arguments.out.as_deref() == Some(Path::new("-"));
    if to_stdout && several {
        return Err(Failure::Wrong(
            "error: `--out -` writes one time series, and there are several scenarios".to_owned(),
        ));
    }
    for path in &arguments.scenarios {
        match input::scenario(path, &arguments.set, voice) {
            Ok((source, loaded)) => {
                let first = arguments.seed.unwrap_or(loaded.scenario.seed);
                let name = &loaded.scenario.name;
                let folder = match &arguments.out {
                    _ if to_stdout => None,
                    Some(out) if several => Some(out.join(name)),
                    Some(out) => Some(out.clone()),
                    None => Some(Path::new("output").join(name)),
                };
                if let Some(twin) = jobs.iter().find(|job| folder.is_some() && job.folder == folder) {
                    wrong.push(format!(
                        "error: {} and {path} would both be written to {}\n  = help: give them different names",
                        twin.source.name,
                        folder.as_deref().unwrap_or(Path::new("")).display()
                    ));
                }
                let seeds = (0..u64::from(arguments.seeds)).map(|n| first.wrapping_add(n)).collect();
                jobs.push(Job { source, loaded, seeds, folder });
            }
            Err(Failure::Wrong(text)) => wrong.push(text),
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(jobs) } else { Err(Failure::Wrong(wrong.join("\n"))) }
}

fn dry_run(jobs: &[Job], voice: Voice) -> Result<Done, Failure> {
    for job in jobs {
        let folder = job.folder.as_deref().map_or_else(|| "stdout".to_owned(), |folder| folder.display().to_string());
        voice.result(&format!(
            "would run {} × {} seed{}: {} each, into {folder}\n",
            job.source.name,
            job.seeds.len(),
            if job.seeds.len() == 1 { "" } else { "s" },
            estimate::words(&job.loaded),
        ))?;
    }
    Ok(Done::Fine)
}

fn run_job(
    job: &Job,
    arguments: &RunArguments,
    voice: Voice,
    stop: &AtomicBool,
    pool: &rayon::ThreadPool,
) -> Result<Vec<RunTotals>, Failure> {
    let begun = stopwatch();
    let folder = job.folder.as_deref().map(OutputFolder::begin).transpose()?;
    let mut files = FileRecorder::new(output::plan(&job.loaded.scenario, folder.as_ref(), arguments.requests)?);
    let progress = Progress::of(&job.loaded.scenario.name, job.seeds.len(), voice);
    let ran: Result<Vec<Ran>, Failure> = {
        let first = std::sync::Mutex::new(Some(&mut files));
        pool.install(|| {
            job.seeds
                .par_iter()
                .enumerate()
                .map(|(number, &seed)| {
                    let own = first.lock().expect("no run panics").take_if(|_| number == 0);
                    one_run(job, seed, own, arguments, &progress.reached[number], stop)
                })
                .collect()
        })
    };
    drop(progress);
    let ran = ran?;
    files.finish().map_err(|error| match &folder {
        Some(folder) => folder.cannot(error.file, &error.source),
        None => Failure::World(format!("cannot write {}: {}", error.file, error.source)),
    })?;
    let totals: Vec<RunTotals> = ran.iter().map(|ran| ran.tally.totals()).collect();
    let pooled = Tally::pooled_latencies(ran.iter().map(|ran| &ran.tally));
    let wall_s = begun.elapsed().as_secs_f64();
    let events: u64 = ran.iter().map(|ran| ran.stats.events).sum();
    let mut written = Vec::new();
    let mut notes = assumptions(&job.loaded.text);
    if let Some(folder) = folder {
        written = output::complete(&folder, job_files(job, arguments), &ran[0].tally, &totals, &pooled)?;
        let path = folder.path().to_path_buf();
        folder.finish()?;
        if totals[0].objectives.iter().any(|objective| !objective.met) {
            notes.extend(super::explain::evidence(&path)?);
        }
    }
    let context = report::SummaryContext {
        wall_s: Some(wall_s),
        events_per_s: Some(events as f64 / wall_s.max(1e-9)),
        stories: ran[0].tally.stories(),
        notes,
        run: job.folder.as_deref().map(|folder| folder.display().to_string()),
        ..report::SummaryContext::default()
    };
    say(job, arguments, voice, &ran, (&totals, &pooled), &context, &written)?;
    Ok(totals)
}

/// What an import had to assume stands at the head of the scenario that it wrote, and is said with every result.
pub(super) fn assumptions(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("# assumed: ")).map(|line| format!("assumed {line}")).collect()
}

fn job_files<'a>(job: &'a Job, arguments: &'a RunArguments) -> output::Files<'a> {
    let pictures = arguments.pictures.chosen();
    output::Files {
        source: &job.source,
        loaded: &job.loaded,
        sets: &arguments.set,
        seeds: &job.seeds,
        pictures,
        requests: arguments.requests,
    }
}

/// The one wall clock of a run: for people who want to know how long it took.
#[allow(clippy::disallowed_methods)]
fn stopwatch() -> Instant {
    Instant::now()
}

fn one_run(
    job: &Job,
    seed: u64,
    files: Option<&mut FileRecorder>,
    arguments: &RunArguments,
    reached: &AtomicU64,
    stop: &AtomicBool,
) -> Result<Ran, Failure> {
    let scenario = &job.loaded.scenario;
    let begun = stopwatch();
    let mut tally = Tally::new(output::tally_plan(scenario, seed));
    let mut meter = Meter { reached, duration: scenario.duration };
    let mut watch = output::WatchHpa::new(scenario);
    let mut traces = |load: usize| job.loaded.open_trace(load);
    fn go<R: Recorder>(
        job: &Job,
        seed: u64,
        traces: simulation::Traces<'_>,
        stop: &AtomicBool,
        mut recorder: R,
    ) -> Result<RunStats, Failure> {
        simulation::run(&job.loaded.scenario, seed, traces, stop, &mut recorder).map_err(|error| match error {
            RunError::Interrupted => Failure::Interrupted,
            RunError::Trace(error) => Failure::World(error.to_string()),
        })
    }
    let stats = match (files, arguments.watch_hpa) {
        (Some(files), true) => go(job, seed, &mut traces, stop, (&mut tally, (files, (&mut meter, &mut watch)))),
        (Some(files), false) => go(job, seed, &mut traces, stop, (&mut tally, (files, &mut meter))),
        (None, _) => go(job, seed, &mut traces, stop, (&mut tally, &mut meter)),
    }?;
    reached.store(1_000, Ordering::Relaxed);
    Ok(Ran { tally, stats, watched: watch.lines, wall_s: begun.elapsed().as_secs_f64() })
}

fn say(
    job: &Job,
    arguments: &RunArguments,
    voice: Voice,
    ran: &[Ran],
    (totals, pooled): (&[RunTotals], &[PooledLatency]),
    context: &report::SummaryContext,
    written: &[String],
) -> Result<(), Failure> {
    if voice.quiet >= 2 || job.folder.is_none() {
        return Ok(());
    }
    for line in ran[0].watched.iter().filter(|_| arguments.watch_hpa) {
        voice.result(line)?;
    }
    let format = arguments.form.chosen();
    match format {
        Format::Json => voice.result(&report::runs_json_lines(totals))?,
        Format::Csv => voice.result(&report::totals_csv(totals))?,
        Format::Markdown => voice.result(&report::totals_markdown(totals))?,
        Format::Table if totals.len() > 1 => voice.result(&report::seeds_summary(totals, pooled))?,
        Format::Table => voice.result(&report::run_summary(&totals[0], context))?,
    }
    if let (Some(folder), Format::Table) = (&job.folder, format) {
        let shown = |file: &&String| {
            file.starts_with("timeline.p") || file.starts_with("timeline.s") || *file == super::page::HTML
        };
        let picture: String = written.iter().filter(shown).map(|picture| format!("{picture}, ")).collect();
        voice.note(&format!("wrote {} ({picture}{} files)", folder.display(), written.len()));
    }
    for ran in ran {
        let rate = ran.stats.events as f64 / ran.wall_s.max(1e-9);
        voice.detail(&format!("{} events in {:.2} s, {:.1} M events/s", ran.stats.events, ran.wall_s, rate / 1e6));
    }
    Ok(())
}
