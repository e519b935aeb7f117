//! How large a scenario is, before it runs.

use crate::record::Recorder;
use crate::scenario::{Loaded, Scenario};
use crate::units::Span;
use crate::workload::{ArrivalsSpec, LoadSpec, Rate, RateSpec};

/// Events that one core handles in a second, roughly.
const EVENTS_PER_S: f64 = 6e6;

/// Requests that a run will have, about.
pub(super) fn requests(loaded: &Loaded) -> f64 {
    let scenario = &loaded.scenario;
    let of_loads: f64 = scenario.loads.iter().enumerate().map(|(number, load)| of_load(loaded, number, load)).sum();
    of_loads + scenario.pools.iter().map(|pool| pool.queue.initial as f64).sum::<f64>()
}

fn of_load(loaded: &Loaded, number: usize, load: &LoadSpec) -> f64 {
    let scenario = &loaded.scenario;
    let until = load.until.unwrap_or(scenario.duration).min(scenario.duration);
    let span = until.saturating_sub(load.from);
    let area = |rate: &RateSpec| Rate::new(rate, load.from).area(span) * load.scale;
    match &load.arrivals {
        ArrivalsSpec::Poisson { rate }
        | ArrivalsSpec::Deterministic { rate, .. }
        | ArrivalsSpec::Renewal { rate, .. } => area(rate),
        ArrivalsSpec::Trace(trace) => {
            let Some(facts) = &loaded.traces[number] else { return 0.0 };
            let length = facts.last.saturating_sub(facts.first).as_secs_f64().max(1e-9) / trace.time_scale;
            let share = span.as_secs_f64() / length;
            let share = if trace.repeat { share } else { share.min(1.0) };
            facts.requests as f64 * trace.volume_scale * load.scale * share
        }
        ArrivalsSpec::Users(users) => {
            let most = users.stages.iter().map(|stage| stage.target).chain([users.start]).max().unwrap_or(0);
            let service = scenario.service_of(scenario.load_targets[number]);
            let cycle = users.think.mean() + load.demand.as_ref().or(service).map_or(0.0, crate::random::Law::mean);
            f64::from(most) * load.scale * span.as_secs_f64() / cycle.max(1e-3)
        }
    }
}

/// `1 pool, 2h, about 1.7 M requests, about 2 s`.
pub(super) fn words(loaded: &Loaded) -> String {
    let requests = requests(loaded);
    format!(
        "{}, {}, about {} requests, about {}",
        contents(&loaded.scenario),
        crate::report::words::duration(loaded.scenario.duration.as_secs_f64()),
        about(requests),
        seconds(run_s(&loaded.scenario, requests)),
    )
}

/// `1 pool`, `2 servers, 5 models`.
fn contents(scenario: &Scenario) -> String {
    let (servers, models, flows) = scenario
        .seldon
        .as_ref()
        .map_or((0, 0, 0), |seldon| (seldon.servers.len(), seldon.models.len(), seldon.flows.len()));
    let counts =
        [(scenario.pools.len() - servers, "pool"), (servers, "server"), (models, "model"), (flows, "pipeline")];
    let words = counts.into_iter().filter(|&(count, _)| count > 0);
    let words = words.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
    words.collect::<Vec<_>>().join(", ")
}

/// How long a run takes, in seconds.
pub(super) fn run_s(scenario: &Scenario, requests: f64) -> f64 {
    let replicas: f64 = scenario.pools.iter().map(|pool| f64::from(pool.replicas)).sum();
    let samples = scenario.duration.as_secs_f64() / 12.0 * replicas;
    (requests * 2.2 + samples) / EVENTS_PER_S
}

fn about(count: f64) -> String {
    if count >= 1e6 {
        format!("{:.1} M", count / 1e6)
    } else if count >= 10_000.0 {
        format!("{:.0} k", count / 1e3)
    } else {
        format!("{count:.0}")
    }
}

fn seconds(secs: f64) -> String {
    if secs < 1.0 { "1 s".to_owned() } else { format!("{secs:.0} s") }
}

/// Tells how far a run has come, as a share of its duration, through a shared number.
pub(super) struct Meter<'a> {
    pub reached: &'a std::sync::atomic::AtomicU64,
    pub duration: Span,
}

impl Recorder for Meter<'_> {
    fn tick(&mut self, now: crate::units::SimTime, _state: &crate::record::Snapshot<'_>) {
        let share = now.as_secs_f64() / self.duration.as_secs_f64();
        self.reached.store((share * 1_000.0) as u64, std::sync::atomic::Ordering::Relaxed);
    }
}
