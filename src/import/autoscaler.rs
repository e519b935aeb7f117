//! What is asked of every HPA that is imported, whatever it scales.

use crate::diagnostics::Problem;
use crate::manifest::k8s::Autoscaler;
use crate::scalers::hpa::spec::{HpaGates, LabelSelector, MetricSpec};
use std::ops::Range;

/// As many replicas as can be simulated.
const MOST_REPLICAS: i32 = 1_000_000;

/// What the API server refuses, and what cannot be simulated.
pub(super) fn problems(hpa: &Autoscaler) -> Vec<Problem> {
    let gates = HpaGates { scale_to_zero: hpa.spec.min_replicas == Some(0), configurable_tolerance: true };
    let refused = hpa.spec.defaulted().validate(gates).into_iter().map(|message| {
        let path = message.split(": ").next().unwrap_or("");
        Problem::error(hpa.place(path), format!("the API server refuses this: {message}"), "refused")
    });
    refused.chain(out_of_range(hpa)).collect()
}

fn out_of_range(hpa: &Autoscaler) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut complain = |path: String, what: &str| {
        problems.push(Problem::error(hpa.place(&path), what, "not simulated"));
    };
    let rules =
        hpa.spec.behavior.iter().flat_map(|both| [("scaleUp", &both.scale_up), ("scaleDown", &both.scale_down)]);
    let rules = rules.filter_map(|(name, rules)| Some((name, rules.as_ref()?.policies.as_ref()?)));
    let values = rules.flat_map(|(name, policies)| policies.iter().enumerate().map(move |each| (name, each)));
    for (name, (number, policy)) in values {
        if policy.value > MOST_REPLICAS {
            complain(format!("spec.behavior.{name}.policies[{number}].value"), "more than 1,000,000 at once");
        }
    }
    for (path, count) in
        [("spec.minReplicas", hpa.spec.min_replicas), ("spec.maxReplicas", Some(hpa.spec.max_replicas))]
    {
        if count.is_some_and(|count| count > MOST_REPLICAS) {
            complain(path.to_owned(), "more than 1,000,000 replicas");
        }
    }
    for (number, metric) in hpa.spec.metrics.iter().enumerate() {
        let sources = [
            ("pods", metric.pods.as_ref().and_then(|source| source.metric.selector.as_ref())),
            ("object", metric.object.as_ref().and_then(|source| source.metric.selector.as_ref())),
            ("external", metric.external.as_ref().and_then(|source| source.metric.selector.as_ref())),
        ];
        for (source, selector) in sources {
            for wrong in selector.map_or_else(Vec::new, wrong_operators) {
                let path =
                    format!("spec.metrics[{number}].{source}.metric.selector.matchExpressions[{wrong}].operator");
                complain(path, "the operator is none of In, NotIn, Exists and DoesNotExist");
            }
        }
    }
    problems
}

fn wrong_operators(selector: &LabelSelector) -> Vec<usize> {
    let known = ["In", "NotIn", "Exists", "DoesNotExist"];
    let wrong = selector.match_expressions.iter().enumerate();
    wrong.filter(|(_, expression)| !known.contains(&expression.operator.as_str())).map(|(number, _)| number).collect()
}

/// The metrics that a simulated pod has, and the numbers and places of the others.
pub(super) fn simulated(hpa: &Autoscaler) -> (Vec<MetricSpec>, Vec<(usize, Range<usize>)>) {
    let known = |metric: &MetricSpec| {
        let resource = metric.resource.as_ref().map(|source| &source.name);
        let name = resource.or(metric.container_resource.as_ref().map(|source| &source.name));
        name.is_none_or(|name| name == "cpu" || name == "memory")
    };
    let metrics = &hpa.spec.metrics;
    let kept = metrics.iter().filter(|metric| known(metric)).cloned().collect();
    let others = metrics.iter().enumerate().filter(|(_, metric)| !known(metric));
    (kept, others.map(|(number, _)| (number, hpa.place(&format!("spec.metrics[{number}]")))).collect())
}

/// An HPA of which nothing is left.
pub(super) fn no_metric(at: Range<usize>) -> Problem {
    let message = "this HPA has no metric that is simulated: of resources, cpu and memory are";
    Problem::error(at, message, "neither cpu nor memory")
}
