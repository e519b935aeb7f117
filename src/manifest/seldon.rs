//! Seldon Core 2's resources out of manifests: Models, Servers, ServerConfigs, Pipelines, and the HPAs that scale them.
//!
//! Law: nothing that is read is guessed. A field that the resource does not have is refused, as the API server refuses it
//! under strict validation; a field that has no meaning in a simulation is named, with its place, in
//! [`SeldonObjects::ignored`]. Whether counts and steps contradict each other is the operator's and the scheduler's business,
//! and is asked of [`crate::seldon::spec`] by whoever knows the release.
//!
//! Source of the fields: operator `apis/mlops/v1alpha1/{model,server,serverconfig,pipeline}_types.go`.

use crate::diagnostics::{Problem, closest};
use crate::manifest::k8s::{Autoscaler, Ignored, Metadata, Reader};
use crate::manifest::seldon_values::{self, Values};
use crate::manifest::workload::{self, Container, MOST_BYTES, MOST_SECONDS};
use crate::manifest::yaml::{self, Node, Value};
use crate::seldon::spec::{
    CoreVersion, EffectiveScaling, PipelineFault, PipelineSpec, PipelineStep, ScalingError, ScalingFault,
    effective_scaling,
};
use crate::units::Quantity;
use std::ops::Range;

/// Group and version of the resources.
pub const API_VERSION: &str = "mlops.seldon.io/v1alpha1";
/// The kinds that are read.
const KINDS: [&str; 5] = ["Model", "Server", "Pipeline", "ServerConfig", "HorizontalPodAutoscaler"];
/// As many replicas as can be simulated.
const MOST_REPLICAS: i64 = 1_000_000;

/// Where something stands: bytes of its text.
pub type Place = Range<usize>;

/// What stands in a text.
#[derive(Clone, Debug, Default)]
pub struct SeldonObjects {
    /// Models, in the order of the text.
    pub models: Vec<ModelObject>,
    /// Servers, in the order of the text.
    pub servers: Vec<ServerObject>,
    /// ServerConfigs, in the order of the text.
    pub configs: Vec<ServerConfigObject>,
    /// Pipelines, in the order of the text.
    pub pipelines: Vec<PipelineObject>,
    /// HorizontalPodAutoscalers, in the order of the text.
    pub hpas: Vec<Autoscaler>,
    /// Helm values, in the order of the text.
    pub values: Vec<Values>,
    /// What was not read.
    pub ignored: Vec<Ignored>,
    /// True if something has no name or no kind, so that what others point at may be it.
    pub incomplete: bool,
}

/// Which object it is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, empty if it is not given.
    pub namespace: String,
    /// Where its name stands.
    pub at: Place,
}

impl Identity {
    /// True if both may be in one namespace.
    pub fn meets(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || namespace.is_empty() || self.namespace == namespace
    }
}

impl From<Metadata> for Identity {
    fn from(metadata: Metadata) -> Self {
        Self { name: metadata.name, namespace: metadata.namespace, at: metadata.at }
    }
}

/// A name that was given in place of an object.
#[derive(Clone, Debug)]
pub struct Named {
    /// As it was written.
    pub text: String,
    /// Where.
    pub at: Place,
}

/// `replicas`, `minReplicas` and `maxReplicas` as a manifest has them.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// `replicas`.
    pub replicas: Option<i64>,
    /// `minReplicas`.
    pub min: Option<i64>,
    /// `maxReplicas`.
    pub max: Option<i64>,
    places: [Option<Place>; 3],
}

impl Counts {
    /// What the operator of this release makes of them.
    ///
    /// # Errors
    /// Counts that contradict each other.
    pub fn effective(&self, version: CoreVersion) -> Result<EffectiveScaling, ScalingError> {
        effective_scaling(version, self.replicas, self.min, self.max)
    }

    /// Where the count stands that is at fault, and the other one; `otherwise` if none is written.
    pub fn place(&self, fault: ScalingFault, otherwise: &Place) -> (Place, Option<Place>) {
        let [replicas, min, max] = &self.places;
        let (first, second) = match fault {
            ScalingFault::Negative { .. } | ScalingFault::BelowMin { .. } => (replicas, min),
            ScalingFault::MinAboveMax { .. } => (min, max),
            ScalingFault::AboveMax { .. } => (replicas, max),
        };
        match (first, second) {
            (Some(first), second) => (first.clone(), second.clone()),
            (None, Some(second)) => (second.clone(), None),
            (None, None) => (otherwise.clone(), None),
        }
    }
}

/// A Model.
#[derive(Clone, Debug)]
pub struct ModelObject {
    /// Which.
    pub identity: Identity,
    /// Counts as given.
    pub counts: Counts,
    /// `spec.memory`.
    pub memory: Option<Quantity>,
    /// Where the memory stands.
    pub memory_at: Option<Place>,
    /// `spec.requirements`, and `spec.modelType` as the last of them.
    pub requirements: Vec<Named>,
    /// Where `spec.explainer` stands, if it is one.
    pub explainer: Option<Place>,
    /// `spec.server`.
    pub server: Option<Named>,
    /// `spec.storageUri`.
    pub storage_uri: String,
}

/// A Server.
#[derive(Clone, Debug)]
pub struct ServerObject {
    /// Which.
    pub identity: Identity,
    /// Counts as given.
    pub counts: Counts,
    /// `spec.serverConfig`.
    pub config: String,
    /// `spec.capabilities`, which stand in place of the ServerConfig's.
    pub capabilities: Option<Vec<String>>,
    /// `spec.extraCapabilities`, which are added to them.
    pub extra_capabilities: Vec<String>,
    /// `spec.podSpec`, laid over the ServerConfig's.
    pub pod: PodPart,
}

/// A ServerConfig.
#[derive(Clone, Debug)]
pub struct ServerConfigObject {
    /// Which.
    pub identity: Identity,
    /// `spec.podSpec`.
    pub pod: PodPart,
}

/// What is read of a pod.
#[derive(Clone, Debug, Default)]
pub struct PodPart {
    /// Its containers.
    pub containers: Vec<ServerContainer>,
    /// `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<u32>,
}

impl PodPart {
    /// The container of this name.
    pub fn container(&self, name: &str) -> Option<&ServerContainer> {
        self.containers.iter().find(|container| container.spec.name == name)
    }
}

/// A container of a server's pod.
#[derive(Clone, Debug)]
pub struct ServerContainer {
    /// Name, resources and probe.
    pub spec: Container,
    /// Environment variables that have a plain value.
    pub env: Vec<(String, Named)>,
    /// Where it stands.
    pub at: Place,
}

impl ServerContainer {
    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&Named> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

/// A Pipeline.
#[derive(Clone, Debug)]
pub struct PipelineObject {
    /// Which.
    pub identity: Identity,
    /// Steps, each with those that it waits for.
    pub spec: PipelineSpec,
    /// Where the name of each step stands.
    pub steps: Vec<Place>,
    /// What each step's `inputs` name: of `scaler.outputs.x` the part before the first dot.
    pub inputs: Vec<Vec<Named>>,
}

impl PipelineObject {
    /// Where a fault stands.
    pub fn place(&self, fault: &PipelineFault) -> Place {
        let of = |name: &str| self.spec.steps.iter().rposition(|step| step.model == name);
        let step = |name: &str| of(name).map_or_else(|| self.identity.at.clone(), |index| self.steps[index].clone());
        match fault {
            PipelineFault::Empty { .. } | PipelineFault::Cycle { .. } => self.identity.at.clone(),
            PipelineFault::StepNamedAsPipeline { pipeline } => step(pipeline),
            PipelineFault::StepRepeated { step: name, .. } | PipelineFault::UnknownModel { step: name, .. } => {
                step(name)
            }
            PipelineFault::UnknownStep { step: name, input, .. } => {
                let inputs = of(name).map(|index| self.inputs[index].iter());
                let found = inputs.into_iter().flatten().find(|given| given.text == *input);
                found.map_or_else(|| step(name), |given| given.at.clone())
            }
        }
    }
}

/// All objects of a text, and every problem at its place.
pub fn seldon_objects(text: &str) -> (SeldonObjects, Vec<Problem>) {
    let documents = match yaml::documents(text) {
        Ok(documents) => documents,
        Err(problem) => return (SeldonObjects { incomplete: true, ..SeldonObjects::default() }, vec![*problem]),
    };
    let mut reader = SeldonReader::default();
    for document in &documents {
        reader.document(document);
    }
    let SeldonReader { mut reader, mut found } = reader;
    found.hpas = std::mem::take(&mut reader.objects.hpas);
    found.ignored = std::mem::take(&mut reader.objects.ignored);
    (found, reader.problems)
}

/// Collects objects and problems.
#[derive(Default)]
struct SeldonReader {
    reader: Reader,
    found: SeldonObjects,
}

impl SeldonReader {
    /// An object, a list of them, or Helm values: what has neither `apiVersion` nor `kind`.
    fn document(&mut self, node: &Node) {
        let has = |key: &str| node.get(key).is_some();
        let values = !node.entries().is_empty()
            && !["apiVersion", "kind", "metadata", "spec", "items"].iter().any(|key| has(key));
        if values && node.entries().iter().any(|entry| seldon_values::knows(&entry.key)) {
            self.found.values.push(seldon_values::read(&mut self.reader, node));
        } else if values {
            let problem = Problem::error(
                node.at.clone(),
                "neither a Kubernetes object nor values of the chart seldon-core-v2-setup",
                "no key of either",
            );
            let help =
                "an object has `apiVersion` and `kind`; values have keys such as `autoscaling`, `agent` or `kafka`";
            self.reader.problems.push(problem.help(help));
        } else {
            self.object(node, None);
        }
    }

    /// One object, or the objects of a list; `within` is what the list says of its items.
    fn object(&mut self, node: &Node, within: Option<(&str, &str)>) {
        if !matches!(node.value, Value::Table(_)) {
            let message = format!("{} where a Kubernetes object is wanted", node.kind());
            self.reader.problems.push(Problem::error(node.at.clone(), message, "not an object"));
            self.found.incomplete = true;
            return;
        }
        let (version, kind) = (self.reader.head(node, "apiVersion", within), self.reader.head(node, "kind", within));
        let (Some(version), Some(kind)) = (version, kind) else {
            self.found.incomplete = true;
            return;
        };
        if let Some(of) = kind.strip_suffix("List")
            && node.entries().iter().any(|entry| entry.key == "items")
        {
            let within = (!of.is_empty()).then_some((version.as_str(), of));
            for item in self.reader.list(node, "items") {
                self.object(item, within);
            }
            return;
        }
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind.as_str()) {
            ("autoscaling", "HorizontalPodAutoscaler") => self.reader.hpa(node, &version),
            ("mlops.seldon.io", "Model" | "Server" | "ServerConfig" | "Pipeline") => {
                self.resource(node, &version, &kind)
            }
            _ => self.reader.other(node, &version, &kind, &KINDS),
        }
    }

    fn resource(&mut self, node: &Node, version: &str, kind: &str) {
        if version != API_VERSION {
            let at = node.get("apiVersion").map_or_else(|| node.at.clone(), |version| version.at.clone());
            let problem = Problem::error(at, format!("`{version}` is no version of {kind}"), "unknown version");
            self.reader.problems.push(problem.help(format!("write `{API_VERSION}`")));
            return;
        }
        let Some(metadata) = self.reader.metadata(node) else {
            self.found.incomplete = true;
            return;
        };
        let identity = Identity::from(metadata);
        self.reader.called = format!("{kind}/{}", identity.name);
        let outer = ["apiVersion", "kind", "metadata", "spec", "status"];
        self.fields(node, "", "object", &outer, &[]);
        let Some(spec) = self.reader.table(node, "spec") else {
            self.found.incomplete = true;
            if node.get("spec").is_none() {
                let at = identity.at.clone();
                let problem = Problem::error(at, format!("a {kind} without `spec`"), "`spec` is missing");
                self.reader.problems.push(problem);
            }
            return;
        };
        match kind {
            "Model" => self.model(identity, spec),
            "Server" => self.server(identity, spec),
            "ServerConfig" => self.config(identity, spec),
            _ => self.pipeline(identity, spec),
        }
    }

    /// Notes the fields that have no meaning here, and refuses those that no such resource has.
    fn fields(&mut self, node: &Node, path: &str, of: &str, read: &[&str], left: &[&str]) {
        for entry in node.entries() {
            let key = entry.key.as_str();
            let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            if left.contains(&key) {
                self.reader.ignore(&path, entry.key_at.clone());
            } else if !read.contains(&key) {
                let known = read.iter().chain(left).copied();
                let help = match closest(key, known.clone()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it has {}", known.collect::<Vec<_>>().join(", ")),
                };
                let problem =
                    Problem::error(entry.key_at.clone(), format!("`{key}` is no field of {of}"), "unknown field");
                self.reader.problems.push(problem.help(help));
            }
        }
    }

    /// A text that the resource definition requires.
    fn required(&mut self, node: &Node, key: &str, path: &str, at: &Place) -> Option<Named> {
        if node.get(key).is_none() {
            let message = format!("the API server refuses this: {path}.{key}: Required value");
            let problem = Problem::error(at.clone(), message, format!("`{key}` is missing"));
            self.reader.problems.push(problem.help(format!("add `{key}: ...`")));
            return None;
        }
        self.named(node, key)
    }

    fn named(&mut self, node: &Node, key: &str) -> Option<Named> {
        let text = self.reader.text(node, key)?;
        Some(Named { text, at: node.get(key)?.at.clone() })
    }

    fn names(&mut self, node: &Node, key: &str) -> Vec<Named> {
        let mut names = Vec::new();
        for item in self.reader.list(node, key) {
            match item.text() {
                Some(text) => names.push(Named { text: text.trim().to_owned(), at: item.at.clone() }),
                None => self.reader.wrong(item, key, "a list of texts"),
            }
        }
        names
    }

    fn counts(&mut self, spec: &Node) -> Counts {
        let mut counts = Counts::default();
        let slots = [&mut counts.replicas, &mut counts.min, &mut counts.max];
        let keys = ["replicas", "minReplicas", "maxReplicas"];
        for ((slot, key), place) in slots.into_iter().zip(keys).zip(&mut counts.places) {
            let Some(node) = spec.get(key) else { continue };
            let number = if let Value::Number(text) = &node.value { text.parse::<i32>().ok() } else { None };
            let Some(number) = number.map(i64::from) else {
                self.reader.wrong(node, key, "a whole number of 32 bits");
                continue;
            };
            if number > MOST_REPLICAS {
                let problem = Problem::error(node.at.clone(), "more than 1,000,000 replicas", "not simulated");
                self.reader.problems.push(problem);
                continue;
            }
            (*slot, *place) = (Some(number), Some(node.at.clone()));
        }
        counts
    }

    fn model(&mut self, identity: Identity, spec: &Node) {
        let read = [
            "storageUri",
            "requirements",
            "modelType",
            "memory",
            "replicas",
            "minReplicas",
            "maxReplicas",
            "server",
            "explainer",
        ];
        let left = [
            "artifactVersion",
            "schemaUri",
            "secretName",
            "preloaded",
            "dedicated",
            "logger",
            "parameters",
            "llm",
            "dataflow",
        ];
        self.fields(spec, "spec", "a Model's `spec`", &read, &left);
        let explainer = self.explainer(spec);
        let memory = spec.get("memory").and_then(|node| self.model_memory(node));
        let mut requirements = self.names(spec, "requirements");
        requirements.extend(self.named(spec, "modelType"));
        let counts = self.counts(spec);
        let server = self.named(spec, "server").filter(|server| !server.text.is_empty());
        let storage_uri =
            self.required(spec, "storageUri", "spec", &identity.at).map(|uri| uri.text).unwrap_or_default();
        let memory_at = spec.get("memory").map(|node| node.at.clone());
        self.found.models.push(ModelObject {
            identity,
            counts,
            memory,
            memory_at,
            requirements,
            explainer,
            server,
            storage_uri,
        });
    }

    fn explainer(&mut self, spec: &Node) -> Option<Place> {
        let entry = spec.entry("explainer")?;
        if let Some(llm) = spec.entry("llm") {
            let message =
                "the operator does not apply this Model: Can't have both explainer and llm in model spec.".to_owned();
            let problem = Problem::error(llm.key_at.clone(), message, "the second");
            self.reader.problems.push(problem.beside(entry.key_at.clone(), "the first").help("keep one of them"));
        }
        if let Some(explainer) = self.reader.table(spec, "explainer") {
            self.fields(explainer, "spec.explainer", "`explainer`", &[], &["type", "modelRef", "pipelineRef"]);
        }
        Some(entry.key_at.clone())
    }

    /// The operator takes whole bytes only.
    fn model_memory(&mut self, node: &Node) -> Option<Quantity> {
        let memory = workload::quantity(&mut self.reader, node, "memory", MOST_BYTES)?;
        if memory.nanos() % 1_000_000_000 != 0 {
            let message = format!(
                "the operator does not apply this Model: Can't convert model memory quantity to bytes. {memory}"
            );
            self.reader.problems.push(Problem::error(node.at.clone(), message, "not whole bytes"));
            return None;
        }
        Some(memory)
    }

    fn server(&mut self, identity: Identity, spec: &Node) {
        let read =
            ["serverConfig", "replicas", "minReplicas", "maxReplicas", "capabilities", "extraCapabilities", "podSpec"];
        let left = ["imageOverrides", "statefulSetPersistentVolumeClaimRetentionPolicy", "disableAutoUpdate"];
        self.fields(spec, "spec", "a Server's `spec`", &read, &left);
        let texts = |names: Vec<Named>| names.into_iter().map(|name| name.text).collect::<Vec<_>>();
        let capabilities = spec.get("capabilities").map(|_| texts(self.names(spec, "capabilities")));
        let extra_capabilities = texts(self.names(spec, "extraCapabilities"));
        let counts = self.counts(spec);
        let pod = self.pod(spec);
        let config = self.required(spec, "serverConfig", "spec", &identity.at).map(|config| config.text);
        self.found.servers.push(ServerObject {
            identity,
            counts,
            config: config.unwrap_or_default(),
            capabilities: capabilities.filter(|list| !list.is_empty()),
            extra_capabilities,
            pod,
        });
    }

    fn config(&mut self, identity: Identity, spec: &Node) {
        self.fields(spec, "spec", "a ServerConfig's `spec`", &["podSpec"], &["volumeClaimTemplates"]);
        let pod = self.pod(spec);
        self.found.configs.push(ServerConfigObject { identity, pod });
    }

    fn pod(&mut self, spec: &Node) -> PodPart {
        let mut part = PodPart::default();
        let Some(pod) = self.reader.table(spec, "podSpec") else { return part };
        self.reader.rest(pod, "spec.podSpec", &["containers", "terminationGracePeriodSeconds"]);
        part.grace_period_seconds = self.reader.whole(pod, "terminationGracePeriodSeconds", MOST_SECONDS);
        for (index, node) in self.reader.list(pod, "containers").iter().enumerate() {
            let path = format!("spec.podSpec.containers[{index}]");
            let Some(spec) = workload::container(&mut self.reader, node, &path, &["env"]) else { continue };
            let env = self.env(node, &path);
            part.containers.push(ServerContainer { spec, env, at: node.at.clone() });
        }
        part
    }

    /// The variables that say something here, with their plain values; the others are noted together.
    fn env(&mut self, node: &Node, path: &str) -> Vec<(String, Named)> {
        let mut env = Vec::new();
        let mut left: Vec<(String, Place)> = Vec::new();
        for entry in self.reader.list(node, "env") {
            let Some(name) = self.reader.text(entry, "name") else { continue };
            if !["SELDON_SERVER_CAPABILITIES", "MEMORY_REQUEST"].contains(&name.as_str()) {
                left.push((name, entry.at.clone()));
            } else if let Some(value) = entry.get("value")
                && let Value::Text(text) | Value::Number(text) = &value.value
            {
                env.push((name, Named { text: text.clone(), at: value.at.clone() }));
            }
        }
        if let Some((_, at)) = left.first() {
            let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).take(3).collect();
            let more = if left.len() > names.len() {
                format!(" and {} more", left.len() - names.len())
            } else {
                String::new()
            };
            self.reader.ignore(&format!("{path}.env {}{more}", names.join(" ")), at.clone());
        }
        env
    }

    fn pipeline(&mut self, identity: Identity, spec: &Node) {
        let left = ["input", "allowCycles", "maxStepRevisits", "dataflow"];
        self.fields(spec, "spec", "a Pipeline's `spec`", &["steps", "output"], &left);
        let mut steps = Vec::new();
        for (index, node) in self.reader.list(spec, "steps").iter().enumerate() {
            let path = format!("spec.steps[{index}]");
            if !matches!(node.value, Value::Table(_)) {
                self.reader.wrong(node, "steps", "a list of tables");
                continue;
            }
            steps.extend(self.step(node, &path));
        }
        let pipeline = wired(identity, steps);
        self.output(spec, &pipeline);
        self.found.pipelines.push(pipeline);
    }

    fn step(&mut self, node: &Node, path: &str) -> Option<RawStep> {
        let left = ["joinWindowMs", "tensorMap", "triggers", "triggersJoinType", "batch"];
        self.fields(node, path, "a step", &["name", "inputs", "inputsJoinType"], &left);
        self.join(node, "inputsJoinType", path);
        let inputs = self.names(node, "inputs");
        let name = self.required(node, "name", path, &node.at)?;
        Some(RawStep { name, inputs })
    }

    /// Only an inner join, which is the default, is simulated: all must have come.
    fn join(&mut self, node: &Node, key: &str, path: &str) {
        let Some(join) = self.named(node, key) else { return };
        match join.text.as_str() {
            "inner" => {}
            "outer" | "any" => {
                let words = format!("{path}.{key} {}, as \"inner\": it waits for all of them", join.text);
                self.reader.ignore(&words, join.at);
            }
            other => {
                let message = format!(
                    "the API server refuses this: {path}.{key}: Unsupported value: \"{other}\": supported values: \
                     \"inner\", \"outer\", \"any\""
                );
                self.reader.problems.push(Problem::error(join.at, message, "no join type"));
            }
        }
    }

    /// What the pipeline answers is taken from the steps that no other waits for.
    fn output(&mut self, spec: &Node, pipeline: &PipelineObject) {
        let Some(output) = self.reader.table(spec, "output") else { return };
        self.fields(output, "spec.output", "`output`", &["steps", "stepsJoin"], &["joinWindowMs", "tensorMap"]);
        self.join(output, "stepsJoin", "spec.output");
        let named = self.names(output, "steps");
        for step in &named {
            let name = before_dot(&step.text);
            if !pipeline.spec.steps.iter().any(|each| each.model == name) {
                let message = format!("`output` takes what step {name} says, and there is no such step");
                let names = pipeline.spec.steps.iter().map(|step| step.model.as_str());
                let help = match closest(name, names.clone()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the steps are {}", names.collect::<Vec<_>>().join(", ")),
                };
                self.reader.problems.push(Problem::error(step.at.clone(), message, "no step").help(help));
            }
        }
        let mut wanted: Vec<&str> = named.iter().map(|step| before_dot(&step.text)).collect();
        let last = pipeline.spec.outputs().into_iter().map(|step| pipeline.spec.steps[step].model.as_str());
        let mut last: Vec<&str> = last.collect();
        for list in [&mut wanted, &mut last] {
            list.sort_unstable();
            list.dedup();
        }
        if let (Some(entry), true) = (output.entry("steps"), wanted != last) {
            let words = format!("spec.output.steps, the answer waits for {}", last.join(" and "));
            self.reader.ignore(&words, entry.key_at.clone());
        }
    }
}

/// A step as it stands in a manifest.
struct RawStep {
    name: Named,
    inputs: Vec<Named>,
}

/// `iris` of `iris.outputs.predict`.
fn before_dot(text: &str) -> &str {
    text.split('.').next().unwrap_or(text)
}

/// Steps with those that they wait for in place of the topics that they read.
fn wired(identity: Identity, steps: Vec<RawStep>) -> PipelineObject {
    let after = |index: usize| {
        let mut after: Vec<String> = Vec::new();
        for name in sources(&identity.name, &steps, index, steps.len()) {
            if !after.contains(&name) {
                after.push(name);
            }
        }
        after
    };
    let wired =
        (0..steps.len()).map(|index| PipelineStep { model: steps[index].name.text.clone(), after: after(index) });
    let spec = PipelineSpec { name: identity.name.clone(), steps: wired.collect() };
    let named = |given: &Named| Named { text: before_dot(&given.text).to_owned(), at: given.at.clone() };
    let inputs = steps.iter().map(|step| step.inputs.iter().map(named).collect()).collect();
    PipelineObject { spec, steps: steps.into_iter().map(|step| step.name.at).collect(), inputs, identity }
}

/// The steps whose outputs a step reads. The pipeline's own inputs are no step's, and `scaler.inputs` are what `scaler` reads.
fn sources(pipeline: &str, steps: &[RawStep], index: usize, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for input in &steps[index].inputs {
        let name = before_dot(&input.text);
        let of_inputs = input.text.split('.').nth(1) == Some("inputs");
        let step = steps.iter().position(|step| step.name.text == name);
        match step {
            _ if name == pipeline => {}
            Some(step) if of_inputs && depth > 0 => found.extend(sources(pipeline, steps, step, depth - 1)),
            _ => found.push(name.to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SeldonObjects {
        let (found, problems) = seldon_objects(text);
        assert!(problems.is_empty(), "{problems:?}");
        found
    }

    fn after(steps: &str) -> Vec<Vec<String>> {
        let text =
            format!("apiVersion: {API_VERSION}\nkind: Pipeline\nmetadata: {{name: p}}\nspec: {{steps: {steps}}}\n");
        let spec = read(&text).pipelines.remove(0).spec;
        spec.steps.into_iter().map(|step| step.after).collect()
    }

    #[test]
    fn inputs_become_steps_to_wait_for() {
        let both = after("[{name: a}, {name: b, inputs: [a, a.outputs.x, p.inputs]}]");
        assert_eq!(both, [vec![], vec!["a".to_owned()]]);
        let shared = after("[{name: a}, {name: b, inputs: [a]}, {name: c, inputs: [b.inputs.x]}]");
        assert_eq!(shared[2], ["a"], "what b reads is what a says");
        let unknown = after("[{name: a, inputs: [ghost.outputs]}]");
        assert_eq!(unknown[0], ["ghost"]);
    }

    #[test]
    fn inputs_that_turn_in_a_circle_end() {
        assert_eq!(after("[{name: a, inputs: [b.inputs]}, {name: b, inputs: [a.inputs]}]").len(), 2);
    }
}
