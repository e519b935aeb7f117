//! Objectives and the figures they speak of.

use crate::units::{FlowId, ModelId, PoolId, Span};

/// An objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// Whose figure.
    pub scope: ObjectiveScope,
    /// As the user wrote it: `p95 <= 500ms`.
    pub that: String,
    /// The figure.
    pub figure: Figure,
    /// The comparison and its value, in the figure's base unit.
    pub condition: ConditionSpec,
    /// Share of windows in which it must hold; `None`: the whole run is one window.
    pub share_of_time: Option<f64>,
    /// Length of a window, aligned at 0.
    pub window: Span,
    /// Over which requests quantiles go.
    pub of: Population,
}

/// Whose figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectiveScope {
    /// The whole run.
    Run,
    /// One pool.
    Pool(PoolId),
    /// One model.
    Model(ModelId),
    /// One pipeline.
    Flow(FlowId),
}

/// Over which requests quantiles go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Population {
    /// All: those that failed count as infinitely late.
    Offered,
    /// Survivors only.
    Done,
}

/// The comparison and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConditionSpec {
    /// `<=` this.
    AtMost(f64),
    /// `>=` this.
    AtLeast(f64),
}

/// A figure of a window or of the run. Units: seconds, shares, counts, hours, USD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// Latency quantile, 0 to 1 exclusive.
    Quantile(f64),
    /// Mean latency of done requests.
    Mean,
    /// (rejected + timed out + lost)/ended.
    Errors,
    /// True usage / request.
    Utilization,
    /// Largest queue.
    Queue,
    /// Of the run only, from here on: replica-hours.
    ReplicaHours,
    /// Ready time × share of idle workers.
    IdleReplicaHours,
    /// USD.
    Cost,
    /// USD per million done requests.
    CostPerMillion,
    /// Most replicas at once.
    ReplicasMax,
    /// Changes of size by scalers.
    ScaleActions,
    /// Share of windows in which every objective with `for` holds.
    GoodTime,
    /// Longest unbroken run of windows in which one does not, seconds.
    Recovery,
}
