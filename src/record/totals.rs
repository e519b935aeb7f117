//! Totals of a run: what the summary says, before it is put into words.

use serde::{Deserialize, Serialize};

/// Totals of one run with one seed. Everything is counted after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunTotals {
    /// Scenario.
    pub scenario: String,
    /// Seed.
    pub seed: u64,
    /// Simulated time.
    pub duration_s: f64,
    /// Left out.
    pub warmup_s: f64,
    /// Objectives in file order.
    pub objectives: Vec<ObjectiveResult>,
    /// All objectives with `for`: share of windows in which every one of them holds; `None` without any.
    pub good_time_ratio: Option<f64>,
    /// Longest unbroken run of windows in which one of them does not.
    pub recovery_s: Option<f64>,
    /// What clients sent themselves, where pipelines made calls of their own, so that pools count more than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<RequestTotals>,
    /// Pools in file order, Seldon servers among them.
    pub pools: Vec<PoolTotals>,
    /// Models of a Seldon run in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelTotals>,
    /// What is to be said of a Seldon run's servers beside what they are as pools, in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerTotals>,
    /// Pipelines of a Seldon run in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipelines: Vec<PipelineTotals>,
    /// Where what was simulated is what no release does, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<String>,
    /// Events of the kernel.
    pub events: u64,
}

/// Totals of one pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolTotals {
    /// Pool.
    pub pool: String,
    /// Kind of its scaler.
    pub scaler: String,
    /// Its requests.
    #[serde(flatten)]
    pub requests: RequestTotals,
    /// Fewest replicas (created, not deleted) at once.
    pub replicas_min: u32,
    /// Time-weighted mean.
    pub replicas_mean: f64,
    /// Most at once.
    pub replicas_max: u32,
    /// True usage / request over the run.
    pub utilization_ratio: Option<f64>,
    /// Largest queue.
    pub queue_max: u64,
    /// From creation to gone.
    pub replica_hours: f64,
    /// Ready time × share of idle workers.
    pub idle_replica_hours: f64,
    /// USD.
    pub cost_usd: f64,
    /// USD per million done requests.
    pub cost_per_million_usd: Option<f64>,
    /// Passes of its scaler.
    pub decisions: u64,
    /// Passes that changed the size.
    pub scale_actions: u64,
    /// Conditions of its scaler's object at the end, in the order of first appearance.
    pub conditions: Vec<ConditionTotals>,
}

/// Requests by how they ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RequestTotals {
    /// Arrivals.
    pub offered: u64,
    /// Served. All five add up to `offered`.
    pub done: u64,
    /// Queue full, no endpoint.
    pub rejected: u64,
    /// In the queue or at the client.
    pub timed_out: u64,
    /// Pod gone.
    pub lost: u64,
    /// In the system at the end.
    pub unfinished: u64,
    /// (rejected + timed out + lost)/ended; `None` if none ended.
    pub errors_ratio: Option<f64>,
    /// Of done requests; `None` without any.
    pub latency: Option<LatencyTotals>,
}

impl RequestTotals {
    /// Requests that ended, but not well.
    pub fn failed(&self) -> u64 {
        self.rejected + self.timed_out + self.lost
    }
}

/// Totals of one model. What is read by ticks takes a tick for what it showed at its end, as `models.csv` does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelTotals {
    /// Model.
    pub model: String,
    /// The server that had it last, or should have it.
    pub server: Option<String>,
    /// Kind of its scaler.
    pub scaler: String,
    /// Calls of it, those by pipelines included.
    #[serde(flatten)]
    pub requests: RequestTotals,
    /// Replicas asked for.
    pub wanted: SpreadTotals,
    /// Replicas that Envoy knew.
    pub available: SpreadTotals,
    /// Available replicas over time. These are no pods: several models share a server's replica.
    pub model_replica_hours: f64,
    /// Largest queue at the end of a tick.
    pub queue_max: u64,
    /// State at the end; empty before the first tick.
    pub state: String,
    /// Time in each state, in the order of first appearance.
    pub states: Vec<StateTotals>,
    /// Reloads after an eviction.
    pub reloads: u64,
    /// Passes of its scaler.
    pub decisions: u64,
    /// Passes that changed the size.
    pub scale_actions: u64,
    /// Conditions of its scaler's object at the end, in the order of first appearance.
    pub conditions: Vec<ConditionTotals>,
    /// When it was wanted by nobody but clients: no replica wanted, none available, and calls in the tick.
    pub at_zero_with_demand: Option<SpellTotals>,
    /// When more replicas were wanted than its server may ever have.
    pub beyond_server: Option<SpellTotals>,
    /// When it was ScheduleFailed.
    pub schedule_failed: Option<SpellTotals>,
}

/// A model's time in a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateTotals {
    /// State in upstream's word.
    pub state: String,
    /// Share of the time.
    pub ratio: f64,
}

/// Stretches of time in which something was so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpellTotals {
    /// Since when, the first time.
    pub since_s: f64,
    /// Until when, the last time.
    pub until_s: f64,
    /// In all.
    pub total_s: f64,
    /// The longest unbroken stretch.
    pub longest_s: f64,
}

/// A value that was read at the end of every tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpreadTotals {
    /// Least.
    pub min: u64,
    /// Mean over time.
    pub mean: f64,
    /// Greatest.
    pub max: u64,
}

/// Totals of one Seldon server, beside those of its pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTotals {
    /// Server; a pool has the same name.
    pub server: String,
    /// Most replicas that it may have; `None`: any number.
    pub max_replicas: Option<u32>,
    /// Did nobody choose that maximum?
    pub max_is_default: bool,
    /// Replicas that the operator told the scheduler of.
    pub expected: SpreadTotals,
    /// Replicas whose agents were subscribed.
    pub connected: SpreadTotals,
    /// Model replicas in memory.
    pub models_loaded: SpreadTotals,
    /// Most model replicas that agents had, evicted ones included.
    pub models_registered_max: u64,
    /// Memory of connected replicas.
    pub memory_bytes: SpreadTotals,
    /// Of that, in use by models.
    pub memory_used_bytes: SpreadTotals,
    /// Models put out of memory for others.
    pub evictions: u64,
    /// Models brought back because somebody called them.
    pub reloads: u64,
}

/// Totals of one pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineTotals {
    /// Pipeline.
    pub pipeline: String,
    /// Requests to it.
    #[serde(flatten)]
    pub requests: RequestTotals,
}

/// A condition as `kubectl describe` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConditionTotals {
    /// AbleToScale, ScalingActive, ScalingLimited, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// True or False.
    pub status: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// Latency of the done requests of several runs together: quantiles of what all of them share, not means of theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PooledLatency {
    /// Pool, model or pipeline.
    pub name: String,
    /// Of all runs.
    #[serde(flatten)]
    pub latency: LatencyTotals,
}

/// Latency of done requests, seconds. Quantiles to 1 %; mean and maximum exact.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LatencyTotals {
    pub mean_s: f64,
    pub p50_s: f64,
    pub p90_s: f64,
    pub p95_s: f64,
    pub p99_s: f64,
    pub p999_s: f64,
    pub max_s: f64,
}

/// How an objective came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveResult {
    /// `p95 <= 500ms for 99% of time`.
    pub objective: String,
    /// Whose: the name of a pool, model or pipeline, or empty for the run.
    pub scope: String,
    /// Did it hold?
    pub met: bool,
    /// With `for`: share of windows in which it held; else the figure's value in base units. `None`: nothing to measure.
    pub value: Option<f64>,
    /// With `for`: windows that count.
    pub windows: Option<u64>,
    /// With `for`: start of the first window missed.
    pub first_missed_s: Option<f64>,
    /// With `for`: longest unbroken run of windows missed.
    pub longest_missed_s: Option<f64>,
    /// Why it was missed, in a few words; may be empty.
    pub note: String,
}
