//! Metrics pipelines: truth becomes a reading with a timestamp, late and blurred.

pub mod spec;

pub use spec::{DelaySpec, MetricsServerSpec, PoolMetricsSpec, PrometheusSpec, Sampling};
