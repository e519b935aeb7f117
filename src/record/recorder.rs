//! What a recorder sees. It schedules nothing, draws nothing and cannot fail, so it cannot influence a run.

use crate::scalers::Report;
use crate::units::{LoadId, PoolId, ReplicaId, ScalerId, SimTime, Span};

/// A witness of a run.
pub trait Recorder {
    /// A request was born.
    fn arrived(&mut self, _now: SimTime, _load: LoadId, _pool: PoolId) {}
    /// A request ended: exactly once each.
    fn ended(&mut self, _end: &RequestEnd) {}
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
    /// Where it went.
    pub pool: PoolId,
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
    /// Pool that the scaler acts on.
    pub pool: u32,
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
    /// Events of the kernel so far.
    pub events: u64,
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
