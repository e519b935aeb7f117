//! The control plane: what the scheduler wants becomes loads, unloads, route updates and sizes of servers, each in its own
//! time; people, HPAs and faults change resources.
//!
//! Rules: the operator applies a resource that is valid and refuses one that is not (`operator/internal/utils.go`); it
//! follows a wish of the scheduler only within the Server's bounds; Envoys are updated in batches
//! (`scheduler/pkg/envoy/processor/incremental.go`).

use super::super::Sim;
use super::super::event::Event;
use super::{Publication, Route, Seldon, Step, Told};
use crate::record::Recorder;
use crate::scalers::{MetricStep, Report, Trail, Why};
use crate::scenario::{SeldonModel, SeldonServer};
use crate::seldon::lag::LagEvent;
use crate::seldon::model::{ModelDefinition, ModelRequest};
use crate::seldon::scheduler::{Effect, NotApplied, Scheduler};
use crate::seldon::server::ServerCounts;
use crate::seldon::spec::{CoreSpec, EffectiveScaling, ScalingError};
use crate::seldon::state::{ReplicaCounts, Unplaced};
use crate::seldon::trigger::{Direction, Refusal};
use crate::serving::{Balancer, BalancerSpec};
use crate::units::{ModelId, ReplicaId, ServerId, SimTime, Span};
use rand::RngExt;

/// Envoy's LEAST_REQUEST looks at two endpoints.
const ENVOY_BALANCER: BalancerSpec = BalancerSpec::LeastRequest { choices: 2 };

impl Seldon {
    /// What the operator makes of a Model's numbers.
    pub(in super::super) fn effective_model(&self, model: ModelId) -> Result<EffectiveScaling, ScalingError> {
        let state = &self.models[model];
        let mut scaling = state.resource.spec.scaling;
        scaling.replicas = state.spec_replicas;
        scaling.effective(self.core.version)
    }

    fn request_of(&self, model: ModelId, scaling: EffectiveScaling) -> ModelRequest {
        let resource = &self.models[model].resource;
        ModelRequest {
            definition: ModelDefinition {
                artifact: resource.spec.name.clone(),
                memory_bytes: resource.spec.required_memory_bytes(),
                requirements: resource.spec.requirements.clone(),
                server: resource.server,
                explainer: resource.spec.explainer,
            },
            counts: ReplicaCounts { wanted: scaling.replicas, min: scaling.min, max: scaling.max },
        }
    }
}

impl<R: Recorder> Sim<'_, R> {
    /// Servers, models and routes as they have been for an hour: what was asked for long ago is done when the run begins.
    pub(in super::super) fn begin_seldon(&mut self) {
        if self.seldon.is_none() {
            return;
        }
        self.seldon_mut().settling = true;
        for server in self.seldon_ref().servers.ids() {
            let pool = self.seldon_ref().servers[server].resource.pool;
            self.notify_scheduler(server);
            self.establish_agents(pool, server);
        }
        for model in self.seldon_ref().models.ids() {
            self.apply_model(model);
            self.publish_routes();
        }
        self.publish_routes();
        let seldon = self.seldon_mut();
        seldon.settling = false;
        seldon.publication = Publication::default();
        for (_, model) in self.seldon_mut().models.iter_mut() {
            model.told = Told::default();
        }
        self.tell_of_models();
    }

    /// Lets the scheduler act, and sees to what it wants. Packing is drawn for whatever it may decide about a server.
    pub(super) fn ask_scheduler(&mut self, act: impl FnOnce(&mut Scheduler, bool, &mut Vec<Effect>)) {
        let seldon = self.seldon_mut();
        let pack = seldon.packing.random::<f64>() < seldon.core.packing_probability();
        act(&mut seldon.scheduler, pack, &mut seldon.effects);
        self.scheduler_acted();
    }

    /// The scheduler has acted: requests reach agents, wishes the operator, and Envoys will hear of it.
    fn scheduler_acted(&mut self) {
        let now = self.now;
        loop {
            let seldon = self.seldon_mut();
            seldon.scheduler.sync_agents(now, &mut seldon.effects);
            if seldon.effects.is_empty() {
                break;
            }
            let mut effects = std::mem::take(&mut seldon.effects);
            for effect in effects.drain(..) {
                self.carry_out(effect);
            }
            let seldon = self.seldon_mut();
            if seldon.effects.is_empty() {
                seldon.effects = effects; // the buffer, to be used again
            }
        }
        self.arm_publication();
        if !self.seldon_ref().settling {
            self.tell_of_models();
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Load { replica: at, autoscaled } => {
                if let Some(replica) = self.replica_at(at.server, at.replica) {
                    self.agent_loads(replica, at.model, at.version, autoscaled);
                }
            }
            Effect::Unload { replica: at } => {
                if let Some(replica) = self.replica_at(at.server, at.replica) {
                    let (model, version) = (at.model, at.version);
                    if self.seldon_ref().settling {
                        return self.model_unloads(replica, model, version);
                    }
                    let grace = self.seldon_ref().core.agent.unload_grace;
                    self.step_after(grace, Step::Unloads { replica, model, version });
                }
            }
            Effect::AskServer { server, direction, replicas: Some(replicas) } => {
                self.server_wish(server, direction, replicas);
            }
            Effect::AskDropped { server, model } => {
                let figures = self.seldon_ref().scheduler.figures(server);
                if figures.is_none_or(|figures| crate::seldon::server_scaling::scale_up(&figures).is_none()) {
                    return; // it would have come to nothing anyway
                }
                let object = self.model_object(model);
                let server = &self.seldon_ref().servers[server].resource.spec.name;
                let text = format!(
                    "Retries ask for no more replicas of server {server}: the model waits for another reason to be placed"
                );
                self.say(&object, "seldon", true, "ScaleUpDropped", &text);
            }
            Effect::Unplaced { model, reason } => {
                let object = self.model_object(model);
                let text = match reason {
                    Unplaced::NoMatchingServer => "No server is connected, wanted and capable enough",
                    Unplaced::NotEnoughReplicas => "Not enough server replicas have room",
                };
                self.say(&object, "seldon", true, "ScheduleFailed", text);
            }
            Effect::AskServer { replicas: None, .. } | Effect::StateChanged { .. } => {}
        }
    }

    fn model_object(&self, model: ModelId) -> String {
        format!("model/{}", self.seldon_ref().models[model].resource.spec.name)
    }

    /// Something befalls one replica of a server.
    pub(in super::super) fn server_fault(&mut self, server: ServerId, ordinal: u32, reason: &'static str, text: &str) {
        let name = &self.seldon_ref().servers[server].resource.spec.name;
        let object = format!("pod/{name}-{ordinal}");
        self.say(&object, "fault", true, reason, text);
    }

    fn server_object(&self, server: ServerId) -> String {
        format!("server/{}", self.seldon_ref().servers[server].resource.spec.name)
    }

    /// The scheduler wishes for more or fewer replicas of a server; the operator hears of it.
    fn server_wish(&mut self, server: ServerId, direction: Direction, replicas: u32) {
        let pool = self.seldon_ref().servers[server].resource.pool;
        let desired = self.pools[pool].desired;
        let object = self.server_object(server);
        let up = direction == Direction::Up;
        if up && replicas <= desired {
            let wanted = self.seldon_ref().scheduler.largest_wanted(server);
            if wanted > desired {
                let text = format!(
                    "A model wants {wanted} replicas; the server has {desired} and its maxReplicas allows no more"
                );
                self.say(&object, "scale", true, "AtMaxReplicas", &text);
            }
            return;
        }
        if replicas != desired {
            let text = format!("The scheduler asks for {replicas} replicas, now {desired}");
            self.say(&object, "scale", false, if up { "ScaleUp" } else { "ScaleDown" }, &text);
            let delay = self.control_delay();
            self.step_after(delay, Step::ResizeServer { server, replicas });
        }
    }

    /// Operator and API server take their time.
    fn control_delay(&mut self) -> Span {
        let seldon = self.seldon_mut();
        Span::from_drawn_secs(seldon.core.control_delay.sample(&mut seldon.delays))
    }

    /// The operator follows a wish of the scheduler, within the Server's bounds.
    pub(super) fn resize_server(&mut self, server: ServerId, replicas: u32) {
        let resource = &self.seldon_ref().servers[server].resource;
        let pool = resource.pool;
        let mut scaling = resource.spec.scaling;
        scaling.replicas = Some(self.pools[pool].desired);
        let Ok(bounds) = scaling.effective(self.seldon_ref().core.version) else { return };
        let most = if bounds.max == 0 { u32::MAX } else { bounds.max };
        if (bounds.min..=most).contains(&replicas) && replicas != self.pools[pool].desired {
            self.pools[pool].desired = replicas;
            self.reconcile_server(server);
        }
    }

    /// Somebody has written `spec.replicas` of a Server: the operator sees it some time later.
    pub(in super::super) fn server_written(&mut self, server: ServerId, wait: Span) {
        let delay = self.control_delay();
        self.step_after(wait + delay, Step::ReconcileServer { server });
    }

    /// The operator brings a Server resource into effect: first the StatefulSet, then the scheduler's knowledge.
    pub(super) fn reconcile_server(&mut self, server: ServerId) {
        if self.notify_scheduler(server) {
            let pool = self.seldon_ref().servers[server].resource.pool;
            self.queue.push(self.now, Event::ScaleApplied { pool });
        }
    }

    /// The scheduler hears of a server's numbers. False: the operator refuses the resource.
    pub(super) fn notify_scheduler(&mut self, server: ServerId) -> bool {
        let resource = &self.seldon_ref().servers[server].resource;
        let mut scaling = resource.spec.scaling;
        scaling.replicas = Some(self.pools[resource.pool].desired);
        match scaling.effective(self.seldon_ref().core.version) {
            Ok(effective) => {
                let counts = ServerCounts { expected: effective.replicas, min: effective.min, max: effective.max };
                self.ask_scheduler(|scheduler, _, _| scheduler.server_notify(server, counts));
                true
            }
            Err(error) => {
                let object = self.server_object(server);
                self.say(&object, "seldon", true, "NotApplied", &error.to_string());
                false
            }
        }
    }

    /// Somebody has written `spec.replicas` of a Model: the operator sees it some time later.
    pub(in super::super) fn model_written(&mut self, model: ModelId, replicas: u32, wait: Span) {
        self.seldon_mut().models[model].spec_replicas = Some(replicas);
        let delay = self.control_delay();
        self.step_after(wait + delay, Step::ApplyModel { model });
    }

    /// The operator passes a Model resource on to the scheduler.
    pub(super) fn apply_model(&mut self, model: ModelId) {
        let now = self.now;
        match self.seldon_ref().effective_model(model) {
            Err(error) => {
                let object = self.model_object(model);
                self.say(&object, "seldon", true, "NotApplied", &error.to_string());
            }
            Ok(scaling) => {
                let request = self.seldon_ref().request_of(model, scaling);
                let mut answer = Ok(());
                self.ask_scheduler(|scheduler, _, effects| {
                    answer = scheduler.model_apply(now, model, request, effects)
                });
                if answer == Err(NotApplied::DeletionInProgress) {
                    let object = self.model_object(model);
                    self.say(&object, "seldon", true, "NotApplied", "A model of this name is still being deleted");
                }
            }
        }
    }

    /// An agent's wish for one replica of a model more or fewer.
    pub(super) fn lag_trigger(&mut self, agent: ReplicaId, model: ModelId, version: u32, event: LagEvent) {
        let now = self.now;
        let direction = match event {
            LagEvent::Up { .. } => Direction::Up,
            LagEvent::Down { .. } => Direction::Down,
        };
        let before = self.wanted(model);
        let mut answer = Err(Refusal::UnknownModel);
        self.ask_scheduler(|scheduler, _, effects| {
            answer = scheduler.scaling_trigger(now, model, version, direction, effects).map(|scaled| scaled.wanted);
        });
        let report = self.lag_report(agent, event, before, answer);
        match self.scaler_of_model(model) {
            Some(scaler) => {
                let truth = self.truth(scaler);
                self.recorder.decision(self.now, scaler, &report, &truth);
            }
            None if answer.is_ok() => {
                let object = self.model_object(model);
                let text = format!("Inference lag changes its replicas from {before} to {}", self.wanted(model));
                self.say(&object, "scale", false, "ScaledByLag", &text);
            }
            None => {}
        }
    }

    fn lag_report(&self, agent: ReplicaId, event: LagEvent, before: u32, answer: Result<u32, Refusal>) -> Report {
        let settings = &self.seldon_ref().core.agent;
        let pod = &self.replicas[agent].name;
        let (metric, seen, target, why) = match event {
            LagEvent::Up { lag, .. } => {
                ("inference_lag", f64::from(lag), f64::from(settings.model_inference_lag_threshold), Why::Lag)
            }
            LagEvent::Down { last_used_s, .. } => {
                let idle = (self.now.as_nanos() / 1_000_000_000).saturating_sub(last_used_s);
                ("idle_seconds", idle as f64, settings.model_inactive_threshold_s as f64, Why::Inactive)
            }
        };
        let asked = if why == Why::Lag { before.saturating_add(1) } else { before.saturating_sub(1) };
        let refused = answer.err();
        let why_not = refused.map(|refusal| match refusal {
            Refusal::AboveMax => Why::MaxReplicas,
            Refusal::BelowMin => Why::MinReplicas,
            Refusal::CoolingDown => Why::CoolingDown,
            Refusal::NotAvailableLatest | Refusal::VersionMismatch => Why::NotAvailable,
            Refusal::AutoscalingOff | Refusal::UnknownModel | Refusal::Restarting => Why::Failed,
        });
        let detail = format!("replica={pod}{}", refused.map(|r| format!(";refused={}", r.name())).unwrap_or_default());
        let decided = answer.unwrap_or(before);
        Report {
            metrics: vec![MetricStep {
                metric: metric.to_owned(),
                seen: Some(seen),
                target: Some(target),
                seen_at: Some(self.now),
                raw: Some(asked),
                proposal: Some(asked),
                why: Some(why),
                detail: detail.clone(),
            }],
            trail: Trail {
                now: Some(before),
                proposal: Some(asked),
                after_bounds: Some(decided),
                decided: Some(decided),
                scaled: decided != before,
                why: vec![why_not.unwrap_or(why)],
                detail,
                ..Trail::default()
            },
            ..Report::default()
        }
    }

    /// Replicas that a model wants by now.
    pub(in super::super) fn wanted(&self, model: ModelId) -> u32 {
        self.seldon_ref().scheduler.model(model).map_or(0, |model| model.latest().counts().wanted)
    }

    /// Envoys hear of changes at once if the last update is long enough ago, and else in a batch.
    fn arm_publication(&mut self) {
        let now = self.now;
        let seldon = self.seldon_mut();
        if seldon.settling || !seldon.scheduler.routes_stale() || seldon.publication.due.is_some() {
            return;
        }
        let batch = seldon.core.envoy.update_batch;
        let publication = &mut seldon.publication;
        let waited = publication.last.is_none_or(|last| now.since(last) > batch);
        let at = if waited { now } else { now + batch };
        let at = at.max(publication.not_before);
        publication.due = Some(at);
        self.queue.push(at, Event::RoutesPublished);
    }

    /// An update of Envoys is due.
    pub(in super::super) fn routes_published(&mut self) {
        let now = self.now;
        let publication = &mut self.seldon_mut().publication;
        if publication.due != Some(now) {
            return; // put off meanwhile
        }
        publication.due = None;
        publication.last = Some(now);
        self.publish_routes();
    }

    /// Envoys get the routes of all models.
    pub(super) fn publish_routes(&mut self) {
        let now = self.now;
        self.ask_scheduler(|scheduler, _, effects| scheduler.sync_routes(now, effects));
        self.rebuild_routes();
    }

    pub(super) fn rebuild_routes(&mut self) {
        let mut next = SimTime::NEVER;
        for model in self.seldon_ref().models.ids() {
            let seldon = self.seldon_ref();
            let home = seldon.scheduler.model(model).and_then(|model| model.latest().server());
            let mut routes = Vec::with_capacity(2);
            for route in seldon.scheduler.routes(model) {
                let mut balancer = Balancer::new(ENVOY_BALANCER);
                for &ordinal in &route.replicas {
                    let Some(replica) = self.replica_at(route.server, ordinal) else { continue };
                    let resolves = self.resolves_at(replica);
                    if resolves <= self.now {
                        balancer.join(replica);
                    } else {
                        next = next.min(resolves);
                    }
                }
                routes.push(Route { version: route.version, weight: route.weight_percent, balancer });
            }
            // A cluster whose only endpoints do not resolve yet takes its share nevertheless; an empty route takes nothing.
            routes.retain(|route| !route.balancer.endpoints().is_empty());
            let home = home.map(|server| seldon.servers[server].resource.pool);
            let state = &mut self.seldon_mut().models[model];
            state.routes = routes;
            state.home = home.unwrap_or(state.home);
        }
        if next != SimTime::NEVER {
            self.step_after(next.since(self.now), Step::Resolves);
        }
    }

    /// What has changed about models since the record was told last.
    fn tell_of_models(&mut self) {
        for model in self.seldon_ref().models.ids() {
            let seldon = self.seldon_ref();
            let Some(seen) = seldon.scheduler.model(model) else { continue };
            let latest = seen.latest();
            let told = Told {
                state: latest.status().state.name(),
                server: latest.server(),
                wanted: latest.counts().wanted,
                available: latest.status().available,
            };
            let before = std::mem::replace(&mut self.seldon_mut().models[model].told, told);
            if before == told {
                continue;
            }
            let object = self.model_object(model);
            let server = told.server.map(|server| self.seldon_ref().servers[server].resource.spec.name.clone());
            let text = format!(
                "{}: wants {}, {} available{}",
                told.state,
                told.wanted,
                told.available,
                server.map(|server| format!(" on {server}")).unwrap_or_default()
            );
            let warning = matches!(told.state, "ScheduleFailed" | "ModelFailed");
            self.say(&object, "seldon", warning, told.state, &text);
        }
    }

    /// A Model resource is edited.
    pub(in super::super) fn change_model(&mut self, model: ModelId, resource: &SeldonModel) {
        let state = &mut self.seldon_mut().models[model];
        let scaler_changed = state.resource.scaler != resource.scaler;
        // A later edit of the resource brings its own replicas along, whatever lag made of them.
        state.spec_replicas = resource.spec.scaling.replicas;
        state.resource = resource.clone();
        self.renew_demand_of(model);
        if scaler_changed {
            self.amend_model(model);
        }
        let delay = self.control_delay();
        self.step_after(delay, Step::ApplyModel { model });
    }

    /// A Server resource is edited.
    pub(in super::super) fn change_server(&mut self, server: ServerId, resource: &SeldonServer) {
        self.seldon_mut().servers[server].resource = resource.clone();
        self.server_written(server, Span::ZERO);
    }

    /// Helm values change: agents that are subscribed keep what they started with, as their pods do.
    pub(in super::super) fn change_core(&mut self, core: &CoreSpec) {
        let seldon = self.seldon_mut();
        seldon.core = core.clone();
        seldon.scheduler.set_settings(super::scheduler_settings(core));
    }

    /// The scheduler's process ends and comes back: traffic goes on by the last routes, decisions wait.
    pub(in super::super) fn restart_scheduler(&mut self) {
        let wait = self.seldon_ref().core.scheduler.servers_wait;
        let seldon = self.seldon_mut();
        seldon.scheduler.restart();
        seldon.publication.due = None;
        seldon.restarts += 1;
        let restart = seldon.restarts;
        for server in self.seldon_ref().servers.ids() {
            let delay = self.control_delay();
            self.step_after(delay, Step::NotifyServer { server });
        }
        let (first, longest) =
            (self.seldon_ref().core.scheduler.reconnect_first, self.seldon_ref().core.scheduler.reconnect_longest);
        let agents: Vec<ReplicaId> =
            self.replicas.iter().filter(|(_, state)| state.agent_connected()).map(|(id, _)| id).collect();
        for replica in agents {
            let ordinal = self.replicas[replica].ordinal;
            let path = format!("pool/{}/reconnect/{restart}", self.pools[self.replicas[replica].pool].spec.name);
            let luck = self.streams.keyed(&path, ordinal).random::<f64>();
            let wait = Span::from_drawn_secs(
                first.as_secs_f64() + luck * (longest.as_secs_f64() - first.as_secs_f64()).max(0.0),
            );
            self.step_after(wait, Step::Reconnects { replica });
        }
        self.step_after(wait, Step::SchedulerResumes { restart });
    }

    /// An agent has reported to a restarted scheduler: was it the last one that was waited for?
    pub(super) fn resume_if_complete(&mut self) {
        let seldon = self.seldon_ref();
        let complete = seldon.servers.ids().all(|server| {
            seldon.scheduler.server(server).is_some_and(|known| {
                known.counts().is_some_and(|counts| known.replicas().len() >= counts.expected as usize)
            })
        });
        if seldon.scheduler.restarting() && complete {
            let restart = seldon.restarts;
            self.scheduler_resumes(restart);
        }
    }

    /// All agents are there, or waiting is over: decisions are taken again, and Envoys get routes some time later.
    pub(super) fn scheduler_resumes(&mut self, restart: u64) {
        let now = self.now;
        let seldon = self.seldon_mut();
        if !seldon.scheduler.restarting() || seldon.restarts != restart {
            return;
        }
        seldon.publication.not_before = now + seldon.core.scheduler.routes_wait;
        seldon.scheduler.resume();
        self.say("scheduler", "seldon", false, "Resumed", "The scheduler decides again");
        for model in self.seldon_ref().models.ids() {
            self.apply_model(model);
        }
    }
}
