//! Reads Seldon Core 2: `[core]`, `[[server]]`, `[[model]]`, `[[pipeline]]`, `[advice]`.
//!
//! What contradicts itself is refused as the operator and the scheduler refuse it, in their own words where they have any.

use super::laws::Of;
use super::names::{Kind, Lists};
use super::read_hpa::Owner;
use super::read_pool::{cpu_fraction, pods, scaler};
use super::reader::Section;
use super::spec::{AdviceSpec, PoolSpec, SeldonModel, SeldonServer, SeldonSpec};
use crate::cluster::WorkloadKind;
use crate::diagnostics::Problem;
use crate::diagnostics::closest;
use crate::seldon::spec::{
    CoreSpec, CoreVersion, LagScaling, ModelSpec, PipelineFault, PipelineSpec, PipelineStep, ScalingError,
    ScalingFault, ScalingSpec, ServerSpec,
};
use crate::serving::{BalancerSpec, MemorySpec};
use crate::units::{Id, ServerId, Span};
use std::collections::BTreeMap;
use std::path::Path;

/// Label of a server's pods, by which its Server selects them.
const SERVER_LABEL: &str = "seldon-server-name";

/// What was read of Seldon Core 2, each part or `None` where it is too broken to go on with.
pub(super) struct Seldon {
    /// Pods of the servers.
    pub(super) pods: Vec<Option<PoolSpec>>,
    pub(super) core: Option<CoreSpec>,
    pub(super) servers: Vec<Option<ServerSpec>>,
    pub(super) models: Vec<Option<SeldonModel>>,
    pub(super) flows: Vec<Option<PipelineSpec>>,
    pub(super) advice: Option<AdviceSpec>,
}

impl Seldon {
    /// Reads all of it.
    pub(super) fn read(top: &Section<'_>, lists: &Lists<'_>, folder: &Path) -> Self {
        let used = !lists.servers.is_empty();
        presence(top, lists);
        let core = if used || top.has("core") { core(&top.table("core"), folder) } else { Some(CoreSpec::default()) };
        let version = core.as_ref().map(|core| core.version).unwrap_or_default();
        let (mut all_pods, mut servers) = (Vec::new(), Vec::new());
        for section in &lists.servers {
            let (pods, server) = server(section, version, folder);
            all_pods.push(pods);
            servers.push(server);
        }
        let models: Vec<_> = lists.models.iter().map(|section| model(section, lists, version, folder)).collect();
        if let Some(core) = &core {
            for (section, model) in lists.models.iter().zip(&models) {
                let Some(model) = model else { continue };
                room(section, model, &servers, core);
                lag_is_on(section, model, core);
            }
        }
        let flows = lists.flows.iter().map(|section| flow(section, lists)).collect();
        let advice = if used || top.has("advice") { advice(&top.table("advice")) } else { None };
        Self { pods: all_pods, core, servers, models, flows, advice }
    }

    /// The whole, if there is a server; the inner `None` if there is none.
    pub(super) fn whole(self, lists: &Lists<'_>) -> Option<Option<SeldonSpec>> {
        if lists.servers.is_empty() {
            return Some(None);
        }
        let servers = self.servers.into_iter().enumerate().map(|(number, spec)| {
            Some(SeldonServer { pool: lists.pods_of(ServerId::from_index(number)), spec: spec? })
        });
        Some(Some(SeldonSpec {
            core: self.core?,
            servers: servers.collect::<Option<_>>()?,
            models: self.models.into_iter().collect::<Option<_>>()?,
            flows: self.flows.into_iter().collect::<Option<_>>()?,
            advice: self.advice?,
        }))
    }
}

/// Models need servers; servers without models, and settings without servers, do nothing.
fn presence(top: &Section<'_>, lists: &Lists<'_>) {
    if let (Some(first), true) = (lists.models.first(), lists.servers.is_empty()) {
        first.reader.report(
            Problem::error(first.at.clone(), "models without a `[[server]]`", "nothing to load it into")
                .help("add a `[[server]]` with a `name` and a `memory`"),
        );
    }
    if let (Some(first), true) = (lists.servers.first(), lists.models.is_empty()) {
        first.reader.report(
            Problem::warning(first.at.clone(), "servers without a `[[model]]` serve nothing", "stays empty")
                .help("add a `[[model]]` and send requests to it"),
        );
    }
    for key in ["core", "advice"] {
        if top.has(key) && lists.servers.is_empty() {
            top.suspicious(
                key,
                format!("`[{key}]` without a `[[server]]`"),
                "nobody reads it",
                "add a `[[server]]`, or remove it",
            );
        }
    }
}

/// Reads `[core]`.
fn core(section: &Section<'_>, folder: &Path) -> Option<CoreSpec> {
    let version =
        section.choice("version", &CoreVersion::ALL.map(|version| (version.name(), version))).unwrap_or_default();
    let mut core = CoreSpec::of(version);
    section.assume("forced_off", &core.autoscaling.forced_off.to_string());
    if let Some(forced_off) = section.yes("forced_off") {
        core.autoscaling.forced_off = forced_off;
        if forced_off && version.lag_scaling() != LagScaling::ForcedOff {
            section.suspicious(
                "forced_off",
                format!("release {version} does not force lag scaling off"),
                "as no release of it does",
                "leave it out, or set `autoscaling.autoscalingModelEnabled` to false",
            );
        }
    }
    let law = |name: &str| section.law(name, Of::Time, folder);
    let (control_delay, hop, proxy_overhead) = (law("control_delay"), law("kafka_hop"), law("proxy_overhead"));
    let autoscaling = autoscaling(&section.table("autoscaling"), &mut core);
    let agent = agent(&section.table("agent"), &mut core);
    let services = services(section, &mut core);
    core.control_delay = control_delay?;
    core.dataflow.hop = hop?;
    core.proxy_overhead = proxy_overhead?;
    (autoscaling.is_some() && agent.is_some() && services.is_some()).then_some(core)
}

fn autoscaling(section: &Section<'_>, core: &mut CoreSpec) -> Option<()> {
    let spec = &mut core.autoscaling;
    section.assume("autoscalingModelEnabled", &spec.model_enabled.to_string());
    let model_enabled = section.yes("autoscalingModelEnabled");
    spec.model_enabled = match model_enabled {
        None if section.has("autoscalingModelEnabled") => return None,
        given => given.unwrap_or(spec.model_enabled),
    };
    if spec.model_enabled && core.version.lag_scaling() == LagScaling::ForcedOff {
        forced_off(section, spec.forced_off);
    }
    let server_enabled = section.yes("autoscalingServerEnabled");
    if server_enabled == Some(true) && section.has("autoscalingServerEnabled") && !core.version.server_autoscaling() {
        section.suspicious(
            "autoscalingServerEnabled",
            format!("release {} does not scale servers", core.version),
            "since 2.9 only",
            "write `version = \"2.9\"` or later, or scale the server with an HPA",
        );
    }
    let packing_enabled = section.yes("serverPackingEnabled");
    let share = section.number_from("serverPackingPercentage", 0.0, false).filter(|&share| {
        if share > 1.0 {
            section.wrong(
                "serverPackingPercentage",
                format!("`serverPackingPercentage` of {share}, which is no percentage but a probability from 0 to 1"),
                "any value from 1 on packs every time",
                format!("write {} for {share} in a hundred, or 1.0 for every time", share / 100.0),
            );
        }
        share <= 1.0
    });
    spec.server_enabled = server_enabled?;
    spec.packing_enabled = packing_enabled?;
    spec.packing_percentage = share?;
    if section.has("serverPackingPercentage") && spec.packing_percentage > 0.0 && !spec.packing_enabled {
        section.suspicious(
            "serverPackingPercentage",
            "`serverPackingPercentage` while `serverPackingEnabled` is false",
            "not used",
            "write `serverPackingEnabled = true`",
        );
    }
    Some(())
}

/// 2.10 overwrites the setting; what else the user may have meant.
fn forced_off(section: &Section<'_>, forced_off: bool) {
    if forced_off {
        section.suspicious(
            "autoscalingModelEnabled",
            "release 2.10 forces lag scaling off: no model will be scaled by its lag",
            "no effect in 2.10.0 to 2.10.2",
            "write `version = \"2.9\"`; or `forced_off = false` to see what the code of 2.10 would do",
        );
    } else {
        section.suspicious(
            "autoscalingModelEnabled",
            "lag scaling by the code of 2.10, which every release of 2.10 forces off",
            "no release does this",
            "write `version = \"2.9\"` for a release that does",
        );
    }
}

fn agent(section: &Section<'_>, core: &mut CoreSpec) -> Option<()> {
    let period = some(section, "scalingStatsPeriodSeconds", "agents that never look never ask");
    let lag = section.count("modelInferenceLagThreshold");
    let inactive = section.count("modelInactiveSecondsThreshold");
    let overcommit = section.count("overcommitPercentage");
    core.agent.scaling_stats_period = Span::from_secs(u64::from(period?));
    core.agent.model_inference_lag_threshold = lag?;
    core.agent.model_inactive_threshold_s = u64::from(inactive?);
    core.agent.overcommit_percent = overcommit?;
    Some(())
}

fn services(section: &Section<'_>, core: &mut CoreSpec) -> Option<()> {
    let topics = section.table("kafka").table("topics");
    let partitions = some(&topics, "numPartitions", "topics without a partition hold nothing");
    let envoy = some(&section.table("envoy"), "replicas", "without Envoy no request arrives");
    let gateway = section.table("modelgateway");
    let replicas = "without it no pipeline goes on";
    let (models, workers) = (some(&gateway, "replicas", replicas), some(&gateway, "workers", replicas));
    let consumers = some(&gateway, "maxNumConsumers", replicas);
    let gateway = section.table("pipelinegateway");
    let entries = some(&gateway, "replicas", replicas);
    let entry_consumers = some(&gateway, "maxNumConsumers", replicas);
    let engines = some(&section.table("dataflow"), "replicas", replicas);
    core.envoy.replicas = envoy?;
    let spec = &mut core.dataflow;
    spec.partitions = partitions?;
    spec.model_gateway_replicas = models?;
    spec.workers = workers?;
    spec.max_num_consumers = consumers?;
    spec.pipeline_gateway_replicas = entries?;
    spec.pipeline_max_num_consumers = entry_consumers?;
    spec.engine_replicas = engines?;
    Some(())
}

/// A count of at least 1.
fn some(section: &Section<'_>, key: &str, why: &str) -> Option<u32> {
    section.count(key).filter(|&count| {
        if count == 0 {
            section.wrong(key, format!("`{key}` of 0: {why}"), "zero", "write at least 1");
        }
        count > 0
    })
}

/// Reads one server: its pods, and its resource.
fn server(section: &Section<'_>, version: CoreVersion, folder: &Path) -> (Option<PoolSpec>, Option<ServerSpec>) {
    let name = section.name("name");
    let scaling = ScalingSpec {
        replicas: section.count("replicas"),
        min: section.count("min_replicas"),
        max: section.count("max_replicas"),
    };
    let effective = scaling.effective(version).map_err(|error| refused(section, "Server", &error));
    let memory = section.size("memory").filter(|&memory| {
        if memory == 0 {
            section.wrong("memory", "a server without memory holds no model", "zero", "write such as \"16GiB\"");
        }
        memory > 0
    });
    let capabilities = section.texts("capabilities").map(trimmed);
    let owner = Owner::of_server(name.as_deref().unwrap_or_default());
    let pods = pods(section, &of_models, &owner, folder);
    if pods.as_ref().is_some_and(|pods| pods.queue.initial > 0) {
        section.wrong(
            "queue",
            "requests stand in the queue of a server at time 0",
            "for which model?",
            "leave `initial` out",
        );
    }
    let spec = (|| {
        Some(ServerSpec {
            name: name.clone()?,
            scaling,
            memory_bytes: memory?,
            overcommit_percent: None,
            capabilities: capabilities?,
        })
    })();
    let pool = (|| {
        let (pods, name) = (pods?, name?);
        Some(PoolSpec {
            kind: WorkloadKind::StatefulSet,
            replicas: effective.ok()?.replicas,
            workers: pods.workers,
            discipline: pods.discipline,
            service: None,
            speed: pods.speed,
            queue: pods.queue,
            cpu: pods.cpu,
            memory: MemorySpec { request_bytes: Some(memory?), ..MemorySpec::default() },
            containers: Vec::new(),
            container: name.clone(),
            balancer: BalancerSpec::Random,
            price_usd_per_hour: pods.price_usd_per_hour,
            labels: BTreeMap::from([(SERVER_LABEL.to_owned(), name.clone())]),
            selector: format!("{SERVER_LABEL}={name}"),
            start: pods.start,
            stop: pods.stop,
            metrics: pods.metrics,
            scaler: pods.scaler,
            name,
        })
    })();
    (pool, spec)
}

/// A server's requests are its models': each says for itself what it takes.
fn of_models(cpu: &Section<'_>) -> Option<f64> {
    for key in ["fraction", "per_request"] {
        if cpu.has(key) {
            cpu.suspicious(
                key,
                format!("`cpu.{key}` of a server"),
                "not used",
                format!("write `cpu = {{ {key} = ... }}` in each `[[model]]`"),
            );
        }
    }
    Some(1.0)
}

fn trimmed(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(|text| text.trim().to_owned()).collect()
}

/// What the operator says of counts that contradict each other.
fn refused(section: &Section<'_>, kind: &str, error: &ScalingError) {
    let written = |keys: [&'static str; 3]| keys.into_iter().find(|key| section.has(key)).unwrap_or("name");
    let (key, help) = match error.fault {
        ScalingFault::Negative { .. } | ScalingFault::BelowMin { .. } => {
            (written(["replicas", "min_replicas", "max_replicas"]), "raise `replicas` or lower `min_replicas`")
        }
        ScalingFault::MinAboveMax { .. } => {
            (written(["min_replicas", "max_replicas", "replicas"]), "raise `max_replicas` or lower `min_replicas`")
        }
        ScalingFault::AboveMax { .. } => {
            (written(["replicas", "min_replicas", "max_replicas"]), "raise `max_replicas` or lower `replicas`")
        }
    };
    let involved = match error.fault {
        ScalingFault::Negative { .. } | ScalingFault::BelowMin { .. } => ["replicas", "min_replicas"],
        ScalingFault::MinAboveMax { .. } => ["min_replicas", "max_replicas"],
        ScalingFault::AboveMax { .. } => ["replicas", "max_replicas"],
    };
    let unwritten = involved.into_iter().filter(|key| kind == "Server" && !section.has(key));
    let help = unwritten.fold(help.to_owned(), |help, key| format!("{help}; `{key}` is 1 where it is not given"));
    section.wrong(key, format!("the operator does not apply this {kind}: {error}"), "refused", help);
}

/// Reads one model.
fn model(section: &Section<'_>, lists: &Lists<'_>, version: CoreVersion, folder: &Path) -> Option<SeldonModel> {
    let name = section.name("name");
    let server = if section.has("server") { Some(lists.server(section)) } else { None };
    let requirements = section.texts("requirements").map(trimmed);
    let memory = section.size("memory");
    let count = |key: &str| if section.has(key) { section.count(key).map(Some) } else { Some(None) };
    let (replicas, min, max) = (count("replicas"), count("min_replicas"), count("max_replicas"));
    let scaling = (|| Some(ScalingSpec { replicas: replicas?, min: min?, max: max? }))();
    let effective = scaling?.effective(version).map_err(|error| refused(section, "Model", &error));
    if let Ok(effective) = &effective {
        section.assume("replicas", &effective.replicas.to_string());
    }
    let service = section.law("service", Of::Time, folder);
    let cpu_fraction = cpu_fraction(&section.table("cpu"), service.as_ref());
    let law = |key: &str| section.law(key, Of::Time, folder);
    let (download, load, reload) = (law("download"), law("load"), law("reload"));
    let scaler = scaler(section, &Owner::of_model(name.as_deref().unwrap_or_default()), folder);
    effective.ok()?;
    let server = match server {
        Some(found) => Some(found?),
        None => None,
    };
    let spec = ModelSpec {
        name: name?,
        server: server.and_then(|server| super::load::plain_name(&lists.servers[server.index()])),
        scaling: scaling?,
        memory_bytes: memory?,
        instances: 1,
        requirements: requirements?,
        explainer: false,
        download: download?,
        load: load?,
        reload: reload?,
    };
    Some(SeldonModel { spec, server, service, cpu_fraction: cpu_fraction?, scaler: scaler? })
}

/// A model that no server can hold is never placed.
fn room(section: &Section<'_>, model: &SeldonModel, servers: &[Option<ServerSpec>], core: &CoreSpec) {
    let Some(servers) = servers.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return };
    let asked: Vec<&ServerSpec> = match model.server {
        Some(server) => vec![servers[server.index()]],
        None => servers.clone(),
    };
    let mut fitting = asked.clone();
    for requirement in &model.spec.requirements {
        fitting.retain(|server| server.capabilities.contains(requirement));
        if fitting.is_empty() {
            return incapable(section, model, requirement, &asked);
        }
    }
    let required = model.spec.required_memory_bytes();
    let most = |server: &&ServerSpec| {
        let over = u128::from(server.memory_bytes) * u128::from(core.overcommit_percent(server)) / 100;
        u128::from(server.memory_bytes) + over
    };
    if !fitting.is_empty() && fitting.iter().map(most).all(|most| u128::from(required) > most) {
        section.wrong(
            "memory",
            "a model larger than any server that it may go to, overcommit included",
            "ScheduleFailed: not enough suitable replicas",
            "lower it, or give a server more `memory`",
        );
    } else if !fitting.is_empty() && fitting.iter().all(|server| required > server.memory_bytes) {
        section.suspicious(
            "memory",
            "a model larger than the memory of any server that it may go to",
            "placed by overcommit, and the agent can make no room for it: LoadFailed",
            "lower it, or give a server more `memory`",
        );
    }
}

fn incapable(section: &Section<'_>, model: &SeldonModel, requirement: &str, asked: &[&ServerSpec]) {
    let known: Vec<&str> = asked.iter().flat_map(|server| &server.capabilities).map(String::as_str).collect::<Vec<_>>();
    let message = match model.spec.server.as_ref() {
        Some(server) => format!("server \"{server}\" is not capable of \"{requirement}\""),
        None if known.contains(&requirement) => {
            format!("no server is capable of all of {}", model.spec.requirements.join(", "))
        }
        None => format!("no server is capable of \"{requirement}\""),
    };
    let help = match closest(requirement, known.iter().copied()).filter(|meant| *meant != requirement) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("add `capabilities = [\"{requirement}\"]` to a server, or remove the requirement"),
    };
    section.wrong("requirements", message, "ScheduleFailed: no matching servers", help);
}

/// A model that asks for lag scaling needs the switch.
fn lag_is_on(section: &Section<'_>, model: &SeldonModel, core: &CoreSpec) {
    if model.scaler == crate::scalers::ScalerSpec::SeldonLag && !core.autoscaling.model_enabled {
        section.wrong(
            "scaler",
            "`scaler.seldon_lag` while `core.autoscaling.autoscalingModelEnabled` is false",
            "nothing would scale it",
            "write `autoscaling.autoscalingModelEnabled = true` in `[core]`",
        );
    }
}

/// Reads one pipeline.
fn flow(section: &Section<'_>, lists: &Lists<'_>) -> Option<PipelineSpec> {
    let name = section.name("name");
    if !section.has("steps") {
        section.tables("steps");
        section.read("steps", |_| Ok(()));
        return None;
    }
    let sections = section.tables("steps");
    let mut steps: Vec<Option<PipelineStep>> = Vec::new();
    for step in &sections {
        let model = lists
            .find(step, "model", &[Kind::Model])
            .and_then(|(_, place)| super::load::plain_name(&lists.models[place]));
        let after = if step.has("after") {
            once_each(step)
        } else {
            let before = steps.last().map(|before| before.as_ref().map(|before| before.model.clone()));
            before.map_or(Some(Vec::new()), |before| before.map(|before| vec![before]))
        };
        steps.push((|| Some(PipelineStep { model: model?, after: after? }))());
    }
    let spec = PipelineSpec { name: name?, steps: steps.into_iter().collect::<Option<_>>()? };
    let faults = spec.faults(|_| true);
    for fault in &faults {
        wrong_step(section, &sections, &spec, fault);
    }
    faults.is_empty().then_some(spec)
}

/// What a step waits for: waiting for the same twice means nothing.
fn once_each(step: &Section<'_>) -> Option<Vec<String>> {
    let after = step.texts("after")?;
    let twice = (1..after.len()).find(|&place| after[..place].contains(&after[place]));
    if let Some(place) = twice {
        step.wrong(
            "after",
            format!("`after` names \"{}\" twice", after[place]),
            "once is enough",
            "remove one of them",
        );
        return None;
    }
    Some(after)
}

fn wrong_step(section: &Section<'_>, steps: &[Section<'_>], spec: &PipelineSpec, fault: &PipelineFault) {
    let of = |name: &str| spec.steps.iter().rposition(|step| step.model == name).map(|place| &steps[place]);
    let (at, key, label, help) = match fault {
        PipelineFault::Empty { .. } => {
            (Some(section), "steps", "no step", "add one, such as `{ model = \"...\" }`".to_owned())
        }
        PipelineFault::StepNamedAsPipeline { pipeline } => {
            (of(pipeline), "model", "the pipeline's own name", "rename the pipeline".to_owned())
        }
        PipelineFault::StepRepeated { step, .. } => {
            (of(step), "model", "the second", "a model stands in a pipeline once: remove one of the steps".to_owned())
        }
        PipelineFault::UnknownModel { step, .. } => (of(step), "model", "no model", "add a `[[model]]`".to_owned()),
        PipelineFault::UnknownStep { step, input, .. } => {
            let names: Vec<&str> = spec.steps.iter().map(|step| step.model.as_str()).collect();
            let help = match closest(input, names.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("the steps are {}", names.join(", ")),
            };
            (of(step), "after", "no step of this pipeline", help)
        }
        PipelineFault::Cycle { .. } => {
            (Some(section), "steps", "steps wait for one another", "remove an `after` that leads back".to_owned())
        }
    };
    at.unwrap_or(section).wrong(key, format!("the scheduler refuses this pipeline: {fault}"), label, help);
}

/// Reads `[advice]`.
fn advice(section: &Section<'_>) -> Option<AdviceSpec> {
    let (one_to_one, prometheus, multi_model) =
        (section.yes("one_to_one"), section.yes("prometheus"), section.yes("multi_model"));
    let advice = AdviceSpec { one_to_one: one_to_one?, prometheus: prometheus?, multi_model: multi_model? };
    if advice.one_to_one && advice.multi_model && section.has("multi_model") {
        section.suspicious(
            "multi_model",
            "models and servers must map one to one, and servers are shared",
            "one excludes the other",
            "write `multi_model = false`, or leave `one_to_one` out",
        );
    }
    Some(advice)
}

#[cfg(test)]
mod tests {
    use super::super::load::load;
    use super::super::spec::{LoadTarget, Scenario};
    use super::*;
    use crate::diagnostics::Source;
    use crate::random::Law;
    use crate::record::ObjectiveScope;
    use crate::scalers::ScalerSpec;
    use crate::units::{FlowId, ModelId, PoolId};

    const SMALLEST: &str = r#"
duration = "1h"
[[server]]
name = "s"
memory = "8GiB"
[[model]]
name = "m"
service = "10ms"
[[load]]
name = "l"
to = "m"
rate.constant = "1/s"
"#;

    fn scenario(text: &str) -> Scenario {
        let source = Source { name: "test".to_owned(), text: text.to_owned(), folder: ".".into() };
        load(&source, &[]).unwrap_or_else(|problems| panic!("{}", problems.render(false))).scenario
    }

    #[test]
    fn defaults_are_the_charts() {
        let scenario = scenario(SMALLEST);
        let seldon = scenario.seldon.as_ref().expect("there is a server");
        let mut core = CoreSpec::of(CoreVersion::V2_10);
        core.dataflow.hop = Law::Constant(0.002);
        assert_eq!(seldon.core, core);
        let server = &seldon.servers[0];
        assert_eq!(server.spec.scaling, ScalingSpec { replicas: Some(1), min: Some(1), max: Some(1) });
        assert_eq!(server.spec.memory_bytes, 8 << 30);
        let pods = &scenario.pools[server.pool.index()];
        assert_eq!((pods.name.as_str(), pods.kind, pods.replicas), ("s", WorkloadKind::StatefulSet, 1));
        assert_eq!(pods.stop.grace_period, Span::from_secs(120));
        assert_eq!(pods.selector, "seldon-server-name=s");
        let model = &seldon.models[0];
        assert_eq!((model.server, model.spec.scaling), (None, ScalingSpec::default()));
        assert_eq!((model.spec.download.mean(), model.spec.load.mean(), model.spec.reload.mean()), (0.0, 1.0, 0.1));
        assert_eq!(seldon.advice, AdviceSpec { one_to_one: false, prometheus: true, multi_model: true });
        assert_eq!(scenario.kind_of(server.pool), "Server");
    }

    #[test]
    fn helm_values_are_taken_verbatim() {
        let text = format!(
            "{SMALLEST}{}",
            r#"
[core]
version = "2.8"
control_delay = "1s"
autoscaling = { autoscalingServerEnabled = false, serverPackingEnabled = true, serverPackingPercentage = 0.25 }
agent = { scalingStatsPeriodSeconds = 5, modelInferenceLagThreshold = 7, modelInactiveSecondsThreshold = 30, overcommitPercentage = 0 }
kafka.topics.numPartitions = 4
envoy.replicas = 2
modelgateway = { replicas = 3, workers = 16, maxNumConsumers = 50 }
pipelinegateway = { replicas = 5, maxNumConsumers = 60 }
dataflow.replicas = 6
"#
        );
        let core = scenario(&text).seldon.expect("there is a server").core;
        assert!(core.lag_scaling(), "on by default in 2.8");
        assert!(!core.autoscaling.server_enabled);
        assert_eq!(core.packing_probability(), 0.25);
        let lag = core.lag_settings();
        assert_eq!((lag.period, lag.inference_lag_threshold, lag.inactive_threshold_s), (Span::from_secs(5), 7, 30));
        assert_eq!((core.agent.overcommit_percent, core.envoy.replicas), (0, 2));
        let flow = &core.dataflow;
        assert_eq!(
            (flow.partitions, flow.model_gateway_replicas, flow.workers, flow.max_num_consumers),
            (4, 3, 16, 50)
        );
        assert_eq!((flow.pipeline_gateway_replicas, flow.pipeline_max_num_consumers, flow.engine_replicas), (5, 60, 6));
        assert_eq!(core.control_delay.mean(), 1.0);
    }

    #[test]
    fn names_find_models_pipelines_and_the_pods_of_servers_behind_the_pools() {
        let text = format!(
            "{SMALLEST}{}",
            r#"
[[pool]]
name = "p"
service = "10ms"
[[model]]
name = "n"
server = "s"
service = "20ms"
max_replicas = 0
cpu.per_request = "5ms"
[[pipeline]]
name = "f"
steps = [{ model = "n" }, { model = "m" }]
[[load]]
name = "k"
to = "f"
rate.constant = "1/s"
[[objective]]
server = "s"
that = "cost <= $1"
[[objective]]
model = "n"
that = "p95 <= 1s"
[[objective]]
pipeline = "f"
that = "p95 <= 1s"
"#
        );
        let scenario = scenario(&text);
        let seldon = scenario.seldon.as_ref().expect("there is a server");
        let (model, flow) = (ModelId::new(1), FlowId::new(0));
        assert_eq!(scenario.load_targets, [LoadTarget::Model(ModelId::new(0)), LoadTarget::Flow(flow)]);
        assert_eq!(seldon.models[1].server, Some(ServerId::new(0)));
        assert_eq!(seldon.models[1].cpu_fraction, 0.25);
        let scopes: Vec<_> = scenario.objectives.iter().map(|objective| objective.scope).collect();
        let pods = PoolId::new(1);
        assert_eq!(scopes, [ObjectiveScope::Pool(pods), ObjectiveScope::Model(model), ObjectiveScope::Flow(flow)]);
        assert_eq!((scenario.kind_of(PoolId::new(0)), scenario.kind_of(pods)), ("Deployment", "Server"));
        assert_eq!(seldon.flows[0].steps[1].after, ["n"], "after the step before");
        assert!(seldon.models.iter().all(|model| model.scaler == ScalerSpec::Fixed));
    }
}
