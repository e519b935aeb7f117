//! Recorded rows of the metrics pipelines and of pod start-up, each compared exactly with the functions that the simulation
//! itself uses.

#[path = "common/mod.rs"]
mod common;

use autosim::cluster::{ReadinessProbe, crash_backoff, ready_at};
use autosim::metrics::{ContainerPoint, TwoPoints, Usage, pod_time, rate};
use autosim::serving::discipline::quota::Quota;
use autosim::units::{SimTime, Span};
use serde_json::Value;
use std::collections::BTreeMap;

/// Recorded times may lie before zero.
const ZERO_S: f64 = 1_000_000.0;

fn time(seconds: f64) -> SimTime {
    SimTime::ZERO + Span::from_secs_f64(seconds + ZERO_S).expect("a time after the shifted zero")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn close(seen: f64, wanted: f64) -> bool {
    (seen - wanted).abs() <= 1e-9 * wanted.abs().max(1e-3)
}

#[test]
fn recorded_rows() {
    let Some(shared) = common::shared("metrics conformance") else { return };
    let text = common::read(&shared, "conformance/metrics/public.jsonl");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let model = row["model"].as_str().unwrap_or_else(|| panic!("no model: {line}"));
        let difference = match model {
            "prometheus-rate" => prometheus_rate(&row["params"], &row["expect"]),
            "metrics-server" => metrics_server(&row["params"], &row["expect"]),
            "readiness" => readiness(&row["params"], &row["expect"]),
            "crash-backoff" => backoff(&row["params"], &row["expect"]),
            "cfs-quota" => cfs_quota(&row["params"], &row["expect"]),
            other => panic!("unknown model {other}"),
        };
        *counts.entry(model.to_owned()).or_default() += 1;
        if let Some(difference) = difference {
            wrong.push(format!("{}: {difference}", row["name"]));
        }
    }
    let rows: usize = counts.values().sum();
    common::say!("metrics: {rows} rows {counts:?}, {} differ", wrong.len());
    assert!(rows >= 32, "only {rows} rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn prometheus_rate(params: &Value, expect: &Value) -> Option<String> {
    let samples: Vec<(f64, f64)> = params["samples"]
        .as_array()
        .expect("samples")
        .iter()
        .map(|sample| (number(&sample[0]), number(&sample[1])))
        .collect();
    let seen = rate(&samples, number(&params["now_s"]), number(&params["window_s"]));
    let wanted = expect["rate_per_s"].as_f64();
    let same = match (seen, wanted) {
        (None, None) => true,
        (Some(seen), Some(wanted)) => close(seen, wanted),
        _ => false,
    };
    (!same).then(|| format!("rate: wanted {wanted:?}, got {seen:?}"))
}

fn metrics_server(params: &Value, expect: &Value) -> Option<String> {
    let resolution = Span::from_secs_f64(number(&params["resolution_s"])).expect("a resolution");
    let scrapes = params["scrapes"].as_array().expect("scrapes");
    let mut names: Vec<&str> = Vec::new();
    for container in scrapes.iter().filter_map(Value::as_array).flatten() {
        let name = container["container"].as_str().expect("a name");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut store = vec![TwoPoints::default(); names.len()];
    for (number_of_scrape, (scrape, wanted)) in
        scrapes.iter().zip(expect["served"].as_array().expect("served")).enumerate()
    {
        let points = scrape.as_array().cloned().unwrap_or_default();
        for (name, points_of) in names.iter().zip(&mut store) {
            let point = points.iter().find(|point| point["container"] == *name).map(|point| ContainerPoint {
                start: time(number(&point["start_s"])),
                at: time(number(&point["timestamp_s"])),
                cpu_core_s: number(&point["cpu_core_seconds"]),
                memory_bytes: 1,
            });
            points_of.store(point, resolution);
        }
        let usages: Option<Vec<Usage>> = store.iter().map(TwoPoints::usage).collect();
        let usages = usages.filter(|usages| !usages.is_empty());
        let same = match (&usages, wanted) {
            (None, Value::Null) => true,
            (Some(usages), Value::Object(wanted)) => {
                let (at, window) = pod_time(usages.iter().copied()).expect("containers");
                let cores: f64 = usages.iter().map(|usage| usage.cpu_cores).sum();
                close(cores, number(&wanted["usage_cores"]))
                    && at == time(number(&wanted["timestamp_s"]))
                    && close(window.as_secs_f64(), number(&wanted["window_s"]))
            }
            _ => false,
        };
        if !same {
            return Some(format!("scrape {number_of_scrape}: wanted {wanted}, got {usages:?}"));
        }
    }
    None
}

fn readiness(params: &Value, expect: &Value) -> Option<String> {
    let span = |key: &str| Span::from_secs_f64(number(&params[key])).expect("a span");
    let probe = ReadinessProbe {
        initial_delay: span("initial_delay_s"),
        period: span("period_s"),
        timeout: Span::from_secs(1),
        success_threshold: u32::try_from(params["success_threshold"].as_u64().expect("a count"))
            .expect("a small count"),
        failure_threshold: 3,
    };
    let at = |key: &str| time(number(&params[key]));
    let seen = ready_at(&probe, at("first_tick_s"), at("container_started_s"), at("app_ready_s"));
    let wanted = time(number(&expect["ready_s"]));
    (seen != wanted).then(|| format!("ready: wanted {wanted:?}, got {seen:?}"))
}

fn backoff(params: &Value, expect: &Value) -> Option<String> {
    let restarts = params["restarts"].as_array().expect("restarts");
    let seen: Vec<f64> = restarts
        .iter()
        .map(|restart| crash_backoff(u32::try_from(restart.as_u64().expect("a count")).expect("small")).as_secs_f64())
        .collect();
    let wanted: Vec<f64> = expect["wait_s"].as_array().expect("waits").iter().map(number).collect();
    (seen != wanted).then(|| format!("waits: wanted {wanted:?}, got {seen:?}"))
}

fn cfs_quota(params: &Value, expect: &Value) -> Option<String> {
    let quota = Quota::new(number(&params["limit_cores"]), Span::ZERO);
    let seen = quota.time_until(SimTime::ZERO, number(&params["cpu_seconds"]) * 1e9, 1.0) * 1e-9;
    let wanted = number(&expect["response_s"]);
    (!close(seen, wanted)).then(|| format!("response: wanted {wanted}, got {seen}"))
}
