//! One pool of a scenario, with its load, out of a workload and its HPA.

use super::writer::{Owner, Writer, amounts, hpa, key, probe, table, unknown_signal};
use crate::cluster::WorkloadKind;
use crate::manifest::hpa_out::quoted;
use crate::manifest::workload::{Container, Workload};
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::MetricSpec;
use crate::scenario::SIGNALS;
use crate::units::Quantity;

/// Mean of the service law that is assumed, seconds.
pub(super) const SERVICE_MEAN_S: f64 = 0.08;
/// The assumed load keeps a pool this busy.
pub(super) const BUSY: f64 = 0.5;
/// More than this makes a first run slow.
const MOST_PER_SECOND: f64 = 1_000.0;
/// More workers than this are not assumed.
pub(super) const MOST_WORKERS: i64 = 64;

/// What becomes a pool.
pub(super) struct Plan<'a> {
    /// Its name in the scenario.
    pub(super) name: String,
    /// Which controller owns the pods.
    pub(super) kind: WorkloadKind,
    /// Nothing for an HPA that came without its workload.
    pub(super) workload: Option<&'a Workload>,
    /// The scaler, which scales this pool.
    pub(super) hpa: Option<HpaSpec>,
    /// What had to be assumed to get this far.
    pub(super) assumed: Vec<String>,
}

impl Plan<'_> {
    /// The container that serves: the one named like the workload, else the first.
    fn main(&self) -> Option<&Container> {
        let workload = self.workload?;
        workload.containers.iter().find(|container| container.name == workload.name).or(workload.containers.first())
    }

    /// All other containers that run as long as the pod.
    fn others(&self) -> impl Iterator<Item = &Container> {
        let main = self.main().map(|main| main.name.clone());
        let all = self.workload.into_iter().flat_map(|workload| workload.containers.iter().chain(&workload.sidecars));
        all.filter(move |container| Some(&container.name) != main.as_ref())
    }

    fn replicas(&self) -> u32 {
        let floor = self.hpa.as_ref().map_or(1, |hpa| hpa.min_replicas.unwrap_or(1));
        self.workload.and_then(|workload| workload.replicas).unwrap_or(u32::try_from(floor).unwrap_or(1))
    }

    /// Millicores that a replica can use, if anything says it.
    fn cpu_millis(&self) -> Option<i64> {
        let main = self.main()?;
        let amount = main.cpu_limit.filter(|limit| limit.signum() > 0).or(main.cpu_request)?;
        Some(amount.milli_value()).filter(|&millis| millis > 0)
    }

    fn workers(&self) -> i64 {
        self.cpu_millis().map_or(1, |millis| (millis / 1_000).clamp(1, MOST_WORKERS))
    }

    /// Requests per second that keep the pool half busy, as text.
    fn rate(&self) -> String {
        let limited = self.main().and_then(|main| main.cpu_limit).filter(|limit| limit.signum() > 0);
        let cores = limited.map_or(f64::INFINITY, |limit| limit.as_f64());
        let busy = f64::from(self.replicas().max(1)) * cores.min(self.workers() as f64) / SERVICE_MEAN_S * BUSY;
        rate_words(busy)
    }

    /// `[[load]]` to this pool.
    pub(super) fn write_load(&self, writer: &mut Writer, load: &str) {
        writer.line("");
        writer.line("[[load]]");
        writer.line(format!("name = {}", quoted(load)));
        writer.line(format!("to = {}", quoted(&self.name)));
        let rate = self.rate();
        writer.assume(format!("load {rate} to {}", self.name));
        writer.line(format!("rate.constant = {}           # assumed: keeps it about half busy", quoted(&rate)));
    }

    /// `[[pool]]` with all below it.
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.line("");
        writer.line("[[pool]]");
        writer.line(format!("name = {}", quoted(&self.name)));
        for words in &self.assumed {
            writer.assume_aside(words.clone());
        }
        if self.kind != WorkloadKind::Deployment {
            writer.line(format!("kind = {}", quoted(self.kind.as_str())));
        }
        if self.hpa.is_some() && self.workload.is_none_or(|workload| workload.replicas.is_none()) {
            writer.assume(format!(
                "{} starts with {} replicas, the lower bound of its HPA",
                self.name,
                self.replicas()
            ));
        }
        writer.line(format!("replicas = {}", self.replicas()));
        if self.workers() > 1 {
            writer.assume(format!("{} workers a replica of {}, one a core", self.workers(), self.name));
            writer.line(format!("workers = {}", self.workers()));
        } else {
            writer.assume(format!("1 worker a replica of {}", self.name));
            writer.line("workers = 1");
        }
        writer.assume(format!("service lognormal mean 80ms p99 320ms of {}", self.name));
        writer.line("service.lognormal = { mean = \"80ms\", p99 = \"320ms\" }   # assumed: measure your own");
        self.write_resources(writer);
        self.write_labels(writer);
        self.write_start(writer);
        self.write_stop(writer);
        for container in self.others() {
            self.write_container(writer, container);
        }
        if let Some(spec) = &self.hpa {
            let known: Vec<&str> = SIGNALS.iter().map(|(signal, _)| *signal).collect();
            for metric in &spec.metrics {
                if let Some(name) = unknown_signal(metric, &known) {
                    writer.assume_aside(format!(
                        "no signal provides the metric {name}, which fails to be read as in a cluster without it; add a [[signal]]"
                    ));
                }
            }
            let owner = Owner { section: "pool", api_version: "apps/v1", kind: self.kind.as_str(), name: &self.name };
            hpa(writer, spec, &owner);
        }
    }

    fn write_resources(&self, writer: &mut Writer) {
        let Some(main) = self.main() else {
            if let Some(spec) = &self.hpa {
                let source = spec.metrics.iter().find_map(|metric| metric.container_resource.as_ref());
                if let Some(source) = source.filter(|source| source.container != self.name) {
                    writer.assume(format!("the main container of {} is {}", self.name, source.container));
                    writer.line(format!("container = {}", quoted(&source.container)));
                }
                writer.assume(format!("cpu request 1 of {}", self.name));
                writer.line("cpu = { request = \"1\" }");
                if self.scales_on("memory") {
                    writer.assume(format!("memory request 1Gi of {}, half of it used", self.name));
                    writer.line("memory = { request = \"1Gi\", idle = \"512Mi\" }");
                }
            }
            return;
        };
        if main.name != self.name {
            writer.line(format!("container = {}", quoted(&main.name)));
        }
        if let Some(cpu) = amounts(main.cpu_request, main.cpu_limit.filter(|limit| limit.signum() > 0), None) {
            writer.line(format!("cpu = {cpu}"));
        }
        let idle = main.memory_request.filter(|_| self.scales_on("memory")).map(|request| {
            writer.assume(format!("half of the memory request of {} is used", self.name));
            Quantity::from_binary_millis(request.value() / 2 * 1_000).to_string()
        });
        if let Some(memory) = amounts(main.memory_request, main.memory_limit, idle) {
            writer.line(format!("memory = {memory}"));
        }
    }

    fn scales_on(&self, resource: &str) -> bool {
        let metrics = self.hpa.iter().flat_map(|hpa| &hpa.metrics);
        metrics.into_iter().any(|metric| {
            metric.resource.as_ref().is_some_and(|source| source.name == resource)
                || metric.container_resource.as_ref().is_some_and(|source| source.name == resource)
        })
    }

    fn write_labels(&self, writer: &mut Writer) {
        let Some(workload) = self.workload else { return };
        if !workload.labels.is_empty() {
            let labels = workload.labels.iter().map(|(name, value)| (name.as_str(), Some(quoted(value))));
            writer.line(format!("labels = {}", table(labels)));
            if workload.selector.is_empty() {
                let (name, value) = &workload.labels[0];
                writer.assume(format!("the pods of {} are selected by the label {name}", self.name));
                writer.line(format!("selector = {}", quoted(&format!("{name}={value}"))));
            }
        }
        if !workload.selector.is_empty() {
            writer.line(format!("selector = {}", quoted(&workload.selector)));
            if workload.labels.is_empty() {
                writer.assume(format!("the pods of {} have the labels that its selector wants", self.name));
                let labels = workload.selector.split(',').filter_map(|part| part.split_once('='));
                let labels: Vec<String> =
                    labels.map(|(name, value)| format!("{} = {}", key(name), quoted(value))).collect();
                writer.line(format!("labels = {{ {} }}", labels.join(", ")));
            }
        }
    }

    fn write_start(&self, writer: &mut Writer) {
        writer.line("");
        writer.line("[pool.start]");
        writer.assume(format!("the image of {} is on every node; \"pulled\" pulls it for each new pod", self.name));
        writer.line("image = \"cached\"");
        let Some(main) = self.main() else { return };
        let Some(given) = main.readiness_probe else {
            writer.line("readiness_probe = \"none\"   # as in the manifest: ready as soon as the container runs");
            return;
        };
        writer.line(format!("readiness_probe = {}", probe(given)));
    }

    fn write_stop(&self, writer: &mut Writer) {
        let grace = self.workload.and_then(|workload| workload.grace_period_seconds);
        let pre_stop = self.main().and_then(|main| main.pre_stop_seconds);
        if grace.is_none() && pre_stop.is_none() {
            return;
        }
        writer.line("");
        writer.line("[pool.stop]");
        for (name, seconds) in [("grace_period", grace), ("pre_stop", pre_stop)] {
            if let Some(seconds) = seconds {
                writer.line(format!("{name} = \"{seconds}s\""));
            }
        }
    }

    fn write_container(&self, writer: &mut Writer, container: &Container) {
        writer.line("");
        writer.line("[[pool.containers]]");
        let name = super::common::scenario_name(&container.name);
        if name != container.name {
            writer.assume(format!("the container {} is called {name}", container.name));
        }
        writer.line(format!("name = {}", quoted(&name)));
        if let Some(cpu) = amounts(container.cpu_request, container.cpu_limit, None) {
            writer.line(format!("cpu = {cpu}"));
        }
        if let Some(memory) = amounts(container.memory_request, container.memory_limit, None) {
            writer.line(format!("memory = {memory}"));
        }
    }

    /// What is left out of the workload, beside what its manifest named.
    pub(super) fn left_out(&self) -> Vec<String> {
        let Some(workload) = self.workload else { return Vec::new() };
        let called = format!("{}/{}", workload.kind.as_str(), workload.name);
        let mut out = Vec::new();
        if workload.min_ready_seconds.is_some_and(|seconds| seconds > 0) {
            out.push(format!("{called}: spec.minReadySeconds, there are no roll-outs"));
        }
        if workload.max_surge.is_some() {
            out.push(format!("{called}: spec.strategy.rollingUpdate.maxSurge, there are no roll-outs"));
        }
        let main = self.main().map_or("", |main| &main.name);
        for container in
            self.others().filter(|other| other.readiness_probe.is_some() || other.pre_stop_seconds.is_some())
        {
            out.push(format!("{called}: readinessProbe and preStop of {}, only those of {main} count", container.name));
        }
        out
    }

    /// `Deployment/chat (3 replicas, requests cpu 2, readiness delay 20s)`.
    pub(super) fn words(&self) -> Option<String> {
        let workload = self.workload?;
        let mut parts = Vec::new();
        parts.extend(workload.replicas.map(|replicas| format!("replicas {replicas}")));
        if let Some(main) = self.main() {
            let cpu = main.cpu_request.map(|cpu| format!("cpu {cpu}"));
            let memory = main.memory_request.map(|memory| format!("memory {memory}"));
            let requests: Vec<String> = cpu.into_iter().chain(memory).collect();
            if !requests.is_empty() {
                parts.push(format!("requests {}", requests.join(" ")));
            }
            let delay = main.readiness_probe.and_then(|probe| probe.initial_delay_seconds);
            parts.extend(delay.map(|seconds| format!("readiness delay {seconds}s")));
        }
        let others = self.others().count();
        if others > 0 {
            parts.push(format!("{others} more container{}", if others == 1 { "" } else { "s" }));
        }
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        Some(format!("{}/{}{parts}", workload.kind.as_str(), workload.name))
    }
}

/// A rate as a scenario has it, neither nothing nor more than a first run takes.
pub(super) fn rate_words(per_second: f64) -> String {
    let rate = per_second.clamp(0.001, MOST_PER_SECOND);
    if rate >= 10.0 { format!("{rate:.0}/s") } else { format!("{}/s", (rate * 1e3).round() / 1e3) }
}

/// `cpu 70%, 2..40`.
pub(super) fn hpa_words(spec: &HpaSpec) -> String {
    let metric = |metric: &MetricSpec| {
        let resource = metric.resource.as_ref().map(|source| (source.name.as_str(), &source.target));
        let container = metric.container_resource.as_ref().map(|source| (source.name.as_str(), &source.target));
        let pods = metric.pods.as_ref().map(|source| (source.metric.name.as_str(), &source.target));
        let object = metric.object.as_ref().map(|source| (source.metric.name.as_str(), &source.target));
        let external = metric.external.as_ref().map(|source| (source.metric.name.as_str(), &source.target));
        let (name, target) = resource.or(container).or(pods).or(object).or(external)?;
        let value = target.average_utilization.map(|percent| format!("{percent}%"));
        let value = value.or(target.average_value.map(|value| format!("{value} a pod")));
        Some(format!("{name} {}", value.or(target.value.map(|value| value.to_string()))?))
    };
    let mut parts: Vec<String> = spec.metrics.iter().filter_map(metric).collect();
    if spec.metrics.is_empty() {
        parts.push("cpu 80% by default".to_owned());
    }
    parts.push(format!("{}..{}", spec.min_replicas.unwrap_or(1), spec.max_replicas));
    parts.join(", ")
}
