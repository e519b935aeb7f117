//! What a person or a program reads about runs.

pub mod seeds;
pub mod summary;
pub mod words;

pub use seeds::{Estimate, estimate, seeds_summary, t_quantile};
pub use summary::{SummaryContext, run_summary, summary_json};
