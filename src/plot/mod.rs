//! Pictures from rows: a plot never needs a new run.
//!
//! All use of the drawing library stands in this room: own axes, own keys, an embedded font, PNG by supersampling.

mod axis;
mod canvas;
mod style;
mod timeline;

pub use timeline::{PoolFigure, TimelineFigure, timeline_png, timeline_svg};

use std::fmt;

/// Why a picture could not be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlotError(String);

impl PlotError {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlotError {}
