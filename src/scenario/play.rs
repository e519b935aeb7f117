//! Reads `[[event]]` and plays the changes on the text: each state of it is read as a scenario, and what differs from the
//! one before is what the run will do. So a change is checked before the run as if the file had always said so.

use super::load::read;
use super::names::Lists;
use super::read_rest;
use super::reader::{Reader, Section, join};
use super::set::Change;
use super::spec::{EventChange, EventSpec, Fault, PoolSpec, Scenario, SeldonSpec};
use super::tree::{Entry, Node, Value};
use crate::diagnostics::{Problem, Severity};
use crate::scalers::ScalerSpec;
use crate::units::{Id, LoadId, ModelId, PoolId, ServerId, Span};
use std::mem::discriminant;
use std::ops::Range;
use std::path::Path;
use toml_edit::DocumentMut;

/// An event as it was written: read, but not yet played.
pub(super) struct Written {
    at: Span,
    place: Range<usize>,
    fault: Option<Fault>,
    fault_text: String,
    set: Vec<(String, Node, Range<usize>)>,
}

/// What is not there cannot go down.
pub(super) fn check_outages(top: &Section<'_>, events: &[Written]) {
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

/// Reads one event.
pub(super) fn event(section: &Section<'_>, lists: &Lists<'_>, run: Option<Span>) -> Option<Written> {
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
        let fault = read_rest::fault(choice.kind, &choice.inside, lists)?;
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
fn flatten(path: &str, entries: &[Entry], out: &mut Vec<(String, Node, Range<usize>)>) {
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

/// What may be set, for a message.
const CHANGEABLE: &str = "may be set: replicas, min_replicas, max_replicas, scaler, service, cpu, memory, start, stop, queue of \
     pools, models and servers, as far as they have them; scale of a load; hpa_controller; Helm values of core";

/// May a run change what stands at this path?
fn changeable(path: &[&str]) -> bool {
    match path {
        ["pool" | "server" | "model", _, key, ..] => {
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
        ["core", key, ..] => {
            !matches!(*key, "version" | "forced_off" | "control_delay" | "kafka_hop" | "proxy_overhead")
        }
        ["load", _, "scale"] | ["hpa_controller", ..] => true,
        _ => false,
    }
}

/// Puts the values of one event into the text, and says in words what it sets.
fn put(event: &Written, document: &mut DocumentMut, text: &str) -> Result<String, Vec<Problem>> {
    let (mut words, mut wrong) = (Vec::new(), Vec::new());
    for (path, node, place) in &event.set {
        let mut change = Change::from_event(path, node);
        if !changeable(&change.path()) {
            let message = format!("`{path}` cannot change during a run");
            wrong.push(Problem::error(place.clone(), message, "not a key that may be set").help(CHANGEABLE));
            continue;
        }
        if let Err(misfit) = change.apply(document) {
            let problem = Problem::error(place.clone(), misfit.message, misfit.label);
            wrong.push(problem.help("give a path as in `--set`"));
        }
        words.push(format!("{path} = {}", text.get(node.at.clone()).unwrap_or("...").trim()));
    }
    if wrong.is_empty() { Ok(words.join(", ")) } else { Err(wrong) }
}

/// Applies the events one after another to the text, reads each state of it as a scenario, and keeps the differences.
pub(super) fn play_events(
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
        let last_good = document.clone();
        let words = match put(event, &mut document, text) {
            Ok(words) => words,
            Err(wrong) => {
                problems.extend(wrong);
                document = last_good;
                continue;
            }
        };
        let edited = document.to_string();
        let (tree, _) = Node::parse(&edited);
        let reader = Reader::new(&edited);
        let (_, after, _) = read(&reader, &tree, stem, folder);
        let (found, _) = reader.finish();
        let before_it = problems.len();
        let place = event.set.first().map_or_else(|| event.place.clone(), |(_, node, _)| node.at.clone());
        let wrong: Vec<Problem> = found.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
        if !wrong.is_empty() {
            // What is wrong from here on is said once: later changes start from what was good.
            document = last_good;
        }
        for problem in wrong {
            let help = problem.help.unwrap_or_else(|| "change the value".to_owned());
            problems.push(Problem::error(place.clone(), problem.message, "from this change on").help(help));
        }
        let Some(after) = after.filter(|_| problems.len() == before_it) else { continue };
        differences(&before, &after, event, &words, &mut specs, &mut problems);
        before = after;
    }
    (specs, problems)
}

/// What a change of the text changes in the run, in this order: the cluster, the installation, loads, servers, pods, models.
fn differences(
    before: &Scenario,
    after: &Scenario,
    event: &Written,
    words: &str,
    specs: &mut Vec<EventSpec>,
    problems: &mut Vec<Problem>,
) {
    let mut changes = Vec::new();
    if before.hpa_controller != after.hpa_controller {
        changes.push(EventChange::HpaController(after.hpa_controller.clone()));
    }
    for (number, (old, new)) in before.loads.iter().zip(&after.loads).enumerate() {
        if old.scale.to_bits() != new.scale.to_bits() {
            changes.push(EventChange::LoadScale(LoadId::from_index(number), new.scale));
        }
    }
    if let (Some(old), Some(new)) = (&before.seldon, &after.seldon) {
        installation(old, new, &mut changes);
    }
    let plain = after.pools.len() - after.seldon.as_ref().map_or(0, |seldon| seldon.servers.len());
    for (number, (old, new)) in before.pools.iter().zip(&after.pools).enumerate() {
        if let Some((message, help)) = unchangeable(old, new) {
            problems.push(Problem::error(event.place.clone(), message, "this event").help(help));
            continue;
        }
        let id = PoolId::from_index(number);
        let same_size = PoolSpec { replicas: old.replicas, ..new.clone() };
        if same_size != *old {
            changes.push(EventChange::Pool(id, Box::new(new.clone())));
        }
        let (list, place) = if number < plain { ("pool", number) } else { ("server", number - plain) };
        if event.sizes(list, &new.name, place) {
            changes.push(EventChange::Replicas(id, new.replicas));
        }
    }
    if let (Some(old), Some(new)) = (&before.seldon, &after.seldon) {
        models(old, new, event, &mut changes, problems);
    }
    specs.extend(changes.into_iter().map(|change| EventSpec { at: event.at, text: words.to_owned(), change }));
}

impl Written {
    /// Does it set the size of this one, named or numbered?
    fn sizes(&self, list: &str, name: &str, place: usize) -> bool {
        let paths = [format!("{list}.{name}.replicas"), format!("{list}.{place}.replicas")];
        self.set.iter().any(|(path, ..)| paths.contains(path))
    }
}

/// Why a pool cannot turn into the other, and the way out.
fn unchangeable(old: &PoolSpec, new: &PoolSpec) -> Option<(&'static str, &'static str)> {
    if discriminant(&old.scaler) != discriminant(&new.scaler) {
        return Some(OTHER_SCALER);
    }
    ((old.queue.timeout, old.queue.hold) != (new.queue.timeout, new.queue.hold)).then_some((
        "`queue.timeout` and `queue.hold` cannot change during a run",
        "change `queue.capacity`, or give the pool the times that it needs from the beginning",
    ))
}

const OTHER_SCALER: (&str, &str) =
    ("the kind of a scaler cannot change during a run", "change the keys of the scaler that is there");

/// What changes in the settings of Seldon Core 2 and in its Servers.
fn installation(old: &SeldonSpec, new: &SeldonSpec, changes: &mut Vec<EventChange>) {
    if old.core != new.core {
        changes.push(EventChange::Core(Box::new(new.core.clone())));
    }
    for (number, (old, new)) in old.servers.iter().zip(&new.servers).enumerate() {
        let mut same_size = new.clone();
        same_size.spec.scaling.replicas = old.spec.scaling.replicas;
        if same_size != *old {
            changes.push(EventChange::Server(ServerId::from_index(number), Box::new(new.clone())));
        }
    }
}

/// What changes in Models: the resource, its wanted number, or both.
fn models(
    old: &SeldonSpec,
    new: &SeldonSpec,
    event: &Written,
    changes: &mut Vec<EventChange>,
    problems: &mut Vec<Problem>,
) {
    for (number, (old, model)) in old.models.iter().zip(&new.models).enumerate() {
        if discriminant::<ScalerSpec>(&old.scaler) != discriminant(&model.scaler) {
            let (message, help) = OTHER_SCALER;
            problems.push(Problem::error(event.place.clone(), message, "this event").help(help));
            continue;
        }
        let id = ModelId::from_index(number);
        let mut same_size = model.clone();
        same_size.spec.scaling.replicas = old.spec.scaling.replicas;
        if same_size != *old {
            changes.push(EventChange::Model(id, Box::new(model.clone())));
        }
        if event.sizes("model", &model.spec.name, number) {
            let wanted = model.spec.scaling.effective(new.core.version);
            let wanted = wanted.expect("what the operator refuses is no scenario").replicas;
            changes.push(EventChange::ModelReplicas(id, wanted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::load;
    use super::*;
    use crate::diagnostics::Source;

    /// One server with one model, and these events.
    fn changes(events: &str) -> Vec<EventChange> {
        let text = format!(
            "duration = \"1h\"\n[core]\nversion = \"2.9\"\n[[server]]\nname = \"s\"\nmemory = \"8GiB\"\nmax_replicas = 4\n\
             [[model]]\nname = \"m\"\nservice = \"10ms\"\n[[load]]\nname = \"l\"\nto = \"m\"\nrate.constant = \"1/s\"\n{events}"
        );
        let source = Source { name: "test".to_owned(), text, folder: ".".into() };
        let loaded = load(&source, &[]).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        loaded.scenario.events.into_iter().map(|event| event.change).collect()
    }

    fn set(values: &str) -> String {
        format!("[[event]]\nat = \"5m\"\nset = {{ {values} }}\n")
    }

    #[test]
    fn a_size_alone_is_a_size_alone() {
        let seen = changes(&set(r#""server.s.replicas" = 2, "model.0.replicas" = 3"#));
        let [EventChange::Replicas(pool, 2), EventChange::ModelReplicas(model, 3)] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        assert_eq!((pool.index(), model.index()), (0, 0));
    }

    #[test]
    fn bounds_change_the_resource_before_the_size() {
        let seen = changes(&set(r#""server.s.max_replicas" = 9, "server.s.replicas" = 9, "model.m.max_replicas" = 2"#));
        let [EventChange::Server(_, server), EventChange::Replicas(_, 9), EventChange::Model(_, model)] =
            seen.as_slice()
        else {
            panic!("{seen:?}")
        };
        assert_eq!(server.spec.scaling.max, Some(9));
        assert_eq!(model.spec.scaling.max, Some(2));
    }

    #[test]
    fn memory_of_a_server_is_its_resource_and_its_pods() {
        let seen = changes(&set(r#""server.s.memory" = "16GiB""#));
        let [EventChange::Server(..), EventChange::Pool(_, pods)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(pods.memory.request_bytes, Some(16 << 30));
    }

    #[test]
    fn settings_and_faults() {
        let faults = "[[event]]\nat = \"6m\"\nfault.server_drain = { server = \"s\", ordinal = 1 }\n\
                      [[event]]\nat = \"7m\"\nfault.scheduler_restart = {}\n\
                      [[event]]\nat = \"8m\"\nfault.pods_killed = { pool = \"s\", count = 1 }\n";
        let seen = changes(&format!("{}{faults}", set("core.agent.overcommitPercentage = 25")));
        let [
            EventChange::Core(core),
            EventChange::Fault(Fault::ServerDrain { ordinal: 1, .. }),
            EventChange::Fault(Fault::SchedulerRestart),
            EventChange::Fault(Fault::PodsKilled { count: 1, .. }),
        ] = seen.as_slice()
        else {
            panic!("{seen:?}")
        };
        assert_eq!(core.agent.overcommit_percent, 25);
    }
}
