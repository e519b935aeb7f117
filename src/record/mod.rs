//! The record: what happened, streamed, in constant memory. A witness never influences a run.

pub mod columns;
pub mod objective;
pub mod raw;
pub mod recorder;
pub mod rows;
pub mod totals;

pub use columns::COLUMNS;
pub use objective::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
pub use recorder::{Happening, Outcome, PodChange, PoolSnapshot, Recorder, RequestEnd, Snapshot, Truth};
pub use rows::{DecisionRow, EventRow, LatencyRow, TimelineRow};
pub use totals::{LatencyTotals, ObjectiveResult, PoolTotals, RunTotals};
