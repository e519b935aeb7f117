//! Rows of the tables that a run writes. Field names are column names; units stand last in them.

use serde::{Deserialize, Serialize};

/// A row of `timeline.csv`: one per tick and pool; a Seldon server is a pool. Rates and quantiles are over the tick that ends at `time_s`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimelineRow {
    /// End of the tick.
    pub time_s: f64,
    /// Pool.
    pub pool: String,
    /// Arrivals.
    pub offered_rps: f64,
    /// Ended as done.
    pub done_rps: f64,
    /// Ended as rejected.
    pub rejected_rps: f64,
    /// Ended as timed out.
    pub timed_out_rps: f64,
    /// Ended as lost.
    pub lost_rps: f64,
    /// Waiting at the end of the tick.
    pub queue: u64,
    /// Waiting and being served at the end of the tick.
    pub in_flight: u64,
    /// What the scale object asks for.
    pub replicas_desired: u32,
    /// Ready.
    pub replicas_ready: u32,
    /// Created, not yet ready.
    pub replicas_starting: u32,
    /// Deleted, not yet gone.
    pub replicas_draining: u32,
    /// What the ready replicas can serve.
    pub capacity_rps: f64,
    /// True usage / request (usage / limit without a request) over the tick; empty without either or without replicas.
    pub utilization_ratio: Option<f64>,
    /// What the scaler read last.
    pub utilization_seen_ratio: Option<f64>,
    /// How old that is.
    pub utilization_seen_age_s: Option<f64>,
    /// Of requests done in the tick; empty without any.
    pub latency_p50_s: Option<f64>,
    /// As above.
    pub latency_p95_s: Option<f64>,
    /// As above.
    pub latency_p99_s: Option<f64>,
    /// Spent since the start of the run.
    pub cost_usd: f64,
}

/// A row of `decisions.csv`: one per metric proposal, then one final row per decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionRow {
    /// Number of the decision, from 1.
    pub decision: u64,
    /// When.
    pub time_s: f64,
    /// What is scaled.
    pub object: String,
    /// Kind of the scaler.
    pub scaler: String,
    /// Metric; empty in the final row.
    pub metric: String,
    /// Value seen, in the metric's base unit (a utilization as a ratio).
    pub seen: Option<f64>,
    /// Target, in the same unit.
    pub target: Option<f64>,
    /// When the value was measured.
    pub seen_at_s: Option<f64>,
    /// The metric's true value now.
    pub truth: Option<f64>,
    /// Size before.
    pub replicas_now: Option<u32>,
    /// Proposal before the tolerance.
    pub raw: Option<u32>,
    /// Proposal after it.
    pub after_tolerance: Option<u32>,
    /// After stabilization.
    pub after_window: Option<u32>,
    /// After rate policies.
    pub after_policies: Option<u32>,
    /// After bounds.
    pub after_bounds: Option<u32>,
    /// Decided.
    pub decided: Option<u32>,
    /// Replicas that the offered load needs at the scaler's target.
    pub truth_needed: Option<u32>,
    /// Why.
    pub why: String,
    /// What only one kind of scaler knows: `name=value;...`.
    pub detail: String,
}

/// A row of `events.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// When, as it is printed.
    pub time_s: String,
    /// Whom it concerns: `pod/chat-3`, `hpa/chat`.
    pub object: String,
    /// pod, hpa, scale, intervention, fault.
    pub kind: String,
    /// Normal or Warning.
    #[serde(rename = "type")]
    pub severity: String,
    /// Reason in Kubernetes' words.
    pub reason: String,
    /// Message.
    pub message: String,
}

/// A row of `models.csv`: one per tick and model. Rates and quantiles are over the tick that ends at `time_s`; calls by
/// pipelines count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    /// End of the tick.
    pub time_s: f64,
    /// Model.
    pub model: String,
    /// The server that has it; empty without one.
    pub server: String,
    /// State of its latest version in upstream's word.
    pub state: String,
    /// Replicas asked for.
    pub wanted: u32,
    /// Replicas that Envoy knows.
    pub available: u32,
    /// Calls.
    pub offered_rps: f64,
    /// Ended as done.
    pub done_rps: f64,
    /// Ended as rejected.
    pub rejected_rps: f64,
    /// Ended as timed out.
    pub timed_out_rps: f64,
    /// Ended as lost.
    pub lost_rps: f64,
    /// Waiting at the end of the tick, for a worker or for a reload.
    pub queue: u64,
    /// Waiting and being served at the end of the tick.
    pub in_flight: u64,
    /// Of calls done in the tick; empty without any.
    pub latency_p50_s: Option<f64>,
    /// As above.
    pub latency_p95_s: Option<f64>,
    /// As above.
    pub latency_p99_s: Option<f64>,
    /// Reloads after an eviction since the start of the run.
    pub reloads: u64,
}

/// A row of `servers.csv`: one per tick and server, beside its row in `timeline.csv`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerRow {
    /// End of the tick.
    pub time_s: f64,
    /// Server.
    pub server: String,
    /// Replicas that the operator has told the scheduler of.
    pub expected: u32,
    /// Replicas whose agents are subscribed.
    pub connected: u32,
    /// Pods created, not yet ready.
    pub starting: u32,
    /// Pods deleted, not yet gone.
    pub draining: u32,
    /// Model replicas in memory.
    pub models_loaded: u32,
    /// Model replicas that agents have, evicted ones included.
    pub models_registered: u32,
    /// Memory of all connected replicas.
    pub memory_bytes: u64,
    /// Of that, in use by models in memory.
    pub memory_used_bytes: u64,
    /// Models put out of memory since the start of the run.
    pub evictions: u64,
    /// Reloads after an eviction since the start of the run.
    pub reloads: u64,
    /// As in `timeline.csv`.
    pub utilization_ratio: Option<f64>,
    /// Spent since the start of the run.
    pub cost_usd: f64,
}

/// A row of `latency.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyRow {
    /// Pool, model or pipeline: their names share one name space.
    pub pool: String,
    /// 0 to 1.
    pub quantile: f64,
    /// Latency of done requests.
    pub latency_s: f64,
    /// Done requests up to that latency.
    pub count: u64,
}

/// A row of `requests.csv`, in the order in which requests end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestRow<'a> {
    /// Number, from 1, in order of birth.
    pub request: u64,
    /// Who sent it.
    pub load: &'a str,
    /// Where it went: for a call of a model its server, or the name of a pipeline.
    pub pool: &'a str,
    /// The pod that had it, if any.
    pub replica: Option<&'a str>,
    /// Birth.
    pub arrived_s: f64,
    /// Begin of service, if it began.
    pub started_s: Option<f64>,
    /// End.
    pub ended_s: f64,
    /// How it ended.
    pub outcome: &'a str,
    /// Its work at speed 1.
    pub demand_s: f64,
    /// From birth to end.
    pub latency_s: f64,
}
