//! Real traces replay whole: every arrival at the file's own time, every bin with its own count.

#[path = "common/mod.rs"]
mod common;

use autosim::record::Recorder;
use autosim::units::{LoadId, PoolId, SimTime};

#[derive(Default)]
struct Arrivals(Vec<SimTime>);

impl Recorder for Arrivals {
    fn arrived(&mut self, now: SimTime, _load: LoadId, _pool: PoolId) {
        self.0.push(now);
    }
}

fn replay(file: &std::path::Path, duration: &str, options: &str) -> Vec<SimTime> {
    let text = format!(
        r#"
duration = "{duration}"
tick = "1m"
[[load]]
name = "trace"
to = "sink"
arrivals.trace = {{ file = "{}"{options} }}
[[pool]]
name = "sink"
workers = "unlimited"
service = "10ms"
"#,
        file.display()
    );
    let loaded = common::load("trace.toml", &text);
    let mut arrivals = Arrivals::default();
    common::run(&loaded, 1, &mut arrivals);
    arrivals.0
}

/// Seconds as the file writes them, in nanoseconds, digit by digit.
fn nanos(text: &str) -> u64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<9}").parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_hour_of_llm_requests_arrives_to_the_nanosecond() {
    let Some(shared) = common::shared("real traces") else { return };
    let text = common::read(&shared, "data/traces/azure_llm_2023_conv.csv");
    let rows: Vec<u64> = text.lines().skip(1).map(|line| nanos(line.split(',').next().expect("a time"))).collect();
    assert_eq!(rows.len(), 19_366);
    let file = shared.join("data/traces/azure_llm_2023_conv.csv");
    let arrivals: Vec<u64> = replay(&file, "1h", "").into_iter().map(SimTime::as_nanos).collect();
    // The clock of the trace begins with its first row.
    let wanted: Vec<u64> = rows.iter().map(|at| at - rows[0]).collect();
    assert_eq!(arrivals, wanted);
    common::say!("real traces: {} arrivals of azure_llm_2023_conv.csv equal to the nanosecond", arrivals.len());
}

#[test]
fn every_second_of_a_bursty_hour_keeps_its_count() {
    let Some(shared) = common::shared("real traces") else { return };
    let text = common::read(&shared, "data/traces/autothrottle_bursty.csv");
    let counts: Vec<u64> = text
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',').nth(1).and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no count in {line}"))
        })
        .collect();
    assert_eq!(counts.len(), 3_600);
    let file = shared.join("data/traces/autothrottle_bursty.csv");
    for spread in ["even", "uniform"] {
        let mut seen = vec![0_u64; counts.len()];
        for at in replay(&file, "1h", &format!(", spread = \"{spread}\"")) {
            seen[(at.as_nanos() / 1_000_000_000) as usize] += 1;
        }
        assert_eq!(seen, counts, "{spread}");
    }
    common::say!(
        "real traces: {} requests in 3600 bins of autothrottle_bursty.csv keep every count",
        counts.iter().sum::<u64>()
    );
}
