//! What a person or a program reads about runs.

pub mod advice;
pub mod amounts;
pub mod compare;
pub mod explain;
pub mod export;
pub mod html;
pub mod plan;
pub mod seeds;
mod seldon;
pub mod summary;
pub mod sweep;
pub mod words;

pub use advice::advice;
pub use compare::{comparison_csv, comparison_json, comparison_markdown, comparison_table};
pub use explain::{DecisionChoice, RunTables, evidence, explain_decision, explain_run};
pub use export::{result_line, runs_json, runs_json_lines, seeds_csv, totals_csv, totals_markdown, totals_of_json};
pub use plan::{Found as PlanFound, plan_goal, plan_json, plan_markdown, plan_size, plan_table};
pub use seeds::seeds_summary;
pub use summary::{SummaryContext, run_summary, summary_json};
pub use sweep::{
    SweepTook, pareto_front, sorted_points, sweep_head, sweep_json_lines, sweep_markdown, sweep_size, sweep_table,
};
