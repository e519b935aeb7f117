//! The Kubernetes HorizontalPodAutoscaler of v1.36.2.

pub mod spec;

pub use spec::HpaSpec;

/// stub
pub fn selects(selector: &str, labels: &std::collections::BTreeMap<String, String>) -> bool {
    selector.split(',').all(|p| p.split_once('=').is_some_and(|(k, v)| labels.get(k).is_some_and(|l| l == v)))
}
