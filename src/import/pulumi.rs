//! An HPA as a Python program for Pulumi.
//!
//! Source of the class and argument names: `pulumi_kubernetes.autoscaling.v2` and `pulumi_kubernetes.meta.v1`, which are
//! generated from upstream's API: the types with `Args` behind them, their fields in snake_case.

use crate::manifest::hpa_out::{Tree, hpa_tree, quoted};
use crate::scalers::hpa::HpaSpec;

/// The program that creates this one HorizontalPodAutoscaler.
pub fn hpa_to_pulumi(name: &str, spec: &HpaSpec) -> String {
    hpas_to_pulumi(&[(name, spec)])
}

/// The program that creates these HorizontalPodAutoscalers.
pub fn hpas_to_pulumi(hpas: &[(&str, &HpaSpec)]) -> String {
    let mut body = String::new();
    for (name, spec) in hpas {
        let spec = value(&hpa_tree(spec), 1);
        let metadata = format!("meta.ObjectMetaArgs(name={})", quoted(name));
        body.push_str(&format!(
            "\nautoscaling.HorizontalPodAutoscaler(\n    {},\n    metadata={metadata},\n    spec={spec},\n)\n",
            quoted(name)
        ));
    }
    format!("import pulumi_kubernetes.autoscaling.v2 as autoscaling\nimport pulumi_kubernetes.meta.v1 as meta\n{body}")
}

/// A value as an expression whose lines after the first are indented by this many steps.
fn value(tree: &Tree, depth: usize) -> String {
    match tree {
        Tree::Text(text) => quoted(text),
        Tree::Number(number) => number.to_string(),
        Tree::List(items) => block("[", items.iter().map(|item| value(item, depth + 1)), "]", depth),
        Tree::Labels(labels) => {
            let labels = labels.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)));
            block("{", labels, "}", depth)
        }
        Tree::Object(class, fields) => {
            let room = if class.starts_with("LabelSelector") { "meta" } else { "autoscaling" };
            let fields = fields.iter().map(|(name, field)| format!("{}={}", snake(name), value(field, depth + 1)));
            block(&format!("{room}.{class}Args("), fields, ")", depth)
        }
    }
}

fn block(open: &str, items: impl Iterator<Item = String>, close: &str, depth: usize) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let indent = "    ".repeat(depth + 1);
    let lines: String = items.iter().map(|item| format!("{indent}{item},\n")).collect();
    format!("{open}\n{lines}{}{close}", "    ".repeat(depth))
}

/// `averageUtilization` as `average_utilization`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::hpa_of_yaml;

    #[test]
    fn the_fields_are_those_of_the_manifest() {
        let spec = hpa_of_yaml(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  \
             scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 9\n  metrics:\n  \
             - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}\n",
        )
        .expect("it is valid");
        let wanted = r#"import pulumi_kubernetes.autoscaling.v2 as autoscaling
import pulumi_kubernetes.meta.v1 as meta

autoscaling.HorizontalPodAutoscaler(
    "web",
    metadata=meta.ObjectMetaArgs(name="web"),
    spec=autoscaling.HorizontalPodAutoscalerSpecArgs(
        scale_target_ref=autoscaling.CrossVersionObjectReferenceArgs(
            api_version="apps/v1",
            kind="Deployment",
            name="web",
        ),
        max_replicas=9,
        metrics=[
            autoscaling.MetricSpecArgs(
                type="Resource",
                resource=autoscaling.ResourceMetricSourceArgs(
                    name="cpu",
                    target=autoscaling.MetricTargetArgs(
                        type="Utilization",
                        average_utilization=70,
                    ),
                ),
            ),
        ],
    ),
)
"#;
        assert_eq!(hpa_to_pulumi("web", &spec), wanted);
    }
}
