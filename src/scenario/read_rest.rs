//! Reads the sections of which there is one each, and signals, faults and objectives.

use super::laws::Of;
use super::names::Lists;
use super::reader::Section;
use super::spec::{Fault, SignalSpec};
use crate::diagnostics::Problem;
use crate::diagnostics::units;
use crate::metrics::{CpuRate, MetricsServerSpec, PrometheusSpec, Sampling};
use crate::record::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
use crate::scalers::HpaControllerSpec;
use crate::units::Span;
use std::path::Path;

/// No metrics pipeline has anything new to say more often than this.
const SHORTEST_SYNC_PERIOD: Span = Span::from_millis(100);

/// Three scrapes and four samples fit into the hour for which the pods of time 0 have been running.
const LONGEST_RESOLUTION: Span = Span::from_secs(15 * 60);
const LONGEST_HOUSEKEEPING: Span = Span::from_secs(3 * 60);

/// Reads `[hpa_controller]`.
pub(super) fn hpa_controller(section: &Section<'_>) -> Option<HpaControllerSpec> {
    let sync_period = section.some_time("sync_period");
    if sync_period.is_some_and(|period| period < SHORTEST_SYNC_PERIOD) {
        section.wrong(
            "sync_period",
            "`sync_period` is shorter than 100 ms",
            "too short",
            "write \"15s\", the controller's default, or at least \"100ms\"",
        );
    }
    let tolerance = section.share("tolerance");
    let downscale_stabilization = section.duration("downscale_stabilization");
    let cpu_initialization_period = section.duration("cpu_initialization_period");
    let initial_readiness_delay = section.duration("initial_readiness_delay");
    let gates = section.read("feature_gates", |node| gates(&super::reader::text(node)?));
    let (scale_to_zero, configurable_tolerance) = gates?;
    Some(HpaControllerSpec {
        sync_period: sync_period?,
        tolerance: tolerance?,
        downscale_stabilization: downscale_stabilization?,
        cpu_initialization_period: cpu_initialization_period?,
        initial_readiness_delay: initial_readiness_delay?,
        scale_to_zero,
        configurable_tolerance,
    })
}

/// `HPAScaleToZero=true,HPAConfigurableTolerance=false`, as on the flag.
fn gates(text: &str) -> Result<(bool, bool), String> {
    let mut gates = (false, true);
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is no gate; write Name=true"))?;
        let on = match value.trim() {
            "true" => true,
            "false" => false,
            other => return Err(format!("`{other}` is neither true nor false")),
        };
        match name.trim() {
            "HPAScaleToZero" => gates.0 = on,
            "HPAConfigurableTolerance" => gates.1 = on,
            other => {
                let known = ["HPAScaleToZero", "HPAConfigurableTolerance"];
                let meant = crate::diagnostics::closest(other, known).unwrap_or("HPAScaleToZero");
                return Err(format!("`{other}` is no gate that is simulated; did you mean `{meant}`?"));
            }
        }
    }
    Ok(gates)
}

/// Reads `[metrics_server]`.
pub(super) fn metrics_server(section: &Section<'_>, folder: &Path) -> Option<MetricsServerSpec> {
    let enabled = section.yes("enabled");
    let metric_resolution = section.duration("metric_resolution");
    if metric_resolution.is_some_and(|resolution| resolution < Span::from_secs(10)) {
        section.wrong(
            "metric_resolution",
            "metrics-server refuses a resolution below 10s",
            "too short",
            "write at least \"10s\"",
        );
    }
    if metric_resolution.is_some_and(|resolution| resolution > LONGEST_RESOLUTION) {
        section.wrong("metric_resolution", "a resolution above 15m", "too long", "write at most \"15m\"");
    }
    let housekeeping_interval = no_oftener(section, "housekeeping_interval");
    if housekeeping_interval.is_some_and(|interval| interval > LONGEST_HOUSEKEEPING) {
        section.wrong(
            "housekeeping_interval",
            "housekeeping less often than every 3m",
            "too long",
            "write at most \"3m\"",
        );
    }
    let housekeeping_jitter = section.number_from("housekeeping_jitter", 0.0, false);
    let housekeeping_max = section.some_time("housekeeping_max");
    let sampling = section.choice("sampling", &[("cached", Sampling::Cached), ("on_demand", Sampling::OnDemand)]);
    let cpu_rate = section.choice("cpu_rate", &[("own", CpuRate::Own), ("kubelet", CpuRate::Kubelet)]);
    if (sampling, cpu_rate) == (Some(Sampling::OnDemand), Some(CpuRate::Kubelet)) {
        section.wrong(
            "cpu_rate",
            "the kubelet's own rate lies between two cached samples, and `sampling` is \"on_demand\"",
            "there are none",
            "write `sampling = \"cached\"`, or leave `cpu_rate` out",
        );
    }
    let kubelet_request_timeout = section.some_time("kubelet_request_timeout");
    if let (Some(timeout), Some(resolution)) = (kubelet_request_timeout, metric_resolution)
        && timeout >= resolution
    {
        let key = if section.has("kubelet_request_timeout") { "kubelet_request_timeout" } else { "metric_resolution" };
        section.wrong(
            key,
            "`kubelet_request_timeout` is not shorter than `metric_resolution`",
            "metrics-server refuses this",
            "lower `kubelet_request_timeout` or raise `metric_resolution`",
        );
    }
    let kubelet_latency = section.law("kubelet_latency", Of::Time, folder);
    let phase = section.phase("phase");
    Some(MetricsServerSpec {
        enabled: enabled?,
        metric_resolution: metric_resolution?,
        housekeeping_interval: housekeeping_interval?,
        housekeeping_jitter: housekeeping_jitter?,
        housekeeping_max: housekeeping_max?,
        sampling: sampling?,
        cpu_rate: cpu_rate?,
        kubelet_request_timeout: kubelet_request_timeout?,
        kubelet_latency: kubelet_latency?,
        phase: phase?,
    })
}

/// Reads `[prometheus]`.
pub(super) fn prometheus(section: &Section<'_>, folder: &Path) -> Option<PrometheusSpec> {
    let scrape_interval = no_oftener(section, "scrape_interval");
    let mut scrape_timeout = section.some_time("scrape_timeout");
    if let (Some(timeout), Some(interval)) = (scrape_timeout, scrape_interval)
        && timeout > interval
    {
        if section.has("scrape_timeout") {
            section.wrong(
                "scrape_timeout",
                "`scrape_timeout` is longer than `scrape_interval`",
                "Prometheus refuses this",
                "lower the timeout or raise the interval",
            );
        } else {
            scrape_timeout = scrape_interval; // as Prometheus fills it in
        }
    }
    let rate_window = section.some_time("rate_window");
    too_many_samples(section, rate_window, scrape_interval);
    if let (Some(window), Some(interval)) = (rate_window, scrape_interval)
        && window < interval * 2
    {
        let key = if section.has("rate_window") { "rate_window" } else { "scrape_interval" };
        section.suspicious(
            key,
            "`rate_window` is shorter than two scrapes",
            "results flicker to \"no data\"",
            "make it at least twice `scrape_interval`",
        );
    }
    let lookback_delta = section.some_time("lookback_delta");
    let metrics_relist_interval = no_oftener(section, "metrics_relist_interval");
    let metrics_max_age =
        if section.has("metrics_max_age") { section.some_time("metrics_max_age") } else { metrics_relist_interval };
    if let (Some(age), Some(relist)) = (metrics_max_age, metrics_relist_interval)
        && age < relist
    {
        section.wrong(
            "metrics_max_age",
            "`metrics_max_age` is smaller than `metrics_relist_interval`",
            "the adapter refuses this",
            "raise it",
        );
    }
    let adapter_query_latency = section.law("adapter_query_latency", Of::Time, folder);
    let target_discovery = section.law("target_discovery", Of::Time, folder);
    Some(PrometheusSpec {
        scrape_interval: scrape_interval?,
        scrape_timeout: scrape_timeout?,
        rate_window: rate_window?,
        lookback_delta: lookback_delta?,
        metrics_relist_interval: metrics_relist_interval?,
        metrics_max_age: metrics_max_age?,
        adapter_query_latency: adapter_query_latency?,
        target_discovery: target_discovery?,
    })
}

/// A period of at least a second: what is shorter would only be slow to simulate.
fn no_oftener(section: &Section<'_>, name: &str) -> Option<Span> {
    let period = section.some_time(name)?;
    if period < Span::from_secs(1) {
        section.wrong(name, format!("`{name}` is shorter than 1 s"), "too often", "write \"1s\" or more");
        return None;
    }
    Some(period)
}

fn too_many_samples(section: &Section<'_>, window: Option<Span>, interval: Option<Span>) {
    const MOST: u64 = 10_000;
    let (Some(window), Some(interval)) = (window, interval) else { return };
    if window.as_nanos() / interval.as_nanos() > MOST {
        let key = if section.has("rate_window") { "rate_window" } else { "scrape_interval" };
        section.wrong(
            key,
            format!("more than {MOST} samples of every series within `rate_window`"),
            "too many to keep",
            "shorten the window or raise `scrape_interval`",
        );
    }
}

/// Reads `[[signal]]`.
pub(super) fn signal(section: &Section<'_>, folder: &Path) -> Option<SignalSpec> {
    let name = section.read("name", |node| {
        let name = super::reader::text(node)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_:./-".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(format!("`{name}` is no metric name; use letters, digits and _ : . / -"));
        }
        Ok(name)
    });
    let file = section.text("file");
    let column = section.text("column");
    let (name, file, column) = (name?, file?, column?);
    match super::files::signal_of(&folder.join(&file), &column) {
        Ok(points) => Some(SignalSpec { name, points }),
        Err(message) => {
            section.wrong(
                "file",
                message,
                "this file",
                "give a CSV file with columns `t` (seconds, rising) and `value`",
            );
            None
        }
    }
}

/// Reads `fault.<kind>`.
pub(super) fn fault(kind: &str, faults: &Section<'_>, lists: &Lists<'_>) -> Option<Fault> {
    let section = faults.table(kind);
    let replica = |section: &Section<'_>| {
        let (server, ordinal) = (lists.server(section), section.count("ordinal"));
        Some((server?, ordinal?))
    };
    match kind {
        "metrics_server_down" => Some(Fault::MetricsServerDown { lasts: section.some_time("lasts")? }),
        "prometheus_down" => Some(Fault::PrometheusDown { lasts: section.some_time("lasts")? }),
        "kubelet_slow" => {
            let (pool, lasts, latency) =
                (lists.pods(&section), section.some_time("lasts"), section.duration("latency"));
            Some(Fault::KubeletSlow { pool: pool?, lasts: lasts?, latency: latency? })
        }
        "scrape_fails" => {
            let (pool, share, lasts) = (lists.pods(&section), section.share("share"), section.some_time("lasts"));
            if share.is_some_and(|share| share > 1.0) {
                section.wrong("share", "more than all of its pods", "above 100%", "write at most \"100%\"");
                return None;
            }
            Some(Fault::ScrapeFails { pool: pool?, share: share?, lasts: lasts? })
        }
        "pods_killed" => {
            let (pool, count) = (lists.pods(&section), section.count("count"));
            Some(Fault::PodsKilled { pool: pool?, count: count? })
        }
        "scheduler_restart" => {
            if !lists.has_servers() {
                faults.wrong(
                    kind,
                    "a fault of Seldon's scheduler without a `[[server]]`",
                    "there is no scheduler",
                    "add a `[[server]]`, or remove this event",
                );
                return None;
            }
            Some(Fault::SchedulerRestart)
        }
        "agent_crash" => replica(&section).map(|(server, ordinal)| Fault::AgentCrash { server, ordinal }),
        "server_drain" => replica(&section).map(|(server, ordinal)| Fault::ServerDrain { server, ordinal }),
        _ => panic!("`{kind}` is a fault of the list"),
    }
}

/// Whose figure: at most one of four keys.
fn scope(section: &Section<'_>, lists: &Lists<'_>) -> Option<ObjectiveScope> {
    let named: Vec<&str> = ["pool", "model", "server", "pipeline"].into_iter().filter(|key| section.has(key)).collect();
    if let [first, second, ..] = named.as_slice() {
        section.reader.report(
            Problem::error(section.place(second), format!("`{first}` and `{second}` in one objective"), "the second")
                .beside(section.place(first), "the first")
                .help("keep one of them, or write two objectives"),
        );
        return None;
    }
    Some(match named.first() {
        None => ObjectiveScope::Run,
        Some(&"pool") => ObjectiveScope::Pool(lists.pool(section)?),
        Some(&"model") => ObjectiveScope::Model(lists.model(section)?),
        Some(&"server") => ObjectiveScope::Pool(lists.pods_of(lists.server(section)?)),
        Some(_) => ObjectiveScope::Flow(lists.flow(section)?),
    })
}

/// Reads an `[[objective]]` for a run of this length.
pub(super) fn objective(section: &Section<'_>, lists: &Lists<'_>, run: Option<Span>) -> Option<Objective> {
    const MOST_WINDOWS: u64 = 1_000_000;
    let scope = scope(section, lists);
    let that = section.text("that");
    let parsed = section.read("that", |node| condition(&super::reader::text(node)?));
    let share_of_time = if section.has("for") {
        Some(section.read("for", |node| super::read_load::share_of_time(&super::reader::text(node)?))?)
    } else {
        None
    };
    let window = section.some_time("window");
    if let (Some(run), Some(window)) = (run, window)
        && run.as_nanos() / window.as_nanos() > MOST_WINDOWS
    {
        section.wrong("window", "more than a million windows", "too short for this `duration`", "raise it");
    }
    if section.has("window") && share_of_time.is_none() {
        section.wrong("window", "`window` without `for`", "not used", "add `for = \"99% of time\"`, or leave it out");
    }
    let of = section.choice("of", &[("offered", Population::Offered), ("done", Population::Done)]);
    let (figure, condition) = parsed?;
    if share_of_time.is_some() && of_the_run(figure) {
        section.wrong("that", "this figure is of the run only", "has no windows", "leave `for` out");
        return None;
    }
    Some(Objective { scope: scope?, that: that?, figure, condition, share_of_time, window: window?, of: of? })
}

const fn of_the_run(figure: Figure) -> bool {
    !matches!(figure, Figure::Quantile(_) | Figure::Mean | Figure::Errors | Figure::Utilization | Figure::Queue)
}

/// `FIGURE <= VALUE`, `FIGURE >= VALUE`.
pub(crate) fn condition(text: &str) -> Result<(Figure, ConditionSpec), String> {
    let (at_most, (name, value)) = match (text.split_once("<="), text.split_once(">=")) {
        (Some(parts), None) => (true, parts),
        (None, Some(parts)) => (false, parts),
        _ => return Err(format!("`{text}` compares nothing; write it as in \"p95 <= 500ms\" or \"good_time >= 99%\"")),
    };
    let (name, value) = (name.trim(), value.trim());
    let figure = figure(name)?;
    let amount = match figure {
        Figure::Quantile(_) | Figure::Mean | Figure::Recovery => units::duration(value)?.as_secs_f64(),
        Figure::Errors | Figure::Utilization | Figure::GoodTime => units::share(value)?,
        Figure::Cost | Figure::CostPerMillion => {
            let number = value
                .strip_prefix('$')
                .ok_or_else(|| format!("`{value}` is no amount; write dollars, such as \"$20\""))?;
            number
                .parse::<f64>()
                .ok()
                .filter(|amount| amount.is_finite())
                .ok_or_else(|| format!("`{value}` is no amount"))?
        }
        _ => value
            .parse::<f64>()
            .ok()
            .filter(|amount| amount.is_finite() && *amount >= 0.0)
            .ok_or_else(|| format!("`{value}` is no number of 0 or more, as `{name}` wants"))?,
    };
    Ok((figure, if at_most { ConditionSpec::AtMost(amount) } else { ConditionSpec::AtLeast(amount) }))
}

/// Names of figures besides quantiles.
pub const FIGURES: &[(&str, Figure)] = &[
    ("mean", Figure::Mean),
    ("errors", Figure::Errors),
    ("utilization", Figure::Utilization),
    ("queue", Figure::Queue),
    ("replica_hours", Figure::ReplicaHours),
    ("idle_replica_hours", Figure::IdleReplicaHours),
    ("cost", Figure::Cost),
    ("cost_per_million", Figure::CostPerMillion),
    ("replicas_max", Figure::ReplicasMax),
    ("scale_actions", Figure::ScaleActions),
    ("good_time", Figure::GoodTime),
    ("recovery", Figure::Recovery),
];

fn figure(name: &str) -> Result<Figure, String> {
    if let Some(quantile) = name.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok()) {
        if quantile > 0.0 && quantile < 100.0 {
            return Ok(Figure::Quantile(quantile / 100.0));
        }
        return Err(format!("`{name}` is no quantile; it lies between p0 and p100, such as p95 or p99.9"));
    }
    FIGURES.iter().find(|(known, _)| *known == name).map(|&(_, figure)| figure).ok_or_else(|| {
        let names: Vec<&str> = FIGURES.iter().map(|(known, _)| *known).chain(["p50", "p95", "p99"]).collect();
        match crate::diagnostics::closest(name, names.iter().copied()) {
            Some(meant) => format!("`{name}` is no figure; did you mean `{meant}`?"),
            None => {
                format!("`{name}` is no figure; the figures are p50, p95, p99, {}", names[..names.len() - 3].join(", "))
            }
        }
    })
}
