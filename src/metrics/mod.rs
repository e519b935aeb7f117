//! Metrics pipelines: a true quantity becomes a reading with a time stamp, late and averaged.

pub mod histogram;
pub mod prometheus;
pub mod rate;
pub mod resource;
pub mod spec;

pub use histogram::LatencyCounts;
pub use prometheus::{Answer, Of, Page, Prometheus, Query, Refusal, Seen, Series, Target};
pub use rate::rate;
pub use resource::{ContainerPoint, Housekeeper, HousekeepingRule, Stored, TwoPoints, Usage, is_reported, pod_time};
pub use spec::{CpuRate, DelaySpec, MetricsServerSpec, PoolMetricsSpec, PrometheusSpec, Sampling};
