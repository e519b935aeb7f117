//! Agents: from the pod's start to its end they load, unload and lose models, tick, and drain.
//!
//! Rules: `scheduler/pkg/agent` (client, state manager, statistics analyser, drain service). An agent subscribes when its
//! inference server is up, and acts on loads from when its address is published.

use super::super::Sim;
use super::super::event::{Epoch, Event};
use super::{Agent, Step};
use crate::cluster::Milestone;
use crate::metrics::{Page, Series};
use crate::record::{Outcome, Recorder};
use crate::seldon::agent::{AgentCache, Load, Residence};
use crate::seldon::scheduler::ModelReplica;
use crate::seldon::server::ServerReplica;
use crate::units::{Id, ModelId, PoolId, ReplicaId, ServerId, SimTime, Span};
use rand::RngExt;

impl<R: Recorder> Sim<'_, R> {
    /// The agents of time 0, measured for an hour like their pods.
    pub(super) fn establish_agents(&mut self, pool: PoolId, server: ServerId) {
        for place in 0..self.pools[pool].members.len() {
            let replica = self.pools[pool].members[place];
            self.agent_starts(replica, server);
            let period = self.seldon_ref().core.agent.scaling_stats_period;
            let mut stream = self.streams.keyed(&format!("pool/{}/agent", self.pools[pool].spec.name), place as u64);
            // In (0, period]: their subscriptions lie somewhere in the past.
            let first = Span::from_drawn_secs((1.0 - stream.random::<f64>()) * period.as_secs_f64());
            self.agent_subscribes(replica, first);
            self.agent_mut(replica).acts = true;
        }
    }

    fn agent_mut(&mut self, replica: ReplicaId) -> &mut Agent {
        self.replicas[replica].agent.as_deref_mut().expect("a server replica that has started has an agent")
    }

    fn agent_starts(&mut self, replica: ReplicaId, server: ServerId) {
        let ordinal = u32::try_from(self.replicas[replica].number).expect("fewer than 2^32 ordinals");
        let seldon = self.seldon_ref();
        let spec = &seldon.servers[server].resource.spec;
        let memory = AgentCache::new(spec.memory_bytes, seldon.core.overcommit_percent(spec));
        let agent = Agent::new(&seldon.core, server, ordinal, memory);
        self.replicas[replica].agent = Some(Box::new(agent));
    }

    /// A pod of a server reaches a milestone.
    pub(in super::super) fn agent_milestone(&mut self, replica: ReplicaId, server: ServerId, milestone: Milestone) {
        match milestone {
            Milestone::AppUp => {
                self.agent_starts(replica, server);
                let period = self.seldon_ref().core.agent.scaling_stats_period;
                self.agent_subscribes(replica, period);
            }
            Milestone::Routed => {
                let refresh = self.seldon_ref().core.envoy.dns_refresh;
                let (pool, ordinal) = (self.replicas[replica].pool, self.replicas[replica].ordinal);
                let path = format!("pool/{}/dns", self.pools[pool].spec.name);
                let luck = self.streams.keyed(&path, ordinal).random::<f64>();
                let resolves = self.now + Span::from_drawn_secs(luck * refresh.as_secs_f64());
                let agent = self.agent_mut(replica);
                (agent.acts, agent.resolves) = (true, resolves);
                for (model, version, autoscaled) in std::mem::take(&mut agent.waiting_loads) {
                    self.agent_loads(replica, model, version, autoscaled);
                }
            }
            _ => {}
        }
    }

    /// The agent opens its stream to the scheduler; its ticks begin.
    pub(super) fn agent_subscribes(&mut self, replica: ReplicaId, first_tick: Span) {
        let now = self.now;
        let agent = self.agent_mut(replica);
        agent.connected = true;
        agent.epoch = agent.epoch.wrapping_add(1);
        let epoch = agent.epoch;
        self.queue.push(now + first_tick, Event::AgentTicks { replica, epoch });
        self.announce(replica);
    }

    /// Tells the scheduler that an agent is there, and what it holds.
    fn announce(&mut self, replica: ReplicaId) {
        let now = self.now;
        let agent = self.agent_mut(replica);
        let (at, available) = (agent.whereabouts(), agent.memory.available_for_scheduler_bytes());
        let keys: Vec<ModelId> = agent.memory.registered().collect();
        let seldon = self.seldon_ref();
        let holds: Vec<(ModelId, u32)> = keys.into_iter().map(|key| seldon.model_of(key)).collect();
        let subscriber = ServerReplica::new(available, &seldon.servers[at.0].resource.spec.capabilities);
        self.ask_scheduler(|scheduler, _, effects| {
            scheduler.replica_connect(now, at, subscriber, &holds, effects);
        });
    }

    /// An agent subscribes to a scheduler that has forgotten it.
    pub(super) fn agent_reconnects(&mut self, replica: ReplicaId) {
        if self.replicas[replica].agent_connected() {
            self.announce(replica);
            self.resume_if_complete();
        }
    }

    /// Who has this ordinal of a server now.
    pub(in super::super) fn replica_at(&self, server: ServerId, ordinal: u32) -> Option<ReplicaId> {
        let pool = self.seldon_ref().servers[server].resource.pool;
        self.pools[pool].members.iter().copied().find(|&replica| {
            let agent = self.replicas[replica].agent.as_ref();
            agent.is_some_and(|agent| agent.connected && agent.ordinal == ordinal)
        })
    }

    /// A load request reaches an agent.
    pub(super) fn agent_loads(&mut self, replica: ReplicaId, model: ModelId, version: u32, autoscaled: bool) {
        if self.seldon_ref().settling {
            self.make_room_for(replica, model, version);
            return self.model_loaded(replica, model, version, autoscaled);
        }
        let agent = self.agent_mut(replica);
        if !agent.acts {
            return agent.waiting_loads.push((model, version, autoscaled));
        }
        agent.downloads.push((model, version));
        let state = &mut self.seldon_mut().models[model];
        let nth = state.loads;
        state.loads += 1;
        let (law, name) = (state.resource.spec.download.clone(), state.resource.spec.name.clone());
        let mut stream = self.streams.keyed(&format!("model/{name}/download"), nth);
        let takes = Span::from_drawn_secs(law.sample(&mut stream));
        self.step_after(takes, Step::Downloaded { replica, model, version, nth, autoscaled });
    }

    /// The artifact is on the disk: room is made, and the inference server loads it.
    pub(super) fn artifact_downloaded(
        &mut self,
        replica: ReplicaId,
        model: ModelId,
        version: u32,
        nth: u64,
        autoscaled: bool,
    ) {
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.connected) else { return };
        let Some(place) = agent.downloads.iter().position(|&other| other == (model, version)) else { return };
        agent.downloads.remove(place);
        if !self.make_room_for(replica, model, version) {
            return self.load_fails(replica, model, version);
        }
        let spec = &self.seldon_ref().models[model].resource.spec;
        let (law, name) = (spec.load.clone(), spec.name.clone());
        let mut stream = self.streams.keyed(&format!("model/{name}/load"), nth);
        let takes = Span::from_drawn_secs(law.sample(&mut stream));
        self.step_after(takes, Step::Loaded { replica, model, version, autoscaled });
    }

    fn make_room_for(&mut self, replica: ReplicaId, model: ModelId, version: u32) -> bool {
        let key = self.seldon_ref().key(model, version);
        let bytes = self.seldon_ref().models[model].resource.spec.required_memory_bytes();
        let mut evicted = std::mem::take(&mut self.seldon_mut().evicted);
        evicted.clear();
        let load = self.agent_mut(replica).memory.load(key, bytes, &mut evicted);
        self.seldon_mut().evicted = evicted;
        load != Load::NoRoom
    }

    fn load_fails(&mut self, replica: ReplicaId, model: ModelId, version: u32) {
        let now = self.now;
        let agent = self.agent_mut(replica);
        let (at, available) = (agent.holding(model, version), agent.memory.available_for_scheduler_bytes());
        let name = self.seldon_ref().models[model].resource.spec.name.clone();
        let text = format!("Could not be loaded on {}", self.replicas[replica].name);
        self.say(&format!("model/{name}"), "seldon", true, "LoadFailed", &text);
        self.ask_scheduler(|scheduler, pack, effects| {
            scheduler.load_failed(now, at, available, pack, effects);
        });
    }

    /// The inference server has it.
    pub(super) fn model_loaded(&mut self, replica: ReplicaId, model: ModelId, version: u32, autoscaled: bool) {
        let now = self.now;
        let key = self.seldon_ref().key(model, version);
        let instances = self.seldon_ref().models[model].resource.spec.instances;
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.connected) else { return };
        if agent.memory.residence(key) == Residence::Absent {
            return; // unloaded meanwhile
        }
        if agent.draining {
            // A draining agent turns a load that comes to its end into a failure.
            agent.memory.load_failed(key);
            return self.load_fails(replica, model, version);
        }
        agent.memory.loaded(key);
        agent.lag.loaded(key, now, autoscaled);
        let (at, available) = (agent.holding(model, version), agent.memory.available_for_scheduler_bytes());
        self.ask_scheduler(|scheduler, _, effects| {
            scheduler.loaded(now, at, available, instances, effects);
        });
    }

    /// The grace of an unload is over.
    pub(super) fn model_unloads(&mut self, replica: ReplicaId, model: ModelId, version: u32) {
        let now = self.now;
        let key = self.seldon_ref().key(model, version);
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.connected) else { return };
        agent.waiting_loads.retain(|&(other, number, _)| (other, number) != (model, version));
        agent.downloads.retain(|&other| other != (model, version));
        agent.memory.unload(key);
        agent.lag.unloaded(key);
        let (at, available) = (agent.holding(model, version), agent.memory.available_for_scheduler_bytes());
        let reload = agent.reloads.iter().position(|reload| reload.key == key);
        if let Some(mut reload) = reload.map(|place| agent.reloads.remove(place)) {
            while let Some(slot) = reload.waiting.pop(&mut self.requests) {
                self.waits_no_longer(slot, self.requests[slot].pool);
                self.call_failed(slot, Outcome::Rejected);
            }
        }
        self.ask_scheduler(|scheduler, pack, effects| {
            scheduler.unloaded(now, at, available, pack, effects);
        });
    }

    /// An agent looks at its models.
    pub(in super::super) fn agent_ticks(&mut self, replica: ReplicaId, epoch: Epoch) {
        let now = self.now;
        let mut ticks = std::mem::take(&mut self.seldon_mut().ticks);
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.epoch == epoch) else {
            self.seldon_mut().ticks = ticks;
            return;
        };
        ticks.clear();
        agent.lag.tick(now, &mut ticks);
        let period = agent.lag.settings().period;
        self.queue.push(now + period, Event::AgentTicks { replica, epoch });
        for &event in &ticks {
            let (model, version) = self.seldon_ref().model_of(event.model());
            self.lag_trigger(replica, model, version, event);
        }
        self.seldon_mut().ticks = ticks;
    }

    /// The hooks of the three containers have called, within a short time of one another.
    pub(in super::super) fn hooks_call_agent(&mut self, replica: ReplicaId) {
        let window = self.seldon_ref().core.agent.prestop_window;
        self.step_after(window, Step::Drains { replica });
    }

    /// The agent tells the scheduler that its pod is going.
    pub(super) fn agent_drains(&mut self, replica: ReplicaId) {
        let now = self.now;
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.connected) else { return };
        agent.draining = true;
        let at = agent.whereabouts();
        let settle = self.seldon_ref().core.scheduler.drain_settle;
        self.ask_scheduler(|scheduler, _, effects| {
            scheduler.replica_drain(now, at, effects);
        });
        self.step_after(settle, Step::MovesModels { replica });
    }

    /// The scheduler finds other places for what is on a draining replica.
    pub(super) fn models_move(&mut self, replica: ReplicaId) {
        let now = self.now;
        let Some(agent) = self.replicas[replica].agent.as_ref().filter(|agent| agent.connected) else { return };
        let at = agent.whereabouts();
        self.ask_scheduler(|scheduler, _, effects| {
            scheduler.move_drained(now, at, effects);
        });
        self.look_if_drained(replica);
    }

    /// The pod may stop when whatever could be placed elsewhere is available there, and Envoys have had their time.
    pub(super) fn look_if_drained(&mut self, replica: ReplicaId) {
        /// Routes change in batches of this length: nobody becomes available in between.
        const BETWEEN_LOOKS: Span = Span::from_millis(250);
        let Some(agent) = self.replicas[replica].agent.as_ref().filter(|agent| agent.connected) else { return };
        let at = agent.whereabouts();
        if self.seldon_ref().scheduler.drained(at) {
            let extra = self.seldon_ref().core.scheduler.drain_extra;
            self.step_after(extra, Step::Stops { replica });
        } else {
            self.step_after(BETWEEN_LOOKS, Step::LooksIfDrained { replica });
        }
    }

    /// The hooks are done: the container is told to stop.
    pub(super) fn drained_pod_stops(&mut self, replica: ReplicaId) {
        self.agent_leaves(replica);
        self.stops(replica);
    }

    /// The agent's stream closes: at the end of a drain, or because it died.
    pub(in super::super) fn agent_leaves(&mut self, replica: ReplicaId) {
        let now = self.now;
        let Some(agent) = self.replicas[replica].agent.as_mut().filter(|agent| agent.connected) else { return };
        agent.connected = false;
        agent.epoch = agent.epoch.wrapping_add(1);
        agent.waiting_loads.clear();
        agent.downloads.clear();
        let at = agent.whereabouts();
        self.ask_scheduler(|scheduler, _, effects| {
            scheduler.replica_disconnect(now, at, effects);
        });
        self.rebuild_routes();
    }

    /// A pod is gone: what its agent went through stays on record.
    pub(in super::super) fn agent_ends(&mut self, replica: ReplicaId) {
        self.agent_leaves(replica);
        if let Some(agent) = self.replicas[replica].agent.take() {
            self.seldon_mut().servers[agent.server].past.add(agent.memory.counts());
        }
    }

    /// The first time at which Envoys resolve the name of this replica's pod, if it has an agent there.
    pub(super) fn resolves_at(&self, replica: ReplicaId) -> SimTime {
        self.replicas[replica].agent.as_ref().map_or(SimTime::NEVER, |agent| agent.resolves)
    }
}

impl Agent {
    /// A response has left.
    pub(super) fn answered(&mut self, key: ModelId) {
        if self.infers.len() <= key.index() {
            self.infers.resize(key.index() + 1, 0);
        }
        self.infers[key.index()] += 1;
    }

    /// What Prometheus finds: a counter of each model that was ever asked for, its versions taken together.
    pub(in super::super) fn show(&self, models: usize, page: &mut Page) {
        for model in 0..models.min(self.infers.len()) {
            let infers: u64 = self.infers.iter().skip(model).step_by(models).sum();
            if infers > 0 {
                page.number(Series::Infers(ModelId::from_index(model)), infers as f64);
            }
        }
    }

    /// Which replica of which server.
    const fn whereabouts(&self) -> (ServerId, u32) {
        (self.server, self.ordinal)
    }

    const fn holding(&self, model: ModelId, version: u32) -> ModelReplica {
        ModelReplica { model, version, server: self.server, replica: self.ordinal }
    }
}
