//! Servers, models and pipelines of Seldon Core 2 as the text of a scenario.

use super::common::unique;
use super::pool::{BUSY, MOST_WORKERS, SERVICE_MEAN_S, rate_words};
use super::writer::{Owner, Writer, amounts, clean, hpa, identified, probe, unknown_signal};
use crate::manifest::hpa_out::quoted;
use crate::manifest::seldon::{API_VERSION, Identity, ModelObject, Named, PipelineObject};
use crate::manifest::seldon_values::{SettingValue, Values};
use crate::manifest::workload::Probe;
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::MetricSpec;
use crate::scenario::{SELDON_SIGNALS, SIGNALS};
use crate::seldon::spec::{CoreSpec, EffectiveScaling, LagScaling, UNLIMITED};
use crate::units::Quantity;
use std::collections::BTreeSet;

/// A first run of an hour is enough to see a scaler act.
const DURATION: &str = "1h";

/// Everything that becomes a scenario.
pub(super) struct Scene<'a> {
    /// The installation.
    pub(super) core: CoreSpec,
    /// What its Helm values say.
    pub(super) values: Values,
    /// True if the values name the release.
    pub(super) release_known: bool,
    /// Its Servers.
    pub(super) servers: Vec<ServerPlan>,
    /// Its Models.
    pub(super) models: Vec<ModelPlan<'a>>,
    /// Its Pipelines.
    pub(super) flows: Vec<FlowPlan<'a>>,
}

/// What becomes a `[[server]]`.
pub(super) struct ServerPlan {
    /// Its name in the scenario.
    pub(super) name: String,
    /// Its name in the manifest; `None` if it came without one.
    pub(super) called: Option<String>,
    /// Its ServerConfig.
    pub(super) config: String,
    /// The container that holds the models.
    pub(super) container: String,
    /// Its namespace, empty if it is not given.
    pub(super) namespace: String,
    /// Counts as the scheduler gets them.
    pub(super) scaling: EffectiveScaling,
    /// What it can serve.
    pub(super) capabilities: Vec<String>,
    /// Memory of one replica.
    pub(super) memory: Quantity,
    /// What of the memory is assumed.
    pub(super) memory_assumed: Option<String>,
    /// CPU request of the inference server.
    pub(super) cpu_request: Option<Quantity>,
    /// CPU limit of the inference server.
    pub(super) cpu_limit: Option<Quantity>,
    /// CPU request in the chart, for an HPA that needs one.
    pub(super) chart_cpu: Quantity,
    /// Readiness probe of the inference server.
    pub(super) probe: Option<Probe>,
    /// Readiness probe in the chart.
    pub(super) chart_probe: Probe,
    /// Grace period of its pods.
    pub(super) grace_period_seconds: Option<u32>,
    /// Its scaler beside Seldon's own.
    pub(super) hpa: Option<HpaSpec>,
    /// What had to be assumed to get this far.
    pub(super) assumed: Vec<String>,
}

/// What becomes a `[[model]]`.
pub(super) struct ModelPlan<'a> {
    /// Its name in the scenario.
    pub(super) name: String,
    /// In which source it stands.
    pub(super) source: usize,
    /// Its manifest.
    pub(super) object: &'a ModelObject,
    /// What its server must be capable of.
    pub(super) requirements: Vec<Named>,
    /// Counts as the scheduler gets them.
    pub(super) scaling: EffectiveScaling,
    /// The server that it asks for.
    pub(super) server: Option<usize>,
    /// The servers that it may go to.
    pub(super) hosts: Vec<usize>,
    /// Its HPA.
    pub(super) hpa: Option<HpaSpec>,
    /// True if it is meant to be scaled by inference lag.
    pub(super) lag: bool,
    /// What had to be assumed to get this far.
    pub(super) assumed: Vec<String>,
}

/// What becomes a `[[pipeline]]`.
pub(super) struct FlowPlan<'a> {
    /// Its name in the scenario.
    pub(super) name: String,
    /// Its manifest.
    pub(super) object: &'a PipelineObject,
    /// The model of each step, and those that it waits for.
    pub(super) steps: Vec<(usize, Vec<usize>)>,
    /// What had to be assumed to get this far.
    pub(super) assumed: Vec<String>,
}

impl ServerPlan {
    /// As others point at it in manifests.
    pub(super) fn known_as(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.name)
    }

    /// Requests that one replica serves at once: one a core, as far as its cores are known.
    fn workers(&self) -> i64 {
        let amount = self.cpu_limit.filter(|limit| limit.signum() > 0).or(self.cpu_request);
        amount.map_or(1, |amount| (amount.milli_value() / 1_000).clamp(1, MOST_WORKERS))
    }

    /// Requests per second that keep one replica half busy.
    fn half_busy(&self) -> f64 {
        let limit = self.cpu_limit.filter(|limit| limit.signum() > 0);
        let cores = limit.map_or(f64::INFINITY, |limit| limit.as_f64());
        cores.min(self.workers() as f64) / SERVICE_MEAN_S * BUSY
    }
}

impl<'a> Scene<'a> {
    /// The model of this name near this namespace.
    pub(super) fn model(&self, identity: &Identity) -> Option<usize> {
        self.models.iter().position(|model| {
            model.object.identity.name == identity.name && identity.meets(&model.object.identity.namespace)
        })
    }

    /// The server of this name near this namespace.
    pub(super) fn server(&self, identity: &Identity) -> Option<usize> {
        self.servers.iter().position(|server| server.known_as() == identity.name && identity.meets(&server.namespace))
    }

    /// Names of one kind, as manifests have them.
    pub(super) fn known(&self, kind: &str) -> Vec<&str> {
        match kind {
            "Model" => self.models.iter().map(|model| model.object.identity.name.as_str()).collect(),
            _ => self.servers.iter().map(ServerPlan::known_as).collect(),
        }
    }

    fn hpas(&self) -> impl Iterator<Item = &HpaSpec> {
        let models = self.models.iter().filter_map(|model| model.hpa.as_ref());
        models.chain(self.servers.iter().filter_map(|server| server.hpa.as_ref()))
    }

    fn metrics(&self) -> impl Iterator<Item = &MetricSpec> {
        self.hpas().flat_map(|hpa| &hpa.metrics)
    }

    /// The whole text.
    pub(super) fn write(&self) -> Writer {
        let mut writer = Writer::default();
        let name = self.models.first().map_or("seldon", |model| model.name.as_str());
        writer.line(format!("name = {}", quoted(name)));
        writer.line("seed = 1");
        writer.assume(format!("duration {DURATION}"));
        writer.line(format!("duration = {}", quoted(DURATION)));
        self.write_core(&mut writer);
        if self.hpas().any(|hpa| hpa.min_replicas == Some(0)) {
            writer.line("");
            writer.line("[hpa_controller]");
            writer.assume("the feature gate HPAScaleToZero is on, since an HPA has minReplicas 0");
            writer.line("feature_gates = \"HPAScaleToZero=true\"");
        }
        self.write_prometheus(&mut writer);
        self.write_loads(&mut writer);
        for server in &self.servers {
            self.write_server(&mut writer, server);
        }
        writer
            .assume_aside("download 0s, load 1s and reload 100ms of every model; set `download`, `load` and `reload`");
        for model in &self.models {
            self.write_model(&mut writer, model);
        }
        for flow in &self.flows {
            self.write_flow(&mut writer, flow);
        }
        writer
    }

    fn write_core(&self, writer: &mut Writer) {
        let version = self.core.version;
        writer.line("");
        writer.line("[core]");
        let tag = self.values.tag.as_deref().filter(|_| self.release_known);
        let same = tag.is_some_and(|tag| tag.trim_start_matches('v').starts_with(version.name()));
        match (version.lag_scaling(), self.core.autoscaling.model_enabled) {
            (LagScaling::ForcedOff, true) => writer.assume_aside(format!(
                "no model follows its inference lag: release {version} forces that off, whatever autoscalingModelEnabled \
                 says; core.version \"2.9\" does it"
            )),
            (LagScaling::ForcedOff, false) => {
                writer.assume_aside(format!("no model follows its inference lag: release {version} forces that off"));
            }
            (LagScaling::BehindSwitch, false) => writer.assume_aside(
                "no model follows its inference lag: autoscaling.autoscalingModelEnabled is false, as in the chart",
            ),
            (LagScaling::BehindSwitch | LagScaling::OnByDefault, _) => {}
        }
        match tag {
            Some(tag) if !same => writer.assume(format!("release {version}, the nearest to {tag}")),
            Some(_) => {}
            None => writer.assume(format!("release {version}")),
        }
        writer.line(format!("version = {}", quoted(version.name())));
        if self.values.settings.is_empty() {
            writer.assume_aside("all other settings of Seldon Core 2 are the chart's");
        }
        for setting in &self.values.settings {
            let value = match setting.value {
                SettingValue::Switch(on) => on.to_string(),
                SettingValue::Whole(number) => number.to_string(),
                SettingValue::Probability(share) => format!("{share:?}"),
            };
            writer.line(format!("{} = {value}", setting.path));
        }
    }

    /// What every metric but CPU and memory comes through.
    fn write_prometheus(&self, writer: &mut Writer) {
        if self.metrics().all(|metric| identified(metric).is_none()) {
            return;
        }
        writer.line("");
        writer.line("[prometheus]");
        writer.assume("Prometheus scrapes every 1m, rates go over 2m and the adapter lists every 1m, as where upstream sets up HPA");
        writer.line("scrape_interval = \"1m\"");
        writer.line("rate_window = \"2m\"");
        writer.line("metrics_relist_interval = \"1m\"");
    }

    /// Whether somebody asks this model other than through a pipeline.
    fn is_asked(&self, number: usize) -> bool {
        let in_a_flow = self.flows.iter().any(|flow| flow.steps.iter().any(|(model, _)| *model == number));
        !in_a_flow && self.models[number].scaling.replicas > 0
    }

    /// Requests per second that keep a model's part of its server half busy.
    fn rate(&self, number: usize) -> f64 {
        let model = &self.models[number];
        let Some(&host) = model.hosts.first() else { return 1.0 };
        let server = &self.servers[host];
        let beside = (0..self.models.len()).filter(|&other| self.models[other].hosts.first() == Some(&host));
        let uses = |other: usize| {
            let flows = self.flows.iter().filter(|flow| flow.steps.iter().any(|(model, _)| *model == other)).count();
            flows + usize::from(self.is_asked(other))
        };
        let sharing: usize = beside.map(uses).sum();
        let replicas = model.scaling.replicas.min(server.scaling.replicas).max(1);
        server.half_busy() * f64::from(replicas) / sharing.max(1) as f64
    }

    fn write_loads(&self, writer: &mut Writer) {
        let mut names = BTreeSet::new();
        let mut none: Vec<&str> = Vec::new();
        for (number, model) in self.models.iter().enumerate() {
            if self.is_asked(number) {
                write_load(writer, &mut names, &model.name, self.rate(number));
            } else if model.scaling.replicas == 0 {
                writer.assume_aside(format!("no load to {}, which has 0 replicas", model.name));
            } else {
                none.push(&model.name);
            }
        }
        if !none.is_empty() {
            writer.assume_aside(format!("no load to {} but through pipelines", none.join(" and ")));
        }
        // A model gateway holds as many calls at once as it has workers.
        let gateway = f64::from(self.core.dataflow.workers.max(1)) / SERVICE_MEAN_S * BUSY;
        for flow in &self.flows {
            let rate = flow.steps.iter().map(|&(model, _)| self.rate(model)).fold(gateway, f64::min);
            write_load(writer, &mut names, &flow.name, rate);
        }
        if names.is_empty() {
            // A scenario has at least one load; this one says so.
            write_load(writer, &mut names, &self.models[0].name, 1.0);
        }
    }

    fn write_server(&self, writer: &mut Writer, server: &ServerPlan) {
        writer.line("");
        writer.line(format!("[[server]]   # serverConfig {}", clean(&server.config)));
        writer.line(format!("name = {}", quoted(&server.name)));
        for words in &server.assumed {
            writer.assume_aside(words.clone());
        }
        let EffectiveScaling { replicas, min, max } = server.scaling;
        writer.line(format!("replicas = {replicas}"));
        writer.line(bound("min_replicas", min));
        writer.line(bound("max_replicas", if max == UNLIMITED { 0 } else { max }));
        if let Some(words) = &server.memory_assumed {
            writer.assume(words.clone());
        }
        writer.line(format!("memory = \"{}\"", server.memory));
        let capabilities: Vec<String> = server.capabilities.iter().map(|each| quoted(each)).collect();
        writer.line(format!("capabilities = [{}]", capabilities.join(", ")));
        let workers = server.workers();
        let one_a_core = if workers > 1 { "s a replica of {}, one a core" } else { " a replica of {}" };
        writer.assume(format!("{workers} worker{}", one_a_core.replace("{}", &server.name)));
        writer.line(format!("workers = {workers}"));
        let by_cpu = server.hpa.as_ref().is_some_and(|hpa| reads(hpa, "cpu"));
        let request = server.cpu_request.or_else(|| {
            by_cpu.then(|| {
                let cpu = server.chart_cpu;
                writer.assume(format!("cpu request {cpu} of {}, as in the chart", server.name));
                cpu
            })
        });
        if let Some(cpu) = amounts(request, server.cpu_limit.filter(|limit| limit.signum() > 0), None) {
            writer.line(format!("cpu = {cpu}"));
        }
        writer.line("");
        writer.line("[server.start]");
        writer.assume(format!("the image of {} is on every node; \"pulled\" pulls it for each new pod", server.name));
        writer.line("image = \"cached\"");
        if server.probe.is_none() {
            writer.assume(format!("readiness probe of {}, as in the chart", server.name));
        }
        writer.line(format!("readiness_probe = {}", probe(server.probe.unwrap_or(server.chart_probe))));
        if let Some(seconds) = server.grace_period_seconds {
            writer.line("");
            writer.line("[server.stop]");
            writer.line(format!("grace_period = \"{seconds}s\""));
        }
        if let Some(spec) = &server.hpa {
            self.write_hpa(
                writer,
                spec,
                &Owner { section: "server", api_version: API_VERSION, kind: "Server", name: &server.name },
            );
        }
    }

    fn write_model(&self, writer: &mut Writer, model: &ModelPlan<'a>) {
        let object = model.object;
        writer.line("");
        writer.line(format!("[[model]]   # {}", clean(&object.storage_uri)));
        writer.line(format!("name = {}", quoted(&model.name)));
        for words in &model.assumed {
            writer.assume_aside(words.clone());
        }
        if let Some(server) = model.server {
            writer.line(format!("server = {}", quoted(&self.servers[server].name)));
        }
        if !model.requirements.is_empty() {
            let requirements: Vec<String> = model.requirements.iter().map(|each| quoted(&each.text)).collect();
            writer.line(format!("requirements = [{}]", requirements.join(", ")));
        }
        match object.memory {
            Some(memory) => writer.line(format!("memory = \"{memory}\"")),
            None => {
                writer.assume(format!("{} takes up no memory, as the scheduler takes it without `memory`", model.name));
                writer.line("memory = \"0\"");
            }
        }
        if let Some(replicas) = object.counts.replicas.filter(|&replicas| replicas >= 0) {
            writer.line(format!("replicas = {replicas}"));
        }
        for (key, count) in [("min_replicas", object.counts.min), ("max_replicas", object.counts.max)] {
            if let Some(count) = count.filter(|&count| count > 0) {
                writer.line(format!("{key} = {count}"));
            }
        }
        writer.assume(format!("service lognormal mean 80ms p99 320ms of {}", model.name));
        writer.line("service.lognormal = { mean = \"80ms\", p99 = \"320ms\" }   # assumed: measure your own");
        if model.lag {
            writer.line("");
            writer.line("[model.scaler.seldon_lag]");
        }
        if let Some(spec) = &model.hpa {
            self.write_hpa(
                writer,
                spec,
                &Owner { section: "model", api_version: API_VERSION, kind: "Model", name: &model.name },
            );
        }
    }

    fn write_hpa(&self, writer: &mut Writer, spec: &HpaSpec, owner: &Owner<'_>) {
        let known: Vec<&str> = SIGNALS.iter().chain(SELDON_SIGNALS).map(|(signal, _)| *signal).collect();
        for metric in &spec.metrics {
            if let Some(name) = unknown_signal(metric, &known) {
                writer.assume_aside(format!(
                    "no signal provides the metric {name}, which fails to be read as in a cluster without it; add a [[signal]]"
                ));
            } else if let Some(identifier) = identified(metric).filter(|metric| metric.selector.is_some()) {
                writer.assume_aside(format!(
                    "{} of the HPA on {} counts all requests: its selector tells none apart",
                    identifier.name, owner.name
                ));
            }
        }
        hpa(writer, spec, owner);
    }

    fn write_flow(&self, writer: &mut Writer, flow: &FlowPlan<'a>) {
        writer.line("");
        writer.line("[[pipeline]]");
        writer.line(format!("name = {}", quoted(&flow.name)));
        for words in &flow.assumed {
            writer.assume_aside(words.clone());
        }
        writer.line("steps = [");
        for (model, after) in &flow.steps {
            let after: Vec<String> = after.iter().map(|&number| quoted(&self.models[number].name)).collect();
            let name = quoted(&self.models[*model].name);
            writer.line(format!("  {{ model = {name}, after = [{}] }},", after.join(", ")));
        }
        writer.line("]");
    }

    /// What was read, beside HPAs: `Model/iris (requires sklearn, memory 100Ki, replicas 1, max 5)`.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let list =
            |parts: Vec<String>| if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        for model in &self.models {
            let object = model.object;
            let mut parts = Vec::new();
            parts.extend(object.server.as_ref().map(|server| format!("server {}", server.text)));
            let requirements: Vec<&str> = object.requirements.iter().map(|each| each.text.as_str()).collect();
            if !requirements.is_empty() {
                parts.push(format!("requires {}", requirements.join(" ")));
            }
            parts.extend(object.memory.map(|memory| format!("memory {memory}")));
            parts.extend(counted(object.counts.replicas, object.counts.min, object.counts.max));
            words.push(format!("Model/{}{}", object.identity.name, list(parts)));
        }
        for server in self.servers.iter().filter(|server| server.called.is_some()) {
            let mut parts = vec![format!("serverConfig {}", server.config)];
            if server.memory_assumed.is_none() {
                parts.push(format!("memory {}", server.memory));
            }
            let EffectiveScaling { replicas, min, max } = server.scaling;
            let set = |count: u32| (count > 0 && count != UNLIMITED).then_some(i64::from(count));
            parts.extend(counted(Some(replicas.into()), set(min), set(max)));
            words.push(format!("Server/{}{}", server.known_as(), list(parts)));
        }
        for flow in &self.flows {
            let count = flow.steps.len();
            let steps = format!("{count} step{}", if count == 1 { "" } else { "s" });
            words.push(format!("Pipeline/{} ({steps})", flow.object.identity.name));
        }
        if !self.values.settings.is_empty() || self.release_known {
            let count = self.values.settings.len();
            let tag = self.values.tag.as_ref().map(|tag| format!("release {tag}"));
            let settings = (count > 0).then(|| format!("{count} setting{}", if count == 1 { "" } else { "s" }));
            words.push(format!("values{}", list(tag.into_iter().chain(settings).collect())));
        }
        words
    }
}

/// `replicas 1`, `min 1`, `max 5`.
fn counted(replicas: Option<i64>, min: Option<i64>, max: Option<i64>) -> impl Iterator<Item = String> {
    let parts = [("replicas", replicas), ("min", min), ("max", max)];
    parts.into_iter().filter_map(|(word, count)| Some(format!("{word} {}", count?)))
}

fn bound(key: &str, count: u32) -> String {
    if count == 0 { format!("{key} = 0   # unset") } else { format!("{key} = {count}") }
}

fn reads(hpa: &HpaSpec, resource: &str) -> bool {
    // An HPA without metrics has CPU 80 %.
    (hpa.metrics.is_empty() && resource == "cpu")
        || hpa.metrics.iter().any(|metric| {
            metric.resource.as_ref().is_some_and(|source| source.name == resource)
                || metric.container_resource.as_ref().is_some_and(|source| source.name == resource)
        })
}

fn write_load(writer: &mut Writer, names: &mut BTreeSet<String>, to: &str, per_second: f64) {
    writer.line("");
    writer.line("[[load]]");
    let name = unique(names, &format!("{to}-users"));
    writer.line(format!("name = {}", quoted(&name)));
    writer.line(format!("to = {}", quoted(to)));
    let rate = rate_words(per_second);
    writer.assume(format!("load {rate} to {to}"));
    writer.line(format!("rate.constant = {}           # assumed: keeps its server about half busy", quoted(&rate)));
}
