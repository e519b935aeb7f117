//! What a run writes besides its time series, and what the recorders need to know of a scenario.

use super::Failure;
use super::args::Picture;
use super::folder::OutputFolder;
use super::page::{About, Told, totals_of_all_seeds};
use crate::diagnostics::Source;
use crate::experiment::crew::run_once;
use crate::plot::{ModelTicks, PlotError, PoolFigure, ServerFigure, TimelineFigure, timeline_png, timeline_svg};
use crate::record::{
    ConditionSpec, Figure, FilePlan, FileRecorder, LatencyRow, ModelName, ModelRow, Objective, ObjectiveScope,
    PooledLatency, Recorder, RunTotals, ScalerPlan, SeldonNames, ServerName, ServerRow, Sink, TableReader, TableWriter,
    Tally, TallyPlan, TallyPool, TimelineRow, Truth,
};
use crate::report;
use crate::report::html::Chart;
use crate::scalers::{Report, ScalerSpec};
use crate::scenario::{Loaded, PoolSpec, Scenario, SeldonModel, SeldonServer, SeldonSpec};
use crate::simulation::RunError;
use crate::units::{Id, ScalerId, SimTime};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What is written into a folder.
pub(super) struct Files<'a> {
    pub source: &'a Source,
    pub loaded: &'a Loaded,
    pub sets: &'a [String],
    pub seeds: &'a [u64],
    pub pictures: &'a [Picture],
    pub requests: bool,
}

/// `maxReplicas` of the chart's Servers.
const CHART_MAX_REPLICAS: u32 = 1;

/// Pools whose scaler is somebody, in the order of their scaler's numbers.
fn scaled(scenario: &Scenario) -> impl Iterator<Item = &PoolSpec> {
    scenario.pools.iter().filter(|pool| !matches!(pool.scaler, ScalerSpec::Fixed | ScalerSpec::SeldonLag))
}

/// Kind of a scaler, as tables name it.
pub(super) fn kind_of(scaler: &ScalerSpec) -> &'static str {
    match scaler {
        ScalerSpec::Fixed => "fixed",
        ScalerSpec::Schedule(_) => "schedule",
        ScalerSpec::Hpa(_) => "hpa",
        ScalerSpec::SeldonLag => "seldon-lag",
    }
}

/// What tables say of scalers: those of pools in file order, then those of models, as the run numbers them.
fn scalers(scenario: &Scenario) -> Vec<ScalerPlan> {
    let is_server = |name: &str| {
        scenario.seldon.as_ref().is_some_and(|seldon| seldon.servers.iter().any(|server| server.spec.name == name))
    };
    let pools = scaled(scenario).map(|pool| {
        let kind = if is_server(&pool.name) { "server".to_owned() } else { pool.kind.as_str().to_lowercase() };
        ScalerPlan {
            object: format!("{kind}/{}", pool.name),
            pool: pool.name.clone(),
            kind: kind_of(&pool.scaler).to_owned(),
        }
    });
    let models = scenario.seldon.iter().flat_map(|seldon| &seldon.models);
    let models = models.filter(|model| model.scaler != ScalerSpec::Fixed).map(|model| ScalerPlan {
        object: format!("model/{}", model.spec.name),
        pool: model.spec.name.clone(),
        kind: kind_of(&model.scaler).to_owned(),
    });
    pools.chain(models).collect()
}

/// What the file recorder needs to know.
pub(super) fn plan(scenario: &Scenario, folder: Option<&OutputFolder>, requests: bool) -> Result<FilePlan, Failure> {
    let open = |name: &str| -> Result<Sink, Failure> {
        match folder {
            Some(folder) => Ok(Box::new(BufWriter::with_capacity(1 << 16, folder.create(name)?))),
            None if name == "timeline.csv" => Ok(Box::new(std::io::stdout())),
            None => Ok(Box::new(std::io::sink())),
        }
    };
    let seldon = seldon_plan(scenario);
    let of_seldon = !seldon.is_empty();
    Ok(FilePlan {
        tick: scenario.tick,
        seldon,
        pools: scenario.pools.iter().map(|pool| pool.name.clone()).collect(),
        loads: scenario.loads.iter().map(|load| load.name.clone()).collect(),
        scalers: scalers(scenario),
        timeline: open("timeline.csv")?,
        decisions: open("decisions.csv")?,
        events: open("events.csv")?,
        requests: if requests { Some(open("requests.csv")?) } else { None },
        models_and_servers: if of_seldon { Some((open("models.csv")?, open("servers.csv")?)) } else { None },
    })
}

/// What the reader of any summary must know: nothing of the kind has been released.
fn departures(seldon: &SeldonSpec) -> Vec<String> {
    if !seldon.is_unreleased() {
        return Vec::new();
    }
    let version = seldon.core.version.name();
    vec![format!(
        "departure: models are scaled by inference lag in {version} (core.forced_off = false); no release of {version} does this"
    )]
}

/// What witnesses must know of models, servers and pipelines.
pub(super) fn seldon_plan(scenario: &Scenario) -> SeldonNames {
    let Some(seldon) = &scenario.seldon else { return SeldonNames::default() };
    let most = |server: &SeldonServer| {
        let effective = server.spec.scaling.effective(seldon.core.version).ok()?;
        Some(effective.max).filter(|&most| most > 0 && most != u32::MAX)
    };
    SeldonNames {
        models: seldon
            .models
            .iter()
            .map(|model| ModelName {
                name: model.spec.name.clone(),
                server: model.spec.server.clone(),
                scaler: kind_of(&model.scaler).to_owned(),
            })
            .collect(),
        servers: seldon
            .servers
            .iter()
            .map(|server| ServerName {
                pool: server.pool,
                max_replicas: most(server),
                max_is_default: server.spec.scaling.max == Some(CHART_MAX_REPLICAS),
            })
            .collect(),
        flows: seldon.flows.iter().map(|flow| flow.name.clone()).collect(),
        departures: departures(seldon),
    }
}

/// What the tally needs to know.
pub(super) fn tally_plan(scenario: &Scenario, seed: u64) -> TallyPlan {
    TallyPlan {
        scenario: scenario.name.clone(),
        seed,
        duration: scenario.duration,
        warmup: scenario.warmup,
        tick: scenario.tick,
        pools: scenario
            .pools
            .iter()
            .map(|pool| TallyPool {
                name: pool.name.clone(),
                scaler: kind_of(&pool.scaler).to_owned(),
                price_usd_per_hour: pool.price_usd_per_hour,
                has_reference: pool.cpu.request_millis.or(pool.cpu.limit_millis).is_some(),
            })
            .collect(),
        seldon: seldon_plan(scenario),
        objectives: scenario.objectives.clone(),
    }
}

/// Writes everything that is known only after the run; returns the names of all files.
pub(super) fn complete(
    folder: &OutputFolder,
    files: Files<'_>,
    tally: &Tally,
    totals: &[RunTotals],
    pooled: &[PooledLatency],
) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = ["timeline.csv", "decisions.csv", "events.csv"].map(str::to_owned).to_vec();
    if files.requests {
        names.push("requests.csv".to_owned());
    }
    if !seldon_plan(&files.loaded.scenario).is_empty() {
        names.extend(["models.csv", "servers.csv"].map(str::to_owned));
    }
    let mut latency = TableWriter::for_rows::<LatencyRow>(folder.create("latency.csv")?);
    for row in tally.latency_rows() {
        latency.row(&row);
    }
    latency.finish().map_err(|error| folder.cannot("latency.csv", &error))?;
    names.push("latency.csv".to_owned());
    if totals.len() > 1 {
        folder.write("seeds.csv", report::seeds_csv(totals).as_bytes())?;
        names.push("seeds.csv".to_owned());
    }
    folder.write("summary.json", pretty(&report::runs_json(totals, pooled)).as_bytes())?;
    let scenario_text = scenario_text(&files, folder.path());
    folder.write("scenario.toml", scenario_text.as_bytes())?;
    names.extend(["summary.json", "scenario.toml", "run.json"].map(str::to_owned));
    if !files.pictures.is_empty() {
        let tables = Tables::read(|name| folder.file(name))?;
        let about = About::of_run(&files, picture_in(files.pictures));
        let told = Told::read(files.loaded, (totals, pooled), scenario_text, about, |name| folder.file(name))?;
        for (name, bytes) in draw(&tables, &told, files.pictures)? {
            folder.write(&name, &bytes)?;
            names.push(name);
        }
    }
    names.sort();
    folder.write("run.json", pretty(&run_json(&files, &names)).as_bytes())?;
    Ok(names)
}

pub(super) fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("JSON values become text");
    text.push('\n');
    text
}

fn run_json(files: &Files<'_>, names: &[String]) -> Value {
    let scenario = &files.loaded.scenario;
    let mut streams: Vec<String> = Vec::new();
    for load in &scenario.loads {
        streams.push(format!("load/{}/arrivals", load.name));
        streams.push(format!("load/{}/demand", load.name));
    }
    for pool in &scenario.pools {
        streams.push(format!("pool/{}/routing", pool.name));
    }
    let traces: Vec<Value> = scenario
        .loads
        .iter()
        .zip(&files.loaded.traces)
        .filter_map(|(load, facts)| {
            let facts = facts.as_ref()?;
            Some(json!({ "load": load.name, "rows": facts.rows, "requests": facts.requests, "sha256": facts.sha256 }))
        })
        .collect();
    json!({
        "program": "sim",
        "version": env!("CARGO_PKG_VERSION"),
        "target": target(),
        "scenario": { "path": files.source.name, "name": scenario.name, "sha256": files.loaded.sha256() },
        "overrides": files.sets,
        "seed": files.seeds[0],
        "seeds": files.seeds.len(),
        "streams": streams,
        "traces": traces,
        "files": names,
        "volatile": volatile(),
    })
}

/// Files are the same for one target.
pub(super) fn target() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// What differs between two runs of the same thing.
pub(super) fn volatile() -> Value {
    #[allow(clippy::disallowed_methods)] // when it ran in the world, for people; no result depends on it
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    json!({ "finished_unix_s": now.map_or(0, |since| since.as_secs()), "host_cores": cores })
}

/// The scenario as it was run, with its file paths as they read from the folder, so that it can be run again from there.
fn scenario_text(files: &Files<'_>, folder: &Path) -> String {
    files.loaded.text_for(files.seeds[0], &|path| {
        let file = files.source.folder.join(path);
        relative(&file, folder).to_string_lossy().into_owned()
    })
}

/// A path as it reads from a folder.
pub(super) fn relative(file: &Path, folder: &Path) -> PathBuf {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (file, folder) = (plain(&absolute(file)), plain(&absolute(folder)));
    let same = file.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().count() - same;
    let mut path: PathBuf = std::iter::repeat_n("..", up).collect();
    path.extend(file.components().skip(same));
    path
}

/// Without `.` and `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// The tables of a run that its pictures are drawn from.
struct Tables {
    timeline: Vec<TimelineRow>,
    models: ModelTicks,
    servers: Vec<ServerRow>,
}

impl Tables {
    /// Reads them from where each stands; a run without Seldon has no models and servers.
    fn read(at: impl Fn(&str) -> PathBuf) -> Result<Self, Failure> {
        let mut tables = Self { timeline: Vec::new(), models: ModelTicks::default(), servers: Vec::new() };
        each_row(&at("timeline.csv"), |row| tables.timeline.push(row))?;
        if at("models.csv").exists() {
            each_row(&at("models.csv"), |row: ModelRow| tables.models.see(&row))?;
            each_row(&at("servers.csv"), |row| tables.servers.push(row))?;
        }
        Ok(tables)
    }

    fn of_pool(&self, pool: &str) -> Vec<TimelineRow> {
        self.timeline.iter().filter(|row| row.pool == pool).cloned().collect()
    }

    /// The rows of each server, in the order of first appearance.
    fn by_server(&self) -> Vec<(&str, Vec<ServerRow>)> {
        let mut servers: Vec<(&str, Vec<ServerRow>)> = Vec::new();
        for row in &self.servers {
            match servers.iter_mut().find(|(name, _)| *name == row.server) {
                Some((_, rows)) => rows.push(row.clone()),
                None => servers.push((&row.server, vec![row.clone()])),
            }
        }
        servers
    }
}

pub(super) fn each_row<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> Result<(), Failure> {
    let file = File::open(path).map_err(|error| Failure::World(format!("cannot read {}: {error}", path.display())))?;
    let wrong = |error| Failure::Wrong(format!("error: {}: {error}", path.display()));
    for row in TableReader::new(file).map_err(wrong)?.rows::<T>() {
        each(row.map_err(wrong)?.1);
    }
    Ok(())
}

/// Draws the pictures of a folder again.
pub(super) fn draw_folder(path: &Path, pictures: &[Picture]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let scenario_path = path.join("scenario.toml");
    let name = scenario_path.display().to_string();
    let quiet = super::Voice { quiet: 2, verbose: false, colour: false };
    let (_, loaded) = super::input::scenario(&name, &[], quiet)?;
    let summary = std::fs::read_to_string(path.join("summary.json"))
        .map_err(|error| Failure::World(format!("cannot read {}: {error}", path.join("summary.json").display())))?;
    let tables = Tables::read(|name| path.join(name))?;
    let (runs, pooled) = totals_of_all_seeds(&summary)
        .map_err(|error| Failure::Wrong(format!("error: {}: {error}", path.join("summary.json").display())))?;
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap_or_default();
    let run = serde_json::from_str(&read("run.json")).unwrap_or_default();
    let picture = match picture_in(pictures) {
        "" if path.join("timeline.png").exists() => "timeline.png",
        drawn => drawn,
    };
    let about = About::of_folder(&run, picture);
    let told = Told::read(&loaded, (&runs, &pooled), read("scenario.toml"), about, |name| path.join(name))?;
    draw(&tables, &told, pictures)
}

/// The picture that a document beside it shows.
fn picture_in(pictures: &[Picture]) -> &'static str {
    match () {
        () if pictures.contains(&Picture::Png) => "timeline.png",
        () if pictures.contains(&Picture::Svg) => "timeline.svg",
        () => "",
    }
}

/// Draws the pictures of a run from its tables.
fn draw(tables: &Tables, told: &Told<'_>, pictures: &[Picture]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    with_figure(tables, &told.loaded.scenario, told.runs.first(), |figure| {
        let named = |(kind, bytes)| (format!("timeline.{kind}"), bytes);
        let mut drawn: Vec<(String, Vec<u8>)> = images(figure, pictures)?.into_iter().map(named).collect();
        if pictures.contains(&Picture::Html) {
            drawn.extend(told.files(figure, &tables.timeline)?);
        }
        Ok(drawn)
    })
}

fn cannot_draw(error: PlotError) -> Failure {
    Failure::World(format!("cannot draw: {error}"))
}

/// The figure in those of these forms that are images, each with the ending of its file.
fn images(figure: &TimelineFigure<'_>, pictures: &[Picture]) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let mut drawn = Vec::new();
    for picture in pictures {
        match picture {
            Picture::Png => drawn.push(("png", timeline_png(figure, 2).map_err(cannot_draw)?)),
            Picture::Svg => drawn.push(("svg", timeline_svg(figure).map_err(cannot_draw)?.into_bytes())),
            Picture::Html => {}
        }
    }
    Ok(drawn)
}

/// The timeline of one run: images with the endings of their files, and the chart of a page.
pub(super) struct DrawnRun {
    pub images: Vec<(&'static str, Vec<u8>)>,
    pub chart: Option<Chart>,
}

/// Runs a scenario once and draws what happened. Its tables stand in the folder only meanwhile.
pub(super) fn draw_run(
    scenario: &Loaded,
    seed: u64,
    folder: &OutputFolder,
    pictures: &[Picture],
    stop: &AtomicBool,
) -> Result<DrawnRun, Failure> {
    let room = OutputFolder::begin(&folder.file("timeline"))?;
    let mut files = FileRecorder::new(plan(&scenario.scenario, Some(&room), false)?);
    let ran = run_once(scenario, seed, tally_plan, stop, &mut files).map_err(|error| match error {
        RunError::Interrupted => Failure::Interrupted,
        error => Failure::World(error.to_string()),
    })?;
    files.finish().map_err(|error| room.cannot(error.file, &error.source))?;
    let tables = Tables::read(|name| room.file(name))?;
    with_figure(&tables, &scenario.scenario, Some(&ran.totals), |figure| {
        let chart = if pictures.contains(&Picture::Html) {
            let svg = timeline_svg(figure).map_err(cannot_draw)?;
            Some(Chart { svg, readout: Some(figure.readout()), ..Chart::default() })
        } else {
            None
        };
        Ok(DrawnRun { images: images(figure, pictures)?, chart })
    })
}

/// Makes something of the figure of a run.
fn with_figure<T>(
    tables: &Tables,
    scenario: &Scenario,
    totals: Option<&RunTotals>,
    make: impl FnOnce(&TimelineFigure<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let servers = tables.by_server();
    let is_server = |pool: &str| servers.iter().any(|(server, _)| *server == pool);
    let pools: Vec<(&PoolSpec, Vec<TimelineRow>)> = scenario
        .pools
        .iter()
        .filter(|pool| !is_server(&pool.name))
        .map(|pool| (pool, tables.of_pool(&pool.name)))
        .collect();
    let of_servers: Vec<Vec<TimelineRow>> = servers.iter().map(|(server, _)| tables.of_pool(server)).collect();
    let server_figures =
        servers.iter().zip(&of_servers).enumerate().map(|(number, ((server, rows), pool_rows))| ServerFigure {
            pool: pool_figure(scenario, server, pool_rows, None),
            rows,
            models: &tables.models,
            homeless: number == 0,
        });
    let title = format!("{}: {}", scenario.name, scalers_in_words(scenario));
    let result = totals.map(report::result_line).unwrap_or_default();
    let figure = TimelineFigure {
        title: &title,
        result: &result,
        starts_at_s: scenario.starts_at.as_secs_f64(),
        duration_s: scenario.duration.as_secs_f64(),
        pools: pools
            .iter()
            .map(|(pool, rows)| pool_figure(scenario, &pool.name, rows, utilization_target(pool)))
            .collect(),
        servers: server_figures.collect(),
    };
    make(&figure)
}

fn pool_figure<'a>(
    scenario: &Scenario,
    pool: &'a str,
    rows: &'a [TimelineRow],
    utilization_target: Option<f64>,
) -> PoolFigure<'a> {
    let objective = latency_objective(scenario, pool);
    // What a model is held to does not tell when all requests of its server were too slow.
    let tinted = objective.as_ref().filter(|objective| !objective.of_a_model).map(|objective| objective.at_most_s);
    PoolFigure {
        pool,
        rows,
        latency_objective_s: objective.as_ref().map(|objective| objective.at_most_s),
        latency_objective_label: objective.map(|objective| objective.label).unwrap_or_default(),
        utilization_target,
        missed: missed_windows(rows, tinted, scenario.warmup.as_secs_f64()),
    }
}

/// Where a latency objective stands in the chart of a pool or server.
struct ShownObjective {
    at_most_s: f64,
    label: String,
    of_a_model: bool,
}

/// The first latency objective that speaks of all requests of a pool; else the first of a model that asks for this server.
/// Where there are pipelines the run's objectives speak of those.
fn latency_objective(scenario: &Scenario, pool: &str) -> Option<ShownObjective> {
    let seldon = seldon_plan(scenario);
    let is_server = seldon.servers.iter().any(|server| scenario.pools[server.pool.index()].name == pool);
    let shown = |objective: &Objective| {
        let (Figure::Quantile(_), ConditionSpec::AtMost(at_most_s)) = (objective.figure, objective.condition) else {
            return None;
        };
        let words = objective.that.replace("<=", "≤");
        let (mine, label, of_a_model) = match objective.scope {
            ObjectiveScope::Run => (!is_server || seldon.flows.is_empty(), words, false),
            ObjectiveScope::Pool(id) => (scenario.pools[id.index()].name == pool, words, false),
            ObjectiveScope::Model(id) => {
                let model = &seldon.models[id.index()];
                (model.server.as_deref() == Some(pool), format!("{} {words}", model.name), true)
            }
            ObjectiveScope::Flow(_) => return None,
        };
        mine.then_some(ShownObjective { at_most_s, label, of_a_model })
    };
    let mut all: Vec<ShownObjective> = scenario.objectives.iter().filter_map(shown).collect();
    all.sort_by_key(|objective| objective.of_a_model);
    all.into_iter().next()
}

fn utilization_target(pool: &PoolSpec) -> Option<f64> {
    let ScalerSpec::Hpa(hpa) = &pool.scaler else { return None };
    if hpa.spec.metrics.is_empty() {
        return Some(0.8);
    }
    let cpu = hpa
        .spec
        .metrics
        .iter()
        .filter_map(|metric| metric.resource.as_ref())
        .find(|resource| resource.name == "cpu")?;
    cpu.target.average_utilization.map(|percent| f64::from(percent) / 100.0)
}

/// Stretches of time whose p95 was above the objective, or in which requests were offered and none was done.
fn missed_windows(rows: &[TimelineRow], limit: Option<f64>, warmup_s: f64) -> Vec<(f64, f64)> {
    let Some(limit) = limit else { return Vec::new() };
    let mut missed: Vec<(f64, f64)> = Vec::new();
    let mut before = 0.0;
    for row in rows {
        let bad = match row.latency_p95_s {
            Some(p95) => p95 > limit,
            None => row.offered_rps > 0.0,
        };
        if bad && before >= warmup_s {
            match missed.last_mut() {
                Some(last) if last.1 >= before => last.1 = row.time_s,
                _ => missed.push((before, row.time_s)),
            }
        }
        before = row.time_s;
    }
    missed
}

fn scalers_in_words(scenario: &Scenario) -> String {
    let words = |pool: &PoolSpec| match &pool.scaler {
        ScalerSpec::Fixed => format!("{} fixed at {}", pool.name, pool.replicas),
        ScalerSpec::Schedule(_) => format!("{} by schedule", pool.name),
        ScalerSpec::SeldonLag => format!("{} by inference lag", pool.name),
        ScalerSpec::Hpa(hpa) => {
            let least = hpa.spec.min_replicas.unwrap_or(1);
            let target =
                utilization_target(pool).map_or(String::new(), |target| format!(" cpu {:.0}%,", target * 100.0));
            format!("HPA on {},{target} {least} to {} replicas", pool.name, hpa.spec.max_replicas)
        }
    };
    let Some(seldon) = &scenario.seldon else {
        return scenario.pools.iter().map(words).collect::<Vec<_>>().join("; ");
    };
    let by_core = |pool: &PoolSpec| {
        seldon.core.server_autoscaling()
            && pool.scaler == ScalerSpec::Fixed
            && seldon.servers.iter().any(|server| server.spec.name == pool.name)
    };
    let pools =
        scenario.pools.iter().map(|pool| if by_core(pool) { format!("{} by Core", pool.name) } else { words(pool) });
    pools.chain(models_in_words(seldon)).collect::<Vec<_>>().join("; ")
}

/// How models are scaled: each one if there are few, else how many by what.
fn models_in_words(seldon: &SeldonSpec) -> Vec<String> {
    const FEW: usize = 3;
    let way = |model: &SeldonModel| match &model.scaler {
        ScalerSpec::Fixed => "fixed",
        ScalerSpec::Schedule(_) => "by schedule",
        ScalerSpec::SeldonLag => "by inference lag",
        ScalerSpec::Hpa(_) => "by HPA",
    };
    if seldon.models.len() <= FEW {
        return seldon.models.iter().map(|model| format!("{} {}", model.spec.name, way(model))).collect();
    }
    let ways = ["fixed", "by schedule", "by inference lag", "by HPA"];
    let counted = ways.map(|wanted| (seldon.models.iter().filter(|model| way(model) == wanted).count(), wanted));
    counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, way)| format!("{count} models {way}")).collect()
}

/// Prints what `kubectl get hpa -w` would have shown: a line whenever one of its columns changes.
pub(super) struct WatchHpa {
    scalers: Vec<Option<(String, String, String, String)>>,
    last: Vec<String>,
    pub lines: Vec<String>,
}

impl WatchHpa {
    pub fn new(scenario: &Scenario) -> Self {
        let mut scalers = Vec::new();
        for pool in scaled(scenario) {
            scalers.push(match &pool.scaler {
                ScalerSpec::Hpa(hpa) => Some((
                    pool.name.clone(),
                    format!("{}/{}", pool.kind.as_str(), pool.name),
                    hpa.spec.min_replicas.unwrap_or(1).to_string(),
                    hpa.spec.max_replicas.to_string(),
                )),
                ScalerSpec::Fixed | ScalerSpec::Schedule(_) | ScalerSpec::SeldonLag => None,
            });
        }
        let last = vec![String::new(); scalers.len()];
        let header = row("NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE");
        Self { scalers, last, lines: vec![header] }
    }
}

fn row(name: &str, reference: &str, targets: &str, least: &str, most: &str, replicas: &str, age: &str) -> String {
    format!("{name:<12} {reference:<24} {targets:<24} {least:<9} {most:<9} {replicas:<10} {age}\n")
}

impl Recorder for WatchHpa {
    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, _truth: &Truth) {
        let Some(Some((name, reference, least, most))) = self.scalers.get(scaler.index()) else { return };
        let replicas = report.status.current_replicas.to_string();
        let shown = format!("{} {replicas}", report.status.targets);
        if self.last[scaler.index()] != shown {
            let age = report::words::duration(now.as_secs_f64().floor());
            self.lines.push(row(name, reference, &report.status.targets, least, most, &replicas, &age));
            self.last[scaler.index()] = shown;
        }
    }
}
