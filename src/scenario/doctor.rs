//! Reasons why a model server will not scale, found before it runs: each with the condition and reason that Kubernetes would
//! show, and the way out.
//!
//! Rules: the HPA's own, as `scalers::hpa` has them; figures are means, so what is said is "about".

use super::reader::Section;
use super::spec::{PoolSpec, Scenario};
use crate::diagnostics::Problem;
use crate::random::Law;
use crate::scalers::hpa::spec::CrossVersionObjectReference;
use crate::scalers::hpa::{HpaSpec, Selector};
use crate::scalers::{HpaScalerSpec, ScalerSpec};
use crate::serving::DisciplineSpec;
use crate::units::{Id, ModelId, PoolId, Span};
use crate::workload::{ArrivalsSpec, Rate, RateSpec};

/// From here on a start is so long that the steps of a rise are worth a word, seconds.
const STAIRCASE_S: f64 = 120.0;

/// One pool with an HPA under examination.
pub(super) struct Patient<'a> {
    pub scenario: &'a Scenario,
    pub id: PoolId,
    pub pool: &'a PoolSpec,
    pub hpa: &'a HpaScalerSpec,
    pub section: &'a Section<'a>,
    /// The HPA's key in the text.
    pub place: std::ops::Range<usize>,
}

impl Patient<'_> {
    /// Reports everything that will keep this pool from scaling.
    pub(super) fn examine(&self) {
        self.target_reference();
        self.selector();
        self.bounds();
        self.directions();
        self.reach();
        self.peak();
        self.start_up();
    }

    fn warn(&self, message: String, shown: &str, help: &str) {
        self.section.reader.report(Problem::warning(self.place.clone(), message, shown).help(help));
    }

    fn target_reference(&self) {
        let target = &self.hpa.spec.scale_target_ref;
        if let Some((message, shown, help)) = astray(self.scenario, target, &self.pool.name) {
            self.warn(message, shown, help);
        }
    }

    fn selector(&self) {
        if self.pool.selector.trim().is_empty() {
            return self.warn(
                "the target's scale has no selector".to_owned(),
                "ScalingActive is False: InvalidSelector",
                "leave `selector` out, or name the labels of its pods",
            );
        }
        let matches = |selector: &str| Selector::parse(selector).is_ok_and(|parsed| parsed.matches(&self.pool.labels));
        let twin = self.scenario.pools.iter().enumerate().find(|(number, other)| {
            PoolId::from_index(*number) != self.id
                && matches!(other.scaler, ScalerSpec::Hpa(_))
                && matches(&other.selector)
        });
        let outside = self.hpa.other_hpa_selectors.iter().find(|selector| matches(selector));
        let rival = twin.map(|(_, other)| format!("the HPA of \"{}\"", other.name));
        if let Some(rival) =
            rival.or_else(|| outside.map(|selector| format!("an HPA with the selector \"{selector}\"")))
        {
            self.warn(
                format!("two HPAs select the pods of \"{}\": this one and {rival}", self.pool.name),
                "ScalingActive is False on both: AmbiguousSelector",
                "give the pools labels of their own, and each workload one HPA",
            );
        }
    }

    fn bounds(&self) {
        bounds(&self.hpa.spec, self.pool.replicas, &|message, shown, help| self.warn(message, shown, help));
    }

    fn directions(&self) {
        directions(&self.hpa.spec, &|message, shown, help| self.warn(message, shown, help));
    }

    /// The highest utilization that a replica can show, as a ratio of its request; `None` without a bound or a request.
    fn highest_utilization(&self) -> Option<f64> {
        let cpu = &self.pool.cpu;
        let request = cpu.request_millis? as f64 / 1_000.0;
        let at_once = match (self.pool.workers, self.pool.discipline) {
            (Some(workers), DisciplineSpec::Fifo) => f64::from(workers),
            (workers, DisciplineSpec::ProcessorSharing { cores }) => {
                cores.min(workers.map_or(f64::INFINITY, f64::from))
            }
            (None, DisciplineSpec::Fifo) => f64::INFINITY,
        };
        let busy = cpu.idle_millis as f64 / 1_000.0 + at_once * self.fraction();
        let limit = cpu.limit_millis.map_or(f64::INFINITY, |limit| limit as f64 / 1_000.0);
        let highest = busy.min(limit) / request;
        highest.is_finite().then_some(highest)
    }

    /// Cores that a request keeps busy; on a server those of its hungriest model.
    fn fraction(&self) -> f64 {
        let (Some(server), Some(seldon)) = (self.scenario.server_of(self.id), &self.scenario.seldon) else {
            return self.pool.cpu.fraction;
        };
        let models = (0..seldon.models.len()).map(ModelId::from_index);
        let here = models.filter(|&id| seldon.hosts_of(id).any(|host| host == server));
        here.map(|id| seldon.models[id.index()].cpu_fraction).fold(0.0, f64::max)
    }

    fn reach(&self) {
        let (Some(target), Some(highest)) = (cpu_target(&self.hpa.spec), self.highest_utilization()) else { return };
        if !self.pool.containers.is_empty() || highest > target * (1.0 + self.scenario.hpa_controller.tolerance) {
            return;
        }
        let (target, highest) = (target * 100.0, highest * 100.0);
        let help = "lower the target or the request, raise the limit, or scale on `in_flight`: a model that computes on a GPU hardly uses CPU";
        if highest <= target {
            self.warn(
                format!("a replica can show at most {highest:.0}% of its request, and the target is {target:.0}%"),
                "it never scales up, however long the queue is",
                help,
            );
        } else {
            self.warn(
                format!("a replica can show at most {highest:.0}% of its request: within the tolerance of the target, {target:.0}%"),
                "it never scales up: the tolerance swallows the signal",
                help,
            );
        }
    }

    /// Requests per second at the highest point of all loads that go here, and their mean work.
    fn highest_load(&self) -> Option<(f64, f64)> {
        const LOOKS: u64 = 2_000;
        let loads: Vec<_> = self
            .scenario
            .loads
            .iter()
            .zip(&self.scenario.load_targets)
            .filter(|(_, to)| to.pool() == Some(self.id))
            .collect();
        let mut rates: Vec<(Rate, Span, f64)> = Vec::new();
        let mut work_s: f64 = 0.0;
        for (load, _) in loads {
            let rate: &RateSpec = match &load.arrivals {
                ArrivalsSpec::Poisson { rate }
                | ArrivalsSpec::Deterministic { rate, .. }
                | ArrivalsSpec::Renewal { rate, .. } => rate,
                ArrivalsSpec::Trace(_) | ArrivalsSpec::Users(_) => return None,
            };
            work_s = work_s.max(load.demand.as_ref().or(self.pool.service.as_ref()).map_or(0.0, Law::mean));
            rates.push((Rate::new(rate, load.from), load.from, load.scale));
        }
        let step = Span::from_nanos(self.scenario.duration.as_nanos() / LOOKS);
        let at = |span: Span| -> f64 {
            rates
                .iter()
                .filter(|(_, from, _)| span >= *from)
                .map(|(rate, from, scale)| rate.value(span.saturating_sub(*from)) * scale)
                .sum()
        };
        let highest = (0..=LOOKS).map(|n| at(step * n)).fold(0.0, f64::max);
        (highest > 0.0 && work_s > 0.0).then_some((highest, work_s))
    }

    fn peak(&self) {
        let (Some(target), Some((rps, work_s))) = (cpu_target(&self.hpa.spec), self.highest_load()) else { return };
        let cpu = &self.pool.cpu;
        let Some(request) = cpu.request_millis.map(|millis| millis as f64 / 1_000.0) else { return };
        let room = request * target - cpu.idle_millis as f64 / 1_000.0;
        if room <= 0.0 {
            return;
        }
        let needed = (rps * work_s * cpu.fraction / self.pool.speed.mean() / room).ceil();
        if needed > f64::from(self.hpa.spec.max_replicas) {
            self.warn(
                format!(
                    "at its peak of about {rps:.0} requests a second the load needs {needed} replicas, and maxReplicas is {}",
                    self.hpa.spec.max_replicas
                ),
                "ScalingLimited is True: TooManyReplicas",
                "raise `max_replicas`, or accept what that means for latency",
            );
        }
    }

    fn start_up(&self) {
        let start = &self.pool.start;
        let to_ready_s: f64 =
            [&start.runtime, &start.download, &start.load, &start.warmup].into_iter().map(Law::mean).sum();
        let controller = &self.scenario.hpa_controller;
        let (delay_s, period_s) =
            (controller.initial_readiness_delay.as_secs_f64(), controller.cpu_initialization_period.as_secs_f64());
        if cpu_target(&self.hpa.spec).is_none() || start.readiness_probe.is_none() {
            return;
        }
        if to_ready_s > period_s {
            self.warn(
                format!("a pod needs about {to_ready_s:.0} s to become ready, longer than cpu_initialization_period ({period_s:.0} s)"),
                "its start-up CPU counts as load, and pods that are not ready damp the rise",
                "raise `hpa_controller.cpu_initialization_period`, or shorten the start",
            );
        } else if to_ready_s > delay_s.max(STAIRCASE_S) {
            self.warn(
                format!("a pod needs about {to_ready_s:.0} s to become ready, longer than initial_readiness_delay ({delay_s:.0} s)"),
                "until then it counts as 0%: the rise goes in steps of this length",
                "shorten the start, or keep head-room: a lower target, a higher `min_replicas`",
            );
        }
    }
}

/// Takes a message, what a cluster would show, and the way out.
pub(super) type Warn<'a> = &'a dyn Fn(String, &str, &str);

/// What is wrong with where an HPA points: message, what a cluster shows, the way out.
pub(super) fn astray(
    scenario: &Scenario,
    target: &CrossVersionObjectReference,
    owner: &str,
) -> Option<(String, &'static str, &'static str)> {
    let is_model = |name: &str| {
        scenario.seldon.as_ref().is_some_and(|seldon| seldon.models.iter().any(|model| model.spec.name == name))
    };
    let pools = (0..scenario.pools.len()).map(PoolId::from_index);
    let found = match target.kind.as_str() {
        "Model" => is_model(&target.name),
        kind => {
            pools.into_iter().any(|id| scenario.kind_of(id) == kind && scenario.pools[id.index()].name == target.name)
        }
    };
    if !found {
        return Some((
            format!("this HPA scales {}/{}, which is not there", target.kind, target.name),
            "AbleToScale is False: FailedGetScale",
            "correct kind and name of `scale_target_ref`, or leave it out",
        ));
    }
    let word = match target.kind.as_str() {
        "Model" => "model",
        "Server" => "server",
        _ => "pool",
    };
    (target.name != owner).then(|| {
        (
            format!("the HPA of \"{owner}\" scales another {word}, \"{}\"", target.name),
            "its owner keeps its size",
            "leave `scale_target_ref` out, or move the scaler to what it scales",
        )
    })
}

/// Bounds that leave no choice.
pub(super) fn bounds(spec: &HpaSpec, replicas: u32, warn: Warn<'_>) {
    if spec.min_replicas.unwrap_or(1) == spec.max_replicas {
        warn(
            format!("minReplicas and maxReplicas are both {}", spec.max_replicas),
            "the size can never change",
            "raise `max_replicas`, or take `scaler.fixed`",
        );
    }
    if replicas == 0 {
        warn(
            "0 replicas disable an HPA".to_owned(),
            "ScalingActive is False: ScalingDisabled",
            "start with at least 1",
        );
    }
}

/// Directions that are switched off.
pub(super) fn directions(spec: &HpaSpec, warn: Warn<'_>) {
    let Some(behavior) = &spec.behavior else { return };
    for (rules, direction, shown) in [
        (&behavior.scale_up, "up", "ScalingLimited is True: ScaleUpLimit, for ever"),
        (&behavior.scale_down, "down", "ScalingLimited is True: ScaleDownLimit, for ever"),
    ] {
        if rules.as_ref().is_some_and(|rules| rules.select_policy.as_deref() == Some("Disabled")) {
            warn(
                format!("scaling {direction} is disabled"),
                shown,
                "write `select_policy = \"Max\"` or \"Min\", or leave it out",
            );
        }
    }
}

/// The CPU target as a ratio of the request; `None` if the HPA has none.
fn cpu_target(spec: &HpaSpec) -> Option<f64> {
    if spec.metrics.is_empty() {
        return Some(0.8);
    }
    let cpu =
        spec.metrics.iter().filter_map(|metric| metric.resource.as_ref()).find(|resource| resource.name == "cpu")?;
    cpu.target.average_utilization.map(|percent| f64::from(percent) / 100.0)
}
