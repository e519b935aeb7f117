//! What a scenario says about metrics pipelines, checked.

use crate::random::Law;
use crate::units::{Phase, Span};

/// metrics-server and the kubelets it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsServerSpec {
    /// False: not installed.
    pub enabled: bool,
    /// Time between scrapes.
    pub metric_resolution: Span,
    /// The kubelet's own sampling.
    pub housekeeping_interval: Span,
    /// Next gap = interval × (1 + U × jitter).
    pub housekeeping_jitter: f64,
    /// Cap for idle containers.
    pub housekeeping_max: Span,
    /// Age of a sample when it is read.
    pub sampling: Sampling,
    /// Who computes the rate of CPU use.
    pub cpu_rate: CpuRate,
    /// A kubelet slower than this is given up.
    pub kubelet_request_timeout: Span,
    /// Answer time of a kubelet, seconds.
    pub kubelet_latency: Law,
    /// First scrape.
    pub phase: Phase,
}

/// Age of a sample when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// The latest housekeeping sample.
    Cached,
    /// Measured when asked.
    OnDemand,
}

/// Who computes the rate of CPU use that the metrics API serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuRate {
    /// metrics-server, between two scrapes: releases since 0.5.
    Own,
    /// The kubelet, between its last two samples: releases 0.3 and 0.4.
    Kubelet,
}

/// Prometheus and its adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct PrometheusSpec {
    /// Between scrapes of one target.
    pub scrape_interval: Span,
    /// A slower target fails.
    pub scrape_timeout: Span,
    /// Window of `rate()` behind every rate signal.
    pub rate_window: Span,
    /// Age at which an instant value is stale.
    pub lookback_delta: Span,
    /// The adapter's list of series names.
    pub metrics_relist_interval: Span,
    /// Series seen within this age are listed.
    pub metrics_max_age: Span,
    /// Seconds.
    pub adapter_query_latency: Law,
    /// Pod address to scrape target, seconds.
    pub target_discovery: Law,
}

/// How a pool's own metrics reach a scaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMetricsSpec {
    /// Through kubelet and metrics-server.
    Resource,
    /// The true mean over a window, seen late.
    Delay(DelaySpec),
}

/// The cheap pipeline: the true mean over `window`, seen `delay` late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelaySpec {
    /// Averaged over this.
    pub window: Span,
    /// Seen this late.
    pub delay: Span,
}
