//! What the object says of itself: conditions, events, the TARGETS column.
//!
//! Law: conditions keep the order of their first appearance and stay until they are set again; the time of change moves
//! only when the status does. Words are upstream's, to the letter.
//!
//! Source of the rules: `setCondition` and its callers in `pkg/controller/podautoscaler/horizontal.go`, and
//! `formatHPAMetrics` in `pkg/printers/internalversion/printers.go`, Kubernetes v1.36.2.

use crate::scalers::hpa::policies::Limit;
use crate::scalers::hpa::spec::{MetricSpec, MetricTarget};
use crate::scalers::report::{Condition, CurrentMetric, KubeEvent, optional_nanos};
use crate::units::{Quantity, SimTime};
use serde::{Deserialize, Serialize};

pub(super) const ABLE_TO_SCALE: &str = "AbleToScale";
pub(super) const SCALING_ACTIVE: &str = "ScalingActive";
pub(super) const SCALING_LIMITED: &str = "ScalingLimited";
pub(super) const SCALED_TO_ZERO: &str = "ScaledToZero";

/// The stored status of the object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HpaStatus {
    /// In the order of first appearance.
    pub conditions: Vec<Condition>,
    /// One entry per metric, `None` where it could not be computed; empty if metrics were not evaluated.
    pub current_metrics: Vec<Option<CurrentMetric>>,
    /// Size before the last write.
    pub current_replicas: i32,
    /// Size asked for.
    pub desired_replicas: i32,
    /// When the size was last written.
    #[serde(with = "optional_nanos")]
    pub last_scale: Option<SimTime>,
}

impl HpaStatus {
    /// Sets or adds a condition.
    pub fn set(&mut self, now: SimTime, kind: &str, status: bool, reason: &str, message: impl Into<String>) {
        let message = message.into();
        match self.conditions.iter_mut().find(|condition| condition.kind == kind) {
            Some(condition) => {
                if condition.status != status {
                    condition.status = status;
                    condition.changed = now;
                }
                if condition.reason != reason {
                    reason.clone_into(&mut condition.reason);
                }
                condition.message = message;
            }
            None => self.conditions.push(Condition {
                kind: kind.to_owned(),
                status,
                reason: reason.to_owned(),
                message,
                changed: now,
            }),
        }
    }

    /// Takes a condition away.
    pub(super) fn remove(&mut self, kind: &str) {
        self.conditions.retain(|condition| condition.kind != kind);
    }

    /// True if the condition is there and True.
    pub(super) fn is_true(&self, kind: &str) -> bool {
        self.conditions.iter().any(|condition| condition.kind == kind && condition.status)
    }

    /// AbleToScale after stabilization.
    pub(super) fn set_stabilized(
        &mut self,
        now: SimTime,
        current: i32,
        desired: i32,
        stabilized: i32,
        by_window: bool,
    ) {
        let (reason, message) = if stabilized == desired {
            ("ReadyForNewScale", "recommended size matches current size")
        } else if by_window && desired >= current {
            (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            )
        } else {
            (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            )
        };
        self.set(now, ABLE_TO_SCALE, true, reason, message);
    }

    /// ScalingLimited after the limits.
    pub(super) fn set_limited(&mut self, now: SimTime, by: Limit) {
        let (status, reason, message) = match by {
            Limit::Within => (false, "DesiredWithinRange", "the desired count is within the acceptable range"),
            Limit::TooMany => {
                (true, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
            }
            Limit::TooFew => {
                (true, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
            }
            Limit::UpRate => {
                (true, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            }
            Limit::DownRate => {
                (true, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
            }
        };
        self.set(now, SCALING_LIMITED, status, reason, message);
    }
}

/// An event of type Warning.
pub(super) fn warning(reason: &str, message: impl Into<String>) -> KubeEvent {
    KubeEvent { warning: true, reason: reason.to_owned(), message: message.into() }
}

/// An event of type Normal.
pub(super) fn normal(reason: &str, message: impl Into<String>) -> KubeEvent {
    KubeEvent { warning: false, reason: reason.to_owned(), message: message.into() }
}

/// The TARGETS column of `kubectl get hpa`: two metrics at most, then how many more there are.
pub(super) fn targets(metrics: &[MetricSpec], current: &[Option<CurrentMetric>]) -> String {
    const SHOWN: usize = 2;
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let shown: Vec<String> = metrics
        .iter()
        .enumerate()
        .take(SHOWN)
        .map(|(index, metric)| {
            // After an edit the list may still describe the metrics of the former spec.
            let current = current.get(index).and_then(Option::as_ref).filter(|current| current.source == metric.kind);
            target(metric, current)
        })
        .collect();
    let shown = shown.join(", ");
    match metrics.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

fn target(metric: &MetricSpec, current: Option<&CurrentMetric>) -> String {
    match metric.kind.as_str() {
        "Resource" => metric.resource.as_ref().map(|source| resource_target(&source.name, &source.target, current)),
        "ContainerResource" => {
            metric.container_resource.as_ref().map(|source| resource_target(&source.name, &source.target, current))
        }
        "Pods" => metric.pods.as_ref().map(|source| {
            let seen = current.and_then(|current| current.average_value);
            format!("{}/{}", known(seen), printed(&source.target.average_value))
        }),
        "Object" => metric.object.as_ref().map(|source| total_target(&source.target, current)),
        "External" => metric.external.as_ref().map(|source| total_target(&source.target, current)),
        _ => None,
    }
    .unwrap_or_else(|| "<unknown type>".to_owned())
}

fn resource_target(name: &str, target: &MetricTarget, current: Option<&CurrentMetric>) -> String {
    if let Some(wanted) = &target.average_value {
        return format!("{name}: {}/{wanted}", known(current.and_then(|current| current.average_value)));
    }
    let seen = match current.and_then(|current| current.average_utilization) {
        Some(percent) => format!("{percent}%"),
        None => "<unknown>".to_owned(),
    };
    match target.average_utilization {
        Some(percent) => format!("{name}: {seen}/{percent}%"),
        None => format!("{name}: {seen}/<auto>"),
    }
}

fn total_target(target: &MetricTarget, current: Option<&CurrentMetric>) -> String {
    match &target.average_value {
        Some(wanted) => format!("{}/{wanted} (avg)", known(current.and_then(|current| current.average_value))),
        None => format!("{}/{}", known(current.and_then(|current| current.value)), printed(&target.value)),
    }
}

fn known(value: Option<Quantity>) -> String {
    value.map_or_else(|| "<unknown>".to_owned(), |value| value.to_string())
}

/// Go prints a quantity that is not there as `<nil>`.
fn printed(value: &Option<Quantity>) -> String {
    value.map_or_else(|| "<nil>".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalers::hpa::spec::{ExternalMetric, MetricIdentifier, ResourceMetric};

    fn cpu(percent: i32) -> MetricSpec {
        let target = MetricTarget { average_utilization: Some(percent), ..MetricTarget::default() };
        let resource = Some(ResourceMetric { name: "cpu".into(), target });
        MetricSpec { kind: "Resource".into(), resource, ..MetricSpec::default() }
    }

    fn queue(target: MetricTarget) -> MetricSpec {
        let external = Some(ExternalMetric { metric: MetricIdentifier::default(), target });
        MetricSpec { kind: "External".into(), external, ..MetricSpec::default() }
    }

    #[test]
    fn the_targets_column() {
        let ten = Some(Quantity::from_units(10));
        let seen = CurrentMetric {
            source: "Resource".into(),
            value: None,
            average_value: None,
            average_utilization: Some(45),
        };
        assert_eq!(targets(&[cpu(80)], &[Some(seen.clone())]), "cpu: 45%/80%");
        assert_eq!(targets(&[cpu(80)], &[]), "cpu: <unknown>/80%");
        let average = queue(MetricTarget { average_value: ten, ..MetricTarget::default() });
        let value = queue(MetricTarget { value: ten, ..MetricTarget::default() });
        let all = [average, value.clone(), value.clone(), value];
        // The first entry belongs to a Resource metric of an earlier spec.
        assert_eq!(targets(&all, &[Some(seen)]), "<unknown>/10 (avg), <unknown>/10 + 2 more...");
        assert_eq!(targets(&[], &[]), "<none>");
    }

    #[test]
    fn the_time_of_change_moves_with_the_status_only() {
        let mut status = HpaStatus::default();
        let at = SimTime::from_secs;
        status.set(at(1), ABLE_TO_SCALE, true, "SucceededGetScale", "x");
        status.set(at(2), SCALING_ACTIVE, true, "ValidMetricFound", "x");
        status.set(at(3), ABLE_TO_SCALE, true, "ReadyForNewScale", "y");
        assert_eq!(status.conditions[0].changed, at(1));
        assert_eq!(status.conditions[0].reason, "ReadyForNewScale");
        status.set(at(4), ABLE_TO_SCALE, false, "FailedGetScale", "z");
        assert_eq!(status.conditions[0].changed, at(4));
        assert_eq!(status.conditions.len(), 2);
    }
}
