//! An HpaSpec back into text that upstream's tools take.
//!
//! Law: what is absent in the spec is absent in the text, and what is there but empty is there: reading the YAML back gives
//! the same spec.

use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::{
    Behavior, CrossVersionObjectReference, LabelSelector, MetricIdentifier, MetricSpec, MetricTarget, ScalingRules,
};
use crate::units::Quantity;

/// A value of an object, with upstream's field names.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// A list.
    List(Vec<Tree>),
    /// A table of labels.
    Labels(Vec<(String, String)>),
    /// An object of this type of upstream's API.
    Object(&'static str, Vec<(&'static str, Tree)>),
}

type Fields = Vec<(&'static str, Tree)>;

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}

/// The spec as a tree, typed as in autoscaling/v2.
pub fn hpa_tree(spec: &HpaSpec) -> Tree {
    let mut fields = vec![("scaleTargetRef", reference(&spec.scale_target_ref))];
    fields.extend(spec.min_replicas.map(|min| ("minReplicas", Tree::Number(min.into()))));
    fields.push(("maxReplicas", Tree::Number(spec.max_replicas.into())));
    if !spec.metrics.is_empty() {
        fields.push(("metrics", Tree::List(spec.metrics.iter().map(metric).collect())));
    }
    fields.extend(spec.behavior.as_ref().map(|behavior| ("behavior", behavior_tree(behavior))));
    Tree::Object("HorizontalPodAutoscalerSpec", fields)
}

fn reference(reference: &CrossVersionObjectReference) -> Tree {
    let mut fields = Fields::new();
    if !reference.api_version.is_empty() {
        fields.push(("apiVersion", text(&reference.api_version)));
    }
    fields.extend([("kind", text(&reference.kind)), ("name", text(&reference.name))]);
    Tree::Object("CrossVersionObjectReference", fields)
}

fn metric(metric: &MetricSpec) -> Tree {
    let mut fields = vec![("type", text(&metric.kind))];
    if let Some(source) = &metric.resource {
        let inner = vec![("name", text(&source.name)), ("target", target(&source.target))];
        fields.push(("resource", Tree::Object("ResourceMetricSource", inner)));
    }
    if let Some(source) = &metric.container_resource {
        let (name, container) = (text(&source.name), text(&source.container));
        let inner = vec![("name", name), ("container", container), ("target", target(&source.target))];
        fields.push(("containerResource", Tree::Object("ContainerResourceMetricSource", inner)));
    }
    if let Some(source) = &metric.pods {
        let inner = vec![("metric", identifier(&source.metric)), ("target", target(&source.target))];
        fields.push(("pods", Tree::Object("PodsMetricSource", inner)));
    }
    if let Some(source) = &metric.object {
        let described = reference(&source.described_object);
        let (metric, target) = (identifier(&source.metric), target(&source.target));
        let inner = vec![("describedObject", described), ("metric", metric), ("target", target)];
        fields.push(("object", Tree::Object("ObjectMetricSource", inner)));
    }
    if let Some(source) = &metric.external {
        let inner = vec![("metric", identifier(&source.metric)), ("target", target(&source.target))];
        fields.push(("external", Tree::Object("ExternalMetricSource", inner)));
    }
    Tree::Object("MetricSpec", fields)
}

fn identifier(metric: &MetricIdentifier) -> Tree {
    let mut fields = vec![("name", text(&metric.name))];
    fields.extend(metric.selector.as_ref().map(|labels| ("selector", selector(labels))));
    Tree::Object("MetricIdentifier", fields)
}

fn selector(selector: &LabelSelector) -> Tree {
    let mut fields = Fields::new();
    if !selector.match_labels.is_empty() {
        let labels = selector.match_labels.iter().map(|(key, value)| (key.clone(), value.clone()));
        fields.push(("matchLabels", Tree::Labels(labels.collect())));
    }
    let expressions = selector.match_expressions.iter().map(|expression| {
        let mut fields = vec![("key", text(&expression.key)), ("operator", text(&expression.operator))];
        if !expression.values.is_empty() {
            fields.push(("values", Tree::List(expression.values.iter().map(|value| text(value)).collect())));
        }
        Tree::Object("LabelSelectorRequirement", fields)
    });
    let expressions: Vec<Tree> = expressions.collect();
    if !expressions.is_empty() {
        fields.push(("matchExpressions", Tree::List(expressions)));
    }
    Tree::Object("LabelSelector", fields)
}

fn target(target: &MetricTarget) -> Tree {
    let quantity = |quantity: &Quantity| Tree::Text(quantity.to_string());
    let mut fields = vec![("type", text(&target.kind))];
    fields.extend(target.average_utilization.map(|percent| ("averageUtilization", Tree::Number(percent.into()))));
    fields.extend(target.average_value.as_ref().map(|value| ("averageValue", quantity(value))));
    fields.extend(target.value.as_ref().map(|value| ("value", quantity(value))));
    Tree::Object("MetricTarget", fields)
}

fn behavior_tree(behavior: &Behavior) -> Tree {
    let mut fields = Fields::new();
    fields.extend(behavior.scale_up.as_ref().map(|up| ("scaleUp", rules(up))));
    fields.extend(behavior.scale_down.as_ref().map(|down| ("scaleDown", rules(down))));
    Tree::Object("HorizontalPodAutoscalerBehavior", fields)
}

fn rules(rules: &ScalingRules) -> Tree {
    let mut fields = Fields::new();
    let window = rules.stabilization_window_seconds;
    fields.extend(window.map(|window| ("stabilizationWindowSeconds", Tree::Number(window.into()))));
    fields.extend(rules.select_policy.as_ref().map(|policy| ("selectPolicy", text(policy))));
    if let Some(policies) = &rules.policies {
        let policies = policies.iter().map(|policy| {
            let (kind, value) = (text(&policy.kind), Tree::Number(policy.value.into()));
            let period = Tree::Number(policy.period_seconds.into());
            Tree::Object("HPAScalingPolicy", vec![("type", kind), ("value", value), ("periodSeconds", period)])
        });
        fields.push(("policies", Tree::List(policies.collect())));
    }
    fields.extend(rules.tolerance.as_ref().map(|tolerance| ("tolerance", Tree::Text(tolerance.to_string()))));
    Tree::Object("HPAScalingRules", fields)
}

/// An autoscaling/v2 HorizontalPodAutoscaler in YAML, as `kubectl apply` takes it.
pub fn hpa_to_yaml(name: &str, spec: &HpaSpec) -> String {
    let mut out = String::from("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n");
    out.push_str(&format!("  name: {}\nspec:\n", scalar(name)));
    write(&mut out, &hpa_tree(spec), 1);
    out
}

/// Appends the lines of a list or table; what stands before them ends with a line break.
fn write(out: &mut String, tree: &Tree, depth: usize) {
    match tree {
        Tree::List(items) => {
            for item in items {
                let mut lines = String::new();
                match item {
                    Tree::Object(_, fields) if !fields.is_empty() => write(&mut lines, item, depth + 1),
                    other => lines = inline(other) + "\n",
                }
                out.push_str(&format!("{}- {}", indent(depth), lines.trim_start_matches(' ')));
            }
        }
        Tree::Object(_, fields) => fields.iter().for_each(|(key, value)| entry(out, key, value, depth)),
        Tree::Labels(labels) => {
            for (key, value) in labels {
                out.push_str(&format!("{}{}: {}\n", indent(depth), scalar(key), scalar(value)));
            }
        }
        other => out.push_str(&inline(other)),
    }
}

fn entry(out: &mut String, key: &str, value: &Tree, depth: usize) {
    let within = match value {
        Tree::Object(_, fields) if !fields.is_empty() => depth + 1,
        Tree::Labels(labels) if !labels.is_empty() => depth + 1,
        Tree::List(items) if !items.is_empty() => depth + 1,
        other => return out.push_str(&format!("{}{key}: {}\n", indent(depth), inline(other))),
    };
    out.push_str(&format!("{}{key}:\n", indent(depth)));
    write(out, value, within);
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

/// A value that fits one line.
fn inline(tree: &Tree) -> String {
    match tree {
        Tree::Text(text) => scalar(text),
        Tree::Number(number) => number.to_string(),
        Tree::List(_) => "[]".to_owned(),
        Tree::Labels(_) | Tree::Object(..) => "{}".to_owned(),
    }
}

/// Text as a YAML scalar: plain where nobody can take it for anything else, else in quotes.
fn scalar(text: &str) -> String {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c))
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { quoted(text) }
}

/// Text in double quotes, with the escapes that JSON, YAML and Python share.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
