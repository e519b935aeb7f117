//! What a user can say of Seldon Core 2: the release, the installation's settings, Servers, Models and Pipelines.
//!
//! Law: a release changes behaviour only through the methods of [`CoreVersion`], and every default is the Helm charts' own.
//! Where the charts and the programs disagree the charts win, since nobody runs the bare programs.
//!
//! Source of the rules: operator `internal/utils.go` and `apis/mlops/v1alpha1/model_types.go`; scheduler
//! `pkg/store/pipeline/validate.go` and `errors.go`; the charts' `values.yaml`; `scheduler/cmd`.

use super::lag::LagSettings;
use crate::random::Law;
use crate::units::Span;
use std::fmt;

/// What an unset maximum counts as from release 2.10 on.
pub const UNLIMITED: u32 = u32::MAX;

/// A release line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoreVersion {
    /// February 2024.
    V2_8,
    /// April to July 2025, up to 2.9.1.
    V2_9,
    /// October to December 2025, 2.10.0 to 2.10.2.
    #[default]
    V2_10,
}

/// How far a release scales Models by inference lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LagScaling {
    /// It does unless told otherwise.
    OnByDefault,
    /// It does if `autoscalingModelEnabled` is set.
    BehindSwitch,
    /// Agent and scheduler overwrite the setting with false.
    ForcedOff,
}

impl CoreVersion {
    /// All releases, oldest first.
    pub const ALL: [Self; 3] = [Self::V2_8, Self::V2_9, Self::V2_10];

    /// As users write it: `2.10`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V2_8 => "2.8",
            Self::V2_9 => "2.9",
            Self::V2_10 => "2.10",
        }
    }

    /// The release of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// How far Models are scaled by inference lag.
    pub const fn lag_scaling(self) -> LagScaling {
        match self {
            Self::V2_8 => LagScaling::OnByDefault,
            Self::V2_9 => LagScaling::BehindSwitch,
            Self::V2_10 => LagScaling::ForcedOff,
        }
    }

    /// True if gRPC requests build lag while they are in flight.
    pub const fn grpc_lag_counted(self) -> bool {
        matches!(self, Self::V2_8)
    }

    /// True if the scheduler can ask for more or fewer server replicas.
    pub const fn server_autoscaling(self) -> bool {
        !matches!(self, Self::V2_8)
    }

    /// True if a model that does not fit whole may be placed with `minReplicas` or more.
    pub const fn partial_scheduling(self) -> bool {
        !matches!(self, Self::V2_8)
    }

    /// True if an unset `maxReplicas` counts as set and without limit; false if it switches autoscaling off.
    pub const fn unset_max_is_unlimited(self) -> bool {
        matches!(self, Self::V2_10)
    }

    /// True if `replicas: 0` means none; false if it counts as unset.
    pub const fn zero_replicas(self) -> bool {
        matches!(self, Self::V2_10)
    }

    /// True if models that are still progressing are retried together with failed ones.
    pub const fn retries_progressing(self) -> bool {
        matches!(self, Self::V2_10)
    }

    /// True if gateways and the dataflow engine share the work by consistent hashing, up to one replica per partition.
    pub const fn services_hashed(self) -> bool {
        matches!(self, Self::V2_10)
    }
}

impl fmt::Display for CoreVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `replicas`, `minReplicas` and `maxReplicas` as given; the same for Models and Servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScalingSpec {
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// `spec.minReplicas`.
    pub min: Option<u32>,
    /// `spec.maxReplicas`.
    pub max: Option<u32>,
}

/// What the operator makes of a [`ScalingSpec`] and sends to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveScaling {
    /// Wanted replicas.
    pub replicas: u32,
    /// Least, 0 if unset.
    pub min: u32,
    /// Most: [`UNLIMITED`], or 0 for "no maximum, and none that switches autoscaling on", if unset.
    pub max: u32,
}

impl EffectiveScaling {
    /// True if one of the bounds is set, without which no model is scaled by lag.
    pub const fn is_bounded(&self) -> bool {
        self.min != 0 || self.max != 0
    }
}

/// Why the operator does not apply a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingError {
    /// The release that says so.
    pub version: CoreVersion,
    /// What is wrong.
    pub fault: ScalingFault,
}

/// What is wrong with three replica counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingFault {
    /// A negative count where a minimum is set.
    Negative {
        /// As given.
        replicas: i64,
        /// As given.
        min: i64,
    },
    /// Fewer than the minimum.
    BelowMin {
        /// Effective count.
        replicas: u32,
        /// Effective minimum.
        min: u32,
    },
    /// The bounds cross.
    MinAboveMax {
        /// Effective minimum.
        min: u32,
        /// Effective maximum.
        max: u32,
    },
    /// More than the maximum.
    AboveMax {
        /// Effective count.
        replicas: u32,
        /// Effective maximum.
        max: u32,
    },
}

impl fmt::Display for ScalingError {
    /// In the operator's own words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.version < CoreVersion::V2_10 {
            return match self.fault {
                ScalingFault::BelowMin { replicas, min } => {
                    write!(f, "Number of replicas {replicas} should be >= min replicas {min}")
                }
                ScalingFault::AboveMax { replicas, max } => {
                    write!(f, "Number of replicas {replicas} should be <= max replicas {max}")
                }
                other => other.fmt(f),
            };
        }
        write!(f, "scaling spec is invalid: {}", self.fault)
    }
}

impl fmt::Display for ScalingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Negative { replicas, min } => {
                write!(f, "number of replicas {replicas} cannot be less than minimum replica {min}")
            }
            Self::BelowMin { replicas, min } => {
                write!(f, "number of replicas {replicas} must be >= min replicas {min}")
            }
            Self::MinAboveMax { min, max } => {
                write!(f, "min number of replicas {min} must be <= max number of replicas {max}")
            }
            Self::AboveMax { replicas, max } => {
                write!(f, "number of replicas {replicas} must be <= max replicas {max}")
            }
        }
    }
}

impl std::error::Error for ScalingError {}

impl ScalingSpec {
    /// What the operator of this release sends to the scheduler.
    ///
    /// # Errors
    /// Counts that contradict each other: the resource is not applied at all.
    pub fn effective(&self, version: CoreVersion) -> Result<EffectiveScaling, ScalingError> {
        effective_scaling(version, self.replicas.map(i64::from), self.min.map(i64::from), self.max.map(i64::from))
    }
}

/// As [`ScalingSpec::effective`], for counts as a manifest may have them: negative.
///
/// # Errors
/// Counts that contradict each other.
pub fn effective_scaling(
    version: CoreVersion,
    replicas: Option<i64>,
    min: Option<i64>,
    max: Option<i64>,
) -> Result<EffectiveScaling, ScalingError> {
    let fail = |fault| Err(ScalingError { version, fault });
    let positive = |count: Option<i64>| count.filter(|&count| count > 0).map(clamped);
    let least = if version.zero_replicas() { 0 } else { 1 };
    let given = replicas.filter(|&replicas| replicas >= least).map(clamped);
    if let (Some(replicas), Some(min)) = (replicas, min)
        && version.zero_replicas()
        && replicas < 0
        && min > 0
    {
        return fail(ScalingFault::Negative { replicas, min });
    }
    let wanted = given.or(positive(min)).unwrap_or(1);
    let min = positive(min).unwrap_or(0);
    if wanted < min {
        return fail(ScalingFault::BelowMin { replicas: wanted, min });
    }
    let Some(max) = positive(max) else {
        let max = if version.unset_max_is_unlimited() { UNLIMITED } else { 0 };
        return Ok(EffectiveScaling { replicas: wanted, min, max });
    };
    if min > max {
        return fail(ScalingFault::MinAboveMax { min, max });
    }
    if wanted > max {
        return fail(ScalingFault::AboveMax { replicas: wanted, max });
    }
    Ok(EffectiveScaling { replicas: wanted, min, max })
}

fn clamped(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// A Server: equal replicas that hold models. The life of its pods is described where pods are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerSpec {
    /// Its name.
    pub name: String,
    /// Counts as given.
    pub scaling: ScalingSpec,
    /// Memory of one server replica: the memory request of its inference server's container.
    pub memory_bytes: u64,
    /// Overcommit of this Server's agents in percent; `None` takes the installation's.
    pub overcommit_percent: Option<u32>,
    /// What its inference server can run: the capabilities of its `serverConfig`, or in their place `spec.capabilities`,
    /// and `spec.extraCapabilities` besides.
    pub capabilities: Vec<String>,
}

/// A Model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Its name.
    pub name: String,
    /// The one Server that may hold it; `None`: any that can.
    pub server: Option<String>,
    /// Counts as given.
    pub scaling: ScalingSpec,
    /// `spec.memory`: what one instance needs; 0 if unset.
    pub memory_bytes: u64,
    /// Instances within one model replica, each with memory of its own: MLServer's parallel workers, or the instance
    /// group of Triton; 1 where unknown.
    pub instances: u32,
    /// What its Server must be capable of, `spec.modelType` included.
    pub requirements: Vec<String>,
    /// True for an explainer, which needs the capability `alibi-explain` as well.
    pub explainer: bool,
    /// Seconds from storage to the local disk.
    pub download: Law,
    /// Seconds from the local disk into the inference server, the first time.
    pub load: Law,
    /// Seconds from the local disk into the inference server once evicted; upstream says 0.1 at least.
    pub reload: Law,
}

impl ModelSpec {
    /// What one model replica occupies in a server replica's memory.
    pub fn required_memory_bytes(&self) -> u64 {
        self.memory_bytes.saturating_mul(u64::from(self.instances.max(1)))
    }
}

/// A Pipeline: models that pass data on over Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineSpec {
    /// Its name.
    pub name: String,
    /// Its steps, in any order.
    pub steps: Vec<PipelineStep>,
}

/// One step: one model, once per request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineStep {
    /// The model; the step has its name.
    pub model: String,
    /// Steps whose outputs it waits for, all of them. Empty, or the pipeline's own name: it reads the pipeline's input.
    pub after: Vec<String>,
}

/// What is wrong with a Pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineFault {
    /// There is no step.
    Empty {
        /// The pipeline.
        pipeline: String,
    },
    /// A step is called as the pipeline is.
    StepNamedAsPipeline {
        /// The pipeline.
        pipeline: String,
    },
    /// Two steps are called the same.
    StepRepeated {
        /// The pipeline.
        pipeline: String,
        /// Their name.
        step: String,
    },
    /// There is no such model.
    UnknownModel {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
    },
    /// A step waits for a step that does not exist.
    UnknownStep {
        /// The pipeline.
        pipeline: String,
        /// The step that waits.
        step: String,
        /// What it waits for.
        input: String,
    },
    /// Steps wait for one another.
    Cycle {
        /// The pipeline.
        pipeline: String,
    },
}

impl fmt::Display for PipelineFault {
    /// In the scheduler's own words where it has any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { pipeline } => write!(f, "pipeline {pipeline} has no steps"),
            Self::StepNamedAsPipeline { pipeline } => {
                write!(f, "pipeline {pipeline} must not have a step name with the same name")
            }
            Self::StepRepeated { pipeline, step } => write!(f, "pipeline {pipeline} has repeated step {step}"),
            Self::UnknownModel { pipeline, step } => write!(f, "pipeline {pipeline} step {step} is no model"),
            Self::UnknownStep { pipeline, step, input } => {
                write!(f, "pipeline {pipeline} step {step} has input {input} for step that does not exist")
            }
            Self::Cycle { pipeline } => write!(f, "pipeline {pipeline} has a cycle"),
        }
    }
}

impl std::error::Error for PipelineFault {}

impl PipelineSpec {
    /// Everything that is wrong with it; empty if it can be run. `is_model` knows the models there are.
    pub fn faults(&self, is_model: impl Fn(&str) -> bool) -> Vec<PipelineFault> {
        let pipeline = || self.name.clone();
        let mut faults = Vec::new();
        if self.steps.is_empty() {
            faults.push(PipelineFault::Empty { pipeline: pipeline() });
        }
        for (index, step) in self.steps.iter().enumerate() {
            let name = || step.model.clone();
            if step.model == self.name {
                faults.push(PipelineFault::StepNamedAsPipeline { pipeline: pipeline() });
            }
            if self.position(&step.model) != Some(index) {
                faults.push(PipelineFault::StepRepeated { pipeline: pipeline(), step: name() });
            } else if !is_model(&step.model) {
                faults.push(PipelineFault::UnknownModel { pipeline: pipeline(), step: name() });
            }
            for input in step.after.iter().filter(|&input| *input != self.name && self.position(input).is_none()) {
                let input = input.clone();
                faults.push(PipelineFault::UnknownStep { pipeline: pipeline(), step: name(), input });
            }
        }
        if faults.is_empty() && self.order().is_none() {
            faults.push(PipelineFault::Cycle { pipeline: pipeline() });
        }
        faults
    }

    /// The steps' places in an order in which each comes after all that it waits for; among those that may come next, the
    /// one that stands first. `None` if there is no such order.
    pub fn order(&self) -> Option<Vec<usize>> {
        let mut done = vec![false; self.steps.len()];
        let mut order = Vec::with_capacity(self.steps.len());
        while order.len() < self.steps.len() {
            let is_there = |input: &String| match self.position(input) {
                Some(before) => done[before],
                None => *input == self.name,
            };
            let can_come = |step: &PipelineStep| step.after.iter().all(is_there);
            let next = (0..self.steps.len()).find(|&index| !done[index] && can_come(&self.steps[index]))?;
            done[next] = true;
            order.push(next);
        }
        Some(order)
    }

    /// The places of the steps that no other waits for: what they say is the pipeline's answer.
    pub fn outputs(&self) -> Vec<usize> {
        let waited_for = |name: &String| self.steps.iter().any(|step| step.after.contains(name));
        (0..self.steps.len()).filter(|&index| !waited_for(&self.steps[index].model)).collect()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.model == name)
    }
}

/// The settings of one installation. [`CoreSpec::of`] gives a release's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreSpec {
    /// The release.
    pub version: CoreVersion,
    /// Helm's `autoscaling`.
    pub autoscaling: AutoscalingSpec,
    /// Helm's `agent`.
    pub agent: AgentSpec,
    /// Scheduler and operator.
    pub scheduler: SchedulerSpec,
    /// Helm's `envoy`.
    pub envoy: EnvoySpec,
    /// Gateways, dataflow engine and Kafka.
    pub dataflow: DataflowSpec,
    /// Seconds that operator and API take for one action. No setting: 0.5.
    pub control_delay: Law,
    /// Seconds that each proxy on a request's way adds to it. No setting: 0.001.
    pub proxy_overhead: Law,
}

/// Who scales what.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoscalingSpec {
    /// `autoscalingModelEnabled`: Models by inference lag. False from 2.9 on.
    pub model_enabled: bool,
    /// True: `model_enabled` has no effect, as in 2.10. Set it to false to ask what lag scaling would do there.
    pub forced_off: bool,
    /// `autoscalingServerEnabled`: server replicas follow the models. True.
    pub server_enabled: bool,
    /// `serverPackingEnabled`. False.
    pub packing_enabled: bool,
    /// `serverPackingPercentage`: a probability from 0 to 1, its name notwithstanding. 0.
    pub packing_percentage: f64,
    /// A model that changed state within this time is not scaled down. 60 s, not a setting.
    pub scale_down_cool_down: Span,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSpec {
    /// `scalingStatsPeriodSeconds`. 20 s.
    pub scaling_stats_period: Span,
    /// `modelInferenceLagThreshold`: requests in flight at one replica. 30.
    pub model_inference_lag_threshold: u32,
    /// `modelInactiveSecondsThreshold`: whole seconds without a request at one replica. 600.
    pub model_inactive_threshold_s: u64,
    /// `overcommitPercentage` of a replica's memory. 10.
    pub overcommit_percent: u32,
    /// `unloadGracePeriodSeconds`: wait before each unload. 2 s.
    pub unload_grace: Span,
    /// Time in which the three containers' `preStop` calls are taken together. 200 ms, not a setting.
    pub prestop_window: Span,
}

/// The scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerSpec {
    /// How long a restarted scheduler waits for servers at most. 600 s.
    pub servers_wait: Span,
    /// What it waits after that before Envoy gets routes. 10 s, not a setting.
    pub routes_wait: Span,
    /// From the notice of a drain to the new placement of what it held. 0.5 s, not a setting.
    pub drain_settle: Span,
    /// What a drained replica stays for after its models are available elsewhere. 3.25 s, not a setting.
    pub drain_extra: Span,
    /// First wait of a control stream before it connects again. 1 s, not a setting.
    pub reconnect_first: Span,
    /// Longest wait. 15 s, not a setting.
    pub reconnect_longest: Span,
}

/// Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvoySpec {
    /// Its replicas; each keeps its own counts. 1.
    pub replicas: u32,
    /// Routes are updated in batches of this length. 250 ms, not a setting.
    pub update_batch: Span,
    /// Endpoints' names are resolved this often. 2 s, not a setting.
    pub dns_refresh: Span,
    /// Retries on a 5xx or a failed connection. 5, not a setting.
    pub retries: u32,
    /// First wait before a retry. 0.5 s, not a setting.
    pub retry_base: Span,
    /// Retries at once for one model version. 5, not a setting.
    pub parallel_retries: u32,
}

/// Gateways, dataflow engine and Kafka.
#[derive(Clone, Debug, PartialEq)]
pub struct DataflowSpec {
    /// `kafka.topics.numPartitions`, of every topic. 1.
    pub partitions: u32,
    /// `maxShardCountMultiplier`; `None` takes the partitions, as the chart does.
    pub max_shard_count_multiplier: Option<u32>,
    /// `modelgateway.maxNumConsumers`. 100.
    pub max_num_consumers: u32,
    /// `pipelinegateway.maxNumConsumers`. 100.
    pub pipeline_max_num_consumers: u32,
    /// Model gateway replicas asked for. 1.
    pub model_gateway_replicas: u32,
    /// Pipeline gateway replicas asked for. 1.
    pub pipeline_gateway_replicas: u32,
    /// Dataflow engine replicas asked for. 1.
    pub engine_replicas: u32,
    /// `modelgateway.workers` of one consumer. 8.
    pub workers: u32,
    /// A worker gives up after this. 120 s, not a setting.
    pub worker_timeout: Span,
    /// Seconds from a record's writing to its reading. No setting, and upstream gives no figure: 0.
    pub hop: Law,
}

impl CoreSpec {
    /// The defaults of a release.
    pub fn of(version: CoreVersion) -> Self {
        Self {
            version,
            autoscaling: AutoscalingSpec {
                model_enabled: version.lag_scaling() == LagScaling::OnByDefault,
                forced_off: version.lag_scaling() == LagScaling::ForcedOff,
                server_enabled: true,
                packing_enabled: false,
                packing_percentage: 0.0,
                scale_down_cool_down: Span::from_secs(60),
            },
            agent: AgentSpec::default(),
            scheduler: SchedulerSpec::default(),
            envoy: EnvoySpec::default(),
            dataflow: DataflowSpec::default(),
            control_delay: Law::Constant(0.5),
            proxy_overhead: Law::Constant(0.001),
        }
    }

    /// True if Models are scaled by inference lag in the end.
    pub const fn lag_scaling(&self) -> bool {
        self.autoscaling.model_enabled && !self.autoscaling.forced_off
    }

    /// True if the agents may send events for a model that is loaded with these counts.
    pub const fn registers(&self, scaling: &EffectiveScaling) -> bool {
        self.lag_scaling() && scaling.is_bounded()
    }

    /// True if the scheduler asks for more or fewer server replicas.
    pub const fn server_autoscaling(&self) -> bool {
        self.autoscaling.server_enabled && self.version.server_autoscaling()
    }

    /// Probability that a scale-down of a server packs.
    pub const fn packing_probability(&self) -> f64 {
        if self.autoscaling.packing_enabled { self.autoscaling.packing_percentage.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How this installation's agents count lag.
    pub const fn lag_settings(&self) -> LagSettings {
        LagSettings {
            period: self.agent.scaling_stats_period,
            inference_lag_threshold: self.agent.model_inference_lag_threshold,
            inactive_threshold_s: self.agent.model_inactive_threshold_s,
            grpc_counted: self.version.grpc_lag_counted(),
        }
    }

    /// Overcommit of this Server's agents.
    pub fn overcommit_percent(&self, server: &ServerSpec) -> u32 {
        server.overcommit_percent.unwrap_or(self.agent.overcommit_percent)
    }
}

impl Default for CoreSpec {
    /// The latest release.
    fn default() -> Self {
        Self::of(CoreVersion::default())
    }
}

impl Default for AgentSpec {
    fn default() -> Self {
        Self {
            scaling_stats_period: Span::from_secs(20),
            model_inference_lag_threshold: 30,
            model_inactive_threshold_s: 600,
            overcommit_percent: 10,
            unload_grace: Span::from_secs(2),
            prestop_window: Span::from_millis(200),
        }
    }
}

impl Default for SchedulerSpec {
    fn default() -> Self {
        Self {
            servers_wait: Span::from_secs(600),
            routes_wait: Span::from_secs(10),
            drain_settle: Span::from_millis(500),
            drain_extra: Span::from_millis(3_250),
            reconnect_first: Span::from_secs(1),
            reconnect_longest: Span::from_secs(15),
        }
    }
}

impl Default for EnvoySpec {
    fn default() -> Self {
        Self {
            replicas: 1,
            update_batch: Span::from_millis(250),
            dns_refresh: Span::from_secs(2),
            retries: 5,
            retry_base: Span::from_millis(500),
            parallel_retries: 5,
        }
    }
}

impl Default for DataflowSpec {
    fn default() -> Self {
        Self {
            partitions: 1,
            max_shard_count_multiplier: None,
            max_num_consumers: 100,
            pipeline_max_num_consumers: 100,
            model_gateway_replicas: 1,
            pipeline_gateway_replicas: 1,
            engine_replicas: 1,
            workers: 8,
            worker_timeout: Span::from_secs(120),
            hop: Law::Constant(0.0),
        }
    }
}

impl DataflowSpec {
    /// How many replicas of a service share one pipeline or one bucket of models.
    pub fn shards(&self) -> u32 {
        self.max_shard_count_multiplier.unwrap_or(self.partitions).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(version: CoreVersion, counts: [Option<i64>; 3]) -> Result<(u32, u32, u32), String> {
        effective_scaling(version, counts[0], counts[1], counts[2])
            .map(|scaling| (scaling.replicas, scaling.min, scaling.max))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn effective_counts_by_release() {
        let new = |counts| effective(CoreVersion::V2_10, counts);
        let old = |counts| effective(CoreVersion::V2_9, counts);
        assert_eq!(new([None; 3]), Ok((1, 0, UNLIMITED)));
        assert_eq!(old([None; 3]), Ok((1, 0, 0)));
        assert_eq!(new([Some(0), None, Some(4)]), Ok((0, 0, 4)));
        assert_eq!(old([Some(0), None, Some(4)]), Ok((1, 0, 4)));
        assert_eq!(new([None, Some(3), None]), Ok((3, 3, UNLIMITED)));
        assert_eq!(old([Some(0), Some(3), Some(3)]), Ok((3, 3, 3)));
        assert_eq!(new([Some(-1), Some(0), Some(0)]), Ok((1, 0, UNLIMITED)));
    }

    #[test]
    fn contradictions_in_the_operators_words() {
        let new = |counts| effective(CoreVersion::V2_10, counts).expect_err("a contradiction");
        let invalid = |text: &str| format!("scaling spec is invalid: {text}");
        assert_eq!(new([Some(0), Some(1), None]), invalid("number of replicas 0 must be >= min replicas 1"));
        assert_eq!(new([Some(5), None, Some(4)]), invalid("number of replicas 5 must be <= max replicas 4"));
        assert_eq!(
            new([None, Some(3), Some(2)]),
            invalid("min number of replicas 3 must be <= max number of replicas 2")
        );
        assert_eq!(
            new([Some(-1), Some(2), None]),
            invalid("number of replicas -1 cannot be less than minimum replica 2")
        );
        let old = effective(CoreVersion::V2_8, [Some(1), Some(2), None]);
        assert_eq!(old, Err("Number of replicas 1 should be >= min replicas 2".to_owned()));
    }

    #[test]
    fn defaults_by_release() {
        let lag = |version| CoreSpec::of(version).lag_scaling();
        assert_eq!(CoreVersion::ALL.map(lag), [true, false, false]);
        let mut core = CoreSpec::default();
        core.autoscaling.model_enabled = true;
        assert!(!core.lag_scaling(), "forced off");
        core.autoscaling.forced_off = false;
        assert!(core.lag_scaling());
        let unset = ScalingSpec::default();
        let registers = |version: CoreVersion| core.registers(&unset.effective(version).expect("nothing contradicts"));
        assert_eq!(CoreVersion::ALL.map(registers), [false, false, true]);
        core.autoscaling.packing_percentage = 25.0;
        assert_eq!(core.packing_probability(), 0.0);
        core.autoscaling.packing_enabled = true;
        assert_eq!(core.packing_probability(), 1.0, "any value from 1 on packs every time");
        assert_eq!(CoreVersion::ALL.map(|version| CoreVersion::parse(version.name())), CoreVersion::ALL.map(Some));
    }

    fn pipeline(steps: &[(&str, &[&str])]) -> PipelineSpec {
        let step = |&(model, after): &(&str, &[&str])| PipelineStep {
            model: model.to_owned(),
            after: after.iter().map(|&name| name.to_owned()).collect(),
        };
        PipelineSpec { name: "p".to_owned(), steps: steps.iter().map(step).collect() }
    }

    fn faults(steps: &[(&str, &[&str])]) -> Vec<String> {
        pipeline(steps).faults(|name| name != "ghost").iter().map(PipelineFault::to_string).collect()
    }

    #[test]
    fn faults_of_a_pipeline() {
        assert_eq!(faults(&[("b", &["a", "p"]), ("a", &["p"])]), [""; 0]);
        assert_eq!(faults(&[]), ["pipeline p has no steps"]);
        assert_eq!(faults(&[("p", &[])]), ["pipeline p must not have a step name with the same name"]);
        assert_eq!(faults(&[("a", &[]), ("a", &[])]), ["pipeline p has repeated step a"]);
        assert_eq!(faults(&[("ghost", &[])]), ["pipeline p step ghost is no model"]);
        assert_eq!(faults(&[("a", &["x"])]), ["pipeline p step a has input x for step that does not exist"]);
        assert_eq!(faults(&[("a", &["b"]), ("b", &["a"])]), ["pipeline p has a cycle"]);
    }

    #[test]
    fn a_diamond_has_an_order_and_one_output() {
        let diamond = pipeline(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &["a"]), ("a", &[])]);
        assert_eq!(diamond.order(), Some(vec![3, 1, 2, 0]));
        assert_eq!(diamond.outputs(), [0]);
    }

    #[test]
    fn instances_multiply_the_memory() {
        let model = ModelSpec {
            name: "m".to_owned(),
            server: None,
            scaling: ScalingSpec::default(),
            memory_bytes: 100,
            instances: 3,
            requirements: Vec::new(),
            explainer: false,
            download: Law::Constant(0.0),
            load: Law::Constant(0.0),
            reload: Law::Constant(0.1),
        };
        assert_eq!(model.required_memory_bytes(), 300);
    }
}
