//! Scalers wake and decide; people and faults interfere.

use super::api::View;
use super::event::{Epoch, Event};
use super::pods::{number_of, object_of, reference_cores};
use super::{Sim, WALL_AT_ZERO};
use crate::record::{Happening, Recorder, Truth};
use crate::scalers::hpa::spec::CrossVersionObjectReference;
use crate::scalers::registry::{self, Placement};
use crate::scalers::{HpaControllerSpec, Report, ScalerSpec, Seated, Wake};
use crate::scenario::{EventChange, Fault, LoadTarget, PoolSpec};
use crate::units::{Id, ModelId, Phase, PoolId, ScalerId, SimTime, Span};
use rand::Rng;
use rand::RngExt;

/// API group and version of Models and Servers.
const SELDON_API: &str = "mlops.seldon.io/v1alpha1";

/// A scaler at work.
pub(super) struct ScalerState {
    /// Taken out while it makes a pass.
    seat: Option<Box<dyn Seated>>,
    pub target: ScaleTarget,
    epoch: Epoch,
    wakes: SimTime,
    /// Totals of its pool at its last pass.
    marks: Marks,
}

/// What a scaler sets the size of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScaleTarget {
    /// A workload, or a Server.
    Pool(PoolId),
    /// A Model.
    Model(ModelId),
}

/// Totals of a pool at one instant, to take differences from.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    at: SimTime,
    cpu_core_s: f64,
    cpu_requested_core_s: f64,
    offered: u64,
    failed: u64,
    work_s: f64,
}

impl<R: Recorder> Sim<'_, R> {
    pub(super) fn begin_scalers(&mut self) {
        for pool in self.pools.ids() {
            let spec = self.pools[pool].spec.clone();
            let mut target = target_of(&spec);
            if self.server_of(pool).is_some() {
                (target.api_version, target.kind) = (SELDON_API.to_owned(), "Server".to_owned());
            }
            self.seat(ScaleTarget::Pool(pool), &spec.scaler, target);
        }
        let models: Vec<(ModelId, ScalerSpec, String)> = self.seldon.as_ref().map_or_else(Vec::new, |seldon| {
            let models = seldon.models.iter();
            models.map(|(id, model)| (id, model.resource.scaler.clone(), model.resource.spec.name.clone())).collect()
        });
        for (model, scaler, name) in models {
            let target =
                CrossVersionObjectReference { api_version: SELDON_API.to_owned(), kind: "Model".to_owned(), name };
            self.seat(ScaleTarget::Model(model), &scaler, target);
        }
    }

    /// Puts a scaler to work. Agents do a lag-scaled model's work: it has a number for the record, and no seat.
    fn seat(&mut self, of: ScaleTarget, spec: &ScalerSpec, target: CrossVersionObjectReference) {
        let name = target.name.clone();
        let first = match spec {
            ScalerSpec::Hpa(hpa) => self.first_sync(hpa.phase, &name),
            ScalerSpec::Fixed | ScalerSpec::Schedule(_) | ScalerSpec::SeldonLag => Span::ZERO,
        };
        let place = Placement {
            name,
            target,
            begins: SimTime::ZERO + WALL_AT_ZERO,
            first: SimTime::ZERO + WALL_AT_ZERO + first,
        };
        let seated = registry::seat(spec, &self.controller, place);
        if seated.is_none() && *spec != ScalerSpec::SeldonLag {
            return;
        }
        let (seat, wake) = seated.map_or((None, Wake::Keep), |(seat, wake)| (Some(seat), wake));
        let scaler = self.scalers.push(ScalerState {
            seat,
            target: of,
            epoch: 0,
            wakes: SimTime::NEVER,
            marks: Marks::default(),
        });
        self.agree(scaler, wake);
    }

    /// The scaler of a model, if it has one.
    pub(super) fn scaler_of_model(&self, model: ModelId) -> Option<ScalerId> {
        self.scalers.iter().find(|(_, state)| state.target == ScaleTarget::Model(model)).map(|(id, _)| id)
    }

    /// Uniform over (0, sync period] where nobody says otherwise.
    fn first_sync(&self, phase: Phase, name: &str) -> Span {
        match phase {
            Phase::At(at) => at,
            Phase::Random => {
                let uniform = 1.0 - self.streams.named(&format!("scaler/{name}/phase")).random::<f64>();
                Span::from_drawn_secs(uniform * self.controller.sync_period.as_secs_f64())
            }
        }
    }

    /// The scaler has said when to call it next.
    fn agree(&mut self, scaler: ScalerId, wake: Wake) {
        let Wake::At(wall) = wake else { return };
        let at = (SimTime::ZERO + wall.saturating_since(SimTime::ZERO + WALL_AT_ZERO)).max(self.now);
        let state = &mut self.scalers[scaler];
        state.epoch = state.epoch.wrapping_add(1);
        state.wakes = at;
        let epoch = state.epoch;
        self.queue.push(at, Event::ScalerWakes { scaler, epoch });
        self.foresee(at);
    }

    /// The cheap pipeline must look back from every pass: also from those that are due before the next pass has come.
    fn foresee(&mut self, next: SimTime) {
        for pool in self.pools.ids() {
            if !self.is_looked_at(pool) {
                continue;
            }
            let spec = self.delay_of(pool);
            let reach = (self.now + spec.delay + spec.window + self.controller.sync_period).min(self.end);
            let mut at = next;
            while at <= reach {
                self.arm_samples(pool, at);
                at += self.controller.sync_period;
            }
            self.arm_samples(pool, at);
        }
    }

    /// A scaler makes a pass.
    pub(super) fn scaler_wakes(&mut self, scaler: ScalerId, epoch: Epoch) {
        if self.scalers[scaler].epoch != epoch {
            return;
        }
        let target = self.scalers[scaler].target;
        let mut seat = self.scalers[scaler].seat.take().expect("a scaler is back from its last pass");
        let wall = self.wall();
        let mut view = View::new(self, target);
        let wake = seat.reconcile(wall, &mut view).later(view.waited());
        let truth = self.truth(scaler);
        let report = on_the_runs_clock(seat.report());
        if let ScaleTarget::Pool(pool) = target
            && let Some(step) = report.metrics.iter().find(|step| step.metric == "cpu")
            && let Some(seen) = step.seen
        {
            self.perception.saw(pool, seen, step.seen_at);
        }
        self.recorder.decision(self.now, scaler, &report, &truth);
        self.scalers[scaler].seat = Some(seat);
        self.agree(scaler, wake);
    }

    /// How things really are, since the scaler's last pass.
    pub(super) fn truth(&mut self, scaler: ScalerId) -> Truth {
        let pool = match self.scalers[scaler].target {
            ScaleTarget::Pool(pool) => pool,
            ScaleTarget::Model(model) => return self.truth_of_model(scaler, model),
        };
        for place in 0..self.pools[pool].members.len() {
            let replica = self.pools[pool].members[place];
            self.book(replica);
        }
        let state = &self.pools[pool];
        let before = self.scalers[scaler].marks;
        let now = Marks {
            at: self.now,
            cpu_core_s: state.books.cpu_core_s,
            cpu_requested_core_s: state.books.cpu_requested_core_s,
            offered: state.offered,
            failed: state.ended.failed,
            work_s: state.work_s,
        };
        let elapsed = now.at.since(before.at).as_secs_f64();
        let requested = now.cpu_requested_core_s - before.cpu_requested_core_s;
        let per_second = |count: u64| if elapsed > 0.0 { count as f64 / elapsed } else { 0.0 };
        let ready = state.members.iter().filter(|&&replica| self.replicas[replica].life.is_ready()).count();
        let truth = Truth {
            pool: number_of(pool),
            model: None,
            utilization: (requested > 0.0).then(|| (now.cpu_core_s - before.cpu_core_s) / requested),
            needed: if elapsed > 0.0 { needed(&state.spec, (now.work_s - before.work_s) / elapsed) } else { None },
            offered_rps: per_second(now.offered - before.offered),
            queue: state.waiting,
            ready: u32::try_from(ready).unwrap_or(u32::MAX),
            failed_rps: per_second(now.failed - before.failed),
        };
        self.scalers[scaler].marks = now;
        truth
    }

    /// How things really are with a model, since its scaler's last pass.
    fn truth_of_model(&mut self, scaler: ScalerId, model: ModelId) -> Truth {
        let before = self.scalers[scaler].marks;
        let seldon = self.seldon_ref();
        let state = &seldon.models[model];
        let now = Marks {
            at: self.now,
            offered: state.offered,
            failed: state.ended.failed,
            work_s: state.work_s,
            ..Marks::default()
        };
        let elapsed = now.at.since(before.at).as_secs_f64();
        let per_second = |count: u64| if elapsed > 0.0 { count as f64 / elapsed } else { 0.0 };
        let offered_rps = per_second(now.offered - before.offered);
        let truth = Truth {
            pool: number_of(state.home()),
            model: Some(model),
            utilization: None,
            needed: replicas_for(&state.resource.scaler, offered_rps),
            offered_rps,
            queue: state.waiting,
            ready: seldon.scheduler.model(model).map_or(0, |model| model.latest().status().available),
            failed_rps: per_second(now.failed - before.failed),
        };
        self.scalers[scaler].marks = now;
        truth
    }

    /// A user's `[[event]]`.
    pub(super) fn intervention(&mut self, number: u32) {
        let event = &self.scenario.events[number as usize];
        match &event.change {
            EventChange::Replicas(pool, replicas) => {
                let object = self.object(*pool);
                self.say(&object, "intervention", false, "Scaled", &event.text);
                self.set_size(*pool, *replicas);
            }
            EventChange::Pool(pool, spec) => {
                let object = self.object(*pool);
                self.say(&object, "intervention", false, "Changed", &event.text);
                self.change_pool(*pool, spec);
            }
            EventChange::LoadScale(load, scale) => {
                let object = format!("load/{}", self.scenario.loads[load.index()].name);
                self.say(&object, "intervention", false, "Changed", &event.text);
                self.loads[*load].arrivals.set_scale(self.now, *scale);
                self.loads[*load].armed = SimTime::NEVER;
                self.arm_load(*load);
            }
            EventChange::HpaController(controller) => {
                self.say("hpa-controller", "intervention", false, "Changed", &event.text);
                self.change_controller(controller);
            }
            EventChange::Fault(fault) => self.fault(*fault, number),
            EventChange::Model(model, resource) => {
                let object = format!("model/{}", resource.spec.name);
                self.say(&object, "intervention", false, "Changed", &event.text);
                self.change_model(*model, resource);
            }
            EventChange::ModelReplicas(model, replicas) => {
                let object = format!("model/{}", self.seldon_ref().models[*model].resource.spec.name);
                self.say(&object, "intervention", false, "Scaled", &event.text);
                self.model_written(*model, *replicas, Span::ZERO);
            }
            EventChange::Server(server, resource) => {
                let object = format!("server/{}", resource.spec.name);
                self.say(&object, "intervention", false, "Changed", &event.text);
                self.change_server(*server, resource);
            }
            EventChange::Core(core) => {
                self.say("core", "intervention", false, "Changed", &event.text);
                self.change_core(core);
            }
        }
    }

    /// How a pool is called in the record: a Server by its own kind.
    fn object(&self, pool: PoolId) -> String {
        let spec = &self.pools[pool].spec;
        if self.server_of(pool).is_some() { format!("server/{}", spec.name) } else { object_of(spec) }
    }

    pub(super) fn say(&mut self, object: &str, kind: &'static str, warning: bool, reason: &'static str, message: &str) {
        self.recorder.happened(self.now, &Happening { object, kind, warning, reason, message });
    }

    fn change_pool(&mut self, pool: PoolId, spec: &PoolSpec) {
        let scaler_changed = self.pools[pool].spec.scaler != spec.scaler;
        let desired = self.pools[pool].desired;
        self.pools[pool].spec = PoolSpec { replicas: desired, ..spec.clone() };
        for (number, load) in self.scenario.loads.iter().enumerate() {
            let id = crate::units::LoadId::from_index(number);
            if self.loads[id].target == LoadTarget::Pool(pool) {
                self.loads[id].law = super::work_of(load.demand.as_ref(), spec.service.as_ref());
            }
        }
        if scaler_changed {
            self.amend(pool);
        }
    }

    fn change_controller(&mut self, controller: &HpaControllerSpec) {
        self.controller = controller.clone();
        for pool in self.pools.ids() {
            self.amend(pool);
        }
        let models = self.seldon.as_ref().map_or(0, |seldon| seldon.models.len());
        for model in 0..models {
            self.amend_model(ModelId::from_index(model));
        }
    }

    /// The pool's scaler gets its spec anew; what it remembers stays.
    fn amend(&mut self, pool: PoolId) {
        let spec = &self.pools[pool].spec;
        let (name, spec) = (spec.name.clone(), spec.scaler.clone());
        self.amend_target(ScaleTarget::Pool(pool), &name, &spec);
    }

    /// The model's scaler gets its spec anew; what it remembers stays.
    pub(super) fn amend_model(&mut self, model: ModelId) {
        let resource = &self.seldon_ref().models[model].resource;
        let (name, spec) = (resource.spec.name.clone(), resource.scaler.clone());
        self.amend_target(ScaleTarget::Model(model), &name, &spec);
    }

    fn amend_target(&mut self, of: ScaleTarget, name: &str, spec: &ScalerSpec) {
        let Some(scaler) = self.scalers.iter().find(|(_, state)| state.target == of).map(|(id, _)| id) else { return };
        let wall = self.wall();
        let Some(seat) = self.scalers[scaler].seat.as_mut() else { return };
        let wake = registry::amend(seat.as_mut(), wall, name, spec, &self.controller);
        self.agree(scaler, wake);
    }

    /// Requests to a model bring its law's work; a load may have its own.
    pub(super) fn renew_demand_of(&mut self, model: ModelId) {
        let service = self.seldon_ref().models[model].resource.service.clone();
        for (number, load) in self.scenario.loads.iter().enumerate() {
            let id = crate::units::LoadId::from_index(number);
            if self.loads[id].target == LoadTarget::Model(model) {
                self.loads[id].law = super::work_of(load.demand.as_ref(), service.as_ref());
            }
        }
    }

    fn fault(&mut self, fault: Fault, number: u32) {
        let lasts = match fault {
            Fault::MetricsServerDown { lasts } => {
                self.say("metrics-server", "fault", true, "Down", "The metrics API does not answer");
                self.perception.server.up = false;
                Some(lasts)
            }
            Fault::PrometheusDown { lasts } => {
                self.say("prometheus", "fault", true, "Down", "Prometheus does not answer");
                if let Some(scraping) = &mut self.perception.scraping {
                    scraping.go_down();
                }
                Some(lasts)
            }
            Fault::KubeletSlow { pool, lasts, latency } => {
                let object = object_of(&self.pools[pool].spec);
                self.say(&object, "fault", true, "KubeletSlow", "Kubelets of these pods answer late");
                self.perception.slow_kubelets[pool.index()] = Some(latency);
                Some(lasts)
            }
            Fault::ScrapeFails { pool, share, lasts } => {
                let object = object_of(&self.pools[pool].spec);
                self.say(&object, "fault", true, "ScrapeFails", "Pods are missing from scrapes");
                self.perception.missed_share[pool.index()] = share;
                Some(lasts)
            }
            Fault::PodsKilled { pool, count } => {
                self.kill_some(pool, count, number);
                None
            }
            Fault::SchedulerRestart => {
                self.say("scheduler", "fault", true, "Restarted", "Decisions wait; traffic goes on by the last routes");
                self.restart_scheduler();
                None
            }
            Fault::AgentCrash { server, ordinal } => {
                self.server_fault(server, ordinal, "AgentCrash", "Its agent dies, and the replica with it");
                if let Some(replica) = self.replica_at(server, ordinal) {
                    self.kill(replica);
                }
                None
            }
            Fault::ServerDrain { server, ordinal } => {
                self.server_fault(server, ordinal, "ServerDrain", "Its pod is evicted");
                if let Some(replica) = self.replica_at(server, ordinal)
                    && self.replicas[replica].life.deleted.is_none()
                {
                    self.delete(replica);
                }
                None
            }
        };
        if let Some(lasts) = lasts {
            self.queue.push(self.now + lasts, Event::FaultEnds { number });
        }
    }

    fn kill_some(&mut self, pool: PoolId, count: u32, number: u32) {
        let object = object_of(&self.pools[pool].spec);
        self.say(&object, "fault", true, "PodsKilled", &format!("{count} pods die"));
        let mut candidates: Vec<_> = self.pools[pool]
            .members
            .iter()
            .copied()
            .filter(|&replica| self.replicas[replica].life.is_ready())
            .collect();
        let mut stream = self.streams.keyed("fault/pods_killed", u64::from(number));
        for _ in 0..count {
            if candidates.is_empty() {
                break;
            }
            let index = (stream.next_u64() % candidates.len() as u64) as usize;
            let victim = candidates.swap_remove(index);
            self.kill(victim);
        }
    }

    pub(super) fn fault_ends(&mut self, number: u32) {
        let EventChange::Fault(fault) = &self.scenario.events[number as usize].change else { return };
        match *fault {
            Fault::MetricsServerDown { .. } => {
                self.perception.server.up = self.perception.server.spec.enabled;
                self.forget_metrics();
                self.say(
                    "metrics-server",
                    "fault",
                    false,
                    "Up",
                    "The metrics API answers again; it has forgotten everything",
                );
            }
            Fault::PrometheusDown { .. } => {
                if let Some(scraping) = &mut self.perception.scraping {
                    scraping.come_back();
                }
                let message = "Prometheus answers again; it has forgotten everything";
                self.say("prometheus", "fault", false, "Up", message);
            }
            Fault::KubeletSlow { pool, .. } => {
                self.perception.slow_kubelets[pool.index()] = None;
                let object = object_of(&self.pools[pool].spec);
                self.say(&object, "fault", false, "KubeletSlow", "Kubelets answer as usual again");
            }
            Fault::ScrapeFails { pool, .. } => {
                self.perception.missed_share[pool.index()] = 0.0;
                let object = object_of(&self.pools[pool].spec);
                self.say(&object, "fault", false, "ScrapeFails", "Scrapes see all pods again");
            }
            Fault::PodsKilled { .. }
            | Fault::SchedulerRestart
            | Fault::AgentCrash { .. }
            | Fault::ServerDrain { .. } => {}
        }
    }
}

/// A scaler tells times by the clock on the wall, the record by the run's; what was before the run is put at its start.
fn on_the_runs_clock(report: &Report) -> Report {
    let run = |wall: SimTime| SimTime::ZERO + wall.saturating_since(SimTime::ZERO + WALL_AT_ZERO);
    let mut report = report.clone();
    for step in &mut report.metrics {
        step.seen_at = step.seen_at.map(run);
    }
    for condition in &mut report.status.conditions {
        condition.changed = run(condition.changed);
    }
    report
}

/// The workload object of a pool, as a scaler refers to it.
pub(super) fn target_of(spec: &PoolSpec) -> CrossVersionObjectReference {
    CrossVersionObjectReference {
        api_version: "apps/v1".to_owned(),
        kind: spec.kind.as_str().to_owned(),
        name: spec.name.clone(),
    }
}

/// Replicas that this many requests a second need at the target of a model's HPA.
fn replicas_for(scaler: &ScalerSpec, offered_rps: f64) -> Option<u32> {
    let ScalerSpec::Hpa(hpa) = scaler else { return None };
    let object = hpa.spec.metrics.iter().find_map(|metric| metric.object.as_ref())?;
    let target = object.target.average_value?.as_f64();
    (target > 0.0).then(|| (offered_rps / target).ceil() as u32)
}

/// Replicas that this much work per second needs to stay at the HPA's CPU target: each replica's own idle use counts too.
fn needed(spec: &PoolSpec, work_per_s: f64) -> Option<u32> {
    let ScalerSpec::Hpa(hpa) = &spec.scaler else { return None };
    let request = reference_cores(spec);
    let default = hpa.spec.metrics.is_empty().then_some(80);
    let target = hpa
        .spec
        .metrics
        .iter()
        .filter_map(|metric| metric.resource.as_ref())
        .find(|resource| resource.name == "cpu")
        .and_then(|resource| resource.target.average_utilization)
        .or(default)?;
    let room = request * f64::from(target) / 100.0 - spec.cpu.idle_millis as f64 / 1_000.0;
    if room <= 0.0 {
        return None;
    }
    let replicas = (work_per_s * spec.cpu.fraction / spec.speed.mean() / room).ceil();
    Some(replicas.max(1.0) as u32)
}
