//! Why an autoscaler did what it did, from the tables of a run.
//!
//! Law: everything that is said stands in the tables, or follows from them and the settings; nothing is simulated again.
//! Conditions and reasons are those that `kubectl describe hpa` shows.
//!
//! Source of the root causes: the HorizontalPodAutoscaler's own conditions, set in
//! `pkg/controller/podautoscaler/horizontal.go` of Kubernetes v1.36.2.

mod cause;
mod decision;
mod story;

pub use decision::explain_decision;
pub use story::{evidence, explain_run};

use super::words::{clock, duration};
use crate::record::{DecisionRow, EventRow, ObjectiveResult, TimelineRow};

/// The tables of a run, and what of its settings they cannot say.
#[derive(Clone, Debug, Default)]
pub struct RunTables {
    /// Name of the scenario.
    pub scenario: String,
    /// Simulated time.
    pub duration_s: f64,
    /// Left out when users' pain is judged.
    pub warmup_s: f64,
    /// Pools in file order.
    pub pools: Vec<PoolFacts>,
    /// Objectives and what became of them.
    pub objectives: Vec<ObjectiveResult>,
    /// `timeline.csv`.
    pub timeline: Vec<TimelineRow>,
    /// `decisions.csv`.
    pub decisions: Vec<DecisionRow>,
    /// `events.csv`.
    pub events: Vec<EventRow>,
}

/// Settings of a pool and its autoscaler. What is not known is left out of the words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolFacts {
    /// Its name.
    pub name: String,
    /// Kind of its scaler: hpa, schedule, fixed.
    pub scaler: String,
    /// Lower bound.
    pub min_replicas: Option<u32>,
    /// Upper bound.
    pub max_replicas: Option<u32>,
    /// Metrics in the order of the spec.
    pub metrics: Vec<MetricFacts>,
    /// On the way up and down.
    pub up: DirectionFacts,
    /// The other way.
    pub down: DirectionFacts,
    /// Waiting requests that one replica takes.
    pub queue_per_replica: Option<u64>,
    /// Clients keep connections to it that never end.
    pub keeps_connections: bool,
    /// What latency was to be kept.
    pub latency_objective: Option<LatencyObjective>,
    /// What share of requests might fail.
    pub errors_objective_ratio: Option<f64>,
}

/// A metric of an HPA.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFacts {
    /// As the table names it.
    pub name: String,
    /// Unit of what is seen.
    pub unit: Unit,
    /// What it should be.
    pub target: Option<f64>,
}

/// Unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Of the pods' requests.
    Share,
    /// CPU cores.
    Cores,
    /// Bytes.
    Bytes,
    /// Whatever it is.
    Plain,
}

/// What limits an HPA in one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DirectionFacts {
    /// Ratio band in which nothing changes.
    pub tolerance: Option<f64>,
    /// Stabilization window.
    pub window_s: Option<f64>,
    /// Policies in words: `Pods 4 per 15s`.
    pub policies: String,
}

/// A bound on a quantile of latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyObjective {
    /// 0 to 1.
    pub quantile: f64,
    /// At most this.
    pub at_most_s: f64,
}

/// Which decision to explain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DecisionChoice {
    /// The last one at or before this many seconds.
    At(f64),
    /// By its number.
    Number(u64),
}

/// One pass of a scaler: its metrics' rows and its final one.
#[derive(Clone, Debug)]
struct Pass<'a> {
    metrics: Vec<&'a DecisionRow>,
    last: &'a DecisionRow,
}

impl Pass<'_> {
    fn time_s(&self) -> f64 {
        self.last.time_s
    }

    /// Pool of `deployment/chat`.
    fn pool(&self) -> &str {
        pool_of(self.last)
    }

    fn before(&self) -> Option<u32> {
        self.last.replicas_now
    }

    /// Size before and after, if the pass changed it.
    fn change(&self) -> Option<(u32, u32)> {
        let (from, to) = (self.before()?, self.last.decided?);
        (from != to).then_some((from, to))
    }

    /// Clamps that acted, in order.
    fn clamps(&self) -> impl Iterator<Item = &str> {
        self.last.why.split(';').filter(|word| !word.is_empty())
    }

    fn clamped_by(&self, clamp: &str) -> bool {
        self.clamps().any(|word| word == clamp)
    }

    /// The metric that decides: the first of those that ask for most.
    fn leading(&self) -> Option<&DecisionRow> {
        let most = self.wants()?;
        self.metrics.iter().find(|row| row.after_tolerance == Some(most)).copied()
    }

    /// Largest proposal.
    fn wants(&self) -> Option<u32> {
        self.metrics.iter().filter_map(|row| row.after_tolerance).max()
    }
}

fn pool_of(row: &DecisionRow) -> &str {
    row.object.split_once('/').map_or(&*row.object, |(_, name)| name)
}

impl RunTables {
    /// Passes in order of time, of all pools.
    fn passes(&self) -> Vec<Pass<'_>> {
        let mut passes = Vec::new();
        let mut metrics = Vec::new();
        for row in &self.decisions {
            if row.metric.is_empty() {
                passes.push(Pass { metrics: std::mem::take(&mut metrics), last: row });
            } else {
                metrics.push(row);
            }
        }
        passes
    }

    fn passes_of(&self, pool: &str) -> Vec<Pass<'_>> {
        let mut passes = self.passes();
        passes.retain(|pass| pass.pool() == pool);
        passes
    }

    fn facts(&self, pool: &str) -> Option<&PoolFacts> {
        self.pools.iter().find(|facts| facts.name == pool)
    }

    /// The tick in which an instant lies, or the last one.
    fn tick_at(&self, pool: &str, time_s: f64) -> Option<&TimelineRow> {
        let mut rows = self.timeline.iter().filter(|row| row.pool == pool);
        rows.clone().find(|row| row.time_s >= time_s).or_else(|| rows.next_back())
    }

    /// Events up to an instant. The table is in order of time.
    fn events_until(&self, time_s: f64) -> &[EventRow] {
        let until = self.events.partition_point(|event| seconds(event).is_none_or(|at_s| at_s <= time_s));
        &self.events[..until]
    }

    /// Events that a pool's scaler wrote in one pass, last first. Both tables print an instant alike.
    fn events_of(&self, pass: &Pass<'_>) -> impl Iterator<Item = &EventRow> {
        let time_s = pass.time_s();
        let object = format!("{}/{}", pass.last.scaler, pass.pool());
        let within = self.events_until(time_s).iter().rev().take_while(move |event| seconds(event) == Some(time_s));
        within.filter(move |event| event.object == object)
    }

    /// A condition as it stood after a pass: `ScalingActive is False, FailedGetResourceMetric`.
    fn condition(&self, pass: &Pass<'_>, kind: &str) -> Option<String> {
        let object = format!("{}/{}", pass.last.scaler, pass.pool());
        self.events_until(pass.time_s()).iter().rev().filter(|event| event.object == object).find_map(|event| {
            let status = event.message.strip_prefix(kind)?.strip_prefix(" is ")?.split_once(':')?.0;
            Some(format!("{kind} is {status}, {}", event.reason))
        })
    }
}

fn seconds(event: &EventRow) -> Option<f64> {
    event.time_s.parse().ok()
}

/// A number of `name=value;...`.
fn number_in(detail: &str, name: &str) -> Option<f64> {
    let value = detail.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
    value.parse().ok()
}

/// The text of an error, without what only repeats the metric's name.
fn error_in(detail: &str) -> &str {
    let mut text = detail.strip_prefix("error=").unwrap_or(detail);
    for (begins, ends) in [
        ("failed to get ", " utilization: "),
        ("failed to get ", " usage: "),
        ("unable to get metrics for resource ", ": "),
    ] {
        let rest = text.strip_prefix(begins).and_then(|rest| rest.split_once(ends));
        if let Some((name, rest)) = rest
            && !name.contains(' ')
        {
            text = rest;
        }
    }
    text
}

impl PoolFacts {
    /// Unit of a metric; from the table alone where the settings do not have it.
    fn unit(&self, row: &DecisionRow) -> Unit {
        let known = self.metrics.iter().find(|metric| metric.name == row.metric && metric.target == row.target);
        let known = known.or_else(|| self.metrics.iter().find(|metric| metric.name == row.metric));
        known.map_or(Unit::Plain, |metric| metric.unit)
    }

    fn direction(&self, up: bool) -> &DirectionFacts {
        if up { &self.up } else { &self.down }
    }

    /// What share of its requests the CPU should use.
    fn utilization_target(&self) -> Option<f64> {
        self.metrics.iter().find(|metric| metric.name == "cpu" && metric.unit == Unit::Share)?.target
    }
}

/// A value with its unit: `68%`, `1.25 cores`, `512Mi`, `30`.
fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{:.0}%", value * 100.0),
        Unit::Cores if short(value) == "1" => "1 core".to_owned(),
        Unit::Cores => format!("{} cores", short(value)),
        Unit::Plain | Unit::Bytes => bare(unit, value),
    }
}

/// A value as it goes into a formula, in which units cancel.
fn bare(unit: Unit, value: f64) -> String {
    const MEBI: f64 = 1_048_576.0;
    match unit {
        Unit::Share => format!("{:.0}", value * 100.0),
        Unit::Cores | Unit::Plain => short(value),
        Unit::Bytes => format!("{}Mi", short((value / MEBI * 10.0).round() / 10.0)),
    }
}

/// Up to three decimals.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `cpu 68% of 70%`.
fn seen_of_target(facts: &PoolFacts, row: &DecisionRow) -> String {
    let unit = facts.unit(row);
    match (row.seen, row.target) {
        (Some(seen), Some(target)) => format!("{} {} of {}", row.metric, value(unit, seen), value(unit, target)),
        (Some(seen), None) => format!("{} {}", row.metric, value(unit, seen)),
        _ => format!("{} unknown", row.metric),
    }
}

/// How old a value was when it was used.
fn age_s(row: &DecisionRow) -> Option<f64> {
    Some((row.time_s - row.seen_at_s?).max(0.0))
}

/// True if the truth is above what was seen by more than a tenth. The truth is known as a share only.
fn grew_unseen(facts: &PoolFacts, row: &DecisionRow) -> bool {
    facts.unit(row) == Unit::Share
        && matches!((row.truth, row.seen), (Some(truth), Some(seen)) if truth > seen * 1.1 && truth > 0.0)
}

/// The truth, which is a share of the requests whatever the HPA compares.
fn truth_in(unit: Unit, truth: f64) -> String {
    let of = if unit == Unit::Share { "" } else { " of request" };
    format!("{}{of}", value(Unit::Share, truth))
}

/// Whole seconds, as an age is told.
fn age(seconds: f64) -> String {
    duration(seconds.round())
}

/// `0:20:00 to 0:54:00`.
fn between(from_s: f64, to_s: f64) -> String {
    format!("{} to {}", clock(from_s), clock(to_s))
}
