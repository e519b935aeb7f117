//! Metrics pipelines: a true quantity becomes a reading with a time stamp, late and averaged.

pub mod rate;
pub mod resource;
pub mod spec;

pub use rate::rate;
pub use resource::{ContainerPoint, Housekeeper, HousekeepingRule, TwoPoints, Usage, is_reported, pod_time};
pub use spec::{DelaySpec, MetricsServerSpec, PoolMetricsSpec, PrometheusSpec, Sampling};
