//! Manifests of Seldon Core 2 to a scenario: its Servers, Models and Pipelines, the HPAs that scale them, and the settings
//! of the installation where its Helm values are given.
//!
//! Law: what the operator or the scheduler refuses is refused here in their own words, through [`crate::seldon::spec`]; what
//! could never be placed is refused at the line that asks for it.
//!
//! Source of the chart's defaults: `k8s/yaml/components.yaml`, the ServerConfigs `mlserver` and `triton` of the chart
//! `seldon-core-v2-setup`.

use super::autoscaler;
use super::common::{place, refused, unique};
use super::k8s::Imported;
use super::pool::hpa_words;
use super::seldon_text::{FlowPlan, ModelPlan, Scene, ServerPlan};
use super::writer::clean;
use crate::diagnostics::{Problem, Problems, Source, closest};
use crate::manifest::k8s::Autoscaler;
use crate::manifest::seldon::{
    Counts, Identity, ModelObject, Named, PodPart, SeldonObjects, ServerContainer, ServerObject, seldon_objects,
};
use crate::manifest::seldon_values::{ConfigValues, Values};
use crate::manifest::workload::Probe;
use crate::scalers::hpa::HpaSpec;
use crate::scenario::load;
use crate::seldon::spec::{CoreSpec, EffectiveScaling, PipelineFault, ScalingFault, UNLIMITED};
use crate::units::Quantity;
use std::collections::BTreeSet;

/// What the chart's ServerConfig `mlserver` is capable of.
const MLSERVER: [&str; 10] = [
    "mlserver",
    "alibi-detect",
    "alibi-explain",
    "huggingface",
    "lightgbm",
    "mlflow",
    "python",
    "sklearn",
    "spark-mlib",
    "xgboost",
];
/// What the chart's ServerConfig `triton` is capable of.
const TRITON: [&str; 9] = ["triton", "dali", "fil", "onnx", "openvino", "python", "pytorch", "tensorflow", "tensorrt"];
/// What an explainer needs of its server.
const EXPLAINS: &str = "alibi-explain";
/// Memory request of the chart's inference servers: 1 GiB.
const CHART_MEMORY_BYTES: i64 = 1 << 30;
/// CPU request of the chart's inference servers: 0.1 cores.
const CHART_CPU_MILLIS: i64 = 100;
/// Readiness probe of the chart's inference servers.
const CHART_PROBE: Probe = Probe {
    initial_delay_seconds: Some(5),
    period_seconds: Some(5),
    timeout_seconds: None,
    success_threshold: None,
    failure_threshold: None,
};
/// Containers of a server's pod that hold no model.
const HELPERS: [&str; 2] = ["agent", "rclone"];

/// The sources with what was found in them and what is wrong with them.
struct Import<'a> {
    sources: &'a [Source],
    found: &'a [SeldonObjects],
    problems: Vec<Vec<Problem>>,
    imported: Imported,
    names: BTreeSet<String>,
    values: Values,
    core: CoreSpec,
    /// True if something that others point at may be there and was not understood.
    incomplete: bool,
}

/// Reads manifests of Seldon Core 2, and Helm values of its installation, into a scenario.
///
/// # Errors
/// The problems of each source that has any.
pub fn scenario_of_seldon(sources: &[Source]) -> Result<Imported, Vec<Problems>> {
    let (found, problems): (Vec<_>, Vec<_>) = sources.iter().map(|source| seldon_objects(&source.text)).unzip();
    let mut values = Values::default();
    found.iter().flat_map(|objects: &SeldonObjects| &objects.values).for_each(|later| values.overlay(later));
    let core = values.core(values.release().unwrap_or_default());
    let incomplete = found.iter().any(|objects| objects.incomplete);
    let (imported, names) = (Imported::default(), BTreeSet::new());
    let mut import = Import { sources, found: &found, problems, imported, names, values, core, incomplete };
    if import.problems.iter().all(Vec::is_empty) && found.iter().all(|objects| objects.models.is_empty()) {
        let source = sources.first().cloned().unwrap_or_default();
        let problem = Problem::file("no Model of Seldon Core 2");
        let help = "`kubectl get models,servers,pipelines,hpa -o yaml` writes what is read here";
        return Err(vec![Problems::new(source, vec![problem.help(help)])]);
    }
    import.ignored();
    import.twice();
    let scene = import.scene();
    refused(sources, &mut import.problems)?;
    import.write(&scene);
    let source =
        Source { name: "the imported scenario".into(), text: import.imported.text.clone(), ..Source::default() };
    match load(&source, &[]) {
        Ok(_) => Ok(import.imported),
        Err(problems) => Err(vec![problems]),
    }
}

impl<'a> Import<'a> {
    fn ignored(&mut self) {
        for (source, objects) in self.sources.iter().zip(self.found) {
            for ignored in &objects.ignored {
                let words = format!("{} ({})", clean(&ignored.what), place(source, ignored.at.start));
                self.imported.ignored.push(words);
            }
        }
    }

    /// What there is of one kind, each with the number of its source.
    fn all<T>(&self, of: impl Fn(&'a SeldonObjects) -> &'a [T]) -> Vec<(usize, &'a T)> {
        let numbered = self.found.iter().enumerate();
        numbered.flat_map(|(index, objects)| of(objects).iter().map(move |each| (index, each))).collect()
    }

    /// The same object twice: which one holds?
    fn twice(&mut self) {
        let mut seen = BTreeSet::new();
        let mut all: Vec<(usize, &str, &str, &str, &std::ops::Range<usize>)> = Vec::new();
        let mut add = |index: usize, kind: &'static str, identity: &'a Identity| {
            all.push((index, kind, &identity.namespace, &identity.name, &identity.at));
        };
        self.all(|objects| &objects.models).iter().for_each(|(index, each)| add(*index, "Model", &each.identity));
        self.all(|objects| &objects.servers).iter().for_each(|(index, each)| add(*index, "Server", &each.identity));
        self.all(|objects| &objects.configs)
            .iter()
            .for_each(|(index, each)| add(*index, "ServerConfig", &each.identity));
        self.all(|objects| &objects.pipelines).iter().for_each(|(index, each)| add(*index, "Pipeline", &each.identity));
        for (index, hpa) in self.all(|objects| &objects.hpas) {
            all.push((index, "HorizontalPodAutoscaler", &hpa.namespace, &hpa.name, &hpa.at));
        }
        for (index, kind, namespace, name, at) in all {
            if !seen.insert((kind, namespace, name)) {
                let words = format!("{kind}/{name} stands there twice");
                let problem = Problem::error(at.clone(), words, "the second one").help("keep one of them");
                self.problems[index].push(problem);
            }
        }
    }

    /// A name that nothing else has; models, servers and pipelines share one name space.
    fn name(&mut self, kind: &str, wanted: &str, assumed: &mut Vec<String>) -> String {
        let name = unique(&mut self.names, wanted);
        if name != wanted {
            assumed.push(format!("{kind}/{wanted} is called {name}"));
        }
        name
    }

    fn scene(&mut self) -> Scene<'a> {
        let mut models: Vec<ModelPlan<'a>> = Vec::new();
        for (index, object) in self.all(|objects| &objects.models) {
            let mut assumed = Vec::new();
            let name = self.name("Model", &object.identity.name, &mut assumed);
            let scaling = self.scaling(index, "Model", &object.identity, &object.counts);
            let requirements = requirements(object, &mut assumed);
            models.push(ModelPlan {
                name,
                source: index,
                object,
                requirements,
                scaling,
                server: None,
                hosts: Vec::new(),
                hpa: None,
                lag: false,
                assumed,
            });
        }
        let mut servers: Vec<ServerPlan> = Vec::new();
        for (index, object) in self.all(|objects| &objects.servers) {
            servers.push(self.server(index, object));
        }
        if servers.is_empty() && !self.incomplete {
            servers = self.assumed_servers(&models);
        }
        for model in &mut models {
            self.hosts(model, &servers);
        }
        let flows = self.flows(&models);
        let mut scene = Scene {
            core: self.core.clone(),
            values: self.values.clone(),
            release_known: self.values.release().is_some(),
            servers,
            models,
            flows,
        };
        self.scalers(&mut scene);
        let core = &scene.core;
        for model in &mut scene.models {
            let bounded = [model.object.counts.min, model.object.counts.max].iter().flatten().any(|&count| count > 0);
            let meant = bounded || core.registers(&model.scaling);
            model.lag = core.autoscaling.model_enabled && meant && model.hpa.is_none();
        }
        scene
    }

    /// Counts as the operator sends them to the scheduler, or its complaint.
    fn scaling(&mut self, index: usize, kind: &str, identity: &Identity, counts: &Counts) -> EffectiveScaling {
        counts.effective(self.core.version).unwrap_or_else(|error| {
            let (at, beside) = counts.place(error.fault, &identity.at);
            let message = format!("the operator does not apply this {kind}: {error}");
            let mut problem = Problem::error(at, message, "refused").help(match error.fault {
                ScalingFault::Negative { .. } | ScalingFault::BelowMin { .. } => {
                    "raise `replicas` or lower `minReplicas`"
                }
                ScalingFault::MinAboveMax { .. } => "raise `maxReplicas` or lower `minReplicas`",
                ScalingFault::AboveMax { .. } => "raise `maxReplicas` or lower `replicas`",
            });
            if let Some(beside) = beside {
                problem = problem.beside(beside, "the other one");
            }
            self.problems[index].push(problem);
            EffectiveScaling { replicas: 1, min: 0, max: UNLIMITED }
        })
    }

    /// A Server with what its ServerConfig says besides.
    fn server(&mut self, index: usize, object: &'a ServerObject) -> ServerPlan {
        let mut assumed = Vec::new();
        let identity = &object.identity;
        let name = self.name("Server", &identity.name, &mut assumed);
        let scaling = self.scaling(index, "Server", identity, &object.counts);
        let configs = self.all(|objects| &objects.configs);
        let config = configs
            .iter()
            .find(|(_, config)| config.identity.name == object.config && config.identity.meets(&identity.namespace));
        let pods = Pods { index, own: &object.pod, config: config.map(|(index, config)| (*index, &config.pod)) };
        let values = self.values.config(&object.config).cloned().unwrap_or_default();
        let capabilities = self.capabilities(object, &pods, &values, &mut assumed);
        let (memory, memory_assumed) = self.memory(object, &pods, &values);
        let request = pods.find(&object.config, |container| container.spec.cpu_request);
        let helpers: Vec<&str> = HELPERS.into_iter().filter(|name| object.pod.container(name).is_some()).collect();
        if let Some(helper) = helpers.first().and_then(|name| object.pod.container(name)) {
            let words = format!("Server/{}: containers {}", identity.name, helpers.join(" and "));
            let words = format!("{words}, only the inference server counts");
            let at = place(&self.sources[index], helper.at.start);
            self.imported.ignored.push(format!("{} ({at})", clean(&words)));
        }
        ServerPlan {
            name,
            called: Some(identity.name.clone()),
            config: object.config.clone(),
            container: pods.inference(&object.config).unwrap_or(&object.config).to_owned(),
            namespace: identity.namespace.clone(),
            scaling,
            capabilities,
            memory,
            memory_assumed,
            cpu_request: request.or(values.cpu),
            cpu_limit: pods.find(&object.config, |container| container.spec.cpu_limit),
            chart_cpu: Quantity::from_millis(CHART_CPU_MILLIS),
            probe: pods.find(&object.config, |container| container.spec.readiness_probe),
            chart_probe: CHART_PROBE,
            grace_period_seconds: pods.grace().or(self.values.grace_period_seconds),
            hpa: None,
            assumed,
        }
    }

    /// What a Server is capable of: its own list, else its ServerConfig's, and the extra ones.
    fn capabilities(
        &self,
        object: &ServerObject,
        pods: &Pods<'_>,
        values: &ConfigValues,
        assumed: &mut Vec<String>,
    ) -> Vec<String> {
        let split = |text: &str| text.split(',').map(|each| each.trim().to_owned()).collect::<Vec<_>>();
        let variable = pods.variable("SELDON_SERVER_CAPABILITIES").map(|(_, named)| split(&named.text));
        let written = object.capabilities.clone().or(variable).or(values.capabilities.as_deref().map(split));
        let name = &object.identity.name;
        let mut all = written.unwrap_or_else(|| match chart_capabilities(&object.config) {
            Some(list) => {
                assumed.push(format!("capabilities of {name}: those of the chart's ServerConfig {}", object.config));
                list
            }
            None => {
                assumed.push(format!("no capabilities of {name}: its ServerConfig {} is not given", object.config));
                Vec::new()
            }
        });
        all.extend(object.extra_capabilities.iter().cloned());
        all.retain(|each| !each.is_empty());
        all
    }

    /// Memory of one replica: what the agent is told, which is the memory request of the inference server's container.
    fn memory(&mut self, object: &ServerObject, pods: &Pods<'_>, values: &ConfigValues) -> (Quantity, Option<String>) {
        let found = pods.variable("MEMORY_REQUEST").map(|(index, named)| {
            let quantity = Quantity::parse(named.text.trim()).ok().filter(|quantity| quantity.signum() > 0);
            if quantity.is_none() {
                let message = format!("MEMORY_REQUEST is `{}` where a size is wanted", named.text);
                self.problems[index].push(Problem::error(named.at.clone(), message, "not a size"));
            }
            quantity.unwrap_or(Quantity::from_units(CHART_MEMORY_BYTES))
        });
        let request = pods.find(&object.config, |container| {
            container.spec.memory_request.map(|memory| (memory, container.at.clone()))
        });
        if let (None, Some((memory, at))) = (&found, &request)
            && memory.signum() == 0
        {
            let problem = Problem::error(at.clone(), "a Server without memory holds no Model", "its memory is 0");
            self.problems[pods.index].push(problem.help("write such as `memory: 16Gi`"));
        }
        let written = found.or(request.map(|(memory, _)| memory)).or(values.memory);
        written.map_or_else(
            || {
                let memory = Quantity::from_binary_millis(CHART_MEMORY_BYTES * 1_000);
                let words = format!("memory {memory} a replica of {}, as in the chart", object.identity.name);
                (memory, Some(words))
            },
            |memory| (memory, None),
        )
    }

    /// Servers of the chart for models that came without any.
    fn assumed_servers(&mut self, models: &[ModelPlan<'a>]) -> Vec<ServerPlan> {
        let mut plans: Vec<(String, ServerPlan)> = Vec::new();
        for model in models {
            let fits = |config: &&&str| {
                let list = chart_capabilities(config).unwrap_or_default();
                model.requirements.iter().all(|requirement| list.contains(&requirement.text))
            };
            let config = ["mlserver", "triton"].iter().find(fits).copied().unwrap_or("mlserver");
            let wanted = model.object.server.as_ref().map_or(config, |server| server.text.as_str());
            let found = plans.iter().position(|(name, _)| name == wanted);
            let number = found.unwrap_or_else(|| {
                plans.push((wanted.to_owned(), self.assumed_server(wanted, config)));
                plans.len() - 1
            });
            let plan = &mut plans[number].1;
            for requirement in &model.requirements {
                if !plan.capabilities.contains(&requirement.text) {
                    plan.assumed.push(format!("{} is capable of {} as well", plan.name, requirement.text));
                    plan.capabilities.push(requirement.text.clone());
                }
            }
            let replicas = plan.scaling.replicas.max(model.scaling.replicas);
            plan.scaling = EffectiveScaling { replicas, min: 1, max: replicas };
            let bytes = model.object.memory.map_or(0, |memory| memory.value());
            plan.memory = Quantity::from_units(plan.memory.value().saturating_add(bytes));
        }
        plans.into_iter().map(|(_, plan)| rounded(plan)).collect()
    }

    fn assumed_server(&mut self, wanted: &str, config: &str) -> ServerPlan {
        let mut assumed = Vec::new();
        let name = self.name("Server", wanted, &mut assumed);
        assumed.push(format!("Server/{wanted} came without its manifest: ServerConfig {config} of the chart"));
        ServerPlan {
            name,
            called: None,
            config: config.to_owned(),
            container: config.to_owned(),
            namespace: String::new(),
            scaling: EffectiveScaling { replicas: 1, min: 1, max: 1 },
            capabilities: chart_capabilities(config).unwrap_or_default(),
            memory: Quantity::ZERO,
            memory_assumed: None,
            cpu_request: None,
            cpu_limit: None,
            chart_cpu: Quantity::from_millis(CHART_CPU_MILLIS),
            probe: None,
            chart_probe: CHART_PROBE,
            grace_period_seconds: self.values.grace_period_seconds,
            hpa: None,
            assumed,
        }
    }

    /// The servers that a model may go to; a model that none can hold is refused.
    fn hosts(&mut self, model: &mut ModelPlan<'a>, servers: &[ServerPlan]) {
        let identity = &model.object.identity;
        let near = |server: &&usize| identity.meets(&servers[**server].namespace);
        let all: Vec<usize> = (0..servers.len()).collect();
        let mut hosts: Vec<usize> = all.iter().filter(near).copied().collect();
        if let Some(wanted) = &model.object.server {
            hosts.retain(|&host| servers[host].known_as() == wanted.text);
            model.server = hosts.first().copied();
            if hosts.is_empty() {
                return self.no_server(model.source, wanted, servers);
            }
        }
        for requirement in &model.requirements {
            let capable = |host: &usize| servers[*host].capabilities.contains(&requirement.text);
            let left: Vec<usize> = hosts.iter().filter(|&host| capable(host)).copied().collect();
            if left.is_empty() {
                return self.incapable(model.source, requirement, &hosts, servers);
            }
            hosts = left;
        }
        self.room(model, &hosts, servers);
        let apart = servers.iter().any(|server| !identity.meets(&server.namespace));
        if let (None, true, Some(&first)) = (model.server, apart, hosts.first()) {
            let words = format!("{} goes to {}: a scenario knows no namespaces", model.name, servers[first].name);
            model.assumed.push(words);
            (model.server, hosts) = (Some(first), vec![first]);
        }
        model.hosts = hosts;
    }

    fn no_server(&mut self, index: usize, wanted: &Named, servers: &[ServerPlan]) {
        if self.incomplete {
            return;
        }
        let message = format!("there is no Server {} in what was given", wanted.text);
        let problem = Problem::error(wanted.at.clone(), message, "ScheduleFailed: no matching servers");
        self.problems[index].push(problem.help(meant(&wanted.text, servers.iter().map(ServerPlan::known_as))));
    }

    fn incapable(&mut self, index: usize, requirement: &Named, hosts: &[usize], servers: &[ServerPlan]) {
        if self.incomplete {
            return;
        }
        let known: Vec<&str> = hosts.iter().flat_map(|&host| &servers[host].capabilities).map(String::as_str).collect();
        let text = &requirement.text;
        let (who, add) = match hosts {
            [one] => (format!("Server {}", servers[*one].known_as()), "the Server's"),
            _ if known.contains(&text.as_str()) => ("no Server with the other capabilities".to_owned(), "a Server's"),
            _ => ("no Server".to_owned(), "a Server's"),
        };
        let is = if who.starts_with("no ") { "is" } else { "is not" };
        let help = match closest(text, known.iter().copied()).filter(|meant| meant != text) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("add it to {add} `extraCapabilities`"),
        };
        let message = format!("{who} {is} capable of {text}");
        let problem = Problem::error(requirement.at.clone(), message, "ScheduleFailed: no matching servers");
        self.problems[index].push(problem.help(help));
    }

    fn room(&mut self, model: &ModelPlan<'a>, hosts: &[usize], servers: &[ServerPlan]) {
        let (Some(memory), Some(at)) = (model.object.memory, &model.object.memory_at) else { return };
        let percent = i128::from(self.core.agent.overcommit_percent);
        let most = |host: &usize| {
            let bytes = i128::from(servers[*host].memory.value());
            bytes + bytes * percent / 100
        };
        if !hosts.is_empty() && hosts.iter().map(most).all(|most| i128::from(memory.value()) > most) {
            let largest = hosts.iter().max_by_key(|&host| most(host));
            let largest = largest.map_or_else(String::new, |&host| servers[host].memory.to_string());
            let message =
                format!("a Model of {memory}, and its largest Server has {largest} and {percent}% overcommit");
            let problem = Problem::error(at.clone(), message, "ScheduleFailed: not enough suitable replicas");
            self.problems[model.source]
                .push(problem.help("lower it, or raise the memory request of the Server's inference server"));
        }
    }

    fn flows(&mut self, models: &[ModelPlan<'a>]) -> Vec<FlowPlan<'a>> {
        let mut plans = Vec::new();
        for (index, object) in self.all(|objects| &objects.pipelines) {
            let mut assumed = Vec::new();
            let name = self.name("Pipeline", &object.identity.name, &mut assumed);
            let find = |step: &str| {
                let here = |model: &ModelPlan<'_>| {
                    model.object.identity.name == step && object.identity.meets(&model.object.identity.namespace)
                };
                models.iter().position(here)
            };
            for fault in object.spec.faults(|step| self.incomplete || find(step).is_some()) {
                let names = models.iter().map(|model| model.object.identity.name.as_str());
                let steps = object.spec.steps.iter().map(|step| step.model.as_str());
                let help = match &fault {
                    PipelineFault::UnknownModel { step, .. } => meant(step, names),
                    PipelineFault::UnknownStep { input, .. } => match closest(input, steps.clone()) {
                        Some(step) => format!("did you mean `{step}`?"),
                        None => format!("the steps are {}", steps.collect::<Vec<_>>().join(", ")),
                    },
                    PipelineFault::Cycle { .. } => "remove an input that leads back; no cycle is simulated".to_owned(),
                    PipelineFault::Empty { .. } => "add `steps` with the `name` of a Model".to_owned(),
                    PipelineFault::StepNamedAsPipeline { .. } => "rename the Pipeline".to_owned(),
                    PipelineFault::StepRepeated { .. } => "a Model stands in a Pipeline once".to_owned(),
                };
                let message = format!("the scheduler refuses this Pipeline: {fault}");
                self.problems[index].push(Problem::error(object.place(&fault), message, "refused").help(help));
            }
            let steps = object.spec.steps.iter();
            let steps = steps.filter_map(|step| {
                Some((find(&step.model)?, step.after.iter().filter_map(|name| find(name)).collect()))
            });
            plans.push(FlowPlan { name, object, steps: steps.collect(), assumed });
        }
        plans
    }

    /// Gives each HPA to what it scales.
    fn scalers(&mut self, scene: &mut Scene<'a>) {
        for (index, hpa) in self.all(|objects| &objects.hpas) {
            let target = &hpa.spec.scale_target_ref;
            let identity = Identity { name: target.name.clone(), namespace: hpa.namespace.clone(), at: hpa.at.clone() };
            let found = match target.kind.as_str() {
                "Model" => scene.model(&identity).map(|number| (scene.models[number].hpa.is_some(), number)),
                "Server" => scene.server(&identity).map(|number| (scene.servers[number].hpa.is_some(), number)),
                other => {
                    let words = format!("HorizontalPodAutoscaler/{}: it scales {other}/{}", hpa.name, target.name);
                    let at = place(&self.sources[index], hpa.at.start);
                    self.imported.ignored.push(format!("{}, see `sim import k8s` ({at})", clean(&words)));
                    continue;
                }
            };
            let at = hpa.place("spec.scaleTargetRef.name");
            match found {
                None if self.incomplete => {}
                None => {
                    let message = format!("there is no {} {} in what was given", target.kind, target.name);
                    let known = scene.known(&target.kind);
                    let problem = Problem::error(at, message, "FailedGetScale");
                    self.problems[index].push(problem.help(meant(&target.name, known.iter().copied())));
                }
                Some((true, _)) => {
                    let message = format!("a second HPA scales {}/{}", target.kind, target.name);
                    let problem = Problem::error(at, message, "the second one");
                    self.problems[index].push(problem.help("each would undo what the other does; keep one"));
                }
                Some((false, number)) => {
                    let spec = self.spec(index, hpa, scene, number);
                    let model = target.kind == "Model";
                    let slot = if model { &mut scene.models[number].hpa } else { &mut scene.servers[number].hpa };
                    *slot = Some(spec);
                }
            }
        }
    }

    /// An HPA, checked as the API server does, with the names of the scenario.
    fn spec(&mut self, index: usize, hpa: &Autoscaler, scene: &Scene<'a>, number: usize) -> HpaSpec {
        self.problems[index].extend(autoscaler::problems(hpa));
        let mut spec = hpa.spec.clone();
        let (kept, others) = autoscaler::simulated(hpa);
        for (number, at) in others {
            if kept.is_empty() {
                self.problems[index].push(autoscaler::no_metric(at));
            } else {
                let words = format!("HorizontalPodAutoscaler/{}: spec.metrics[{number}]", clean(&hpa.name));
                let at = place(&self.sources[index], at.start);
                self.imported.ignored.push(format!("{words}, neither cpu nor memory ({at})"));
            }
        }
        spec.metrics = kept;
        renamed(&mut spec, hpa, scene, number);
        self.imported.read.push(format!(
            "HorizontalPodAutoscaler/{} ({})",
            clean(&hpa.name),
            clean(&hpa_words(&hpa.spec))
        ));
        spec
    }

    fn write(&mut self, scene: &Scene<'a>) {
        let files: Vec<String> = self.sources.iter().map(|source| clean(&source.name)).collect();
        let head = [
            "#:schema ../schema/scenario.schema.json".to_owned(),
            format!("# Written by `sim import seldon {}`. What the files do not say was assumed:", files.join(" ")),
        ];
        let mut read: Vec<String> = scene.words().iter().map(|words| clean(words)).collect();
        read.append(&mut self.imported.read);
        self.imported.read = read;
        (self.imported.text, self.imported.assumed) = scene.write().finish(&head);
    }
}

/// The names of a scenario in place of those that the manifests have.
fn renamed(spec: &mut HpaSpec, hpa: &Autoscaler, scene: &Scene<'_>, number: usize) {
    let target = &mut spec.scale_target_ref;
    if target.kind == "Model" {
        scene.models[number].name.clone_into(&mut target.name);
    } else {
        let server = &scene.servers[number];
        server.name.clone_into(&mut target.name);
        let containers = spec.metrics.iter_mut().filter_map(|metric| metric.container_resource.as_mut());
        for source in containers.filter(|source| source.container == server.container) {
            server.name.clone_into(&mut source.container);
        }
    }
    for object in spec.metrics.iter_mut().filter_map(|metric| metric.object.as_mut()) {
        let described = &mut object.described_object;
        let identity = Identity { name: described.name.clone(), namespace: hpa.namespace.clone(), at: hpa.at.clone() };
        let name = match described.kind.as_str() {
            "Model" => scene.model(&identity).map(|number| &scene.models[number].name),
            "Server" => scene.server(&identity).map(|number| &scene.servers[number].name),
            _ => None,
        };
        if let Some(name) = name {
            name.clone_into(&mut described.name);
        }
    }
}

/// The pods that make a server's: its own part, laid over its ServerConfig's.
struct Pods<'a> {
    index: usize,
    own: &'a PodPart,
    config: Option<(usize, &'a PodPart)>,
}

impl<'a> Pods<'a> {
    fn parts(&self) -> impl Iterator<Item = (usize, &'a PodPart)> + use<'a> {
        [Some((self.index, self.own)), self.config].into_iter().flatten()
    }

    /// The container that holds the models.
    fn inference(&self, config: &str) -> Option<&'a str> {
        let names = || self.parts().flat_map(|(_, part)| part.containers.iter().map(|each| each.spec.name.as_str()));
        let named = |wanted: &str| names().find(|name| *name == wanted);
        named(config).or_else(|| named("server")).or_else(|| names().find(|name| !HELPERS.contains(name)))
    }

    /// What the first part says of the inference server's container that says anything.
    fn find<T>(&self, config: &str, of: impl Fn(&'a ServerContainer) -> Option<T>) -> Option<T> {
        let name = self.inference(config)?;
        self.parts().filter_map(|(_, part)| part.container(name)).find_map(of)
    }

    /// A variable of the agent, and the source in which it stands.
    fn variable(&self, name: &str) -> Option<(usize, &'a Named)> {
        self.parts().find_map(|(index, part)| Some((index, part.container("agent")?.variable(name)?)))
    }

    fn grace(&self) -> Option<u32> {
        self.parts().find_map(|(_, part)| part.grace_period_seconds)
    }
}

fn chart_capabilities(config: &str) -> Option<Vec<String>> {
    let list: &[&str] = match config {
        "mlserver" => &MLSERVER,
        "triton" => &TRITON,
        _ => return None,
    };
    Some(list.iter().map(|&each| each.to_owned()).collect())
}

/// What a model asks of its server; an explainer asks for one thing more.
fn requirements(object: &ModelObject, assumed: &mut Vec<String>) -> Vec<Named> {
    let mut all: Vec<Named> = object.requirements.iter().filter(|each| !each.text.is_empty()).cloned().collect();
    if let Some(at) = &object.explainer
        && all.iter().all(|each| each.text != EXPLAINS)
    {
        assumed.push(format!("{} requires {EXPLAINS}, as every explainer does", object.identity.name));
        all.push(Named { text: EXPLAINS.to_owned(), at: at.clone() });
    }
    all
}

/// Memory that holds all models together, in whole GiB.
fn rounded(mut plan: ServerPlan) -> ServerPlan {
    let needed = plan.memory.value().max(CHART_MEMORY_BYTES);
    let gib = needed.saturating_add(CHART_MEMORY_BYTES - 1) / CHART_MEMORY_BYTES;
    plan.memory = Quantity::parse(&format!("{gib}Gi")).unwrap_or(plan.memory);
    plan.memory_assumed = Some(format!("memory {} a replica of {}: its models fit", plan.memory, plan.name));
    plan
}

/// Help for a name that nothing has.
fn meant<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    let all: Vec<&str> = known.clone().collect();
    match closest(name, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if all.is_empty() => "give its manifest as well".to_owned(),
        None => format!("give its manifest as well; there are {}", all.join(", ")),
    }
}
