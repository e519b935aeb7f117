//! The runs of a sweep, over threads, until every point has the seeds that it needs.

use super::Sweep;
use super::check::Checked;
use super::results::Results;
use crate::experiment::crew::{Crew, Witness, run_once};
use crate::experiment::figures::{FigureValue, Whole, figures};
use crate::experiment::journal::{Entry, Journal};
use crate::scenario::Loaded;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Runs that are to be done, and with what.
pub struct SweepWork<'a> {
    /// The sweep.
    pub sweep: &'a Sweep,
    /// Its points, or those of a share, in order.
    pub points: &'a [usize],
    /// Their scenarios, where the check kept them.
    pub checked: &'a Checked,
    /// Threads.
    pub crew: &'a Crew,
    /// What a tally must know.
    pub witness: Witness,
    /// Where finished runs are written down.
    pub journal: Option<&'a Journal>,
    /// Runs that are done, for whoever watches.
    pub done: &'a AtomicU64,
}

/// The scenario of a point while its runs need it.
struct Slot {
    loaded: Mutex<Option<Arc<Loaded>>>,
    runs_left: AtomicUsize,
}

impl SweepWork<'_> {
    /// Runs what `results` lack. When `stop` is set, runs that have begun are finished and no other begins. True: every
    /// point has all it needs.
    ///
    /// # Errors
    /// A trace cannot be read, or the journal not be written.
    pub fn run(&self, results: &mut Results, stop: &AtomicBool) -> Result<bool, String> {
        let quantiles = self.sweep.quantiles();
        loop {
            let missing = results.missing(self.sweep, self.points);
            if missing.is_empty() {
                return Ok(true);
            }
            let slots = self.slots(&missing);
            // Figures go into their table at once: as texts and lists thousands of runs would be large.
            let table = Mutex::new(&mut *results);
            self.crew.in_order(missing.len(), stop, |number| {
                let (point, seed) = missing[number];
                let figures = self.one(&slots, point, seed, &quantiles)?;
                let mut table = table.lock().expect("nobody panics while storing figures");
                table.insert(point, seed, &figures).expect("a run is done once");
                Ok::<(), String>(())
            })?;
            if stop.load(Ordering::Relaxed) {
                return Ok(results.missing(self.sweep, self.points).is_empty());
            }
        }
    }

    fn slots(&self, missing: &[(usize, usize)]) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self
            .checked
            .iter()
            .map(|kept| Slot { loaded: Mutex::new(kept.clone()), runs_left: AtomicUsize::new(0) })
            .collect();
        for (point, _) in missing {
            *slots[self.place(*point)].runs_left.get_mut() += 1;
        }
        slots
    }

    fn place(&self, point: usize) -> usize {
        self.points.binary_search(&point).expect("a run belongs to one of the points")
    }

    fn one(&self, slots: &[Slot], point: usize, seed: usize, quantiles: &[String]) -> Result<Vec<FigureValue>, String> {
        let slot = &slots[self.place(point)];
        let loaded = {
            let mut loaded = slot.loaded.lock().expect("nobody panics while reading a scenario");
            match &*loaded {
                Some(known) => Arc::clone(known),
                None => Arc::clone(loaded.insert(self.read(point)?)),
            }
        };
        let seed = self.sweep.first_seed.wrapping_add(seed as u64);
        // A run that has begun is finished: what it took would be lost.
        let ran = run_once(&loaded, seed, self.witness, &AtomicBool::new(false), ());
        let ran = ran.map_err(|error| format!("point {}: {error}", point + 1))?;
        drop(loaded);
        if slot.runs_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            *slot.loaded.lock().expect("nobody panics while reading a scenario") = None;
        }
        let figures = figures(Whole { totals: &ran.totals, latencies: Some(&ran.latencies) }, quantiles);
        let entry = Entry { point, seed, figures };
        if let Some(journal) = self.journal {
            journal.append(&entry).map_err(|error| format!("cannot write the journal: {error}"))?;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(entry.figures)
    }

    fn read(&self, point: usize) -> Result<Arc<Loaded>, String> {
        let loaded = self.sweep.load(&self.sweep.point(point));
        loaded
            .map(Arc::new)
            .map_err(|problems| format!("point {} changed since it was checked: {}", point + 1, problems.count()))
    }
}

/// The points of a share: every N-th from the K-th on, so that shares are about equally hard.
pub fn share_of(points: usize, (share, of): (u32, u32)) -> Vec<usize> {
    (0..points).skip(share as usize - 1).step_by(of.max(1) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::share_of;

    #[test]
    fn shares_are_all_of_it_once() {
        assert_eq!(share_of(7, (1, 3)), [0, 3, 6]);
        assert_eq!(share_of(7, (3, 3)), [2, 5]);
        assert_eq!(share_of(2, (3, 3)), Vec::<usize>::new());
        assert_eq!(share_of(3, (1, 1)), [0, 1, 2]);
    }
}
