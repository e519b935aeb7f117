//! A checked scenario: everything in it is in range and every name in it exists.

use crate::cluster::{SidecarSpec, StartSpec, StopSpec, WorkloadKind};
use crate::metrics::{MetricsServerSpec, PoolMetricsSpec, PrometheusSpec};
use crate::random::Law;
use crate::scalers::{HpaControllerSpec, ScalerSpec};
use crate::serving::{BalancerSpec, CpuSpec, DisciplineSpec, MemorySpec, QueueSpec};
use crate::units::{LoadId, PoolId, Span};
use crate::workload::LoadSpec;
use std::collections::BTreeMap;

/// A checked scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Names the output folder.
    pub name: String,
    /// One line for titles.
    pub about: String,
    /// Base of all random streams.
    pub seed: u64,
    /// Simulated time.
    pub duration: Span,
    /// Row interval of the time series.
    pub tick: Span,
    /// Left out of summary, latency and objectives.
    pub warmup: Span,
    /// What the clock says at time 0 (time of day).
    pub starts_at: Span,
    /// Controller-wide HPA settings.
    pub hpa_controller: HpaControllerSpec,
    /// metrics-server.
    pub metrics_server: MetricsServerSpec,
    /// Prometheus and its adapter, if there are any.
    pub prometheus: Option<PrometheusSpec>,
    /// Loads in file order.
    pub loads: Vec<LoadSpec>,
    /// Where each load goes, by the same index.
    pub load_targets: Vec<PoolId>,
    /// Pools in file order.
    pub pools: Vec<PoolSpec>,
    /// Recorded signals.
    pub signals: Vec<SignalSpec>,
    /// Changes and faults, in order of time, then of the file.
    pub events: Vec<EventSpec>,
    /// Objectives in file order.
    pub objectives: Vec<Objective>,
}

/// One Deployment of equal replicas.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// Its name.
    pub name: String,
    /// Which controller owns the pods.
    pub kind: WorkloadKind,
    /// Size at time 0: ready, idle and measured for an hour.
    pub replicas: u32,
    /// Requests in service at once per replica; `None`: unlimited.
    pub workers: Option<u32>,
    /// When service ends.
    pub discipline: DisciplineSpec,
    /// Work of one request at speed 1, seconds. `None` only if every load brings its demand.
    pub service: Option<Law>,
    /// Drawn once per replica.
    pub speed: Law,
    /// Waiting room.
    pub queue: QueueSpec,
    /// CPU of the main container.
    pub cpu: CpuSpec,
    /// Memory of the main container.
    pub memory: MemorySpec,
    /// Sidecars.
    pub containers: Vec<SidecarSpec>,
    /// Name of the main container.
    pub container: String,
    /// Who gets the next request.
    pub balancer: BalancerSpec,
    /// USD per replica-hour, from creation to gone.
    pub price_usd_per_hour: f64,
    /// Labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// `status.selector` that the HPA reads.
    pub selector: String,
    /// From wanted to serving.
    pub start: StartSpec,
    /// From deleted to gone.
    pub stop: StopSpec,
    /// How its metrics reach a scaler.
    pub metrics: PoolMetricsSpec,
    /// Its autoscaler.
    pub scaler: ScalerSpec,
}

/// A recorded signal: a step function of time.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalSpec {
    /// Metric name.
    pub name: String,
    /// (time, value), times rising.
    pub points: Vec<(Span, f64)>,
}

/// A change or a fault during the run.
#[derive(Clone, Debug)]
pub struct EventSpec {
    /// When.
    pub at: Span,
    /// What, for people: `pool.chat.replicas = 10`.
    pub text: String,
    /// What.
    pub change: EventChange,
}

/// What an event does.
#[derive(Clone, Debug)]
pub enum EventChange {
    /// Somebody sets the size of a pool.
    Replicas(PoolId, u32),
    /// A pool gets new values: those of this whole spec. Its scaler keeps memory and status.
    Pool(PoolId, Box<PoolSpec>),
    /// A load's `scale`.
    LoadScale(LoadId, f64),
    /// Controller-wide settings.
    HpaController(HpaControllerSpec),
    /// A fault.
    Fault(Fault),
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Calls to the metrics API fail; on return it starts empty.
    MetricsServerDown {
        /// How long.
        lasts: Span,
    },
    /// Queries fail; on return it starts empty.
    PrometheusDown {
        /// How long.
        lasts: Span,
    },
    /// Scrapes of the pool's pods answer late, or time out.
    KubeletSlow {
        /// Whose pods.
        pool: PoolId,
        /// How long.
        lasts: Span,
        /// Answer time.
        latency: Span,
    },
    /// That share of the pool's pods vanishes from scrapes.
    ScrapeFails {
        /// Whose pods.
        pool: PoolId,
        /// 0 to 1.
        share: f64,
        /// How long.
        lasts: Span,
    },
    /// At once, without grace; in flight is lost.
    PodsKilled {
        /// Whose pods.
        pool: PoolId,
        /// How many.
        count: u32,
    },
}

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
