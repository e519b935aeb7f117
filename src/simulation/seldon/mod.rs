//! Seldon Core 2 at work: the scheduler's effects become events, agents live in pods, calls find a replica that has their
//! model.
//!
//! `crate::seldon` decides; this room gives its decisions the time they take. The truth about requests and pods is the same
//! as for any pool: a server is a pool whose replicas hold models.

mod agents;
mod calls;
mod control;
mod flows;

use super::Sim;
use super::pool::EndCounts;
use super::signals::Tap;
use crate::random::{Stream, Streams};
use crate::record::{ModelSnapshot, Recorder, ServerSnapshot};
use crate::scenario::{SeldonModel, SeldonServer, SeldonSpec};
use crate::seldon::agent::{AgentCache, CacheCounts};
use crate::seldon::lag::{LagEvent, LagStats};
use crate::seldon::scheduler::{Effect, Scheduler, SchedulerSettings};
use crate::seldon::spec::CoreSpec;
use crate::seldon::state::ModelState;
use crate::serving::{Balancer, InQueue, List};
use crate::units::{FlowId, Id, ModelId, PoolId, ReplicaId, ServerId, SimTime, Slab, Span, Table};
use flows::Flows;

/// No step of a pipeline.
pub(super) const NO_STEP: u32 = u32::MAX;

/// Seldon Core 2 in one run.
pub(super) struct Seldon {
    pub core: CoreSpec,
    pub scheduler: Scheduler,
    pub servers: Table<ServerId, Server>,
    pub models: Table<ModelId, Model>,
    pub flows: Flows,
    /// Delayed steps of the control plane.
    steps: Slab<Step>,
    /// What the scheduler wants done, being handled.
    effects: Vec<Effect>,
    /// What an agent's tick asks for, being handled.
    ticks: Vec<LagEvent>,
    /// What an agent had to evict, being told.
    evicted: Vec<ModelId>,
    /// Restarts of the scheduler so far.
    restarts: u64,
    /// The run is about to begin: whatever the scheduler wants is done at once.
    settling: bool,
    publication: Publication,
    /// Draws for packing.
    packing: Stream,
    /// Time in proxies of each call, in the order of routing.
    proxies: Stream,
    /// Control delays in the order of actions.
    delays: Stream,
}

/// Batches of route updates.
#[derive(Clone, Copy, Debug, Default)]
struct Publication {
    /// When Envoys were updated last.
    last: Option<SimTime>,
    /// An update is on its way, due at this time.
    due: Option<SimTime>,
    /// After a restart of the scheduler: no update before this.
    not_before: SimTime,
}

/// A Server of one run.
pub(super) struct Server {
    /// Its present resource: an intervention may change it.
    pub resource: SeldonServer,
    /// Evictions and reloads of agents that are no more.
    past: Residency,
}

/// What memories of agents have gone through.
#[derive(Clone, Copy, Debug, Default)]
struct Residency {
    evictions: u64,
    reloads: u64,
}

impl Residency {
    fn add(&mut self, counts: &CacheCounts) {
        self.evictions += counts.evictions;
        self.reloads += counts.reloads;
    }
}

/// A Model of one run.
pub(super) struct Model {
    /// Its present resource: an intervention may change it.
    pub resource: SeldonModel,
    /// `spec.replicas` of the resource: what the operator has been told, or will be.
    pub spec_replicas: Option<u32>,
    /// The server that is charged with what cannot be routed.
    home: PoolId,
    routing: Stream,
    /// As Envoys know it.
    routes: Vec<Route>,
    /// One each per Envoy.
    envoys: Vec<EnvoyView>,
    /// Loads begun so far: the next one's key.
    loads: u64,
    pub waiting: u64,
    pub in_flight: u64,
    pub offered: u64,
    pub work_s: f64,
    pub ended: EndCounts,
    pub reloads: u64,
    /// Its signals, where an autoscaler reads them the cheap way.
    pub tap: Option<Box<Tap>>,
    /// Noted in the record last.
    told: Told,
}

/// What the record has been told of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    state: &'static str,
    server: Option<ServerId>,
    wanted: u32,
    available: u32,
}

/// A cluster of an Envoy: one version of a model.
struct Route {
    version: u32,
    weight: u32,
    balancer: Balancer,
}

/// What one Envoy knows of one model.
#[derive(Clone, Debug, Default)]
struct EnvoyView {
    /// Its own unfinished requests at each replica.
    active: Vec<u32>,
    /// Retries that are under way.
    retrying: u32,
}

/// The agent in a server replica.
pub(super) struct Agent {
    pub server: ServerId,
    /// Ordinal of its pod.
    pub ordinal: u32,
    pub memory: AgentCache,
    lag: LagStats,
    /// Subscribed to the scheduler.
    pub connected: bool,
    /// Its address is published: it acts on loads.
    acts: bool,
    /// Of its subscription.
    epoch: u32,
    /// Loads that wait until it acts.
    waiting_loads: Vec<(ModelId, u32, bool)>,
    /// Artifacts on their way: an unload takes its own off this list, and what arrives then is not loaded.
    downloads: Vec<(ModelId, u32)>,
    reloads: Vec<Reload>,
    /// Requests that it has answered, by what it holds: `seldon_model_infer_total`.
    infers: Vec<u64>,
    /// Its pod is on its way out.
    draining: bool,
    /// When Envoys can resolve its pod's name.
    resolves: SimTime,
}

/// A model that comes back into memory, and the calls that wait for it.
struct Reload {
    key: ModelId,
    waiting: List<InQueue>,
}

/// A delayed step of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A slot that nobody uses.
    Nothing,
    /// The operator passes on a model's resource.
    ApplyModel { model: ModelId },
    /// The operator acts on a wish for more or fewer server replicas.
    ResizeServer { server: ServerId, replicas: u32 },
    /// The operator brings a changed Server resource into effect.
    ReconcileServer { server: ServerId },
    /// The scheduler hears of a server's size.
    NotifyServer { server: ServerId },
    /// An agent subscribes to a restarted scheduler.
    Reconnects { replica: ReplicaId },
    /// An artifact is on the agent's disk.
    Downloaded { replica: ReplicaId, model: ModelId, version: u32, nth: u64, autoscaled: bool },
    /// A model is in memory for the first time.
    Loaded { replica: ReplicaId, model: ModelId, version: u32, autoscaled: bool },
    /// The grace of an unload is over.
    Unloads { replica: ReplicaId, model: ModelId, version: u32 },
    /// A model is in memory again.
    Reloaded { replica: ReplicaId, key: ModelId },
    /// The agent tells the scheduler that its pod is going.
    Drains { replica: ReplicaId },
    /// The scheduler moves the models of a draining replica.
    MovesModels { replica: ReplicaId },
    /// Is everything that was on a draining replica available elsewhere?
    LooksIfDrained { replica: ReplicaId },
    /// Envoys have had their time: the pod may stop.
    Stops { replica: ReplicaId },
    /// A proxy tries a call again.
    Retries { slot: u32, number: u64 },
    /// The name of a new pod resolves.
    Resolves,
    /// A restarted scheduler decides again.
    SchedulerResumes { restart: u64 },
}

impl Seldon {
    pub fn new(spec: &SeldonSpec, streams: &Streams) -> Self {
        let envoys = spec.core.envoy.replicas.max(1) as usize;
        let models = spec.models.iter().map(|resource| {
            let server = resource.server.unwrap_or(ServerId::new(0));
            Model {
                spec_replicas: resource.spec.scaling.replicas,
                home: spec.servers[server.index()].pool,
                routing: streams.named(&format!("model/{}/routing", resource.spec.name)),
                resource: resource.clone(),
                routes: Vec::new(),
                envoys: vec![EnvoyView::default(); envoys],
                loads: 0,
                waiting: 0,
                in_flight: 0,
                offered: 0,
                work_s: 0.0,
                ended: EndCounts::default(),
                reloads: 0,
                tap: None,
                told: Told::default(),
            }
        });
        let servers =
            spec.servers.iter().map(|resource| Server { resource: resource.clone(), past: Residency::default() });
        Self {
            scheduler: Scheduler::new(scheduler_settings(&spec.core)),
            servers: servers.collect(),
            models: models.collect(),
            flows: Flows::new(spec, streams),
            steps: Slab::default(),
            effects: Vec::new(),
            ticks: Vec::new(),
            evicted: Vec::new(),
            restarts: 0,
            settling: false,
            publication: Publication::default(),
            packing: streams.named("seldon/packing"),
            proxies: streams.named("seldon/proxies"),
            delays: streams.named("seldon/control"),
            core: spec.core.clone(),
        }
    }

    /// A version of a model as one thing that an agent may hold.
    pub fn key(&self, model: ModelId, version: u32) -> ModelId {
        let models = self.models.len() as u32;
        ModelId::new(model.number() + version.saturating_sub(1) * models)
    }

    /// The model of such a key.
    fn model_of(&self, key: ModelId) -> (ModelId, u32) {
        let models = self.models.len() as u32;
        (ModelId::new(key.number() % models), key.number() / models + 1)
    }
}

impl Model {
    /// The server that is charged with what cannot be routed.
    pub const fn home(&self) -> PoolId {
        self.home
    }

    /// What the Envoy that routes this request knows: clients spread over Envoys by turns.
    fn view_of(&mut self, request: u64) -> &mut EnvoyView {
        let envoys = self.envoys.len() as u64;
        &mut self.envoys[(request % envoys) as usize]
    }
}

impl Agent {
    fn new(core: &CoreSpec, server: ServerId, ordinal: u32, memory: AgentCache) -> Self {
        Self {
            server,
            ordinal,
            memory,
            lag: LagStats::new(core.lag_settings()),
            connected: false,
            acts: false,
            epoch: 0,
            waiting_loads: Vec::new(),
            downloads: Vec::new(),
            reloads: Vec::new(),
            infers: Vec::new(),
            draining: false,
            resolves: SimTime::ZERO,
        }
    }
}

impl<R: Recorder> Sim<'_, R> {
    /// Seldon, where a request or an event belongs to it.
    #[inline]
    pub(super) fn seldon_mut(&mut self) -> &mut Seldon {
        self.seldon.as_deref_mut().expect("whatever belongs to Seldon is in a run with Seldon")
    }

    #[inline]
    pub(super) fn seldon_ref(&self) -> &Seldon {
        self.seldon.as_deref().expect("whatever belongs to Seldon is in a run with Seldon")
    }

    /// The server whose pods a pool has, if it is one.
    pub(super) fn server_of(&self, pool: PoolId) -> Option<ServerId> {
        let seldon = self.seldon.as_deref()?;
        seldon.servers.iter().find(|(_, server)| server.resource.pool == pool).map(|(id, _)| id)
    }

    /// Models at the end of a tick.
    pub(super) fn model_snapshots(&self, out: &mut Vec<ModelSnapshot>) {
        out.clear();
        let Some(seldon) = &self.seldon else { return };
        for (id, model) in seldon.models.iter() {
            let latest = seldon.scheduler.model(id).map(crate::seldon::model::Model::latest);
            out.push(ModelSnapshot {
                server: latest.and_then(|latest| latest.server()).map(|server| seldon.servers[server].resource.pool),
                state: latest.map_or(ModelState::Unknown, |latest| latest.status().state).name(),
                wanted: latest.map_or(0, |latest| latest.counts().wanted),
                available: latest.map_or(0, |latest| latest.status().available),
                queue: model.waiting,
                in_flight: model.in_flight,
                reloads: model.reloads,
            });
        }
    }

    /// Servers at the end of a tick.
    pub(super) fn server_snapshots(&self, out: &mut Vec<ServerSnapshot>) {
        out.clear();
        let Some(seldon) = &self.seldon else { return };
        for (id, server) in seldon.servers.iter() {
            let pool = server.resource.pool;
            let mut row = ServerSnapshot {
                pool: Some(pool),
                expected: seldon.scheduler.figures(id).and_then(|figures| figures.expected).unwrap_or(0),
                evictions: server.past.evictions,
                reloads: server.past.reloads,
                ..ServerSnapshot::default()
            };
            for &replica in &self.pools[pool].members {
                let Some(agent) = &self.replicas[replica].agent else { continue };
                row.evictions += agent.memory.counts().evictions;
                row.reloads += agent.memory.counts().reloads;
                if agent.connected {
                    row.connected += 1;
                    let memory = agent.memory.memory_bytes();
                    row.memory_bytes = row.memory_bytes.saturating_add(memory);
                    row.memory_used_bytes =
                        row.memory_used_bytes.saturating_add(memory - agent.memory.available_bytes());
                    row.models_loaded += count(agent.memory.in_memory());
                    row.models_registered += count(agent.memory.registered());
                }
            }
            out.push(row);
        }
    }

    /// Requests in flight of each pipeline.
    pub(super) fn flow_snapshots(&self, out: &mut Vec<u64>) {
        out.clear();
        let Some(seldon) = &self.seldon else { return };
        out.extend((0..seldon.flows.len()).map(|flow| seldon.flows.in_flight(FlowId::from_index(flow))));
    }

    /// Models that a server replica holds.
    pub(super) fn models_held_by(&self, replica: ReplicaId) -> Vec<ModelId> {
        let (Some(agent), Some(seldon)) = (&self.replicas[replica].agent, &self.seldon) else { return Vec::new() };
        agent.memory.registered().map(|key| seldon.model_of(key).0).collect()
    }

    /// Something of the control plane happens after `delay`.
    fn step_after(&mut self, delay: Span, step: Step) {
        let at = self.now + delay;
        let slot = self.seldon_mut().steps.insert(step);
        self.queue.push(at, super::event::Event::SeldonStepDue { step: slot });
    }

    /// A delayed step of the control plane is due.
    pub(super) fn seldon_step_due(&mut self, slot: u32) {
        let steps = &mut self.seldon_mut().steps;
        let step = std::mem::replace(&mut steps[slot], Step::Nothing);
        steps.release(slot);
        match step {
            Step::Nothing => unreachable!("a step is due once"),
            Step::ApplyModel { model } => self.apply_model(model),
            Step::ResizeServer { server, replicas } => self.resize_server(server, replicas),
            Step::ReconcileServer { server } => self.reconcile_server(server),
            Step::NotifyServer { server } => {
                self.notify_scheduler(server);
                self.resume_if_complete();
            }
            Step::Reconnects { replica } => self.agent_reconnects(replica),
            Step::Downloaded { replica, model, version, nth, autoscaled } => {
                self.artifact_downloaded(replica, model, version, nth, autoscaled);
            }
            Step::Loaded { replica, model, version, autoscaled } => {
                self.model_loaded(replica, model, version, autoscaled);
            }
            Step::Unloads { replica, model, version } => self.model_unloads(replica, model, version),
            Step::Reloaded { replica, key } => self.model_reloaded(replica, key),
            Step::Drains { replica } => self.agent_drains(replica),
            Step::MovesModels { replica } => self.models_move(replica),
            Step::LooksIfDrained { replica } => self.look_if_drained(replica),
            Step::Stops { replica } => self.drained_pod_stops(replica),
            Step::Retries { slot, number } => self.retry_call(slot, number),
            Step::Resolves => self.rebuild_routes(),
            Step::SchedulerResumes { restart } => self.scheduler_resumes(restart),
        }
    }
}

fn count(models: impl Iterator<Item = ModelId>) -> u32 {
    u32::try_from(models.count()).expect("fewer than 2^32 models")
}

/// What the scheduler must know of an installation.
fn scheduler_settings(core: &CoreSpec) -> SchedulerSettings {
    SchedulerSettings {
        cooldown: core.autoscaling.scale_down_cool_down,
        model_scaling: core.lag_scaling(),
        server_scaling: core.server_autoscaling(),
        retries_progressing: core.version.retries_progressing(),
        partial_scheduling: core.version.partial_scheduling(),
    }
}
