//! Colours and type of all charts, so that one meaning keeps one look.
//!
//! The colours are those of Okabe and Ito (Color Universal Design, 2008), which readers with any colour vision can
//! tell apart, and a few neutrals. Things that are told apart by name only, such as models, have those of Paul Tol's scheme
//! "muted" (Colour Schemes, 2021), so that no model looks like a meaning.

use plotters::style::RGBColor;

/// Done, p95, true utilization.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Offered, p50.
pub const SKY: RGBColor = RGBColor(86, 180, 233);
/// Starting, waiting.
pub const ORANGE: RGBColor = RGBColor(230, 159, 0);
/// Ready.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// Objectives, and what goes wrong.
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
/// p99, what a scaler sees.
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);
/// Words; what is asked for.
pub const TEXT: RGBColor = RGBColor(38, 43, 51);
/// Lesser words; a scaler's target.
pub const MUTED: RGBColor = RGBColor(104, 112, 125);
/// Lines at the ticks.
pub const GRID: RGBColor = RGBColor(228, 231, 236);
/// Axis lines and tick marks.
pub const AXIS: RGBColor = RGBColor(150, 157, 168);

/// Models of a server, so ordered that neighbours in a stack differ.
pub const MODELS: [RGBColor; 8] = [
    RGBColor(51, 34, 136),
    RGBColor(221, 204, 119),
    RGBColor(68, 170, 153),
    RGBColor(204, 102, 119),
    RGBColor(136, 204, 238),
    RGBColor(136, 34, 85),
    RGBColor(153, 153, 51),
    RGBColor(170, 68, 153),
];
/// All models beyond those: a grey that is warmer than that of words and draining replicas.
pub const OTHERS: RGBColor = RGBColor(182, 168, 150);
/// Opacity of a model's band.
pub const MODEL_OPACITY: f64 = 0.75;

/// Opacity of the tint over time outside an objective.
pub const MISSED_OPACITY: f64 = 0.12;
/// Width of a curve, in logical pixels.
pub const LINE_PX: f64 = 1.5;
/// Height of labels, from ascent to descent, in logical pixels.
pub const LABEL_PX: f64 = 12.0;

/// Where a text stands: its start, middle or end at the given place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// To the right of the place.
    Start,
    /// Centred on it.
    Middle,
    /// To the left of it.
    End,
}

/// The look of a text.
#[derive(Clone, Copy)]
pub struct Type {
    /// Height from ascent to descent, in logical pixels.
    pub height_px: f64,
    /// Bold instead of regular.
    pub bold: bool,
    /// Colour.
    pub colour: RGBColor,
}

impl Type {
    /// Regular type.
    pub const fn regular(height_px: f64, colour: RGBColor) -> Self {
        Self { height_px, bold: false, colour }
    }

    /// Bold type.
    pub const fn bold(height_px: f64, colour: RGBColor) -> Self {
        Self { height_px, bold: true, colour }
    }
}

/// How a legend shows a series.
#[derive(Clone, Copy)]
pub enum Mark {
    /// A curve.
    Line,
    /// A dashed line.
    Dashes,
    /// An area of this opacity.
    Area(f64),
}

/// An entry of a legend.
pub struct Key {
    /// How the series looks.
    pub mark: Mark,
    /// Its colour.
    pub colour: RGBColor,
    /// Its name.
    pub words: String,
}

impl Key {
    /// An entry.
    pub fn new(mark: Mark, colour: RGBColor, words: impl Into<String>) -> Self {
        Self { mark, colour, words: words.into() }
    }
}
