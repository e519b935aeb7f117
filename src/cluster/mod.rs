//! Pods: from wanted to serving, from deleted to gone, and who goes first.

pub mod pod;
pub mod readiness;
pub mod spec;

pub use pod::{Ending, Milestone, PodLife, Timetable, victim_key};
pub use readiness::{crash_backoff, ready_at};
pub use spec::{Endpoints, ImageState, ReadinessProbe, SidecarSpec, StartSpec, StopSpec, WorkloadKind};
