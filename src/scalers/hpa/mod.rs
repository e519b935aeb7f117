//! The Kubernetes HorizontalPodAutoscaler of v1.36.2.

pub mod spec;

pub use spec::HpaSpec;
