//! A checked scenario: everything in it is in range and every name in it exists.

use crate::cluster::{SidecarSpec, StartSpec, StopSpec, WorkloadKind};
use crate::metrics::{MetricsServerSpec, PoolMetricsSpec, PrometheusSpec};
use crate::random::Law;
use crate::record::Objective;
use crate::scalers::{HpaControllerSpec, ScalerSpec};
use crate::seldon::spec::{CoreSpec, EffectiveScaling, LagScaling, ModelSpec, PipelineSpec, ScalingSpec, ServerSpec};
use crate::serving::{BalancerSpec, CpuSpec, DisciplineSpec, MemorySpec, QueueSpec};
use crate::units::{FlowId, Id, LoadId, ModelId, PoolId, ServerId, Span};
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
    pub load_targets: Vec<LoadTarget>,
    /// Pools in file order, then the pods of Seldon's servers in file order.
    pub pools: Vec<PoolSpec>,
    /// Seldon Core 2, if the file has a server.
    pub seldon: Option<SeldonSpec>,
    /// Recorded signals.
    pub signals: Vec<SignalSpec>,
    /// Changes and faults, in order of time, then of the file.
    pub events: Vec<EventSpec>,
    /// Objectives in file order.
    pub objectives: Vec<Objective>,
}

impl Scenario {
    /// The kind of a pool's workload, as a scale reference names it.
    pub fn kind_of(&self, pool: PoolId) -> &'static str {
        if self.server_of(pool).is_some() { "Server" } else { self.pools[pool.index()].kind.as_str() }
    }

    /// The server whose pods these are.
    pub fn server_of(&self, pool: PoolId) -> Option<ServerId> {
        let servers = &self.seldon.as_ref()?.servers;
        servers.iter().position(|server| server.pool == pool).map(ServerId::from_index)
    }

    /// The law of one request's work at a target, where the target has one. A pipeline has none of its own: its steps have.
    pub fn service_of(&self, target: LoadTarget) -> Option<&Law> {
        match target {
            LoadTarget::Pool(pool) => self.pools[pool.index()].service.as_ref(),
            LoadTarget::Model(model) => self.seldon.as_ref()?.models[model.index()].service.as_ref(),
            LoadTarget::Flow(_) => None,
        }
    }
}

/// Where a load sends its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadTarget {
    /// To a pool, by its balancer.
    Pool(PoolId),
    /// To a Seldon model, by Envoy.
    Model(ModelId),
    /// To a Seldon pipeline, by its gateway.
    Flow(FlowId),
}

impl LoadTarget {
    /// The pool, if it is one.
    pub const fn pool(self) -> Option<PoolId> {
        match self {
            Self::Pool(pool) => Some(pool),
            Self::Model(_) | Self::Flow(_) => None,
        }
    }
}

/// Seldon Core 2: the installation, and what is deployed in it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeldonSpec {
    /// Settings of the whole installation.
    pub core: CoreSpec,
    /// Servers in file order.
    pub servers: Vec<SeldonServer>,
    /// Models in file order.
    pub models: Vec<SeldonModel>,
    /// Pipelines in file order.
    pub flows: Vec<PipelineSpec>,
    /// What the user has said about his own constraints.
    pub advice: AdviceSpec,
}

impl SeldonSpec {
    /// True if models are scaled by inference lag in a release that forces it off: no release does what is simulated.
    pub fn is_unreleased(&self) -> bool {
        self.core.lag_scaling() && self.core.version.lag_scaling() == LagScaling::ForcedOff
    }

    /// What the operator makes of a model's counts.
    pub fn scaling_of(&self, model: ModelId) -> EffectiveScaling {
        self.effective(&self.models[model.index()].spec.scaling)
    }

    /// What the operator makes of a server's counts.
    pub fn scaling_of_server(&self, server: ServerId) -> EffectiveScaling {
        self.effective(&self.servers[server.index()].spec.scaling)
    }

    fn effective(&self, scaling: &ScalingSpec) -> EffectiveScaling {
        scaling.effective(self.core.version).expect("what the operator refuses is no scenario")
    }

    /// The servers that may hold a model: the one that it asks for, or all; of these, those that are capable.
    pub fn hosts_of(&self, model: ModelId) -> impl Iterator<Item = ServerId> {
        let model = &self.models[model.index()];
        let capable = |spec: &ServerSpec| model.spec.requirements.iter().all(|one| spec.capabilities.contains(one));
        let all = self.servers.iter().enumerate().map(|(number, server)| (ServerId::from_index(number), server));
        all.filter(move |(id, server)| model.server.is_none_or(|asked| asked == *id) && capable(&server.spec))
            .map(|(id, _)| id)
    }
}

/// A Server: a StatefulSet of pods that models are loaded into.
#[derive(Clone, Debug, PartialEq)]
pub struct SeldonServer {
    /// Its pods: an entry of the scenario's pools, of the server's name. Size, serving, life, price and scaler stand there.
    pub pool: PoolId,
    /// The Server resource.
    pub spec: ServerSpec,
}

/// A Model.
#[derive(Clone, Debug, PartialEq)]
pub struct SeldonModel {
    /// The Model resource.
    pub spec: ModelSpec,
    /// The server that it asks for; `None`: any that fits.
    pub server: Option<ServerId>,
    /// Work of one request at speed 1, seconds. `None` only if every request brings its demand.
    pub service: Option<Law>,
    /// Cores that a request keeps busy while it is served.
    pub cpu_fraction: f64,
    /// Its autoscaler.
    pub scaler: ScalerSpec,
}

/// Which ways of scaling a scenario with servers takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaysOfScaling {
    /// A model is scaled by its lag, and the release does that.
    pub lag: bool,
    /// A model has an HPA.
    pub hpa_on_models: bool,
    /// A server has an HPA.
    pub hpa_on_servers: bool,
}

impl Scenario {
    /// Which ways of scaling it takes; `None` without servers.
    pub fn ways_of_scaling(&self) -> Option<WaysOfScaling> {
        let seldon = self.seldon.as_ref()?;
        let is_hpa = |scaler: &ScalerSpec| matches!(scaler, ScalerSpec::Hpa(_));
        let by_lag = |model: &SeldonModel| matches!(model.scaler, ScalerSpec::SeldonLag);
        Some(WaysOfScaling {
            lag: seldon.core.lag_scaling() && seldon.models.iter().any(by_lag),
            hpa_on_models: seldon.models.iter().any(|model| is_hpa(&model.scaler)),
            hpa_on_servers: seldon.servers.iter().any(|server| is_hpa(&self.pools[server.pool.index()].scaler)),
        })
    }
}

/// What a recommendation among the ways of scaling depends on, besides figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdviceSpec {
    /// Must models and servers map one to one?
    pub one_to_one: bool,
    /// Can Prometheus and its adapter be run?
    pub prometheus: bool,
    /// Are servers shared by models?
    pub multi_model: bool,
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
    /// A model gets new values: those of this whole spec. Its scaler keeps memory and status.
    Model(ModelId, Box<SeldonModel>),
    /// Somebody sets a model's wanted number of replicas.
    ModelReplicas(ModelId, u32),
    /// A Server resource gets new values. What concerns its pods comes as a change of its pool.
    Server(ServerId, Box<SeldonServer>),
    /// The installation gets new values.
    Core(Box<CoreSpec>),
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
    /// Seldon's scheduler starts anew; traffic goes on by the last routes.
    SchedulerRestart,
    /// The agent of one server replica dies without a drain.
    AgentCrash {
        /// Whose.
        server: ServerId,
        /// Which.
        ordinal: u32,
    },
    /// The pod of one server replica is drained, as by a drain of its node.
    ServerDrain {
        /// Whose.
        server: ServerId,
        /// Which.
        ordinal: u32,
    },
}
