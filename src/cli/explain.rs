//! `sim explain`: why the autoscaler did what it did, from the tables of a run.

use super::args::ExplainArguments;
use super::{Done, Failure, Voice, folder, input};
use crate::diagnostics::units;
use crate::record::{ConditionSpec, Figure, ModelRow, Objective, ObjectiveScope, TableReader, TimelineRow};
use crate::report;
use crate::report::explain::{
    DecisionChoice, DirectionFacts, LatencyObjective, MetricFacts, PoolFacts, RunTables, Unit,
};
use crate::report::words;
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::{MetricSpec, MetricTarget, ScalingRules};
use crate::scalers::{HpaControllerSpec, ScalerSpec};
use crate::scenario::{LoadTarget, PoolSpec, Scenario, SeldonModel};
use crate::units::{Id, ModelId, PoolId};
use crate::workload::LoadSpec;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::Path;

pub(super) fn explain(arguments: &ExplainArguments, voice: Voice) -> Result<Done, Failure> {
    let which = match (&arguments.at, arguments.decision) {
        (Some(at), _) => Some(DecisionChoice::At(moment(at)?)),
        (None, Some(number)) => Some(DecisionChoice::Number(number)),
        (None, None) => None,
    };
    let mut tables = tables(&arguments.run)?;
    let pool = arguments.pool.as_deref();
    let text = match which {
        Some(which) => report::explain_decision(&tables, which, pool).map_err(wrong)?,
        None => {
            if let Some(pool) = pool {
                only(&mut tables, pool)?;
            }
            report::explain_run(&tables)
        }
    };
    voice.result(&text)?;
    Ok(Done::Fine)
}

fn wrong(text: impl std::fmt::Display) -> Failure {
    Failure::Wrong(format!("error: {text}"))
}

/// A duration such as `31m`, or a clock such as `0:31:08`.
fn moment(text: &str) -> Result<f64, Failure> {
    if text.contains(':') {
        let parts: Vec<Option<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
        if let [Some(hours), Some(minutes), Some(seconds)] = parts[..]
            && minutes < 60
            && seconds < 60
        {
            return Ok(f64::from(hours) * 3600.0 + f64::from(minutes * 60 + seconds));
        }
    } else if let Ok(span) = units::duration(text) {
        return Ok(span.as_secs_f64());
    }
    Err(wrong(format!("`{text}` is no time\n  = help: write a duration such as 31m, or a clock such as 0:31:08")))
}

/// Leaves one pool.
fn only(tables: &mut RunTables, pool: &str) -> Result<(), Failure> {
    if !tables.pools.iter().any(|facts| facts.name == pool) {
        let names: Vec<&str> = tables.pools.iter().map(|facts| &*facts.name).collect();
        return Err(wrong(format!("no pool `{pool}` in this run\n  = help: it has {}", names.join(", "))));
    }
    tables.pools.retain(|facts| facts.name == pool);
    tables.objectives.retain(|objective| objective.scope.is_empty() || objective.scope == pool);
    Ok(())
}

/// Why objectives of a run were missed, from its own tables: one sentence per broken link.
pub(super) fn evidence(path: &Path) -> Result<Vec<String>, Failure> {
    Ok(report::explain::evidence(&tables(path)?, None))
}

/// Reads a run's folder.
fn tables(path: &Path) -> Result<RunTables, Failure> {
    if folder::listed(path).is_none() {
        return Err(wrong(format!(
            "{} is no folder of a run: it has no readable run.json\n  = help: name a folder that `sim run` wrote, such as output/spike",
            path.display()
        )));
    }
    let quiet = Voice { quiet: 2, verbose: false, colour: false };
    let (_, loaded) = input::scenario(&path.join("scenario.toml").display().to_string(), &[], quiet)?;
    let summary = path.join("summary.json");
    let text = std::fs::read_to_string(&summary)
        .map_err(|error| Failure::World(format!("cannot read {}: {error}", summary.display())))?;
    let totals = report::totals_of_json(&text).map_err(|error| wrong(format!("{}: {error}", summary.display())))?;
    let scenario = &loaded.scenario;
    Ok(RunTables {
        scenario: scenario.name.clone(),
        duration_s: scenario.duration.as_secs_f64(),
        warmup_s: scenario.warmup.as_secs_f64(),
        pools: pool_facts(scenario),
        objectives: totals.objectives,
        timeline: timeline(path)?,
        decisions: rows(&path.join("decisions.csv"))?,
        events: rows(&path.join("events.csv"))?,
    })
}

/// Pools and, in a Seldon run, models: a model's row says of it what a pool's row says of a pool.
fn timeline(path: &Path) -> Result<Vec<TimelineRow>, Failure> {
    let mut timeline: Vec<TimelineRow> = rows(&path.join("timeline.csv"))?;
    let models = path.join("models.csv");
    if models.exists() {
        timeline.extend(rows::<ModelRow>(&models)?.into_iter().map(as_pool));
        timeline.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    }
    Ok(timeline)
}

fn as_pool(row: ModelRow) -> TimelineRow {
    TimelineRow {
        time_s: row.time_s,
        pool: row.model,
        offered_rps: row.offered_rps,
        done_rps: row.done_rps,
        rejected_rps: row.rejected_rps,
        timed_out_rps: row.timed_out_rps,
        lost_rps: row.lost_rps,
        queue: row.queue,
        in_flight: row.in_flight,
        replicas_desired: row.wanted,
        replicas_ready: row.available,
        replicas_starting: row.wanted.saturating_sub(row.available),
        latency_p50_s: row.latency_p50_s,
        latency_p95_s: row.latency_p95_s,
        latency_p99_s: row.latency_p99_s,
        ..TimelineRow::default()
    }
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let file = File::open(path).map_err(|error| Failure::World(format!("cannot read {}: {error}", path.display())))?;
    let broken = |error| wrong(format!("{}: {error}", path.display()));
    let table = TableReader::new(file).map_err(broken)?;
    table.rows().map(|row| row.map(|(_, row)| row).map_err(broken)).collect()
}

/// What the tables do not say about the pools of a scenario.
pub(super) fn pool_facts(scenario: &Scenario) -> Vec<PoolFacts> {
    let pools = scenario.pools.iter().enumerate().map(|(number, pool)| (PoolId::from_index(number), pool));
    // Core sizes a server without a scaler of its own by what its models want: nothing to explain that they do not.
    let by_core = |id: PoolId| {
        scenario.seldon.as_ref().is_some_and(|seldon| seldon.servers.iter().any(|server| server.pool == id))
    };
    let own = pools.filter(|(id, pool)| !(by_core(*id) && pool.scaler == ScalerSpec::Fixed));
    let mut facts: Vec<PoolFacts> = own.map(|(id, pool)| facts_of(scenario, id, pool)).collect();
    let models = scenario.seldon.iter().flat_map(|seldon| &seldon.models).enumerate();
    let scaled = models.filter(|(_, model)| model.scaler != ScalerSpec::Fixed);
    facts.extend(scaled.map(|(number, model)| facts_of_model(scenario, ModelId::from_index(number), model)));
    facts
}

fn facts_of_model(scenario: &Scenario, id: ModelId, model: &SeldonModel) -> PoolFacts {
    let scope = ObjectiveScope::Model(id);
    let mine = scenario.objectives.iter().filter(|own| own.scope == ObjectiveScope::Run || own.scope == scope);
    let mut facts = PoolFacts {
        name: model.spec.name.clone(),
        scaler: super::output::kind_of(&model.scaler).to_owned(),
        min_replicas: model.spec.scaling.min,
        max_replicas: model.spec.scaling.max,
        ..PoolFacts::default()
    };
    add_objectives(&mut facts, mine);
    if let ScalerSpec::Hpa(hpa) = &model.scaler {
        add_hpa(&mut facts, &hpa.spec.defaulted(), &scenario.hpa_controller);
    }
    facts
}

fn facts_of(scenario: &Scenario, id: PoolId, pool: &PoolSpec) -> PoolFacts {
    let mine = scenario.objectives.iter().filter(|objective| match objective.scope {
        ObjectiveScope::Run => true,
        ObjectiveScope::Pool(other) => other == id,
        ObjectiveScope::Model(_) | ObjectiveScope::Flow(_) => false,
    });
    let mut loads = scenario.loads.iter().zip(&scenario.load_targets);
    let endless = |load: &LoadSpec| load.kept.is_some_and(|kept| kept.age.is_none());
    let mut facts = PoolFacts {
        name: pool.name.clone(),
        scaler: super::output::kind_of(&pool.scaler).to_owned(),
        queue_per_replica: pool.queue.capacity,
        keeps_connections: loads.any(|(load, target)| *target == LoadTarget::Pool(id) && endless(load)),
        ..PoolFacts::default()
    };
    add_objectives(&mut facts, mine);
    if let ScalerSpec::Hpa(hpa) = &pool.scaler {
        add_hpa(&mut facts, &hpa.spec.defaulted(), &scenario.hpa_controller);
    }
    facts
}

/// What was to be kept.
fn add_objectives<'a>(facts: &mut PoolFacts, mine: impl Iterator<Item = &'a Objective>) {
    for objective in mine {
        match (objective.figure, objective.condition) {
            (Figure::Quantile(quantile), ConditionSpec::AtMost(at_most_s)) if facts.latency_objective.is_none() => {
                facts.latency_objective = Some(LatencyObjective { quantile, at_most_s });
            }
            (Figure::Errors, ConditionSpec::AtMost(ratio)) => facts.errors_objective_ratio = Some(ratio),
            _ => {}
        }
    }
}

fn add_hpa(facts: &mut PoolFacts, spec: &HpaSpec, controller: &HpaControllerSpec) {
    facts.min_replicas = spec.min_replicas.and_then(|least| u32::try_from(least).ok());
    facts.max_replicas = u32::try_from(spec.max_replicas).ok();
    facts.metrics = spec.metrics.iter().filter_map(metric).collect();
    let behavior = spec.behavior.as_ref();
    let look_back_s = controller.downscale_stabilization.as_secs_f64();
    facts.up = direction(behavior.and_then(|behavior| behavior.scale_up.as_ref()), controller, 0.0);
    facts.down = direction(behavior.and_then(|behavior| behavior.scale_down.as_ref()), controller, look_back_s);
    if behavior.is_none() {
        "at most twice the size, or 4".clone_into(&mut facts.up.policies);
    }
}

fn direction(rules: Option<&ScalingRules>, controller: &HpaControllerSpec, window_s: f64) -> DirectionFacts {
    let own = rules.and_then(|rules| rules.tolerance).filter(|_| controller.configurable_tolerance);
    let policies = rules.and_then(|rules| rules.policies.as_deref()).unwrap_or_default();
    let policies: Vec<String> = policies
        .iter()
        .map(|policy| {
            let period = words::duration(f64::from(policy.period_seconds));
            format!("{} {} per {period}", policy.kind, policy.value)
        })
        .collect();
    let select = rules.and_then(|rules| rules.select_policy.as_deref()).filter(|_| policies.len() > 1);
    DirectionFacts {
        tolerance: Some(own.map_or(controller.tolerance, |tolerance| tolerance.as_f64())),
        window_s: Some(rules.and_then(|rules| rules.stabilization_window_seconds).map_or(window_s, f64::from)),
        policies: policies.join(", ") + &select.map_or(String::new(), |select| format!("; {select}")),
    }
}

fn metric(spec: &MetricSpec) -> Option<MetricFacts> {
    let resource = spec.resource.as_ref().map(|source| (&source.name, &source.target));
    let container = || spec.container_resource.as_ref().map(|source| (&source.name, &source.target));
    let pods = || spec.pods.as_ref().map(|source| (&source.metric.name, &source.target));
    let object = || spec.object.as_ref().map(|source| (&source.metric.name, &source.target));
    let external = || spec.external.as_ref().map(|source| (&source.metric.name, &source.target));
    let by_resource = matches!(spec.kind.as_str(), "Resource" | "ContainerResource");
    let (name, target) = resource.or_else(container).or_else(pods).or_else(object).or_else(external)?;
    let unit = match (by_resource, target.average_utilization, name.as_str()) {
        (true, Some(_), _) => Unit::Share,
        (true, None, "cpu") => Unit::Cores,
        (true, None, "memory") => Unit::Bytes,
        _ => Unit::Plain,
    };
    Some(MetricFacts { name: name.clone(), unit, target: target_of(target) })
}

fn target_of(target: &MetricTarget) -> Option<f64> {
    let amount = target.average_value.as_ref().or(target.value.as_ref()).map(|amount| amount.as_f64());
    target.average_utilization.map(|percent| f64::from(percent) / 100.0).or(amount)
}
