//! The scaler: rules in `self`, memory handed in, the world behind `api`.
//!
//! Same inputs, same output: a scaler has no clock, generator, interior mutability or IO of its own, so the very same
//! code decides in a simulation and replays what real controllers were recorded to do.

use crate::scalers::hpa::spec::{CrossVersionObjectReference, MetricIdentifier};
use crate::scalers::report::Report;
use crate::units::{Quantity, SimTime, Span};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{self, Debug};
use std::rc::Rc;

/// An autoscaler.
pub trait Scaler {
    /// What may change in a run: the object, and its controller's settings.
    type Spec: Clone + Debug + 'static;
    /// All that it remembers, status included. Replay injects it; a bug report contains it.
    type Memory: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// The scenario's word for it.
    const KIND: &'static str;

    /// First sight of the object. `first` is when the first reconcile is due.
    fn begin(&self, first: SimTime) -> (Self::Memory, Wake);
    /// The user replaced the spec; what was remembered stays.
    fn amended(&mut self, now: SimTime, spec: Self::Spec, memory: &mut Self::Memory) -> Wake;
    /// One pass: ask, decide, act, and say why.
    fn reconcile(&self, now: SimTime, api: &mut dyn Api, memory: &mut Self::Memory, out: &mut Report) -> Wake;
}

/// When to be called next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Leave the wake-up that is already agreed, if any.
    Keep,
    /// At this time.
    At(SimTime),
}

impl Wake {
    /// The same wake-up, put off: the period begins when a pass ends, and a pass waits for its answers.
    #[must_use]
    pub fn later(self, by: Span) -> Self {
        match self {
            Self::Keep => Self::Keep,
            Self::At(at) => Self::At(at + by),
        }
    }
}

/// The control plane as a scaler sees it: perceived, late, able to fail; never the truth. A question is put only when
/// the rule gets there, since upstream's cost and failures sit there.
pub trait Api {
    /// True if the cluster has a scalable resource of this API group and kind. The group is empty for the core API.
    fn knows_kind(&mut self, group: &str, kind: &str) -> bool {
        matches!((group, kind), ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController"))
    }
    /// The scale subresource.
    ///
    /// # Errors
    /// The API server's text.
    fn get_scale(&mut self, of: &CrossVersionObjectReference) -> Result<Scale, ApiError>;
    /// Writes `spec.replicas` of the scale subresource.
    ///
    /// # Errors
    /// A conflict, or the API server's text.
    fn put_scale(&mut self, of: &CrossVersionObjectReference, replicas: i32) -> Result<(), PutError>;
    /// Pods under a selector, in the order in which the controller lists them.
    ///
    /// # Errors
    /// The API server's text.
    fn pods(&mut self, selector: &str) -> Result<Vec<SeenPod>, ApiError>;
    /// Resource samples of the pods under a selector.
    ///
    /// # Errors
    /// The metrics API's text.
    fn resource_metrics(&mut self, selector: &str) -> Result<Vec<PodSample>, ApiError>;
    /// A custom metric of each pod under a selector: pod name and value.
    ///
    /// # Errors
    /// The metrics API's text.
    fn pods_metric(&mut self, metric: &MetricIdentifier, selector: &str) -> Result<Vec<(Rc<str>, Quantity)>, ApiError>;
    /// A custom metric of an object.
    ///
    /// # Errors
    /// The metrics API's text.
    fn object_metric(
        &mut self,
        metric: &MetricIdentifier,
        object: &CrossVersionObjectReference,
    ) -> Result<Quantity, ApiError>;
    /// An external metric: a list of values.
    ///
    /// # Errors
    /// The metrics API's text.
    fn external_metric(&mut self, metric: &MetricIdentifier) -> Result<Vec<Quantity>, ApiError>;
    /// When the value that was last handed out by a custom or external query was measured, if known. Resource samples
    /// carry their own time.
    fn measured_at(&self) -> Option<SimTime> {
        None
    }
    /// Selectors of the other HPAs of the namespace, with the object's `namespace/name` where known.
    fn other_hpa_selectors(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// The scale subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `spec.replicas`.
    pub spec_replicas: i32,
    /// `status.replicas`.
    pub status_replicas: i32,
    /// `status.selector`.
    pub selector: String,
}

/// What an API call failed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError(pub String);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a write failed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutError {
    /// Somebody else wrote in between.
    Conflict,
    /// Anything else.
    Other(String),
}

/// Phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PodPhase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

/// Status of the Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReadyStatus {
    True,
    False,
    Unknown,
}

/// A pod as the API server shows it. Times are whole seconds, as Kubernetes serialises them.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPod {
    /// Its name.
    pub name: Rc<str>,
    /// `status.phase`.
    pub phase: PodPhase,
    /// `status.startTime`.
    pub started: Option<SimTime>,
    /// The Ready condition, if there is one.
    pub ready: Option<ReadyStatus>,
    /// Its `lastTransitionTime`; `None`: long before everything.
    pub ready_changed: Option<SimTime>,
    /// Has a `deletionTimestamp`.
    pub deleting: bool,
    /// Requests of its containers.
    pub template: Rc<PodTemplate>,
}

/// What a pod's containers ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTemplate {
    /// Containers in order.
    pub containers: Vec<ContainerRequests>,
    /// Init containers with `restartPolicy: Always`.
    pub sidecars: Vec<ContainerRequests>,
    /// Pod-level requests, by resource name.
    pub pod_requests: Vec<(String, Quantity)>,
}

/// Requests of one container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerRequests {
    /// Its name.
    pub name: String,
    /// By resource name: `cpu`, `memory`.
    pub requests: Vec<(String, Quantity)>,
}

/// A pod's sample in the metrics API.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSample {
    /// Pod name.
    pub pod: Rc<str>,
    /// Timestamp in whole seconds.
    pub at: SimTime,
    /// Window.
    pub window: Span,
    /// Containers in order.
    pub containers: Vec<ContainerSample>,
}

/// A container in a sample. A resource may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSample {
    /// Its name.
    pub name: Rc<str>,
    /// Cores.
    pub cpu: Option<Quantity>,
    /// Bytes.
    pub memory: Option<Quantity>,
}
