//! autoscaling/v2 HorizontalPodAutoscalerSpec in upstream's JSON.
//!
//! Law: this reads what a user wrote, neither defaulted nor validated. Whatever upstream's types can hold is read, even if
//! the API server would refuse it; only a wrong JSON type is an error.
//!
//! Source of the field names: `staging/src/k8s.io/api/autoscaling/v2/types.go` of Kubernetes v1.36.2.

use crate::manifest::json::{self, Object, Read, each, int32, optional, quantity, text};
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::{
    Behavior, ContainerResourceMetric, CrossVersionObjectReference, ExternalMetric, LabelSelector,
    LabelSelectorRequirement, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetric, PodsMetric, ResourceMetric,
    ScalingPolicy, ScalingRules,
};
use serde_json::Value;

/// Reads a spec.
///
/// # Errors
/// The first field of a wrong type, by its path.
pub fn hpa_spec(value: &Value) -> Read<HpaSpec> {
    let spec = json::object(value)?;
    Ok(HpaSpec {
        scale_target_ref: optional(spec, "scaleTargetRef", reference)?.unwrap_or_default(),
        min_replicas: optional(spec, "minReplicas", int32)?,
        max_replicas: optional(spec, "maxReplicas", int32)?.unwrap_or_default(),
        metrics: optional(spec, "metrics", |metrics| each(metrics, metric))?.unwrap_or_default(),
        behavior: optional(spec, "behavior", behavior)?,
    })
}

/// A text that is empty if absent, as in Go.
fn plain(object: &Object, key: &str) -> Read<String> {
    Ok(optional(object, key, text)?.unwrap_or_default())
}

fn reference(value: &Value) -> Read<CrossVersionObjectReference> {
    let object = json::object(value)?;
    Ok(CrossVersionObjectReference {
        api_version: plain(object, "apiVersion")?,
        kind: plain(object, "kind")?,
        name: plain(object, "name")?,
    })
}

fn metric(value: &Value) -> Read<MetricSpec> {
    let metric = json::object(value)?;
    Ok(MetricSpec {
        kind: plain(metric, "type")?,
        resource: optional(metric, "resource", |value| {
            let source = json::object(value)?;
            Ok(ResourceMetric { name: plain(source, "name")?, target: target_of(source)? })
        })?,
        container_resource: optional(metric, "containerResource", |value| {
            let source = json::object(value)?;
            let (name, container) = (plain(source, "name")?, plain(source, "container")?);
            Ok(ContainerResourceMetric { name, container, target: target_of(source)? })
        })?,
        pods: optional(metric, "pods", |value| {
            let source = json::object(value)?;
            Ok(PodsMetric { metric: metric_of(source)?, target: target_of(source)? })
        })?,
        object: optional(metric, "object", |value| {
            let source = json::object(value)?;
            let described_object = optional(source, "describedObject", reference)?.unwrap_or_default();
            Ok(ObjectMetric { described_object, metric: metric_of(source)?, target: target_of(source)? })
        })?,
        external: optional(metric, "external", |value| {
            let source = json::object(value)?;
            Ok(ExternalMetric { metric: metric_of(source)?, target: target_of(source)? })
        })?,
    })
}

fn metric_of(source: &Object) -> Read<MetricIdentifier> {
    let read = |value| {
        let metric = json::object(value)?;
        Ok(MetricIdentifier { name: plain(metric, "name")?, selector: optional(metric, "selector", selector)? })
    };
    Ok(optional(source, "metric", read)?.unwrap_or_default())
}

fn selector(value: &Value) -> Read<LabelSelector> {
    let selector = json::object(value)?;
    let labels = optional(selector, "matchLabels", |labels| json::entries(labels, text))?;
    let expressions = optional(selector, "matchExpressions", |list| {
        each(list, |value| {
            let expression = json::object(value)?;
            Ok(LabelSelectorRequirement {
                key: plain(expression, "key")?,
                operator: plain(expression, "operator")?,
                values: optional(expression, "values", |values| each(values, text))?.unwrap_or_default(),
            })
        })
    })?;
    Ok(LabelSelector {
        match_labels: labels.unwrap_or_default().into_iter().collect(),
        match_expressions: expressions.unwrap_or_default(),
    })
}

fn target_of(source: &Object) -> Read<MetricTarget> {
    let read = |value| {
        let target = json::object(value)?;
        Ok(MetricTarget {
            kind: plain(target, "type")?,
            value: optional(target, "value", quantity)?,
            average_value: optional(target, "averageValue", quantity)?,
            average_utilization: optional(target, "averageUtilization", int32)?,
        })
    };
    Ok(optional(source, "target", read)?.unwrap_or_default())
}

fn behavior(value: &Value) -> Read<Behavior> {
    let behavior = json::object(value)?;
    Ok(Behavior {
        scale_up: optional(behavior, "scaleUp", rules)?,
        scale_down: optional(behavior, "scaleDown", rules)?,
    })
}

fn rules(value: &Value) -> Read<ScalingRules> {
    let rules = json::object(value)?;
    Ok(ScalingRules {
        stabilization_window_seconds: optional(rules, "stabilizationWindowSeconds", int32)?,
        select_policy: optional(rules, "selectPolicy", text)?,
        policies: optional(rules, "policies", |policies| each(policies, policy))?,
        tolerance: optional(rules, "tolerance", quantity)?,
    })
}

fn policy(value: &Value) -> Read<ScalingPolicy> {
    let policy = json::object(value)?;
    Ok(ScalingPolicy {
        kind: plain(policy, "type")?,
        value: optional(policy, "value", int32)?.unwrap_or_default(),
        period_seconds: optional(policy, "periodSeconds", int32)?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Quantity;
    use serde_json::json;

    #[test]
    fn a_spec_as_a_user_writes_it() {
        let spec = hpa_spec(&json!({
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 9,
            "metrics": [{"type": "External", "external": {
                "metric": {"name": "queue", "selector": {"matchLabels": {"q": "a"}}},
                "target": {"type": "AverageValue", "averageValue": "30"}}}],
            "behavior": {"scaleDown": {"policies": [], "tolerance": "0.05"}},
            "unknown": true,
        }))
        .expect("it is well typed");
        assert_eq!((spec.min_replicas, spec.max_replicas), (None, 9));
        let external = spec.metrics[0].external.as_ref().expect("it is there");
        assert_eq!(external.target.average_value, Some(Quantity::from_units(30)));
        assert_eq!(external.metric.selector.as_ref().expect("it is there").match_labels["q"], "a");
        let behavior = spec.behavior.expect("it is there");
        assert_eq!(behavior.scale_up, None);
        assert_eq!(behavior.scale_down.expect("it is there").policies, Some(Vec::new()));
    }

    #[test]
    fn a_wrong_type_is_named_by_its_path() {
        let error = hpa_spec(&json!({"metrics": [{"resource": {"target": {"averageUtilization": "80"}}}]}));
        let error = error.expect_err("a text is no number").to_string();
        assert_eq!(error, "metrics[0].resource.target.averageUtilization: expected a 32-bit integer, found a string");
    }
}
