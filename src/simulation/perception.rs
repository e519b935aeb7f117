//! What is measured, and when it can be seen: kubelets sample containers, metrics-server scrapes and stores, the cheap
//! pipeline looks back over a fixed delay, Prometheus scrapes what pods count. A scaler sees only this.

use super::control::ScaleTarget;
use super::event::{Epoch, Event};
use super::scraping::{PROMETHEUS, Scraping};
use super::signals::{Signal, Tap};
use super::{Replica, Sim, WALL_AT_ZERO};
use crate::cluster::Milestone;
use crate::metrics::{
    ContainerPoint, CpuRate, DelaySpec, Housekeeper, HousekeepingRule, MetricsServerSpec, PoolMetricsSpec, Sampling,
    Stored, Usage,
};
use crate::random::{Stream, Streams};
use crate::record::Recorder;
use crate::scalers::ScalerSpec;
use crate::scenario::{EventChange, PoolSpec, Scenario};
use crate::units::{Id, ModelId, Phase, PipelineId, PoolId, ReplicaId, SimTime, Span};
use rand::RngExt;
use std::collections::VecDeque;
use std::rc::Rc;

/// The cheap pipeline of a pool that does not say otherwise.
const DEFAULT_DELAY: DelaySpec = DelaySpec { window: Span::from_secs(15), delay: Span::from_secs(15) };

/// Looks are kept this much longer than the window and the delay, for passes at odd times.
const KEPT_BEYOND: Span = Span::from_secs(600);

/// The one metrics-server of the cluster.
const METRICS_SERVER: PipelineId = PipelineId::new(0);

/// Kubelets are read one after another: this much later for each node, at most [`STAGGER_MAX_S`]. (metrics-server
/// `pkg/scraper/scraper.go`; without nodes in the model each pod counts as one.)
const STAGGER_PER_NODE_S: f64 = 0.008;
const STAGGER_MAX_S: f64 = 4.0;

/// A container's first sample comes this long after its start.
const FIRST_SAMPLE_S: (f64, f64) = (0.05, 0.5);

/// What is known of a container: by its kubelet, and by metrics-server.
#[derive(Clone, Debug)]
pub(super) struct ContainerWatch {
    pub name: Rc<str>,
    /// On the wall clock.
    pub start: SimTime,
    keeper: Option<Housekeeper>,
    /// What the scrape under way reads.
    read: Option<Reading>,
    pub stored: Stored,
    sampling: Stream,
}

/// How a scrape reads a container.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// The latest sample that was in the kubelet's cache by then.
    Cached(SimTime),
    /// Measured when asked.
    Measured(ContainerPoint),
}

impl ContainerWatch {
    /// The containers of a pod, the main one first.
    pub fn all(spec: &PoolSpec, start: SimTime, rule: CpuRate, streams: &Streams, ordinal: u64) -> Vec<Self> {
        let names = std::iter::once(spec.container.as_str()).chain(spec.containers.iter().map(|c| c.name.as_str()));
        names
            .map(|name| Self {
                name: Rc::from(name),
                start,
                keeper: None,
                read: None,
                stored: Stored::nothing(rule),
                sampling: streams.keyed(&format!("pool/{}/kubelet/{name}", spec.name), ordinal),
            })
            .collect()
    }

    /// Stores what a scrape before time 0 saw of it.
    fn establish(&mut self, seen: Option<ContainerPoint>, keeper: &Housekeeper, resolution: Span) {
        let admitted = seen.filter(|point| self.stored.admits(&[*point]));
        self.stored.store(admitted, Some(keeper), resolution);
    }
}

/// Everything that stands between truth and scalers.
pub(super) struct Perception {
    pub server: ServerState,
    /// By pool: the cheap pipeline, where a pool has it.
    pub delayed: Vec<Option<Delayed>>,
    /// Prometheus, if the signals come through it.
    pub scraping: Option<Box<Scraping>>,
    /// By pool: the utilization that its scaler read last, and when it was measured.
    seen: Vec<Option<(f64, Option<SimTime>)>>,
    /// By pool: a fault of its kubelets.
    pub slow_kubelets: Vec<Option<Span>>,
    /// By pool: the share of pods that scrapes miss.
    pub missed_share: Vec<f64>,
}

/// metrics-server.
pub(super) struct ServerState {
    pub spec: MetricsServerSpec,
    /// Calls are answered.
    pub up: bool,
    /// Something has been served since it came up.
    pub has_served: bool,
    epoch: Epoch,
    scraped_at: SimTime,
}

/// The cheap pipeline of a pool: snapshots of cumulative use at the instants that will be asked for.
pub(super) struct Delayed {
    pub spec: DelaySpec,
    shots: VecDeque<(SimTime, Vec<(ReplicaId, f64)>)>,
}

impl Perception {
    pub fn new(scenario: &Scenario, streams: &Streams) -> Self {
        let delayed = |pool: &PoolSpec| match pool.metrics {
            PoolMetricsSpec::Resource => None,
            PoolMetricsSpec::Delay(spec) => Some(Delayed { spec, shots: VecDeque::new() }),
        };
        Self {
            server: ServerState {
                spec: scenario.metrics_server.clone(),
                up: scenario.metrics_server.enabled,
                has_served: true,
                epoch: 0,
                scraped_at: SimTime::ZERO,
            },
            delayed: scenario.pools.iter().map(delayed).collect(),
            scraping: scenario
                .prometheus
                .as_ref()
                .map(|spec| Box::new(Scraping::new(spec, scenario, streams, SimTime::ZERO + WALL_AT_ZERO))),
            seen: vec![None; scenario.pools.len()],
            slow_kubelets: vec![None; scenario.pools.len()],
            missed_share: vec![0.0; scenario.pools.len()],
        }
    }

    pub fn saw(&mut self, pool: PoolId, utilization: f64, at: Option<SimTime>) {
        self.seen[pool.index()] = Some((utilization, at));
    }

    pub fn seen(&self, pool: PoolId) -> Option<(f64, Option<SimTime>)> {
        self.seen[pool.index()]
    }
}

impl ServerState {
    fn rule(&self) -> HousekeepingRule {
        HousekeepingRule {
            interval: self.spec.housekeeping_interval,
            jitter: self.spec.housekeeping_jitter,
            longest: self.spec.housekeeping_max,
        }
    }
}

impl<R: Recorder> Sim<'_, R> {
    /// Is this pool's use sampled by kubelets at all?
    fn is_watched(&self, pool: PoolId) -> bool {
        self.perception.server.spec.enabled
            && matches!(self.pools[pool].spec.metrics, PoolMetricsSpec::Resource)
            && !matches!(
                self.pools[pool].spec.scaler,
                ScalerSpec::Fixed | ScalerSpec::Schedule(_) | ScalerSpec::SeldonLag
            )
    }

    /// Starts scraping, as if it had been going on for an hour.
    pub(super) fn begin_perception(&mut self) {
        self.begin_scraping();
        let watched: Vec<PoolId> = self.pools.ids().filter(|&pool| self.is_watched(pool)).collect();
        if watched.is_empty() {
            return;
        }
        let resolution = self.perception.server.spec.metric_resolution;
        let first = match self.perception.server.spec.phase {
            Phase::At(at) => at,
            Phase::Random => {
                let uniform = self.streams.named("metrics-server/phase").random::<f64>();
                Span::from_drawn_secs(uniform * resolution.as_secs_f64())
            }
        };
        for pool in watched {
            for replica in self.pools[pool].members.clone() {
                self.remember_the_past(replica, first);
            }
        }
        self.queue.push(SimTime::ZERO + first, Event::Scrape { pipeline: METRICS_SERVER });
    }

    /// Samples and scrapes of a replica before time 0, at which it was idle.
    fn remember_the_past(&mut self, replica: ReplicaId, first_scrape: Span) {
        let rule = self.perception.server.rule();
        let resolution = self.perception.server.spec.metric_resolution;
        let on_demand = self.perception.server.spec.sampling == Sampling::OnDemand;
        let next_scrape = SimTime::ZERO + WALL_AT_ZERO + first_scrape;
        let scrapes = [3_u64, 2, 1]
            .map(|n| next_scrape.checked_sub(resolution * n).expect("the wall clock reads a large number"));
        for index in 0..self.replicas[replica].watches.len() {
            let idle = self.idle_cores(replica, index);
            let memory = self.memory_bytes(replica, index);
            let watch = &mut self.replicas[replica].watches[index];
            let point = |at: SimTime, start: SimTime| ContainerPoint {
                start,
                at,
                cpu_core_s: idle * at.since(start).as_secs_f64(),
                memory_bytes: memory,
            };
            let uniform = watch.sampling.random::<f64>();
            let long_ago = scrapes[0].checked_sub(rule.interval * 4).expect("the wall clock reads a large number");
            let mut keeper =
                Housekeeper::new(&rule, long_ago + Span::from_drawn_secs(uniform * rule.interval.as_secs_f64()));
            let mut due = scrapes.iter();
            let mut scrape = due.next();
            while keeper.next < SimTime::ZERO + WALL_AT_ZERO {
                while let Some(&at) = scrape.filter(|&&at| at < keeper.next) {
                    let seen = if on_demand { Some(point(at, watch.start)) } else { keeper.cached(at) };
                    watch.establish(seen, &keeper, resolution);
                    scrape = due.next();
                }
                let uniform = watch.sampling.random::<f64>();
                let start = watch.start;
                keeper.sample(point(keeper.next, start), &rule, uniform);
            }
            while let Some(&at) = scrape.filter(|&&at| at < SimTime::ZERO + WALL_AT_ZERO) {
                let seen = if on_demand { Some(point(at, watch.start)) } else { keeper.cached(at) };
                watch.establish(seen, &keeper, resolution);
                scrape = due.next();
            }
            watch.keeper = Some(keeper);
        }
        self.arm_housekeeping(replica);
    }

    /// A container has begun to run: its kubelet begins to sample it.
    pub(super) fn watch(&mut self, replica: ReplicaId) {
        self.discover(replica);
        let pool = self.replicas[replica].pool;
        if !self.is_watched(pool) {
            return;
        }
        let rule = self.perception.server.rule();
        let wall = self.wall();
        for watch in &mut self.replicas[replica].watches {
            watch.start = wall;
            let (least, most) = FIRST_SAMPLE_S;
            let after = least + (most - least) * watch.sampling.random::<f64>();
            watch.keeper = Some(Housekeeper::new(&rule, wall + Span::from_drawn_secs(after)));
        }
        self.arm_housekeeping(replica);
    }

    fn arm_housekeeping(&mut self, replica: ReplicaId) {
        let next = self.replicas[replica]
            .watches
            .iter()
            .filter_map(|watch| watch.keeper.as_ref())
            .map(|keeper| keeper.next)
            .min();
        if let Some(next) = next {
            let at = SimTime::ZERO + next.saturating_since(SimTime::ZERO + WALL_AT_ZERO);
            self.queue.push(at.max(self.now), Event::Housekeeping { replica });
        }
    }

    /// The kubelet samples those containers of a pod whose time has come.
    pub(super) fn housekeeping(&mut self, replica: ReplicaId) {
        if self.replicas[replica].gone {
            return;
        }
        let rule = self.perception.server.rule();
        let wall = self.wall();
        for index in 0..self.replicas[replica].watches.len() {
            let point = self.point(replica, index, wall);
            let watch = &mut self.replicas[replica].watches[index];
            if let Some(keeper) = watch.keeper.as_mut().filter(|keeper| keeper.next <= wall) {
                keeper.sample(point, &rule, watch.sampling.random::<f64>());
            }
        }
        self.arm_housekeeping(replica);
    }

    /// A container as it really is now.
    fn point(&self, replica: ReplicaId, index: usize, wall: SimTime) -> ContainerPoint {
        let state = &self.replicas[replica];
        let start = state.watches[index].start;
        let before_the_run = (SimTime::ZERO + WALL_AT_ZERO).saturating_since(start).as_secs_f64();
        let idle = self.idle_cores(replica, index);
        let cpu_core_s = if index == 0 {
            state.station.cpu_core_s(self.now) + idle * before_the_run
        } else {
            idle * wall.saturating_since(start).as_secs_f64()
        };
        ContainerPoint { start, at: wall, cpu_core_s, memory_bytes: self.memory_bytes(replica, index) }
    }

    fn idle_cores(&self, replica: ReplicaId, index: usize) -> f64 {
        let spec = &self.pools[self.replicas[replica].pool].spec;
        let millis = if index == 0 { spec.cpu.idle_millis } else { spec.containers[index - 1].cpu_idle_millis };
        millis as f64 / 1_000.0
    }

    /// No container runs in no memory at all: a byte stands for what was not said.
    fn memory_bytes(&self, replica: ReplicaId, index: usize) -> u64 {
        let state = &self.replicas[replica];
        let spec = &self.pools[state.pool].spec;
        let used = if index == 0 {
            let in_flight = u64::from(state.station.in_service()) + u64::from(state.station.waiting());
            spec.memory.idle_bytes.saturating_add(spec.memory.per_request_bytes.saturating_mul(in_flight))
        } else {
            spec.containers[index - 1].memory_idle_bytes
        };
        used.max(1)
    }

    /// A pipeline scrapes.
    pub(super) fn scrape(&mut self, pipeline: PipelineId) {
        if pipeline == PROMETHEUS { self.scrape_targets() } else { self.ask_kubelets() }
    }

    /// metrics-server asks all kubelets at once; the slowest decides when the batch is stored.
    fn ask_kubelets(&mut self) {
        let spec = &self.perception.server.spec;
        let (resolution, timeout) = (spec.metric_resolution, spec.kubelet_request_timeout);
        let on_demand = spec.sampling == Sampling::OnDemand;
        let latency_law = spec.kubelet_latency.clone();
        self.queue.push(self.now + resolution, Event::Scrape { pipeline: METRICS_SERVER });
        if !self.perception.server.up {
            return;
        }
        self.perception.server.scraped_at = self.now;
        let watched: Vec<PoolId> = self.pools.ids().filter(|&pool| self.is_watched(pool)).collect();
        let nodes: usize = watched.iter().map(|&pool| self.pools[pool].members.len()).sum();
        let stagger_s = (STAGGER_PER_NODE_S * nodes as f64).min(STAGGER_MAX_S);
        let wall = self.wall();
        let mut complete = self.now;
        for pool in watched {
            let slow = self.perception.slow_kubelets[pool.index()];
            let missed = self.perception.missed_share[pool.index()];
            for place in 0..self.pools[pool].members.len() {
                let replica = self.pools[pool].members[place];
                if !self.replicas[replica].life.has(Milestone::Running) {
                    continue;
                }
                let now_points = on_demand.then(|| self.points(replica, wall));
                let (answered, read_after) =
                    self.replicas[replica].ask_kubelet(stagger_s, &latency_law, slow, missed, timeout);
                complete = complete.max(self.now + answered);
                if let Some(read_after) = read_after {
                    self.replicas[replica].read(wall + read_after, now_points);
                }
            }
        }
        let complete = complete.min(self.now + resolution);
        let server = &mut self.perception.server;
        server.epoch = server.epoch.wrapping_add(1);
        self.queue.push(complete, Event::Store { pipeline: METRICS_SERVER, epoch: server.epoch });
    }

    fn points(&self, replica: ReplicaId, wall: SimTime) -> Vec<ContainerPoint> {
        (0..self.replicas[replica].watches.len()).map(|index| self.point(replica, index, wall)).collect()
    }

    /// The batch is complete.
    pub(super) fn store(&mut self, epoch: Epoch) {
        if epoch != self.perception.server.epoch || !self.perception.server.up {
            return;
        }
        let resolution = self.perception.server.spec.metric_resolution;
        let mut served = false;
        for pool in self.pools.ids() {
            if !self.is_watched(pool) {
                continue;
            }
            for place in 0..self.pools[pool].members.len() {
                let replica = self.pools[pool].members[place];
                served |= self.replicas[replica].store(resolution);
            }
        }
        self.perception.server.has_served |= served;
    }

    /// metrics-server comes back with nothing.
    pub(super) fn forget_metrics(&mut self) {
        for (_, replica) in self.replicas.iter_mut() {
            for watch in &mut replica.watches {
                watch.stored.clear();
                watch.read = None;
            }
        }
        let server = &mut self.perception.server;
        server.has_served = false;
        server.epoch = server.epoch.wrapping_add(1);
    }

    /// Taps the pools whose signals an autoscaler reads.
    pub(super) fn tap_pools(&mut self) {
        let mut tapped = Vec::new();
        let at_first = self.pools.iter().map(|(pool, state)| (ScaleTarget::Pool(pool), &state.spec.scaler));
        let models = self.seldon.iter().flat_map(|seldon| seldon.models.iter());
        let models = models.map(|(id, model)| (ScaleTarget::Model(id), &model.resource.scaler));
        let later = self.scenario.events.iter().filter_map(|event| match &event.change {
            EventChange::Pool(pool, spec) => Some((ScaleTarget::Pool(*pool), &spec.scaler)),
            EventChange::Model(model, resource) => Some((ScaleTarget::Model(*model), &resource.scaler)),
            _ => None,
        });
        for (own, scaler) in at_first.chain(models).chain(later) {
            let ScalerSpec::Hpa(hpa) = scaler else { continue };
            for metric in &hpa.spec.metrics {
                let (name, of) = match (&metric.pods, &metric.object, &metric.external) {
                    (Some(pods), ..) => (&pods.metric.name, Some(own)),
                    (_, Some(object), _) => (&object.metric.name, self.described(&object.described_object.name)),
                    (.., Some(external)) => (&external.metric.name, Some(own)),
                    _ => continue,
                };
                tapped.extend(of.zip(Signal::named(name)));
            }
        }
        let is_scraped = self.perception.scraping.is_some();
        for (target, signal) in tapped {
            match target {
                ScaleTarget::Pool(pool) => {
                    self.pools[pool].tap.get_or_insert_with(|| Box::new(Tap::new(is_scraped))).wants(signal);
                }
                // Through Prometheus a model's requests are counted by the agents of its server, whoever that is.
                ScaleTarget::Model(_) if is_scraped => {
                    let servers = self.seldon_ref().servers.iter().map(|(_, server)| server.resource.pool);
                    for pool in servers.collect::<Vec<_>>() {
                        self.pools[pool].tap.get_or_insert_with(|| Box::new(Tap::new(is_scraped)));
                    }
                }
                ScaleTarget::Model(model) => {
                    self.seldon_mut().models[model].tap.get_or_insert_with(|| Box::new(Tap::new(false)));
                }
            }
        }
    }

    /// Who is meant by the object of a metric.
    pub(super) fn described(&self, name: &str) -> Option<ScaleTarget> {
        let models = self.seldon.iter().flat_map(|seldon| seldon.models.iter());
        let model = models.filter(|(_, model)| model.resource.spec.name == name).map(|(id, _)| ScaleTarget::Model(id));
        self.pool_named(name).map(ScaleTarget::Pool).or_else(|| model.into_iter().next())
    }

    pub(super) fn pool_named(&self, name: &str) -> Option<PoolId> {
        self.pools.iter().find(|(_, pool)| pool.spec.name == name).map(|(id, _)| id)
    }

    /// Window and delay of a pool's cheap pipeline.
    pub(super) fn delay_of(&self, pool: PoolId) -> DelaySpec {
        match self.pools[pool].spec.metrics {
            PoolMetricsSpec::Delay(spec) => spec,
            PoolMetricsSpec::Resource => DEFAULT_DELAY,
        }
    }

    /// Is this pool looked at by the cheap pipeline?
    pub(super) fn is_looked_at(&self, pool: PoolId) -> bool {
        let tap = &self.pools[pool].tap;
        self.perception.delayed[pool.index()].is_some()
            || tap.as_ref().is_some_and(|tap| tap.is_looked_at())
            || self.models_tapped_at(pool).next().is_some()
    }

    /// Models whose signals the cheap pipeline keeps beside those of their server.
    fn models_tapped_at(&self, pool: PoolId) -> impl Iterator<Item = ModelId> {
        let models = self.seldon.iter().flat_map(|seldon| seldon.models.iter());
        models.filter(move |(_, model)| model.tap.is_some() && model.home() == pool).map(|(id, _)| id)
    }

    /// The cheap pipeline will be asked at `at`: it must look twice before that.
    pub(super) fn arm_samples(&mut self, pool: PoolId, at: SimTime) {
        let DelaySpec { window, delay } = self.delay_of(pool);
        for back in [delay, delay + window] {
            if let Some(look) = at.checked_sub(back)
                && look >= self.now
            {
                self.queue.push(look, Event::Sample { pool });
            }
        }
    }

    /// The cheap pipeline looks at a pool.
    pub(super) fn sample(&mut self, pool: PoolId) {
        let now = self.now;
        let DelaySpec { window, delay } = self.delay_of(pool);
        let keep = window + delay + KEPT_BEYOND;
        if self.pools[pool].tap.as_ref().is_some_and(|tap| tap.is_looked_at()) {
            let state = &self.pools[pool];
            let read = |&replica: &ReplicaId| Some((replica, self.replicas[replica].tap.as_ref()?.read(now)));
            let routed = state.members.iter().filter(|&&replica| self.replicas[replica].life.is_ready());
            let pods = routed.filter_map(read).collect();
            if let Some(tap) = &mut self.pools[pool].tap {
                tap.look(now, pods, keep);
            }
        }
        for model in self.models_tapped_at(pool).collect::<Vec<_>>() {
            if let Some(tap) = &mut self.seldon_mut().models[model].tap {
                tap.look(now, Vec::new(), keep);
            }
        }
        let running = |replica: &Replica| replica.life.has(Milestone::Running) && !replica.gone;
        let shot: Vec<(ReplicaId, f64)> = self.pools[pool]
            .members
            .iter()
            .filter(|&&replica| running(&self.replicas[replica]))
            .map(|&replica| (replica, self.whole_pod_core_s(replica)))
            .collect();
        let Some(delayed) = &mut self.perception.delayed[pool.index()] else { return };
        if delayed.shots.back().is_some_and(|(at, _)| *at == now) {
            return;
        }
        delayed.shots.push_back((now, shot));
        let oldest = now.saturating_sub(keep);
        while delayed.shots.len() > 2 && delayed.shots[1].0 < oldest {
            delayed.shots.pop_front();
        }
    }

    fn whole_pod_core_s(&self, replica: ReplicaId) -> f64 {
        let wall = self.wall();
        (0..self.replicas[replica].watches.len()).map(|index| self.point(replica, index, wall).cpu_core_s).sum()
    }

    /// What the cheap pipeline serves of a pod: mean use over the window that ended `delay` ago.
    pub(super) fn delayed_usage(&self, pool: PoolId, replica: ReplicaId) -> Option<Usage> {
        let delayed = self.perception.delayed[pool.index()].as_ref()?;
        let wall = |at: SimTime| at + WALL_AT_ZERO;
        let state = &self.replicas[replica];
        let start = state.watches.first()?.start;
        let end = self.wall().checked_sub(delayed.spec.delay)?;
        let begin = end.checked_sub(delayed.spec.window)?.max(start);
        if begin >= end {
            return None;
        }
        let at = |instant: SimTime| -> Option<(SimTime, f64)> {
            if instant <= SimTime::ZERO + WALL_AT_ZERO {
                let idle: f64 = (0..state.watches.len()).map(|index| self.idle_cores(replica, index)).sum();
                return Some((instant, idle * instant.saturating_since(start).as_secs_f64()));
            }
            let newest = delayed.shots.partition_point(|(shot, _)| wall(*shot) <= instant).checked_sub(1)?;
            let (shot, uses) = &delayed.shots[newest];
            let place = uses.binary_search_by_key(&replica, |&(other, _)| other).ok();
            place.map(|place| (wall(*shot), uses[place].1))
        };
        let (ended, used_at_end) = at(end)?;
        let (began, used_at_begin) = if begin == start { (start, 0.0) } else { at(begin)? };
        let window = ended.saturating_since(began);
        if window.is_zero() {
            return None;
        }
        let cpu_cores = (used_at_end - used_at_begin).max(0.0) / window.as_secs_f64();
        Some(Usage { at: ended, window, cpu_cores, memory_bytes: self.memory_bytes(replica, 0) })
    }
}

impl Replica {
    /// Draws when the kubelet is read and when it answers, both from now; no reading if it is missed or too slow.
    fn ask_kubelet(
        &mut self,
        stagger_s: f64,
        latency: &crate::random::Law,
        slow: Option<Span>,
        missed: f64,
        timeout: Span,
    ) -> (Span, Option<Span>) {
        let Some(watch) = self.watches.first_mut() else { return (Span::ZERO, None) };
        let stagger = Span::from_drawn_secs(watch.sampling.random::<f64>() * stagger_s);
        let drawn = Span::from_drawn_secs(latency.sample(&mut watch.sampling));
        let luck = watch.sampling.random::<f64>();
        let latency = slow.unwrap_or(drawn);
        for watch in &mut self.watches {
            watch.read = None;
        }
        if latency > timeout {
            (stagger + timeout, None)
        } else if luck < missed {
            (stagger + latency, None)
        } else {
            (stagger + latency, Some(stagger))
        }
    }

    /// The kubelet is read at `at`, which may lie a little ahead: housekeeping in between is too late to be seen unless it
    /// comes before that.
    fn read(&mut self, at: SimTime, now_points: Option<Vec<ContainerPoint>>) {
        for (index, watch) in self.watches.iter_mut().enumerate() {
            watch.read = match &now_points {
                Some(points) => points.get(index).copied().map(Reading::Measured),
                None => Some(Reading::Cached(at)),
            };
        }
    }

    /// Stores what the scrape has read; true if something is served of it.
    fn store(&mut self, resolution: Span) -> bool {
        let points: Option<Vec<ContainerPoint>> = self
            .watches
            .iter_mut()
            .map(|watch| match watch.read.take()? {
                Reading::Measured(point) => Some(point),
                Reading::Cached(at) => watch.keeper.as_ref()?.cached(at),
            })
            .collect();
        let admits = |points: &Vec<ContainerPoint>| self.watches[0].stored.admits(points);
        let points = points.filter(admits);
        for (index, watch) in self.watches.iter_mut().enumerate() {
            watch.stored.store(points.as_ref().map(|points| points[index]), watch.keeper.as_ref(), resolution);
        }
        self.watches.first().is_some_and(|watch| watch.stored.usage().is_some())
    }
}
