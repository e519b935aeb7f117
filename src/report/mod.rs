//! What a person or a program reads about runs.

pub mod explain;
pub mod export;
pub mod seeds;
mod seldon;
pub mod summary;
pub mod words;

pub use explain::{DecisionChoice, RunTables, evidence, explain_decision, explain_run};
pub use export::{result_line, runs_json, runs_json_lines, seeds_csv, totals_csv, totals_markdown, totals_of_json};
pub use seeds::{Estimate, estimate, seeds_summary, t_quantile};
pub use summary::{SummaryContext, run_summary, summary_json};
