//! Signals through Prometheus and its adapter: right when nothing happens, late when something does, gone in an outage.

#[path = "common/mod.rs"]
mod common;

use autosim::record::{Digest, Recorder, Truth};
use autosim::scalers::Report;
use autosim::units::{ScalerId, SimTime};

/// The passes of one scaler: when, what was seen, the size that was decided, and the report itself.
#[derive(Default)]
struct Passes(Vec<Pass>);

struct Pass {
    at: f64,
    seen: Vec<Option<f64>>,
    decided: Option<u32>,
    report: Report,
}

impl Recorder for Passes {
    fn decision(&mut self, now: SimTime, _scaler: ScalerId, report: &Report, _truth: &Truth) {
        self.0.push(Pass {
            at: now.as_secs_f64(),
            seen: report.metrics.iter().map(|step| step.seen).collect(),
            decided: report.trail.decided,
            report: report.clone(),
        });
    }
}

impl Passes {
    fn of(name: &str, text: &str) -> Self {
        let mut passes = Self::default();
        common::run(&common::load(name, text), 5, &mut passes);
        passes
    }

    fn between(&self, from: f64, until: f64) -> impl Iterator<Item = &Pass> {
        self.0.iter().filter(move |pass| (from..until).contains(&pass.at))
    }
}

impl Pass {
    /// ScalingActive: status, reason and message.
    fn active(&self) -> (bool, &str, &str) {
        let conditions = &self.report.status.conditions;
        let found = conditions.iter().find(|condition| condition.kind == "ScalingActive").expect("every pass sets it");
        (found.status, &found.reason, &found.message)
    }
}

/// 40 requests a second, evenly, of 50 ms each, at four replicas that have room for them.
const STEADY: &str = r#"
name = "steady-scrapes"
duration = "30m"
[prometheus]
scrape_interval = "15s"
rate_window = "1m"
[[load]]
name = "users"
to = "model"
arrivals.deterministic = {}
rate.constant = "40/s"
[[pool]]
name = "model"
replicas = 4
workers = 8
service = "50ms"
balancer.round_robin = {}
[pool.scaler.hpa]
max_replicas = 30
metrics = [
  { type = "Pods", pods = { metric = { name = "rps" }, target = { type = "AverageValue", average_value = "10" } } },
  { type = "External", external = { metric = { name = "rps" }, target = { type = "AverageValue", average_value = "10" } } },
  { type = "Object", object = { metric = { name = "rps" }, described_object = { kind = "Service", name = "model" }, target = { type = "Value", value = "40" } } },
  { type = "External", external = { metric = { name = "latency_p50" }, target = { type = "Value", value = "100m" } } },
  { type = "Pods", pods = { metric = { name = "in_flight" }, target = { type = "AverageValue", average_value = "2" } } },
]
"#;

#[test]
fn a_constant_rate_is_read_right() {
    let passes = Passes::of("steady-scrapes.toml", STEADY);
    let mut calm = 0;
    for pass in passes.between(75.0, 1_800.0) {
        let seen: Vec<f64> = pass.seen.iter().map(|seen| seen.expect("every metric is there")).collect();
        // A pod ends 10 a second, and a window holds 45 s of them between its first sample and its last: one more or less
        // at either end is 0.2 % each. Then quantities are cut to thousandths.
        assert!((seen[0] - 10.0).abs() < 0.05, "{} at {}: rps of a pod", seen[0], pass.at);
        assert!((seen[1] - 10.0).abs() < 0.05, "{} at {}: rps of the pool, per pod", seen[1], pass.at);
        assert!((seen[2] - 40.0).abs() < 0.2, "{} at {}: rps of the pool", seen[2], pass.at);
        // 50 ms lie between 2^(-35/8) and 2^(-34/8) seconds; half of the bucket is below their geometric mean.
        assert!((seen[3] - 0.050_2).abs() < 0.001, "{} at {}: median latency", seen[3], pass.at);
        assert_eq!(pass.decided, Some(4));
        calm += 1;
    }
    assert!(calm > 100, "{calm} passes");
    // 40 a second of 50 ms are two in flight, half of one per pod; a scrape sees whole ones.
    let in_flight: Vec<f64> = passes.between(75.0, 1_800.0).filter_map(|pass| pass.seen[4]).collect();
    assert!(in_flight.iter().all(|seen| (0.0..=1.0).contains(seen)));
}

/// Every query costs 50 ms, and the period begins anew when the pass is over.
#[test]
fn a_pass_waits_for_its_answers() {
    let passes = Passes::of("steady-scrapes.toml", STEADY);
    let gaps: Vec<f64> = passes.0.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.iter().all(|gap| (gap - 15.25).abs() < 1e-6), "five queries a pass: {gaps:?}");
}

#[test]
fn two_runs_are_one() {
    let loaded = common::load("steady-scrapes.toml", &STEADY.replace("arrivals.deterministic = {}\n", ""));
    let digest = |seed| {
        let mut digest = Digest::new();
        common::run(&loaded, seed, &mut digest);
        digest.value()
    };
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
}

/// The load triples while Prometheus is down.
const OUTAGE: &str = r#"
name = "blind"
duration = "30m"
[prometheus]
scrape_interval = "15s"
rate_window = "1m"
[[load]]
name = "users"
to = "model"
rate.step = { before = "40/s", after = "120/s", at = "11m" }
[[pool]]
name = "model"
replicas = 4
workers = 8
service = "50ms"
[pool.scaler.hpa]
max_replicas = 30
metrics = [
  { type = "External", external = { metric = { name = "rps" }, target = { type = "AverageValue", average_value = "10" } } },
]
[[event]]
at = "10m"
fault.prometheus_down = { lasts = "5m" }
"#;

#[test]
fn an_outage_stops_scaling_and_says_so() {
    let passes = Passes::of("blind.toml", OUTAGE);
    for pass in passes.between(600.0, 900.0) {
        let (status, reason, message) = pass.active();
        assert_eq!((status, reason), (false, "FailedGetExternalMetric"), "at {}", pass.at);
        assert!(message.ends_with("Internal error occurred: unable to fetch metrics"), "{message}");
        assert_eq!(pass.seen, [None]);
        assert!(pass.decided.is_none_or(|size| size == 4), "at {}", pass.at);
    }
    // It comes back empty: a rate takes two scrapes of a target.
    for pass in passes.between(900.0, 915.0) {
        let (status, _, message) = pass.active();
        assert!(!status, "at {}", pass.at);
        assert!(message.ends_with("no metrics returned from external metrics API"), "{message}");
    }
    let first = passes.between(900.0, 1_800.0).find(|pass| pass.seen[0].is_some()).expect("it recovers");
    assert!((915.0..960.0).contains(&first.at), "first seen at {}", first.at);
    assert!(first.active().0);
    // 120 a second at 10 per pod, within the tolerance of 10 % and some noise.
    let last = passes.0.last().and_then(|pass| pass.decided).expect("a last pass");
    assert!((11..=14).contains(&last), "{last}");
}

/// All pods die as the load ends; others take their place and have nothing to do.
const AFTERMATH: &str = r#"
name = "aftermath"
duration = "20m"
[prometheus]
scrape_interval = "15s"
rate_window = "2m"
[[load]]
name = "users"
to = "model"
arrivals.deterministic = {}
rate.constant = "40/s"
until = "10m"
[[pool]]
name = "model"
replicas = 4
workers = 8
service = "50ms"
balancer.round_robin = {}
[pool.scaler.hpa]
max_replicas = 30
metrics = [
  { type = "External", external = { metric = { name = "rps" }, target = { type = "AverageValue", average_value = "10" } } },
  { type = "Pods", pods = { metric = { name = "rps" }, target = { type = "AverageValue", average_value = "10" } } },
]
[[event]]
at = "10m"
fault.pods_killed = { pool = "model", count = 4 }
"#;

#[test]
fn pods_that_are_gone_count_for_as_long_as_the_window() {
    let passes = Passes::of("aftermath.toml", AFTERMATH);
    let mut fading = 0;
    for pass in passes.between(602.0, 704.0) {
        // So much of the window still lies before the end; what is extrapolated on either side is a scrape at most.
        let share = (720.0 - pass.at) / 120.0;
        let seen = pass.seen[0].expect("old samples are in the window") / 10.0;
        assert!((seen - share).abs() <= 15.0 / 120.0 + 0.01, "{seen} at {}, not {share}", pass.at);
        fading += 1;
    }
    assert!(fading >= 6, "{fading} passes");
    // Each dead pod's last sample but one has left the window by then; the new ones count nothing.
    for pass in passes.between(721.0, 1_200.0) {
        assert_eq!(pass.seen[0], Some(0.0), "at {}", pass.at);
    }
    // Of pods one by one only those that exist are asked for.
    for pass in passes.between(601.0, 721.0) {
        assert!(pass.seen[1].is_none_or(|seen| seen == 0.0), "{:?} at {}", pass.seen[1], pass.at);
    }
}

/// One request in service for longer than the run, 50 behind it in the central queue.
const FRONT: &str = r#"
name = "front"
duration = "5m"
[prometheus]
scrape_interval = "15s"
[[pool]]
name = "model"
replicas = 1
service = "10m"
balancer.central_queue = {}
queue.initial = 51
[pool.scaler.hpa]
max_replicas = 2
metrics = [
  { type = "External", external = { metric = { name = "queue" }, target = { type = "AverageValue", average_value = "100" } } },
  { type = "External", external = { metric = { name = "in_flight" }, target = { type = "AverageValue", average_value = "100" } } },
]
"#;

#[test]
fn a_central_queue_is_a_target_of_its_own() {
    let passes = Passes::of("front.toml", FRONT);
    for pass in passes.between(15.0, 300.0) {
        assert_eq!(pass.seen, [Some(50.0), Some(51.0)], "at {}", pass.at);
    }
    assert!(passes.0.len() > 10);
}

/// A queue elsewhere, recorded: 5 until 100 s, then 50.
const RECORDED: &str = r#"
name = "recorded"
duration = "5m"
[prometheus]
scrape_interval = "30s"
[[load]]
name = "users"
to = "model"
rate.constant = "1/s"
[[pool]]
name = "model"
service = "50ms"
[pool.scaler.hpa]
max_replicas = 30
metrics = [
  { type = "External", external = { metric = { name = "kafka_lag" }, target = { type = "AverageValue", average_value = "10" } } },
]
[[signal]]
name = "kafka_lag"
file = "FILE"
"#;

#[test]
fn a_recorded_signal_is_as_old_as_its_last_scrape() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("prometheus-lag.csv");
    std::fs::write(&file, "t,value\n0,5\n100,50\n").expect("the file can be written");
    let passes = Passes::of("recorded.toml", &RECORDED.replace("FILE", &file.display().to_string()));
    assert!(passes.between(0.0, 100.0).all(|pass| pass.seen == [Some(5.0)]));
    // At one replica 50 are 50 per pod.
    let first = passes.0.iter().find(|pass| pass.seen[0].is_some_and(|seen| seen > 5.0)).expect("it is scraped");
    assert!((100.0..145.5).contains(&first.at), "first seen at {}: a scrape and a pass later at most", first.at);
    let scraped = first.report.metrics[0].seen_at.expect("known").as_secs_f64();
    assert!((100.0..130.0).contains(&scraped), "scraped at {scraped}");
    assert_eq!(first.seen, [Some(50.0)]);
}

#[test]
fn pods_that_scrapes_miss_are_stale_at_once_and_their_rates_last_as_long_as_the_window() {
    let fault = r#"
[[event]]
at = "10m"
fault.FAULT
"#;
    for (fault_text, works) in [
        ("scrape_fails = { pool = \"model\", lasts = \"5m\" }", false),
        ("kubelet_slow = { pool = \"model\", lasts = \"5m\", latency = \"11s\" }", false), // slower than scrape_timeout
        ("kubelet_slow = { pool = \"model\", lasts = \"5m\", latency = \"4s\" }", true),
    ] {
        let text = format!("{STEADY}{}", fault.replace("FAULT", fault_text));
        let passes = Passes::of("missed.toml", &text);
        for pass in passes.between(615.0, 900.0) {
            assert_eq!(pass.seen[4].is_some(), works, "{fault_text}: in_flight at {}", pass.at);
            if pass.at > 660.0 || works {
                assert_eq!(pass.seen[1].is_some(), works, "{fault_text}: rps at {}", pass.at);
            }
        }
        assert!(passes.between(945.0, 1_800.0).all(|pass| pass.seen.iter().all(Option::is_some)), "{fault_text}");
    }
}
