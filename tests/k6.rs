//! Starts of k6's ramping-arrival-rate executor, recorded from its own rule, against the arrivals of a scenario.

#[path = "common/mod.rs"]
mod common;

use autosim::record::Recorder;
use autosim::units::{LoadId, PoolId, SimTime};
use serde_json::Value;
use std::fmt::Write;

#[derive(Default)]
struct Starts(Vec<f64>);

impl Recorder for Starts {
    fn arrived(&mut self, now: SimTime, _load: LoadId, _pool: PoolId) {
        self.0.push(now.as_secs_f64());
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The recorded stages as a scenario; its end is a moment later than the last stage's, which itself may bring a start.
fn scenario(params: &Value) -> String {
    let unit_s = number(&params["time_unit_s"]);
    let mut stages = format!("{{ duration = \"0s\", target = \"{}/s\" }}", number(&params["start_rate"]) / unit_s);
    let mut end_s = 0.0;
    for stage in params["stages"].as_array().expect("stages") {
        let (duration_s, target) = (number(&stage["duration_s"]), number(&stage["target"]) / unit_s);
        write!(stages, ", {{ duration = \"{duration_s}s\", target = \"{target}/s\" }}").expect("text grows");
        end_s += duration_s;
    }
    format!(
        r#"
duration = "{}s"
[[load]]
name = "k6"
to = "sink"
arrivals.deterministic = {{ offset = 1 }}
rate.stages = [{stages}]
[[pool]]
name = "sink"
workers = "unlimited"
service = "1ms"
"#,
        end_s + 1e-9
    )
}

#[test]
fn recorded_ramps() {
    let Some(shared) = common::shared("k6 ramps") else { return };
    let text = common::read(&shared, "conformance/queueing/public.jsonl");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut figures = 0;
    for row in rows.filter(|row| row["model"] == "k6-ramping-arrival-rate") {
        let mut starts = Starts::default();
        common::run(&common::load("k6.toml", &scenario(&row["params"])), 1, &mut starts);
        let starts = starts.0;
        for (name, expected) in row["expect"].as_object().expect("figures") {
            let found = match name.as_str() {
                "count" => starts.len() as f64,
                "first" => starts[0],
                "last" => starts[starts.len() - 1],
                _ => {
                    let nth: usize = name.strip_prefix("start_").expect("a start").parse().expect("a number");
                    starts[nth - 1]
                }
            };
            assert!((found - number(expected)).abs() <= 1e-6, "{}: {name} is {found}, not {expected}", row["name"]);
            figures += 1;
        }
    }
    common::say!("k6: {figures} recorded instants and counts");
    assert!(figures >= 9, "only {figures} figures");
}
