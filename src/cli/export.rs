//! `sim export`.

use super::args::{ExportArguments, ExportKind};
use super::{Done, Failure, Voice, input};
use crate::diagnostics::closest;
use crate::import::hpas_to_pulumi;
use crate::manifest::hpa_to_yaml;
use crate::scalers::ScalerSpec;
use crate::scalers::hpa::HpaSpec;
use crate::scenario::{PoolSpec, Scenario};

pub(super) fn export(arguments: &ExportArguments, voice: Voice) -> Result<Done, Failure> {
    let (source, loaded) = input::scenario(&arguments.scenario, &arguments.set, voice)?;
    let wanted = arguments.pool.as_deref();
    let hpas = hpas(&loaded.scenario, wanted).map_err(|words| Failure::Wrong(format!("error: {words}")))?;
    if hpas.is_empty() {
        let help = "give a pool `[pool.scaler.hpa]`";
        return Err(Failure::Wrong(format!("error: no pool of {} has an HPA\n  = help: {help}", source.name)));
    }
    let text = match arguments.kind {
        ExportKind::K8s => hpas.iter().map(|(name, spec)| hpa_to_yaml(name, spec)).collect::<Vec<_>>().join("---\n"),
        ExportKind::Pulumi => hpas_to_pulumi(&hpas),
    };
    voice.result(&text)?;
    Ok(Done::Fine)
}

/// Names and specs of the HPAs: of the pool that is wanted, or of all pools.
pub(super) fn hpas<'a>(scenario: &'a Scenario, wanted: Option<&str>) -> Result<Vec<(&'a str, &'a HpaSpec)>, String> {
    let hpa = |pool: &'a PoolSpec| match &pool.scaler {
        ScalerSpec::Hpa(hpa) => Some((pool.name.as_str(), &hpa.spec)),
        _ => None,
    };
    let Some(wanted) = wanted else { return Ok(scenario.pools.iter().filter_map(hpa).collect()) };
    let names = scenario.pools.iter().map(|pool| pool.name.as_str());
    let Some(pool) = scenario.pools.iter().find(|pool| pool.name == wanted) else {
        let help = match closest(wanted, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the pools are {}", names.collect::<Vec<_>>().join(", ")),
        };
        return Err(format!("there is no pool `{wanted}`\n  = help: {help}"));
    };
    match hpa(pool) {
        Some(hpa) => Ok(vec![hpa]),
        None => Err(format!("pool `{wanted}` has no HPA\n  = help: give it `[pool.scaler.hpa]`")),
    }
}
