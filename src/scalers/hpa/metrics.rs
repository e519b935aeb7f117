//! One metric of the spec: ask for its samples, apply its formula, say what was seen.
//!
//! Law: questions are put in upstream's order, so the first thing that is broken names the failure.
//!
//! Source of the rules: `computeReplicasForMetric` and the functions under it in
//! `pkg/controller/podautoscaler/{horizontal,replica_calculator}.go`, errors of `metrics/client.go`, Kubernetes v1.36.2.

use crate::scalers::hpa::pods::{self, Groups, Samples};
use crate::scalers::hpa::replicas::{self, Proposal, Tolerances};
use crate::scalers::hpa::selector::go_text;
use crate::scalers::hpa::spec::{ExternalMetric, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetric, PodsMetric};
use crate::scalers::report::{CurrentMetric, MetricStep, Why};
use crate::scalers::scaler::{Api, PodPhase, PodSample, ReadyStatus, SeenPod};
use crate::scalers::spec::HpaControllerSpec;
use crate::units::{Quantity, SimTime};

/// All that evaluating a metric depends on.
pub(super) struct Ask<'a> {
    pub api: &'a mut dyn Api,
    pub controller: &'a HpaControllerSpec,
    pub now: SimTime,
    pub namespace: &'a str,
    /// Of the target's pods.
    pub selector: &'a str,
    pub spec_replicas: i32,
    pub status_replicas: i32,
    pub tolerances: Tolerances,
    /// Asked for once per pass, as upstream reads its cache.
    pub pods: Option<Result<Vec<SeenPod>, String>>,
}

/// A metric that gave a proposal.
pub(super) struct Success {
    pub proposal: Proposal,
    /// Upstream's words for the metric.
    pub description: String,
    pub current: CurrentMetric,
    pub step: MetricStep,
}

/// A metric that gave none.
pub(super) struct Failure {
    pub reason: &'static str,
    /// For condition and event.
    pub message: String,
    /// For the error that the pass returns.
    pub error: String,
}

/// What was read off a source, before it is dressed up.
struct Reading {
    proposal: Proposal,
    description: String,
    seen: Seen,
    seen_at: Option<SimTime>,
    detail: String,
}

/// The current value, in the form that goes into the status.
enum Seen {
    Utilization { percent: i32, average: i64, target: i32 },
    Average { average: i64, target: i64 },
    Value { value: i64, target: i64 },
}

impl Failure {
    /// The same text for condition and error, the latter behind what upstream puts in front.
    fn new(reason: &'static str, message: String, prefix: &str) -> Self {
        let error = format!("{prefix}{message}");
        Self { reason, message, error }
    }
}

/// The name that a person knows the metric by.
pub(super) fn name_of(metric: &MetricSpec) -> &str {
    let resource = || metric.resource.as_ref().map(|source| &source.name);
    let container = || metric.container_resource.as_ref().map(|source| &source.name);
    let pods = || metric.pods.as_ref().map(|source| &source.metric.name);
    let object = || metric.object.as_ref().map(|source| &source.metric.name);
    let external = || metric.external.as_ref().map(|source| &source.metric.name);
    match metric.kind.as_str() {
        "Resource" => resource(),
        "ContainerResource" => container(),
        "Pods" => pods(),
        "Object" => object(),
        "External" => external(),
        _ => None,
    }
    .unwrap_or(&metric.kind)
}

/// Evaluates one metric.
pub(super) fn evaluate(ask: &mut Ask<'_>, metric: &MetricSpec) -> Result<Success, Failure> {
    let reading = if let ("Resource", Some(source)) = (metric.kind.as_str(), &metric.resource) {
        let prefix = format!("failed to get {} resource metric value: ", source.name);
        let reading = ask.resource(&source.name, None, &source.target);
        reading.map_err(|message| Failure::new("FailedGetResourceMetric", message, &prefix))
    } else if let ("ContainerResource", Some(source)) = (metric.kind.as_str(), &metric.container_resource) {
        let prefix = format!("failed to get {} container metric value: ", source.container);
        let reading = ask.resource(&source.name, Some(&source.container), &source.target);
        reading.map_err(|message| Failure::new("FailedGetContainerResourceMetric", message, &prefix))
    } else if let ("Pods", Some(source)) = (metric.kind.as_str(), &metric.pods) {
        let reading = ask.pods_metric(source);
        reading.map_err(|message| Failure::new("FailedGetPodsMetric", message, "failed to get pods metric value: "))
    } else if let ("Object", Some(source)) = (metric.kind.as_str(), &metric.object) {
        ask.object_metric(source)
    } else if let ("External", Some(source)) = (metric.kind.as_str(), &metric.external) {
        ask.external_metric(source)
    } else {
        let message = format!("unknown metric source type {:?}", metric.kind);
        Err(Failure::new("InvalidMetricSourceType", message, ""))
    };
    reading.map(|reading| reading.dressed(metric))
}

impl Reading {
    fn dressed(self, metric: &MetricSpec) -> Success {
        let units = |milli: i64| milli as f64 / 1000.0;
        let mut current =
            CurrentMetric { source: metric.kind.clone(), value: None, average_value: None, average_utilization: None };
        let is_memory = matches!(metric.kind.as_str(), "Resource" | "ContainerResource") && name_of(metric) == "memory";
        let printed = if is_memory { Quantity::from_binary_millis } else { Quantity::from_millis };
        let (seen, target) = match self.seen {
            Seen::Utilization { percent, average, target } => {
                current.average_utilization = Some(percent);
                current.average_value = Some(printed(average));
                (f64::from(percent) / 100.0, f64::from(target) / 100.0)
            }
            Seen::Average { average, target } => {
                current.average_value = Some(printed(average));
                (units(average), units(target))
            }
            Seen::Value { value, target } => {
                current.value = Some(Quantity::from_millis(value));
                (units(value), units(target))
            }
        };
        let step = MetricStep {
            metric: name_of(metric).to_owned(),
            seen: Some(seen),
            target: Some(target),
            seen_at: self.seen_at,
            raw: u32::try_from(self.proposal.raw).ok(),
            proposal: u32::try_from(self.proposal.replicas).ok(),
            why: Some(self.proposal.why),
            detail: self.detail,
        };
        Success { proposal: self.proposal, description: self.description, current, step }
    }
}

/// The step of a metric that failed.
pub(super) fn failed_step(metric: &MetricSpec, failure: &Failure) -> MetricStep {
    MetricStep {
        metric: name_of(metric).to_owned(),
        why: Some(Why::Failed),
        detail: format!("error={}", failure.message),
        ..MetricStep::default()
    }
}

fn no_pods() -> String {
    "no pods returned by selector while calculating replica count".to_owned()
}

fn detail(proposal: &Proposal, groups: &Groups) -> String {
    let (ready, unready, missing) = (groups.ready, groups.unready, groups.missing);
    let ignored = groups.fates.len() - ready - unready - missing;
    let ratio = proposal.ratio;
    format!("ready={ready};unready={unready};missing={missing};ignored={ignored};ratio={ratio}")
}

impl Ask<'_> {
    /// Pods under the selector; none is an error.
    fn listed(&mut self) -> Result<&[SeenPod], String> {
        let pods = self.pods.get_or_insert_with(|| self.api.pods(self.selector).map_err(|error| error.0));
        match pods {
            Err(error) => Err(format!("unable to get pods while calculating replica count: {error}")),
            Ok(pods) if pods.is_empty() => Err(no_pods()),
            Ok(pods) => Ok(pods),
        }
    }

    fn group(&mut self, samples: Samples<'_>, is_cpu: bool) -> Result<Groups, String> {
        let (now, controller) = (self.now, self.controller);
        let groups = pods::group(self.listed()?, samples, is_cpu, now, controller);
        if groups.samples() == 0 {
            return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
        }
        Ok(groups)
    }

    fn resource_rows(&mut self, resource: &str) -> Result<Vec<PodSample>, String> {
        let rows = match self.api.resource_metrics(self.selector) {
            Err(error) => Err(format!("unable to fetch metrics from resource metrics API: {error}")),
            Ok(rows) if rows.is_empty() => Err("no metrics returned from resource metrics API".to_owned()),
            Ok(rows) => Ok(rows),
        };
        rows.map_err(|error| format!("unable to get metrics for resource {resource}: {error}"))
    }

    fn resource(&mut self, name: &str, container: Option<&str>, target: &MetricTarget) -> Result<Reading, String> {
        if let Some(target) = &target.average_value {
            let reading = self.resource_average(name, container, target.milli_value());
            return reading.map_err(|error| format!("failed to get {name} usage: {error}"));
        }
        let Some(target) = target.average_utilization else {
            return Err("invalid resource metric source: neither an average utilization target nor an average value \
                        (usage) target was set"
                .to_owned());
        };
        let reading = self.resource_utilization(name, container, target);
        reading.map_err(|error| format!("failed to get {name} utilization: {error}"))
    }

    fn resource_groups(&mut self, name: &str, container: Option<&str>) -> Result<Groups, String> {
        let rows = self.resource_rows(name)?;
        let samples = match container {
            Some(container) => pods::container_samples(&rows, name, container),
            None => pods::resource_samples(&rows, name),
        };
        self.group(samples, name == "cpu")
    }

    fn resource_average(&mut self, name: &str, container: Option<&str>, target: i64) -> Result<Reading, String> {
        let groups = self.resource_groups(name, container)?;
        let (proposal, average) = replicas::pod_average(&groups, target, self.spec_replicas, self.tolerances);
        Ok(Reading {
            proposal,
            description: format!("{name} resource"),
            seen: Seen::Average { average, target },
            seen_at: groups.oldest,
            detail: detail(&proposal, &groups),
        })
    }

    fn resource_utilization(&mut self, name: &str, container: Option<&str>, target: i32) -> Result<Reading, String> {
        let groups = self.resource_groups(name, container)?;
        let requests = pods::requests(self.listed()?, container, name)?;
        let (proposal, percent, average) =
            replicas::utilization(&groups, &requests, target, self.spec_replicas, self.tolerances)?;
        let what = if container.is_some() { "container resource" } else { "resource" };
        Ok(Reading {
            proposal,
            description: format!("{name} {what} utilization (percentage of request)"),
            seen: Seen::Utilization { percent, average, target },
            seen_at: groups.oldest,
            detail: detail(&proposal, &groups),
        })
    }

    fn pods_metric(&mut self, source: &PodsMetric) -> Result<Reading, String> {
        convertible(&source.metric)?;
        let name = &source.metric.name;
        let Some(target) = &source.target.average_value else {
            return Err("invalid pods metric source: no average value target was set".to_owned());
        };
        let target = target.milli_value();
        let rows = match self.api.pods_metric(&source.metric, self.selector) {
            Err(error) => Err(format!("unable to fetch metrics from custom metrics API: {error}")),
            Ok(rows) if rows.is_empty() => Err("no metrics returned from custom metrics API".to_owned()),
            Ok(rows) => Ok(rows),
        };
        let rows = rows.map_err(|error| format!("unable to get metric {name}: {error}"))?;
        let seen_at = self.api.measured_at();
        let groups = self.group(pods::custom_samples(&rows), false)?;
        let (proposal, average) = replicas::pod_average(&groups, target, self.spec_replicas, self.tolerances);
        Ok(Reading {
            proposal,
            description: format!("pods metric {name}"),
            seen: Seen::Average { average, target },
            seen_at,
            detail: detail(&proposal, &groups),
        })
    }

    fn object_metric(&mut self, source: &ObjectMetric) -> Result<Reading, Failure> {
        const PREFIX: &str = "failed to get object metric value: ";
        let failure = |message, prefix: &str| Failure::new("FailedGetObjectMetric", message, prefix);
        convertible(&source.metric).map_err(|message| failure(message, PREFIX))?;
        let name = &source.metric.name;
        match (source.target.kind.as_str(), &source.target.value, &source.target.average_value) {
            ("Value", Some(target), _) => {
                let description = format!("{} metric {name}", source.described_object.kind);
                let usage = self.object_usage(source);
                let reading = usage.and_then(|usage| self.total(usage, target.milli_value(), description));
                reading.map_err(|message| failure(message, PREFIX))
            }
            ("AverageValue", _, Some(target)) => {
                let prefix = format!("{PREFIX}failed to get {name} object metric: ");
                let usage = self.object_usage(source).map_err(|message| failure(message, &prefix))?;
                Ok(self.total_per_pod(usage, target.milli_value(), &source.metric, false))
            }
            _ => {
                let message =
                    "invalid object metric source: neither a value target nor an average value target was set";
                Err(failure(message.to_owned(), PREFIX))
            }
        }
    }

    fn object_usage(&mut self, source: &ObjectMetric) -> Result<i64, String> {
        let usage = self.api.object_metric(&source.metric, &source.described_object);
        usage.map(|value| value.milli_value()).map_err(|error| {
            // Upstream hands its arguments over in this odd order.
            let (name, object) = (&source.metric.name, &source.described_object);
            format!(
                "unable to get metric {name}: {} on {} {}/unable to fetch metrics from custom metrics API: {error}",
                object.kind, self.namespace, object.name
            )
        })
    }

    fn external_metric(&mut self, source: &ExternalMetric) -> Result<Reading, Failure> {
        let name = &source.metric.name;
        let prefix = format!("failed to get {name} external metric value: ");
        let failure = |message, prefix: &str| Failure::new("FailedGetExternalMetric", message, prefix);
        if let Some(target) = &source.target.average_value {
            let prefix = format!("{prefix}failed to get {name} external metric: ");
            let values = self.external_values(&source.metric).map_err(|message| failure(message, &prefix))?;
            let usage = replicas::sum_per_pod(values.iter().map(Quantity::milli_value));
            return Ok(self.total_per_pod(usage, target.milli_value(), &source.metric, true));
        }
        if let Some(target) = &source.target.value {
            let prefix = format!("{prefix}failed to get external metric {name}: ");
            let values = self.external_values(&source.metric).map_err(|message| failure(message, &prefix))?;
            let usage = replicas::sum_for_total(values.iter().map(Quantity::milli_value));
            let reading = self.total(usage, target.milli_value(), external_description(&source.metric));
            return reading.map_err(|message| failure(message, &prefix));
        }
        let message = "invalid external metric source: neither a value target nor an average value target was set";
        Err(failure(message.to_owned(), &prefix))
    }

    fn external_values(&mut self, metric: &MetricIdentifier) -> Result<Vec<Quantity>, String> {
        convertible(metric)?;
        let values = match self.api.external_metric(metric) {
            Err(error) => Err(format!("unable to fetch metrics from external metrics API: {error}")),
            Ok(values) if values.is_empty() => Err("no metrics returned from external metrics API".to_owned()),
            Ok(values) => Ok(values),
        };
        values.map_err(|error| {
            let selector = go_text(metric.selector.as_ref());
            format!("unable to get external metric {}/{}/{selector}: {error}", self.namespace, metric.name)
        })
    }

    /// Scaled by those pods that run and are ready, even if they are being deleted.
    fn total(&mut self, value: i64, target: i64, description: String) -> Result<Reading, String> {
        let seen_at = self.api.measured_at();
        let (current, tolerances) = (self.spec_replicas, self.tolerances);
        let mut counted = None;
        let proposal = replicas::total(value, target, current, tolerances, || {
            let ready = |pod: &&SeenPod| pod.phase == PodPhase::Running && pod.ready == Some(ReadyStatus::True);
            let ready = self.listed()?.iter().filter(ready).count();
            counted = Some(ready);
            Ok(ready)
        })?;
        let ready = counted.map(|ready| format!("ready={ready};")).unwrap_or_default();
        let detail = format!("{ready}ratio={}", proposal.ratio);
        Ok(Reading { proposal, description, seen: Seen::Value { value, target }, seen_at, detail })
    }

    fn total_per_pod(&mut self, usage: i64, target: i64, metric: &MetricIdentifier, cap: bool) -> Reading {
        let replicas = self.status_replicas;
        let (proposal, average) = replicas::total_per_pod(usage, target, replicas, self.tolerances, cap);
        Reading {
            proposal,
            // Upstream calls an Object's average external, too.
            description: external_description(metric),
            seen: Seen::Average { average, target },
            seen_at: self.api.measured_at(),
            detail: format!("status_replicas={replicas};ratio={}", proposal.ratio),
        }
    }
}

fn external_description(metric: &MetricIdentifier) -> String {
    format!("external metric {}({})", metric.name, go_text(metric.selector.as_ref()))
}

/// A metric's selector must convert before the metric is asked for.
fn convertible(metric: &MetricIdentifier) -> Result<(), String> {
    metric.selector.as_ref().map_or(Ok(()), |selector| selector.to_selector().map(|_| ()))
}
