//! The cluster: the life of a pod, and who goes first when a pool shrinks.

pub mod spec;

pub use spec::{Endpoints, ImageState, ReadinessProbe, SidecarSpec, StartSpec, StopSpec, WorkloadKind};
