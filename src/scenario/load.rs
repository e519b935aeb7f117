//! From text to a checked scenario: overrides, sections, and the checks that need more than one of them.

use super::keys::SCENARIO;
use super::reader::{Effective, Reader, Section, join};
use super::set::{Change, lines_kept, rewrite_paths};
use super::spec::{EventChange, EventSpec, Fault, PoolSpec, Scenario};
use super::trace::{TraceFacts, TraceFile};
use super::tree::{Node, Value};
use super::{read_load, read_pool, read_rest};
use crate::diagnostics::{Problem, Problems, Severity, Source, closest, line_of};
use crate::metrics::PoolMetricsSpec;
use crate::record::Objective;
use crate::scalers::ScalerSpec;
use crate::units::{Id, LoadId, PoolId, Span};
use crate::workload::{ArrivalsSpec, LoadSpec, RowSource, TraceError};
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
        Sha256::digest(self.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
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

/// Reads and checks a scenario with overrides `path=value`.
///
/// # Errors
/// All problems at once; warnings among them.
pub fn load(source: &Source, sets: &[String]) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    let mut changes = Vec::new();
    let mut text = source.text.clone();
    if !sets.is_empty() {
        let (_, syntax) = Node::parse(&text);
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
    let (tree, syntax) = Node::parse(&text);
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
        let changed = play_events(scenario, &events, &text, &stem(&source.name), &source.folder);
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

fn stem(name: &str) -> String {
    let stem =
        Path::new(name).file_stem().map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy().to_lowercase());
    let clean: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-').to_owned();
    if clean.is_empty() { "scenario".to_owned() } else { clean }
}

/// An event as it was written: read, but not yet played.
struct Written {
    at: Span,
    place: std::ops::Range<usize>,
    fault: Option<super::spec::Fault>,
    fault_text: String,
    set: Vec<(String, Node, std::ops::Range<usize>)>,
}

/// Reads all sections. Names are resolved; events are returned as written, and loads also where the whole is no scenario.
fn read(
    reader: &Reader<'_>,
    tree: &Node,
    stem: &str,
    folder: &Path,
) -> (Vec<Option<LoadSpec>>, Option<Scenario>, Vec<Written>) {
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
    let pool_sections = top.tables("pool");
    let load_sections = top.tables("load");
    let pools: Vec<Option<PoolSpec>> = pool_sections.iter().map(|section| read_pool::pool(section, folder)).collect();
    let clock = starts_at.unwrap_or_default();
    let run = duration.unwrap_or(Span::MAX);
    let loads: Vec<Option<LoadSpec>> =
        load_sections.iter().map(|section| read_load::load(section, clock, run, folder)).collect();
    let names: Vec<Option<String>> = pool_sections.iter().map(plain_name).collect();
    unique(&pool_sections, "pool");
    unique(&load_sections, "load");
    let pool_of = |section: &Section<'_>| find_pool(section, "pool", &names);
    let targets: Vec<Option<PoolId>> = load_sections.iter().map(|section| find_pool(section, "to", &names)).collect();
    check_service(&pool_sections, &load_sections, &pools, &loads, &targets);
    let signal_sections = top.tables("signal");
    let signals: Vec<_> = signal_sections.iter().map(|section| read_rest::signal(section, folder)).collect();
    unique(&signal_sections, "signal");
    let objectives: Vec<Option<Objective>> =
        top.tables("objective").iter().map(|section| read_rest::objective(section, &pool_of)).collect();
    let events: Vec<Written> =
        top.tables("event").iter().filter_map(|section| event(section, &pool_of, duration)).collect();
    check_outages(&top, &events);
    check_presence(reader, &top, &pools);
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
            signals: signals.into_iter().collect::<Option<_>>()?,
            events: Vec::new(),
            objectives: objectives.into_iter().collect::<Option<_>>()?,
        })
    })();
    if let Some(scenario) = &scenario {
        super::check::across(scenario, &top, &pool_sections);
    }
    (all_loads, scenario, events)
}

fn check_presence(reader: &Reader<'_>, top: &Section<'_>, pools: &[Option<PoolSpec>]) {
    if !top.has("pool") {
        reader
            .report(Problem::file("the scenario has no `[[pool]]`").help("add one with a `name` and a `service` law"));
    }
    if !top.has("load") && pools.iter().flatten().all(|pool| pool.queue.initial == 0) {
        reader.report(Problem::file("the scenario has no `[[load]]`").help("add one with a `name`, `to` and a `rate`"));
    }
}

/// What is not there cannot go down.
fn check_outages(top: &Section<'_>, events: &[Written]) {
    if top.has("prometheus") {
        return;
    }
    let outages = events.iter().filter(|event| matches!(event.fault, Some(Fault::PrometheusDown { .. })));
    for event in outages {
        top.reader.report(
            Problem::warning(event.place.clone(), "there is no Prometheus that could go down", "changes nothing")
                .help("add `[prometheus]`: signals come through it then"),
        );
    }
}

fn check_clock(top: &Section<'_>, duration: Option<Span>, tick: Option<Span>, warmup: Option<Span>) {
    let (Some(duration), Some(tick), Some(warmup)) = (duration, tick, warmup) else { return };
    if duration > Span::from_secs(50 * 365 * 86_400) {
        top.wrong("duration", "more than 50 years of simulated time", "too long", "write a shorter duration");
    }
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

fn plain_name(section: &Section<'_>) -> Option<String> {
    match &section.entry("name")?.node.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}

fn unique(sections: &[Section<'_>], kind: &str) {
    for (number, section) in sections.iter().enumerate() {
        let Some(name) = plain_name(section) else { continue };
        if let Some(first) = sections[..number].iter().find(|earlier| plain_name(earlier).as_ref() == Some(&name)) {
            section.reader.report(
                Problem::error(section.place("name"), format!("two {kind}s are named \"{name}\""), "the second")
                    .beside(first.place("name"), "the first")
                    .help("give one of them another name"),
            );
        }
    }
}

fn find_pool(section: &Section<'_>, key: &str, names: &[Option<String>]) -> Option<PoolId> {
    let wanted = section.name(key)?;
    if let Some(found) = names.iter().position(|name| name.as_ref() == Some(&wanted)) {
        return Some(PoolId::from_index(found));
    }
    let known: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    let help = match closest(&wanted, known.iter().copied()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if known.is_empty() => "add a `[[pool]]`".to_owned(),
        None => format!("the pools are {}", known.join(", ")),
    };
    section.wrong(key, format!("there is no pool \"{wanted}\""), "nobody has this name", help);
    None
}

/// Every request needs its work from somewhere.
fn check_service(
    pool_sections: &[Section<'_>],
    load_sections: &[Section<'_>],
    pools: &[Option<PoolSpec>],
    loads: &[Option<LoadSpec>],
    targets: &[Option<PoolId>],
) {
    for (number, pool) in pools.iter().enumerate() {
        let Some(pool) = pool else { continue };
        if pool.service.is_some() || pool_sections[number].has("service") {
            continue;
        }
        let wanting = loads.iter().zip(targets).zip(load_sections).find(|((load, target), _)| {
            **target == Some(PoolId::from_index(number)) && load.as_ref().is_some_and(|load| !brings_demand(load))
        });
        if let Some((_, section)) = wanting {
            let title = &pool_sections[number].title;
            pool_sections[number].reader.report(
                Problem::error(
                    pool_sections[number].at.clone(),
                    format!("{title} has no `service`"),
                    "how long does a request take?",
                )
                .help(format!("add `service = \"80ms\"` or a law; or give {} a `demand`", section.title)),
            );
        } else if pool.queue.initial > 0 {
            pool_sections[number].wrong(
                "queue",
                "requests stand in the queue at time 0, and there is no `service`",
                "without work",
                "add a `service` law",
            );
        }
    }
}

fn brings_demand(load: &LoadSpec) -> bool {
    load.demand.is_some() || matches!(&load.arrivals, ArrivalsSpec::Trace(trace) if trace.demand_column.is_some())
}

fn event(
    section: &Section<'_>,
    pool_of: &dyn Fn(&Section<'_>) -> Option<PoolId>,
    run: Option<Span>,
) -> Option<Written> {
    let at = section.duration("at");
    if let (Some(at), Some(run)) = (at, run)
        && at >= run
    {
        section.suspicious(
            "at",
            "this event comes when the run is over",
            "never happens",
            "lower `at` or raise `duration`",
        );
    }
    match (section.has("set"), section.has("fault")) {
        (true, true) => {
            section.wrong("fault", "`set` and `fault` in one event", "one of them", "write two events");
            return None;
        }
        (false, false) => {
            section.reader.report(
                Problem::error(section.at.clone(), "this event does nothing", "neither `set` nor `fault`").help(
                    "add `set = { \"pool.NAME.replicas\" = 10 }` or `fault.metrics_server_down = { lasts = \"10m\" }`",
                ),
            );
            return None;
        }
        _ => {}
    }
    let place = section.at.clone();
    if section.has("fault") {
        let choice = section.one_of("fault")?;
        let fault = read_rest::fault(choice.kind, &choice.inside, pool_of)?;
        return Some(Written {
            at: at?,
            place,
            fault: Some(fault),
            fault_text: choice.kind.to_owned(),
            set: Vec::new(),
        });
    }
    let entry = section.entry("set")?;
    let Value::Table(entries) = &entry.node.value else {
        section.wrong(
            "set",
            format!("`set` is {} where a table is wanted", entry.node.kind()),
            "not a table",
            "write `{ \"pool.NAME.replicas\" = 10 }`",
        );
        return None;
    };
    section.read("set", |_| Ok(()));
    let mut set = Vec::new();
    flatten("", entries, &mut set);
    Some(Written { at: at?, place, fault: None, fault_text: String::new(), set })
}

/// `set.pool.chat.replicas = 10` and `set = { "pool.chat.replicas" = 10 }` mean the same.
fn flatten(path: &str, entries: &[super::tree::Entry], out: &mut Vec<(String, Node, std::ops::Range<usize>)>) {
    for entry in entries {
        let path = join(path, &entry.key);
        match &entry.node.value {
            Value::Table(inner) if !entry.key.contains('.') && path.matches('.').count() < 2 => {
                flatten(&path, inner, out)
            }
            _ => out.push((path, entry.node.clone(), entry.key_at.clone())),
        }
    }
}

/// May a run change what stands at this path?
fn changeable(path: &[&str]) -> bool {
    match path {
        ["pool", _, key, ..] => {
            matches!(
                *key,
                "replicas"
                    | "scaler"
                    | "min_replicas"
                    | "max_replicas"
                    | "service"
                    | "cpu"
                    | "memory"
                    | "start"
                    | "stop"
                    | "queue"
            )
        }
        ["load", _, "scale"] | ["hpa_controller", ..] => true,
        _ => false,
    }
}

/// Applies the events one after another to the text, reads each state of it as a scenario, and keeps the differences.
fn play_events(
    base: &Scenario,
    events: &[Written],
    text: &str,
    stem: &str,
    folder: &Path,
) -> (Vec<EventSpec>, Vec<Problem>) {
    let mut order: Vec<&Written> = events.iter().collect();
    order.sort_by_key(|event| event.at);
    let mut document: DocumentMut = text.parse().expect("the text was TOML just now");
    let (mut specs, mut problems) = (Vec::new(), Vec::new());
    let mut before = base.clone();
    for event in order {
        if let Some(fault) = event.fault {
            specs.push(EventSpec { at: event.at, text: event.fault_text.clone(), change: EventChange::Fault(fault) });
            continue;
        }
        let mut fine = true;
        let mut words = Vec::new();
        for (path, node, place) in &event.set {
            let mut change = Change::from_event(path, node);
            if !changeable(&change.path()) {
                fine = false;
                problems.push(
                    Problem::error(place.clone(), format!("`{path}` cannot change during a run"), "not a key that may be set").help(
                        "may be set: replicas, scaler, service, cpu, memory, start, stop, queue of a pool; scale of a load; hpa_controller",
                    ),
                );
                continue;
            }
            if let Err(misfit) = change.apply(&mut document) {
                fine = false;
                problems.push(
                    Problem::error(place.clone(), misfit.message, misfit.label).help("give a path as in `--set`"),
                );
            }
            words.push(format!("{path} = {}", text.get(node.at.clone()).unwrap_or("...").trim()));
        }
        if !fine {
            continue;
        }
        let edited = document.to_string();
        let (tree, _) = Node::parse(&edited);
        let reader = Reader::new(&edited);
        let (_, after, _) = read(&reader, &tree, stem, folder);
        let (found, _) = reader.finish();
        let place = event.set.first().map_or_else(|| event.place.clone(), |(_, node, _)| node.at.clone());
        for problem in found.into_iter().filter(|problem| problem.severity == Severity::Error) {
            let help = problem.help.unwrap_or_else(|| "change the value".to_owned());
            problems.push(Problem::error(place.clone(), problem.message, "from this change on").help(help));
        }
        let Some(after) = after else { continue };
        differences(&before, &after, event, &words.join(", "), &mut specs, &mut problems);
        before = after;
    }
    (specs, problems)
}

fn differences(
    before: &Scenario,
    after: &Scenario,
    event: &Written,
    words: &str,
    specs: &mut Vec<EventSpec>,
    problems: &mut Vec<Problem>,
) {
    let mut push = |change: EventChange| specs.push(EventSpec { at: event.at, text: words.to_owned(), change });
    if before.hpa_controller != after.hpa_controller {
        push(EventChange::HpaController(after.hpa_controller.clone()));
    }
    for (number, (old, new)) in before.loads.iter().zip(&after.loads).enumerate() {
        if old.scale.to_bits() != new.scale.to_bits() {
            push(EventChange::LoadScale(LoadId::from_index(number), new.scale));
        }
    }
    for (number, (old, new)) in before.pools.iter().zip(&after.pools).enumerate() {
        let id = PoolId::from_index(number);
        if std::mem::discriminant(&old.scaler) != std::mem::discriminant(&new.scaler) {
            problems.push(
                Problem::error(
                    event.place.clone(),
                    "a pool cannot change the kind of its scaler during a run",
                    "this event",
                )
                .help("change the keys of the scaler that it has"),
            );
            continue;
        }
        if (old.queue.timeout, old.queue.hold) != (new.queue.timeout, new.queue.hold) {
            problems.push(
                Problem::error(
                    event.place.clone(),
                    "`queue.timeout` and `queue.hold` cannot change during a run",
                    "this event",
                )
                .help("change `queue.capacity`, or give the pool the times that it needs from the beginning"),
            );
            continue;
        }
        let mut same_size = new.clone();
        same_size.replicas = old.replicas;
        if same_size != *old {
            push(EventChange::Pool(id, Box::new(new.clone())));
        }
        let sized = event.set.iter().any(|(path, ..)| {
            *path == format!("pool.{}.replicas", new.name) || *path == format!("pool.{number}.replicas")
        });
        if sized {
            push(EventChange::Replicas(id, new.replicas));
        }
    }
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
