//! Whatever stands in a scenario, the program answers with a scenario or with problems that can be drawn: it never panics, and
//! what it accepts it can run.

use autosim::diagnostics::Source;
use autosim::scenario;
use proptest::prelude::*;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const SCENARIOS: [&str; 8] = [
    include_str!("../scenarios/spike.toml"),
    include_str!("../scenarios/diurnal.toml"),
    include_str!("../scenarios/metrics-server-down.toml"),
    include_str!("../scenarios/prometheus-lag.toml"),
    include_str!("../scenarios/validation/php-three-days.toml"),
    EVERYTHING,
    include_str!("../scenarios/seldon-mixed.toml"),
    SELDON,
];

/// Most keys that there are, in one file.
const EVERYTHING: &str = r#"
name = "everything"
duration = "20m"
tick = "10s"
warmup = "1m"
starts_at = "08:30"
[hpa_controller]
feature_gates = "HPAScaleToZero=true"
[metrics_server]
sampling = "on_demand"
kubelet_latency.lognormal = { median = "50ms", cv = 1.0 }
phase = "3s"
[[load]]
name = "a"
to = "one"
arrivals.renewal.gamma = { cv = 2.0 }
rate.sum = [{ constant = "3/s" }, { sine = { mean = "2/s", amplitude = "50%", period = "5m" } }]
cancel_on_timeout = true
timeout = "2s"
[[load]]
name = "b"
to = "two"
arrivals.users = { think.exponential = { mean = "3s" }, start = 5, stages = [{ duration = "1m", target = 20 }], repeat_every = "5m" }
demand.empirical = { values = ["10ms", "20ms"], weights = [3, 1], scale = 2.0 }
[[load]]
name = "c"
to = "two"
arrivals.deterministic = { offset = 1 }
rate.product = [{ flash_crowd = { base = "1/s", peak = "9/s", at = "2m", hold = "3m" } }, { step = { before = 1.0, after = 2.0, at = "5m" } }]
[[pool]]
name = "one"
kind = "StatefulSet"
replicas = 2
workers = 3
service.hyperexponential = { mean = "90ms", cv = 2.0 }
speed.uniform = { min = 0.8, max = 1.2 }
queue = { capacity = 20, timeout = "1s", hold = "500ms", initial = 4 }
cpu = { request = "500m", limit = "1", per_request = "50ms", cfs = "exact" }
memory = { request = "1Gi", idle = "200Mi", per_request = "1Mi" }
containers = [{ name = "proxy", cpu = { request = "100m", idle = "20m" } }]
balancer.round_robin = {}
price = "$1/h"
start = { image = "pulled", pull = "20s", readiness_probe = { period = "3s", initial_delay = "2s" } }
stop = { grace_period = "10s", pre_stop = "2s", drain = false }
metrics.delay = { window = "30s", delay = "20s" }
[pool.scaler.hpa]
min_replicas = 1
max_replicas = 6
metrics = [
  { type = "Resource", resource = { name = "cpu", target = { type = "Utilization", average_utilization = "60%" } } },
  { type = "Pods", pods = { metric = { name = "in_flight" }, target = { type = "AverageValue", average_value = "2" } } },
]
behavior = { scale_up = { policies = [{ type = "Pods", value = 2, period = "30s" }] } }
[[pool]]
name = "two"
replicas = 3
workers = "unlimited"
discipline.processor_sharing = { cores = 2 }
service = "40ms"
balancer.central_queue = {}
scaler.schedule = { steps = [{ at = "1m", replicas = 1 }, { at = "3m", replicas = 5 }], repeat_every = "6m" }
[[event]]
at = "4m"
set = { "pool.one.replicas" = 5, "load.a.scale" = 2.0 }
[[event]]
at = "6m"
fault.pods_killed = { pool = "two", count = 2 }
[[objective]]
pool = "one"
that = "p95 <= 300ms"
for = "95% of time"
[[objective]]
that = "cost <= $3"
"#;

/// Most keys of Seldon Core 2, in one file.
const SELDON: &str = r#"
duration = "20m"
[core]
version = "2.10"
forced_off = false
control_delay = "300ms"
kafka_hop.exponential = { mean = "2ms" }
proxy_overhead = "1ms"
autoscaling = { autoscalingModelEnabled = true, serverPackingEnabled = true, serverPackingPercentage = 0.5 }
agent = { scalingStatsPeriodSeconds = 5, modelInferenceLagThreshold = 4, modelInactiveSecondsThreshold = 30, overcommitPercentage = 20 }
kafka.topics.numPartitions = 2
envoy.replicas = 2
modelgateway = { replicas = 2, workers = 4, maxNumConsumers = 10 }
pipelinegateway = { replicas = 2, maxNumConsumers = 10 }
dataflow.replicas = 2
[advice]
one_to_one = false
[[server]]
name = "one"
replicas = 2
min_replicas = 1
max_replicas = 4
memory = "4GiB"
capabilities = ["sklearn"]
workers = 2
queue = { capacity = 50, timeout = "5s" }
cpu = { request = "1", limit = "2" }
price = "$1/h"
start = { image = "pulled", pull = "20s" }
stop = { grace_period = "1m" }
[[server]]
name = "two"
max_replicas = 0
memory = "8GiB"
discipline.processor_sharing = { cores = 2 }
[server.scaler.hpa]
max_replicas = 3
metrics = [{ type = "Object", object = { metric = { name = "infer_rps" }, described_object = { kind = "Server", name = "two" }, target = { type = "Value", value = "20" } } }]
[[model]]
name = "a"
server = "one"
requirements = ["sklearn"]
memory = "2GiB"
min_replicas = 1
max_replicas = 3
service.gamma = { mean = "50ms", cv = 0.5 }
cpu.per_request = "20ms"
download = "2s"
load = "3s"
reload = "200ms"
scaler.seldon_lag = {}
[[model]]
name = "b"
memory = "3GiB"
replicas = 1
service = "30ms"
scaler.hpa = { max_replicas = 2, metrics = [{ type = "Object", object = { metric = { name = "infer_rps" }, described_object = { kind = "Model", name = "b" }, target = { type = "AverageValue", average_value = "10" } } }] }
[[model]]
name = "c"
memory = "2GiB"
service = "20ms"
scaler.schedule = { steps = [{ at = "2m", replicas = 2 }] }
[[pipeline]]
name = "flow"
steps = [{ model = "a" }, { model = "b" }, { model = "c", after = ["a", "flow"] }]
[[load]]
name = "direct"
to = "a"
protocol = "rest"
rate.step = { before = "5/s", after = "90/s", at = "3m" }
[[load]]
name = "by-grpc"
to = "b"
protocol = "grpc"
rate.constant = "10/s"
[[load]]
name = "through"
to = "flow"
rate.constant = "8/s"
timeout = "3s"
[[event]]
at = "4m"
set = { "server.one.replicas" = 3, "model.a.max_replicas" = 4, "core.agent.overcommitPercentage" = 10 }
[[event]]
at = "5m"
fault.agent_crash = { server = "one", ordinal = 0 }
[[event]]
at = "6m"
fault.server_drain = { server = "two", ordinal = 0 }
[[event]]
at = "7m"
fault.scheduler_restart = {}
[[objective]]
model = "a"
that = "p95 <= 300ms"
for = "95% of time"
[[objective]]
pipeline = "flow"
that = "errors <= 1%"
[[objective]]
server = "one"
that = "replicas_max <= 4"
"#;

/// A recorded case of an HPA, as `sim replay` reads it.
const CASE: &str = r#"{"name":"x","source":"hand","scaler":"hpa","config":{"tolerance":0.1,"cpuInitializationPeriodSeconds":300,"initialReadinessDelaySeconds":30,"downscaleStabilizationSeconds":300},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"minReplicas":1,"maxReplicas":10,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}],"behavior":{"scaleUp":{"policies":[{"type":"Percent","value":100,"periodSeconds":15}]}}},"podTemplates":{"t":{"containers":[{"name":"c","requests":{"cpu":"1"}}]}},"steps":[{"at":0,"observe":{"specReplicas":1,"statusReplicas":1,"pods":[["p0","Running",-1000,"True",-900,0,"t"]],"metrics":{"resource":{"pods":[["p0",-10,15,["c","900m","1Mi"]]]}}}},{"at":15,"observe":{"pods":[["p0","Running",-1000,"True",-900,0,"t"]],"metrics":{}}}]}"#;

/// Bytes that mean something in JSON.
const REPLACEMENTS: &[u8] = b"0-9\"{}[],:eE.tfn";

/// What a slip of the hand leaves behind.
const DEBRIS: [&str; 28] = [
    "",
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "\"\"",
    "\"0s\"",
    "\"-5s\"",
    "\"1/s\"",
    "\"100%\"",
    "{}",
    "[]",
    "true",
    "[[pool]]",
    "[load]",
    "=",
    "\"",
    "'''",
    ".",
    ",",
    "}",
    "]",
    "\u{0}",
    "é",
    "99999999999999999999",
    "\"9999999d\"",
    "\"500000h\"",
];

fn mutated(text: &str, edits: &[(u16, u8, u8)]) -> String {
    let mut words: Vec<String> =
        text.split_inclusive([' ', '\n', '=', ',', '.', '{', '[']).map(str::to_owned).collect();
    for &(place, kind, which) in edits {
        let at = usize::from(place) % words.len();
        let debris = DEBRIS[usize::from(which) % DEBRIS.len()];
        match kind % 5 {
            0 => words[at] = debris.to_owned(),
            1 => words[at] = format!("{debris} "),
            2 => {
                let other = usize::from(which) * 7 % words.len();
                words.swap(at, other);
            }
            3 => words.insert(at, debris.to_owned()),
            _ => {
                let copy = words[at].clone();
                words.insert(at, copy);
            }
        }
    }
    words.concat()
}

fn answer(text: String, sets: &[String]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let source = Source { name: "mutated.toml".into(), text, folder };
    match scenario::load(&source, sets) {
        Err(problems) => {
            assert!(problems.errors() > 0, "refused without a reason:\n{}", source.text);
            assert!(!problems.render(false).is_empty());
        }
        Ok(loaded) => {
            let replicas: u64 = loaded.scenario.pools.iter().map(|pool| u64::from(pool.replicas)).sum();
            let initial: u64 = loaded.scenario.pools.iter().map(|pool| pool.queue.initial).sum();
            if replicas + initial > 10_000 {
                return; // allowed, and too large for this test
            }
            // The flag is up from the beginning: the run stops at its first look, after 65,536 events.
            let stop = AtomicBool::new(true);
            let _ = autosim::simulation::run(&loaded.scenario, 1, &mut |load| loaded.open_trace(load), &stop, &mut ());
        }
    }
}

#[test]
fn the_unmutated_are_accepted() {
    for text in SCENARIOS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let source = Source { name: "whole.toml".into(), text: text.into(), folder };
        if let Err(problems) = scenario::load(&source, &[]) {
            panic!("{}", problems.render(false));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_scenarios_never_panic(which in 0..SCENARIOS.len(), edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        answer(mutated(SCENARIOS[which], &edits), &[]);
    }

    #[test]
    fn mutated_flags_never_panic(which in 0..SCENARIOS.len(), path in "[a-z_.0-9]{0,30}", value in ".{0,12}") {
        answer(SCENARIOS[which].to_owned(), &[format!("{path}={value}")]);
    }

    #[test]
    fn mutated_cases_never_panic(edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        let mut bytes = CASE.as_bytes().to_vec();
        for (place, kind, which) in edits {
            let at = usize::from(place) % bytes.len();
            match kind % 3 {
                0 => bytes[at] = REPLACEMENTS[usize::from(which) % REPLACEMENTS.len()],
                1 => { bytes.remove(at); }
                _ => bytes.insert(at, REPLACEMENTS[usize::from(which) % REPLACEMENTS.len()]),
            }
        }
        let _ = autosim::replay::replay_case(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn flags_near_the_truth_never_panic(key in 0..8_usize, other in 0..8_usize, debris in 0..DEBRIS.len()) {
        let keys = ["pool.one.replicas", "pool.one.service", "load.a.rate", "pool.one.scaler.hpa.behavior.scale_up.policies.0.value",
            "pool.0.start", "duration", "tick", "pool.one.queue.capacity"];
        answer(EVERYTHING.to_owned(), &[format!("{}={}", keys[key], DEBRIS[debris])]);
        let keys = ["server.one.replicas", "model.a.service", "core.agent.overcommitPercentage", "pipeline.flow.steps.0.after",
            "model.0.scaler", "server.two.memory", "model.b.min_replicas", "core.version"];
        answer(SELDON.to_owned(), &[format!("{}={}", keys[other], DEBRIS[debris])]);
    }
}
