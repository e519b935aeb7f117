//! A user's own recorded metrics: what would this HPA have done with them?
//!
//! One reconcile per distinct time. The size follows the HPA's own decisions; pods are taken as ready unless the record says
//! otherwise. What had to be assumed is said.

use super::hpa::Decision;
use crate::record::TableError;
use crate::record::raw::RawTable;
use crate::scalers::hpa::spec::{CrossVersionObjectReference, MetricIdentifier};
use crate::scalers::hpa::{Hpa, HpaObject, HpaSpec};
use crate::scalers::{
    Api, ApiError, ContainerRequests, ContainerSample, HpaControllerSpec, PodPhase, PodSample, PodTemplate, PutError,
    ReadyStatus, Report, Scale, Scaler, SeenPod,
};
use crate::units::{Quantity, SimTime, Span};
use serde_json::Value;
use std::rc::Rc;

/// Everything that was recorded for one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// When, in the record's own seconds.
    pub at_s: f64,
    rows: Vec<Row>,
}

/// One recorded value.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    metric: String,
    /// Per cent of the request, or a plain value.
    value: f64,
    is_utilization: bool,
    pod: Option<String>,
    ready: bool,
}

/// What the HPA would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnStory {
    /// What had to be assumed.
    pub assumed: Vec<String>,
    /// A line per reconcile and one that sums up, for people.
    pub text: String,
    /// A decision each, in the shape of a recorded case's `expect`.
    pub decisions: Vec<Value>,
}

/// Reads recorded metrics: CSV with `time_s`, `metric`, `utilization` (per cent) or `value`, and perhaps `pod` and `ready`; or
/// the JSON of a Prometheus range query, whose series belong to the HPA's first metric unless they name one.
///
/// # Errors
/// What is wrong, by line where there is one.
pub fn observations(text: &str, spec: &HpaSpec) -> Result<Vec<Observation>, String> {
    let rows = if text.trim_start().starts_with('{') { of_prometheus(text, spec)? } else { of_csv(text)? };
    let mut observations: Vec<Observation> = Vec::new();
    for (at_s, row) in rows {
        match observations.last_mut() {
            Some(last) if last.at_s == at_s => last.rows.push(row),
            _ => observations.push(Observation { at_s, rows: vec![row] }),
        }
    }
    if observations.is_empty() { Err("no recorded values".to_owned()) } else { Ok(observations) }
}

fn of_csv(text: &str) -> Result<Vec<(f64, Row)>, String> {
    let said = |error: TableError| error.to_string();
    let mut table = RawTable::new(text.as_bytes()).map_err(said)?;
    let wanted = |name: &str| {
        table.column(name).ok_or_else(|| format!("no column `{name}`; the columns are {}", table.header().join(", ")))
    };
    let (time, metric) = (wanted("time_s")?, wanted("metric")?);
    let (utilization, value) = (table.column("utilization"), table.column("value"));
    let (pod, ready) = (table.column("pod"), table.column("ready"));
    if utilization.is_none() && value.is_none() {
        return Err("neither a column `utilization` nor `value`".to_owned());
    }
    let mut rows = Vec::new();
    let mut last = f64::NEG_INFINITY;
    while table.next_row().map_err(said)? {
        let at_s = table.number(time).map_err(said)?;
        if at_s < last {
            return Err(format!("line {}: earlier than the row before; sort the file by `time_s`", table.line()));
        }
        last = at_s;
        let filled =
            |column: Option<usize>| column.filter(|&column| table.field(column).is_ok_and(|text| !text.is_empty()));
        let (column, is_utilization) = match (filled(utilization), filled(value)) {
            (Some(column), None) => (column, true),
            (None, Some(column)) => (column, false),
            (None, None) => continue, // not known at that time
            (Some(_), Some(_)) => return Err(format!("line {}: both `utilization` and `value`", table.line())),
        };
        let number = table.field(column).map_err(said)?.trim_end_matches('%').parse::<f64>();
        let value = number.ok().filter(|number| number.is_finite() && *number >= 0.0).ok_or_else(|| {
            format!("line {}: `{}` is no number of 0 or more", table.line(), table.field(column).unwrap_or_default())
        })?;
        let text =
            |column: Option<usize>| column.and_then(|column| table.field(column).ok()).unwrap_or_default().to_owned();
        let is_ready = match text(ready).to_lowercase().as_str() {
            "" | "true" | "1" => true,
            "false" | "0" => false,
            other => return Err(format!("line {}: ready is `{other}`; write true or false", table.line())),
        };
        let pod = Some(text(pod)).filter(|pod| !pod.is_empty());
        rows.push((at_s, Row { metric: text(Some(metric)), value, is_utilization, pod, ready: is_ready }));
    }
    Ok(rows)
}

fn of_prometheus(text: &str, spec: &HpaSpec) -> Result<Vec<(f64, Row)>, String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let series = answer
        .pointer("/data/result")
        .and_then(Value::as_array)
        .ok_or("no `data.result`: not the answer of a range query")?;
    let default = spec.defaulted();
    let first = default.metrics.first();
    let is_utilization =
        first.is_some_and(|metric| metric.resource.as_ref().is_some_and(|r| r.target.average_utilization.is_some()));
    let name = first.map_or_else(String::new, name_of);
    let mut rows = Vec::new();
    for (number, one) in series.iter().enumerate() {
        let pod = one.pointer("/metric/pod").and_then(Value::as_str).map(str::to_owned);
        let values =
            one.get("values").and_then(Value::as_array).ok_or_else(|| format!("series {number} has no `values`"))?;
        for pair in values {
            let at_s = pair.get(0).and_then(Value::as_f64);
            let value = pair.get(1).and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok());
            let (Some(at_s), Some(value)) = (at_s, value) else {
                return Err(format!("series {number}: `{pair}` is no [time, \"value\"]"));
            };
            if value.is_finite() {
                rows.push((at_s, Row { metric: name.clone(), value, is_utilization, pod: pod.clone(), ready: true }));
            }
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(rows)
}

fn name_of(metric: &crate::scalers::hpa::spec::MetricSpec) -> String {
    let resource = metric.resource.as_ref().map(|resource| &resource.name);
    let container = metric.container_resource.as_ref().map(|resource| &resource.name);
    let named = [&metric.pods.as_ref().map(|pods| &pods.metric), &metric.object.as_ref().map(|object| &object.metric)];
    let external = metric.external.as_ref().map(|external| &external.metric);
    resource
        .or(container)
        .or_else(|| named.iter().find_map(|metric| metric.map(|metric| &metric.name)))
        .or_else(|| external.map(|metric| &metric.name))
        .cloned()
        .unwrap_or_default()
}

/// Drives an HPA with the observations, from `replicas` (its minimum where not given) on.
pub fn replay_observations(spec: &HpaSpec, observations: &[Observation], replicas: Option<u32>) -> OwnStory {
    let controller = HpaControllerSpec::default();
    let hpa = Hpa::new(HpaObject::admitted("default", &spec.scale_target_ref.name, spec, &controller));
    let (mut memory, _) = hpa.begin(SimTime::ZERO);
    let least = u32::try_from(spec.min_replicas.unwrap_or(1)).unwrap_or(1);
    let begin = replicas.unwrap_or(least);
    let mut assumed = vec![
        "one reconcile at each recorded time".to_owned(),
        "controller flags at their defaults".to_owned(),
        "all pods are ready and as old as need be, unless `ready` says otherwise".to_owned(),
        "the size follows the HPA's decisions at once".to_owned(),
    ];
    if replicas.is_none() {
        assumed.push(format!("{begin} replicas at the beginning (minReplicas; --replicas N says otherwise)"));
    }
    let mut size = i32::try_from(begin).unwrap_or(i32::MAX);
    let (mut text, mut decisions) = (String::new(), Vec::new());
    let mut sizes = vec![size];
    let mut report = Report::default();
    for observation in observations {
        let mut world = Recorded::new(observation, size);
        let at = SimTime::ZERO + Span::from_drawn_secs(observation.at_s + AHEAD_S);
        hpa.reconcile(at, &mut world, &mut memory, &mut report);
        let why = report.events.iter().find(|event| event.reason == "SuccessfulRescale").map_or_else(
            || report.error.clone().unwrap_or_else(|| held(&report)),
            |event| event.message.split("reason: ").nth(1).unwrap_or_default().to_owned(),
        );
        let after = world.replicas;
        text.push_str(&format!("{:>9} s  {:<22} {size} → {after}  {why}\n", observation.at_s, report.status.targets));
        decisions.push(Decision { report: &report, scaled: world.written, spec_replicas: after }.as_json());
        if after != size {
            sizes.push(after);
        }
        size = after;
    }
    let path: Vec<String> = sizes.iter().map(i32::to_string).collect();
    text.push_str(&format!("decisions: {}\n", path.join(", ")));
    OwnStory { assumed, text, decisions }
}

/// Recorded times may lie before zero or begin there; pods are older than any of them.
const AHEAD_S: f64 = 2_000_000_000.0;

/// Why a size was kept, in the words of its conditions.
fn held(report: &Report) -> String {
    let of = |kind: &str| report.status.conditions.iter().find(|condition| condition.kind == kind);
    match (of("ScalingLimited"), of("AbleToScale")) {
        (Some(limited), _) if limited.status => limited.reason.clone(),
        (_, Some(able)) if able.reason != "ReadyForNewScale" => able.reason.clone(),
        _ => String::new(),
    }
}

/// One recorded instant as an API.
struct Recorded<'a> {
    observation: &'a Observation,
    replicas: i32,
    written: bool,
    names: Vec<(Rc<str>, bool)>,
}

/// What each pod's container asks for, so that a percentage becomes an amount: 100 cores, so that hundredths of a per cent
/// are whole millicores.
const REQUEST_MILLIS: i64 = 100_000;

impl<'a> Recorded<'a> {
    fn new(observation: &'a Observation, replicas: i32) -> Self {
        let mut names: Vec<(Rc<str>, bool)> = Vec::new();
        for row in &observation.rows {
            if let Some(pod) = &row.pod
                && !names.iter().any(|(name, _)| **name == **pod)
            {
                names.push((Rc::from(pod.as_str()), row.ready));
            }
        }
        if names.is_empty() {
            names = (0..replicas.max(0)).map(|n| (Rc::from(format!("pod-{n}").as_str()), true)).collect();
        }
        Self { observation, replicas, written: false, names }
    }

    /// Values of a metric per pod: recorded by pod, or the average of all.
    fn per_pod(&self, metric: &str) -> Vec<(Rc<str>, f64, bool)> {
        let rows: Vec<&Row> = self.observation.rows.iter().filter(|row| row.metric == metric).collect();
        self.names
            .iter()
            .filter_map(|(name, _)| {
                let own = rows.iter().find(|row| row.pod.as_deref() == Some(&**name));
                let row = own.or_else(|| rows.iter().find(|row| row.pod.is_none()))?;
                Some((Rc::clone(name), row.value, row.is_utilization))
            })
            .collect()
    }

    fn whole(&self, metric: &str) -> Result<f64, ApiError> {
        let rows = self.observation.rows.iter().filter(|row| row.metric == metric);
        let values: Vec<f64> = rows.map(|row| row.value).collect();
        if values.is_empty() {
            return Err(ApiError(format!("the server could not find the metric {metric}")));
        }
        Ok(values.iter().sum())
    }
}

fn quantity(value: f64) -> Quantity {
    Quantity::from_nanos((value * 1e9).round() as i128)
}

impl Api for Recorded<'_> {
    fn get_scale(&mut self, _of: &CrossVersionObjectReference) -> Result<Scale, ApiError> {
        Ok(Scale { spec_replicas: self.replicas, status_replicas: self.replicas, selector: "app=recorded".to_owned() })
    }

    fn put_scale(&mut self, _of: &CrossVersionObjectReference, replicas: i32) -> Result<(), PutError> {
        self.replicas = replicas;
        self.written = true;
        Ok(())
    }

    fn pods(&mut self, _selector: &str) -> Result<Vec<SeenPod>, ApiError> {
        let requests = ["cpu", "memory"].map(|name| (name.to_owned(), Quantity::from_millis(REQUEST_MILLIS))).to_vec();
        let container = ContainerRequests { name: "main".to_owned(), requests };
        let template = Rc::new(PodTemplate { containers: vec![container], ..PodTemplate::default() });
        let pod = |(name, ready): &(Rc<str>, bool)| SeenPod {
            name: Rc::clone(name),
            phase: PodPhase::Running,
            started: Some(SimTime::from_secs(1)),
            ready: Some(if *ready { ReadyStatus::True } else { ReadyStatus::False }),
            ready_changed: Some(SimTime::from_secs(1)),
            deleting: false,
            template: Rc::clone(&template),
        };
        Ok(self.names.iter().map(pod).collect())
    }

    fn resource_metrics(&mut self, _selector: &str) -> Result<Vec<PodSample>, ApiError> {
        let at = SimTime::ZERO + Span::from_drawn_secs(self.observation.at_s + AHEAD_S);
        let amount = |value: f64, is_utilization: bool| {
            if is_utilization {
                Quantity::from_millis((value / 100.0 * REQUEST_MILLIS as f64).round() as i64)
            } else {
                quantity(value)
            }
        };
        let (cpu, memory) = (self.per_pod("cpu"), self.per_pod("memory"));
        let of = |values: &[(Rc<str>, f64, bool)], name: &str| {
            values
                .iter()
                .find(|(pod, ..)| **pod == *name)
                .map(|&(_, value, is_utilization)| amount(value, is_utilization))
        };
        let samples = self.names.iter().filter_map(|(name, _)| {
            let (cpu, memory) = (of(&cpu, name), of(&memory, name));
            (cpu.is_some() || memory.is_some()).then(|| PodSample {
                pod: Rc::clone(name),
                at,
                window: Span::from_secs(15),
                containers: vec![ContainerSample { name: Rc::from("main"), cpu, memory }],
            })
        });
        Ok(samples.collect())
    }

    fn pods_metric(
        &mut self,
        metric: &MetricIdentifier,
        _selector: &str,
    ) -> Result<Vec<(Rc<str>, Quantity)>, ApiError> {
        Ok(self.per_pod(&metric.name).into_iter().map(|(name, value, _)| (name, quantity(value))).collect())
    }

    fn object_metric(
        &mut self,
        metric: &MetricIdentifier,
        _object: &CrossVersionObjectReference,
    ) -> Result<Quantity, ApiError> {
        self.whole(&metric.name).map(quantity)
    }

    fn external_metric(&mut self, metric: &MetricIdentifier) -> Result<Vec<Quantity>, ApiError> {
        self.whole(&metric.name).map(|value| vec![quantity(value)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalers::hpa::spec::{MetricSpec, MetricTarget, ResourceMetric};

    fn spec(target: i32) -> HpaSpec {
        let target =
            MetricTarget { kind: "Utilization".into(), average_utilization: Some(target), ..MetricTarget::default() };
        HpaSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: "web".into(),
            },
            min_replicas: Some(2),
            max_replicas: 10,
            metrics: vec![MetricSpec {
                kind: "Resource".into(),
                resource: Some(ResourceMetric { name: "cpu".into(), target }),
                ..MetricSpec::default()
            }],
            behavior: None,
        }
    }

    #[test]
    fn a_recorded_rise_scales_by_the_formula_and_the_default_limit() {
        let text = "time_s,metric,utilization\n0,cpu,30\n15,cpu,\n30,cpu,213\n45,cpu,300\n";
        let observations = observations(text, &spec(60)).expect("readable");
        assert_eq!(observations.len(), 3); // the empty one is not known
        let story = replay_observations(&spec(60), &observations, None);
        // ceil(2 × 213 / 60) = 8, limited to max(2 × 2, 4) = 4; then ceil(4 × 5) = 20, limited to 8.
        assert!(story.text.ends_with("decisions: 2, 4, 8\n"), "{}", story.text);
        assert!(story.assumed.iter().any(|line| line.starts_with("2 replicas")));
    }

    #[test]
    fn prometheus_answers_are_read_per_pod() {
        let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"pod":"a"},"values":[[0,"50"],[15,"90"]]},
            {"metric":{"pod":"b"},"values":[[0,"70"],[15,"NaN"]]}]}}"#;
        let seen = observations(text, &spec(60)).expect("readable");
        assert_eq!(seen.iter().map(|one| one.rows.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(replay_observations(&spec(60), &seen, Some(2)).text.contains("60%/60%"));
    }

    #[test]
    fn wrong_tables_are_named() {
        for (text, words) in [
            ("time_s,metric\n0,cpu\n", "neither a column"),
            ("time,metric,value\n", "no column `time_s`"),
            ("time_s,metric,value\n5,cpu,1\n3,cpu,1\n", "line 3: earlier"),
            ("time_s,metric,value\n5,cpu,x\n", "line 2: `x`"),
            ("{", "not JSON"),
            ("{\"data\":{}}", "range query"),
            ("time_s,metric,value\n", "no recorded values"),
        ] {
            let error = observations(text, &spec(60)).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
    }
}
