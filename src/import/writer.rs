//! The text of a scenario, line by line, with the lines on which something was assumed.

use crate::manifest::hpa_out::quoted;
use crate::manifest::workload::Probe;
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::{
    CrossVersionObjectReference, LabelSelector, MetricIdentifier, MetricSpec, MetricTarget, ScalingRules,
};
use crate::units::Quantity;

/// Lines below the head, and what was assumed on which of them.
#[derive(Default)]
pub(super) struct Writer {
    lines: Vec<String>,
    assumed: Vec<(String, Option<usize>)>,
}

impl Writer {
    pub(super) fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// The next line is an assumption.
    pub(super) fn assume(&mut self, words: impl Into<String>) {
        self.assumed.push((words.into(), Some(self.lines.len())));
    }

    /// An assumption that stands on no line of its own.
    pub(super) fn assume_aside(&mut self, words: impl Into<String>) {
        self.assumed.push((words.into(), None));
    }

    /// The scenario below a head of comments, and the assumptions with their lines.
    pub(super) fn finish(self, head: &[String]) -> (String, Vec<String>) {
        let above = head.len() + self.assumed.len();
        let words = |(words, line): &(String, Option<usize>)| match line {
            Some(line) => format!("{} — replace at line {}", clean(words), above + line + 1),
            None => clean(words),
        };
        let assumed: Vec<String> = self.assumed.iter().map(words).collect();
        let heads = head.iter().cloned().chain(assumed.iter().map(|words| format!("# assumed: {words}")));
        let lines: Vec<String> = heads.chain(self.lines).collect();
        (lines.join("\n") + "\n", assumed)
    }
}

/// Words that can stand in a comment.
pub(super) fn clean(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A key, quoted if it must be.
pub(super) fn key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if bare { key.to_owned() } else { quoted(key) }
}

/// `{ a = "x", b = "y" }`.
pub(super) fn table<'a>(entries: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let entries = entries.into_iter().filter_map(|(name, value)| Some(format!("{} = {}", key(name), value?)));
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// Whose HPA it is.
pub(super) struct Owner<'a> {
    /// `pool`, `model` or `server`.
    pub(super) section: &'a str,
    /// API group and version of what it is.
    pub(super) api_version: &'a str,
    /// Its kind.
    pub(super) kind: &'a str,
    /// Its name in the scenario.
    pub(super) name: &'a str,
}

/// `[pool.scaler.hpa]` of a spec that scales its owner unless it says otherwise.
pub(super) fn hpa(writer: &mut Writer, spec: &HpaSpec, owner: &Owner<'_>) {
    writer.line("");
    writer.line(format!("[{}.scaler.hpa]", owner.section));
    let shorthand = if let [metric] = spec.metrics.as_slice() { shorthand(metric) } else { None };
    if let Some(line) = &shorthand {
        writer.line(line);
    }
    if let Some(min) = spec.min_replicas {
        writer.line(format!("min_replicas = {min}"));
    }
    writer.line(format!("max_replicas = {}", spec.max_replicas));
    let target = &spec.scale_target_ref;
    if (target.api_version.as_str(), target.kind.as_str(), target.name.as_str())
        != (owner.api_version, owner.kind, owner.name)
    {
        writer.line(format!("scale_target_ref = {}", reference(target)));
    }
    if shorthand.is_none() && !spec.metrics.is_empty() {
        writer.line("metrics = [");
        spec.metrics.iter().for_each(|each| writer.line(format!("  {},", metric(each))));
        writer.line("]");
    }
    let Some(behavior) = &spec.behavior else { return };
    if behavior.scale_up.is_none() && behavior.scale_down.is_none() {
        writer.line("behavior = {}");
    }
    for (direction, rules) in [("scale_up", &behavior.scale_up), ("scale_down", &behavior.scale_down)] {
        if let Some(rules) = rules {
            writer.line("");
            writer.line(format!("[{}.scaler.hpa.behavior.{direction}]", owner.section));
            write_rules(writer, rules);
        }
    }
}

/// `cpu = "70%"` for the one metric that most have.
fn shorthand(metric: &MetricSpec) -> Option<String> {
    let resource = metric.resource.as_ref()?;
    let plain = MetricTarget {
        kind: "Utilization".into(),
        average_utilization: resource.target.average_utilization,
        ..MetricTarget::default()
    };
    let percent = resource.target.average_utilization?;
    (resource.target == plain).then(|| format!("{} = \"{percent}%\"", resource.name))
}

fn text(text: &str) -> Option<String> {
    Some(quoted(text))
}

fn reference(reference: &CrossVersionObjectReference) -> String {
    table([
        ("api_version", text(&reference.api_version)),
        ("kind", text(&reference.kind)),
        ("name", text(&reference.name)),
    ])
}

fn metric(metric: &MetricSpec) -> String {
    let resource = metric.resource.as_ref();
    let resource =
        resource.map(|source| table([("name", text(&source.name)), ("target", Some(target(&source.target)))]));
    let container = metric.container_resource.as_ref().map(|source| {
        let target = Some(target(&source.target));
        table([("name", text(&source.name)), ("container", text(&source.container)), ("target", target)])
    });
    let named = |metric: &MetricIdentifier, of: &MetricTarget| {
        table([("metric", Some(identifier(metric))), ("target", Some(target(of)))])
    };
    let object = metric.object.as_ref().map(|source| {
        let described = Some(reference(&source.described_object));
        let (metric, target) = (Some(identifier(&source.metric)), Some(target(&source.target)));
        table([("described_object", described), ("metric", metric), ("target", target)])
    });
    table([
        ("type", text(&metric.kind)),
        ("resource", resource),
        ("container_resource", container),
        ("pods", metric.pods.as_ref().map(|source| named(&source.metric, &source.target))),
        ("object", object),
        ("external", metric.external.as_ref().map(|source| named(&source.metric, &source.target))),
    ])
}

fn identifier(metric: &MetricIdentifier) -> String {
    table([("name", text(&metric.name)), ("selector", metric.selector.as_ref().map(selector))])
}

fn selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| (key.as_str(), text(value)));
    let expressions = selector.match_expressions.iter().map(|expression| {
        let values: Vec<String> = expression.values.iter().map(|value| quoted(value)).collect();
        let values = (!values.is_empty()).then(|| format!("[{}]", values.join(", ")));
        table([("key", text(&expression.key)), ("operator", text(&expression.operator)), ("values", values)])
    });
    let expressions: Vec<String> = expressions.collect();
    table([
        ("match_labels", (!selector.match_labels.is_empty()).then(|| table(labels))),
        ("match_expressions", (!expressions.is_empty()).then(|| format!("[{}]", expressions.join(", ")))),
    ])
}

fn target(target: &MetricTarget) -> String {
    let quantity = |quantity: &Option<Quantity>| quantity.as_ref().map(|quantity| format!("\"{quantity}\""));
    table([
        ("type", text(&target.kind)),
        ("average_utilization", target.average_utilization.map(|percent| format!("\"{percent}%\""))),
        ("average_value", quantity(&target.average_value)),
        ("value", quantity(&target.value)),
    ])
}

fn write_rules(writer: &mut Writer, rules: &ScalingRules) {
    if let Some(seconds) = rules.stabilization_window_seconds {
        writer.line(format!("stabilization_window = \"{seconds}s\""));
    }
    if let Some(policy) = &rules.select_policy {
        writer.line(format!("select_policy = {}", quoted(policy)));
    }
    if let Some(tolerance) = &rules.tolerance {
        writer.line(format!("tolerance = \"{}\"", share(tolerance)));
    }
    if let Some(policies) = &rules.policies {
        let policies = policies.iter().map(|policy| {
            let (value, period) = (Some(policy.value.to_string()), Some(format!("\"{}s\"", policy.period_seconds)));
            table([("type", text(&policy.kind)), ("value", value), ("period", period)])
        });
        writer.line(format!("policies = [{}]", policies.collect::<Vec<_>>().join(", ")));
    }
}

/// A ratio in per cent, exact: a nano-unit is 0.0000001 %.
fn share(ratio: &Quantity) -> String {
    let nanos = ratio.nanos();
    let (whole, fraction) = (nanos / 10_000_000, nanos % 10_000_000);
    let digits = format!("{fraction:07}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { format!("{whole}%") } else { format!("{whole}.{digits}%") }
}

/// `{ request = "500m", limit = "2" }`.
pub(super) fn amounts(request: Option<Quantity>, limit: Option<Quantity>, idle: Option<String>) -> Option<String> {
    let words = |quantity: Quantity| format!("\"{quantity}\"");
    let idle = idle.map(|idle| format!("\"{idle}\""));
    let any = request.is_some() || limit.is_some() || idle.is_some();
    any.then(|| table([("request", request.map(words)), ("limit", limit.map(words)), ("idle", idle)]))
}

/// A readiness probe.
pub(super) fn probe(probe: Probe) -> String {
    let seconds = |seconds: Option<u32>| seconds.map(|seconds| format!("\"{seconds}s\""));
    table([
        ("initial_delay", seconds(probe.initial_delay_seconds)),
        ("period", seconds(probe.period_seconds)),
        ("timeout", seconds(probe.timeout_seconds)),
        ("success_threshold", probe.success_threshold.map(|count| count.to_string())),
        ("failure_threshold", probe.failure_threshold.map(|count| count.to_string())),
    ])
}

/// The name of a metric that no pool, model or server provides.
pub(super) fn unknown_signal<'a>(metric: &'a MetricSpec, known: &[&str]) -> Option<&'a str> {
    let name = identified(metric)?.name.as_str();
    (!known.contains(&name)).then_some(name)
}

/// The metric of a source that names one.
pub(super) fn identified(metric: &MetricSpec) -> Option<&MetricIdentifier> {
    let pods = metric.pods.as_ref().map(|source| &source.metric);
    let object = metric.object.as_ref().map(|source| &source.metric);
    pods.or(object).or(metric.external.as_ref().map(|source| &source.metric))
}
