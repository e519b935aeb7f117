//! The control plane as one recorded step shows it.

use crate::manifest::json::{
    self, JsonError, Object, Read, boolean, column, each, entries, int32, nullable, number, optional, quantity,
    required, seconds, text,
};
use crate::scalers::hpa::Selector;
use crate::scalers::hpa::spec::{CrossVersionObjectReference, MetricIdentifier};
use crate::scalers::{
    Api, ApiError, ContainerRequests, ContainerSample, PodPhase, PodSample, PodTemplate, PutError, ReadyStatus, Scale,
    SeenPod,
};
use crate::units::{Quantity, SimTime};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Recorded times may be negative, simulated ones may not.
const ZERO_POINT_S: f64 = 2e9;
/// What stands for Kubernetes' zero time, in recorded seconds.
const ZERO_TIME_S: f64 = -1e9;

/// What a metrics API answers.
type Answer<T> = Result<T, String>;
/// Answers by metric name.
type Answers<T> = BTreeMap<String, Answer<T>>;
/// A custom metric of each pod.
type PodValues = Vec<(Rc<str>, Quantity)>;

/// Pod templates by name.
pub(super) type Templates = BTreeMap<String, Rc<PodTemplate>>;

/// A recorded time.
pub(super) fn time(value: &Value) -> Read<SimTime> {
    instant(number(value)?)
}

fn instant(secs: f64) -> Read<SimTime> {
    let since = secs + ZERO_POINT_S;
    if !(0.0..=8.0 * ZERO_POINT_S).contains(&since) {
        return Err(JsonError::new(format!("{secs} s is out of range")));
    }
    // Seconds and their fraction apart: together they have more digits than a float.
    let whole = secs.floor();
    let nanos = ((secs - whole) * 1e9).round() as u64;
    Ok(SimTime::from_nanos((whole + ZERO_POINT_S) as u64 * 1_000_000_000 + nanos))
}

/// What a scaler can see and do in one step.
pub(super) struct World {
    /// `spec.replicas` of the scale subresource, now.
    pub spec_replicas: i32,
    /// True once the scale was written.
    pub written: bool,
    status_replicas: i32,
    selector: String,
    pods: Vec<SeenPod>,
    resource: Answer<Vec<PodSample>>,
    custom: Answers<PodValues>,
    object: Answers<Quantity>,
    external: Answers<Vec<Quantity>>,
    others: Vec<String>,
    get_error: Option<String>,
    put_error: Option<String>,
    conflicts: i32,
}

impl World {
    /// Reads `observe`. `replicas` is the size after the step before, if there was one.
    pub(super) fn read(observe: &Object, replicas: Option<i32>, templates: &Templates) -> Read<Self> {
        let spec_replicas = optional(observe, "specReplicas", int32)?.or(replicas);
        let message = |key| optional(observe, key, text).map(|text| text.filter(|text| !text.is_empty()));
        let nothing = Object::new();
        let metrics = optional(observe, "metrics", json::object)?.unwrap_or(&nothing);
        let answers = |error: JsonError| error.under("metrics");
        Ok(Self {
            spec_replicas: spec_replicas.ok_or_else(|| JsonError::new("missing").under("specReplicas"))?,
            written: false,
            status_replicas: required(observe, "statusReplicas", int32)?,
            selector: optional(observe, "selector", text)?.unwrap_or_else(|| "app=web".to_owned()),
            pods: optional(observe, "pods", |rows| each(rows, |row| pod(row, templates)))?.unwrap_or_default(),
            resource: resource(metrics).map_err(answers)?,
            custom: named(metrics, "pods", |answer| rows(answer, "pods", pod_value)).map_err(answers)?,
            object: named(metrics, "object", |answer| required(answer, "value", quantity)).map_err(answers)?,
            external: named(metrics, "external", |answer| rows(answer, "values", quantity)).map_err(answers)?,
            others: optional(observe, "otherHPASelectors", |list| each(list, text))?.unwrap_or_default(),
            get_error: message("scaleGetError")?,
            put_error: message("scaleUpdateError")?,
            conflicts: optional(observe, "scaleUpdateConflicts", int32)?.unwrap_or_default(),
        })
    }

    /// Every recorded pod carries this label and nothing else.
    fn selects_pods(selector: &str) -> bool {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        Selector::parse(selector).is_ok_and(|selector| selector.matches(&labels))
    }
}

/// Reads `podTemplates`.
pub(super) fn templates(value: &Value) -> Read<Templates> {
    let read = |value| {
        let template = json::object(value)?;
        let containers = |key| Ok(optional(template, key, |list| each(list, container))?.unwrap_or_default());
        Ok(Rc::new(PodTemplate {
            containers: containers("containers")?,
            sidecars: containers("sidecars")?,
            pod_requests: optional(template, "podRequests", requests)?.unwrap_or_default(),
        }))
    };
    Ok(entries(value, read)?.into_iter().collect())
}

fn container(value: &Value) -> Read<ContainerRequests> {
    let container = json::object(value)?;
    Ok(ContainerRequests {
        name: required(container, "name", text)?,
        requests: optional(container, "requests", requests)?.unwrap_or_default(),
    })
}

fn requests(value: &Value) -> Read<Vec<(String, Quantity)>> {
    let read = |value: &Value| if value.is_null() { Ok(None) } else { quantity(value).map(Some) };
    Ok(entries(value, read)?.into_iter().filter_map(|(name, quantity)| Some((name, quantity?))).collect())
}

fn pod(value: &Value, templates: &Templates) -> Read<SeenPod> {
    let row = json::list(value)?;
    let ready = nullable(row, 3, ready)?;
    let changed = nullable(row, 4, time)?;
    let zero = instant(ZERO_TIME_S)?;
    Ok(SeenPod {
        name: column(row, 0, text)?.into(),
        phase: column(row, 1, phase)?,
        started: nullable(row, 2, time)?,
        ready,
        ready_changed: Some(changed.unwrap_or(zero)),
        deleting: column(row, 5, flag)?,
        template: column(row, 6, |value| {
            let key = text(value)?;
            templates.get(&key).cloned().ok_or_else(|| JsonError::new(format!("no pod template {key:?}")))
        })?,
    })
}

fn flag(value: &Value) -> Read<bool> {
    if value.is_boolean() { boolean(value) } else { int32(value).map(|number| number != 0) }
}

fn phase(value: &Value) -> Read<PodPhase> {
    Ok(match text(value)?.as_str() {
        "Pending" => PodPhase::Pending,
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        "Unknown" => PodPhase::Unknown,
        other => return Err(JsonError::new(format!("{other:?} is no phase of a pod"))),
    })
}

fn ready(value: &Value) -> Read<ReadyStatus> {
    Ok(match text(value)?.as_str() {
        "True" => ReadyStatus::True,
        "False" => ReadyStatus::False,
        "Unknown" => ReadyStatus::Unknown,
        other => return Err(JsonError::new(format!("{other:?} is no status of a condition"))),
    })
}

fn resource(metrics: &Object) -> Read<Answer<Vec<PodSample>>> {
    let read = |value| answer(value, |answer| rows(answer, "pods", pod_sample));
    let absent = || Err("the server could not find the requested resource (get pods.metrics.k8s.io)".to_owned());
    Ok(optional(metrics, "resource", read)?.unwrap_or_else(absent))
}

/// An error, or what `read` makes of the answer.
fn answer<T>(value: &Value, read: impl FnOnce(&Object) -> Read<T>) -> Read<Answer<T>> {
    let answer = json::object(value)?;
    match optional(answer, "error", text)? {
        Some(error) => Ok(Err(error)),
        None => read(answer).map(Ok),
    }
}

fn named<T>(metrics: &Object, key: &str, read: impl Fn(&Object) -> Read<T>) -> Read<Answers<T>> {
    let list = optional(metrics, key, |value| entries(value, |value| answer(value, &read)))?;
    Ok(list.unwrap_or_default().into_iter().collect())
}

fn rows<T>(answer: &Object, key: &str, read: impl FnMut(&Value) -> Read<T>) -> Read<Vec<T>> {
    Ok(optional(answer, key, |list| each(list, read))?.unwrap_or_default())
}

fn pod_value(value: &Value) -> Read<(Rc<str>, Quantity)> {
    let row = json::list(value)?;
    Ok((column(row, 0, text)?.into(), column(row, 1, quantity)?))
}

fn pod_sample(value: &Value) -> Read<PodSample> {
    let row = json::list(value)?;
    let containers = (3..row.len()).map(|index| column(row, index, container_sample)).collect::<Read<_>>()?;
    let (at, window) = (column(row, 1, time)?, column(row, 2, seconds)?);
    Ok(PodSample { pod: column(row, 0, text)?.into(), at, window, containers })
}

fn container_sample(value: &Value) -> Read<ContainerSample> {
    let row = json::list(value)?;
    let (cpu, memory) = (nullable(row, 1, quantity)?, nullable(row, 2, quantity)?);
    Ok(ContainerSample { name: column(row, 0, text)?.into(), cpu, memory })
}

/// The recorded answer, or what the API says of a metric that it does not have.
fn found<T: Clone>(answers: &Answers<T>, name: &str, suffix: &str) -> Result<T, ApiError> {
    match answers.get(name) {
        Some(answer) => answer.clone().map_err(ApiError),
        None => Err(ApiError(format!("the server could not find the metric {name}{suffix}"))),
    }
}

impl Api for World {
    fn get_scale(&mut self, _of: &CrossVersionObjectReference) -> Result<Scale, ApiError> {
        match &self.get_error {
            Some(error) => Err(ApiError(error.clone())),
            None => Ok(Scale {
                spec_replicas: self.spec_replicas,
                status_replicas: self.status_replicas,
                selector: self.selector.clone(),
            }),
        }
    }

    fn put_scale(&mut self, _of: &CrossVersionObjectReference, replicas: i32) -> Result<(), PutError> {
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(PutError::Conflict);
        }
        if let Some(error) = &self.put_error {
            return Err(PutError::Other(error.clone()));
        }
        self.spec_replicas = replicas;
        self.written = true;
        Ok(())
    }

    fn pods(&mut self, selector: &str) -> Result<Vec<SeenPod>, ApiError> {
        Ok(if Self::selects_pods(selector) { self.pods.clone() } else { Vec::new() })
    }

    fn resource_metrics(&mut self, selector: &str) -> Result<Vec<PodSample>, ApiError> {
        let rows = self.resource.clone().map_err(ApiError)?;
        Ok(if Self::selects_pods(selector) { rows } else { Vec::new() })
    }

    fn pods_metric(
        &mut self,
        metric: &MetricIdentifier,
        _selector: &str,
    ) -> Result<Vec<(Rc<str>, Quantity)>, ApiError> {
        found(&self.custom, &metric.name, " for pods")
    }

    fn object_metric(
        &mut self,
        metric: &MetricIdentifier,
        _object: &CrossVersionObjectReference,
    ) -> Result<Quantity, ApiError> {
        found(&self.object, &metric.name, "")
    }

    fn external_metric(&mut self, metric: &MetricIdentifier) -> Result<Vec<Quantity>, ApiError> {
        found(&self.external, &metric.name, "")
    }

    fn other_hpa_selectors(&mut self) -> Vec<String> {
        self.others.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn recorded_times_move_to_where_they_are_positive() {
        assert_eq!(time(&json!(0)), Ok(SimTime::from_secs(2_000_000_000)));
        assert_eq!(time(&json!(-1_000_000_000)), Ok(SimTime::from_secs(1_000_000_000)));
        assert_eq!(time(&json!(-0.25)), Ok(SimTime::from_nanos(1_999_999_999_750_000_000)));
        assert!(time(&json!(-3e9)).is_err());
    }

    #[test]
    fn a_row_that_is_too_short_is_named() {
        let observe = json!({"specReplicas": 1, "statusReplicas": 1, "pods": [["p0", "Running"]]});
        let error = World::read(json::object(&observe).expect("an object"), None, &Templates::new()).err();
        assert_eq!(error.expect("columns are missing").to_string(), "pods[0][3]: missing");
    }
}
