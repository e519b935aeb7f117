//! Autoscalers: rules, memory, and a world behind a door.

pub mod hpa;
pub mod report;
pub mod spec;

pub use report::{Condition, KubeEvent, MetricStep, Report, Status, Trail, Why};
pub use spec::{HpaControllerSpec, HpaScalerSpec, ScalerSpec, ScheduleSpec};
