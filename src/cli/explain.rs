//! `sim explain`: why the autoscaler did what it did, from the tables of a run.

use super::args::ExplainArguments;
use super::{Done, Failure, Voice, folder, input};
use crate::diagnostics::units;
use crate::record::{ConditionSpec, Figure, ObjectiveScope, TableReader};
use crate::report;
use crate::report::explain::{
    DecisionChoice, DirectionFacts, LatencyObjective, MetricFacts, PoolFacts, RunTables, Unit,
};
use crate::report::words;
use crate::scalers::hpa::HpaSpec;
use crate::scalers::hpa::spec::{MetricSpec, MetricTarget, ScalingRules};
use crate::scalers::{HpaControllerSpec, ScalerSpec};
use crate::scenario::{PoolSpec, Scenario};
use crate::units::{Id, PoolId};
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
        timeline: rows(&path.join("timeline.csv"))?,
        decisions: rows(&path.join("decisions.csv"))?,
        events: rows(&path.join("events.csv"))?,
    })
}

fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let file = File::open(path).map_err(|error| Failure::World(format!("cannot read {}: {error}", path.display())))?;
    let broken = |error| wrong(format!("{}: {error}", path.display()));
    let table = TableReader::new(file).map_err(broken)?;
    table.rows().map(|row| row.map(|(_, row)| row).map_err(broken)).collect()
}

/// What the tables do not say about the pools of a scenario.
pub(super) fn pool_facts(scenario: &Scenario) -> Vec<PoolFacts> {
    let pools = scenario.pools.iter().enumerate();
    pools.map(|(number, pool)| facts_of(scenario, PoolId::from_index(number), pool)).collect()
}

fn facts_of(scenario: &Scenario, id: PoolId, pool: &PoolSpec) -> PoolFacts {
    let mine = scenario.objectives.iter().filter(|objective| match objective.scope {
        ObjectiveScope::Run => true,
        ObjectiveScope::Pool(other) => other == id,
        ObjectiveScope::Model(_) | ObjectiveScope::Flow(_) => false,
    });
    let mut facts = PoolFacts {
        name: pool.name.clone(),
        scaler: super::output::kind_of(&pool.scaler).to_owned(),
        queue_per_replica: pool.queue.capacity,
        ..PoolFacts::default()
    };
    for objective in mine {
        match (objective.figure, objective.condition) {
            (Figure::Quantile(quantile), ConditionSpec::AtMost(at_most_s)) if facts.latency_objective.is_none() => {
                facts.latency_objective = Some(LatencyObjective { quantile, at_most_s });
            }
            (Figure::Errors, ConditionSpec::AtMost(ratio)) => facts.errors_objective_ratio = Some(ratio),
            _ => {}
        }
    }
    if let ScalerSpec::Hpa(hpa) = &pool.scaler {
        add_hpa(&mut facts, &hpa.spec.defaulted(), &scenario.hpa_controller);
    }
    facts
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
