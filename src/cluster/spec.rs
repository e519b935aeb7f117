//! What a pool says about its pods' life, checked.

use crate::random::Law;
use crate::units::Span;

/// Which controller owns the pods: order of start and choice of victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Pods of a Deployment.
    Deployment,
    /// Pods of a StatefulSet: one at a time, highest ordinal first down.
    StatefulSet,
    /// Pods of a ReplicaSet.
    ReplicaSet,
}

impl WorkloadKind {
    /// The kind as Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicaSet => "ReplicaSet",
        }
    }
}

/// Is the image on the node?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// The pull phase is skipped.
    Cached,
    /// Every new pod pulls.
    Pulled,
}

/// The phases from "wanted" to "gets traffic", all laws in seconds, in this order; readiness stands between `warmup`
/// and `endpoints`.
#[derive(Clone, Debug, PartialEq)]
pub struct StartSpec {
    /// Scale object to pod objects.
    pub reconcile: Law,
    /// Scheduler.
    pub schedule: Law,
    /// Kubelet sees the pod.
    pub kubelet_notice: Law,
    /// Network, volumes, cgroup.
    pub sandbox: Law,
    /// Image pull, when the image is pulled.
    pub pull: Law,
    /// Container start.
    pub container: Law,
    /// Imports, server start.
    pub runtime: Law,
    /// Model artifact.
    pub download: Law,
    /// Model into memory.
    pub load: Law,
    /// First inferences.
    pub warmup: Law,
    /// Ready to receiving traffic.
    pub endpoints: Endpoints,
    /// Is the image on the node?
    pub image: ImageState,
    /// `None`: ready as soon as the container runs.
    pub readiness_probe: Option<ReadinessProbe>,
}

/// Delay from a change of readiness to a change of routes.
#[derive(Clone, Debug, PartialEq)]
pub enum Endpoints {
    /// Propagation plus the proxy's own sync, uniform over 0 to 1 s.
    PropagationAndSync(Law),
    /// This law alone.
    Given(Law),
}

/// A readiness probe, as in a pod spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadinessProbe {
    /// No probe before this age of the container (whole seconds are compared).
    pub initial_delay: Span,
    /// Between probes.
    pub period: Span,
    /// A probe that takes longer fails.
    pub timeout: Span,
    /// Successes in a row to become ready.
    pub success_threshold: u32,
    /// Failures in a row to become unready.
    pub failure_threshold: u32,
}

/// Termination.
#[derive(Clone, Debug, PartialEq)]
pub struct StopSpec {
    /// SIGKILL this long after deletion.
    pub grace_period: Span,
    /// Sleep before SIGTERM.
    pub pre_stop: Span,
    /// Deletion to removal from routes.
    pub endpoint_lag: Endpoints,
    /// True: finish what is in flight; false: it is lost.
    pub drain: bool,
}

/// A sidecar container.
#[derive(Clone, Debug, PartialEq)]
pub struct SidecarSpec {
    /// Its name.
    pub name: String,
    /// CPU request, millicores.
    pub cpu_request_millis: Option<u64>,
    /// CPU limit, millicores.
    pub cpu_limit_millis: Option<u64>,
    /// Constant CPU use, millicores.
    pub cpu_idle_millis: u64,
    /// Memory request, bytes.
    pub memory_request_bytes: Option<u64>,
    /// Memory limit, bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Constant memory use, bytes.
    pub memory_idle_bytes: u64,
}
