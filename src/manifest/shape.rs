//! The fields of a HorizontalPodAutoscaler, and whether a manifest keeps to them.
//!
//! Law: a field that no API server knows is refused at its place. Upstream drops it with a warning, so that a misspelt
//! `maxReplicas` becomes 0; a person who reads the manifest here wants to know.
//!
//! Source of the fields: `staging/src/k8s.io/api/autoscaling/{v1,v2}/types.go` of Kubernetes v1.36.2. v2beta2, served
//! until v1.25, has the fields of v2 except `tolerance`.

use crate::diagnostics::{Problem, closest};
use crate::manifest::yaml::{Node, Value};
use crate::units::Quantity;

/// What may stand somewhere.
#[derive(Clone, Copy)]
enum Shape {
    Any,
    Int32,
    Text,
    Quantity,
    Texts,
    Labels,
    Table(&'static [Field]),
    Tables(&'static [Field]),
}

type Field = (&'static str, Shape);

const REFERENCE: &[Field] = &[("apiVersion", Shape::Text), ("kind", Shape::Text), ("name", Shape::Text)];
const EXPRESSION: &[Field] = &[("key", Shape::Text), ("operator", Shape::Text), ("values", Shape::Texts)];
const SELECTOR: &[Field] = &[("matchLabels", Shape::Labels), ("matchExpressions", Shape::Tables(EXPRESSION))];
const IDENTIFIER: &[Field] = &[("name", Shape::Text), ("selector", Shape::Table(SELECTOR))];
const TARGET: &[Field] = &[
    ("type", Shape::Text),
    ("value", Shape::Quantity),
    ("averageValue", Shape::Quantity),
    ("averageUtilization", Shape::Int32),
];
const RESOURCE: &[Field] = &[("name", Shape::Text), ("target", Shape::Table(TARGET))];
const CONTAINER_RESOURCE: &[Field] =
    &[("name", Shape::Text), ("container", Shape::Text), ("target", Shape::Table(TARGET))];
const NAMED: &[Field] = &[("metric", Shape::Table(IDENTIFIER)), ("target", Shape::Table(TARGET))];
const OBJECT: &[Field] = &[
    ("describedObject", Shape::Table(REFERENCE)),
    ("metric", Shape::Table(IDENTIFIER)),
    ("target", Shape::Table(TARGET)),
];
const METRIC: &[Field] = &[
    ("type", Shape::Text),
    ("resource", Shape::Table(RESOURCE)),
    ("containerResource", Shape::Table(CONTAINER_RESOURCE)),
    ("pods", Shape::Table(NAMED)),
    ("object", Shape::Table(OBJECT)),
    ("external", Shape::Table(NAMED)),
];
const POLICY: &[Field] = &[("type", Shape::Text), ("value", Shape::Int32), ("periodSeconds", Shape::Int32)];
const RULES: &[Field] = &[
    ("stabilizationWindowSeconds", Shape::Int32),
    ("selectPolicy", Shape::Text),
    ("policies", Shape::Tables(POLICY)),
    ("tolerance", Shape::Quantity),
];
const BEHAVIOR: &[Field] = &[("scaleUp", Shape::Table(RULES)), ("scaleDown", Shape::Table(RULES))];
const SPEC_V1: &[Field] = &[
    ("scaleTargetRef", Shape::Table(REFERENCE)),
    ("minReplicas", Shape::Int32),
    ("maxReplicas", Shape::Int32),
    ("targetCPUUtilizationPercentage", Shape::Int32),
];
const SPEC_V2: &[Field] = &[
    ("scaleTargetRef", Shape::Table(REFERENCE)),
    ("minReplicas", Shape::Int32),
    ("maxReplicas", Shape::Int32),
    ("metrics", Shape::Tables(METRIC)),
    ("behavior", Shape::Table(BEHAVIOR)),
];
const OBJECT_V1: &[Field] = &outer(SPEC_V1);
const OBJECT_V2: &[Field] = &outer(SPEC_V2);

const fn outer(spec: &'static [Field]) -> [Field; 5] {
    [
        ("apiVersion", Shape::Text),
        ("kind", Shape::Text),
        ("metadata", Shape::Any),
        ("spec", Shape::Table(spec)),
        ("status", Shape::Any),
    ]
}

/// Reports what is no field of an HPA, and what has another type than its field.
pub(super) fn check(node: &Node, v1: bool, problems: &mut Vec<Problem>) {
    let shape = Shape::Table(if v1 { OBJECT_V1 } else { OBJECT_V2 });
    walk(node, shape, "the object", problems);
}

fn walk(node: &Node, shape: Shape, name: &str, problems: &mut Vec<Problem>) {
    let wanted = |wanted: &str| {
        let message = format!("{name} is {} where {wanted} is wanted", node.kind());
        Problem::error(node.at.clone(), message, format!("not {wanted}"))
    };
    match (shape, &node.value) {
        (Shape::Any, _) | (_, Value::Null) | (Shape::Text, Value::Text(_)) => {}
        (Shape::Int32, Value::Number(text)) if text.parse::<i32>().is_ok() => {}
        (Shape::Int32, Value::Number(text)) => {
            let message = format!("{name} is {text} where a whole number of 32 bits is wanted");
            problems.push(Problem::error(node.at.clone(), message, "not a whole number of 32 bits"));
        }
        (Shape::Int32, Value::Text(text)) if text.trim().parse::<i32>().is_ok() => {
            problems.push(wanted("a whole number").help("leave the quotes out"));
        }
        (Shape::Int32, _) => problems.push(wanted("a whole number")),
        (Shape::Text, Value::Number(_) | Value::Bool(_)) => problems.push(wanted("text").help("put it into quotes")),
        (Shape::Text, _) => problems.push(wanted("text")),
        (Shape::Quantity, Value::Text(text) | Value::Number(text)) => {
            if let Err(error) = Quantity::parse(text.trim()) {
                let message = format!("{name} is `{text}`: {error}");
                problems.push(Problem::error(node.at.clone(), message, "not a quantity"));
            }
        }
        (Shape::Quantity, _) => problems.push(wanted("a quantity such as 500m")),
        (Shape::Texts, Value::List(items)) => {
            items.iter().for_each(|item| walk(item, Shape::Text, &format!("an item of {name}"), problems));
        }
        (Shape::Labels, Value::Table(entries)) => {
            entries.iter().for_each(|entry| walk(&entry.node, Shape::Text, &format!("`{}`", entry.key), problems));
        }
        (Shape::Tables(fields), Value::List(items)) => {
            items.iter().for_each(|item| walk(item, Shape::Table(fields), &format!("an item of {name}"), problems));
        }
        (Shape::Table(fields), Value::Table(_)) => table(node, fields, name, problems),
        (Shape::Texts | Shape::Tables(_), _) => problems.push(wanted("a list")),
        (Shape::Labels | Shape::Table(_), _) => problems.push(wanted("a table")),
    }
}

fn table(node: &Node, fields: &[Field], name: &str, problems: &mut Vec<Problem>) {
    for entry in node.entries() {
        match fields.iter().find(|(field, _)| *field == entry.key) {
            Some(&(field, shape)) => walk(&entry.node, shape, &format!("`{field}`"), problems),
            None => problems.push(unknown(&entry.key, fields, name, entry.key_at.clone())),
        }
    }
}

fn unknown(key: &str, fields: &[Field], name: &str, at: std::ops::Range<usize>) -> Problem {
    let help = match closest(key, fields.iter().map(|(field, _)| *field)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if ["metrics", "behavior"].contains(&key) => {
            "write `apiVersion: autoscaling/v2` for this field".to_owned()
        }
        None if key == "targetCPUUtilizationPercentage" => {
            "that is a field of autoscaling/v1; in v2 it is a metric of type Resource".to_owned()
        }
        None => format!("it has {}", fields.iter().map(|(field, _)| *field).collect::<Vec<_>>().join(", ")),
    };
    Problem::error(at, format!("`{key}` is no field of {name}"), "unknown field").help(help)
}
