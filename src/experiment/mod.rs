//! Many runs: statistics over seeds, sweeps, comparisons, plans.
//!
//! Results depend on scenario, seed and version alone: never on the number of threads, the order in which runs end, or how
//! often the work was interrupted.

pub mod advice;
pub mod axes;
pub mod compare;
pub mod crew;
pub mod figures;
pub mod journal;
pub mod plan;
pub mod sample;
pub mod stats;
pub mod sweep;
mod values;

pub use advice::{Advice, Approach, Candidate, advise};
pub use compare::{ComparedFigure, Comparison, Contender, Difference, Verdict, compare};
pub use crew::{Crew, Ran, Witness, run_once};
pub use figures::{Better, FigureKey, FigureValue, Unit, Whole, figures};
pub use journal::{JOURNAL, Journal};
pub use stats::{CONFIDENCE, Estimate, estimate, t_quantile};
pub use sweep::read::{SWEEP, SweepOptions, read_sweep};
pub use sweep::results::Results;
pub use sweep::run::{SweepWork, share_of};
pub use sweep::{HeatmapSpec, ParetoSpec, Point, ReportSpec, Sweep};
