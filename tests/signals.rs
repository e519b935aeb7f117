//! An HPA reads the built-in signals of a pool through Pods and Object metrics, and a recorded one as External.

#[path = "common/mod.rs"]
mod common;

use autosim::record::{Recorder, Truth};
use autosim::scalers::Report;
use autosim::units::{ScalerId, SimTime};

const SCENARIO: &str = r#"
name = "signals"
duration = "30m"
[[load]]
name = "users"
to = "model"
rate.step = { before = "20/s", after = "80/s", at = "10m" }
[[pool]]
name = "model"
replicas = 4
workers = 4
service = "200ms"
balancer.least_request = { choices = 2 }
[pool.scaler.hpa]
max_replicas = 30
metrics = [
  { type = "Pods", pods = { metric = { name = "in_flight" }, target = { type = "AverageValue", average_value = "2" } } },
  { type = "Object", object = { metric = { name = "rps" }, described_object = { kind = "Service", name = "model" }, target = { type = "AverageValue", average_value = "10" } } },
]
"#;

/// What was seen of each metric, and the size, at each pass.
#[derive(Default)]
struct Passes(Vec<(f64, Vec<Option<f64>>, u32)>);

impl Recorder for Passes {
    fn decision(&mut self, now: SimTime, _scaler: ScalerId, report: &Report, _truth: &Truth) {
        let seen = report.metrics.iter().map(|step| step.seen).collect();
        self.0.push((now.as_secs_f64(), seen, report.trail.decided.unwrap_or(0)));
    }
}

#[test]
fn signals_are_what_theory_says_and_scale_the_pool() {
    let mut passes = Passes::default();
    common::run(&common::load("signals.toml", SCENARIO), 7, &mut passes);
    // Between 5 and 10 min four replicas serve 20 requests a second of 0.2 s: by Little's law 4 in flight, one each, and
    // 5 requests a second each. (The size stays: the first recommendation holds for five minutes.)
    let calm: Vec<_> = passes.0.iter().filter(|(at, _, size)| (60.0..300.0).contains(at) && *size == 4).collect();
    assert!(calm.len() >= 10, "{} calm passes", calm.len());
    for (number, (name, expected)) in [("in_flight", 1.0), ("rps", 5.0)].into_iter().enumerate() {
        let mean = calm.iter().filter_map(|(_, seen, _)| seen[number]).sum::<f64>() / calm.len() as f64;
        // 16 windows of 15 s hold 4,800 requests: 1.4 % is one standard error.
        assert!((mean / expected - 1.0).abs() < 0.06, "{name}: {mean}, not {expected}");
    }
    // At 80 requests a second both ask for 8: 16 in flight at 2 each, 80 a second at 10 each; noise may add a few.
    let last = passes.0.last().expect("passes").2;
    assert!((8..=10).contains(&last), "{last} replicas at the end");
}
