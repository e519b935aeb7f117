//! What a pass has to say.

use crate::units::{Quantity, SimTime};
use serde::{Deserialize, Serialize};

/// What a pass has to say. One buffer per scaler, cleared and filled again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// One entry per metric that was evaluated, in the order of the spec.
    pub metrics: Vec<MetricStep>,
    /// The way from the proposal to the decision.
    pub trail: Trail,
    /// Conditions, current metrics, desired: whole, as a person would read it.
    pub status: Status,
    /// Events of this pass, in order.
    pub events: Vec<KubeEvent>,
    /// A pass may scale and still err.
    pub error: Option<String>,
}

impl Report {
    /// Empties it for the next pass; the status stays, as that of the object does.
    pub fn clear(&mut self) {
        self.metrics.clear();
        self.trail = Trail::default();
        self.events.clear();
        self.error = None;
    }
}

/// One metric on the way to a proposal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricStep {
    /// Its name as in `kubectl`: `cpu`, or the custom metric's name.
    pub metric: String,
    /// Value seen in base units (a utilization as a ratio, cores, bytes, plain numbers).
    pub seen: Option<f64>,
    /// Target in the same unit.
    pub target: Option<f64>,
    /// When the oldest sample used was measured.
    pub seen_at: Option<SimTime>,
    /// Proposal before the tolerance: ceil(ratio × pods).
    pub raw: Option<u32>,
    /// Proposal of this metric.
    pub proposal: Option<u32>,
    /// Why the proposal is what it is; `Why::Failed` with the text in `detail`.
    pub why: Option<Why>,
    /// `name=value;...`: pods ready, unready, missing, ratio, error text.
    pub detail: String,
}

/// The way from the proposal to the decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    /// Size read.
    pub now: Option<u32>,
    /// Largest proposal.
    pub proposal: Option<u32>,
    /// After stabilization.
    pub after_window: Option<u32>,
    /// After rate policies.
    pub after_policies: Option<u32>,
    /// After bounds.
    pub after_bounds: Option<u32>,
    /// Decided: the size asked for after the pass.
    pub decided: Option<u32>,
    /// True if the size was written.
    pub scaled: bool,
    /// Each clamp that acted, in order.
    pub why: Vec<Why>,
    /// `name=value;...`.
    pub detail: String,
}

/// Why a number is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Ratio within the tolerance.
    Tolerance,
    /// ceil(ratio × pods).
    Formula,
    /// Filling in unready or missing pods turned or stopped the direction.
    Damped,
    /// An earlier recommendation holds it.
    Stabilized,
    /// A rate policy, or the default scale-up limit, allows no more.
    RateLimited,
    /// The direction is disabled.
    PolicyDisabled,
    /// At the maximum.
    MaxReplicas,
    /// At the minimum.
    MinReplicas,
    /// Replicas are zero: scaling is off.
    Zero,
    /// The metric could not be read.
    Failed,
    /// The scale could not be read or written.
    NoScale,
    /// By the clock.
    Schedule,
    /// Requests in flight at one replica have reached the threshold.
    Lag,
    /// A replica has had no request for long enough.
    Inactive,
    /// The last change is too recent.
    CoolingDown,
    /// The latest version is not the one that serves.
    NotAvailable,
}

impl Why {
    /// As the tables say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tolerance => "tolerance",
            Self::Formula => "formula",
            Self::Damped => "damped",
            Self::Stabilized => "stabilized",
            Self::RateLimited => "rate limited",
            Self::PolicyDisabled => "policy disabled",
            Self::MaxReplicas => "max replicas",
            Self::MinReplicas => "min replicas",
            Self::Zero => "zero",
            Self::Failed => "failed",
            Self::NoScale => "no scale",
            Self::Schedule => "schedule",
            Self::Lag => "inference lag",
            Self::Inactive => "inactive",
            Self::CoolingDown => "cooling down",
            Self::NotAvailable => "not available",
        }
    }
}

/// Status of the autoscaler object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// In the order of first appearance.
    pub conditions: Vec<Condition>,
    /// `currentMetrics`: one entry per metric of the spec, `None` where it could not be computed. Empty: metrics were
    /// not evaluated.
    pub current_metrics: Vec<Option<CurrentMetric>>,
    /// One text per metric as in the TARGETS column, `<unknown>` where not computed.
    pub targets: String,
    /// Size before the write.
    pub current_replicas: i32,
    /// Size after it.
    pub desired_replicas: i32,
}

/// What a metric was when it was last computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentMetric {
    /// `type` of its source: Resource, Pods, ...
    pub source: String,
    /// `value`.
    pub value: Option<Quantity>,
    /// `averageValue`.
    pub average_value: Option<Quantity>,
    /// `averageUtilization`, per cent.
    pub average_utilization: Option<i32>,
}

/// A condition of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// AbleToScale, ScalingActive, ScalingLimited, ...
    pub kind: String,
    /// True or False.
    pub status: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// When the status last changed.
    #[serde(with = "nanos")]
    pub changed: SimTime,
}

/// serde of instants as whole nanoseconds, exact in every format.
pub(crate) mod nanos {
    use crate::units::SimTime;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &SimTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_nanos())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SimTime, D::Error> {
        u64::deserialize(deserializer).map(SimTime::from_nanos)
    }
}

/// serde of instants that may be missing.
pub(crate) mod optional_nanos {
    use crate::units::SimTime;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Option<SimTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(SimTime::as_nanos).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SimTime>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(SimTime::from_nanos))
    }
}

/// A Kubernetes event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeEvent {
    /// Warning, or Normal.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}
