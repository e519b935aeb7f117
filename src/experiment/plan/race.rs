//! Racing: which candidate runs with which seed, what that proves of it, and which one wins.
//!
//! All candidates run with the same seeds, taken from the first on, so that two of them differ by their settings alone
//! (common random numbers). One run of each says what it costs about; then the cheapest that are not yet decided go on,
//! a few at a time. A candidate is decided by the exact bounds of Clopper and Pearson, and cut off when it costs more than
//! one that is proven. Nothing is assumed of how figures follow settings. What runs next depends on the runs before it
//! and on nothing else, so neither threads nor the order in which runs end can change a result.

use crate::experiment::stats::{Feasibility, estimate, feasibility, lower_bound, upper_bound};
use std::cmp::Ordering;

/// Grids up to this size are run to the end: nothing is cut off.
pub const EXHAUSTIVE: usize = 12;

/// Candidates that go on together: enough to keep a few threads busy, few enough that a proof saves the others.
const ABREAST: usize = 8;

/// Seeds of the second look; two failures already refute 90 % at 95 %.
const SECOND_LOOK: usize = 3;

/// Standard deviations by which a cost of a few seeds must lie above another to be called larger.
const CLEARLY: f64 = 3.0;

/// Does runs and gives their trials, in the order in which it is given them; `None` where it stopped before the end.
pub type Runner<'a, E> = &'a mut dyn FnMut(&[Run]) -> Result<Option<Vec<Trial>>, E>;

/// What a race goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Seeds after which a candidate that has not failed is looked at first.
    pub first_batch: usize,
    /// Seeds after which it stays undecided.
    pub max_seeds: usize,
    /// Share of seeds in which the goal must hold.
    pub holds_in: f64,
    /// How sure that must be.
    pub confidence: f64,
}

impl Rules {
    /// Fewest seeds that prove a candidate if it holds in all of them; `None` if not even the most do.
    pub fn fewest(&self) -> Option<usize> {
        self.proving(0, 0)
    }

    /// Least number of seeds above `seeds` that proves a candidate with so many misses, if it misses no more.
    fn proving(&self, seeds: usize, misses: usize) -> Option<usize> {
        let proven = |all: usize| lower_bound(all.saturating_sub(misses), all, self.confidence) > self.holds_in;
        first_from(seeds + 1, self.max_seeds, proven)
    }

    /// Least number of seeds above `seeds` that refutes a candidate which held in so many, if it holds in no more.
    fn refuting(&self, seeds: usize, held: usize) -> Option<usize> {
        first_from(seeds + 1, self.max_seeds, |all| upper_bound(held, all, self.confidence) < self.holds_in)
    }

    /// Seeds that a candidate has at its next look.
    fn next_look(&self, seeds: usize, held: usize) -> usize {
        let misses = seeds - held;
        let next = if seeds < self.first_batch {
            let wanted = if misses > 0 {
                self.refuting(seeds, held).unwrap_or(self.first_batch)
            } else if seeds < SECOND_LOOK {
                SECOND_LOOK
            } else {
                self.first_batch
            };
            wanted.min(self.first_batch)
        } else {
            self.proving(seeds, misses).unwrap_or(self.max_seeds).min(seeds + seeds.max(1))
        };
        next.clamp(seeds + 1, self.max_seeds.max(seeds + 1))
    }
}

/// What a run says of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Every objective was met.
    pub holds: bool,
    /// The figure that is to be as small as can be; infinite where the run has none.
    pub cost: f64,
    /// How far the objectives were missed; 0 where all are met.
    pub gap: f64,
}

/// How a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Proven to hold.
    Feasible,
    /// Proven not to hold.
    Infeasible,
    /// Neither, and it has had its seeds.
    Undecided,
    /// Not decided, since another that is proven costs less.
    CutOff,
}

/// A run: candidate and number of the seed.
pub type Run = (usize, usize);

/// A race, as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Race {
    rules: Rules,
    trials: Vec<Vec<Trial>>,
}

impl Race {
    /// Races candidates 0 to `candidates` by runs that `runner` does, in the order in which it is given them. `None` where
    /// it stopped before the end.
    ///
    /// # Errors
    /// Those of the runner.
    pub fn run<E>(rules: Rules, candidates: usize, runner: Runner<'_, E>) -> Result<Option<Self>, E> {
        let mut race = Self { rules, trials: vec![Vec::new(); candidates] };
        loop {
            let next = race.next_runs();
            if next.is_empty() {
                return Ok(Some(race));
            }
            let Some(trials) = runner(&next)? else { return Ok(None) };
            for (&(candidate, _), trial) in next.iter().zip(trials) {
                race.trials[candidate].push(trial);
            }
        }
    }

    /// Trials of a candidate, by seed.
    pub fn trials(&self, candidate: usize) -> &[Trial] {
        &self.trials[candidate]
    }

    /// Runs so far.
    pub fn runs(&self) -> usize {
        self.trials.iter().map(Vec::len).sum()
    }

    /// In how many seeds a candidate held, and of how many.
    pub fn held(&self, candidate: usize) -> (usize, usize) {
        let trials = &self.trials[candidate];
        (trials.iter().filter(|trial| trial.holds).count(), trials.len())
    }

    /// Mean cost over the first so many of a candidate's seeds.
    pub fn mean_cost(&self, candidate: usize, seeds: usize) -> f64 {
        mean(self.trials[candidate].iter().take(seeds).map(|trial| trial.cost))
    }

    fn proof(&self, candidate: usize) -> Feasibility {
        let (held, seeds) = self.held(candidate);
        feasibility(held, seeds, self.rules.holds_in, self.rules.confidence)
    }

    /// How a candidate stands at the end.
    pub fn standing(&self, candidate: usize) -> Standing {
        match self.proof(candidate) {
            Feasibility::Feasible => Standing::Feasible,
            Feasibility::Infeasible => Standing::Infeasible,
            Feasibility::Undecided if self.trials[candidate].len() >= self.rules.max_seeds => Standing::Undecided,
            Feasibility::Undecided => Standing::CutOff,
        }
    }

    /// Candidates that are proven, the cheapest first: by their mean cost over the seeds that all of them have had.
    pub fn feasible(&self) -> Vec<usize> {
        let proven = (0..self.trials.len()).filter(|&candidate| self.proof(candidate) == Feasibility::Feasible);
        let mut proven: Vec<usize> = proven.collect();
        let common = proven.iter().map(|&candidate| self.trials[candidate].len()).min().unwrap_or(0);
        proven.sort_by(|&a, &b| self.mean_cost(a, common).total_cmp(&self.mean_cost(b, common)).then(a.cmp(&b)));
        proven
    }

    /// The cheapest that is proven.
    pub fn winner(&self) -> Option<usize> {
        self.feasible().first().copied()
    }

    /// Candidates that cost less than another by the seeds that both have had, the dearest first.
    pub fn cheaper_than(&self, other: usize) -> Vec<usize> {
        let mut cheaper: Vec<usize> = (0..self.trials.len())
            .filter(|&candidate| candidate != other && self.dearer(candidate, other).is_lt())
            .collect();
        cheaper.sort_by(|&a, &b| self.by_cost(b, a));
        cheaper
    }

    /// The one that comes closest to the goal: it holds most often, then misses by least, then costs least.
    pub fn closest(&self) -> Option<usize> {
        let key = |candidate: usize| {
            let (held, seeds) = self.held(candidate);
            (held as f64 / seeds.max(1) as f64, mean(self.trials[candidate].iter().map(|trial| trial.gap)))
        };
        (0..self.trials.len()).filter(|&candidate| !self.trials[candidate].is_empty()).min_by(|&a, &b| {
            let ((share_a, gap_a), (share_b, gap_b)) = (key(a), key(b));
            share_b.total_cmp(&share_a).then(gap_a.total_cmp(&gap_b)).then(self.by_cost(a, b))
        })
    }

    /// Runs of the full grid: every candidate with the seeds that the winner took, or that a proof takes at least.
    pub fn full_grid(&self) -> usize {
        let seeds = match self.winner() {
            Some(winner) => self.trials[winner].len(),
            None => self.rules.fewest().unwrap_or(self.rules.max_seeds),
        };
        self.trials.len() * seeds
    }

    /// Share of the full grid's runs that were not needed.
    pub fn saved(&self) -> f64 {
        (1.0 - self.runs() as f64 / self.full_grid().max(1) as f64).max(0.0)
    }

    fn by_cost(&self, a: usize, b: usize) -> Ordering {
        self.mean_cost(a, usize::MAX).total_cmp(&self.mean_cost(b, usize::MAX)).then(a.cmp(&b))
    }

    /// Compares two costs over the seeds that both candidates have had; of two that cost the same the first is cheaper.
    fn dearer(&self, candidate: usize, other: usize) -> Ordering {
        let seeds = self.trials[candidate].len().min(self.trials[other].len());
        self.mean_cost(candidate, seeds).total_cmp(&self.mean_cost(other, seeds)).then(candidate.cmp(&other))
    }

    /// Is it plain that a candidate costs more than a proven one? Costs of few seeds must differ by more than chance would
    /// have it, as the proven one's spread tells; after the first batch their means decide.
    fn is_cut_off(&self, candidate: usize, proven: usize) -> bool {
        let (own, others) = (&self.trials[candidate], &self.trials[proven]);
        let seeds = own.len().min(others.len());
        if seeds >= self.rules.first_batch.min(others.len()) {
            return self.dearer(candidate, proven).is_gt();
        }
        let costs: Vec<f64> = others.iter().map(|trial| trial.cost).collect();
        let Some(all) = estimate(&costs) else { return false };
        let spread = costs.iter().map(|cost| (cost - all.mean).powi(2)).sum::<f64>() / costs.len().max(2) as f64;
        let chance = CLEARLY * (2.0 * spread / seeds as f64).sqrt();
        self.mean_cost(candidate, seeds) > self.mean_cost(proven, seeds) + chance
    }

    fn is_open(&self, candidate: usize) -> bool {
        self.proof(candidate) == Feasibility::Undecided && self.trials[candidate].len() < self.rules.max_seeds
    }

    fn next_runs(&self) -> Vec<Run> {
        let all = 0..self.trials.len();
        if self.trials.iter().any(Vec::is_empty) {
            return all.map(|candidate| (candidate, 0)).collect();
        }
        let mut open: Vec<usize> = all.filter(|&candidate| self.is_open(candidate)).collect();
        open.sort_by(|&a, &b| self.by_cost(a, b));
        if self.trials.len() > EXHAUSTIVE {
            let proven = self.feasible();
            if let Some(&winner) = proven.first() {
                let cheaper: Vec<usize> =
                    open.iter().copied().filter(|&candidate| !self.is_cut_off(candidate, winner)).collect();
                open = match (cheaper.is_empty(), proven.len()) {
                    (false, _) => cheaper,
                    // Next to the winner stands the cheapest other one that never failed on its way to a proof.
                    (true, 1) => self.never_failed(&open),
                    (true, _) => Vec::new(),
                };
            }
            open.truncate(ABREAST);
        }
        let of = |&candidate: &usize| {
            let (held, seeds) = self.held(candidate);
            (seeds..self.rules.next_look(seeds, held)).map(move |seed| (candidate, seed))
        };
        open.iter().flat_map(of).collect()
    }

    /// The first of these that has held in all of its seeds.
    fn never_failed(&self, open: &[usize]) -> Vec<usize> {
        let held_always = |&candidate: &usize| {
            let (held, seeds) = self.held(candidate);
            held == seeds
        };
        open.iter().copied().filter(held_always).take(1).collect()
    }
}

/// The first of `from` to `to` from which on something is true.
fn first_from(from: usize, to: usize, is_true: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut low, mut high) = (from, to + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_true(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low <= to).then_some(low)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    const RULES: Rules = Rules { first_batch: 10, max_seeds: 200, holds_in: 0.9, confidence: 0.95 };

    /// A share of seeds in which a candidate holds, and what it costs.
    type Made = (f64, f64);

    /// Evenly spread seeds of which this share holds; costs go up and down by a hundredth in step.
    fn trial(made: Made, seed: usize) -> Trial {
        let spread = (seed as f64 * 0.618_033_988_75).fract();
        let holds = spread < made.0;
        Trial { holds, cost: made.1 * (1.0 + (spread - 0.5) / 50.0), gap: if holds { 0.0 } else { 1.0 - made.0 } }
    }

    fn raced(rules: Rules, all: &[Made]) -> Race {
        let mut runner = |runs: &[Run]| {
            Ok::<_, Infallible>(Some(runs.iter().map(|&(candidate, seed)| trial(all[candidate], seed)).collect()))
        };
        let raced = Race::run(rules, all.len(), &mut runner).unwrap_or_else(|never| match never {});
        raced.expect("nothing stops it")
    }

    /// The cheapest by mean that is proven, if all run with all seeds.
    fn of_the_grid(all: &[Made]) -> Option<usize> {
        let proven = |made: &Made| {
            let held = (0..200).filter(|&seed| trial(*made, seed).holds).count();
            feasibility(held, 200, 0.9, 0.95) == Feasibility::Feasible
        };
        (0..all.len()).filter(|&number| proven(&all[number])).min_by(|&a, &b| all[a].1.total_cmp(&all[b].1))
    }

    #[test]
    fn looks_come_where_something_can_be_proven() {
        assert_eq!(RULES.fewest(), Some(29));
        // 1 → 3 → 10 → 20 → 29 without a miss; with one it is 46.
        let looks: Vec<usize> = [1, 3, 10, 20].iter().map(|&seeds| RULES.next_look(seeds, seeds)).collect();
        assert_eq!(looks, [3, 10, 20, 29]);
        assert_eq!(RULES.next_look(40, 39), 46);
        // One failure of one: the second one refutes.
        assert_eq!((RULES.next_look(1, 0), RULES.next_look(199, 150)), (2, 200));
        let few = Rules { max_seeds: 5, ..RULES };
        assert_eq!((few.fewest(), few.next_look(3, 3), few.next_look(1, 1)), (None, 5, 3));
    }

    #[test]
    fn the_bounds_decide_at_29_and_at_46() {
        let all_hold = raced(RULES, &[(1.0, 5.0)]);
        assert_eq!((all_hold.held(0), all_hold.standing(0)), ((29, 29), Standing::Feasible));
        let none_holds = raced(RULES, &[(0.0, 5.0)]);
        assert_eq!((none_holds.held(0), none_holds.standing(0)), ((0, 2), Standing::Infeasible));
        // One miss, in the fifth seed.
        let mut runner = |runs: &[Run]| {
            let one = |&(_, seed): &Run| Trial { holds: seed != 4, cost: 1.0, gap: 0.0 };
            Ok::<_, Infallible>(Some(runs.iter().map(one).collect()))
        };
        let one_miss = Race::run(RULES, 1, &mut runner).unwrap_or_else(|never| match never {}).expect("to the end");
        assert_eq!((one_miss.held(0), one_miss.standing(0)), ((45, 46), Standing::Feasible));
    }

    #[test]
    fn what_lies_at_the_border_stays_undecided() {
        let race = raced(RULES, &[(0.9, 5.0)]);
        assert_eq!((race.held(0).1, race.standing(0), race.winner()), (200, Standing::Undecided, None));
    }

    /// A grid whose share of seeds does not rise with its cost.
    fn rugged(size: usize) -> Vec<Made> {
        let share = |number: usize| match number * 7 % 11 {
            0..=5 => 0.2,
            6 => 0.75,
            7 => 0.85,
            _ => 1.0,
        };
        (0..size)
            .map(|number| (if number < size / 3 { 0.1 } else { share(number) }, 10.0 + number as f64 * 13.0 % 40.0))
            .collect()
    }

    #[test]
    fn the_race_has_the_winner_of_the_grid_at_a_part_of_its_price() {
        for size in [50, 137, 330] {
            let all = rugged(size);
            let race = raced(RULES, &all);
            let winner = race.winner().expect("some hold always");
            assert_eq!(Some(winner), of_the_grid(&all), "{size}");
            assert!(race.saved() > 0.7, "{size}: {} of {}", race.runs(), race.full_grid());
            for candidate in race.cheaper_than(winner) {
                assert!(matches!(race.standing(candidate), Standing::Infeasible | Standing::Undecided), "{candidate}");
            }
            let feasible = race.feasible();
            assert!(feasible.len() >= 2, "a runner-up");
        }
    }

    #[test]
    fn small_grids_are_run_to_the_end() {
        let all: Vec<Made> = (0..EXHAUSTIVE).map(|number| (1.0, 10.0 + number as f64)).collect();
        let race = raced(RULES, &all);
        assert!((0..EXHAUSTIVE).all(|candidate| race.standing(candidate) == Standing::Feasible));
        assert_eq!((race.winner(), race.saved()), (Some(0), 0.0));
        // One more, and the dear ones are cut off.
        let more: Vec<Made> = (0..=EXHAUSTIVE).map(|number| (1.0, 10.0 + number as f64)).collect();
        let race = raced(RULES, &more);
        assert_eq!((race.standing(12), race.held(12).1), (Standing::CutOff, 1));
    }

    #[test]
    fn without_a_winner_the_closest_is_known() {
        let race = raced(RULES, &[(0.0, 1.0), (0.5, 9.0), (0.3, 2.0)]);
        assert_eq!((race.winner(), race.closest()), (None, Some(1)));
    }

    #[test]
    fn a_stop_leaves_no_race() {
        let stopped = Race::run(RULES, 3, &mut |_: &[Run]| Ok::<_, Infallible>(None));
        assert_eq!(stopped.unwrap_or_else(|never| match never {}), None);
    }
}
