//! Many runs: statistics over seeds, sweeps, comparisons, plans.
//!
//! Results depend on scenario, seed and version alone: never on the number of threads, the order in which runs end, or how
//! often the work was interrupted.

pub mod compare;
pub mod crew;
pub mod figures;
pub mod stats;

pub use compare::{ComparedFigure, Comparison, Contender, Difference, Verdict, compare};
pub use crew::{Crew, Ran, Witness, run_once};
pub use figures::{Better, FigureKey, FigureValue, Unit, Whole, figures};
pub use stats::{CONFIDENCE, Estimate, estimate, t_quantile};
