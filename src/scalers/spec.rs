//! What a scenario says about autoscalers, checked.

use crate::scalers::hpa::spec::HpaSpec;
use crate::units::{Phase, Span};

/// The autoscaler of a pool or of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalerSpec {
    /// The size stays.
    Fixed,
    /// Sizes by time.
    Schedule(ScheduleSpec),
    /// The Kubernetes HPA.
    Hpa(Box<HpaScalerSpec>),
    /// Seldon Core 2's own scaling of models by inference lag: done by its agents and its scheduler, not by a controller of
    /// Kubernetes.
    SeldonLag,
}

/// Sizes by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleSpec {
    /// (at, replicas), times rising.
    pub steps: Vec<(Span, u32)>,
    /// The steps begin again after this.
    pub repeat_every: Option<Span>,
}

/// An HPA object and what surrounds it.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaScalerSpec {
    /// The object's spec, as the user wrote it, before the API server's defaults.
    pub spec: HpaSpec,
    /// Time of the first reconcile; random: uniform over (0, sync period].
    pub phase: Phase,
    /// Selectors of HPAs outside the scenario.
    pub other_hpa_selectors: Vec<String>,
}

/// Controller-wide settings: flags of kube-controller-manager.
#[derive(Clone, Debug, PartialEq)]
pub struct HpaControllerSpec {
    /// Fixed delay between reconciles of one HPA.
    pub sync_period: Span,
    /// Ratio band in which nothing changes.
    pub tolerance: f64,
    /// Look-back for scale-down.
    pub downscale_stabilization: Span,
    /// Pod age below which CPU samples are treated with suspicion.
    pub cpu_initialization_period: Span,
    /// See the grouping of pods.
    pub initial_readiness_delay: Span,
    /// HPAScaleToZero.
    pub scale_to_zero: bool,
    /// HPAConfigurableTolerance.
    pub configurable_tolerance: bool,
}

impl Default for HpaControllerSpec {
    fn default() -> Self {
        Self {
            sync_period: Span::from_secs(15),
            tolerance: 0.1,
            downscale_stabilization: Span::from_secs(300),
            cpu_initialization_period: Span::from_secs(300),
            initial_readiness_delay: Span::from_secs(30),
            scale_to_zero: false,
            configurable_tolerance: true,
        }
    }
}
