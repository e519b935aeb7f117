//! Pictures from rows: a plot never needs a new run.
//!
//! Every chart is drawn twice by the same code: as PNG (supersampled, with the density in the file) and as SVG. The
//! law kept here: what a picture says and how its axes reach comes from the rows alone. Drawing goes through
//! [plotters](https://docs.rs/plotters/0.3.7) 0.3.7, which nothing outside this room sees; axes, legends, line joins
//! and the PNG file are our own, and the font (Noto Sans) is part of the binary.

mod axis;
mod canvas;
mod font;
mod heatmap;
mod models;
mod panel;
mod pareto;
mod readout;
mod series;
mod server;
mod style;
mod timeline;

pub use canvas::PlotError;
pub use heatmap::{HeatmapFigure, heatmap_png, heatmap_svg};
pub use models::ModelTicks;
pub use pareto::{Dot, Landmark, ParetoFigure, Scale, pareto_png, pareto_svg};
pub use readout::{CurveReadout, Kind, PanelReadout, Readout};
pub use server::ServerFigure;
pub use timeline::{PoolFigure, TimelineFigure, timeline_png, timeline_svg};
