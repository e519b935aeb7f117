//! A panel of a chart: its title strip with the legend, its grid and axes, and curves in its own scales.
//!
//! All panels of a chart have the same margins, so that their time axes line up.

use super::axis::Axis;
use super::canvas::{PlotError, Sheet};
use super::series::{Point, joined, thinned};
use super::style::{AXIS, Anchor, GRID, Key, LABEL_PX, LINE_PX, MISSED_OPACITY, MUTED, Mark, TEXT, Type, VERMILION};
use plotters::prelude::DrawingBackend;
use plotters::style::{RGBColor, WHITE};

/// Room for the labels on the left.
pub const LEFT_PX: f64 = 64.0;
/// Room for the labels on the right.
pub const RIGHT_PX: f64 = 56.0;
const STRIP_PX: f64 = 26.0;
const ABOVE_PX: f64 = 2.0;
const BELOW_PX: f64 = 8.0;
const TIME_AXIS_PX: f64 = 48.0;
const TICK_PX: f64 = 4.0;

const LABEL: Type = Type::regular(LABEL_PX, MUTED);

/// The plotting area of a panel on its sheet.
pub struct Panel<'a, B: DrawingBackend> {
    sheet: &'a Sheet<B>,
    time: &'a Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl<'a, B: DrawingBackend> Panel<'a, B> {
    /// A panel over the whole sheet; with room for the time axis if it is the `last` of its block.
    pub fn new(sheet: &'a Sheet<B>, time: &'a Axis, last: bool) -> Self {
        let (width, height) = sheet.size_px();
        let (top, bottom) = reach(height, last);
        Self { sheet, time, left: LEFT_PX, right: width - RIGHT_PX, top, bottom }
    }

    /// Title and unit on the left of the strip above the panel, the legend flush right.
    pub fn strip(&self, title: &str, unit: &str, keys: &[Key]) -> Result<(), PlotError> {
        let middle = STRIP_PX / 2.0;
        let bold = Type::bold(14.0, TEXT);
        self.sheet.text(title, (self.left, middle), bold, Anchor::Start)?;
        let beside = self.left + self.sheet.text_width(title, bold)? + 7.0;
        self.sheet.text(unit, (beside, middle), LABEL, Anchor::Start)?;
        let mut right = self.right;
        for key in keys.iter().rev() {
            right = draw_key(self.sheet, key, (right, middle))? - 16.0;
        }
        Ok(())
    }

    /// Grid, labels and axis lines; on the last panel the time axis too.
    pub fn frame(&self, y: &Axis, last: bool) -> Result<(), PlotError> {
        let sheet = self.sheet;
        for (value, label) in &y.ticks {
            let at = self.height_of(y, *value);
            sheet.rectangle((self.left, at - 0.5), (self.right, at + 0.5), GRID, 1.0)?;
            sheet.rectangle((self.left - TICK_PX, at - 0.5), (self.left, at + 0.5), AXIS, 1.0)?;
            sheet.text(label, (self.left - TICK_PX - 4.0, at), LABEL, Anchor::End)?;
        }
        for (value, label) in &self.time.ticks {
            let at = self.left + self.time.part(*value) * (self.right - self.left);
            sheet.rectangle((at - 0.5, self.top), (at + 0.5, self.bottom), GRID, 1.0)?;
            if last {
                sheet.rectangle((at - 0.5, self.bottom), (at + 0.5, self.bottom + TICK_PX), AXIS, 1.0)?;
                sheet.text(label, (at, self.bottom + 14.0), LABEL, Anchor::Middle)?;
            }
        }
        sheet.rectangle((self.left - 0.5, self.top), (self.left + 0.5, self.bottom + 0.5), AXIS, 1.0)?;
        sheet.rectangle((self.left - 0.5, self.bottom - 0.5), (self.right, self.bottom + 0.5), AXIS, 1.0)?;
        if last {
            let middle = (self.left + self.right) / 2.0;
            sheet.text(self.time.unit, (middle, self.bottom + 36.0), LABEL, Anchor::Middle)?;
        }
        Ok(())
    }

    /// Labels of a second axis on the right.
    pub fn right_labels(&self, y: &Axis) -> Result<(), PlotError> {
        for (value, label) in &y.ticks {
            let at = self.height_of(y, *value);
            self.sheet.text(label, (self.right + 8.0, at), LABEL, Anchor::Start)?;
        }
        Ok(())
    }

    /// The tint over time outside an objective, to be drawn before the curves.
    pub fn tint(&self, spans_s: &[(f64, f64)]) -> Result<(), PlotError> {
        for (from, until) in spans_s {
            let from = self.place_of(*from);
            // A span shorter than a pixel would be lost.
            let until = self.place_of(*until).max(from + 1.0).min(self.right.max(from));
            self.sheet.rectangle((from, self.top), (until, self.bottom), VERMILION, MISSED_OPACITY)?;
        }
        Ok(())
    }

    /// A curve.
    pub fn curve(&self, y: &Axis, points: Vec<Point>, colour: RGBColor) -> Result<(), PlotError> {
        self.sheet.curve(&self.places(y, points), LINE_PX, colour)
    }

    /// A curve with gaps.
    pub fn curves(&self, y: &Axis, pieces: Vec<Vec<Point>>, colour: RGBColor) -> Result<(), PlotError> {
        joined(pieces, self.time.hi()).into_iter().try_for_each(|piece| self.curve(y, piece, colour))
    }

    /// The area between two curves, or between one and the lower edge.
    pub fn area(
        &self,
        y: &Axis,
        upper: Vec<Point>,
        lower: Option<Vec<Point>>,
        colour: RGBColor,
        opacity: f64,
    ) -> Result<(), PlotError> {
        let (Some(first), Some(last)) = (upper.first(), upper.last()) else { return Ok(()) };
        let lower = lower.unwrap_or_else(|| vec![(first.0, y.lo()), (last.0, y.lo())]);
        self.sheet.area_between(&self.places(y, upper), &self.places(y, lower), colour, opacity)
    }

    /// A dashed line over the whole width.
    pub fn dashes(&self, y: &Axis, value: f64, colour: RGBColor) -> Result<(), PlotError> {
        self.sheet.dashes((self.left, self.right), self.height_of(y, value), LINE_PX, colour)
    }

    /// Words in the middle of a panel that has nothing to show.
    pub fn remark(&self, words: &str) -> Result<(), PlotError> {
        let middle = ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0);
        let look = Type::regular(13.0, MUTED);
        let half = self.sheet.text_width(words, look)? / 2.0 + 8.0;
        self.sheet.rectangle((middle.0 - half, middle.1 - 10.0), (middle.0 + half, middle.1 + 10.0), WHITE, 1.0)?;
        self.sheet.text(words, middle, look, Anchor::Middle)
    }

    fn places(&self, y: &Axis, points: Vec<Point>) -> Vec<Point> {
        let points = thinned(points, self.time.hi());
        points.into_iter().map(|(at, value)| (self.place_of(at), self.height_of(y, value))).collect()
    }

    fn place_of(&self, time_s: f64) -> f64 {
        self.left + self.time.part(time_s) * (self.right - self.left)
    }

    fn height_of(&self, y: &Axis, value: f64) -> f64 {
        self.bottom - y.part(value) * (self.bottom - self.top)
    }
}

/// From where down to where curves are drawn on a sheet of this height.
pub fn reach(height_px: f64, last: bool) -> (f64, f64) {
    (STRIP_PX + ABOVE_PX, height_px - if last { TIME_AXIS_PX } else { BELOW_PX })
}

/// An entry of a legend that ends at `right`; returns where it starts.
pub fn draw_key<B: DrawingBackend>(sheet: &Sheet<B>, key: &Key, (right, middle): (f64, f64)) -> Result<f64, PlotError> {
    const MARK_PX: f64 = 22.0;
    const LINE_KEY_PX: f64 = 2.2;
    let look = Type::regular(LABEL_PX, TEXT);
    let words_at = right - sheet.text_width(&key.words, look)?;
    sheet.text(&key.words, (words_at, middle), look, Anchor::Start)?;
    let until = words_at - 6.0;
    let from = until - MARK_PX;
    match key.mark {
        Mark::Line => {
            let half = LINE_KEY_PX / 2.0;
            sheet.rectangle((from, middle - half), (until, middle + half), key.colour, 1.0)?;
        }
        Mark::Dashes => sheet.dashes((from, until), middle, LINE_KEY_PX, key.colour)?,
        Mark::Area(opacity) => sheet.rectangle((from, middle - 5.0), (until, middle + 5.0), key.colour, opacity)?,
    }
    Ok(from)
}
