//! Pictures from rows: a plot never needs a new run.
#![allow(missing_docs)]
use crate::record::TimelineRow;
pub struct TimelineFigure<'a> { pub title: &'a str, pub result: &'a str, pub starts_at_s: f64, pub duration_s: f64, pub pools: Vec<PoolFigure<'a>> }
pub struct PoolFigure<'a> { pub pool: &'a str, pub rows: &'a [TimelineRow], pub latency_objective_s: Option<f64>, pub latency_objective_label: String, pub utilization_target: Option<f64>, pub missed: Vec<(f64, f64)> }
#[derive(Debug)] pub struct PlotError;
impl std::fmt::Display for PlotError { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "stub") } }
pub fn timeline_png(_: &TimelineFigure<'_>, _: u32) -> Result<Vec<u8>, PlotError> { Err(PlotError) }
pub fn timeline_svg(_: &TimelineFigure<'_>) -> Result<String, PlotError> { Err(PlotError) }
