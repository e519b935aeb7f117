//! The Kubernetes HorizontalPodAutoscaler of v1.36.2, decision for decision.
//!
//! Law: the same spec, memory and answers give the decision, the status and the words of the real controller. Nothing here
//! knows of a simulation; the recorded decisions of upstream are replayed by this very code.
//!
//! Source of the rules: `pkg/controller/podautoscaler/horizontal.go` (`reconcileAutoscaler` and everything under it).

mod metrics;
mod pods;
mod policies;
mod replicas;
mod selector;
pub mod spec;
mod stabilize;
mod status;
mod validation;

pub use policies::ScaleEvent;
pub use selector::Selector;
pub use spec::{HpaGates, HpaSpec};
pub use stabilize::Recommendation;
pub use status::HpaStatus;

use crate::scalers::report::{KubeEvent, Report, Why};
use crate::scalers::scaler::{Api, PutError, Scale, Scaler, Wake};
use crate::scalers::spec::HpaControllerSpec;
use crate::units::{SimTime, Span};
use metrics::Ask;
use policies::{Bounds, Events, Limit, Limited};
use replicas::Tolerances;
use serde::{Deserialize, Serialize};
use spec::{Behavior, CrossVersionObjectReference, ScalingRules};
use status::{ABLE_TO_SCALE, SCALED_TO_ZERO, SCALING_ACTIVE, normal, warning};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A write is tried this often against conflicts.
const WRITE_ATTEMPTS: u32 = 5;
const ABOVE_MAX: &str = "Current number of replicas above Spec.MaxReplicas";
const BELOW_MIN: &str = "Current number of replicas below Spec.MinReplicas";

/// An HPA as it is stored, and the controller that looks after it.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaObject {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `spec` after the API server's defaults.
    pub spec: HpaSpec,
    /// Settings of kube-controller-manager.
    pub controller: HpaControllerSpec,
}

impl HpaObject {
    /// The object that the API server makes of what a user wrote.
    pub fn admitted(namespace: &str, name: &str, spec: &HpaSpec, controller: &HpaControllerSpec) -> Self {
        Self { namespace: namespace.into(), name: name.into(), spec: spec.defaulted(), controller: controller.clone() }
    }
}

/// The HPA.
#[derive(Clone, Debug, PartialEq)]
pub struct Hpa {
    object: HpaObject,
}

/// All that the controller remembers of one HPA, and the status that the API server stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HpaMemory {
    /// Log of recommendations; `None` until the first one.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Own changes up.
    pub scale_up_events: Vec<ScaleEvent>,
    /// Own changes down.
    pub scale_down_events: Vec<ScaleEvent>,
    /// Status of the object.
    pub status: HpaStatus,
}

impl Hpa {
    /// An HPA for a stored object. Its behavior is completed here even if it never passed the API server.
    pub fn new(mut object: HpaObject) -> Self {
        object.spec = object.spec.with_behavior_defaults();
        Self { object }
    }

    /// The object that is in force.
    pub fn object(&self) -> &HpaObject {
        &self.object
    }

    fn spec(&self) -> &HpaSpec {
        &self.object.spec
    }

    fn bounds(&self) -> Bounds {
        Bounds { min: self.spec().min_replicas.unwrap_or(1), max: self.spec().max_replicas }
    }

    fn tolerances(&self) -> Tolerances {
        let controller = &self.object.controller;
        let of = |rules: fn(&Behavior) -> &Option<ScalingRules>| {
            let behavior = self.spec().behavior.as_ref().filter(|_| controller.configurable_tolerance);
            let own = behavior.and_then(|behavior| rules(behavior).as_ref()?.tolerance);
            own.map_or(controller.tolerance, |tolerance| tolerance.as_f64())
        };
        Tolerances { up: of(|behavior| &behavior.scale_up), down: of(|behavior| &behavior.scale_down) }
    }

    /// Kind, namespace and name of the target, as messages name it.
    fn reference(&self) -> String {
        let target = &self.spec().scale_target_ref;
        format!("{}/{}/{}", target.kind, self.object.namespace, target.name)
    }
}

impl Scaler for Hpa {
    type Spec = HpaObject;
    type Memory = HpaMemory;

    const KIND: &'static str = "hpa";

    fn begin(&self, first: SimTime) -> (HpaMemory, Wake) {
        (HpaMemory::default(), Wake::At(first))
    }

    fn amended(&mut self, _now: SimTime, spec: HpaObject, _memory: &mut HpaMemory) -> Wake {
        *self = Self::new(spec);
        // An edit does not bring the next reconcile forward: the entry that waits in the queue wins.
        Wake::Keep
    }

    fn reconcile(&self, now: SimTime, api: &mut dyn Api, memory: &mut HpaMemory, out: &mut Report) -> Wake {
        clear(out);
        let result = Pass { hpa: self, now, api, memory, out }.run();
        out.error = result.err();
        out.status.conditions.clone_from(&memory.status.conditions);
        out.status.current_metrics.clone_from(&memory.status.current_metrics);
        out.status.targets = status::targets(&self.spec().metrics, &memory.status.current_metrics);
        out.status.current_replicas = memory.status.current_replicas;
        out.status.desired_replicas = memory.status.desired_replicas;
        Wake::At(now + self.object.controller.sync_period)
    }
}

/// Empties the buffer, keeping its lists' memory.
fn clear(out: &mut Report) {
    let mut metrics = std::mem::take(&mut out.metrics);
    let mut events = std::mem::take(&mut out.events);
    metrics.clear();
    events.clear();
    *out = Report { metrics, events, ..Report::default() };
}

/// One reconcile.
struct Pass<'a> {
    hpa: &'a Hpa,
    now: SimTime,
    api: &'a mut dyn Api,
    memory: &'a mut HpaMemory,
    out: &'a mut Report,
}

/// What a pass wants before it writes.
struct Plan {
    desired: i32,
    reason: String,
    /// Some metrics failed, yet the rest decided.
    error: Option<String>,
}

/// The way a pass takes.
enum Course {
    /// Replicas are zero and nothing may wake them.
    Disabled,
    /// Outside the bounds: go to the bound, whatever the metrics say.
    Clamp(i32, &'static str),
    Evaluate,
}

/// The largest proposal of all metrics.
struct Best {
    replicas: i32,
    description: String,
    error: Option<String>,
}

impl Pass<'_> {
    fn run(mut self) -> Result<(), String> {
        let scale = self.read_scale()?;
        let current = scale.spec_replicas;
        self.out.trail.now = u32::try_from(current).ok();
        self.begin_log(current);
        let mut plan = match self.course(current) {
            Course::Disabled => self.disable(),
            Course::Clamp(bound, reason) => self.clamp(bound, reason),
            Course::Evaluate => self.evaluate(&scale)?,
        };
        let rescale = plan.desired != current;
        if rescale {
            self.rescale(current, &plan)?;
        } else {
            plan.desired = current;
        }
        self.conclude(current, plan.desired, rescale);
        plan.error.map_or(Ok(()), Err)
    }

    /// Steps 1 and 2: the size to start from.
    fn read_scale(&mut self) -> Result<Scale, String> {
        let target = &self.hpa.spec().scale_target_ref;
        let read = match self.kind_problem(target) {
            Some((prefix, problem)) => Err((prefix.to_owned(), problem)),
            None => self
                .api
                .get_scale(target)
                .map_err(|error| (format!("failed to query scale subresource for {}", self.hpa.reference()), error.0)),
        };
        match read {
            Ok(scale) => {
                let message = "the HPA controller was able to get the target's current scale";
                self.set(ABLE_TO_SCALE, true, "SucceededGetScale", message);
                Ok(scale)
            }
            Err((prefix, problem)) => {
                self.event(warning("FailedGetScale", &problem));
                let message = format!("the HPA controller was unable to get the target's current scale: {problem}");
                self.set(ABLE_TO_SCALE, false, "FailedGetScale", message);
                self.out.trail.why.push(Why::NoScale);
                Err(format!("{prefix}: {problem}"))
            }
        }
    }

    /// What is wrong with the target's type, and what upstream says in front of it.
    fn kind_problem(&mut self, target: &CrossVersionObjectReference) -> Option<(&'static str, String)> {
        match target.group() {
            Err(problem) => Some(("invalid API version in scale target reference", problem)),
            Ok(group) if !self.api.knows_kind(group, &target.kind) => {
                let problem = format!("no matches for kind {:?} in group {group:?}", target.kind);
                Some(("unable to determine resource for scale target reference", problem))
            }
            Ok(_) => None,
        }
    }

    /// Step 3: the size at first sight is the first recommendation.
    fn begin_log(&mut self, current: i32) {
        if self.memory.recommendations.is_none() {
            self.memory.recommendations = Some(vec![Recommendation { at: self.now, replicas: current }]);
        }
    }

    /// True while the HPA itself has put the target to sleep.
    fn asleep(&self) -> bool {
        self.hpa.object.controller.scale_to_zero && self.memory.status.is_true(SCALED_TO_ZERO)
    }

    /// Step 4: the first that applies.
    fn course(&self, current: i32) -> Course {
        let bounds = self.hpa.bounds();
        if current == 0 {
            let may_wake = bounds.min != 0 || self.hpa.spec().has_metric_without_pods();
            return if self.asleep() && may_wake { Course::Evaluate } else { Course::Disabled };
        }
        if current > bounds.max {
            Course::Clamp(bounds.max, ABOVE_MAX)
        } else if current < bounds.min {
            Course::Clamp(bounds.min, BELOW_MIN)
        } else {
            Course::Evaluate
        }
    }

    fn disable(&mut self) -> Plan {
        let message = "scaling is disabled since the replica count of the target is zero";
        self.set(SCALING_ACTIVE, false, "ScalingDisabled", message);
        if !self.hpa.object.controller.scale_to_zero {
            self.memory.status.remove(SCALED_TO_ZERO);
        }
        self.memory.status.current_metrics.clear();
        self.out.trail.why.push(Why::Zero);
        Plan { desired: 0, reason: String::new(), error: None }
    }

    fn clamp(&mut self, bound: i32, reason: &str) -> Plan {
        self.memory.status.current_metrics.clear();
        self.out.trail.after_bounds = u32::try_from(bound).ok();
        self.out.trail.why.push(if reason == ABOVE_MAX { Why::MaxReplicas } else { Why::MinReplicas });
        Plan { desired: bound, reason: reason.to_owned(), error: None }
    }

    /// Steps 5 and 6: metrics, stabilization, limits.
    fn evaluate(&mut self, scale: &Scale) -> Result<Plan, String> {
        let current = scale.spec_replicas;
        let best = match self.best_proposal(scale) {
            Ok(best) => best,
            Err(error) => {
                self.memory.status.current_replicas = current;
                self.out.trail.why.push(Why::Failed);
                self.event(warning("FailedComputeMetricsReplicas", &error));
                let reference = self.hpa.reference();
                return Err(format!(
                    "failed to compute desired number of replicas based on listed metrics for {reference}: {error}"
                ));
            }
        };
        let proposed = best.replicas.max(0);
        self.out.trail.proposal = u32::try_from(proposed).ok();
        // The reason is fixed here, so a size that the log forces later on can carry the wrong one. So it is upstream.
        let mut reason = match proposed {
            _ if proposed > current => format!("{} above target", best.description),
            _ if proposed < current => "All metrics below target".to_owned(),
            _ => String::new(),
        };
        let mut desired = match &self.hpa.spec().behavior {
            None => self.by_default(current, proposed),
            Some(behavior) => self.by_behavior(current, proposed, behavior),
        };
        let min = self.hpa.bounds().min;
        if current == 0 && min != 0 && self.asleep() && desired < min {
            desired = min;
            self.out.trail.why.push(Why::MinReplicas);
            if reason.is_empty() {
                reason = BELOW_MIN.to_owned();
            }
        }
        self.out.trail.after_bounds = u32::try_from(desired).ok();
        Ok(Plan { desired, reason, error: best.error })
    }

    /// The largest proposal, or why there is none.
    fn best_proposal(&mut self, scale: &Scale) -> Result<Best, String> {
        self.memory.status.current_metrics.clear();
        self.check_selector(&scale.selector)?;
        let metrics = &self.hpa.spec().metrics;
        let mut ask = Ask {
            api: &mut *self.api,
            controller: &self.hpa.object.controller,
            now: self.now,
            namespace: &self.hpa.object.namespace,
            selector: &scale.selector,
            spec_replicas: scale.spec_replicas,
            status_replicas: scale.status_replicas,
            tolerances: self.hpa.tolerances(),
            pods: None,
        };
        let mut best = Best { replicas: 0, description: String::new(), error: None };
        let mut failures = Vec::new();
        for metric in metrics {
            match metrics::evaluate(&mut ask, metric) {
                Ok(success) => {
                    if best.replicas == 0 || success.proposal.replicas > best.replicas {
                        best.replicas = success.proposal.replicas;
                        best.description = success.description;
                    }
                    self.memory.status.current_metrics.push(Some(success.current));
                    self.out.metrics.push(success.step);
                }
                Err(failure) => {
                    self.memory.status.current_metrics.push(None);
                    self.out.events.push(warning(failure.reason, &failure.message));
                    self.out.metrics.push(metrics::failed_step(metric, &failure));
                    failures.push(failure);
                }
            }
        }
        let Some(first) = failures.first() else {
            self.found_valid(&best.description);
            return Ok(best);
        };
        let (failed, all) = (failures.len(), metrics.len());
        let error = format!("invalid metrics ({failed} invalid out of {all}), first error is: {}", first.error);
        if failed == all || best.replicas < scale.spec_replicas {
            // What is broken might have asked for more: never scale down on the rest alone.
            let message = format!("the HPA was unable to compute the replica count: {}", first.message);
            self.set(SCALING_ACTIVE, false, first.reason, message);
            return Err(error);
        }
        self.found_valid(&best.description);
        best.error = Some(error);
        Ok(best)
    }

    fn found_valid(&mut self, description: &str) {
        let message = format!("the HPA was able to successfully calculate a replica count from {description}");
        self.set(SCALING_ACTIVE, true, "ValidMetricFound", message);
    }

    /// A selector that is there, can be read, and whose pods belong to this HPA alone.
    fn check_selector(&mut self, selector: &str) -> Result<(), String> {
        if selector.is_empty() {
            let error = "selector is required";
            self.event(warning("SelectorRequired", error));
            self.set(SCALING_ACTIVE, false, "InvalidSelector", "the HPA target's scale is missing a selector");
            return Err(error.to_owned());
        }
        if let Err(problem) = Selector::parse(selector) {
            let error = format!("couldn't convert selector into a corresponding internal selector object: {problem}");
            self.event(warning("InvalidSelector", &error));
            self.set(SCALING_ACTIVE, false, "InvalidSelector", &error);
            return Err(error);
        }
        let rivals = self.rivals(selector);
        if rivals.is_empty() {
            return Ok(());
        }
        let mut error = format!("pods by selector {selector} are controlled by multiple HPAs: [");
        write!(error, "{}/{}", self.hpa.object.namespace, self.hpa.object.name).expect("a string takes any text");
        for rival in rivals {
            write!(error, " HPA selecting {rival}").expect("a string takes any text");
        }
        error.push(']');
        self.event(warning("AmbiguousSelector", &error));
        self.set(SCALING_ACTIVE, false, "AmbiguousSelector", &error);
        Err(error)
    }

    /// Selectors of other HPAs under which one of this target's pods stands.
    fn rivals(&mut self, selector: &str) -> Vec<String> {
        let mut others = self.api.other_hpa_selectors();
        if others.is_empty() {
            return others;
        }
        let own = self.api.pods(selector).unwrap_or_default();
        let own: BTreeSet<&str> = own.iter().map(|pod| &*pod.name).collect();
        others.retain(|other| {
            let theirs = self.api.pods(other).unwrap_or_default();
            theirs.iter().any(|pod| own.contains(&*pod.name))
        });
        others
    }

    /// Without `behavior`: the controller's look-back, then the default limit.
    fn by_default(&mut self, current: i32, proposed: i32) -> i32 {
        let window = self.hpa.object.controller.downscale_stabilization;
        let log = self.memory.recommendations.get_or_insert_default();
        let stabilized = stabilize::highest(log, self.now, proposed, window);
        self.stabilized(current, proposed, stabilized, false);
        let limited = policies::limit_by_default(current, stabilized, self.hpa.bounds());
        self.limited(stabilized, limited, false)
    }

    /// With `behavior`: both windows, then the policies of the direction.
    fn by_behavior(&mut self, current: i32, proposed: i32, behavior: &Behavior) -> i32 {
        let fallback = ScalingRules::default();
        let (up, down) = (behavior.scale_up.as_ref(), behavior.scale_down.as_ref());
        let (up, down) = (up.unwrap_or(&fallback), down.unwrap_or(&fallback));
        let up_window = up.stabilization_window_seconds.map_or(Span::ZERO, policies::seconds);
        let down_window = down.stabilization_window_seconds.map_or_else(
            // The flag counts in whole seconds here.
            || Span::from_secs(self.hpa.object.controller.downscale_stabilization.as_nanos() / 1_000_000_000),
            policies::seconds,
        );
        let log = self.memory.recommendations.get_or_insert_default();
        let stabilized = stabilize::between(log, self.now, current, proposed, up_window, down_window);
        self.stabilized(current, proposed, stabilized, true);
        let rules = if stabilized > current { up } else { down };
        let events = Events { up: &self.memory.scale_up_events, down: &self.memory.scale_down_events };
        let limited = policies::limit_by_rules(self.now, current, stabilized, self.hpa.bounds(), rules, events);
        self.limited(stabilized, limited, policies::is_disabled(rules))
    }

    fn stabilized(&mut self, current: i32, proposed: i32, stabilized: i32, by_window: bool) {
        self.memory.status.set_stabilized(self.now, current, proposed, stabilized, by_window);
        self.out.trail.after_window = u32::try_from(stabilized).ok();
        if stabilized != proposed {
            self.out.trail.why.push(Why::Stabilized);
        }
    }

    fn limited(&mut self, stabilized: i32, limited: Limited, disabled: bool) -> i32 {
        let by = if limited.replicas == stabilized { Limit::Within } else { limited.by };
        self.memory.status.set_limited(self.now, by);
        self.out.trail.after_policies = u32::try_from(limited.after_policies).ok();
        match by {
            Limit::Within => {}
            Limit::TooMany => self.out.trail.why.push(Why::MaxReplicas),
            Limit::TooFew => self.out.trail.why.push(Why::MinReplicas),
            Limit::UpRate | Limit::DownRate => {
                self.out.trail.why.push(if disabled { Why::PolicyDisabled } else { Why::RateLimited });
            }
        }
        limited.replicas
    }

    /// Step 7: write, and remember that it was done.
    fn rescale(&mut self, current: i32, plan: &Plan) -> Result<(), String> {
        let (desired, reason) = (plan.desired, &plan.reason);
        if let Err(error) = self.write(desired) {
            self.event(warning("FailedRescale", format!("New size: {desired}; reason: {reason}; error: {error}")));
            let message = format!("the HPA controller was unable to update the target scale: {error}");
            self.set(ABLE_TO_SCALE, false, "FailedUpdateScale", message);
            self.memory.status.current_replicas = current;
            self.out.trail.why.push(Why::NoScale);
            return Err(format!("failed to rescale {}: {error}", self.hpa.reference()));
        }
        let message = format!("the HPA controller was able to update the target scale to {desired}");
        self.set(ABLE_TO_SCALE, true, "SucceededRescale", message);
        self.event(normal("SuccessfulRescale", format!("New size: {desired}; reason: {reason}")));
        self.remember(current, desired);
        self.mark_zero(current, desired);
        Ok(())
    }

    fn write(&mut self, desired: i32) -> Result<(), String> {
        let target = &self.hpa.spec().scale_target_ref;
        for attempt in 1..=WRITE_ATTEMPTS {
            match self.api.put_scale(target, desired) {
                Ok(()) => return Ok(()),
                Err(PutError::Other(error)) => return Err(error),
                Err(PutError::Conflict) if attempt < WRITE_ATTEMPTS => {
                    self.api.get_scale(target).map_err(|error| error.0)?;
                }
                Err(PutError::Conflict) => {}
            }
        }
        Err(format!(
            "Operation cannot be fulfilled on {} {:?}: the object has been modified; please apply your changes to the \
             latest version and try again",
            resource_name(target),
            target.name
        ))
    }

    /// Policies count changes made while `behavior` is present.
    fn remember(&mut self, current: i32, desired: i32) {
        let Some(behavior) = &self.hpa.spec().behavior else { return };
        let change = desired.wrapping_sub(current).wrapping_abs();
        if let Some(rules) = behavior.scale_up.as_ref().filter(|_| desired > current) {
            policies::store(&mut self.memory.scale_up_events, self.now, change, rules);
        }
        if let Some(rules) = behavior.scale_down.as_ref().filter(|_| desired < current) {
            policies::store(&mut self.memory.scale_down_events, self.now, change, rules);
        }
    }

    /// Whether it was the HPA that put the target to sleep: only then may it wake it.
    fn mark_zero(&mut self, current: i32, desired: i32) {
        if !self.hpa.object.controller.scale_to_zero {
            self.memory.status.remove(SCALED_TO_ZERO);
            return;
        }
        let to_zero = current > 0 && desired == 0 && self.hpa.bounds().min == 0;
        if to_zero && self.hpa.spec().has_metric_without_pods() {
            let message = "the HPA controller scaled the workload to zero";
            self.set(SCALED_TO_ZERO, true, "ScaledToZero", message);
        } else {
            let message = "the HPA controller did not scale the workload to zero";
            self.set(SCALED_TO_ZERO, false, "NotScaledToZero", message);
        }
    }

    /// Steps 8 and 9: the status of a pass that came through.
    fn conclude(&mut self, current: i32, desired: i32, rescaled: bool) {
        let status = &mut self.memory.status;
        status.current_replicas = current;
        status.desired_replicas = desired;
        if rescaled {
            status.last_scale = Some(self.now);
        }
        self.out.trail.decided = u32::try_from(desired).ok();
        self.out.trail.scaled = rescaled;
    }

    fn set(&mut self, kind: &str, status: bool, reason: &str, message: impl Into<String>) {
        self.memory.status.set(self.now, kind, status, reason, message);
    }

    fn event(&mut self, event: KubeEvent) {
        self.out.events.push(event);
    }
}

/// The resource of a kind as the API server names it: plural, with its group.
fn resource_name(target: &CrossVersionObjectReference) -> String {
    let kind = target.kind.to_lowercase();
    let plural = if kind.ends_with('s') {
        format!("{kind}es")
    } else if let Some(stem) = kind.strip_suffix('y') {
        format!("{stem}ies")
    } else {
        format!("{kind}s")
    };
    match target.group() {
        Ok(group) if !group.is_empty() => format!("{plural}.{group}"),
        _ => plural,
    }
}

#[cfg(test)]
mod tests;
