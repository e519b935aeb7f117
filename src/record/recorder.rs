//! What a recorder sees. It schedules nothing, draws nothing and cannot fail, so it cannot influence a run.

use crate::scalers::Report;
use crate::units::{FlowId, LoadId, ModelId, PoolId, ReplicaId, ScalerId, SimTime, Span};

/// A witness of a run.
pub trait Recorder {
    /// A request was born.
    fn arrived(&mut self, _now: SimTime, _load: LoadId, _pool: PoolId) {}
    /// A request ended: exactly once each.
    fn ended(&mut self, _end: &RequestEnd) {}
    /// A request that was just born calls this model; its pool is the server that has the model.
    fn called(&mut self, _now: SimTime, _model: ModelId) {}
    /// A request to a pipeline was born. The calls that it makes of models are requests of their own, `inner` ones.
    fn flow_arrived(&mut self, _now: SimTime, _load: LoadId, _flow: FlowId) {}
    /// A request to a pipeline ended: exactly once each.
    fn flow_ended(&mut self, _end: &FlowEnd) {}
    /// A pod changed its phase.
    fn pod(&mut self, _now: SimTime, _change: &PodChange<'_>) {}
    /// A scaler made a pass.
    fn decision(&mut self, _now: SimTime, _scaler: ScalerId, _report: &Report, _truth: &Truth) {}
    /// A person or a fault interfered.
    fn happened(&mut self, _now: SimTime, _what: &Happening<'_>) {}
    /// A tick of the time series is over; the last one may be short.
    fn tick(&mut self, _now: SimTime, _state: &Snapshot<'_>) {}
}

/// Records nothing.
impl Recorder for () {}

impl<A: Recorder> Recorder for &mut A {
    #[inline(always)]
    fn arrived(&mut self, now: SimTime, load: LoadId, pool: PoolId) {
        (**self).arrived(now, load, pool);
    }
    #[inline(always)]
    fn ended(&mut self, end: &RequestEnd) {
        (**self).ended(end);
    }
    fn called(&mut self, now: SimTime, model: ModelId) {
        (**self).called(now, model);
    }
    fn flow_arrived(&mut self, now: SimTime, load: LoadId, flow: FlowId) {
        (**self).flow_arrived(now, load, flow);
    }
    fn flow_ended(&mut self, end: &FlowEnd) {
        (**self).flow_ended(end);
    }
    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        (**self).pod(now, change);
    }
    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        (**self).decision(now, scaler, report, truth);
    }
    fn happened(&mut self, now: SimTime, what: &Happening<'_>) {
        (**self).happened(now, what);
    }
    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        (**self).tick(now, state);
    }
}

impl<A: Recorder, B: Recorder> Recorder for (A, B) {
    #[inline(always)]
    fn arrived(&mut self, now: SimTime, load: LoadId, pool: PoolId) {
        self.0.arrived(now, load, pool);
        self.1.arrived(now, load, pool);
    }
    #[inline(always)]
    fn ended(&mut self, end: &RequestEnd) {
        self.0.ended(end);
        self.1.ended(end);
    }
    fn called(&mut self, now: SimTime, model: ModelId) {
        self.0.called(now, model);
        self.1.called(now, model);
    }
    fn flow_arrived(&mut self, now: SimTime, load: LoadId, flow: FlowId) {
        self.0.flow_arrived(now, load, flow);
        self.1.flow_arrived(now, load, flow);
    }
    fn flow_ended(&mut self, end: &FlowEnd) {
        self.0.flow_ended(end);
        self.1.flow_ended(end);
    }
    fn pod(&mut self, now: SimTime, change: &PodChange<'_>) {
        self.0.pod(now, change);
        self.1.pod(now, change);
    }
    fn decision(&mut self, now: SimTime, scaler: ScalerId, report: &Report, truth: &Truth) {
        self.0.decision(now, scaler, report, truth);
        self.1.decision(now, scaler, report, truth);
    }
    fn happened(&mut self, now: SimTime, what: &Happening<'_>) {
        self.0.happened(now, what);
        self.1.happened(now, what);
    }
    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        self.0.tick(now, state);
        self.1.tick(now, state);
    }
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Served.
    Done,
    /// Queue full, or no endpoint.
    Rejected,
    /// Given up in the queue or by the client.
    TimedOut,
    /// Its pod is gone.
    Lost,
    /// Still in the system when the run ended.
    Unfinished,
}

impl Outcome {
    /// All, in the order of the tables.
    pub const ALL: [Self; 5] = [Self::Done, Self::Rejected, Self::TimedOut, Self::Lost, Self::Unfinished];

    /// As the tables name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::Unfinished => "unfinished",
        }
    }
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestEnd {
    /// Now.
    pub at: SimTime,
    /// Its public number, from 1, in order of birth.
    pub request: u64,
    /// Who sent it.
    pub load: LoadId,
    /// Where it went: for a call of a model, the server that has it, or should have it.
    pub pool: PoolId,
    /// The model that it called, if it did.
    pub model: Option<ModelId>,
    /// A step of a pipeline and no client's own request: what the run as a whole counts is the pipeline's.
    pub inner: bool,
    /// Who had it, if anybody.
    pub replica: Option<ReplicaId>,
    /// When it was born.
    pub arrived: SimTime,
    /// When its service began, if it did.
    pub started: Option<SimTime>,
    /// Its work at speed 1.
    pub demand: Span,
    /// How it ended.
    pub outcome: Outcome,
}

/// The end of a request to a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEnd {
    /// Now.
    pub at: SimTime,
    /// Its public number, in the same count as all other requests.
    pub request: u64,
    /// Who sent it.
    pub load: LoadId,
    /// Which pipeline.
    pub flow: FlowId,
    /// When it was born.
    pub arrived: SimTime,
    /// How it ended.
    pub outcome: Outcome,
}

/// A pod changed its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodChange<'a> {
    /// Whose pod.
    pub pool: PoolId,
    /// Which replica of the run.
    pub replica: ReplicaId,
    /// The pod's name.
    pub name: &'a str,
    /// Normal or Warning.
    pub warning: bool,
    /// In Kubernetes' words: SuccessfulCreate, Scheduled, Pulling, Pulled, Started, Ready, Killing, ...
    pub reason: &'static str,
    /// One sentence.
    pub message: &'a str,
}

/// A person or a fault interfered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening<'a> {
    /// Whom it concerns: `deployment/chat`, `metrics-server`.
    pub object: &'a str,
    /// `intervention`, `fault`, `scale`.
    pub kind: &'static str,
    /// Is it bad news?
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// One sentence.
    pub message: &'a str,
}

/// How things really are at a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Truth {
    /// Pool that the scaler acts on; for a model's scaler the server that has the model.
    pub pool: u32,
    /// The model that the scaler acts on, if it is a model's.
    pub model: Option<ModelId>,
    /// True mean usage of CPU / request over the last sync period, of ready replicas.
    pub utilization: Option<f64>,
    /// Replicas that the offered load (over the last sync period) needs at the scaler's target.
    pub needed: Option<u32>,
    /// Offered requests per second over the last sync period.
    pub offered_rps: f64,
    /// Waiting requests now.
    pub queue: u64,
    /// Ready replicas now.
    pub ready: u32,
    /// Turned away or given up per second over the last sync period.
    pub failed_rps: f64,
}

/// The state at the end of a tick: one entry per pool, in file order.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// Pools.
    pub pools: &'a [PoolSnapshot],
    /// Models of a Seldon run.
    pub models: &'a [ModelSnapshot],
    /// Servers of a Seldon run.
    pub servers: &'a [ServerSnapshot],
    /// Pipelines of a Seldon run: requests in flight.
    pub flows: &'a [u64],
    /// Events of the kernel so far.
    pub events: u64,
}

/// One model at the end of a tick. Cumulative values are since the start of the run: take differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelSnapshot {
    /// The server that has it.
    pub server: Option<PoolId>,
    /// State of its latest version in upstream's word.
    pub state: &'static str,
    /// Replicas that somebody or something asked for.
    pub wanted: u32,
    /// Replicas that Envoy knows.
    pub available: u32,
    /// Waiting now, for a worker or for a reload.
    pub queue: u64,
    /// Waiting and being served now.
    pub in_flight: u64,
    /// Cumulative: reloads after an eviction.
    pub reloads: u64,
}

/// One server at the end of a tick, beside what it is as a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerSnapshot {
    /// The pool of its pods.
    pub pool: Option<PoolId>,
    /// Replicas that the operator has told the scheduler of.
    pub expected: u32,
    /// Agents that are subscribed.
    pub connected: u32,
    /// Model replicas in memory, over all agents.
    pub models_loaded: u32,
    /// Model replicas that agents have, evicted ones included.
    pub models_registered: u32,
    /// Memory of all connected replicas.
    pub memory_bytes: u64,
    /// Of that, in use by models in memory.
    pub memory_used_bytes: u64,
    /// Cumulative: evictions.
    pub evictions: u64,
    /// Cumulative: reloads after an eviction.
    pub reloads: u64,
}

/// One pool at the end of a tick. Cumulative values are since the start of the run: take differences.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoolSnapshot {
    /// Waiting now.
    pub queue: u64,
    /// Largest number waiting within the tick.
    pub queue_max: u64,
    /// Waiting and being served now.
    pub in_flight: u64,
    /// What the scale object asks for.
    pub desired: u32,
    /// Ready now.
    pub ready: u32,
    /// Created, not yet ready.
    pub starting: u32,
    /// Deleted, not yet gone.
    pub draining: u32,
    /// What the ready replicas can serve, 1/s.
    pub capacity_rps: f64,
    /// Cumulative: CPU used by pods that are not deleted, core-seconds.
    pub cpu_core_s: f64,
    /// Cumulative: CPU requested by them (limit without a request; 0 without either), core-seconds.
    pub cpu_requested_core_s: f64,
    /// Cumulative: replicas created and not deleted, replica-seconds.
    pub replica_s: f64,
    /// Cumulative: replicas that exist, deleted ones until gone: what is paid, replica-seconds.
    pub paid_s: f64,
    /// Cumulative: ready time × share of idle workers, replica-seconds.
    pub idle_s: f64,
    /// Fewest and most replicas (created, not deleted) within the tick.
    pub replicas_min: u32,
    /// As above.
    pub replicas_max: u32,
    /// What the scaler read last: utilization of the request as a ratio.
    pub seen_utilization: Option<f64>,
    /// When that was measured.
    pub seen_at: Option<SimTime>,
    /// Cumulative: spent, USD.
    pub cost_usd: f64,
}
