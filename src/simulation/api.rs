//! The control plane as a scaler sees it: the only door between perception and decision.

use super::control::ScaleTarget;
use super::scraping::{query_of, recorded};
use super::signals::Signal;
use super::{Sim, WALL_AT_ZERO};
use crate::cluster::{Milestone, PodLife};
use crate::metrics::{Of, PoolMetricsSpec, Query, Refusal, Series, Target, Usage, pod_time};
use crate::record::Recorder;
use crate::scalers::hpa::Selector;
use crate::scalers::hpa::spec::{CrossVersionObjectReference, MetricIdentifier};
use crate::scalers::{
    Api, ApiError, ContainerRequests, ContainerSample, PodPhase, PodSample, PodTemplate, PutError, ReadyStatus, Scale,
    ScalerSpec, SeenPod,
};
use crate::scenario::PoolSpec;
use crate::units::{ModelId, PoolId, Quantity, ReplicaId, SimTime, Span};
use std::rc::Rc;

/// What the scaler of one pool sees and may do.
pub(super) struct View<'s, 'a, R> {
    sim: &'s mut Sim<'a, R>,
    target: ScaleTarget,
    /// When the signal that was handed out last was measured.
    measured_at: Option<SimTime>,
    /// For answers so far.
    waited: Span,
}

impl<'s, 'a, R: Recorder> View<'s, 'a, R> {
    pub fn new(sim: &'s mut Sim<'a, R>, target: ScaleTarget) -> Self {
        Self { sim, target, measured_at: None, waited: Span::ZERO }
    }

    /// How long the pass has waited for answers.
    pub fn waited(&self) -> Span {
        self.waited
    }

    fn find(&self, of: &CrossVersionObjectReference) -> Result<ScaleTarget, ApiError> {
        let absent = |group: &str| {
            let resource = format!("{}s.{group}", of.kind.to_lowercase());
            ApiError(format!("{resource} \"{}\" not found", of.name))
        };
        if let Some(seldon) = &self.sim.seldon {
            let model = seldon.models.iter().find(|(_, model)| model.resource.spec.name == of.name);
            let server = seldon.servers.iter().find(|(_, server)| server.resource.spec.name == of.name);
            let found = match of.kind.as_str() {
                "Model" => Some(model.map(|(id, _)| ScaleTarget::Model(id))),
                "Server" => Some(server.map(|(_, server)| ScaleTarget::Pool(server.resource.pool))),
                _ => None,
            };
            if let Some(found) = found {
                return found.ok_or_else(|| absent("mlops.seldon.io"));
            }
        }
        let found =
            self.sim.pools.iter().find(|(_, pool)| pool.spec.name == of.name && pool.spec.kind.as_str() == of.kind);
        found.map(|(id, _)| ScaleTarget::Pool(id)).ok_or_else(|| absent("apps"))
    }

    /// The scale subresource of a Model: its selector matches no pod, on purpose.
    fn scale_of_model(&self, model: ModelId) -> Result<Scale, ApiError> {
        let seldon = self.sim.seldon_ref();
        let Some(spec_replicas) = seldon.models[model].spec_replicas else {
            return Err(ApiError(
                "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist".to_owned(),
            ));
        };
        let latest = seldon.scheduler.model(model).map(crate::seldon::model::Model::latest);
        let status = latest.map_or(0, |latest| latest.status().available + latest.status().unavailable);
        let server = latest.and_then(crate::seldon::model::Version::server);
        Ok(Scale {
            spec_replicas: count(spec_replicas),
            status_replicas: count(status),
            selector: server
                .map(|server| format!("server={}", seldon.servers[server].resource.spec.name))
                .unwrap_or_default(),
        })
    }

    /// Pools whose pods carry the labels of a selector.
    fn selected(&self, selector: &str) -> Vec<PoolId> {
        let Ok(selector) = Selector::parse(selector) else { return Vec::new() };
        self.sim.pools.iter().filter(|(_, pool)| selector.matches(&pool.spec.labels)).map(|(id, _)| id).collect()
    }

    /// The window over which a pool's signals are seen now.
    fn window(&self, pool: PoolId) -> (SimTime, SimTime) {
        let spec = self.sim.delay_of(pool);
        let end = self.sim.now.saturating_sub(spec.delay);
        (end.saturating_sub(spec.window), end)
    }

    /// A built-in signal of a pool or model.
    fn signal(&mut self, name: &str, of: ScaleTarget) -> Option<f64> {
        let (pool, tap) = match of {
            ScaleTarget::Pool(pool) => (pool, self.sim.pools[pool].tap.as_ref()?),
            ScaleTarget::Model(model) => {
                let model = &self.sim.seldon_ref().models[model];
                (model.home(), model.tap.as_ref()?)
            }
        };
        let (begin, end) = self.window(pool);
        let (value, at) = tap.pool_signal(Signal::named(name)?, begin, end)?;
        self.measured_at = Some(at + WALL_AT_ZERO);
        Some(value)
    }

    /// A recorded signal: its last value so far.
    fn recorded(&mut self, name: &str) -> Option<f64> {
        let signal = self.sim.scenario.signals.iter().find(|signal| signal.name == name)?;
        let since = self.sim.now.since(SimTime::ZERO);
        let last = signal.points.partition_point(|&(at, _)| at <= since).checked_sub(1)?;
        let (at, value) = signal.points[last];
        self.measured_at = Some(SimTime::ZERO + at + WALL_AT_ZERO);
        Some(value)
    }

    /// Puts a query to the adapter: the resource is what an error names.
    fn admit(&mut self, query: Option<&Query>, metric: &str, resource: &str) -> Result<(), ApiError> {
        let scraping =
            self.sim.perception.scraping.as_mut().expect("only what comes through Prometheus is asked of it");
        self.waited += scraping.wait(self.target);
        self.measured_at = None;
        match query.map_or(Err(Refusal::NotFound), |query| scraping.admit(query)) {
            Ok(()) => Ok(()),
            Err(Refusal::NotFound) => {
                Err(ApiError(format!("the server could not find the metric {metric} for {resource}")))
            }
            // The adapter keeps details to itself.
            Err(Refusal::Down) => Err(ApiError("Internal error occurred: unable to fetch metrics".to_owned())),
        }
    }

    fn scraped(&mut self, query: &Query, of: Of) -> Option<Quantity> {
        let wall = self.sim.wall();
        let seen = self.sim.perception.scraping.as_ref()?.query(query, of, wall)?;
        self.measured_at = Some(seen.at);
        Some(in_thousandths(seen.value))
    }

    /// Each pod's own value; pods without one are left out.
    fn scraped_pods(&mut self, metric: &str, selector: &str) -> Result<Vec<(Rc<str>, Quantity)>, ApiError> {
        let query = Signal::named(metric).map(query_of);
        self.admit(query.as_ref(), metric, "pods")?;
        let mut values = Vec::new();
        let mut oldest: Option<SimTime> = None;
        for pool in self.selected(selector) {
            for place in 0..self.sim.pools[pool].members.len() {
                let replica = self.sim.pools[pool].members[place];
                let of = Of::Target(Target::Pod(replica));
                if let Some(value) = query.as_ref().and_then(|query| self.scraped(query, of)) {
                    values.push((Rc::clone(&self.sim.replicas[replica].name), value));
                    oldest = oldest.map_or(self.measured_at, |at| Some(at).min(self.measured_at));
                }
            }
        }
        self.measured_at = oldest;
        Ok(values)
    }

    /// The query of a metric of a pool or model, or of a recorded signal. Of a model, agents count nothing but requests.
    fn query_for(&self, metric: &str, of: Option<ScaleTarget>) -> (Option<Query>, Option<Of>) {
        if let Some(number) = recorded(&self.sim.scenario.signals, metric) {
            return (Some(Query::Latest(Series::Signal(number).alone())), Some(Of::Everything));
        }
        let signal = Signal::named(metric);
        match of {
            Some(ScaleTarget::Model(model)) => {
                let counted = signal.filter(|signal| *signal == Signal::Rps);
                (counted.map(|_| Query::Rate(Series::Infers(model).alone())), Some(Of::Everything))
            }
            Some(ScaleTarget::Pool(pool)) if metric == "infer_rps" => {
                let all = Series::Infers(ModelId::new(0))..=Series::Infers(ModelId::new(u32::MAX));
                (Some(Query::Rate(all)), Some(Of::Pool(pool)))
            }
            Some(ScaleTarget::Pool(pool)) => (signal.map(query_of), Some(Of::Pool(pool))),
            None => (signal.map(query_of), None),
        }
    }

    fn scraped_object(&mut self, metric: &str, object: &CrossVersionObjectReference) -> Result<Quantity, ApiError> {
        let (query, of) = self.query_for(metric, self.sim.described(&object.name));
        let group = object.api_version.split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
        let resource = format!("{}s{group}", object.kind.to_lowercase());
        self.admit(query.as_ref(), metric, &resource)?;
        query.zip(of).and_then(|(query, of)| self.scraped(&query, of)).ok_or_else(|| {
            ApiError(format!("the server could not find the metric {metric} for {resource} {}", object.name))
        })
    }

    fn scraped_external(&mut self, metric: &str) -> Result<Vec<Quantity>, ApiError> {
        let (query, of) = self.query_for(metric, Some(self.target));
        self.admit(query.as_ref(), metric, "namespaces")?;
        Ok(query.zip(of).and_then(|(query, of)| self.scraped(&query, of)).into_iter().collect())
    }

    fn usages(&self, pool: PoolId, replica: ReplicaId) -> Option<Vec<Usage>> {
        let state = &self.sim.replicas[replica];
        match self.sim.pools[pool].spec.metrics {
            PoolMetricsSpec::Resource => state.watches.iter().map(|watch| watch.stored.usage()).collect(),
            PoolMetricsSpec::Delay(_) => self.sim.delayed_usage(pool, replica).map(|usage| vec![usage]),
        }
    }
}

/// Signals are served to the nano-unit.
fn quantity(value: f64) -> Quantity {
    Quantity::from_nanos((value * 1e9).round() as i128)
}

/// The adapter serves whole thousandths, and 0 for what is not a number.
fn in_thousandths(value: f64) -> Quantity {
    Quantity::from_millis((value * 1_000.0) as i64)
}

/// Kubernetes writes times in whole seconds.
fn whole(at: SimTime) -> SimTime {
    SimTime::from_secs(at.as_nanos() / 1_000_000_000)
}

/// What the pods of a pool ask for.
pub(super) fn template(spec: &PoolSpec) -> PodTemplate {
    let requests = |cpu: Option<u64>, memory: Option<u64>| {
        let cpu =
            cpu.map(|millis| ("cpu".to_owned(), Quantity::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))));
        let memory =
            memory.map(|bytes| ("memory".to_owned(), Quantity::from_units(i64::try_from(bytes).unwrap_or(i64::MAX))));
        cpu.into_iter().chain(memory).collect()
    };
    let main = ContainerRequests {
        name: spec.container.clone(),
        requests: requests(spec.cpu.request_millis, spec.memory.request_bytes),
    };
    let others = spec.containers.iter().map(|container| ContainerRequests {
        name: container.name.clone(),
        requests: requests(container.cpu_request_millis, container.memory_request_bytes),
    });
    PodTemplate {
        containers: std::iter::once(main).chain(others).collect(),
        sidecars: Vec::new(),
        pod_requests: Vec::new(),
    }
}

/// A pod as the API server shows it.
fn seen(life: &PodLife, name: &Rc<str>, template: &Rc<PodTemplate>, established: SimTime) -> SeenPod {
    let wall = |at: SimTime| whole(if at == SimTime::ZERO { established } else { at + WALL_AT_ZERO });
    let noticed = life.since(Milestone::Noticed).map(wall);
    let ready = life.since(Milestone::Ready).map(wall);
    SeenPod {
        name: Rc::clone(name),
        phase: if life.has(Milestone::Running) { PodPhase::Running } else { PodPhase::Pending },
        started: noticed,
        ready: noticed.map(|_| if ready.is_some() { ReadyStatus::True } else { ReadyStatus::False }),
        ready_changed: ready.or(noticed),
        deleting: life.deleted.is_some(),
        template: Rc::clone(template),
    }
}

fn count(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX)
}

impl<R: Recorder> Api for View<'_, '_, R> {
    fn knows_kind(&mut self, group: &str, kind: &str) -> bool {
        match group {
            "mlops.seldon.io" => self.sim.seldon.is_some() && matches!(kind, "Model" | "Server"),
            "apps" => matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet"),
            "" => kind == "ReplicationController",
            _ => false,
        }
    }

    fn get_scale(&mut self, of: &CrossVersionObjectReference) -> Result<Scale, ApiError> {
        let pool = match self.find(of)? {
            ScaleTarget::Pool(pool) => &self.sim.pools[pool],
            ScaleTarget::Model(model) => return self.scale_of_model(model),
        };
        Ok(Scale {
            spec_replicas: count(pool.desired),
            status_replicas: count(pool.alive),
            selector: pool.spec.selector.clone(),
        })
    }

    fn put_scale(&mut self, of: &CrossVersionObjectReference, replicas: i32) -> Result<(), PutError> {
        let target = self.find(of).map_err(|error| PutError::Other(error.0))?;
        let replicas =
            u32::try_from(replicas).map_err(|_| PutError::Other("spec.replicas: must be 0 or more".to_owned()))?;
        match target {
            ScaleTarget::Pool(pool) => self.sim.set_size_after(pool, replicas, self.waited),
            ScaleTarget::Model(model) => self.sim.model_written(model, replicas, self.waited),
        }
        Ok(())
    }

    fn pods(&mut self, selector: &str) -> Result<Vec<SeenPod>, ApiError> {
        let established = SimTime::ZERO + WALL_AT_ZERO.saturating_sub(super::ESTABLISHED);
        let mut pods = Vec::new();
        for pool in self.selected(selector) {
            let state = &self.sim.pools[pool];
            let template = Rc::new(template(&state.spec));
            for &replica in &state.members {
                let replica = &self.sim.replicas[replica];
                if replica.life.has(Milestone::Created) {
                    pods.push(seen(&replica.life, &replica.name, &template, established));
                }
            }
        }
        Ok(pods)
    }

    fn resource_metrics(&mut self, selector: &str) -> Result<Vec<PodSample>, ApiError> {
        let pools = self.selected(selector);
        let through_server =
            pools.iter().any(|&pool| matches!(self.sim.pools[pool].spec.metrics, PoolMetricsSpec::Resource));
        let server = &self.sim.perception.server;
        if through_server && !server.spec.enabled {
            return Err(ApiError(
                "the server could not find the requested resource (get pods.metrics.k8s.io)".to_owned(),
            ));
        }
        if through_server && !(server.up && server.has_served) {
            let text = "the server is currently unable to handle the request (get pods.metrics.k8s.io)";
            return Err(ApiError(text.to_owned()));
        }
        let mut samples = Vec::new();
        for pool in pools {
            for &replica in &self.sim.pools[pool].members {
                let Some(usages) = self.usages(pool, replica) else { continue };
                let Some((at, window)) = pod_time(usages.iter().copied()) else { continue };
                let state = &self.sim.replicas[replica];
                let containers = usages
                    .iter()
                    .zip(&state.watches)
                    .map(|(usage, watch)| ContainerSample {
                        name: Rc::clone(&watch.name),
                        // metrics-server serves whole nanocores.
                        cpu: Some(Quantity::from_nanos((usage.cpu_cores * 1e9) as i128)),
                        memory: Some(Quantity::from_units(i64::try_from(usage.memory_bytes).unwrap_or(i64::MAX))),
                    })
                    .collect();
                samples.push(PodSample { pod: Rc::clone(&state.name), at: whole(at), window, containers });
            }
        }
        Ok(samples)
    }

    fn pods_metric(&mut self, metric: &MetricIdentifier, selector: &str) -> Result<Vec<(Rc<str>, Quantity)>, ApiError> {
        if self.sim.perception.scraping.is_some() {
            return self.scraped_pods(&metric.name, selector);
        }
        let absent = || ApiError(format!("the server could not find the metric {} for pods", metric.name));
        let signal = Signal::named(&metric.name).ok_or_else(absent)?;
        let mut values = Vec::new();
        for pool in self.selected(selector) {
            let (begin, end) = self.window(pool);
            let Some(tap) = &self.sim.pools[pool].tap else { continue };
            let Some((pods, at)) = tap.pod_signals(signal, begin, end) else { continue };
            self.measured_at = Some(at + WALL_AT_ZERO);
            let alive = pods.into_iter().filter(|(replica, _)| !self.sim.replicas[*replica].gone);
            values.extend(alive.map(|(replica, value)| (Rc::clone(&self.sim.replicas[replica].name), quantity(value))));
        }
        if values.is_empty() { Err(absent()) } else { Ok(values) }
    }

    fn object_metric(
        &mut self,
        metric: &MetricIdentifier,
        object: &CrossVersionObjectReference,
    ) -> Result<Quantity, ApiError> {
        if self.sim.perception.scraping.is_some() {
            return self.scraped_object(&metric.name, object);
        }
        let value = match (self.recorded(&metric.name), self.sim.described(&object.name)) {
            (Some(value), _) => Some(value),
            (None, Some(target)) => self.signal(&metric.name, target),
            (None, None) => None,
        };
        value.map(quantity).ok_or_else(|| ApiError(format!("the server could not find the metric {}", metric.name)))
    }

    fn external_metric(&mut self, metric: &MetricIdentifier) -> Result<Vec<Quantity>, ApiError> {
        if self.sim.perception.scraping.is_some() {
            return self.scraped_external(&metric.name);
        }
        let value = self.recorded(&metric.name).or_else(|| self.signal(&metric.name, self.target));
        value
            .map(|value| vec![quantity(value)])
            .ok_or_else(|| ApiError(format!("the server could not find the metric {}", metric.name)))
    }

    fn measured_at(&self) -> Option<SimTime> {
        self.measured_at
    }

    fn other_hpa_selectors(&mut self) -> Vec<String> {
        let mut others = Vec::new();
        for (pool, state) in self.sim.pools.iter() {
            match &state.spec.scaler {
                ScalerSpec::Hpa(hpa) if ScaleTarget::Pool(pool) == self.target => {
                    others.extend(hpa.other_hpa_selectors.iter().cloned())
                }
                ScalerSpec::Hpa(_) => others.push(state.spec.selector.clone()),
                ScalerSpec::Fixed | ScalerSpec::Schedule(_) | ScalerSpec::SeldonLag => {}
            }
        }
        others
    }
}
