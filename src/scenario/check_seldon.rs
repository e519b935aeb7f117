//! What does not fit together in Seldon Core 2, found before it runs: scalers that work against each other, replicas that no
//! server has room for, loads that a scaler does not see.
//!
//! Nothing here is refused, since a cluster refuses none of it: it only does not do what one expects. The words beside a
//! place are what the cluster would show.

use super::check::{Place, api_server, hpa_place, names, resources};
use super::doctor::{Warn, astray, bounds, directions};
use super::names::Lists;
use super::reader::Section;
use super::spec::{LoadTarget, Scenario, SeldonModel, SeldonServer, SeldonSpec};
use crate::diagnostics::Problem;
use crate::scalers::hpa::spec::MetricSpec;
use crate::scalers::{HpaScalerSpec, ScalerSpec};
use crate::seldon::spec::{EffectiveScaling, UNLIMITED};
use crate::units::{Id, ModelId, ServerId};
use crate::workload::Protocol;

/// Reports all of it.
pub(super) fn across(scenario: &Scenario, lists: &Lists<'_>, loads: &[Section<'_>]) {
    let Some(seldon) = &scenario.seldon else { return };
    let all = All { scenario, seldon };
    for (number, (model, section)) in seldon.models.iter().zip(&lists.models).enumerate() {
        let id = ModelId::from_index(number);
        Ward { all, id, model, section, scaling: seldon.scaling_of(id) }.examine();
    }
    for (number, (server, section)) in seldon.servers.iter().zip(&lists.servers).enumerate() {
        all.server(ServerId::from_index(number), server, section);
    }
    all.memory(lists);
    all.protocols(loads);
}

/// How many replicas somebody may come to have: a bound, or none.
type Most = Option<u32>;

/// The largest size that a scaler other than Seldon's own may ask for.
fn most_of(scaler: &ScalerSpec, replicas: u32) -> u32 {
    match scaler {
        ScalerSpec::Fixed | ScalerSpec::SeldonLag => replicas,
        ScalerSpec::Schedule(schedule) => schedule.steps.iter().map(|&(_, replicas)| replicas).fold(replicas, u32::max),
        ScalerSpec::Hpa(hpa) => u32::try_from(hpa.spec.max_replicas).unwrap_or(0).max(replicas),
    }
}

const fn bound(max: u32) -> Most {
    match max {
        0 | UNLIMITED => None,
        max => Some(max),
    }
}

/// Everything that there is.
#[derive(Clone, Copy)]
struct All<'a> {
    scenario: &'a Scenario,
    seldon: &'a SeldonSpec,
}

impl All<'_> {
    fn scaler_of(&self, server: ServerId) -> &ScalerSpec {
        &self.scenario.pools[self.seldon.servers[server.index()].pool.index()].scaler
    }

    fn name_of(&self, server: ServerId) -> &str {
        &self.seldon.servers[server.index()].spec.name
    }

    /// How many replicas a server may come to have.
    fn most_of_server(&self, server: ServerId) -> Most {
        let scaling = self.seldon.scaling_of_server(server);
        let own = most_of(self.scaler_of(server), scaling.replicas);
        if self.seldon.core.server_autoscaling() {
            return bound(scaling.max).map(|max| max.max(own));
        }
        Some(own)
    }

    /// How many replicas a model may come to want.
    fn most_of_model(&self, id: ModelId) -> Most {
        let (model, scaling) = (&self.seldon.models[id.index()], self.seldon.scaling_of(id));
        let own = most_of(&model.scaler, scaling.replicas);
        if self.seldon.core.registers(&scaling) { bound(scaling.max).map(|max| max.max(own)) } else { Some(own) }
    }

    fn models_of(&self, server: ServerId) -> impl Iterator<Item = ModelId> {
        let ids = (0..self.seldon.models.len()).map(ModelId::from_index);
        ids.filter(move |&id| self.seldon.hosts_of(id).any(|host| host == server))
    }

    fn server(&self, id: ServerId, server: &SeldonServer, section: &Section<'_>) {
        let scaling = self.seldon.scaling_of_server(id);
        let scaler = self.scaler_of(id);
        if *scaler == ScalerSpec::Fixed {
            return;
        }
        let place = scaler_place(section);
        let warn = |message: String, shown: &str, help: &str| warn(section, &place, message, shown, help);
        let name = &server.spec.name;
        outside(scaler, &scaling, "Server", &warn);
        if self.seldon.core.server_autoscaling() && scaling.max > scaling.min.max(1) {
            warn(
                format!("two scalers of server \"{name}\": this one, and Seldon's own"),
                "they disagree whenever a model loses a replica",
                "write `autoscaling.autoscalingServerEnabled = false` in `[core]`, or take `scaler.fixed` here",
            );
        }
        let first = scaling.replicas;
        let idle = self.models_of(id).all(|model| self.most_of_model(model).is_some_and(|most| most <= first));
        if idle && self.models_of(id).next().is_some() && most_of(scaler, first) > first {
            warn(
                format!(
                    "new replicas of server \"{name}\" stay empty: none of its models ever wants more than {first}"
                ),
                "nothing is moved onto a new replica",
                "give its models a scaler, or more `replicas`",
            );
        }
    }

    /// Do all models fit at time 0, were they packed without a gap?
    fn memory(&self, lists: &Lists<'_>) {
        let over = |server: &SeldonServer| {
            let percent = 100 + u128::from(self.seldon.core.overcommit_percent(&server.spec));
            let replicas = self.scenario.pools[server.pool.index()].replicas;
            u128::from(server.spec.memory_bytes) * percent / 100 * u128::from(replicas)
        };
        let there: u128 = self.seldon.servers.iter().map(over).sum();
        let ids = (0..self.seldon.models.len()).map(ModelId::from_index);
        let needed: u128 = ids
            .map(|id| {
                let required = self.seldon.models[id.index()].spec.required_memory_bytes();
                u128::from(required) * u128::from(self.seldon.scaling_of(id).replicas)
            })
            .sum();
        if let (true, Some(first)) = (needed > there, lists.servers.first()) {
            let gib = |bytes: u128| bytes as f64 / f64::from(1 << 30);
            first.suspicious(
                "memory",
                format!(
                    "at time 0 the models take {:.1} GiB, and the servers have {:.1} GiB, overcommit included",
                    gib(needed),
                    gib(there)
                ),
                "ScheduleFailed for those that find no room",
                "raise `memory` or `replicas` of a server",
            );
        }
    }

    /// Since 2.9 requests by gRPC build no lag, and a pipeline's gateway calls its models by gRPC.
    fn protocols(&self, loads: &[Section<'_>]) {
        let core = &self.seldon.core;
        if core.version.grpc_lag_counted() {
            return;
        }
        let by_lag = |id: &ModelId| {
            self.seldon.models[id.index()].scaler == ScalerSpec::SeldonLag
                && core.registers(&self.seldon.scaling_of(*id))
        };
        let rest_reaches = |id: ModelId| {
            let mut all = self.scenario.loads.iter().zip(&self.scenario.load_targets);
            all.any(|(load, target)| *target == LoadTarget::Model(id) && load.protocol == Protocol::Rest)
        };
        for ((load, target), section) in self.scenario.loads.iter().zip(&self.scenario.load_targets).zip(loads) {
            match target {
                LoadTarget::Model(id) if load.protocol == Protocol::Grpc && by_lag(id) => {
                    section.suspicious(
                        "protocol",
                        "requests by gRPC build no lag since 2.9: this load never scales its model up",
                        "not counted",
                        "write `protocol = \"rest\"`, or scale the model by an HPA on `infer_rps`",
                    );
                }
                LoadTarget::Flow(flow) => {
                    let steps = &self.seldon.flows[flow.index()].steps;
                    let ids = (0..self.seldon.models.len()).map(ModelId::from_index);
                    let mut blind = ids.filter(by_lag).filter(|&id| {
                        !rest_reaches(id) && steps.iter().any(|s| s.model == self.seldon.models[id.index()].spec.name)
                    });
                    if let Some(id) = blind.next() {
                        let name = &self.seldon.models[id.index()].spec.name;
                        section.suspicious(
                            "to",
                            format!("a pipeline calls its models by gRPC, which builds no lag since 2.9: \"{name}\" never scales up"),
                            "not counted",
                            "scale the model by an HPA on `infer_rps`",
                        );
                    }
                }
                LoadTarget::Model(_) | LoadTarget::Pool(_) => {}
            }
        }
    }
}

/// Where the scaler stands, or its owner if nobody wrote one.
fn scaler_place(section: &Section<'_>) -> Place {
    let entry = section.entry("scaler");
    entry.map_or_else(
        || section.at.clone(),
        |entry| match &entry.node.value {
            super::tree::Value::Table(kinds) => kinds.first().map_or(entry.key_at.clone(), |kind| kind.key_at.clone()),
            _ => entry.key_at.clone(),
        },
    )
}

fn warn(section: &Section<'_>, place: &Place, message: String, shown: &str, help: &str) {
    section.reader.report(Problem::warning(place.clone(), message, shown).help(help));
}

/// A scaler that asks for sizes which the operator does not apply.
fn outside(scaler: &ScalerSpec, scaling: &EffectiveScaling, kind: &str, warn: Warn<'_>) {
    let (who, least, most) = match scaler {
        ScalerSpec::Fixed | ScalerSpec::SeldonLag => return,
        ScalerSpec::Schedule(schedule) => {
            let sizes = || schedule.steps.iter().map(|&(_, replicas)| replicas);
            ("schedule", sizes().min().unwrap_or(0), sizes().max().unwrap_or(0))
        }
        ScalerSpec::Hpa(hpa) => {
            let count = |replicas: i32| u32::try_from(replicas).unwrap_or(0);
            ("HPA", count(hpa.spec.min_replicas.unwrap_or(1)), count(hpa.spec.max_replicas))
        }
    };
    if let Some(max) = bound(scaling.max).filter(|&max| most > max) {
        warn(
            format!("this {who} may ask for {most} replicas, and `max_replicas` of the {kind} is {max}"),
            "the operator does not apply what is larger",
            "raise `max_replicas` of the one or lower that of the other; 0 leaves it unset",
        );
    }
    if least < scaling.min {
        warn(
            format!("this {who} may ask for {least} replicas, and `min_replicas` of the {kind} is {}", scaling.min),
            "the operator does not apply what is smaller",
            "lower `min_replicas` of the one or raise that of the other; 0 leaves it unset",
        );
    }
}

/// One model under examination.
struct Ward<'a> {
    all: All<'a>,
    id: ModelId,
    model: &'a SeldonModel,
    section: &'a Section<'a>,
    scaling: EffectiveScaling,
}

impl Ward<'_> {
    fn examine(&self) {
        if let ScalerSpec::Hpa(hpa) = &self.model.scaler {
            self.hpa(hpa);
        }
        outside(&self.model.scaler, &self.scaling, "Model", &|message, shown, help| self.warn(message, shown, help));
        self.two_scalers();
        self.no_scaler();
        self.start();
        self.room();
        self.asleep();
    }

    fn warn(&self, message: String, shown: &str, help: &str) {
        warn(self.section, &scaler_place(self.section), message, shown, help);
    }

    fn name(&self) -> &str {
        &self.model.spec.name
    }

    fn hpa(&self, hpa: &HpaScalerSpec) {
        let (scenario, section) = (self.all.scenario, self.section);
        let place = hpa_place(section);
        api_server(hpa, scenario, section, &place);
        names(scenario, hpa, section, &place, true);
        let warn = |message: String, shown: &str, help: &str| self.warn(message, shown, help);
        if let Some((message, shown, help)) = astray(scenario, &hpa.spec.scale_target_ref, self.name()) {
            warn(message, shown, help);
        }
        bounds(&hpa.spec, self.scaling.replicas, &warn);
        directions(&hpa.spec, &warn);
        if self.model.spec.scaling.replicas.is_none() {
            warn(
                format!("model \"{}\" has an HPA and no `replicas`", self.name()),
                "an HPA needs the field: FailedGetScale",
                "write `replicas = 1`",
            );
        }
        self.without_pods(hpa);
    }

    /// A model has no pods: its selector matches none, on purpose.
    fn without_pods(&self, hpa: &HpaScalerSpec) {
        let resource = resources(hpa).first().map(|(resource, _)| *resource);
        let rival = resource.and_then(|_| {
            let mut hosts = self.all.seldon.hosts_of(self.id);
            hosts.find(|&host| match self.all.scaler_of(host) {
                ScalerSpec::Hpa(other) => !resources(other).is_empty(),
                _ => false,
            })
        });
        let help = "write a metric of type \"Object\" with an AverageValue, such as `infer_rps` of the model";
        if let (Some(resource), Some(server)) = (resource, rival) {
            return self.warn(
                format!(
                    "HPAs on model \"{}\" and on its server \"{}\" by {resource}: pods have one owner, and it is the server",
                    self.name(),
                    self.all.name_of(server)
                ),
                "ScalingActive is False: FailedGetResourceMetric",
                help,
            );
        }
        if let Some(resource) = resource {
            self.warn(
                format!("an HPA on a model cannot read its {resource}: a model has no pods"),
                "ScalingActive is False: FailedGetResourceMetric",
                help,
            );
        }
        for metric in &hpa.spec.metrics {
            if let Some((what, shown)) = needs_pods(metric) {
                self.warn(format!("an HPA on a model cannot use {what}: a model has no pods"), shown, help);
            }
        }
    }

    /// Inference lag acts on every model that qualifies, whatever its scaler is.
    fn two_scalers(&self) {
        let core = &self.all.seldon.core;
        if self.model.scaler == ScalerSpec::SeldonLag || !core.registers(&self.scaling) {
            return;
        }
        let name = self.name();
        let help = if core.version.unset_max_is_unlimited() {
            "in 2.10 every model qualifies: write `version = \"2.9\"` and leave out its `min_replicas` and `max_replicas`"
        } else {
            "leave out its `min_replicas` and `max_replicas`, or take `scaler.seldon_lag`"
        };
        if self.model.scaler != ScalerSpec::Fixed {
            self.warn(
                format!("two scalers of model \"{name}\": this one, and inference lag"),
                "each undoes what the other does",
                help,
            );
        } else if self.scaling.min.max(1) < self.scaling.max {
            self.warn(
                format!("model \"{name}\" is not fixed: inference lag acts on every model with bounds"),
                "scaled by `core.autoscaling.autoscalingModelEnabled`",
                help,
            );
        }
    }

    /// Lag scaling that cannot do anything.
    fn no_scaler(&self) {
        let core = &self.all.seldon.core;
        if self.model.scaler != ScalerSpec::SeldonLag || !core.lag_scaling() {
            return;
        }
        let least = self.scaling.min.max(1);
        if !core.registers(&self.scaling) {
            self.warn(
                format!("model \"{}\" has neither `min_replicas` nor `max_replicas`", self.name()),
                "before 2.10 lag scaling leaves it alone",
                "write `max_replicas`, as large as its server may become",
            );
        } else if least == self.scaling.max {
            self.warn(
                format!("`max_replicas` of model \"{}\" leaves it {least}", self.name()),
                "the size can never change",
                "raise `max_replicas`",
            );
        }
    }

    /// The first placement asks no server to grow.
    fn start(&self) {
        let (all, wanted) = (self.all, self.scaling.replicas);
        let sizes = all.seldon.hosts_of(self.id).map(|host| all.seldon.scaling_of_server(host).replicas);
        let Some(largest) = sizes.max().filter(|&largest| largest < wanted) else { return };
        let partial = all.seldon.core.version.partial_scheduling() && (1..=largest).contains(&self.scaling.min);
        let key = if self.section.has("replicas") { "replicas" } else { "min_replicas" };
        let message = format!(
            "model \"{}\" wants {wanted} replicas at time 0, and its server has {largest}: one replica of a model fits into each",
            self.name()
        );
        let help = "start the server with as many `replicas`; a first placement does not make it grow";
        if partial {
            self.section.suspicious(key, message, format!("placed in part: {largest} of {wanted}"), help);
        } else {
            let help = format!("{help}; or set `min_replicas` of the model, so that it is placed in part");
            self.section.suspicious(key, message, "ScheduleFailed: not enough suitable replicas", help);
        }
    }

    /// A model cannot have more replicas than its server.
    fn room(&self) {
        let (all, first) = (self.all, self.scaling.replicas);
        let Some(most) = all.most_of_model(self.id).filter(|&most| most > first) else { return };
        let mut tightest: Option<(ServerId, u32)> = None;
        for host in all.seldon.hosts_of(self.id) {
            let Some(room) = all.most_of_server(host).filter(|&room| room < most) else { return };
            if tightest.is_none_or(|(_, other)| room > other) {
                tightest = Some((host, room));
            }
        }
        let Some((host, room)) = tightest else { return };
        let asks = all.seldon.core.server_autoscaling() && *all.scaler_of(host) == ScalerSpec::Fixed;
        let help = if asks && room == 1 {
            "raise `max_replicas` of the server: the chart's default of 1 lets it never grow"
        } else if asks {
            "raise `max_replicas` of the server"
        } else {
            "let the server grow as far: by its scaler, or by `autoscaling.autoscalingServerEnabled` and its `max_replicas`"
        };
        let shown = if self.scaling.min > 0 && self.scaling.min <= room {
            "ModelAvailable with fewer replicas than wanted"
        } else {
            "ScheduleFailed beyond that; what is loaded goes on serving"
        };
        let (name, server) = (self.name(), all.name_of(host));
        self.warn(
            format!("model \"{name}\" may come to want {most} replicas, and server \"{server}\" has at most {room}"),
            shown,
            help,
        );
    }

    /// Nothing measures a model without replicas.
    fn asleep(&self) {
        let addressed = self.all.scenario.load_targets.contains(&LoadTarget::Model(self.id));
        let wakes = matches!(self.model.scaler, ScalerSpec::Hpa(_) | ScalerSpec::Schedule(_));
        if self.scaling.replicas == 0 && addressed && !wakes {
            self.section.suspicious(
                "replicas",
                format!("model \"{}\" starts with 0 replicas, and nothing brings it back", self.name()),
                "ModelScaledDown: lag is measured at replicas",
                "write at least 1, or an `[[event]]` that sets it",
            );
        }
    }
}

/// What of a metric needs pods, and how its failure shows.
fn needs_pods(metric: &MetricSpec) -> Option<(&'static str, &'static str)> {
    let by_value = |kind: &str| kind == "Value";
    if metric.container_resource.is_some() {
        return Some(("a metric of containers", "ScalingActive is False: FailedGetContainerResourceMetric"));
    }
    if metric.pods.is_some() {
        return Some(("a metric of type \"Pods\"", "ScalingActive is False: FailedGetPodsMetric"));
    }
    if metric.object.as_ref().is_some_and(|object| by_value(&object.target.kind)) {
        return Some(("a target of type \"Value\"", "ScalingActive is False: FailedGetObjectMetric"));
    }
    if metric.external.as_ref().is_some_and(|external| by_value(&external.target.kind)) {
        return Some(("a target of type \"Value\"", "ScalingActive is False: FailedGetExternalMetric"));
    }
    None
}
