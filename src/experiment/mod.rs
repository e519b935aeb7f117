//! Many runs: statistics over seeds, sweeps, comparisons, plans.

pub mod stats;

pub use stats::{CONFIDENCE, Estimate, estimate, t_quantile};
