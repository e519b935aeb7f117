//! The runs of a plan's search: which figures each candidate had, and what it met.

use super::Plan;
use super::race::{Race, Run, Trial};
use crate::experiment::crew::{Crew, Witness, run_once};
use crate::experiment::figures::{FigureValue, Whole, figures};
use crate::experiment::sweep::check::Checked;
use crate::experiment::sweep::results::Results;
use crate::record::{ConditionSpec, Objective, ObjectiveResult, Recorder};
use crate::scenario::Loaded;
use crate::simulation::RunError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Objectives of a run, in the order of the scenario.
pub type Met = Vec<ObjectiveResult>;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its figures.
    pub figures: Vec<FigureValue>,
    /// Its objectives.
    pub objectives: Met,
}

impl Outcome {
    /// Were all objectives met?
    pub fn holds(&self) -> bool {
        self.objectives.iter().all(|objective| objective.met)
    }

    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value)
    }
}

/// What runs are made with.
#[derive(Clone, Copy)]
pub struct Workshop<'a> {
    /// Threads.
    pub crew: &'a Crew,
    /// What a tally must know.
    pub witness: Witness,
    /// Set when there is to be no further run.
    pub stop: &'a AtomicBool,
    /// Runs that are done, for whoever watches.
    pub done: &'a AtomicU64,
}

impl Workshop<'_> {
    /// One run; `None` where it was stopped.
    ///
    /// # Errors
    /// A trace that cannot be read to its end.
    pub fn one(
        &self,
        loaded: &Loaded,
        seed: u64,
        quantiles: &[String],
        beside: impl Recorder,
    ) -> Result<Option<Outcome>, String> {
        let ran = match run_once(loaded, seed, self.witness, self.stop, beside) {
            Ok(ran) => ran,
            Err(RunError::Interrupted) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        let figures = figures(Whole { totals: &ran.totals, latencies: Some(&ran.latencies) }, quantiles);
        Ok(Some(Outcome { figures, objectives: ran.totals.objectives }))
    }

    /// Runs of one scenario with these seeds, in their order; `None` where they were stopped.
    ///
    /// # Errors
    /// A trace that cannot be read to its end.
    pub fn all(&self, loaded: &Loaded, seeds: &[u64], quantiles: &[String]) -> Result<Option<Vec<Outcome>>, String> {
        let ran =
            self.crew.in_order(seeds.len(), self.stop, |number| self.one(loaded, seeds[number], quantiles, ()))?;
        Ok(ran.into_iter().map(Option::flatten).collect())
    }
}

/// A search that came to its end.
#[derive(Debug)]
pub struct Search {
    /// Who won, and what was proven.
    pub race: Race,
    /// Figures by candidate and seed.
    pub results: Results,
    met: BTreeMap<Run, Met>,
}

impl Search {
    /// What the runs of a candidate met, by seed.
    pub fn met(&self, candidate: usize) -> impl Iterator<Item = &Met> {
        self.met.range((candidate, 0)..(candidate + 1, 0)).map(|(_, met)| met)
    }
}

impl Plan {
    /// Races the candidates. `None` where it was stopped.
    ///
    /// # Errors
    /// A trace cannot be read.
    pub fn search(&self, checked: &Checked, workshop: Workshop<'_>) -> Result<Option<Search>, String> {
        let quantiles = self.grid.quantiles();
        let (mut results, mut met) = (Results::default(), BTreeMap::new());
        let mut runner = |runs: &[Run]| -> Result<Option<Vec<Trial>>, String> {
            let ran = workshop.crew.in_order(runs.len(), workshop.stop, |number| {
                let (candidate, seed) = runs[number];
                let loaded = self.candidate(checked, candidate)?;
                let seed = self.grid.first_seed.wrapping_add(seed as u64);
                let outcome = workshop.one(&loaded, seed, &quantiles, ());
                outcome.map_err(|error| format!("candidate {}: {error}", candidate + 1))
            })?;
            let Some(outcomes) = ran.into_iter().map(Option::flatten).collect::<Option<Vec<_>>>() else {
                return Ok(None);
            };
            let mut trials = Vec::with_capacity(runs.len());
            for (&(candidate, seed), outcome) in runs.iter().zip(outcomes) {
                trials.push(self.trial(&outcome));
                results.insert(candidate, seed, &outcome.figures).expect("a run is done once");
                met.insert((candidate, seed), outcome.objectives);
            }
            Ok(Some(trials))
        };
        let race = Race::run(self.rules(), self.grid.points(), &mut runner)?;
        Ok(race.map(|race| Search { race, results, met }))
    }

    fn candidate(&self, checked: &Checked, candidate: usize) -> Result<Arc<Loaded>, String> {
        if let Some(Some(loaded)) = checked.get(candidate) {
            return Ok(Arc::clone(loaded));
        }
        let loaded = self.grid.load(&self.grid.point(candidate));
        let changed = |problems: crate::diagnostics::Problems| {
            format!("candidate {} changed since it was checked: {} problems", candidate + 1, problems.errors())
        };
        loaded.map(Arc::new).map_err(changed)
    }

    /// What a run says of a candidate.
    pub(super) fn trial(&self, outcome: &Outcome) -> Trial {
        Trial {
            holds: outcome.holds(),
            cost: outcome.figure(&self.minimize).unwrap_or(f64::INFINITY),
            gap: self.gap(&outcome.objectives),
        }
    }

    /// How far objectives were missed, each from 0 (met) to 1.
    fn gap(&self, met: &Met) -> f64 {
        let objectives = &self.grid.loaded.scenario.objectives;
        objectives.iter().zip(met).map(|(objective, result)| gap_of(objective, result)).sum()
    }
}

fn gap_of(objective: &Objective, result: &ObjectiveResult) -> f64 {
    if result.met {
        return 0.0;
    }
    let Some(value) = result.value else { return 1.0 };
    let gap = match (objective.share_of_time, objective.condition) {
        (Some(wanted), _) => wanted - value,
        // Twice the limit is half the way to what lies beyond all limits.
        (None, ConditionSpec::AtMost(limit)) if value > 0.0 => 1.0 - limit / value,
        (None, ConditionSpec::AtLeast(limit)) if limit > 0.0 => 1.0 - value / limit,
        (None, _) => 1.0,
    };
    if gap.is_nan() { 1.0 } else { gap.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Figure, ObjectiveScope, Population};
    use crate::units::Span;

    #[test]
    fn gaps_grow_with_what_is_missed() {
        let gap = |condition, share_of_time, value: Option<f64>| {
            let objective = Objective {
                scope: ObjectiveScope::Run,
                that: String::new(),
                figure: Figure::Quantile(0.95),
                condition,
                share_of_time,
                window: Span::from_secs(60),
                of: Population::Offered,
            };
            let result = ObjectiveResult {
                objective: String::new(),
                scope: String::new(),
                met: false,
                value,
                windows: None,
                first_missed_s: None,
                longest_missed_s: None,
                note: String::new(),
            };
            gap_of(&objective, &result)
        };
        let most = ConditionSpec::AtMost(0.5);
        assert!((gap(most, Some(0.99), Some(0.89)) - 0.1).abs() < 1e-12);
        assert_eq!((gap(most, None, Some(1.0)), gap(most, None, Some(f64::INFINITY))), (0.5, 1.0));
        assert!((gap(ConditionSpec::AtLeast(0.8), None, Some(0.6)) - 0.25).abs() < 1e-12);
        assert!((gap(most, None, None) - 1.0).abs() < 1e-12);
    }
}
