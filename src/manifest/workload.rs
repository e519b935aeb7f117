//! What a Deployment, StatefulSet or ReplicaSet says that a simulation can use.
//!
//! Source of the fields and of their defaults: `staging/src/k8s.io/api/{apps/v1,core/v1}/types.go` and
//! `pkg/apis/core/v1/defaults.go` of Kubernetes v1.36.2: a limit without a request is the request; 0 in a probe is its
//! default.

use crate::cluster::WorkloadKind;
use crate::diagnostics::Problem;
use crate::manifest::k8s::{Metadata, Reader};
use crate::manifest::yaml::{Node, Value};
use crate::units::Quantity;
use std::ops::Range;

/// No node has more cores.
pub(super) const MOST_CORES: i64 = 1_000_000;
/// No node has more memory: 1 EiB.
pub(super) const MOST_BYTES: i64 = 1 << 60;
/// A day in seconds bounds probes, an hour would refuse slow models.
pub(super) const MOST_SECONDS: u32 = 86_400;
/// As many as a pool can have.
const MOST_REPLICAS: u32 = 1_000_000;

/// A Deployment, StatefulSet or ReplicaSet.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Which of them.
    pub kind: WorkloadKind,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, empty if it is not given.
    pub namespace: String,
    /// Where its name stands.
    pub at: Range<usize>,
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// `spec.selector` as `status.selector` has it; empty if it is not given.
    pub selector: String,
    /// Labels of its pods.
    pub labels: Vec<(String, String)>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Init containers that go on running.
    pub sidecars: Vec<Container>,
    /// `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<u32>,
    /// `minReadySeconds`.
    pub min_ready_seconds: Option<u32>,
    /// `strategy.rollingUpdate.maxSurge` as it is written.
    pub max_surge: Option<String>,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// CPU request; the limit where only that is given.
    pub cpu_request: Option<Quantity>,
    /// CPU limit.
    pub cpu_limit: Option<Quantity>,
    /// Memory request; the limit where only that is given.
    pub memory_request: Option<Quantity>,
    /// Memory limit.
    pub memory_limit: Option<Quantity>,
    /// `readinessProbe`.
    pub readiness_probe: Option<Probe>,
    /// Sleep of `lifecycle.preStop`.
    pub pre_stop_seconds: Option<u32>,
    /// `imagePullPolicy`.
    pub image_pull_policy: Option<String>,
}

/// A readiness probe; `None` is upstream's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// Seconds.
    pub initial_delay_seconds: Option<u32>,
    /// Seconds.
    pub period_seconds: Option<u32>,
    /// Seconds.
    pub timeout_seconds: Option<u32>,
    /// Successes in a row.
    pub success_threshold: Option<u32>,
    /// Failures in a row.
    pub failure_threshold: Option<u32>,
}

/// Reads one; problems and what is ignored go to the reader.
pub(super) fn read(reader: &mut Reader, node: &Node, kind: WorkloadKind, metadata: Metadata) -> Workload {
    reader.rest(node, "", &["apiVersion", "kind", "metadata", "spec", "status"]);
    let mut workload = Workload {
        kind,
        name: metadata.name,
        namespace: metadata.namespace,
        at: metadata.at,
        replicas: None,
        selector: String::new(),
        labels: Vec::new(),
        containers: Vec::new(),
        sidecars: Vec::new(),
        grace_period_seconds: None,
        min_ready_seconds: None,
        max_surge: None,
    };
    let Some(spec) = reader.table(node, "spec") else {
        if node.get("spec").is_none() {
            let problem =
                Problem::error(workload.at.clone(), format!("a {} without `spec`", kind.as_str()), "`spec` is missing");
            reader.problems.push(problem);
        }
        return workload;
    };
    let keys: &[&str] = match kind {
        WorkloadKind::Deployment => &["replicas", "selector", "template", "minReadySeconds", "strategy"],
        _ => &["replicas", "selector", "template", "minReadySeconds"],
    };
    reader.rest(spec, "spec", keys);
    workload.replicas = reader.whole(spec, "replicas", MOST_REPLICAS);
    workload.min_ready_seconds = reader.whole(spec, "minReadySeconds", i32::MAX.unsigned_abs());
    if kind == WorkloadKind::Deployment {
        workload.max_surge = max_surge(reader, spec);
    }
    if let Some(selector) = reader.table(spec, "selector") {
        workload.selector = selector_text(reader, selector);
    }
    if let Some(template) = reader.table(spec, "template") {
        reader.rest(template, "spec.template", &["metadata", "spec"]);
        if let Some(metadata) = reader.table(template, "metadata") {
            workload.labels = labels(reader, metadata, "labels");
        }
        pod(reader, template, &mut workload);
    }
    unselected(reader, spec, &workload);
    workload
}

fn max_surge(reader: &mut Reader, spec: &Node) -> Option<String> {
    let strategy = reader.table(spec, "strategy")?;
    reader.rest(strategy, "spec.strategy", &["type", "rollingUpdate"]);
    let rolling = reader.table(strategy, "rollingUpdate")?;
    reader.rest(rolling, "spec.strategy.rollingUpdate", &["maxSurge"]);
    match &rolling.get("maxSurge")?.value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        _ => {
            reader.wrong(rolling.get("maxSurge")?, "maxSurge", "a number or a share");
            None
        }
    }
}

fn labels(reader: &mut Reader, node: &Node, key: &str) -> Vec<(String, String)> {
    let Some(table) = reader.table(node, key) else { return Vec::new() };
    let keys = table.entries().iter().map(|entry| entry.key.clone());
    keys.filter_map(|key| Some((key.clone(), reader.text(table, &key)?))).collect()
}

/// As `labels.Selector.String()` writes it.
fn selector_text(reader: &mut Reader, selector: &Node) -> String {
    reader.rest(selector, "spec.selector", &["matchLabels", "matchExpressions"]);
    let mut parts: Vec<String> =
        labels(reader, selector, "matchLabels").into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    for expression in reader.list(selector, "matchExpressions") {
        let Some(key) = reader.text(expression, "key") else { continue };
        let items = reader.list(expression, "values");
        let values: Vec<&str> = items.iter().filter_map(Node::text).collect();
        let values = values.join(",");
        match reader.text(expression, "operator").as_deref() {
            Some("In") => parts.push(format!("{key} in ({values})")),
            Some("NotIn") => parts.push(format!("{key} notin ({values})")),
            Some("Exists") => parts.push(key),
            Some("DoesNotExist") => parts.push(format!("!{key}")),
            _ => reader.wrong(
                expression.get("operator").unwrap_or(expression),
                "operator",
                "In, NotIn, Exists or DoesNotExist",
            ),
        }
    }
    parts.join(",")
}

/// The API server refuses a selector that does not match the pods' own labels.
fn unselected(reader: &mut Reader, spec: &Node, workload: &Workload) {
    let wanted = spec.get("selector").and_then(|selector| selector.get("matchLabels")).map(Node::entries);
    for entry in wanted.unwrap_or_default() {
        let Some(wanted) = entry.node.text() else { continue };
        let has = workload.labels.iter().any(|(key, value)| *key == entry.key && value == wanted);
        if !has && !workload.labels.is_empty() {
            let message = format!("the selector wants {}={wanted}, and the pod template has no such label", entry.key);
            let problem = Problem::error(entry.key_at.clone(), message, "matches none of its own pods");
            reader.problems.push(problem.help("make `selector.matchLabels` a part of `template.metadata.labels`"));
        }
    }
}

fn pod(reader: &mut Reader, template: &Node, workload: &mut Workload) {
    let Some(spec) = reader.table(template, "spec") else { return };
    let path = "spec.template.spec";
    reader.rest(spec, path, &["containers", "initContainers", "terminationGracePeriodSeconds"]);
    workload.grace_period_seconds = reader.whole(spec, "terminationGracePeriodSeconds", MOST_SECONDS);
    for (index, node) in reader.list(spec, "containers").iter().enumerate() {
        workload.containers.extend(container(reader, node, &format!("{path}.containers[{index}]"), &[]));
    }
    for (index, node) in reader.list(spec, "initContainers").iter().enumerate() {
        let path = format!("{path}.initContainers[{index}]");
        if reader.text(node, "restartPolicy").as_deref() == Some("Always") {
            workload.sidecars.extend(container(reader, node, &path, &[]));
        } else {
            reader.ignore(&path, node.at.clone());
        }
    }
}

/// One container; `also` are keys that the caller reads.
pub(super) fn container(reader: &mut Reader, node: &Node, path: &str, also: &[&str]) -> Option<Container> {
    if !matches!(node.value, Value::Table(_)) {
        reader.wrong(node, "containers", "a list of tables");
        return None;
    }
    let keys = ["name", "resources", "readinessProbe", "lifecycle", "imagePullPolicy", "restartPolicy"];
    reader.rest(node, path, &[&keys, also].concat());
    let Some(name) = reader.text(node, "name") else {
        if node.get("name").is_none() {
            let problem = Problem::error(node.at.clone(), "a container without `name`", "`name` is missing");
            reader.problems.push(problem.help("add `name: ...`"));
        }
        return None;
    };
    let mut container = Container {
        name,
        cpu_request: None,
        cpu_limit: None,
        memory_request: None,
        memory_limit: None,
        readiness_probe: None,
        pre_stop_seconds: None,
        image_pull_policy: reader.text(node, "imagePullPolicy"),
    };
    if let Some(resources) = reader.table(node, "resources") {
        reader.rest(resources, &format!("{path}.resources"), &["requests", "limits"]);
        (container.cpu_request, container.cpu_limit) = amounts(reader, resources, "cpu", MOST_CORES);
        (container.memory_request, container.memory_limit) = amounts(reader, resources, "memory", MOST_BYTES);
        for side in ["requests", "limits"] {
            if let Some(table) = reader.table(resources, side) {
                reader.rest(table, &format!("{path}.resources.{side}"), &["cpu", "memory"]);
            }
        }
    }
    if let Some(node) = reader.table(node, "readinessProbe") {
        container.readiness_probe = Some(probe(reader, node, &format!("{path}.readinessProbe")));
    }
    if let Some(lifecycle) = reader.table(node, "lifecycle") {
        reader.rest(lifecycle, &format!("{path}.lifecycle"), &["preStop"]);
        if let Some(entry) = lifecycle.entry("preStop") {
            container.pre_stop_seconds = pre_stop(reader, &entry.node);
            if container.pre_stop_seconds.is_none() {
                reader.ignore(&format!("{path}.lifecycle.preStop, no plain sleep"), entry.key_at.clone());
            }
        }
    }
    Some(container)
}

/// Request and limit of one resource.
fn amounts(reader: &mut Reader, resources: &Node, name: &str, most: i64) -> (Option<Quantity>, Option<Quantity>) {
    let mut read = |side: &str| {
        let node = resources.get(side)?.get(name)?;
        Some((quantity(reader, node, name, most)?, node.at.clone()))
    };
    let (request, limit) = (read("requests"), read("limits"));
    if let (Some((request, at)), Some((limit, limit_at))) = (&request, &limit)
        && request.nanos() > limit.nanos()
    {
        let message = format!("the {name} request of {request} is larger than the limit of {limit}");
        let problem = Problem::error(at.clone(), message, "more than the limit").beside(limit_at.clone(), "the limit");
        reader.problems.push(problem.help("lower the request or raise the limit"));
    }
    let limit = limit.map(|(limit, _)| limit);
    (request.map(|(request, _)| request).or(limit), limit)
}

/// A quantity from 0 to `most`.
pub(super) fn quantity(reader: &mut Reader, node: &Node, name: &str, most: i64) -> Option<Quantity> {
    let (Value::Text(text) | Value::Number(text)) = &node.value else {
        reader.wrong(node, name, "a quantity such as 500m or 2Gi");
        return None;
    };
    match Quantity::parse(text.trim()) {
        Err(error) => {
            let message = format!("`{name}` is `{text}`: {error}");
            reader.problems.push(Problem::error(node.at.clone(), message, "not a quantity"));
            None
        }
        Ok(quantity) if quantity.signum() < 0 || quantity.nanos() > Quantity::from_units(most).nanos() => {
            let message = format!("`{name}` of `{text}` is out of range");
            reader.problems.push(Problem::error(node.at.clone(), message, "no node has that"));
            None
        }
        Ok(quantity) => Some(quantity),
    }
}

fn probe(reader: &mut Reader, node: &Node, path: &str) -> Probe {
    let keys = ["initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"];
    reader.rest(node, path, &keys);
    let [initial_delay_seconds, period_seconds, timeout_seconds, success_threshold, failure_threshold] =
        keys.map(|key| reader.whole(node, key, MOST_SECONDS).filter(|&number| number > 0));
    Probe { initial_delay_seconds, period_seconds, timeout_seconds, success_threshold, failure_threshold }
}

/// Seconds of `sleep: {seconds: 5}`, or of a command that sleeps: `["sleep", "5"]`, `["sh", "-c", "sleep 5"]`.
fn pre_stop(reader: &mut Reader, node: &Node) -> Option<u32> {
    if let Some(sleep) = node.get("sleep") {
        return reader.whole(sleep, "seconds", MOST_SECONDS);
    }
    let command: Vec<&str> = node.get("exec")?.get("command")?.items().iter().filter_map(Node::text).collect();
    let words: Vec<&str> = match command.as_slice() {
        [shell, "-c", script] if shell.ends_with("sh") => script.split_whitespace().collect(),
        other => other.to_vec(),
    };
    let [program, seconds] = words.as_slice() else { return None };
    let seconds = seconds.strip_suffix('s').unwrap_or(seconds);
    let seconds = seconds.parse().ok().filter(|&seconds| seconds <= MOST_SECONDS);
    seconds.filter(|_| program.rsplit('/').next() == Some("sleep"))
}
