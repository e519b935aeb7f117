//! Autoscalers: rules, memory, and a world behind a door.

pub mod hpa;
pub mod registry;
pub mod report;
pub mod scaler;
pub mod schedule;
pub mod seat;
pub mod spec;

pub use hpa::{Hpa, HpaGates, HpaMemory, HpaObject, HpaSpec};
pub use report::{Condition, CurrentMetric, KubeEvent, MetricStep, Report, Status, Trail, Why};
pub use scaler::{
    Api, ApiError, ContainerRequests, ContainerSample, PodPhase, PodSample, PodTemplate, PutError, ReadyStatus, Scale,
    Scaler, SeenPod, Wake,
};
pub use seat::{Seat, Seated};
pub use spec::{HpaControllerSpec, HpaScalerSpec, ScalerSpec, ScheduleSpec};
