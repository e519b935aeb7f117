//! Helm values of the chart `seldon-core-v2-setup`: what an installation of Seldon Core 2 was told.
//!
//! Law: a value that a scenario has a key for is read under the same path; every other one is named as ignored. The chart
//! puts its values into quotes, so that a number or a switch in quotes is as good as a bare one.
//!
//! Source of the paths: `k8s/helm-charts/seldon-core-v2-setup/values.yaml` and its templates.

use crate::diagnostics::{Problem, closest};
use crate::manifest::k8s::Reader;
use crate::manifest::workload::{self, MOST_BYTES, MOST_CORES, MOST_SECONDS};
use crate::manifest::yaml::{Node, Value};
use crate::seldon::spec::{CoreSpec, CoreVersion};
use crate::units::Quantity;
use std::ops::Range;

/// Counts as a scenario has them.
const MOST: u32 = 1_000_000;

/// What may stand under a path.
#[derive(Clone, Copy)]
enum Kind {
    Switch,
    /// A whole number of at least this.
    Whole(u32),
    Probability,
}

/// The settings that a scenario has, under the same paths below `[core]`.
const SETTINGS: &[(&str, Kind)] = &[
    ("autoscaling.autoscalingModelEnabled", Kind::Switch),
    ("autoscaling.autoscalingServerEnabled", Kind::Switch),
    ("autoscaling.serverPackingEnabled", Kind::Switch),
    ("autoscaling.serverPackingPercentage", Kind::Probability),
    ("agent.scalingStatsPeriodSeconds", Kind::Whole(1)),
    ("agent.modelInferenceLagThreshold", Kind::Whole(0)),
    ("agent.modelInactiveSecondsThreshold", Kind::Whole(0)),
    ("agent.overcommitPercentage", Kind::Whole(0)),
    ("kafka.topics.numPartitions", Kind::Whole(1)),
    ("envoy.replicas", Kind::Whole(1)),
    ("modelgateway.replicas", Kind::Whole(1)),
    ("modelgateway.workers", Kind::Whole(1)),
    ("modelgateway.maxNumConsumers", Kind::Whole(1)),
    ("pipelinegateway.replicas", Kind::Whole(1)),
    ("pipelinegateway.maxNumConsumers", Kind::Whole(1)),
    ("dataflow.replicas", Kind::Whole(1)),
];

/// Images whose tag is the release of the installation.
const TAGS: [&str; 6] = [
    "scheduler.image.tag",
    "controller.image.tag",
    "serverConfig.agent.image.tag",
    "modelgateway.image.tag",
    "pipelinegateway.image.tag",
    "dataflow.image.tag",
];

/// ServerConfigs that the chart makes.
const CONFIGS: [&str; 2] = ["mlserver", "triton"];

const GRACE: &str = "serverConfig.terminationGracePeriodSeconds";

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its path, which a scenario has below `[core]` as well.
    pub path: &'static str,
    /// Its value.
    pub value: SettingValue,
}

/// What a setting can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingValue {
    /// On or off.
    Switch(bool),
    /// A count.
    Whole(u32),
    /// From 0 to 1.
    Probability(f64),
}

/// What one text with values says.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Settings, in the order of the chart.
    pub settings: Vec<Setting>,
    /// The tag of the first image that has one, such as `2.9.1`.
    pub tag: Option<String>,
    /// `serverConfig.terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<u32>,
    /// What is said of the chart's own ServerConfigs.
    pub configs: Vec<ConfigValues>,
    /// Where the values begin.
    pub at: Range<usize>,
}

/// What is said of one ServerConfig of the chart.
#[derive(Clone, Debug, Default)]
pub struct ConfigValues {
    /// Its name.
    pub name: String,
    /// `serverCapabilities`, comma separated.
    pub capabilities: Option<String>,
    /// `resources.cpu`.
    pub cpu: Option<Quantity>,
    /// `resources.memory`.
    pub memory: Option<Quantity>,
}

impl Values {
    /// These with others that come later and win.
    pub fn overlay(&mut self, later: &Self) {
        for setting in &later.settings {
            self.settings.retain(|earlier| earlier.path != setting.path);
            self.settings.push(setting.clone());
        }
        let place = |setting: &Setting| SETTINGS.iter().position(|(path, _)| *path == setting.path);
        self.settings.sort_by_key(place);
        self.tag = later.tag.clone().or(self.tag.take());
        self.grace_period_seconds = later.grace_period_seconds.or(self.grace_period_seconds);
        for config in &later.configs {
            match self.configs.iter_mut().find(|earlier| earlier.name == config.name) {
                None => self.configs.push(config.clone()),
                Some(earlier) => {
                    earlier.capabilities = config.capabilities.clone().or(earlier.capabilities.take());
                    earlier.cpu = config.cpu.or(earlier.cpu);
                    earlier.memory = config.memory.or(earlier.memory);
                }
            }
        }
    }

    /// What is said of the ServerConfig of this name.
    pub fn config(&self, name: &str) -> Option<&ConfigValues> {
        self.configs.iter().find(|config| config.name == name)
    }

    /// The release line that the tag names; an older or newer one than is known counts as the nearest.
    pub fn release(&self) -> Option<CoreVersion> {
        let mut numbers = self.tag.as_deref()?.trim_start_matches('v').split(['.', '-', '+']);
        let (major, minor) = (numbers.next()?.parse::<u32>().ok()?, numbers.next()?.parse::<u32>().ok()?);
        match (major, minor) {
            (0 | 1, _) | (2, 0..=8) => Some(CoreVersion::V2_8),
            (2, 9) => Some(CoreVersion::V2_9),
            _ => Some(CoreVersion::V2_10),
        }
    }

    /// The installation of a release with these settings, as far as placement and scaling depend on them.
    pub fn core(&self, version: CoreVersion) -> CoreSpec {
        let mut core = CoreSpec::of(version);
        for setting in &self.settings {
            match (setting.path, setting.value) {
                ("autoscaling.autoscalingModelEnabled", SettingValue::Switch(on)) => {
                    core.autoscaling.model_enabled = on
                }
                ("autoscaling.autoscalingServerEnabled", SettingValue::Switch(on)) => {
                    core.autoscaling.server_enabled = on
                }
                ("agent.overcommitPercentage", SettingValue::Whole(percent)) => core.agent.overcommit_percent = percent,
                ("modelgateway.workers", SettingValue::Whole(workers)) => core.dataflow.workers = workers,
                _ => {}
            }
        }
        core
    }
}

/// True if it is a key of the chart at the outermost level.
pub(super) fn knows(key: &str) -> bool {
    paths().any(|path| path.split('.').next() == Some(key))
}

/// All paths that are read.
fn paths() -> impl Iterator<Item = String> {
    let configs = CONFIGS.iter().flat_map(|name| {
        ["serverCapabilities", "resources.cpu", "resources.memory"].map(|key| format!("serverConfig.{name}.{key}"))
    });
    let settings = SETTINGS.iter().map(|(path, _)| (*path).to_owned());
    settings.chain(TAGS.map(str::to_owned)).chain([GRACE.to_owned()]).chain(configs)
}

/// Reads values; problems and what is ignored go to the reader.
pub(super) fn read(reader: &mut Reader, node: &Node) -> Values {
    "values".clone_into(&mut reader.called);
    let known: Vec<String> = paths().collect();
    left_out(reader, node, "", &known);
    let mut values = Values { at: node.at.clone(), ..Values::default() };
    for &(path, kind) in SETTINGS {
        let Some(value) = find(node, path) else { continue };
        if let Some(value) = setting(reader, value, path, kind) {
            values.settings.push(Setting { path, value });
        }
    }
    values.tag = TAGS.iter().find_map(|path| written(find(node, path)?)).map(str::to_owned);
    if let Some(found) = find(node, GRACE) {
        values.grace_period_seconds = whole(reader, found, "terminationGracePeriodSeconds", 0, MOST_SECONDS);
    }
    for name in CONFIGS {
        let at = |key: &str| find(node, &format!("serverConfig.{name}.{key}"));
        let mut quantity = |key: &str, most: i64| {
            let found = at(&format!("resources.{key}"))?;
            workload::quantity(reader, found, key, most)
        };
        let (cpu, memory) = (quantity("cpu", MOST_CORES), quantity("memory", MOST_BYTES));
        let capabilities = at("serverCapabilities").and_then(written).map(str::to_owned);
        if capabilities.is_some() || cpu.is_some() || memory.is_some() {
            values.configs.push(ConfigValues { name: name.to_owned(), capabilities, cpu, memory });
        }
    }
    values
}

fn find<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(node, |node, key| node.get(key))
}

fn written(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) | Value::Number(text) => Some(text.trim()),
        _ => None,
    }
}

/// Notes every subtree that no known path leads into.
fn left_out(reader: &mut Reader, node: &Node, path: &str, known: &[String]) {
    for entry in node.entries() {
        let here = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        let below = format!("{here}.");
        if known.contains(&here) {
            continue;
        }
        if known.iter().any(|path| path.starts_with(&below)) {
            if matches!(entry.node.value, Value::Table(_)) {
                left_out(reader, &entry.node, &here, known);
            } else if entry.node.value != Value::Null {
                reader.wrong(&entry.node, &entry.key, "a table");
            }
            continue;
        }
        let outer = if path.is_empty() { String::new() } else { format!("{path}.") };
        let beside = known.iter().filter_map(|path| path.strip_prefix(&outer)?.split('.').next());
        let hint = closest(&entry.key, beside.filter(|key| node.get(key).is_none()));
        let hint = match hint {
            Some(meant) => format!(", did you mean {meant}?"),
            None if path.is_empty() && CONFIGS.contains(&entry.key.as_str()) => {
                " of seldon-core-v2-servers, give the Servers themselves".to_owned()
            }
            None => String::new(),
        };
        reader.ignore(&format!("{here}{hint}"), entry.key_at.clone());
    }
}

fn setting(reader: &mut Reader, node: &Node, path: &str, kind: Kind) -> Option<SettingValue> {
    let key = path.rsplit('.').next().unwrap_or(path);
    match kind {
        Kind::Switch => {
            let on = match &node.value {
                Value::Bool(on) => Some(*on),
                Value::Text(text) => text.trim().parse().ok(),
                _ => None,
            };
            if on.is_none() {
                reader.wrong(node, key, "true or false");
            }
            on.map(SettingValue::Switch)
        }
        Kind::Whole(least) => whole(reader, node, key, least, MOST).map(SettingValue::Whole),
        Kind::Probability => {
            let number = written(node).and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite());
            match number {
                Some(number) if (0.0..=1.0).contains(&number) => return Some(SettingValue::Probability(number)),
                Some(number) if number > 1.0 => {
                    let message = format!("`{key}` of {number}, which is no percentage but a probability from 0 to 1");
                    let problem = Problem::error(node.at.clone(), message, "any value from 1 on packs every time");
                    let help = format!("write {} for {number} in a hundred, or 1.0 for every time", number / 100.0);
                    reader.problems.push(problem.help(help));
                }
                _ => reader.wrong(node, key, "a number from 0 to 1"),
            }
            None
        }
    }
}

fn whole(reader: &mut Reader, node: &Node, key: &str, least: u32, most: u32) -> Option<u32> {
    let number = written(node).and_then(|text| text.parse().ok()).filter(|number| (least..=most).contains(number));
    if number.is_none() {
        reader.wrong(node, key, &format!("a whole number from {least} to {most}"));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_release_line() {
        let release = |tag: &str| Values { tag: Some(tag.to_owned()), ..Values::default() }.release();
        assert_eq!(release("2.9.1"), Some(CoreVersion::V2_9));
        assert_eq!(release("v2.10.0-rc1"), Some(CoreVersion::V2_10));
        assert_eq!(release("2.8.5"), Some(CoreVersion::V2_8));
        assert_eq!(release("2.11.0"), Some(CoreVersion::V2_10), "the nearest that is known");
        assert_eq!(release("latest"), None);
    }

    #[test]
    fn later_values_win() {
        let of = |path, value| Values { settings: vec![Setting { path, value }], ..Values::default() };
        let (on, off) = (SettingValue::Switch(true), SettingValue::Switch(false));
        let mut values = of("autoscaling.autoscalingModelEnabled", off);
        values.overlay(&of("envoy.replicas", SettingValue::Whole(2)));
        values.overlay(&of("autoscaling.autoscalingModelEnabled", on));
        let paths: Vec<_> = values.settings.iter().map(|setting| (setting.path, setting.value)).collect();
        let wanted = [("autoscaling.autoscalingModelEnabled", on), ("envoy.replicas", SettingValue::Whole(2))];
        assert_eq!(paths, wanted);
        assert!(values.core(CoreVersion::V2_9).lag_scaling() && !values.core(CoreVersion::V2_10).lag_scaling());
    }
}
