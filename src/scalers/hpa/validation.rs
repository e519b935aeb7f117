//! What the API server says about an HPA on create, in its own words and order.
//!
//! Law: a spec is valid exactly if the list of errors is empty; each error reads `field: Kind: detail`.
//!
//! Source of the rules: `pkg/apis/autoscaling/validation/validation.go` and the strategy of the registry, Kubernetes
//! v1.36.2.

use crate::scalers::hpa::selector::{dns_label_problem, qualified_name_problems};
use crate::scalers::hpa::spec::{
    CrossVersionObjectReference, HpaGates, HpaSpec, MetricIdentifier, MetricSpec, MetricTarget, ScalingPolicy,
    ScalingRules,
};
use crate::units::Quantity;
use std::fmt::Display;

const LONGEST_WINDOW_S: i32 = 3600;
const LONGEST_PERIOD_S: i32 = 1800;
const SOURCE_KINDS: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
const CONTAINER_RESOURCES: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];

/// Errors in order.
#[derive(Default)]
struct Errors(Vec<String>);

impl Errors {
    fn required(&mut self, field: &str, detail: &str) {
        let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
        self.0.push(format!("{field}: Required value{detail}"));
    }

    fn invalid(&mut self, field: &str, value: impl Display, detail: impl Display) {
        self.0.push(format!("{field}: Invalid value: {value}: {detail}"));
    }

    fn invalid_text(&mut self, field: &str, value: &str, detail: impl Display) {
        self.invalid(field, quoted(value), detail);
    }

    fn unsupported(&mut self, field: &str, value: &str, supported: &[&str]) {
        let list: Vec<String> = supported.iter().map(|value| quoted(value)).collect();
        let list = list.join(", ");
        self.0.push(format!("{field}: Unsupported value: {}: supported values: {list}", quoted(value)));
    }

    fn forbidden(&mut self, field: &str, detail: &str) {
        self.0.push(format!("{field}: Forbidden: {detail}"));
    }
}

/// As Go's `%q` prints ordinary text.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

impl HpaSpec {
    /// The API server's errors on create; `self` with defaults applied.
    pub fn validate(&self, gates: HpaGates) -> Vec<String> {
        let mut errors = Errors::default();
        self.validate_bounds(gates, &mut errors);
        validate_reference(&self.scale_target_ref, "spec.scaleTargetRef", &mut errors);
        validate_api_group(&self.scale_target_ref, "spec.scaleTargetRef.apiVersion", &mut errors);
        for (index, metric) in self.metrics.iter().enumerate() {
            validate_metric(metric, &format!("spec.metrics[{index}]"), &mut errors);
        }
        if self.min_replicas == Some(0) && !self.has_metric_without_pods() {
            let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
            errors.forbidden("spec.metrics", detail);
        }
        if let Some(behavior) = &self.behavior {
            for (rules, direction) in [(&behavior.scale_up, "scaleUp"), (&behavior.scale_down, "scaleDown")] {
                if let Some(rules) = rules {
                    validate_rules(rules, &format!("spec.behavior.{direction}"), gates, &mut errors);
                }
            }
        }
        errors.0
    }

    fn validate_bounds(&self, gates: HpaGates, errors: &mut Errors) {
        let lowest = if gates.scale_to_zero { 0 } else { 1 };
        let max = self.max_replicas;
        if let Some(min) = self.min_replicas
            && min < lowest
        {
            errors.invalid("spec.minReplicas", min, format!("must be greater than or equal to {lowest}"));
        }
        if max == 0 {
            errors.required("spec.maxReplicas", "must be set and greater than 0");
        } else if max < 1 {
            errors.invalid("spec.maxReplicas", max, "must be greater than or equal to 1");
        }
        if self.min_replicas.is_some_and(|min| max < min) {
            errors.invalid("spec.maxReplicas", max, "must be greater than or equal to `minReplicas`");
        }
    }
}

fn validate_reference(reference: &CrossVersionObjectReference, field: &str, errors: &mut Errors) {
    for (name, value) in [("kind", &reference.kind), ("name", &reference.name)] {
        if value.is_empty() {
            errors.required(&format!("{field}.{name}"), "");
        } else {
            validate_path_segment(value, &format!("{field}.{name}"), errors);
        }
    }
}

/// Nothing that would break a URL path.
fn validate_path_segment(value: &str, field: &str, errors: &mut Errors) {
    if value == "." || value == ".." {
        errors.invalid_text(field, value, format!("may not be '{value}'"));
        return;
    }
    for character in ['/', '%'] {
        if value.contains(character) {
            errors.invalid_text(field, value, format!("may not contain '{character}'"));
        }
    }
}

fn validate_api_group(reference: &CrossVersionObjectReference, field: &str, errors: &mut Errors) {
    match reference.group() {
        Err(problem) => errors.invalid_text(field, &reference.api_version, problem),
        Ok("") if reference.kind != "ReplicationController" => {
            errors.invalid_text(field, &reference.api_version, "apiVersion must specify API group");
        }
        Ok(_) => {}
    }
}

fn validate_metric(metric: &MetricSpec, field: &str, errors: &mut Errors) {
    let kind_field = format!("{field}.type");
    if metric.kind.is_empty() {
        errors.required(&kind_field, "must specify a metric source type");
    }
    let known = SOURCE_KINDS.contains(&metric.kind.as_str());
    if !known {
        errors.unsupported(&kind_field, &metric.kind, &SOURCE_KINDS);
    }
    let present = validate_first_source(metric, field, errors);
    let expected = match metric.kind.as_str() {
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        "External" => "external",
        "ContainerResource" => "containerResource",
        _ => "",
    };
    if !known {
        // Upstream notices an unknown type at two places and says so twice.
        errors.unsupported(&kind_field, &metric.kind, &SOURCE_KINDS);
    } else if !present.contains(&expected) {
        errors.required(&format!("{field}.{expected}"), "must populate information for the given metric source");
    }
    if present.len() != 1 {
        for source in present.into_iter().filter(|source| *source != expected) {
            errors.forbidden(&format!("{field}.{source}"), "must populate the given metric source only");
        }
    }
}

/// Checks the first source that is there, and names all of them.
fn validate_first_source(metric: &MetricSpec, field: &str, errors: &mut Errors) -> Vec<&'static str> {
    let mut present = Vec::new();
    if let Some(object) = &metric.object {
        let field = format!("{field}.object");
        validate_reference(&object.described_object, &format!("{field}.describedObject"), errors);
        validate_identifier(&object.metric, &field, errors);
        validate_target(&object.target, &field, errors);
        if object.target.value.is_none() && object.target.average_value.is_none() {
            let detail = "must set either a target value or averageValue";
            errors.required(&format!("{field}.target.averageValue"), detail);
        }
        present.push("object");
    }
    if let Some(external) = &metric.external {
        if present.is_empty() {
            validate_external(&external.metric, &external.target, &format!("{field}.external"), errors);
        }
        present.push("external");
    }
    if let Some(pods) = &metric.pods {
        if present.is_empty() {
            let field = format!("{field}.pods");
            validate_identifier(&pods.metric, &field, errors);
            validate_target(&pods.target, &field, errors);
            if pods.target.average_value.is_none() {
                let detail = "must specify a positive target averageValue";
                errors.required(&format!("{field}.target.averageValue"), detail);
            }
        }
        present.push("pods");
    }
    if let Some(resource) = &metric.resource {
        if present.is_empty() {
            let field = format!("{field}.resource");
            if resource.name.is_empty() {
                errors.required(&format!("{field}.name"), "must specify a resource name");
            }
            validate_resource_target(&resource.target, &field, errors);
        }
        present.push("resource");
    }
    if let Some(source) = &metric.container_resource {
        if present.is_empty() {
            let field = format!("{field}.containerResource");
            validate_container_resource(&source.name, &source.container, &field, errors);
            validate_resource_target(&source.target, &field, errors);
        }
        present.push("containerResource");
    }
    present
}

fn validate_external(metric: &MetricIdentifier, target: &MetricTarget, field: &str, errors: &mut Errors) {
    validate_identifier(metric, field, errors);
    validate_target(target, field, errors);
    match (&target.value, &target.average_value) {
        (None, None) => {
            let detail = "must set either a target value for metric or a per-pod target";
            errors.required(&format!("{field}.target.averageValue"), detail);
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target value for metric and a per-pod target";
            errors.forbidden(&format!("{field}.target.value"), detail);
        }
        _ => {}
    }
}

fn validate_container_resource(name: &str, container: &str, field: &str, errors: &mut Errors) {
    let name_field = format!("{field}.name");
    if name.is_empty() {
        errors.required(&name_field, "must specify a resource name");
    } else {
        let problems = qualified_name_problems(name);
        let well_formed = problems.is_empty();
        for problem in problems {
            errors.invalid_text(&name_field, name, problem);
        }
        let standard = CONTAINER_RESOURCES.contains(&name) || name.starts_with("hugepages-");
        if well_formed && !name.contains('/') && !standard {
            errors.invalid_text(&name_field, name, "must be a standard resource for containers");
        }
    }
    let container_field = format!("{field}.container");
    if container.is_empty() {
        errors.required(&container_field, "must specify a container");
    } else if let Some(problem) = dns_label_problem(container) {
        errors.invalid_text(&container_field, container, problem);
    }
}

fn validate_resource_target(target: &MetricTarget, field: &str, errors: &mut Errors) {
    validate_target(target, field, errors);
    match (&target.average_utilization, &target.average_value) {
        (None, None) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.required(&format!("{field}.target.averageUtilization"), detail);
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.forbidden(&format!("{field}.target.averageValue"), detail);
        }
        _ => {}
    }
}

fn validate_identifier(metric: &MetricIdentifier, field: &str, errors: &mut Errors) {
    let field = format!("{field}.metric.name");
    if metric.name.is_empty() {
        errors.required(&field, "must specify a metric name");
    } else {
        validate_path_segment(&metric.name, &field, errors);
    }
}

fn validate_target(target: &MetricTarget, field: &str, errors: &mut Errors) {
    let field = format!("{field}.target");
    if target.kind.is_empty() {
        errors.required(&format!("{field}.type"), "must specify a metric target type");
    }
    if !["Utilization", "Value", "AverageValue"].contains(&target.kind.as_str()) {
        let detail = "must be either Utilization, Value, or AverageValue";
        errors.invalid_text(&format!("{field}.type"), &target.kind, detail);
    }
    let mut positive = |name: &str, value: &Option<Quantity>| {
        if let Some(value) = value
            && value.signum() < 1
        {
            errors.invalid_text(&format!("{field}.{name}"), &value.to_string(), "must be positive");
        }
    };
    positive("value", &target.value);
    positive("averageValue", &target.average_value);
    if let Some(utilization) = target.average_utilization
        && utilization < 1
    {
        errors.invalid(&format!("{field}.averageUtilization"), utilization, "must be greater than 0");
    }
}

fn validate_rules(rules: &ScalingRules, field: &str, gates: HpaGates, errors: &mut Errors) {
    if let Some(window) = rules.stabilization_window_seconds {
        let field = format!("{field}.stabilizationWindowSeconds");
        if window < 0 {
            errors.invalid(&field, window, "must be greater than or equal to zero");
        }
        if window > LONGEST_WINDOW_S {
            errors.invalid(&field, window, format!("must be less than or equal to {LONGEST_WINDOW_S}"));
        }
    }
    if let Some(select) = &rules.select_policy {
        let supported = ["Disabled", "Max", "Min"];
        if !supported.contains(&select.as_str()) {
            errors.unsupported(&format!("{field}.selectPolicy"), select, &supported);
        }
    }
    let policies = rules.policies.as_deref().unwrap_or_default();
    if policies.is_empty() {
        errors.required(&format!("{field}.policies"), "must specify at least one Policy");
    }
    for (index, policy) in policies.iter().enumerate() {
        validate_policy(policy, &format!("{field}.policies[{index}]"), errors);
    }
    // With the gate off the API server has dropped the field before it looks.
    if let Some(tolerance) = &rules.tolerance
        && gates.configurable_tolerance
        && tolerance.signum() < 0
    {
        let field = format!("{field}.tolerance");
        errors.invalid_text(&field, &tolerance.to_string(), "must be greater than or equal to 0");
    }
}

fn validate_policy(policy: &ScalingPolicy, field: &str, errors: &mut Errors) {
    let supported = ["Percent", "Pods"];
    if !supported.contains(&policy.kind.as_str()) {
        errors.unsupported(&format!("{field}.type"), &policy.kind, &supported);
    }
    if policy.value <= 0 {
        errors.invalid(&format!("{field}.value"), policy.value, "must be greater than zero");
    }
    let field = format!("{field}.periodSeconds");
    if policy.period_seconds <= 0 {
        errors.invalid(&field, policy.period_seconds, "must be greater than zero");
    }
    if policy.period_seconds > LONGEST_PERIOD_S {
        errors.invalid(&field, policy.period_seconds, format!("must be less than or equal to {LONGEST_PERIOD_S}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATES: HpaGates = HpaGates { scale_to_zero: false, configurable_tolerance: true };

    fn valid() -> HpaSpec {
        let web = CrossVersionObjectReference {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
        };
        let spec =
            HpaSpec { scale_target_ref: web, min_replicas: None, max_replicas: 5, metrics: Vec::new(), behavior: None };
        spec.defaulted()
    }

    #[test]
    fn a_plain_spec_is_valid() {
        assert_eq!(valid().validate(GATES), Vec::<String>::new());
    }

    #[test]
    fn zero_replicas_want_the_gate_and_a_metric_without_pods() {
        let spec = HpaSpec { min_replicas: Some(0), ..valid() };
        let forbidden = "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas";
        let low = "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1";
        assert_eq!(spec.validate(GATES), [low, forbidden]);
        assert_eq!(spec.validate(HpaGates { scale_to_zero: true, ..GATES }), [forbidden]);
    }
}
