//! Whole passes over a small made-up world; expected values are arithmetic.

use super::spec::{ExternalMetric, MetricIdentifier, MetricSpec, MetricTarget, ResourceMetric, ScalingPolicy};
use super::*;
use crate::scalers::scaler::{
    ApiError, ContainerRequests, ContainerSample, PodPhase, PodSample, PodTemplate, ReadyStatus, SeenPod,
};
use crate::units::Quantity;
use std::rc::Rc;

/// Pods that all use the same cpu, and a queue.
struct World {
    scale: Scale,
    cpu_milli: i64,
    queue: Option<i64>,
    writes: Vec<i32>,
    conflicts: u32,
}

fn world(replicas: i32) -> World {
    let scale = Scale { spec_replicas: replicas, status_replicas: replicas, selector: "app=web".into() };
    World { scale, cpu_milli: 500, queue: None, writes: Vec::new(), conflicts: 0 }
}

impl World {
    fn names(&self) -> impl Iterator<Item = Rc<str>> + use<> {
        (0..self.scale.status_replicas).map(|number| format!("web-{number}").into())
    }
}

impl Api for World {
    fn get_scale(&mut self, _of: &CrossVersionObjectReference) -> Result<Scale, ApiError> {
        Ok(self.scale.clone())
    }

    fn put_scale(&mut self, _of: &CrossVersionObjectReference, replicas: i32) -> Result<(), PutError> {
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(PutError::Conflict);
        }
        self.writes.push(replicas);
        self.scale.spec_replicas = replicas;
        self.scale.status_replicas = replicas;
        Ok(())
    }

    fn pods(&mut self, _selector: &str) -> Result<Vec<SeenPod>, ApiError> {
        let requests = vec![("cpu".to_owned(), Quantity::from_units(1))];
        let containers = vec![ContainerRequests { name: "app".into(), requests }];
        let template = Rc::new(PodTemplate { containers, ..PodTemplate::default() });
        let pod = |name| SeenPod {
            name,
            phase: PodPhase::Running,
            started: Some(SimTime::ZERO),
            ready: Some(ReadyStatus::True),
            ready_changed: Some(SimTime::ZERO),
            deleting: false,
            template: Rc::clone(&template),
        };
        Ok(self.names().map(pod).collect())
    }

    fn resource_metrics(&mut self, _selector: &str) -> Result<Vec<PodSample>, ApiError> {
        let cpu = Some(Quantity::from_millis(self.cpu_milli));
        let sample = |(number, pod): (u64, Rc<str>)| PodSample {
            pod,
            at: SimTime::from_secs(900 + number),
            window: Span::from_secs(15),
            containers: vec![ContainerSample { name: "app".into(), cpu, memory: None }],
        };
        Ok((0..).zip(self.names()).map(sample).collect())
    }

    fn pods_metric(
        &mut self,
        _metric: &MetricIdentifier,
        _selector: &str,
    ) -> Result<Vec<(Rc<str>, Quantity)>, ApiError> {
        Err(ApiError("none".into()))
    }

    fn object_metric(
        &mut self,
        _metric: &MetricIdentifier,
        _object: &CrossVersionObjectReference,
    ) -> Result<Quantity, ApiError> {
        Err(ApiError("none".into()))
    }

    fn external_metric(&mut self, _metric: &MetricIdentifier) -> Result<Vec<Quantity>, ApiError> {
        self.queue.map(|length| vec![Quantity::from_units(length)]).ok_or_else(|| ApiError("down".into()))
    }

    fn measured_at(&self) -> Option<SimTime> {
        Some(SimTime::from_secs(990))
    }
}

const NOW: SimTime = SimTime::from_secs(1000);

/// Cpu at 50 % of the request.
fn cpu() -> MetricSpec {
    let target = MetricTarget { average_utilization: Some(50), ..MetricTarget::default() };
    let resource = Some(ResourceMetric { name: "cpu".into(), target });
    MetricSpec { kind: "Resource".into(), resource, ..MetricSpec::default() }
}

/// Ten of the queue per pod.
fn queue() -> MetricSpec {
    let target = MetricTarget { average_value: Some(Quantity::from_units(10)), ..MetricTarget::default() };
    let metric = MetricIdentifier { name: "queue".into(), selector: None };
    let external = Some(ExternalMetric { metric, target });
    MetricSpec { kind: "External".into(), external, ..MetricSpec::default() }
}

fn hpa(min: i32, max: i32, metrics: Vec<MetricSpec>, behavior: Option<Behavior>) -> Hpa {
    let target =
        CrossVersionObjectReference { api_version: "apps/v1".into(), kind: "Deployment".into(), name: "web".into() };
    let spec = HpaSpec { scale_target_ref: target, min_replicas: Some(min), max_replicas: max, metrics, behavior };
    Hpa::new(HpaObject::admitted("default", "web", &spec, &HpaControllerSpec::default()))
}

fn pass(hpa: &Hpa, now: SimTime, world: &mut World, memory: &mut HpaMemory) -> Report {
    let mut report = Report::default();
    let wake = hpa.reconcile(now, world, memory, &mut report);
    assert_eq!(wake, Wake::At(now + Span::from_secs(15)));
    report
}

#[test]
fn a_pass_says_all_that_it_saw_and_did() {
    let hpa = hpa(1, 20, vec![cpu()], None);
    let mut world = World { cpu_milli: 900, ..world(4) };
    let report = pass(&hpa, NOW, &mut world, &mut HpaMemory::default());
    // 90 % against 50 %: ceil(1.8 × 4) = 8 of at most max(8, 4).
    assert_eq!(world.writes, [8]);
    let step = &report.metrics[0];
    assert_eq!((step.metric.as_str(), step.seen, step.target), ("cpu", Some(0.9), Some(0.5)));
    assert_eq!((step.raw, step.proposal, step.why), (Some(8), Some(8), Some(Why::Formula)));
    assert_eq!(step.seen_at, Some(SimTime::from_secs(900)));
    assert!(step.detail.starts_with("ready=4;unready=0;missing=0;ignored=0;ratio=1.8"), "{}", step.detail);
    let trail = &report.trail;
    assert_eq!((trail.now, trail.proposal, trail.after_window), (Some(4), Some(8), Some(8)));
    assert_eq!((trail.after_policies, trail.after_bounds, trail.decided), (Some(8), Some(8), Some(8)));
    assert!(trail.scaled && trail.why.is_empty());
    assert_eq!(report.status.targets, "cpu: 90%/50%");
    assert_eq!((report.status.current_replicas, report.status.desired_replicas), (4, 8));
    assert_eq!(report.error, None);
}

#[test]
fn the_size_at_first_sight_holds_for_a_whole_window() {
    let hpa = hpa(1, 20, vec![cpu()], None);
    let mut world = World { cpu_milli: 100, ..world(4) };
    let mut memory = HpaMemory::default();
    let report = pass(&hpa, NOW, &mut world, &mut memory);
    assert_eq!((report.trail.proposal, report.trail.decided), (Some(1), Some(4)));
    assert_eq!(report.trail.why, [Why::Stabilized]);
    assert_eq!(pass(&hpa, SimTime::from_secs(1300), &mut world, &mut memory).trail.decided, Some(4));
    assert_eq!(pass(&hpa, SimTime::from_secs(1301), &mut world, &mut memory).trail.decided, Some(1));
}

#[test]
fn bounds_come_before_metrics() {
    let hpa = hpa(2, 5, vec![cpu()], None);
    let mut world = world(9);
    let report = pass(&hpa, NOW, &mut world, &mut HpaMemory::default());
    assert_eq!(world.writes, [5]);
    assert!(report.metrics.is_empty());
    assert_eq!(report.trail.why, [Why::MaxReplicas]);
    assert_eq!(report.status.targets, "cpu: <unknown>/50%");
    assert_eq!(report.events[0].message, "New size: 5; reason: Current number of replicas above Spec.MaxReplicas");
}

#[test]
fn zero_set_by_hand_disables() {
    let hpa = hpa(1, 5, vec![cpu()], None);
    let mut world = world(0);
    let report = pass(&hpa, NOW, &mut world, &mut HpaMemory::default());
    assert!(world.writes.is_empty());
    assert_eq!(report.trail.why, [Why::Zero]);
    assert_eq!(report.status.conditions[1].reason, "ScalingDisabled");
}

#[test]
fn a_broken_metric_blocks_the_way_down_only() {
    let hpa = hpa(1, 20, vec![queue(), cpu()], None);
    let mut up = World { cpu_milli: 900, ..world(4) };
    let report = pass(&hpa, NOW, &mut up, &mut HpaMemory::default());
    assert_eq!(up.writes, [8]);
    assert!(report.error.is_some_and(|error| error.starts_with("invalid metrics (1 invalid out of 2)")));
    let mut down = World { cpu_milli: 100, ..world(4) };
    let report = pass(&hpa, NOW, &mut down, &mut HpaMemory::default());
    assert!(down.writes.is_empty());
    assert_eq!(report.trail.why, [Why::Failed]);
    assert_eq!(report.metrics[0].why, Some(Why::Failed));
    assert_eq!(report.metrics[1].proposal, Some(1));
}

#[test]
fn policies_limit_and_remember() {
    let policy = ScalingPolicy { kind: "Pods".into(), value: 2, period_seconds: 60 };
    let rules = ScalingRules { policies: Some(vec![policy]), ..ScalingRules::default() };
    let hpa = hpa(1, 20, vec![queue()], Some(Behavior { scale_up: Some(rules), scale_down: None }));
    let mut world = World { queue: Some(200), ..world(4) };
    let mut memory = HpaMemory::default();
    let report = pass(&hpa, NOW, &mut world, &mut memory);
    assert_eq!(report.trail.proposal, Some(20));
    assert_eq!((report.trail.after_policies, report.trail.decided), (Some(6), Some(6)));
    assert_eq!(report.trail.why, [Why::RateLimited]);
    assert_eq!(report.metrics[0].seen_at, Some(SimTime::from_secs(990)));
    // The two replicas of this minute are used up; a minute later there are two more.
    assert_eq!(pass(&hpa, SimTime::from_secs(1059), &mut world, &mut memory).trail.decided, Some(6));
    assert_eq!(pass(&hpa, SimTime::from_secs(1060), &mut world, &mut memory).trail.decided, Some(8));
}

#[test]
fn a_write_is_tried_five_times() {
    let hpa = hpa(1, 20, vec![queue()], None);
    let mut lucky = World { queue: Some(80), conflicts: 4, ..world(4) };
    assert_eq!(pass(&hpa, NOW, &mut lucky, &mut HpaMemory::default()).error, None);
    let mut unlucky = World { queue: Some(80), conflicts: 5, ..world(4) };
    let report = pass(&hpa, NOW, &mut unlucky, &mut HpaMemory::default());
    let error = report.error.expect("all writes met conflicts");
    assert!(error.contains(r#"Operation cannot be fulfilled on deployments.apps "web""#), "{error}");
    assert_eq!(report.trail.why, [Why::NoScale]);
}

#[test]
fn memory_survives_being_written_down() {
    let hpa = hpa(1, 20, vec![queue(), cpu()], Some(Behavior::default()));
    let mut world = World { queue: Some(123), ..world(4) };
    let mut memory = HpaMemory::default();
    pass(&hpa, NOW, &mut world, &mut memory);
    assert_eq!(memory.status.last_scale, Some(NOW));
    let text = serde_json::to_string(&memory).expect("it is plain data");
    assert_eq!(serde_json::from_str::<HpaMemory>(&text).expect("it was written by us"), memory);
}

#[test]
fn an_edit_keeps_memory_and_the_agreed_time() {
    let mut hpa = hpa(1, 20, vec![queue()], None);
    let mut memory = HpaMemory::default();
    let mut world = World { queue: Some(80), ..world(4) };
    pass(&hpa, NOW, &mut world, &mut memory);
    let before = memory.clone();
    let mut object = hpa.object().clone();
    object.spec.max_replicas = 6;
    assert_eq!(hpa.amended(NOW, object, &mut memory), Wake::Keep);
    assert_eq!(memory, before);
    assert_eq!(pass(&hpa, SimTime::from_secs(1015), &mut world, &mut memory).trail.decided, Some(6));
}
