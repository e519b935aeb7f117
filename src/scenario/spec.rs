//! A checked scenario: everything in it is in range and every name in it exists.

use crate::cluster::{SidecarSpec, StartSpec, StopSpec, WorkloadKind};
use crate::metrics::{MetricsServerSpec, PoolMetricsSpec, PrometheusSpec};
use crate::random::Law;
use crate::record::Objective;
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
