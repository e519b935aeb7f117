//! Many runs at once: the threads, and one run of a checked scenario.
//!
//! Work is handed out in order, one piece at a time, and results come back in that order, so nothing depends on the
//! number of threads. One run is one thread.

use crate::record::{Latencies, Recorder, RunTotals, Tally, TallyPlan};
use crate::scenario::{Loaded, Scenario};
use crate::simulation;
use crate::simulation::{RunError, RunStats};
use crate::units::{Id, PoolId};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Threads that runs are spread over.
pub struct Crew {
    threads: rayon::ThreadPool,
}

impl Crew {
    /// So many threads; 0: as many as there are cores.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(threads: usize) -> Result<Self, String> {
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        built.map(|threads| Self { threads }).map_err(|error| format!("cannot start threads: {error}"))
    }

    /// How many there are.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Does pieces 0 to `count` of a work in this order and returns their results in it. When `stop` is set, or one has
    /// failed, no further piece is begun; what was not done is `None`.
    ///
    /// # Errors
    /// That of the failed piece that comes first.
    pub fn in_order<T: Send, E: Send>(
        &self,
        count: usize,
        stop: &AtomicBool,
        piece: impl Fn(usize) -> Result<T, E> + Sync,
    ) -> Result<Vec<Option<T>>, E> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let results: Mutex<Vec<Option<Result<T, E>>>> = Mutex::new((0..count).map(|_| None).collect());
        self.threads.broadcast(|_| {
            while !stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let result = piece(number);
                failed.fetch_or(result.is_err(), Ordering::Relaxed);
                results.lock().expect("nobody panics while storing a result")[number] = Some(result);
            }
        });
        let results = results.into_inner().expect("nobody panics while storing a result");
        results.into_iter().map(Option::transpose).collect()
    }
}

/// What the tally of a run must know of its scenario.
pub type Witness = fn(&Scenario, u64) -> TallyPlan;

/// What came out of one run.
#[derive(Debug)]
pub struct Ran {
    /// Its totals.
    pub totals: RunTotals,
    /// Latencies of all pools together.
    pub latencies: Latencies,
    /// What the run says of itself.
    pub stats: RunStats,
}

/// Runs a scenario once.
///
/// # Errors
/// A trace that cannot be read to its end, or `stop`.
pub fn run_once(
    loaded: &Loaded,
    seed: u64,
    witness: Witness,
    stop: &AtomicBool,
    beside: impl Recorder,
) -> Result<Ran, RunError> {
    let mut tally = Tally::new(witness(&loaded.scenario, seed));
    let mut traces = |load: usize| loaded.open_trace(load);
    let stats = simulation::run(&loaded.scenario, seed, &mut traces, stop, &mut (&mut tally, beside))?;
    let mut latencies = Latencies::new();
    for pool in 0..loaded.scenario.pools.len() {
        latencies.merge(tally.histogram(PoolId::from_index(pool)));
    }
    Ok(Ran { totals: tally.totals(), latencies, stats })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [1, 3] {
            let crew = Crew::new(threads).expect("a few threads");
            let doubled: Result<Vec<_>, ()> = crew.in_order(100, &AtomicBool::new(false), |number| Ok(2 * number));
            assert_eq!(doubled.expect("none fails"), (0..100).map(|number| Some(2 * number)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failure_ends_the_work_and_a_stop_leaves_the_rest() {
        let crew = Crew::new(1).expect("a thread");
        let begun = AtomicUsize::new(0);
        let failed: Result<Vec<Option<()>>, usize> = crew.in_order(10, &AtomicBool::new(false), |number| {
            begun.fetch_add(1, Ordering::Relaxed);
            if number == 3 { Err(number) } else { Ok(()) }
        });
        assert_eq!((failed, begun.load(Ordering::Relaxed)), (Err(3), 4));
        let stop = AtomicBool::new(false);
        let stopped: Result<Vec<_>, ()> = crew.in_order(5, &stop, |number| {
            stop.fetch_or(number == 1, Ordering::Relaxed);
            Ok(number)
        });
        assert_eq!(stopped, Ok(vec![Some(0), Some(1), None, None, None]));
    }
}
