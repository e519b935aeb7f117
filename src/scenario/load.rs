//! From text to a checked scenario: overrides, sections, and the checks that need more than one of them.

use super::keys::SCENARIO;
use super::names::{Kind, Lists, unique};
use super::play;
use super::read_seldon::Seldon;
use super::reader::{Effective, Reader, Section};
use super::set::{Change, lines_kept, rewrite_paths};
use super::spec::{LoadTarget, PoolSpec, Scenario};
use super::trace::{TraceFacts, TraceFile};
use super::tree::{Node, Value};
use super::{read_load, read_pool, read_rest};
use crate::diagnostics::{Problem, Problems, Severity, Source, line_of};
use crate::metrics::PoolMetricsSpec;
use crate::record::Objective;
use crate::scalers::ScalerSpec;
use crate::serving::BalancerSpec;
use crate::units::{FlowId, Id, ModelId, PoolId, Span};
use crate::workload::{ArrivalsSpec, KeptConnections, LoadSpec, RowSource, TraceError};
use sha2::{Digest, Sha256};
use std::path::Path;
use toml_edit::DocumentMut;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This line of the file.
    Line(usize),
    /// A `--set`.
    Set,
    /// Nobody wrote it.
    Default,
}

/// A scenario that may run, and what was learnt on the way.
#[derive(Debug)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// Its text after overrides, comments kept.
    pub text: String,
    /// Warnings.
    pub warnings: Problems,
    /// Every value with its path and where it came from.
    pub effective: Vec<(String, String, Origin)>,
    /// What is known of each load's trace, by load.
    pub traces: Vec<Option<TraceFacts>>,
}

impl Loaded {
    /// Fingerprint of the text that was read, overrides included, in hexadecimal.
    pub fn sha256(&self) -> String {
        fingerprint(&self.text)
    }

    /// A text that runs the same scenario with this seed from elsewhere: `rewrite` says how each file path reads there.
    pub fn text_for(&self, seed: u64, rewrite: &dyn Fn(&str) -> String) -> String {
        let mut document: DocumentMut = self.text.parse().expect("it was read before");
        if document.get("name").is_none() {
            document.insert("name", toml_edit::value(self.scenario.name.as_str()));
        }
        if seed != self.scenario.seed {
            document.insert("seed", toml_edit::value(i64::try_from(seed).unwrap_or(i64::MAX)));
        }
        rewrite_paths(&mut document, rewrite);
        document.to_string()
    }

    /// Opens the trace of the load with this index again, for a run.
    ///
    /// # Errors
    /// The file is gone or has changed its form.
    pub fn open_trace(&self, load: usize) -> Result<Box<dyn RowSource>, TraceError> {
        let ArrivalsSpec::Trace(spec) = &self.scenario.loads[load].arrivals else {
            panic!("only loads that replay a trace open one");
        };
        let facts = self.traces[load].as_ref().expect("every trace was checked");
        Ok(Box::new(TraceFile::open(spec, facts)?))
    }
}

/// SHA-256 of a text in hexadecimal.
pub fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads and checks a scenario with overrides `path=value`.
///
/// # Errors
/// All problems at once; warnings among them.
pub fn load(source: &Source, sets: &[String]) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut changes = Vec::new();
    let mut text = source.text.clone();
    if !sets.is_empty() {
        let (_, syntax) = Node::parse_to_edit(&text);
        if !syntax.is_empty() {
            return Err(Problems::new(source.clone(), syntax));
        }
        let mut document: DocumentMut = text.parse().expect("the text was TOML just now");
        for set in sets {
            match Change::from_flag(set) {
                Ok(mut change) => match change.apply(&mut document) {
                    Ok(()) => changes.push(change),
                    Err(misfit) => problems.push(change.misfit(&misfit)),
                },
                Err(problem) => problems.push(*problem),
            }
        }
        text = document.to_string();
    }
    let (tree, syntax) = Node::parse_to_edit(&text);
    let broken = !syntax.is_empty();
    problems.extend(syntax);
    if broken {
        return Err(Problems::new(source.clone(), problems));
    }
    let reader = Reader::new(&text);
    let (loads, scenario, events) = read(&reader, &tree, &stem(&source.name), &source.folder);
    let traces = check_traces(&reader, &tree, &loads);
    let (found, effective) = reader.finish();
    problems.extend(found);
    let no_errors = problems.iter().all(|problem| problem.severity == Severity::Warning);
    let mut scenario = scenario.filter(|_| no_errors);
    if let Some(scenario) = &mut scenario {
        let changed = play::play_events(scenario, &events, &text, &stem(&source.name), &source.folder);
        problems.extend(changed.1);
        scenario.events = changed.0;
    }
    let problems = point_home(problems, &changes, &tree, source, &text);
    match scenario.filter(|_| problems.errors() == 0) {
        Some(scenario) => {
            let effective = origins(effective, &changes, &tree, source, &text);
            Ok(Loaded { scenario, text, warnings: problems, effective, traces })
        }
        None => Err(problems),
    }
}

/// A name from that of a file.
pub(crate) fn stem(name: &str) -> String {
    let stem =
        Path::new(name).file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().to_lowercase());
    let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-').to_owned();
    if clean.is_empty() { "scenario".to_owned() } else { clean }
}

/// Reads all sections. Names are resolved; events are returned as written, and loads also where the whole is no scenario.
pub(super) fn read(
    reader: &Reader<'_>,
    tree: &Node,
    stem: &str,
    folder: &Path,
) -> (Vec<Option<LoadSpec>>, Option<Scenario>, Vec<play::Written>) {
    let top = Section::open(reader, &SCENARIO, tree, 0..0, String::new(), "the scenario".to_owned());
    let name = top.name("name").or_else(|| (!top.has("name")).then(|| stem.to_owned()));
    let about = top.text("about");
    let seed = top.whole("seed");
    let duration = top.some_time("duration");
    let tick = top.some_time("tick");
    let warmup = top.duration("warmup");
    check_clock(&top, duration, tick, warmup);
    let starts_at = top.clock("starts_at");
    let hpa_controller = read_rest::hpa_controller(&top.table("hpa_controller"));
    let metrics_server = read_rest::metrics_server(&top.table("metrics_server"), folder);
    let prometheus = top.table_if("prometheus").map(|section| read_rest::prometheus(&section, folder));
    let lists = Lists::of(&top);
    lists.unique();
    let load_sections = top.tables("load");
    let mut pools: Vec<Option<PoolSpec>> = lists.pools.iter().map(|section| read_pool::pool(section, folder)).collect();
    let mut seldon = Seldon::read(&top, &lists, folder);
    pools.append(&mut seldon.pods);
    let clock = starts_at.unwrap_or_default();
    let run = duration.unwrap_or(Span::MAX);
    let loads: Vec<Option<LoadSpec>> =
        load_sections.iter().map(|section| read_load::load(section, clock, run, folder)).collect();
    unique(&load_sections, "load");
    let targets: Vec<Option<LoadTarget>> =
        load_sections.iter().zip(&loads).map(|(section, load)| target(section, load.as_ref(), &lists)).collect();
    check_service(&lists, &load_sections, &pools, &seldon, &loads, &targets);
    check_connections(&load_sections, &loads, &targets, &pools);
    let signal_sections = top.tables("signal");
    let signals: Vec<_> = signal_sections.iter().map(|section| read_rest::signal(section, folder)).collect();
    unique(&signal_sections, "signal");
    let objectives: Vec<Option<Objective>> =
        top.tables("objective").iter().map(|section| read_rest::objective(section, &lists, duration)).collect();
    let events: Vec<play::Written> =
        top.tables("event").iter().filter_map(|section| play::event(section, &lists, duration)).collect();
    play::check_outages(&top, &events);
    check_presence(reader, &top, &pools);
    let seldon = seldon.whole(&lists);
    let all_loads = loads.clone();
    let scenario = (|| {
        Some(Scenario {
            name: name?,
            about: about?,
            seed: seed?,
            duration: duration?,
            tick: tick?,
            warmup: warmup?,
            starts_at: starts_at?,
            hpa_controller: hpa_controller?,
            metrics_server: metrics_server?,
            prometheus: match prometheus {
                Some(read) => Some(read?),
                None => None,
            },
            loads: loads.into_iter().collect::<Option<_>>()?,
            load_targets: targets.into_iter().collect::<Option<_>>()?,
            pools: pools.into_iter().collect::<Option<_>>()?,
            seldon: seldon?,
            signals: signals.into_iter().collect::<Option<_>>()?,
            events: Vec::new(),
            objectives: objectives.into_iter().collect::<Option<_>>()?,
        })
    })();
    if let Some(scenario) = &scenario {
        super::check::across(scenario, &top, &lists);
        super::check_seldon::across(scenario, &lists, &load_sections);
    }
    (all_loads, scenario, events)
}

fn check_presence(reader: &Reader<'_>, top: &Section<'_>, pools: &[Option<PoolSpec>]) {
    if !top.has("pool") && !top.has("server") {
        reader
            .report(Problem::file("the scenario has no `[[pool]]`").help("add one with a `name` and a `service` law"));
    }
    if !top.has("load") && pools.iter().flatten().all(|pool| pool.queue.initial == 0) {
        reader.report(Problem::file("the scenario has no `[[load]]`").help("add one with a `name`, `to` and a `rate`"));
    }
}

fn check_clock(top: &Section<'_>, duration: Option<Span>, tick: Option<Span>, warmup: Option<Span>) {
    let (Some(duration), Some(tick), Some(warmup)) = (duration, tick, warmup) else { return };
    if duration.as_nanos() / tick.as_nanos() > 10_000_000 {
        top.wrong("tick", "more than 10 million rows a pool", "too short for this `duration`", "raise `tick`");
    }
    if warmup.as_nanos() % tick.as_nanos() != 0 {
        top.wrong(
            "warmup",
            "`warmup` is not a whole number of ticks",
            "between two ticks",
            "make it a multiple of `tick`",
        );
    }
    if warmup >= duration {
        top.wrong("warmup", "`warmup` is not shorter than `duration`", "nothing is left to count", "lower it");
    }
}

/// A name as it is written, whether it is a good one or not.
pub(super) fn plain_name(section: &Section<'_>) -> Option<String> {
    match &section.entry("name")?.node.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}

/// Where a load goes, and whether what it says makes sense there.
fn target(section: &Section<'_>, load: Option<&LoadSpec>, lists: &Lists<'_>) -> Option<LoadTarget> {
    let (kind, place) = lists.find(section, "to", &[Kind::Pool, Kind::Model, Kind::Pipeline])?;
    match kind {
        Kind::Model => return Some(LoadTarget::Model(ModelId::from_index(place))),
        Kind::Pipeline => {}
        Kind::Pool | Kind::Server => {
            if section.has("protocol") {
                section.suspicious(
                    "protocol",
                    "`protocol` of a load to a pool",
                    "counts only where Seldon's agents do",
                    "leave it out, or send the load to a model",
                );
            }
            return Some(LoadTarget::Pool(PoolId::from_index(place)));
        }
    }
    if load.is_some_and(brings_demand) {
        let key = if section.has("demand") { "demand" } else { "arrivals" };
        section.wrong(
            key,
            "a load to a pipeline brings its own work",
            "for which of its models?",
            "leave it out: each model of the pipeline has its `service`",
        );
        return None;
    }
    Some(LoadTarget::Flow(FlowId::from_index(place)))
}

/// A kept connection means something only where a balancer chooses among replicas, and not for each request anew.
fn check_connections(
    sections: &[Section<'_>],
    loads: &[Option<LoadSpec>],
    targets: &[Option<LoadTarget>],
    pools: &[Option<PoolSpec>],
) {
    for ((section, load), target) in sections.iter().zip(loads).zip(targets) {
        let (Some(LoadSpec { kept: Some(kept), .. }), Some(target)) = (load, target) else { continue };
        let (message, label, help) = match target {
            LoadTarget::Model(_) => {
                ("`keep_alive` of a load to a model", "Envoy balances each request", "leave it out")
            }
            LoadTarget::Flow(_) => {
                ("`keep_alive` of a load to a pipeline", "its requests go through Kafka", "leave it out")
            }
            LoadTarget::Pool(pool) => {
                let Some(pool) = &pools[pool.index()] else { continue };
                if pool.balancer != BalancerSpec::CentralQueue {
                    warn_of_endless(section, *kept, pool);
                    continue;
                }
                (
                    "`keep_alive` of a load to a pool with a central queue",
                    "replicas take requests from it",
                    "leave it out, or give the pool another balancer",
                )
            }
        };
        section.wrong("keep_alive", message, label, help);
    }
}

/// Users come and go; a fixed number of connections that never end leaves new pods without work.
fn warn_of_endless(section: &Section<'_>, kept: KeptConnections, pool: &PoolSpec) {
    if kept.count.is_some() && kept.age.is_none() && pool.scaler != ScalerSpec::Fixed {
        section.suspicious(
            "keep_alive",
            "connections that never end: pods that the autoscaler adds get none of these requests",
            "as behind kube-proxy",
            "if the clients or the server end them, say when: `connection_age = \"5m\"`",
        );
    }
}

/// Every request needs its work from somewhere.
fn check_service(
    lists: &Lists<'_>,
    load_sections: &[Section<'_>],
    pools: &[Option<PoolSpec>],
    seldon: &Seldon,
    loads: &[Option<LoadSpec>],
    targets: &[Option<LoadTarget>],
) {
    let wanting = |target: LoadTarget| {
        let mut all = loads.iter().zip(targets).zip(load_sections);
        let found =
            all.find(|((load, to), _)| **to == Some(target) && load.as_ref().is_some_and(|load| !brings_demand(load)));
        found.map(|(_, section)| section)
    };
    let missing = |section: &Section<'_>, help: String| {
        let message = format!("{} has no `service`", section.title);
        let problem = Problem::error(section.at.clone(), message, "how long does a request take?");
        section.reader.report(problem.help(format!("add `service = \"80ms\"` or a law{help}")));
    };
    for (number, (pool, section)) in pools.iter().zip(&lists.pools).enumerate() {
        let Some(pool) = pool else { continue };
        if pool.service.is_some() || section.has("service") {
            continue;
        }
        if let Some(load) = wanting(LoadTarget::Pool(PoolId::from_index(number))) {
            missing(section, format!("; or give {} a `demand`", load.title));
        } else if pool.queue.initial > 0 {
            section.wrong(
                "queue",
                "requests stand in the queue at time 0, and there is no `service`",
                "without work",
                "add a `service` law",
            );
        }
    }
    for (number, (model, section)) in seldon.models.iter().zip(&lists.models).enumerate() {
        let Some(model) = model else { continue };
        if model.service.is_some() || section.has("service") {
            continue;
        }
        let in_flow = seldon.flows.iter().flatten().any(|flow| flow.steps.iter().any(|s| s.model == model.spec.name));
        if let Some(load) = wanting(LoadTarget::Model(ModelId::from_index(number))) {
            missing(section, format!("; or give {} a `demand`", load.title));
        } else if in_flow {
            missing(section, ": requests of a pipeline bring no work".to_owned());
        }
    }
}

fn brings_demand(load: &LoadSpec) -> bool {
    load.demand.is_some() || matches!(&load.arrivals, ArrivalsSpec::Trace(trace) if trace.demand_column.is_some())
}

/// Checks each trace by reading it once.
fn check_traces(reader: &Reader<'_>, tree: &Node, loads: &[Option<LoadSpec>]) -> Vec<Option<TraceFacts>> {
    let places: Vec<std::ops::Range<usize>> = match tree.get("load").map(|entry| &entry.node.value) {
        Some(Value::List(items)) => items
            .iter()
            .map(|item| {
                let file = item
                    .get("arrivals")
                    .and_then(|entry| entry.node.get("trace"))
                    .and_then(|entry| entry.node.get("file"));
                file.map_or_else(|| item.at.clone(), |entry| entry.node.at.clone())
            })
            .collect(),
        _ => Vec::new(),
    };
    loads
        .iter()
        .zip(places)
        .map(|(load, place)| {
            let ArrivalsSpec::Trace(spec) = &load.as_ref()?.arrivals else { return None };
            match TraceFile::check(spec) {
                Ok(facts) => {
                    if spec.jitter.is_zero() && !facts.binned && facts.shared_instants * 2 > facts.rows && facts.rows > 10 {
                        reader.report(
                            Problem::warning(place, "most rows of this trace share their time with another", "arrivals come in lumps")
                                .help("if the trace was rounded, spread them with `jitter`"),
                        );
                    }
                    Some(facts)
                }
                Err(error) => {
                    reader.report(Problem::error(place, error.to_string(), "this trace").help("a trace is a CSV file with a column `t` or `timestamp_s` in rising order, and `count` if it is binned"));
                    None
                }
            }
        })
        .collect()
}

/// Problems that a flag brought point at the flag; all others at the lines of the file as the user wrote it.
fn point_home(problems: Vec<Problem>, changes: &[Change], tree: &Node, source: &Source, text: &str) -> Problems {
    if changes.is_empty() {
        return Problems::new(source.clone(), problems);
    }
    let claimed: Vec<Problem> = problems
        .into_iter()
        .map(|problem| changes.iter().rev().find_map(|change| change.claim(&problem, tree)).unwrap_or(problem))
        .collect();
    let kept = lines_kept(&source.text, text);
    let starts = |text: &str| {
        let mut starts = vec![0];
        starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        starts
    };
    let (old_starts, new_starts) = (starts(&source.text), starts(text));
    let home = |at: &std::ops::Range<usize>| {
        let line = line_of(text, at.start) - 1;
        let old = (*kept.get(line)?)?;
        let shift = |byte: usize| old_starts.get(old).map(|start| start + (byte - new_starts[line]));
        Some(shift(at.start)?..shift(at.end)?.min(source.text.len()))
    };
    let mut moved = claimed.clone();
    for problem in &mut moved {
        let Some(at) = &problem.at else { continue };
        match home(at) {
            Some(range) => problem.at = Some(range),
            None => return Problems::new(Source { text: text.to_owned(), ..source.clone() }, claimed),
        }
        problem.beside = problem.beside.take().and_then(|(at, label)| home(&at).map(|at| (at, label)));
    }
    Problems::new(source.clone(), moved)
}

fn origins(
    effective: Vec<Effective>,
    changes: &[Change],
    tree: &Node,
    source: &Source,
    text: &str,
) -> Vec<(String, String, Origin)> {
    let kept = lines_kept(&source.text, text);
    effective
        .into_iter()
        .map(|value| {
            let origin = match &value.at {
                None => Origin::Default,
                Some(at) => {
                    let probe = Problem::error(at.clone(), "", "");
                    if changes.iter().any(|change| change.claim(&probe, tree).is_some()) {
                        Origin::Set
                    } else {
                        let line = line_of(text, at.start) - 1;
                        Origin::Line(kept.get(line).copied().flatten().unwrap_or(line) + 1)
                    }
                }
            };
            (value.path, value.value, origin)
        })
        .collect()
}

/// Is there anything that reads this pool's CPU or memory?
pub(super) fn reads_resources(pool: &PoolSpec) -> bool {
    matches!(pool.metrics, PoolMetricsSpec::Resource | PoolMetricsSpec::Delay(_))
        && matches!(pool.scaler, ScalerSpec::Hpa(_))
}
