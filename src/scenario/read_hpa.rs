//! Reads `scaler.hpa` of a pool, a model or a server: autoscaling/v2 in snake_case, with the units of a scenario.

use super::reader::{Section, quoted};
use super::tree::{Node, Value};
use crate::cluster::WorkloadKind;
use crate::diagnostics::Problem;
use crate::diagnostics::units;
use crate::scalers::HpaScalerSpec;
use crate::scalers::hpa::spec::{
    Behavior, ContainerResourceMetric, CrossVersionObjectReference, ExternalMetric, HpaSpec, LabelSelector,
    LabelSelectorRequirement, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetric, PodsMetric, ResourceMetric,
    ScalingPolicy, ScalingRules,
};
use crate::units::Quantity;
use crate::units::Span;
use std::path::Path;

/// API group and version of Seldon Core 2's resources.
pub(super) const SELDON_API: &str = "mlops.seldon.io/v1alpha1";

/// Whose HPA it is.
pub(super) struct Owner<'a> {
    word: &'static str,
    api_version: &'static str,
    kind: &'static str,
    name: &'a str,
}

impl<'a> Owner<'a> {
    /// A workload of Kubernetes itself.
    pub(super) const fn of_pool(kind: WorkloadKind, name: &'a str) -> Self {
        Self { word: "pool", api_version: "apps/v1", kind: kind.as_str(), name }
    }

    pub(super) const fn of_server(name: &'a str) -> Self {
        Self { word: "server", api_version: SELDON_API, kind: "Server", name }
    }

    pub(super) const fn of_model(name: &'a str) -> Self {
        Self { word: "model", api_version: SELDON_API, kind: "Model", name }
    }
}

/// Reads an HPA that scales its owner unless it says otherwise.
pub(super) fn hpa(section: &Section<'_>, owner: &Owner<'_>, folder: &Path) -> Option<HpaScalerSpec> {
    let phase = section.phase("phase");
    let other_hpa_selectors = section.texts("other_hpa_selectors");
    let ways: Vec<&str> = ["cpu", "memory", "metrics", "manifest"].into_iter().filter(|way| section.has(way)).collect();
    if let [first, second, ..] = ways.as_slice() {
        section.reader.report(
            Problem::error(section.place(second), format!("`{first}` and `{second}` at once"), "the second")
                .beside(section.place(first), "the first")
                .help("keep exactly one of `cpu`, `memory`, `metrics` and `manifest`"),
        );
    }
    let spec =
        if section.has("manifest") { super::files::hpa_manifest(section, folder) } else { written(section, owner) };
    let spec = spec?;
    Some(HpaScalerSpec { spec, phase: phase?, other_hpa_selectors: other_hpa_selectors? })
}

fn written(section: &Section<'_>, owner: &Owner<'_>) -> Option<HpaSpec> {
    let min = section.count("min_replicas");
    let max = section.count("max_replicas");
    if let (Some(min), Some(max)) = (min, max)
        && min > max
        && section.has("max_replicas")
    {
        let (at, message) = if section.has("min_replicas") {
            (
                section.place("min_replicas"),
                format!(
                    "at least {min} replicas, but `max_replicas` on line {} allows {max}",
                    section.reader.line_of(section.place("max_replicas").start)
                ),
            )
        } else {
            (section.place("max_replicas"), format!("`min_replicas` is {min} where it is not given"))
        };
        section.reader.report(
            Problem::error(at, "`min_replicas` is larger than `max_replicas`", message)
                .help(format!("raise `max_replicas` or lower `min_replicas` of {} \"{}\"", owner.word, owner.name)),
        );
    }
    let scale_target_ref = match section.table_if("scale_target_ref") {
        Some(reference) => in_group(object_ref(&reference)?),
        None => CrossVersionObjectReference {
            api_version: owner.api_version.to_owned(),
            kind: owner.kind.to_owned(),
            name: owner.name.to_owned(),
        },
    };
    let metrics = metrics(section);
    let behavior = section.table_if("behavior").map(|behavior| Behavior {
        scale_up: rules(&behavior, "scale_up"),
        scale_down: rules(&behavior, "scale_down"),
    });
    Some(HpaSpec {
        scale_target_ref,
        min_replicas: section.has("min_replicas").then(|| min.and_then(|min| i32::try_from(min).ok())).flatten(),
        max_replicas: i32::try_from(max?).ok()?,
        metrics: metrics?,
        behavior,
    })
}

/// The API group of the kinds that are simulated, where nobody says otherwise.
fn in_group(reference: CrossVersionObjectReference) -> CrossVersionObjectReference {
    let group = match reference.kind.as_str() {
        "Deployment" | "StatefulSet" | "ReplicaSet" => "apps/v1",
        "Model" | "Server" => SELDON_API,
        _ => return reference,
    };
    if reference.api_version.is_empty() {
        return CrossVersionObjectReference { api_version: group.to_owned(), ..reference };
    }
    reference
}

fn metrics(section: &Section<'_>) -> Option<Vec<MetricSpec>> {
    for resource in ["cpu", "memory"] {
        if section.has(resource) {
            let target = section.read(resource, |node| shorthand(node, resource))?;
            return Some(vec![MetricSpec {
                kind: "Resource".to_owned(),
                resource: Some(ResourceMetric { name: resource.to_owned(), target }),
                ..MetricSpec::default()
            }]);
        }
    }
    let sections = section.tables("metrics");
    let metrics: Vec<MetricSpec> = sections.iter().filter_map(metric).collect();
    (metrics.len() == sections.len()).then_some(metrics)
}

fn shorthand(node: &Node, resource: &str) -> Result<MetricTarget, String> {
    let Value::Text(text) = &node.value else {
        return Err(format!("{} where a share such as \"70%\" or an amount is wanted", node.kind()));
    };
    if text.trim_end().ends_with('%') {
        return Ok(MetricTarget {
            kind: "Utilization".to_owned(),
            average_utilization: Some(percent(units::share(text)?)?),
            ..MetricTarget::default()
        });
    }
    let quantity = if resource == "cpu" {
        Quantity::from_millis(i64::try_from(units::cpu_millis(text)?).map_err(|_| "too much".to_owned())?)
    } else {
        Quantity::from_units(i64::try_from(units::bytes(text)?).map_err(|_| "too much".to_owned())?)
    };
    Ok(MetricTarget { kind: "AverageValue".to_owned(), average_value: Some(quantity), ..MetricTarget::default() })
}

/// Whole per cent, as Kubernetes has it.
fn percent(share: f64) -> Result<i32, String> {
    let percent = share * 100.0;
    let whole = percent.round();
    if (percent - whole).abs() > 1e-9 {
        return Err(format!("{percent}% is not whole; Kubernetes takes whole per cent only"));
    }
    if whole < 1.0 || whole > f64::from(i32::MAX) {
        return Err(format!("{percent}% is out of range; it must be at least 1%"));
    }
    Ok(whole as i32)
}

fn metric(section: &Section<'_>) -> Option<MetricSpec> {
    let kinds = [
        ("Resource", "resource"),
        ("ContainerResource", "container_resource"),
        ("Pods", "pods"),
        ("Object", "object"),
        ("External", "external"),
    ];
    let field = section.choice("type", &kinds)?;
    let kind = kinds.iter().find(|(_, name)| *name == field)?.0;
    for (_, other) in kinds {
        if other != field && section.has(other) {
            section.wrong(
                other,
                format!("`{other}` in a metric of type \"{kind}\""),
                "another type's field",
                format!("keep `{field}` alone"),
            );
        }
    }
    if !section.has(field) {
        section.wrong(
            "type",
            format!("a metric of type \"{kind}\" without `{field}`"),
            "its field is missing",
            format!("add `{field} = {{ ... }}`"),
        );
        return None;
    }
    let inner = section.table(field);
    let mut spec = MetricSpec { kind: kind.to_owned(), ..MetricSpec::default() };
    match kind {
        "Resource" => {
            let (name, target) = (resource_name(&inner), target(&inner));
            spec.resource = Some(ResourceMetric { name: name?, target: target? });
        }
        "ContainerResource" => {
            let (name, container, target) = (resource_name(&inner), inner.text("container"), target(&inner));
            spec.container_resource =
                Some(ContainerResourceMetric { name: name?, container: container?, target: target? });
        }
        "Pods" => {
            let (metric, target) = (identifier(&inner), target(&inner));
            spec.pods = Some(PodsMetric { metric: metric?, target: target? });
        }
        "Object" => {
            let described = inner.required_table("described_object").and_then(|table| object_ref(&table));
            let (metric, target) = (identifier(&inner), target(&inner));
            spec.object = Some(ObjectMetric { described_object: described?, metric: metric?, target: target? });
        }
        _ => {
            let (metric, target) = (identifier(&inner), target(&inner));
            spec.external = Some(ExternalMetric { metric: metric?, target: target? });
        }
    }
    Some(spec)
}

fn resource_name(section: &Section<'_>) -> Option<String> {
    section.read("name", |node| match super::reader::text(node)?.as_str() {
        name @ ("cpu" | "memory") => Ok(name.to_owned()),
        other => Err(format!("`{other}` is no resource that is simulated; write \"cpu\" or \"memory\"")),
    })
}

fn object_ref(section: &Section<'_>) -> Option<CrossVersionObjectReference> {
    let (api_version, kind, name) = (section.text("api_version"), section.text("kind"), section.text("name"));
    Some(CrossVersionObjectReference { api_version: api_version?, kind: kind?, name: name? })
}

fn identifier(section: &Section<'_>) -> Option<MetricIdentifier> {
    let metric = section.required_table("metric")?;
    let selector = match metric.table_if("selector") {
        Some(selector) => {
            let labels = if selector.has("match_labels") { selector.map("match_labels")? } else { Vec::new() };
            let expressions = selector.tables("match_expressions");
            Some(LabelSelector {
                match_labels: labels.into_iter().collect(),
                match_expressions: expressions.iter().filter_map(expression).collect(),
            })
        }
        None => None,
    };
    Some(MetricIdentifier { name: metric.text("name")?, selector })
}

fn expression(section: &Section<'_>) -> Option<LabelSelectorRequirement> {
    let words = [("In", "In"), ("NotIn", "NotIn"), ("Exists", "Exists"), ("DoesNotExist", "DoesNotExist")];
    let (key, operator, values) = (section.text("key"), section.choice("operator", &words), section.texts("values"));
    Some(LabelSelectorRequirement { key: key?, operator: operator?.to_owned(), values: values? })
}

fn target(section: &Section<'_>) -> Option<MetricTarget> {
    let target = section.required_table("target")?;
    let words = [("Utilization", "Utilization"), ("Value", "Value"), ("AverageValue", "AverageValue")];
    let kind = target.choice("type", &words)?;
    let quantity = |name: &str| target.read(name, |node| quoted(node, parse_quantity, "100m"));
    let mut average_utilization = None;
    if target.has("average_utilization") {
        average_utilization =
            Some(target.read("average_utilization", |node| quoted(node, |text| percent(units::share(text)?), "70%"))?);
    }
    let average_value = if target.has("average_value") { Some(quantity("average_value")?) } else { None };
    let value = if target.has("value") { Some(quantity("value")?) } else { None };
    Some(MetricTarget { kind: kind.to_owned(), value, average_value, average_utilization })
}

fn parse_quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text)
        .map_err(|_| format!("`{text}` is no Kubernetes quantity; write such as \"100m\", \"30\" or \"2Gi\""))
}

fn rules(behavior: &Section<'_>, name: &str) -> Option<ScalingRules> {
    let section = behavior.table_if(name)?;
    let seconds = |section: &Section<'_>, key: &str| {
        section.read(key, |node| {
            let span: Span = super::reader::duration(node)?;
            if !span.as_nanos().is_multiple_of(1_000_000_000) {
                return Err("not whole seconds; Kubernetes takes whole seconds only".to_owned());
            }
            i32::try_from(span.as_nanos() / 1_000_000_000).map_err(|_| "too long".to_owned())
        })
    };
    let window = if section.has("stabilization_window") { seconds(&section, "stabilization_window") } else { None };
    let words = [("Max", "Max"), ("Min", "Min"), ("Disabled", "Disabled")];
    let select_policy = if section.has("select_policy") { section.choice("select_policy", &words) } else { None };
    let tolerance = if section.has("tolerance") {
        section.share("tolerance").map(|share| Quantity::from_nanos((share * 1e9).round() as i128))
    } else {
        None
    };
    let policies = section.has("policies").then(|| {
        section
            .tables("policies")
            .iter()
            .filter_map(|policy| {
                let kind = policy.choice("type", &[("Pods", "Pods"), ("Percent", "Percent")]);
                let (value, period_seconds) = (policy.count("value"), seconds(policy, "period"));
                Some(ScalingPolicy {
                    kind: kind?.to_owned(),
                    value: i32::try_from(value?).ok()?,
                    period_seconds: period_seconds?,
                })
            })
            .collect()
    });
    Some(ScalingRules {
        stabilization_window_seconds: window,
        select_policy: select_policy.map(str::to_owned),
        policies,
        tolerance,
    })
}
