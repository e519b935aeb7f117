//! The record: what happened, streamed, in constant memory. A witness never influences a run.

mod cell;
pub mod columns;
mod counts;
pub mod digest;
pub mod files;
mod judge;
pub mod latency;
pub mod objective;
pub mod raw;
pub mod recorder;
pub mod rows;
pub mod seldon;
mod seldon_files;
pub mod story;
pub mod table;
pub mod tally;
mod tick;
pub mod totals;
pub mod words;

pub use columns::COLUMNS;
pub use digest::{CallCounts, Digest};
pub use files::{FilePlan, FileRecorder, ScalerPlan, Sink, WriteError};
pub use latency::Latencies;
pub use objective::{ConditionSpec, Figure, Objective, ObjectiveScope, Population};
pub use recorder::{
    FlowEnd, Happening, ModelSnapshot, Outcome, PodChange, PoolSnapshot, Recorder, RequestEnd, ServerSnapshot,
    Snapshot, Truth,
};
pub use rows::{DecisionRow, EventRow, LatencyRow, ModelRow, RequestRow, ServerRow, TimelineRow};
pub use seldon::{ModelName, SeldonNames, ServerName};
pub use story::{Move, ScalingStory};
pub use table::{Rows, TableError, TableReader, TableWriter};
pub use tally::{Tally, TallyPlan, TallyPool};
pub use totals::{
    ConditionTotals, LatencyTotals, ModelTotals, ObjectiveResult, PipelineTotals, PoolTotals, PooledLatency,
    RequestTotals, RunTotals, ServerTotals, SpellTotals, SpreadTotals, StateTotals,
};
