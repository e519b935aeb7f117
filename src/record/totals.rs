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
    /// Pools in file order.
    pub pools: Vec<PoolTotals>,
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
    /// Arrivals.
    pub offered: u64,
    /// Requests by how they ended. All five add up to `offered`.
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
    /// Whose: a pool's name, or empty for the run.
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
