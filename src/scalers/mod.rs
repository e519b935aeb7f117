//! Autoscalers: rules, memory, and a world behind a door.

pub mod hpa;
pub mod spec;

pub use spec::{HpaControllerSpec, HpaScalerSpec, ScalerSpec, ScheduleSpec};
