//! The record: what happened, streamed, in constant memory. A witness never influences a run.

mod cell;
pub mod objective;
pub mod recorder;
pub mod rows;
pub mod table;
pub mod totals;

pub use objective::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
pub use recorder::{Happening, Outcome, PodChange, PoolSnapshot, Recorder, RequestEnd, Snapshot, Truth};
pub use rows::{DecisionRow, EventRow, LatencyRow, TimelineRow};
pub use table::{Rows, TableError, TableReader, TableWriter};
pub use totals::{LatencyTotals, ObjectiveResult, PoolTotals, RunTotals};
