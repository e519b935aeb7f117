//! Checks that need more than one section: an HPA and the pool it reads, names of metrics and the signals there are.

use super::doctor::Patient;
use super::load::reads_resources;
use super::names::Lists;
use super::reader::Section;
use super::spec::{PoolSpec, Scenario};
use crate::diagnostics::Problem;
use crate::scalers::hpa::spec::CrossVersionObjectReference;
use crate::scalers::{HpaScalerSpec, ScalerSpec};
use crate::units::{Id, PoolId, Span};

/// Signals that every pool provides.
pub const SIGNALS: &[(&str, &str)] = &[
    ("rps", "requests that ended, per second"),
    ("in_flight", "requests waiting and being served"),
    ("queue", "requests waiting"),
    ("latency_p50", "median latency of requests that ended, seconds"),
    ("latency_p95", "95th percentile of the latency of requests that ended, seconds"),
    ("latency_p99", "99th percentile of the latency of requests that ended, seconds"),
];

/// Signals that models and servers of Seldon Core 2 provide besides.
pub const SELDON_SIGNALS: &[(&str, &str)] =
    &[("infer_rps", "of a model, or of a server over its models: sum(rate(seldon_model_infer_total[rate_window]))")];

/// Reports what does not fit together.
pub(super) fn across(scenario: &Scenario, top: &Section<'_>, lists: &Lists<'_>) {
    let sections = lists.pools.iter().chain(&lists.servers);
    for (number, (pool, section)) in scenario.pools.iter().zip(sections).enumerate() {
        let ScalerSpec::Hpa(hpa) = &pool.scaler else { continue };
        let place = hpa_place(section);
        api_server(hpa, scenario, section, &place);
        if reads_resources(pool) {
            requests(pool, hpa, section, &place);
            server(scenario, hpa, section, &place);
        }
        oscillates(scenario, hpa, section, &place);
        let id = PoolId::from_index(number);
        names(scenario, hpa, section, &place, scenario.server_of(id).is_some());
        Patient { scenario, id, pool, hpa, section, place: place.clone() }.examine();
        if pool.replicas > u32::try_from(hpa.spec.max_replicas).unwrap_or(0) && section.has("replicas") {
            section.suspicious(
                "replicas",
                format!("{} replicas at time 0, and the HPA allows {}", pool.replicas, hpa.spec.max_replicas),
                "cut down at the first reconcile",
                "lower `replicas` or raise `max_replicas`",
            );
        }
    }
    unread(scenario, top);
    let seconds = scenario.duration.as_secs_f64();
    let size: f64 = scenario.pools.iter().map(|pool| f64::from(pool.replicas)).sum();
    if size > 1_000_000.0 {
        top.reader.report(
            Problem::file(format!("{size} replicas at time 0 for {seconds} s"))
                .help("lower `replicas`: at most 1,000,000 in all"),
        );
    }
}

/// Prometheus carries signals, not CPU and memory: without a reader of signals it changes nothing. (An event may bring one.)
fn unread(scenario: &Scenario, top: &Section<'_>) {
    let reads = |scaler: &ScalerSpec| match scaler {
        ScalerSpec::Hpa(hpa) => hpa
            .spec
            .metrics
            .iter()
            .any(|metric| metric.pods.is_some() || metric.object.is_some() || metric.external.is_some()),
        _ => false,
    };
    let models = scenario.seldon.iter().flat_map(|seldon| &seldon.models).map(|model| &model.scaler);
    let mut scalers = scenario.pools.iter().map(|pool| &pool.scaler).chain(models);
    if top.has("prometheus") && !top.has("event") && !scalers.any(reads) {
        top.suspicious(
            "prometheus",
            "no autoscaler reads a signal",
            "changes nothing: CPU and memory come through metrics-server",
            "add a Pods, Object or External metric to an HPA, or leave `[prometheus]` out",
        );
    }
}

pub(super) type Place = std::ops::Range<usize>;

/// Where the HPA begins.
pub(super) fn hpa_place(section: &Section<'_>) -> Place {
    section
        .entry("scaler")
        .and_then(|entry| entry.node.get("hpa"))
        .map_or_else(|| section.at.clone(), |entry| entry.key_at.clone())
}

/// What the API server would refuse, in its own words.
pub(super) fn api_server(hpa: &HpaScalerSpec, scenario: &Scenario, section: &Section<'_>, place: &Place) {
    for message in hpa.spec.defaulted().validate((&scenario.hpa_controller).into()) {
        if message.starts_with("spec.maxReplicas") && hpa.spec.min_replicas.unwrap_or(1) > hpa.spec.max_replicas {
            continue; // said before, at the key itself
        }
        section.reader.report(
            Problem::error(place.clone(), format!("the API server refuses this HPA: {message}"), "this HPA")
                .help("correct the field that it names"),
        );
    }
}

/// Resources that an HPA reads, and whether by their share of the request.
pub(super) fn resources(hpa: &HpaScalerSpec) -> Vec<(&'static str, bool)> {
    if hpa.spec.metrics.is_empty() {
        return vec![("cpu", true)];
    }
    hpa.spec
        .metrics
        .iter()
        .filter_map(|metric| metric.resource.as_ref())
        .map(|resource| {
            (if resource.name == "memory" { "memory" } else { "cpu" }, resource.target.average_utilization.is_some())
        })
        .collect()
}

fn requests(pool: &PoolSpec, hpa: &HpaScalerSpec, section: &Section<'_>, place: &Place) {
    for (resource, of_request) in resources(hpa) {
        let missing = if resource == "cpu" {
            pool.cpu.request_millis.is_none() || pool.containers.iter().any(|c| c.cpu_request_millis.is_none())
        } else {
            pool.memory.request_bytes.is_none() || pool.containers.iter().any(|c| c.memory_request_bytes.is_none())
        };
        if of_request && missing {
            section.reader.report(
                Problem::warning(
                    place.clone(),
                    format!("this HPA will not scale: {resource} utilization is undefined without a request on every container"),
                    "as in Kubernetes: FailedGetResourceMetric",
                )
                .help(format!("add `{resource} = {{ request = ... }}` to {}", section.title)),
            );
        }
    }
}

fn server(scenario: &Scenario, hpa: &HpaScalerSpec, section: &Section<'_>, place: &Place) {
    if !scenario.metrics_server.enabled && !resources(hpa).is_empty() {
        section.reader.report(
            Problem::warning(
                place.clone(),
                "this HPA will not scale: metrics-server is not installed",
                "nobody answers it",
            )
            .help("leave `metrics_server.enabled` at true"),
        );
    }
}

fn oscillates(scenario: &Scenario, hpa: &HpaScalerSpec, section: &Section<'_>, place: &Place) {
    let down = hpa.spec.behavior.as_ref().and_then(|behavior| behavior.scale_down.as_ref());
    let window = match down.and_then(|rules| rules.stabilization_window_seconds) {
        Some(seconds) => Span::from_secs(u64::try_from(seconds).unwrap_or(0)),
        None => scenario.hpa_controller.downscale_stabilization,
    };
    let resolution = scenario.metrics_server.metric_resolution;
    if window.is_zero() && resolution >= Span::from_secs(60) && !resources(hpa).is_empty() {
        section.reader.report(
            Problem::warning(
                place.clone(),
                format!("a scale-down window of 0s with metrics every {} s will oscillate", resolution.as_secs_f64()),
                "it scales down before it sees what scaling up did",
            )
            .help("raise `behavior.scale_down.stabilization_window`"),
        );
    }
}

/// A metric that no signal provides fails as in a cluster; better to know before. `of_seldon`: of a model or a server.
pub(super) fn names(scenario: &Scenario, hpa: &HpaScalerSpec, section: &Section<'_>, place: &Place, of_seldon: bool) {
    for metric in &hpa.spec.metrics {
        let (name, recorded, of_seldon) = match (&metric.pods, &metric.object, &metric.external) {
            (Some(pods), ..) => (&pods.metric.name, false, of_seldon),
            (_, Some(object), _) => {
                let described = &object.described_object;
                described_object(scenario, described, section, place);
                (&object.metric.name, true, matches!(described.kind.as_str(), "Model" | "Server"))
            }
            (.., Some(external)) => (&external.metric.name, true, of_seldon),
            _ => continue,
        };
        let of_models = SELDON_SIGNALS.iter().any(|(signal, _)| signal == name);
        let built_in = SIGNALS.iter().any(|(signal, _)| signal == name) || (of_models && of_seldon);
        let from_file = recorded && scenario.signals.iter().any(|signal| signal.name == *name);
        if built_in || from_file {
            continue;
        }
        let known = SIGNALS
            .iter()
            .chain(SELDON_SIGNALS)
            .map(|(signal, _)| *signal)
            .chain(scenario.signals.iter().map(|s| s.name.as_str()));
        let help = match crate::diagnostics::closest(name, known) {
            _ if of_models => "it is of a model or a server: describe one, as in `described_object = { kind = \"Model\", name = \"...\" }`".to_owned(),
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "add a `[[signal]]` of that name, or take one of `sim list signals`".to_owned(),
        };
        section.reader.report(
            Problem::warning(
                place.clone(),
                format!("no signal provides the metric `{name}`"),
                "the HPA fails to read it, as in a cluster",
            )
            .help(help),
        );
    }
}

/// A model or server that an Object metric describes and that is not there.
fn described_object(
    scenario: &Scenario,
    described: &CrossVersionObjectReference,
    section: &Section<'_>,
    place: &Place,
) {
    let Some(seldon) = &scenario.seldon else { return };
    let names: Vec<&str> = match described.kind.as_str() {
        "Model" => seldon.models.iter().map(|model| model.spec.name.as_str()).collect(),
        "Server" => seldon.servers.iter().map(|server| server.spec.name.as_str()).collect(),
        _ => return,
    };
    if names.contains(&described.name.as_str()) {
        return;
    }
    let help = match crate::diagnostics::closest(&described.name, names.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    section.reader.report(
        Problem::warning(
            place.clone(),
            format!("this HPA reads a metric of {}/{}, which is not there", described.kind, described.name),
            "the HPA fails to read it, as in a cluster",
        )
        .help(help),
    );
}
