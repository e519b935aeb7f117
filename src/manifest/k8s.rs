//! Kubernetes objects out of manifests: HorizontalPodAutoscalers and the workloads that they scale.
//!
//! Law: nothing that is read is guessed. An HPA must keep to its fields; of a workload the parts that a simulation can use
//! are read, and every other part is named, with its place, in [`Objects::ignored`].
//!
//! Source of the fields: `staging/src/k8s.io/api/{apps,autoscaling,core}` of Kubernetes v1.36.2.

use crate::cluster::WorkloadKind;
use crate::diagnostics::{Problem, closest};
use crate::manifest::hpa_json::hpa_spec;
use crate::manifest::shape;
use crate::manifest::workload::{self, Workload};
use crate::manifest::yaml::{self, Node, Value};
use crate::scalers::hpa::HpaSpec;
use serde_json::json;
use std::ops::Range;

/// The kinds that are read.
const KINDS: [&str; 4] = ["HorizontalPodAutoscaler", "Deployment", "StatefulSet", "ReplicaSet"];

/// What stands in a text.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// HorizontalPodAutoscalers, in the order of the text.
    pub hpas: Vec<Autoscaler>,
    /// Deployments, StatefulSets and ReplicaSets, in the order of the text.
    pub workloads: Vec<Workload>,
    /// What was not read.
    pub ignored: Vec<Ignored>,
}

/// A part of a manifest that has no meaning here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// `Deployment/chat: spec.template.spec.affinity`.
    pub what: String,
    /// Where.
    pub at: Range<usize>,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, empty if it is not given.
    pub namespace: String,
    /// Its spec, neither defaulted nor validated.
    pub spec: HpaSpec,
    /// Where its name stands.
    pub at: Range<usize>,
    /// The object as it was read.
    pub node: Node,
}

impl Autoscaler {
    /// Where a path such as `spec.metrics[0].resource` stands, or the innermost part of it that is there.
    pub fn place(&self, path: &str) -> Range<usize> {
        let mut at = self.at.clone();
        let mut node = &self.node;
        for part in path.split(['.', '[']) {
            let next = match part.strip_suffix(']').map(str::parse::<usize>) {
                Some(index) => index.ok().and_then(|index| node.items().get(index)),
                None => node.get(part),
            };
            let Some(next) = next else { break };
            node = next;
            at = next.at.clone();
        }
        at
    }
}

/// All objects of a text.
///
/// # Errors
/// Every problem, each at its place.
pub fn objects(text: &str) -> Result<Objects, Vec<Problem>> {
    let documents = yaml::documents(text).map_err(|problem| vec![*problem])?;
    let mut reader = Reader::default();
    for document in &documents {
        reader.object(document, None);
    }
    if reader.problems.is_empty() { Ok(reader.objects) } else { Err(reader.problems) }
}

/// The one HorizontalPodAutoscaler in a text.
///
/// # Errors
/// The first problem, as `line:column: what`.
pub fn hpa_of_yaml(text: &str) -> Result<HpaSpec, String> {
    let words = |problem: &Problem| {
        let help = problem.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
        match &problem.at {
            Some(at) => format!("{}: {}{help}", position(text, at.start), problem.message),
            None => format!("{}{help}", problem.message),
        }
    };
    let mut objects = objects(text).map_err(|mut problems| {
        problems.sort_by_key(|problem| problem.at.as_ref().map_or(0, |at| at.start));
        problems.first().map_or_else(String::new, words)
    })?;
    match objects.hpas.as_slice() {
        [] => Err("no HorizontalPodAutoscaler in it".to_owned()),
        [_] => Ok(objects.hpas.remove(0).spec),
        [_, second, ..] => {
            Err(format!("{}: a second HorizontalPodAutoscaler; keep one", position(text, second.at.start)))
        }
    }
}

/// `line:column`, both from 1.
fn position(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    format!("{}:{}", before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

/// Collects objects and problems.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) objects: Objects,
    pub(super) problems: Vec<Problem>,
    /// `Deployment/chat`, for what is ignored.
    pub(super) called: String,
}

/// `metadata`.
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) at: Range<usize>,
}

impl Reader {
    /// One object, or the objects of a list; `within` is what the list says of its items.
    fn object(&mut self, node: &Node, within: Option<(&str, &str)>) {
        if !matches!(node.value, Value::Table(_)) {
            let message = format!("{} where a Kubernetes object is wanted", node.kind());
            self.problems.push(Problem::error(node.at.clone(), message, "not an object"));
            return;
        }
        let (version, kind) = (self.head(node, "apiVersion", within), self.head(node, "kind", within));
        let (Some(version), Some(kind)) = (version, kind) else { return };
        if let Some(of) = kind.strip_suffix("List")
            && node.entries().iter().any(|entry| entry.key == "items")
        {
            let within = (!of.is_empty()).then_some((version.as_str(), of));
            for item in self.list(node, "items") {
                self.object(item, within);
            }
            return;
        }
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match (group, kind.as_str()) {
            ("autoscaling", "HorizontalPodAutoscaler") => self.hpa(node, &version),
            ("apps", "Deployment") => self.workload(node, WorkloadKind::Deployment),
            ("apps", "StatefulSet") => self.workload(node, WorkloadKind::StatefulSet),
            ("apps", "ReplicaSet") => self.workload(node, WorkloadKind::ReplicaSet),
            _ => self.other(node, &version, &kind, &KINDS),
        }
    }

    pub(super) fn other(&mut self, node: &Node, version: &str, kind: &str, kinds: &[&str]) {
        let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text).unwrap_or("?");
        let hint = match closest(kind, kinds.iter().copied()) {
            Some(meant) if meant == kind => format!(" of {version}"),
            Some(meant) => format!(", did you mean {meant}?"),
            None => String::new(),
        };
        let at = node.get("kind").map_or_else(|| node.at.clone(), |kind| kind.at.clone());
        self.objects.ignored.push(Ignored { what: format!("{kind}/{name}{hint}"), at });
    }

    /// `apiVersion` or `kind`.
    pub(super) fn head(&mut self, node: &Node, key: &str, within: Option<(&str, &str)>) -> Option<String> {
        if node.get(key).is_some() {
            return self.text(node, key);
        }
        if let Some((version, kind)) = within {
            return Some(if key == "kind" { kind } else { version }.to_owned());
        }
        let example = if key == "kind" { "Deployment" } else { "apps/v1" };
        let beside = if key == "kind" { "apiVersion" } else { "kind" };
        let keys = node.entries().iter().map(|entry| entry.key.as_str()).filter(|other| *other != beside);
        let help = match closest(key, keys) {
            Some(written) => format!("`{written}` stands there: did you mean `{key}`?"),
            None => format!("add `{key}: {example}`"),
        };
        let problem =
            Problem::error(node.at.clone(), format!("an object without `{key}`"), format!("`{key}` is missing"));
        self.problems.push(problem.help(help));
        None
    }

    fn workload(&mut self, node: &Node, kind: WorkloadKind) {
        let Some(metadata) = self.metadata(node) else { return };
        self.called = format!("{}/{}", kind.as_str(), metadata.name);
        let workload = workload::read(self, node, kind, metadata);
        self.objects.workloads.push(workload);
    }

    pub(super) fn metadata(&mut self, node: &Node) -> Option<Metadata> {
        let Some(metadata) = self.table(node, "metadata") else {
            if node.get("metadata").is_none() {
                let problem = Problem::error(node.at.clone(), "an object without `metadata`", "`metadata` is missing");
                self.problems.push(problem.help("add `metadata:` with a `name`"));
            }
            return None;
        };
        let named = ["name", "generateName"].into_iter().find(|key| metadata.get(key).is_some());
        let Some(key) = named else {
            let at = node.entry("metadata").map_or_else(|| node.at.clone(), |entry| entry.key_at.clone());
            let problem = Problem::error(at, "`metadata` without `name`", "`name` is missing");
            self.problems.push(problem.help("add `name: ...`"));
            return None;
        };
        let name = self.text(metadata, key)?;
        let namespace = self.text(metadata, "namespace").unwrap_or_default();
        let at = metadata.get(key).map_or_else(|| node.at.clone(), |name| name.at.clone());
        Some(Metadata { name: name.trim_end_matches('-').to_owned(), namespace, at })
    }

    pub(super) fn hpa(&mut self, node: &Node, version: &str) {
        let at = node.get("apiVersion").map_or_else(|| node.at.clone(), |version| version.at.clone());
        let v1 = match version {
            "autoscaling/v1" => true,
            "autoscaling/v2" | "autoscaling/v2beta2" => false,
            "autoscaling/v2beta1" => {
                let problem = Problem::error(at, "autoscaling/v2beta1 has other metrics than v2", "gone since 1.25");
                self.problems.push(problem.help("convert it with `kubectl convert --output-version autoscaling/v2`"));
                return;
            }
            _ => {
                let message = format!("`{version}` is no version of HorizontalPodAutoscaler");
                let problem = Problem::error(at, message, "unknown version");
                self.problems.push(problem.help("write `autoscaling/v2`"));
                return;
            }
        };
        let before = self.problems.len();
        shape::check(node, v1, &mut self.problems);
        let metadata = self.metadata(node);
        self.required(node);
        let Some(metadata) = metadata else { return };
        self.called = format!("HorizontalPodAutoscaler/{}", metadata.name);
        let alpha = ["metrics", "behavior"].map(|what| format!("autoscaling.alpha.kubernetes.io/{what}"));
        let annotations = node.get("metadata").and_then(|metadata| metadata.get("annotations")).map(Node::entries);
        for entry in annotations.unwrap_or_default().iter().filter(|entry| v1 && alpha.contains(&entry.key)) {
            self.ignore(&format!("metadata.annotations[{}], take autoscaling/v2", entry.key), entry.key_at.clone());
        }
        if self.problems.len() > before {
            return;
        }
        match spec(node, v1) {
            Ok(spec) => {
                let Metadata { name, namespace, at } = metadata;
                self.objects.hpas.push(Autoscaler { name, namespace, spec, at, node: node.clone() });
            }
            Err(message) => self.problems.push(Problem::error(metadata.at, message, "this HPA")),
        }
    }

    /// What an HPA must say: upstream takes an absent `maxReplicas` for 0, and then complains of the 0.
    fn required(&mut self, node: &Node) {
        let spec = node.get("spec");
        let at = node.entry("spec").map_or_else(|| node.at.clone(), |entry| entry.key_at.clone());
        if spec.is_some_and(|spec| !matches!(spec.value, Value::Table(_))) {
            return; // said before
        }
        for (key, example) in
            [("scaleTargetRef", "{apiVersion: apps/v1, kind: Deployment, name: ...}"), ("maxReplicas", "10")]
        {
            let there = |spec: &Node| {
                spec.get(key).is_some() || closest(key, spec.entries().iter().map(|entry| entry.key.as_str())).is_some()
            };
            if !spec.is_some_and(there) {
                let problem =
                    Problem::error(at.clone(), format!("an HPA without `{key}`"), format!("`{key}` is missing"));
                self.problems.push(problem.help(format!("add `{key}: {example}`")));
            }
        }
    }

    /// Notes a part that is not read.
    pub(super) fn ignore(&mut self, path: &str, at: Range<usize>) {
        self.objects.ignored.push(Ignored { what: format!("{}: {path}", self.called), at });
    }

    /// Notes every key of a table that is not among those that are read.
    pub(super) fn rest(&mut self, node: &Node, path: &str, read: &[&str]) {
        for entry in node.entries().iter().filter(|entry| !read.contains(&entry.key.as_str())) {
            let separator = if path.is_empty() { "" } else { "." };
            let hint = closest(&entry.key, read.iter().copied().filter(|read| node.get(read).is_none()));
            let hint = hint.map_or(String::new(), |meant| format!(", did you mean {meant}?"));
            self.ignore(&format!("{path}{separator}{}{hint}", entry.key), entry.key_at.clone());
        }
    }

    pub(super) fn wrong(&mut self, node: &Node, key: &str, wanted: &str) {
        let found = match &node.value {
            Value::Number(text) | Value::Text(text) if text.chars().count() <= 40 => format!("`{text}`"),
            _ => node.kind().to_owned(),
        };
        let message = format!("`{key}` is {found} where {wanted} is wanted");
        self.problems.push(Problem::error(node.at.clone(), message, format!("not {wanted}")));
    }

    pub(super) fn table<'a>(&mut self, node: &'a Node, key: &str) -> Option<&'a Node> {
        let inner = node.get(key)?;
        if !matches!(inner.value, Value::Table(_)) {
            self.wrong(inner, key, "a table");
            return None;
        }
        Some(inner)
    }

    pub(super) fn list<'a>(&mut self, node: &'a Node, key: &str) -> &'a [Node] {
        let Some(inner) = node.get(key) else { return &[] };
        if !matches!(inner.value, Value::List(_)) {
            self.wrong(inner, key, "a list");
        }
        inner.items()
    }

    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let inner = node.get(key)?;
        if inner.text().is_none() {
            self.wrong(inner, key, "text");
        }
        inner.text().map(str::to_owned)
    }

    /// A whole number from 0 to `most`.
    pub(super) fn whole(&mut self, node: &Node, key: &str, most: u32) -> Option<u32> {
        let inner = node.get(key)?;
        let number = if let Value::Number(text) = &inner.value { text.parse().ok() } else { None };
        let number = number.filter(|number| *number <= most);
        if number.is_none() {
            self.wrong(inner, key, &format!("a whole number from 0 to {most}"));
        }
        number
    }
}

fn spec(node: &Node, v1: bool) -> Result<HpaSpec, String> {
    let mut spec = node.get("spec").map_or_else(|| json!({}), yaml::to_json);
    if v1 && let Some(percent) = spec.get("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null()) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
    }
    hpa_spec(&spec).map_err(|error| format!("spec.{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  \
                      scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 9\n";

    #[test]
    fn version_1_is_version_2_with_one_metric() {
        let plain = hpa_of_yaml(V1).expect("it is valid");
        assert_eq!((plain.max_replicas, plain.metrics.len()), (9, 0));
        let spec = hpa_of_yaml(&format!("{V1}  targetCPUUtilizationPercentage: 60\n")).expect("it is valid");
        let resource = spec.metrics[0].resource.as_ref().expect("a Resource metric");
        assert_eq!((resource.name.as_str(), resource.target.average_utilization), ("cpu", Some(60)));
    }

    #[test]
    fn messages_have_line_and_column() {
        let table = [
            (
                V1.replace("maxReplicas", "maxReplicaz"),
                "6:3: `maxReplicaz` is no field of `spec`; did you mean `maxReplicas`?",
            ),
            (
                V1.replace("9", "\"9\""),
                "6:16: `maxReplicas` is text where a whole number is wanted; leave the quotes out",
            ),
            (V1.replace("9", "9.5"), "6:16: `maxReplicas` is 9.5 where a whole number of 32 bits is wanted"),
            (V1.replace("  maxReplicas: 9\n", ""), "4:1: an HPA without `maxReplicas`; add `maxReplicas: 10`"),
            (
                V1.replace("apiVersion: autoscaling/v1\n", ""),
                "1:1: an object without `apiVersion`; add `apiVersion: apps/v1`",
            ),
            (V1.replace("v1\nkind", "v2beta1\nkind"), "1:13: autoscaling/v2beta1 has other metrics than v2"),
            (format!("{V1}---\n{V1}"), "10:18: a second HorizontalPodAutoscaler; keep one"),
            (String::new(), "no HorizontalPodAutoscaler in it"),
        ];
        for (text, wanted) in table {
            let message = hpa_of_yaml(&text).expect_err(wanted);
            assert!(message.starts_with(wanted), "{message}\n{wanted}");
        }
    }
}
