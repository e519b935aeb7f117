//! Cases of the Kubernetes HPA: drive it, compare it.

use crate::manifest::hpa_json::hpa_spec;
use crate::manifest::json::{
    self, JsonError, Object, Read, boolean, column, each, entries, int32, number, optional, required, seconds, text,
};
use crate::replay::case::{CaseResult, Difference, Level};
use crate::replay::world::{self, Templates, World};
use crate::scalers::hpa::spec::ScalingRules;
use crate::scalers::hpa::{HpaSpec, HpaStatus, Recommendation, ScaleEvent};
use crate::scalers::{
    Condition, CurrentMetric, Hpa, HpaControllerSpec, HpaGates, HpaMemory, HpaObject, KubeEvent, Report, Scaler,
};
use crate::units::SimTime;
use serde_json::{Value, json};

/// Recorded objects live here.
const NAMESPACE: &str = "default";
const NAME: &str = "web";
/// Upstream prints the list behind these words in random order, so the record ends with them.
const UNORDERED: &str = "controlled by multiple HPAs";

/// Replays a trajectory.
pub(super) fn replay(name: &str, case: &Object) -> Read<CaseResult> {
    let controller = required(case, "config", controller)?;
    let as_stored = optional(case, "noDefaulting", boolean)?.unwrap_or(false);
    let object = |spec: HpaSpec| HpaObject {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
        spec: if as_stored { spec } else { spec.defaulted() },
        controller: controller.clone(),
    };
    let mut hpa = Hpa::new(object(required(case, "spec", hpa_spec)?));
    let templates = optional(case, "podTemplates", world::templates)?.unwrap_or_default();
    let (mut memory, _) = hpa.begin(SimTime::ZERO);
    if let Some(state) = optional(case, "initialState", initial_state)? {
        memory = state;
    }
    let mut drive = Drive { templates, replicas: None, last: SimTime::ZERO, report: Report::default() };
    let mut result = CaseResult::new(name);
    required(case, "steps", |steps| {
        each(steps, |step| {
            let step = json::object(step)?;
            let at = required(step, "at", world::time)?;
            if let Some(spec) = optional(step, "spec", hpa_spec)? {
                hpa.amended(at, object(spec), &mut memory);
            }
            drive.step(&hpa, &mut memory, step, &mut result)
        })
    })?;
    Ok(result)
}

/// What carries over from step to step, apart from the scaler's own memory.
struct Drive {
    templates: Templates,
    replicas: Option<i32>,
    last: SimTime,
    report: Report,
}

impl Drive {
    fn step(&mut self, hpa: &Hpa, memory: &mut HpaMemory, step: &Object, result: &mut CaseResult) -> Read<()> {
        let at = required(step, "at", world::time)?;
        if at < self.last {
            return Err(JsonError::new("earlier than the step before").under("at"));
        }
        self.last = at;
        let observe = |value| World::read(json::object(value)?, self.replicas, &self.templates);
        let mut world = required(step, "observe", observe)?;
        hpa.reconcile(at, &mut world, memory, &mut self.report);
        self.replicas = Some(world.spec_replicas);
        let decision = Decision { report: &self.report, scaled: world.written, spec_replicas: world.spec_replicas };
        result.decisions.push(decision.as_json());
        let compare = |expect| {
            let at_s = required(step, "at", number)?;
            Comparison { step: result.steps, at_s, result }.all(&decision, json::object(expect)?)
        };
        if optional(step, "expect", compare)?.is_some() {
            result.compared += 1;
        }
        result.steps += 1;
        Ok(())
    }
}

fn controller(value: &Value) -> Read<HpaControllerSpec> {
    let config = json::object(value)?;
    let gates = gates(config)?;
    let sync_period = optional(config, "syncPeriodSeconds", seconds)?;
    Ok(HpaControllerSpec {
        sync_period: sync_period.unwrap_or(HpaControllerSpec::default().sync_period),
        tolerance: required(config, "tolerance", number)?,
        downscale_stabilization: required(config, "downscaleStabilizationSeconds", seconds)?,
        cpu_initialization_period: required(config, "cpuInitializationPeriodSeconds", seconds)?,
        initial_readiness_delay: required(config, "initialReadinessDelaySeconds", seconds)?,
        scale_to_zero: gates.scale_to_zero,
        configurable_tolerance: gates.configurable_tolerance,
    })
}

fn gates(config: &Object) -> Read<HpaGates> {
    let mut gates = HpaGates::from(&HpaControllerSpec::default());
    let read = |value| {
        let named = json::object(value)?;
        let gate = |name, default: bool| Ok(optional(named, name, boolean)?.unwrap_or(default));
        gates.scale_to_zero = gate("HPAScaleToZero", gates.scale_to_zero)?;
        gates.configurable_tolerance = gate("HPAConfigurableTolerance", gates.configurable_tolerance)?;
        Ok(())
    };
    optional(config, "featureGates", read)?;
    Ok(gates)
}

fn initial_state(value: &Value) -> Read<HpaMemory> {
    let state = json::object(value)?;
    let pairs = |value| {
        each(value, |row| {
            let row = json::list(row)?;
            Ok((column(row, 0, world::time)?, column(row, 1, int32)?))
        })
    };
    let events = |key| {
        let list = optional(state, key, pairs)?.unwrap_or_default();
        Ok(list.into_iter().map(|(at, change)| ScaleEvent { at, change, outdated: false }).collect())
    };
    let recommendations = optional(state, "recommendations", pairs)?;
    let recommendation = |(at, replicas)| Recommendation { at, replicas };
    let mut status = HpaStatus {
        desired_replicas: optional(state, "desiredReplicas", int32)?.unwrap_or_default(),
        ..HpaStatus::default()
    };
    let conditions = optional(state, "conditions", |value| entries(value, condition))?;
    for (kind, (is_true, reason, message)) in conditions.unwrap_or_default() {
        status.set(SimTime::ZERO, &kind, is_true, &reason, message.unwrap_or_default());
    }
    Ok(HpaMemory {
        recommendations: recommendations.map(|list| list.into_iter().map(recommendation).collect()),
        scale_up_events: events("scaleUpEvents")?,
        scale_down_events: events("scaleDownEvents")?,
        status,
    })
}

/// A recorded condition: status, reason, and the message if there is one.
type Recorded = (bool, String, Option<String>);

fn condition(value: &Value) -> Read<Recorded> {
    let row = json::list(value)?;
    let status = column(row, 0, |value| match text(value)?.as_str() {
        "True" => Ok(true),
        "False" => Ok(false),
        other => Err(JsonError::new(format!("{other:?} is neither True nor False"))),
    })?;
    let message = if row.len() > 2 { Some(column(row, 2, text)?) } else { None };
    Ok((status, column(row, 1, text)?, message))
}

/// What was decided in a step.
pub(super) struct Decision<'a> {
    pub(super) report: &'a Report,
    pub(super) scaled: bool,
    pub(super) spec_replicas: i32,
}

impl Decision<'_> {
    /// In the shape of `expect`.
    pub(super) fn as_json(&self) -> Value {
        let status = &self.report.status;
        let condition = |condition: &Condition| {
            let mut row = vec![json!(status_text(condition.status)), json!(condition.reason)];
            if !condition.status && matches!(condition.kind.as_str(), "ScalingActive" | "AbleToScale") {
                row.push(json!(cut(&condition.message)));
            }
            (condition.kind.clone(), Value::Array(row))
        };
        let mut decision = json!({
            "desiredReplicas": status.desired_replicas,
            "scaled": self.scaled,
            "specReplicas": self.spec_replicas,
            "conditions": Value::Object(status.conditions.iter().map(condition).collect()),
            "currentMetrics": self.current_metrics(),
            "targets": status.targets,
        });
        if !self.report.events.is_empty() {
            let event = |event: &KubeEvent| json!([event.reason, cut(&event.message)]);
            decision["events"] = self.report.events.iter().map(event).collect();
        }
        if let Some(error) = &self.report.error {
            decision["error"] = json!(cut(error));
        }
        decision
    }

    fn current_metrics(&self) -> Value {
        self.report.status.current_metrics.iter().map(|metric| metric.as_ref().map_or(Value::Null, current)).collect()
    }
}

fn current(metric: &CurrentMetric) -> Value {
    let mut current = Object::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            current.insert(key.to_owned(), value);
        }
    };
    put("value", metric.value.map(|value| json!(value.to_string())));
    put("averageValue", metric.average_value.map(|value| json!(value.to_string())));
    put("averageUtilization", metric.average_utilization.map(|percent| json!(percent)));
    Value::Object(current)
}

fn status_text(status: bool) -> &'static str {
    if status { "True" } else { "False" }
}

/// The text up to where upstream's order is random.
fn cut(text: &str) -> &str {
    text.find(UNORDERED).map_or(text, |start| &text[..start + UNORDERED.len()])
}

/// Compares one step.
struct Comparison<'a> {
    step: usize,
    at_s: f64,
    result: &'a mut CaseResult,
}

impl Comparison<'_> {
    fn all(&mut self, decision: &Decision<'_>, expect: &Object) -> Read<()> {
        let report = decision.report;
        let desired = required(expect, "desiredReplicas", int32)?;
        self.same(Level::A, "desiredReplicas", desired, report.status.desired_replicas);
        self.same(Level::A, "scaled", required(expect, "scaled", boolean)?, decision.scaled);
        self.same(Level::A, "specReplicas", required(expect, "specReplicas", int32)?, decision.spec_replicas);
        let conditions = required(expect, "conditions", |value| entries(value, condition))?;
        self.conditions(&conditions, &report.status.conditions);
        let error = optional(expect, "error", text)?;
        self.same(Level::A, "error present", error.is_some(), report.error.is_some());
        if let (Some(wanted), Some(seen)) = (&error, &report.error) {
            self.same_text("error", wanted, seen);
        }
        let metrics = required(expect, "currentMetrics", |value| json::list(value).map(|_| value))?;
        self.same(Level::B, "currentMetrics", metrics, &decision.current_metrics());
        self.same(Level::B, "targets", required(expect, "targets", text)?, report.status.targets.clone());
        let events = optional(expect, "events", |list| each(list, event))?.unwrap_or_default();
        self.events(&events, &report.events);
        Ok(())
    }

    fn same<T: PartialEq + ToString>(&mut self, level: Level, field: &str, wanted: T, seen: T) {
        if wanted != seen {
            self.result.differences.push(Difference {
                step: self.step,
                at_s: self.at_s,
                level,
                field: field.to_owned(),
                wanted: wanted.to_string(),
                seen: seen.to_string(),
            });
        }
    }

    fn same_text(&mut self, field: &str, wanted: &str, seen: &str) {
        let (wanted, seen) = (cut(wanted), cut(seen));
        if wanted == seen {
            self.result.texts_equal += 1;
        } else {
            self.result.texts_differ += 1;
        }
        self.same(Level::C, field, wanted, seen);
    }

    fn conditions(&mut self, wanted: &[(String, Recorded)], seen: &[Condition]) {
        let short = |status: bool, reason: &str| format!("{}/{reason}", status_text(status));
        for (kind, (status, reason, message)) in wanted {
            let found = seen.iter().find(|condition| condition.kind == *kind);
            let there = found.map_or("absent".to_owned(), |found| short(found.status, &found.reason));
            self.same(Level::A, &format!("condition {kind}"), short(*status, reason), there);
            if let (Some(message), Some(found)) = (message, found) {
                self.same_text(&format!("message of {kind}"), message, &found.message);
            }
        }
        for extra in seen.iter().filter(|condition| wanted.iter().all(|(kind, _)| *kind != condition.kind)) {
            let there = short(extra.status, &extra.reason);
            self.same(Level::A, &format!("condition {}", extra.kind), "absent".to_owned(), there);
        }
    }

    /// The rescale event is compared at level B, all others at level C.
    fn events(&mut self, wanted: &[(String, String)], seen: &[KubeEvent]) {
        let seen: Vec<(String, String)> =
            seen.iter().map(|event| (event.reason.clone(), event.message.clone())).collect();
        let is_rescale = |event: &&(String, String)| event.0 == "SuccessfulRescale";
        let rescale = |events: &[(String, String)]| {
            let texts: Vec<&str> = events.iter().filter(is_rescale).map(|event| event.1.as_str()).collect();
            texts.join(" | ")
        };
        self.same(Level::B, "SuccessfulRescale", rescale(wanted), rescale(&seen));
        let (wanted, seen): (Vec<_>, Vec<_>) = (
            wanted.iter().filter(|event| !is_rescale(event)).collect(),
            seen.iter().filter(|event| !is_rescale(event)).collect(),
        );
        for index in 0..wanted.len().max(seen.len()) {
            let line = |events: &[&(String, String)]| {
                events.get(index).map_or("absent".to_owned(), |event| format!("{}: {}", event.0, event.1))
            };
            self.same_text(&format!("event {index}"), &line(&wanted), &line(&seen));
        }
    }
}

fn event(value: &Value) -> Read<(String, String)> {
    let row = json::list(value)?;
    Ok((column(row, 0, text)?, column(row, 1, text)?))
}

/// Replays a validation case: no steps, only what the API server says.
pub(super) fn validate(name: &str, case: &Object) -> Read<CaseResult> {
    let gates = optional(case, "config", |config| gates(json::object(config)?))?;
    let gates = gates.unwrap_or(HpaGates::from(&HpaControllerSpec::default()));
    let spec = with_lost_lists(required(case, "spec", hpa_spec)?);
    let errors = spec.defaulted().validate(gates);
    let mut result = CaseResult::new(name);
    result.steps = 1;
    result.decisions.push(json!({ "valid": errors.is_empty(), "errors": errors }));
    let compare = |value| {
        let expect = json::object(value)?;
        let wanted = optional(expect, "errors", |list| each(list, text))?.unwrap_or_default();
        let mut comparison = Comparison { step: 0, at_s: 0.0, result: &mut result };
        comparison.same(Level::A, "valid", required(expect, "valid", boolean)?, errors.is_empty());
        comparison.same(Level::A, "number of errors", wanted.len(), errors.len());
        for (index, (wanted, seen)) in wanted.iter().zip(&errors).enumerate() {
            comparison.same_text(&format!("errors[{index}]"), wanted, seen);
        }
        Ok(())
    };
    if optional(case, "expect", compare)?.is_some() {
        result.compared = 1;
    }
    Ok(result)
}

/// A validation case is written by Go, which leaves an empty list out: a direction of `behavior` with nothing in it was
/// recorded from one whose list of policies is empty. A user's own `{}` would get the default list, and be valid.
fn with_lost_lists(mut spec: HpaSpec) -> HpaSpec {
    let Some(behavior) = &mut spec.behavior else { return spec };
    for rules in [&mut behavior.scale_up, &mut behavior.scale_down].into_iter().flatten() {
        if *rules == ScalingRules::default() {
            rules.policies = Some(Vec::new());
        }
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay_case;

    /// One External metric, 10 per pod: a total of 45 wants 5 pods.
    fn case(steps: Value) -> String {
        json!({
            "name": "t", "scaler": "hpa",
            "config": {"tolerance": 0.1, "cpuInitializationPeriodSeconds": 300, "initialReadinessDelaySeconds": 30,
                       "downscaleStabilizationSeconds": 300},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9,
                     "metrics": [{"type": "External", "external": {
                        "metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "10"}}}]},
            "steps": steps,
        })
        .to_string()
    }

    fn observe(total: &str) -> Value {
        json!({"specReplicas": 3, "statusReplicas": 3, "metrics": {"external": {"q": {"values": [total]}}}})
    }

    #[test]
    fn a_step_scales_and_says_so() {
        let result = replay_case(&case(json!([{"at": 0, "observe": observe("45")}]))).expect("a case");
        assert_eq!((result.steps, result.compared), (1, 0));
        let decision = &result.decisions[0];
        assert_eq!(decision["specReplicas"], 5);
        assert_eq!(decision["targets"], "15/10 (avg)");
        assert_eq!(decision["events"][0][1], "New size: 5; reason: external metric q(nil) above target");
    }

    #[test]
    fn a_wrong_expectation_is_a_difference() {
        let expect = json!({"desiredReplicas": 4, "scaled": true, "specReplicas": 5, "targets": "15/10 (avg)",
            "currentMetrics": [{"averageValue": "15"}],
            "conditions": {"AbleToScale": ["True", "SucceededRescale"], "ScalingActive": ["True", "ValidMetricFound"],
                           "ScalingLimited": ["False", "DesiredWithinRange"]},
            "events": [["SuccessfulRescale", "New size: 5; reason: external metric q(nil) above target"]]});
        let result =
            replay_case(&case(json!([{"at": 0, "observe": observe("45"), "expect": expect}]))).expect("a case");
        assert_eq!(result.compared, 1);
        assert_eq!(result.differences.len(), 1);
        let difference = &result.differences[0];
        assert_eq!((difference.field.as_str(), difference.level), ("desiredReplicas", Level::A));
        assert_eq!((difference.wanted.as_str(), difference.seen.as_str()), ("4", "5"));
        assert!(!result.equal_at(Level::A));
    }

    #[test]
    fn malformed_steps_say_where() {
        let problem = |steps| replay_case(&case(steps)).expect_err("malformed").to_string();
        assert_eq!(problem(json!([{}])), "steps[0].at: missing");
        assert_eq!(problem(json!([{"at": 0}])), "steps[0].observe: missing");
        assert_eq!(problem(json!([{"at": 0, "observe": {}}])), "steps[0].observe.specReplicas: missing");
        let external =
            json!({"specReplicas": 3, "statusReplicas": 3, "metrics": {"external": {"q": {"values": ["x"]}}}});
        let error = problem(json!([{"at": 0, "observe": external}]));
        assert!(error.starts_with("steps[0].observe.metrics.external.q.values[0]: \"x\": not a quantity"), "{error}");
        let steps = json!([{"at": 5, "observe": observe("45")}, {"at": 4, "observe": observe("45")}]);
        assert_eq!(problem(steps), "steps[1].at: earlier than the step before");
    }
}
