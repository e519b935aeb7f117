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
    /// The whole run. Of requests it counts those that clients sent themselves: the calls that a pipeline makes of models
    /// are part of the pipeline's request. Replicas and cost are those of all pools.
    Run,
    /// One pool; a Seldon server is one. All that it was asked, calls by pipelines included.
    Pool(PoolId),
    /// One model of Seldon. All calls of it, those by pipelines included. Its queue is read at the end of every tick, its
    /// replica hours are hours of model replicas, and its most replicas are the most that were available.
    Model(ModelId),
    /// One pipeline of Seldon, from its request's birth to its end.
    Flow(FlowId),
}

impl ObjectiveScope {
    /// Does the figure mean something here? A model has no CPU and costs nothing, the server that has it does; a pipeline
    /// has neither replicas nor a queue of its own. An objective about a figure without meaning has nothing to measure.
    pub const fn has(self, figure: Figure) -> bool {
        match self {
            Self::Run | Self::Pool(_) => true,
            Self::Model(_) => !matches!(
                figure,
                Figure::Utilization | Figure::IdleReplicaHours | Figure::Cost | Figure::CostPerMillion
            ),
            Self::Flow(_) => matches!(
                figure,
                Figure::Quantile(_) | Figure::Mean | Figure::Errors | Figure::GoodTime | Figure::Recovery
            ),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_no_bill_and_a_pipeline_no_replicas() {
        let (pool, model, flow) = (
            ObjectiveScope::Pool(PoolId::new(0)),
            ObjectiveScope::Model(ModelId::new(0)),
            ObjectiveScope::Flow(FlowId::new(0)),
        );
        let cases = [
            (Figure::Quantile(0.95), true, true),
            (Figure::Errors, true, true),
            (Figure::Queue, true, false),
            (Figure::ReplicaHours, true, false),
            (Figure::ScaleActions, true, false),
            (Figure::Utilization, false, false),
            (Figure::Cost, false, false),
            (Figure::IdleReplicaHours, false, false),
        ];
        for (figure, of_model, of_flow) in cases {
            assert!(ObjectiveScope::Run.has(figure) && pool.has(figure), "{figure:?}");
            assert_eq!((model.has(figure), flow.has(figure)), (of_model, of_flow), "{figure:?}");
        }
    }
}
