//! What the runs of a sweep came to, point by point, in little memory.

use super::{HeatmapSpec, Sweep};
use crate::experiment::figures::FigureValue;
use crate::experiment::journal::Entry;
use crate::experiment::stats::{Estimate, estimate, precise_enough};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Figures of one run. Names are shared by all runs that have the same ones.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    names: Arc<Vec<String>>,
    /// Not a number where there is no value.
    values: Box<[f64]>,
}

impl Row {
    fn get(&self, name: &str) -> Option<f64> {
        let place = self.names.iter().position(|known| known == name)?;
        Some(self.values[place]).filter(|value| !value.is_nan())
    }
}

/// The runs of a sweep, as far as they are done.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// By point, then in the order of the seeds.
    points: BTreeMap<usize, Vec<Option<Row>>>,
    layouts: Vec<Arc<Vec<String>>>,
}

/// Two runs of the same point and seed differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The point, from 0.
    pub point: usize,
    /// The seed's number, from 0.
    pub seed: usize,
}

impl Results {
    /// Adds a run; one that is already there must be the same.
    ///
    /// # Errors
    /// It differs.
    pub fn insert(&mut self, point: usize, seed: usize, figures: &[FigureValue]) -> Result<(), Contradiction> {
        let same = |layout: &&Arc<Vec<String>>| layout.iter().eq(figures.iter().map(|(name, _)| name));
        let names = self.layouts.iter().find(same).cloned().unwrap_or_else(|| {
            let layout = Arc::new(figures.iter().map(|(name, _)| name.clone()).collect());
            self.layouts.push(Arc::clone(&layout));
            layout
        });
        let row = Row { names, values: figures.iter().map(|(_, value)| value.unwrap_or(f64::NAN)).collect() };
        let runs = self.points.entry(point).or_default();
        if runs.len() <= seed {
            runs.resize(seed + 1, None);
        }
        let bits = |row: &Row| row.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        match &runs[seed] {
            Some(known) if known.names != row.names || bits(known) != bits(&row) => Err(Contradiction { point, seed }),
            _ => {
                runs[seed] = Some(row);
                Ok(())
            }
        }
    }

    /// Has this run been done?
    pub fn has(&self, point: usize, seed: usize) -> bool {
        self.points.get(&point).and_then(|runs| runs.get(seed)).is_some_and(Option::is_some)
    }

    /// Points of which any run is done, in order.
    pub fn points(&self) -> impl Iterator<Item = usize> + '_ {
        self.points.keys().copied()
    }

    /// Seeds of a point that are done, by number.
    pub fn seeds(&self, point: usize) -> impl Iterator<Item = usize> + '_ {
        let runs = self.points.get(&point).map_or(&[][..], Vec::as_slice);
        runs.iter().enumerate().filter(|(_, run)| run.is_some()).map(|(seed, _)| seed)
    }

    /// Runs that are done.
    pub fn runs(&self) -> usize {
        self.points.values().flatten().flatten().count()
    }

    /// A figure of one run.
    pub fn value(&self, point: usize, seed: usize, figure: &str) -> Option<f64> {
        self.points.get(&point)?.get(seed)?.as_ref()?.get(figure)
    }

    /// A figure over the seeds of a point.
    pub fn estimate(&self, point: usize, figure: &str) -> Option<Estimate> {
        estimate(&self.finite(point, usize::MAX, figure))
    }

    /// Finite values of the first so many seeds.
    fn finite(&self, point: usize, seeds: usize, figure: &str) -> Vec<f64> {
        let runs = self.points.get(&point).map_or(&[][..], Vec::as_slice);
        let values = runs.iter().take(seeds).flatten().filter_map(|run| run.get(figure));
        values.filter(|value| value.is_finite()).collect()
    }

    /// Names of all figures, in the order in which points of the grid have them.
    pub fn figures(&self) -> Vec<String> {
        let mut seen: Vec<&Arc<Vec<String>>> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for run in self.points.values().flatten().flatten() {
            if seen.iter().any(|layout| Arc::ptr_eq(layout, &run.names)) {
                continue;
            }
            seen.push(&run.names);
            for name in run.names.iter() {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// Is every objective met in every run that is done?
    pub fn all_met(&self) -> bool {
        let runs = self.points.values().flatten().flatten();
        runs.filter_map(|run| run.get("objectives")).all(|share| share >= 1.0)
    }

    /// Seeds that a point needs, as far as those that are done can tell: the file's number, then more in batches while a
    /// column is not precise enough. It depends on the first seeds only, never on which run ended first.
    pub fn needed(&self, sweep: &Sweep, point: usize) -> usize {
        let most = sweep.max_seeds as usize;
        let mut needed = sweep.seeds as usize;
        let Some(share) = sweep.precision else { return needed };
        while needed < most && (0..needed).all(|seed| self.has(point, seed)) {
            let precise = |figure: &String| precise_enough(&self.finite(point, needed, figure), share);
            if sweep.report.columns.iter().all(precise) {
                break;
            }
            needed = (needed + (sweep.seeds as usize).max(needed / 4)).min(most);
        }
        needed
    }

    /// Runs that these points still need, in order: point and number of the seed.
    pub fn missing(&self, sweep: &Sweep, points: &[usize]) -> Vec<(usize, usize)> {
        let of = |&point: &usize| {
            (0..self.needed(sweep, point)).filter(move |&seed| !self.has(point, seed)).map(move |seed| (point, seed))
        };
        points.iter().flat_map(of).collect()
    }

    /// All runs in grid order, as a journal holds them.
    pub fn entries(&self, first_seed: u64) -> impl Iterator<Item = Entry> + '_ {
        self.points.iter().flat_map(move |(&point, runs)| {
            runs.iter().enumerate().filter_map(move |(seed, run)| {
                let run = run.as_ref()?;
                let value = |value: f64| Some(value).filter(|value| !value.is_nan());
                let figures = run.names.iter().cloned().zip(run.values.iter().map(|&known| value(known))).collect();
                Some(Entry { point, seed: first_seed.wrapping_add(seed as u64), figures })
            })
        })
    }

    /// Cells of a heat map, row by row from below: the mean of all points that share both values.
    pub fn cells(&self, sweep: &Sweep, map: &HeatmapSpec) -> Vec<Vec<Option<f64>>> {
        let (width, height) = (sweep.axes[map.x].labels.len(), sweep.axes[map.y].labels.len());
        let mut sums = vec![vec![(0.0, 0_u32); width]; height];
        for point in self.points() {
            let place = sweep.level(point, map.x).zip(sweep.level(point, map.y));
            if let (Some((x, y)), Some(estimate)) = (place, self.estimate(point, &map.color)) {
                sums[y][x].0 += estimate.mean;
                sums[y][x].1 += 1;
            }
        }
        let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
        sums.into_iter().map(|row| row.into_iter().map(mean).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(all: &[(&str, f64)]) -> Vec<FigureValue> {
        all.iter().map(|&(name, value)| (name.to_owned(), Some(value).filter(|value| !value.is_nan()))).collect()
    }

    #[test]
    fn runs_are_kept_by_point_and_seed() {
        let mut results = Results::default();
        results.insert(3, 1, &figures(&[("p95", 2.0), ("cost", f64::NAN)])).expect("the first");
        results.insert(3, 0, &figures(&[("p95", 4.0), ("cost", 1.0)])).expect("another seed");
        results.insert(0, 0, &figures(&[("p95", f64::INFINITY), ("queue", 1.0)])).expect("another point");
        assert_eq!((results.runs(), results.points().collect::<Vec<_>>()), (3, vec![0, 3]));
        assert_eq!(results.estimate(3, "p95").map(|estimate| estimate.mean), Some(3.0));
        assert_eq!((results.estimate(0, "p95"), results.value(3, 1, "cost")), (None, None));
        assert_eq!(results.figures(), ["p95", "queue", "cost"]);
        // The same once more is fine, something else is not.
        assert_eq!(results.insert(3, 0, &figures(&[("p95", 4.0), ("cost", 1.0)])), Ok(()));
        assert_eq!(
            results.insert(3, 0, &figures(&[("p95", 4.5), ("cost", 1.0)])),
            Err(Contradiction { point: 3, seed: 0 })
        );
        let entries: Vec<_> = results.entries(40).map(|entry| (entry.point, entry.seed)).collect();
        assert_eq!(entries, [(0, 40), (3, 40), (3, 41)]);
    }
}
