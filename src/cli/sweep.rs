//! `sim sweep`: a grid or a sample of settings × seeds; and what it shares with `sim merge`: the folder of a sweep.

use super::args::{Format, Picture, SweepArguments};
use super::folder::OutputFolder;
use super::progress::Progress;
use super::{Done, Failure, Voice, estimate, input, output};
use crate::diagnostics::Problems;
use crate::experiment::journal::{self, Contents, Header};
use crate::experiment::{Crew, JOURNAL, Journal, Results, Sweep, SweepOptions, SweepWork, read_sweep, share_of};
use crate::plot::{
    Dot, HeatmapFigure, Landmark, ParetoFigure, Scale, heatmap_png, heatmap_svg, pareto_png, pareto_svg,
};
use crate::report;
use crate::report::html::Chart;
use crate::scenario;
use serde_json::{Value, json};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Which share of the points: K of N.
type Shard = (u32, u32);

const BASE: &str = "base.toml";
const TEXT: &str = "sweep.toml";

pub(super) fn run(arguments: &SweepArguments, voice: Voice, stop: &AtomicBool) -> Result<Done, Failure> {
    let begun = stopwatch();
    let sweep = read(arguments, voice)?;
    let shard = shard_of(arguments)?;
    let points = share_of(sweep.points(), shard);
    let crew = Crew::new(arguments.jobs.map_or(0, |jobs| jobs as usize)).map_err(Failure::World)?;
    if arguments.dry_run {
        return dry_run(&sweep, &points, &crew, voice, stop);
    }
    if points.len() > 10_000 {
        voice.note(&format!("checking {} points", report::words::count(points.len() as u64)));
    }
    let checked = sweep.check(&points, &crew, stop).map_err(|problems| wrong(&[problems], voice))?;
    let Some(checked) = checked else { return Err(Failure::Interrupted) };
    let mut results = Results::default();
    let place = folder_of(arguments, &sweep, shard);
    let folder = place.as_deref().map(|path| begin(path, &sweep, shard, arguments, voice, &mut results)).transpose()?;
    let before = results.runs();
    let journal = match &folder {
        None => None,
        Some(folder) => {
            let path = folder.path().join(JOURNAL);
            Some(Journal::append_to(&path).map_err(|error| folder.cannot(JOURNAL, &error))?)
        }
    };
    let progress = Progress::counted(&sweep.name, points.len() as u64 * u64::from(sweep.seeds), before as u64, voice);
    let work = SweepWork {
        sweep: &sweep,
        points: &points,
        checked: &checked,
        crew: &crew,
        witness: output::tally_plan,
        journal: journal.as_ref(),
        done: &progress.reached[0],
    };
    let complete = work.run(&mut results, stop);
    drop(progress);
    if let Some(journal) = journal {
        journal.finish().map_err(|error| Failure::World(format!("cannot write the journal: {error}")))?;
    }
    let complete = complete.map_err(Failure::World)?;
    let mut written = Vec::new();
    if let Some(folder) = &folder {
        let about = about(&sweep, arguments, shard, &points, &results, complete);
        written = complete_folder(folder, &sweep, &results, (shard, complete), about, arguments.pictures.chosen())?;
    }
    let took = report::SweepTook { wall_s: begun.elapsed().as_secs_f64(), threads: crew.threads(), before };
    say(&sweep, arguments, voice, &results, (points.len(), complete, &took), place.as_deref(), &written)?;
    if !complete && stop.load(Ordering::Relaxed) {
        let kept =
            if place.is_some() { format!("; `sim sweep {} --resume` goes on", arguments.sweep) } else { String::new() };
        voice.warn(&format!("interrupted: {} runs are kept{kept}", results.runs()));
        return Ok(Done::Stopped);
    }
    Ok(if arguments.check && !results.all_met() { Done::Missed } else { Done::Fine })
}

/// The one wall clock of a sweep: for people who want to know how long it took.
#[allow(clippy::disallowed_methods)]
fn stopwatch() -> Instant {
    Instant::now()
}

fn wrong(problems: &[Problems], voice: Voice) -> Failure {
    Failure::Wrong(problems.iter().map(|problems| problems.render(voice.colour)).collect::<Vec<_>>().join("\n"))
}

fn read(arguments: &SweepArguments, voice: Voice) -> Result<Sweep, Failure> {
    let source = input::source(&arguments.sweep)?;
    let options = SweepOptions {
        sets: arguments.set.clone(),
        seed: arguments.seed,
        seeds: arguments.seeds,
        sort: arguments.sort.clone(),
    };
    let sweep = read_sweep(&source, &options).map_err(|problems| wrong(&problems, voice))?;
    if !sweep.loaded.warnings.list.is_empty() {
        voice.warn(&sweep.loaded.warnings.render(voice.colour));
    }
    Ok(sweep)
}

/// `K/N`, or `/N` with K from the environment of an indexed Kubernetes Job (from 0) or a Slurm array (from its least).
fn shard_of(arguments: &SweepArguments) -> Result<Shard, Failure> {
    let Some(text) = &arguments.shard else { return Ok((1, 1)) };
    let complain = |why: String| {
        Failure::Wrong(format!(
            "error: {why}\n  --shard {text}\n  = help: write K/N with K from 1 to N, or /N in an indexed Job or a Slurm array"
        ))
    };
    let number = |words: &str| words.trim().parse::<u32>().ok();
    let Some((share, of)) = text.split_once('/') else { return Err(complain(format!("`{text}` is no share"))) };
    let of = number(of).filter(|of| (1..=1_000_000).contains(of));
    let Some(of) = of else { return Err(complain(format!("`{text}` is no share"))) };
    let share = if share.trim().is_empty() {
        let from_job = arguments.job_completion_index.as_deref().and_then(number).map(|index| index.saturating_add(1));
        let least = arguments.slurm_array_task_min.as_deref().and_then(number).unwrap_or(1);
        let slurm = arguments.slurm_array_task_id.as_deref().and_then(number);
        from_job.or_else(|| slurm?.checked_sub(least)?.checked_add(1)).ok_or_else(|| {
            complain("neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID says which share this is".to_owned())
        })?
    } else {
        number(share).ok_or_else(|| complain(format!("`{text}` is no share")))?
    };
    if share == 0 || share > of {
        return Err(complain(format!("there is no share {share} of {of}")));
    }
    Ok((share, of))
}

/// Where a sweep is written; `None`: to stdout.
fn folder_of(arguments: &SweepArguments, sweep: &Sweep, (share, of): Shard) -> Option<PathBuf> {
    let part = format!("shard-{share}-of-{of}");
    let by_itself = arguments.shard.as_ref().is_some_and(|text| text.trim_start().starts_with('/'));
    match &arguments.out {
        Some(out) if out == Path::new("-") => None,
        // Every member of an array has the same command line.
        Some(out) if by_itself => Some(out.join(part)),
        Some(out) => Some(out.clone()),
        None if of > 1 => Some(Path::new("output").join(format!("{}-{part}", sweep.name))),
        None => Some(Path::new("output").join(&sweep.name)),
    }
}

fn dry_run(sweep: &Sweep, points: &[usize], crew: &Crew, voice: Voice, stop: &AtomicBool) -> Result<Done, Failure> {
    if sweep.check(points, crew, stop).map_err(|problems| wrong(&[problems], voice))?.is_none() {
        return Err(Failure::Interrupted);
    }
    let runs = points.len() * sweep.seeds as usize;
    let one_s = estimate::run_s(&sweep.loaded.scenario, estimate::requests(&sweep.loaded));
    let all_s = one_s * runs as f64 / crew.threads() as f64;
    voice.result(&format!(
        "would run {}: {}, about {} on {} (each about {})\n",
        sweep.source.name,
        report::sweep_size(sweep, points.len(), runs),
        report::words::duration(all_s.ceil()),
        report::words::counted(crew.threads() as u64, "thread"),
        report::words::latency(one_s),
    ))?;
    Ok(Done::Fine)
}

fn header(sweep: &Sweep, text: &str, shard: Shard) -> Header {
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sweep: sweep.fingerprint(),
        text: scenario::fingerprint(text),
        shard,
    }
}

/// Puts the folder of a sweep in place, with what is known before the first run and the runs that were done before.
fn begin(
    path: &Path,
    sweep: &Sweep,
    shard: Shard,
    arguments: &SweepArguments,
    voice: Voice,
    results: &mut Results,
) -> Result<OutputFolder, Failure> {
    let folder = OutputFolder::begin(path)?;
    let own = header(sweep, &sweep.text_for(BASE), shard);
    if let Some(found) = read_journal(path)? {
        let same = found.header.sweep == own.sweep && found.header.shard == own.shard;
        if arguments.resume {
            if !same {
                return Err(other_sweep(path, &found.header, &own));
            }
            if found.torn {
                voice.note(&format!(
                    "{}: the last line was not written to its end, its run is done again",
                    path.join(JOURNAL).display()
                ));
            }
            take_in(path, sweep, &found, results)?;
        } else if same && !found.entries.is_empty() && !is_complete(path) {
            return Err(Failure::Wrong(format!(
                "error: {} holds {} of this sweep, unfinished\n  = help: go on with `--resume`, choose another folder with `--out DIR`, or remove this one",
                path.display(),
                report::words::counted(found.entries.len() as u64, "run")
            )));
        }
    }
    let text = sweep.text_for(BASE);
    write_journal(&folder, &own, sweep, results)?;
    folder.write(TEXT, text.as_bytes())?;
    folder.write(BASE, base_text(sweep, path).as_bytes())?;
    let points = share_of(sweep.points(), shard);
    let mut about = about(sweep, arguments, shard, &points, results, false);
    about["files"] = json!([BASE, JOURNAL, "run.json", TEXT]);
    folder.write("run.json", output::pretty(&about).as_bytes())?;
    folder.swap()?;
    Ok(folder)
}

fn other_sweep(path: &Path, found: &Header, own: &Header) -> Failure {
    let why = if found.version != own.version {
        format!("it was begun by version {} of sim, this is {}", found.version, own.version)
    } else if found.shard != own.shard {
        format!("it holds share {}/{}, not {}/{}", found.shard.0, found.shard.1, own.shard.0, own.shard.1)
    } else {
        "its axes, seeds or base are others, or a file that the base names has changed".to_owned()
    };
    Failure::Wrong(format!(
        "error: {} holds another sweep: {why}\n  = help: leave `--resume` out to begin anew, or choose another folder with `--out DIR`",
        path.display()
    ))
}

fn is_complete(path: &Path) -> bool {
    let text = std::fs::read_to_string(path.join("run.json")).unwrap_or_default();
    serde_json::from_str::<Value>(&text).is_ok_and(|run| run["complete"] == true)
}

/// The journal of a folder; `None` where there is none, or nothing of it was written to its end.
pub(super) fn read_journal(path: &Path) -> Result<Option<Contents>, Failure> {
    let path = path.join(JOURNAL);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::World(format!("cannot read {}: {error}", path.display()))),
    };
    journal::read(&bytes).map_err(|line| {
        Failure::Wrong(format!(
            "error: {}:{line}: this line is damaged\n  = help: take the file from a copy, or remove the folder and run the sweep again",
            path.display()
        ))
    })
}

/// Takes the runs of a journal in.
pub(super) fn take_in(path: &Path, sweep: &Sweep, found: &Contents, results: &mut Results) -> Result<(), Failure> {
    for entry in &found.entries {
        let seed = usize::try_from(entry.seed.wrapping_sub(sweep.first_seed)).unwrap_or(usize::MAX);
        let known = entry.point < sweep.points() && seed < sweep.max_seeds as usize;
        let taken = known && results.insert(entry.point, seed, &entry.figures).is_ok();
        if !taken {
            return Err(Failure::Wrong(format!(
                "error: {}: point {} with seed {} does not belong to this sweep, or stands there twice with different figures\n  = help: take the file from a copy, or run the sweep again",
                path.join(JOURNAL).display(),
                entry.point + 1,
                entry.seed
            )));
        }
    }
    Ok(())
}

/// The base as it was run, its file paths as they read from the folder.
pub(super) fn base_text(sweep: &Sweep, folder: &Path) -> String {
    sweep.loaded.text_for(sweep.loaded.scenario.seed, &|path| {
        output::relative(&sweep.base.folder.join(path), folder).to_string_lossy().into_owned()
    })
}

/// `run.json` but for its files.
fn about(
    sweep: &Sweep,
    arguments: &SweepArguments,
    (share, of): Shard,
    points: &[usize],
    results: &Results,
    complete: bool,
) -> Value {
    let shard = if of > 1 { Value::String(format!("{share}/{of}")) } else { Value::Null };
    json!({
        "program": "sim",
        "version": env!("CARGO_PKG_VERSION"),
        "target": output::target(),
        "sweep": { "path": sweep.source.name, "name": sweep.name, "sha256": scenario::fingerprint(&sweep.source.text) },
        "base": { "path": sweep.base.name, "sha256": sweep.loaded.sha256() },
        "overrides": arguments.set,
        "seed": sweep.first_seed,
        "seeds": sweep.seeds,
        "shard": shard,
        "points": points.len(),
        "runs": results.runs(),
        "complete": complete,
        "volatile": output::volatile(),
    })
}

/// Writes everything that is known after the runs, and swaps it in; returns the names of the files.
pub(super) fn complete_folder(
    folder: &OutputFolder,
    sweep: &Sweep,
    results: &Results,
    (shard, complete): (Shard, bool),
    mut about: Value,
    pictures: &[Picture],
) -> Result<Vec<String>, Failure> {
    folder.rebuild()?;
    let text = sweep.text_for(BASE);
    write_journal(folder, &header(sweep, &text, shard), sweep, results)?;
    let mut names = vec![JOURNAL.to_owned(), "run.json".to_owned()];
    let mut write = |name: &str, bytes: &[u8]| {
        names.push(name.to_owned());
        folder.write(name, bytes)
    };
    write(TEXT, text.as_bytes())?;
    write(BASE, base_text(sweep, folder.path()).as_bytes())?;
    write("points.csv", sweep.points_csv(results).as_bytes())?;
    write("points_by_seed.csv", sweep.points_by_seed_csv(results).as_bytes())?;
    // Pictures of a share would look like those of the whole.
    let drawn = if shard.1 > 1 { Vec::new() } else { draw(sweep, results, pictures)? };
    for (name, bytes) in &drawn {
        write(name, bytes)?;
    }
    // A report of a share says which share it is by being incomplete.
    let shown: Vec<String> = drawn.into_iter().map(|(name, _)| name).collect();
    for (name, bytes) in documents(sweep, results, complete && shard.1 == 1, folder.path(), pictures, &shown)? {
        write(&name, &bytes)?;
    }
    names.sort();
    about["files"] = json!(names);
    folder.write("run.json", output::pretty(&about).as_bytes())?;
    folder.swap()?;
    Ok(names)
}

/// The runs so far in grid order, on the disk.
fn write_journal(folder: &OutputFolder, header: &Header, sweep: &Sweep, results: &Results) -> Result<(), Failure> {
    let mut file = BufWriter::new(folder.create(JOURNAL)?);
    let written = journal::write(header, results.entries(sweep.first_seed), &mut file);
    written.and_then(|()| file.get_ref().sync_data()).map_err(|error| folder.cannot(JOURNAL, &error))
}

/// The pictures of a folder again, from its journal.
pub(super) fn draw_folder(path: &Path, pictures: &[Picture], voice: Voice) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let source = input::source(&path.join(TEXT).to_string_lossy())?;
    let sweep = read_sweep(&source, &SweepOptions::default()).map_err(|problems| wrong(&problems, voice))?;
    let mut results = Results::default();
    if let Some(found) = read_journal(path)? {
        take_in(path, &sweep, &found, &mut results)?;
    }
    let mut drawn = draw(&sweep, &results, pictures)?;
    if pictures.contains(&Picture::Html) {
        let mut shown = image_names(&sweep, pictures);
        if shown.is_empty() {
            shown = image_names(&sweep, &[Picture::Png]);
            shown.retain(|name| path.join(name).exists());
        }
        drawn.extend(documents(&sweep, &results, is_complete(path), path, pictures, &shown)?);
    }
    Ok(drawn)
}

fn draw(sweep: &Sweep, results: &Results, pictures: &[Picture]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut drawn = Vec::new();
    for picture in pictures.iter().filter(|picture| **picture != Picture::Html) {
        for number in 0..sweep.report.heatmaps.len() {
            drawn.push(draw_heatmap(sweep, results, number, *picture)?);
        }
        drawn.extend(draw_pareto(sweep, results, &subtitle(sweep, results), &[], *picture)?);
    }
    Ok(drawn)
}

/// The report as Markdown, which shows these images, and as one page if that is asked for.
fn documents(
    sweep: &Sweep,
    results: &Results,
    complete: bool,
    folder: &Path,
    pictures: &[Picture],
    images: &[String],
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let as_page = pictures.contains(&Picture::Html);
    let chart = |number: usize, label: String, svg: Option<Vec<u8>>| Chart {
        svg: svg.map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned()),
        label,
        file: images.get(number).cloned().unwrap_or_default(),
        ..Chart::default()
    };
    let mut drawn = Vec::new();
    for (number, map) in sweep.report.heatmaps.iter().enumerate() {
        let (x, y) = (&sweep.axes[map.x].name, &sweep.axes[map.y].name);
        let label = format!("Heat map of {} over {x} and {y}.", shown_as(&map.color).0);
        let svg = if as_page { Some(draw_heatmap(sweep, results, number, Picture::Svg)?.1) } else { None };
        drawn.push(chart(number, label, svg));
    }
    if sweep.report.pareto.is_some() {
        let svg =
            if as_page { draw_pareto(sweep, results, &subtitle(sweep, results), &[], Picture::Svg)? } else { None };
        let label = "What each point costs against what it gives.".to_owned();
        drawn.push(chart(sweep.report.heatmaps.len(), label, svg.map(|(_, bytes)| bytes)));
    }
    drawn.retain(|chart| !(chart.svg.is_empty() && chart.file.is_empty()));
    let charts =
        report::html::SweepCharts { drawn, sweep_text: sweep.text_for(BASE), base_text: base_text(sweep, folder) };
    let sections = report::html::sweep_sections(sweep, results, complete, &charts);
    let wanted = |name: &str| as_page || name == super::page::MARKDOWN;
    Ok(super::page::both(&sweep.name, &sections).into_iter().filter(|(name, _)| wanted(name)).collect())
}

/// `sweep of spike.toml · 165 points × 10 seeds`.
fn subtitle(sweep: &Sweep, results: &Results) -> String {
    let points = results.points().count();
    let least = results.points().map(|point| results.seeds(point).count()).min().unwrap_or(0);
    let seeds = report::words::counted(least as u64, "seed");
    format!("sweep of {} · {} × {seeds}", sweep.loaded.scenario.name, report::words::counted(points as u64, "point"))
}

/// A figure's name with its unit, and what its values are multiplied with.
fn shown_as(figure: &str) -> (String, f64) {
    use crate::experiment::{FigureKey, Unit};
    let Some(key) = FigureKey::of(figure) else { return (figure.to_owned(), 1.0) };
    let (unit, factor) = match key.unit {
        Unit::Share => (", %", 100.0),
        Unit::Seconds => (", s", 1.0),
        Unit::Plain => ("", 1.0),
        Unit::Money => (", USD", 1.0),
    };
    (format!("{}{unit}", key.words()), factor)
}

/// The file of a heat map, without its ending.
fn heatmap_name(sweep: &Sweep, number: usize) -> String {
    let map = &sweep.report.heatmaps[number];
    let short = |axis: usize| sweep.axes[axis].short(&sweep.axes);
    format!("heatmap_{}_{}_{}", short(map.x), short(map.y), map.color)
}

/// The images that are drawn first of these, in the order in which they are drawn.
fn image_names(sweep: &Sweep, pictures: &[Picture]) -> Vec<String> {
    let ending = match pictures.iter().find(|picture| **picture != Picture::Html) {
        Some(Picture::Png) => "png",
        Some(Picture::Svg) => "svg",
        Some(Picture::Html) | None => return Vec::new(),
    };
    let maps = (0..sweep.report.heatmaps.len()).map(|number| heatmap_name(sweep, number));
    let pareto = sweep.report.pareto.iter().map(|_| "pareto".to_owned());
    maps.chain(pareto).map(|stem| format!("{stem}.{ending}")).collect()
}

fn draw_heatmap(
    sweep: &Sweep,
    results: &Results,
    number: usize,
    picture: Picture,
) -> Result<(String, Vec<u8>), Failure> {
    let map = &sweep.report.heatmaps[number];
    let (title, factor) = shown_as(&map.color);
    let short = |axis: usize| sweep.axes[axis].short(&sweep.axes);
    let others: Vec<String> = (0..sweep.axes.len())
        .filter(|&axis| axis != map.x && axis != map.y && sweep.axes[axis].labels.len() != 1)
        .map(short)
        .collect();
    let mean = if others.is_empty() { String::new() } else { format!(" · mean over {}", others.join(", ")) };
    let mut cells = results.cells(sweep, map);
    cells.iter_mut().flatten().flatten().for_each(|value| *value *= factor);
    let figure = HeatmapFigure {
        title: &title,
        subtitle: &format!("{}{mean}", subtitle(sweep, results)),
        x: &sweep.axes[map.x].name,
        y: &sweep.axes[map.y].name,
        x_labels: &sweep.axes[map.x].labels,
        y_labels: &sweep.axes[map.y].labels,
        cells: &cells,
        own: sweep.own_level(map.x).zip(sweep.own_level(map.y)),
    };
    let name = heatmap_name(sweep, number);
    Ok(match picture {
        Picture::Png => (format!("{name}.png"), heatmap_png(&figure, 2).map_err(cannot_draw)?),
        Picture::Svg | Picture::Html => {
            (format!("{name}.svg"), heatmap_svg(&figure).map_err(cannot_draw)?.into_bytes())
        }
    })
}

fn cannot_draw(error: crate::plot::PlotError) -> Failure {
    Failure::World(format!("cannot draw: {error}"))
}

/// A point's settings, and its figures on the chart.
fn point_in_words(sweep: &Sweep, results: &Results, point: usize) -> String {
    let axes = sweep.axes.iter().zip(sweep.point(point).labels);
    let settings = axes.map(|(axis, label)| format!("{} {label}", axis.short(&sweep.axes)));
    let shown = sweep.report.pareto.iter().flat_map(|pareto| [&pareto.cost, &pareto.against]);
    let figures = shown.filter_map(|figure| {
        let (words, factor) = shown_as(figure);
        results.estimate(point, figure).map(|estimate| format!("{words}: {:.4}", estimate.mean * factor))
    });
    settings.chain(figures).collect::<Vec<_>>().join(" · ")
}

pub(super) fn draw_pareto(
    sweep: &Sweep,
    results: &Results,
    subtitle: &str,
    landmarks: &[Landmark],
    picture: Picture,
) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let Some(pareto) = &sweep.report.pareto else { return Ok(None) };
    let front = report::pareto_front(sweep, results);
    let ((x, x_factor), (y, y_factor)) = (shown_as(&pareto.cost), shown_as(&pareto.against));
    let mean = |point: usize, figure: &str| results.estimate(point, figure).map(|estimate| estimate.mean);
    let dots: Vec<Dot> = results
        .points()
        .filter_map(|point| {
            Some(Dot {
                cost: mean(point, &pareto.cost)? * x_factor,
                value: mean(point, &pareto.against)? * y_factor,
                group: pareto.color.and_then(|axis| sweep.level(point, axis)).unwrap_or(0),
                front: front.iter().position(|&other| other == point).map(|place| place + 1),
            })
        })
        .collect();
    let names: Vec<String> = results
        .points()
        .filter(|&point| mean(point, &pareto.cost).and(mean(point, &pareto.against)).is_some())
        .map(|point| point_in_words(sweep, results, point))
        .collect();
    let least = dots.iter().map(|dot| dot.value).fold(f64::INFINITY, f64::min);
    let most = dots.iter().map(|dot| dot.value).fold(0.0, f64::max);
    let wide = y.ends_with(", s") && least > 0.0 && most > 10.0 * least;
    let landmarks: Vec<Landmark> = landmarks
        .iter()
        .map(|one| Landmark { cost: one.cost * x_factor, value: one.value * y_factor, words: one.words.clone() })
        .collect();
    let groups = pareto.color.map_or(&[][..], |axis| &sweep.axes[axis].labels);
    let figure = ParetoFigure {
        title: &format!("{} against {}", x.split(',').next().unwrap_or(&x), y.split(',').next().unwrap_or(&y)),
        subtitle: &format!("{subtitle}; the line joins those that none beats on both"),
        x: &x,
        y: if wide { y.trim_end_matches(", s") } else { &y },
        scale: if wide { Scale::LogSeconds } else { Scale::Linear },
        dots: &dots,
        landmarks: &landmarks,
        groups,
        names: &names,
    };
    Ok(Some(match picture {
        Picture::Png => ("pareto.png".to_owned(), pareto_png(&figure, 2).map_err(cannot_draw)?),
        Picture::Svg | Picture::Html => {
            ("pareto.svg".to_owned(), pareto_svg(&figure).map_err(cannot_draw)?.into_bytes())
        }
    }))
}

fn say(
    sweep: &Sweep,
    arguments: &SweepArguments,
    voice: Voice,
    results: &Results,
    (points, complete, took): (usize, bool, &report::SweepTook),
    place: Option<&Path>,
    written: &[String],
) -> Result<(), Failure> {
    let Some(place) = place else { return voice.result(&sweep.points_csv(results)) };
    if voice.quiet >= 2 {
        return Ok(());
    }
    let top = arguments.top.map(|top| top as usize);
    let points_csv = place.join("points.csv").display().to_string();
    match arguments.form.chosen() {
        Format::Json => voice.result(&report::sweep_json_lines(sweep, results))?,
        Format::Csv => voice.result(&sweep.points_csv(results))?,
        Format::Markdown => voice.result(&report::sweep_markdown(sweep, results, top))?,
        Format::Table => {
            let head = report::sweep_head(sweep, results, points, complete, took);
            voice.result(&format!("{head}\n{}", report::sweep_table(sweep, results, top, Some(&points_csv))))?;
            voice.note(&wrote(place, written));
        }
    }
    voice.detail(&format!("{:.0} runs/s", (results.runs() - took.before) as f64 / took.wall_s.max(1e-9)));
    Ok(())
}

/// `wrote output/spike-sweep (heat map, pareto.png, report.md)`.
pub(super) fn wrote(place: &Path, written: &[String]) -> String {
    let maps = written.iter().filter(|name| name.starts_with("heatmap_")).count();
    let mut parts = match maps {
        0 => Vec::new(),
        1 => vec!["heat map".to_owned()],
        many => vec![format!("{many} heat maps")],
    };
    parts.extend(written.iter().filter(|name| name.starts_with("pareto.") || name.starts_with("report.")).cloned());
    format!("wrote {} ({})", place.display(), parts.join(", "))
}
