//! Which pods count, and what their containers ask for.
//!
//! Law: each pod under the selector has exactly one fate, and the first rule that applies decides it.
//!
//! Source of the rules: `groupPods` and `calculateRequests` in
//! `pkg/controller/podautoscaler/replica_calculator.go`, sample sums in `metrics/client.go`, Kubernetes v1.36.2.

use crate::scalers::scaler::{ContainerRequests, PodPhase, PodSample, PodTemplate, ReadyStatus, SeenPod};
use crate::scalers::spec::HpaControllerSpec;
use crate::units::{Quantity, SimTime, Span};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A pod's value in milli-units, and when it was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub value: i64,
    /// Known only of resource samples.
    pub timing: Option<(SimTime, Span)>,
}

/// Samples by pod name.
pub(super) type Samples<'a> = BTreeMap<&'a str, Sample>;

/// What becomes of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Counts with this value.
    Ready(i64),
    /// Starting: counts only as a damper of scale-up.
    Unready,
    /// No sample: damps in both directions.
    Missing,
    /// On its way out.
    Ignored,
}

/// All pods under the selector with their fates, and samples of pods that are no longer listed.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// In the order of the pods.
    pub fates: Vec<Fate>,
    /// Values without a listed pod.
    pub strays: Vec<i64>,
    pub ready: usize,
    pub unready: usize,
    pub missing: usize,
    /// When the oldest sample used was measured.
    pub oldest: Option<SimTime>,
}

impl Groups {
    /// Samples left: of ready pods and of pods no longer listed.
    pub(super) fn samples(&self) -> usize {
        self.ready + self.strays.len()
    }

    fn saw(&mut self, sample: Sample) {
        if let Some((at, _)) = sample.timing {
            self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        }
    }
}

/// Gives each pod its fate. Readiness plays a part for cpu only.
pub(super) fn group(
    pods: &[SeenPod],
    mut samples: Samples<'_>,
    is_cpu: bool,
    now: SimTime,
    controller: &HpaControllerSpec,
) -> Groups {
    let mut groups = Groups { fates: Vec::with_capacity(pods.len()), ..Groups::default() };
    for pod in pods {
        let sample = samples.remove(&*pod.name);
        let fate = match sample {
            _ if pod.deleting || pod.phase == PodPhase::Failed => Fate::Ignored,
            _ if pod.phase == PodPhase::Pending => Fate::Unready,
            None => Fate::Missing,
            Some(sample) if is_cpu && is_unready(pod, sample, now, controller) => Fate::Unready,
            Some(sample) => {
                groups.saw(sample);
                Fate::Ready(sample.value)
            }
        };
        match fate {
            Fate::Ready(_) => groups.ready += 1,
            Fate::Unready => groups.unready += 1,
            Fate::Missing => groups.missing += 1,
            Fate::Ignored => {}
        }
        groups.fates.push(fate);
    }
    for sample in samples.into_values() {
        groups.saw(sample);
        groups.strays.push(sample.value);
    }
    groups
}

/// True if a pod's cpu sample is not to be trusted: it is starting, or was never ready.
fn is_unready(pod: &SeenPod, sample: Sample, now: SimTime, controller: &HpaControllerSpec) -> bool {
    let (Some(ready), Some(started)) = (pod.ready, pod.started) else { return true };
    let says_no = ready == ReadyStatus::False;
    if started + controller.cpu_initialization_period > now {
        let too_early = match (sample.timing, pod.ready_changed) {
            (Some((at, window)), Some(changed)) => at < changed + window,
            _ => false,
        };
        says_no || too_early
    } else {
        let never_ready = match pod.ready_changed {
            Some(changed) => started + controller.initial_readiness_delay > changed,
            None => true, // long before everything, so before the start too
        };
        says_no && never_ready
    }
}

/// Sums over each pod's containers. A pod with a container that lacks the resource, or without any, has no sample.
pub(super) fn resource_samples<'a>(rows: &'a [PodSample], resource: &str) -> Samples<'a> {
    rows.iter().filter_map(|row| Some((&*row.pod, sample(row, sum_of_containers(row, resource)?)))).collect()
}

/// One container of each pod. A pod without it, or whose container lacks the resource, has no sample.
pub(super) fn container_samples<'a>(rows: &'a [PodSample], resource: &str, container: &str) -> Samples<'a> {
    let value = |row: &PodSample| {
        let found = row.containers.iter().find(|found| &*found.name == container)?;
        usage(&found.cpu, &found.memory, resource).map(|usage| usage.milli_value())
    };
    rows.iter().filter_map(|row| Some((&*row.pod, sample(row, value(row)?)))).collect()
}

/// A custom metric's values.
pub(super) fn custom_samples(rows: &[(Rc<str>, Quantity)]) -> Samples<'_> {
    rows.iter().map(|(pod, value)| (&**pod, Sample { value: value.milli_value(), timing: None })).collect()
}

fn sample(row: &PodSample, value: i64) -> Sample {
    Sample { value, timing: Some((row.at, row.window)) }
}

fn sum_of_containers(row: &PodSample, resource: &str) -> Option<i64> {
    let mut sum: Option<i64> = None;
    for container in &row.containers {
        let value = usage(&container.cpu, &container.memory, resource)?.milli_value();
        sum = Some(sum.unwrap_or(0).wrapping_add(value));
    }
    sum
}

fn usage<'a>(cpu: &'a Option<Quantity>, memory: &'a Option<Quantity>, resource: &str) -> Option<&'a Quantity> {
    match resource {
        "cpu" => cpu.as_ref(),
        "memory" => memory.as_ref(),
        _ => None,
    }
}

/// Requests in milli-units of all pods, in their order, even of those that do not count.
pub(super) fn requests(pods: &[SeenPod], container: Option<&str>, resource: &str) -> Result<Vec<i64>, String> {
    pods.iter()
        .map(|pod| match container {
            Some(container) => container_request(pod, container, resource),
            None if has_pod_level_requests(&pod.template) => pod_level_request(pod, resource),
            None => sum_of_requests(pod, resource),
        })
        .collect()
}

/// Containers, then sidecars.
fn running(template: &PodTemplate) -> impl Iterator<Item = &ContainerRequests> {
    template.containers.iter().chain(&template.sidecars)
}

fn request<'a>(requests: &'a [(String, Quantity)], resource: &str) -> Option<&'a Quantity> {
    requests.iter().find(|(name, _)| name == resource).map(|(_, quantity)| quantity)
}

fn missing_request(resource: &str, container: &str, pod: &str) -> String {
    format!("missing request for {resource} in container {container} of Pod {pod}")
}

fn container_request(pod: &SeenPod, container: &str, resource: &str) -> Result<i64, String> {
    let Some(found) = running(&pod.template).find(|found| found.name == container) else {
        return Err(format!("container {container} not found in Pod {}", pod.name));
    };
    let quantity = request(&found.requests, resource);
    quantity.map(Quantity::milli_value).ok_or_else(|| missing_request(resource, container, &pod.name))
}

fn sum_of_requests(pod: &SeenPod, resource: &str) -> Result<i64, String> {
    let mut sum: i64 = 0;
    for container in running(&pod.template) {
        let quantity = request(&container.requests, resource);
        let quantity = quantity.ok_or_else(|| missing_request(resource, &container.name, &pod.name))?;
        sum = sum.wrapping_add(quantity.milli_value());
    }
    Ok(sum)
}

fn has_pod_level_requests(template: &PodTemplate) -> bool {
    let counts = |name: &str| name == "cpu" || name == "memory" || name.starts_with("hugepages-");
    template.pod_requests.iter().any(|(name, _)| counts(name))
}

/// The pod-level value, else the aggregate of those containers that ask for the resource.
fn pod_level_request(pod: &SeenPod, resource: &str) -> Result<i64, String> {
    if let Some(quantity) = request(&pod.template.pod_requests, resource) {
        return Ok(quantity.milli_value());
    }
    let asked = running(&pod.template).filter_map(|container| request(&container.requests, resource));
    let sum = asked.map(Quantity::nanos).reduce(i128::saturating_add);
    let sum = sum.ok_or_else(|| format!("missing pod-level request for {resource} in Pod {}", pod.name))?;
    Ok(Quantity::from_nanos(sum).milli_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, phase: PodPhase) -> SeenPod {
        SeenPod {
            name: name.into(),
            phase,
            started: Some(SimTime::from_secs(1000)),
            ready: Some(ReadyStatus::True),
            ready_changed: Some(SimTime::from_secs(1010)),
            deleting: false,
            template: Rc::new(PodTemplate::default()),
        }
    }

    fn at(secs: u64) -> Sample {
        Sample { value: 5, timing: Some((SimTime::from_secs(secs), Span::from_secs(30))) }
    }

    fn fate(pod: SeenPod, sample: Option<Sample>, is_cpu: bool, now_s: u64) -> Fate {
        let samples = sample.map(|sample| ("p", sample)).into_iter().collect();
        group(&[pod], samples, is_cpu, SimTime::from_secs(now_s), &HpaControllerSpec::default()).fates[0]
    }

    #[test]
    fn the_first_rule_decides() {
        let running = || pod("p", PodPhase::Running);
        assert_eq!(fate(SeenPod { deleting: true, ..running() }, Some(at(0)), true, 2000), Fate::Ignored);
        assert_eq!(fate(pod("p", PodPhase::Failed), None, true, 2000), Fate::Ignored);
        assert_eq!(fate(pod("p", PodPhase::Pending), Some(at(0)), false, 2000), Fate::Unready);
        assert_eq!(fate(running(), None, true, 2000), Fate::Missing);
        assert_eq!(fate(pod("p", PodPhase::Succeeded), Some(at(0)), true, 2000), Fate::Ready(5));
        assert_eq!(fate(SeenPod { ready: None, ..running() }, Some(at(2000)), true, 2000), Fate::Unready);
        assert_eq!(fate(SeenPod { ready: None, ..running() }, Some(at(2000)), false, 2000), Fate::Ready(5));
    }

    #[test]
    fn a_starting_pod_needs_one_whole_window_after_it_turned_ready() {
        // Started at 1000, ready at 1010, window 30 s: samples count from 1040, and every sample counts from 1300 on.
        let running = || pod("p", PodPhase::Running);
        assert_eq!(fate(running(), Some(at(1039)), true, 1299), Fate::Unready);
        assert_eq!(fate(running(), Some(at(1040)), true, 1299), Fate::Ready(5));
        assert_eq!(fate(running(), Some(at(1039)), true, 1300), Fate::Ready(5));
    }

    #[test]
    fn an_old_pod_is_left_out_only_if_it_was_never_ready() {
        let unready = |changed_s| SeenPod {
            ready: Some(ReadyStatus::False),
            ready_changed: Some(SimTime::from_secs(changed_s)),
            ..pod("p", PodPhase::Running)
        };
        assert_eq!(fate(unready(1029), Some(at(2000)), true, 2000), Fate::Unready);
        assert_eq!(fate(unready(1030), Some(at(2000)), true, 2000), Fate::Ready(5));
    }

    #[test]
    fn samples_of_pods_no_longer_listed_stay() {
        let samples = [("p", at(100)), ("gone", at(90))].into_iter().collect();
        let pods = [pod("p", PodPhase::Running)];
        let groups = group(&pods, samples, false, SimTime::from_secs(2000), &HpaControllerSpec::default());
        assert_eq!((groups.ready, groups.samples()), (1, 2));
        assert_eq!(groups.oldest, Some(SimTime::from_secs(90)));
    }

    #[test]
    fn pod_level_requests_win_unless_a_container_is_named() {
        let quantity = |text: &str| Quantity::parse(text).expect("a quantity");
        let ask = |name: &str, cpu: &str| ContainerRequests {
            name: name.into(),
            requests: vec![("cpu".into(), quantity(cpu))],
        };
        let mut template = PodTemplate {
            containers: vec![ask("app", "100m")],
            sidecars: vec![ask("mesh", "50m")],
            pod_requests: vec![],
        };
        let with =
            |template: &PodTemplate| [SeenPod { template: Rc::new(template.clone()), ..pod("p", PodPhase::Running) }];
        assert_eq!(requests(&with(&template), None, "cpu"), Ok(vec![150]));
        assert_eq!(requests(&with(&template), Some("mesh"), "cpu"), Ok(vec![50]));
        assert_eq!(requests(&with(&template), Some("x"), "cpu"), Err("container x not found in Pod p".into()));
        let missing = "missing request for memory in container app of Pod p";
        assert_eq!(requests(&with(&template), None, "memory"), Err(missing.into()));
        template.pod_requests = vec![("cpu".into(), quantity("1"))];
        assert_eq!(requests(&with(&template), None, "cpu"), Ok(vec![1000]));
        assert_eq!(requests(&with(&template), Some("app"), "cpu"), Ok(vec![100]));
        let missing = "missing pod-level request for memory in Pod p";
        assert_eq!(requests(&with(&template), None, "memory"), Err(missing.into()));
        template.pod_requests = vec![("memory".into(), quantity("1Gi"))];
        assert_eq!(requests(&with(&template), None, "cpu"), Ok(vec![150]));
    }
}
