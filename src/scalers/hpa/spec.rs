//! autoscaling/v2 HorizontalPodAutoscalerSpec and the API server's defaults.
//!
//! Law: a spec that has been through [`HpaSpec::defaulted`] says all that the controller reads, except the scale-down
//! window, which the controller takes from its own flag.
//!
//! Source of the rules: `pkg/apis/autoscaling/v2/defaults.go` of Kubernetes v1.36.2.

use crate::scalers::spec::HpaControllerSpec;
use crate::units::Quantity;

/// Utilization target of the metric that an HPA without metrics gets, per cent.
const DEFAULT_CPU_UTILIZATION: i32 = 80;

/// autoscaling/v2 HorizontalPodAutoscalerSpec as a user writes it, before defaulting.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaSpec {
    /// What is scaled.
    pub scale_target_ref: CrossVersionObjectReference,
    /// Lower bound; absent: 1.
    pub min_replicas: Option<i32>,
    /// Upper bound.
    pub max_replicas: i32,
    /// Empty: cpu 80 %.
    pub metrics: Vec<MetricSpec>,
    /// Policies and windows.
    pub behavior: Option<Behavior>,
}

/// apiVersion, kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrossVersionObjectReference {
    /// Group and version, may be empty.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// One metric: `kind` is the `type` field, and upstream wants the field of that name set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricSpec {
    /// `type`: Resource, ContainerResource, Pods, Object, External, or something wrong.
    pub kind: String,
    /// Resource.
    pub resource: Option<ResourceMetric>,
    /// ContainerResource.
    pub container_resource: Option<ContainerResourceMetric>,
    /// Pods.
    pub pods: Option<PodsMetric>,
    /// Object.
    pub object: Option<ObjectMetric>,
    /// External.
    pub external: Option<ExternalMetric>,
}

/// Resource source.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceMetric {
    /// cpu, memory.
    pub name: String,
    /// Its target.
    pub target: MetricTarget,
}

/// ContainerResource source.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerResourceMetric {
    /// cpu, memory.
    pub name: String,
    /// Which container.
    pub container: String,
    /// Its target.
    pub target: MetricTarget,
}

/// Pods source.
#[derive(Clone, Debug, PartialEq)]
pub struct PodsMetric {
    /// Metric.
    pub metric: MetricIdentifier,
    /// Its target.
    pub target: MetricTarget,
}

/// Object source.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectMetric {
    /// What is described.
    pub described_object: CrossVersionObjectReference,
    /// Metric.
    pub metric: MetricIdentifier,
    /// Its target.
    pub target: MetricTarget,
}

/// External source.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalMetric {
    /// Metric.
    pub metric: MetricIdentifier,
    /// Its target.
    pub target: MetricTarget,
}

/// Name and selector of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricIdentifier {
    /// Name.
    pub name: String,
    /// Label selector.
    pub selector: Option<LabelSelector>,
}

/// A Kubernetes label selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// Sorted by key.
    pub match_labels: std::collections::BTreeMap<String, String>,
    /// Further requirements.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSelectorRequirement {
    /// Label.
    pub key: String,
    /// In, NotIn, Exists, DoesNotExist.
    pub operator: String,
    /// For In and NotIn.
    pub values: Vec<String>,
}

/// A target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricTarget {
    /// `type`: Utilization, Value, AverageValue.
    pub kind: String,
    /// For Value.
    pub value: Option<Quantity>,
    /// For AverageValue.
    pub average_value: Option<Quantity>,
    /// For Utilization, per cent.
    pub average_utilization: Option<i32>,
}

/// Both directions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behavior {
    /// Up.
    pub scale_up: Option<ScalingRules>,
    /// Down.
    pub scale_down: Option<ScalingRules>,
}

/// Rules of one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScalingRules {
    /// Seconds.
    pub stabilization_window_seconds: Option<i32>,
    /// Max, Min, Disabled.
    pub select_policy: Option<String>,
    /// `None`: the default list.
    pub policies: Option<Vec<ScalingPolicy>>,
    /// As on the flag: a ratio.
    pub tolerance: Option<Quantity>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// `type`: Pods, Percent.
    pub kind: String,
    /// Pods, or per cent.
    pub value: i32,
    /// Seconds.
    pub period_seconds: i32,
}

/// Feature gates that change what an HPA may say and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpaGates {
    /// HPAScaleToZero.
    pub scale_to_zero: bool,
    /// HPAConfigurableTolerance.
    pub configurable_tolerance: bool,
}

impl From<&HpaControllerSpec> for HpaGates {
    fn from(controller: &HpaControllerSpec) -> Self {
        Self { scale_to_zero: controller.scale_to_zero, configurable_tolerance: controller.configurable_tolerance }
    }
}

impl CrossVersionObjectReference {
    /// What stands before the `/` of `apiVersion`.
    ///
    /// # Errors
    /// Upstream's text if there is more than one `/`.
    pub fn group(&self) -> Result<&str, String> {
        match self.api_version.split_once('/') {
            None => Ok(""),
            Some((_, version)) if version.contains('/') => {
                Err(format!("unexpected GroupVersion string: {}", self.api_version))
            }
            Some((group, _)) => Ok(group),
        }
    }
}

impl HpaSpec {
    /// The spec as the API server stores it: nothing that has a default is absent.
    #[must_use]
    pub fn defaulted(&self) -> Self {
        let mut spec = self.with_behavior_defaults();
        spec.min_replicas = Some(self.min_replicas.unwrap_or(1));
        if spec.metrics.is_empty() {
            let target = MetricTarget {
                kind: "Utilization".into(),
                average_utilization: Some(DEFAULT_CPU_UTILIZATION),
                ..MetricTarget::default()
            };
            let resource = Some(ResourceMetric { name: "cpu".into(), target });
            spec.metrics.push(MetricSpec { kind: "Resource".into(), resource, ..MetricSpec::default() });
        }
        spec
    }

    /// Only `behavior` completed, if there is one: for objects that never passed the API server.
    #[must_use]
    pub fn with_behavior_defaults(&self) -> Self {
        let behavior = self.behavior.as_ref().map(Behavior::defaulted);
        Self { behavior, ..self.clone() }
    }

    /// True with an Object or External metric: something to wake up by while there are no pods.
    pub fn has_metric_without_pods(&self) -> bool {
        self.metrics.iter().any(|metric| metric.kind == "Object" || metric.kind == "External")
    }
}

impl Behavior {
    /// Both directions, complete.
    #[must_use]
    pub fn defaulted(&self) -> Self {
        let policy = |kind: &str, value| ScalingPolicy { kind: kind.into(), value, period_seconds: 15 };
        let up = ScalingRules {
            stabilization_window_seconds: Some(0),
            select_policy: Some("Max".into()),
            policies: Some(vec![policy("Pods", 4), policy("Percent", 100)]),
            tolerance: None,
        };
        let down = ScalingRules {
            stabilization_window_seconds: None,
            select_policy: Some("Max".into()),
            policies: Some(vec![policy("Percent", 100)]),
            tolerance: None,
        };
        Self { scale_up: Some(up.overridden(&self.scale_up)), scale_down: Some(down.overridden(&self.scale_down)) }
    }
}

impl ScalingRules {
    /// These defaults, with what the user said in their place.
    fn overridden(self, by: &Option<Self>) -> Self {
        let Some(by) = by.clone() else { return self };
        Self {
            stabilization_window_seconds: by.stabilization_window_seconds.or(self.stabilization_window_seconds),
            select_policy: by.select_policy.or(self.select_policy),
            policies: by.policies.or(self.policies),
            tolerance: by.tolerance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare() -> HpaSpec {
        HpaSpec {
            scale_target_ref: CrossVersionObjectReference::default(),
            min_replicas: None,
            max_replicas: 5,
            metrics: Vec::new(),
            behavior: None,
        }
    }

    #[test]
    fn an_empty_spec_gets_one_replica_and_cpu_80() {
        let spec = bare().defaulted();
        assert_eq!(spec.min_replicas, Some(1));
        assert_eq!(spec.metrics.len(), 1);
        let resource = spec.metrics[0].resource.as_ref().expect("a Resource metric");
        assert_eq!((resource.name.as_str(), resource.target.average_utilization), ("cpu", Some(80)));
        assert_eq!(spec.behavior, None);
    }

    #[test]
    fn an_empty_behavior_gets_both_directions_but_no_window_down() {
        let behavior = HpaSpec { behavior: Some(Behavior::default()), ..bare() }.defaulted().behavior;
        let behavior = behavior.expect("it was there");
        let up = behavior.scale_up.expect("completed");
        let down = behavior.scale_down.expect("completed");
        assert_eq!(up.stabilization_window_seconds, Some(0));
        assert_eq!(up.policies.expect("completed").len(), 2);
        assert_eq!(down.stabilization_window_seconds, None);
        assert_eq!(down.policies.expect("completed").len(), 1);
    }

    #[test]
    fn the_users_list_replaces_the_default_list_as_a_whole() {
        let only = ScalingPolicy { kind: "Pods".into(), value: 1, period_seconds: 60 };
        let rules = ScalingRules { policies: Some(vec![only.clone()]), ..ScalingRules::default() };
        let behavior = Behavior { scale_up: Some(rules), scale_down: None }.defaulted();
        let up = behavior.scale_up.expect("completed");
        assert_eq!(up.policies, Some(vec![only]));
        assert_eq!(up.select_policy.as_deref(), Some("Max"));
    }

    #[test]
    fn a_group_has_one_slash() {
        let reference = |version: &str| CrossVersionObjectReference {
            api_version: version.into(),
            ..CrossVersionObjectReference::default()
        };
        assert_eq!(reference("apps/v1").group(), Ok("apps"));
        assert_eq!(reference("v1").group(), Ok(""));
        assert_eq!(reference("a/b/c").group(), Err("unexpected GroupVersion string: a/b/c".into()));
    }
}
