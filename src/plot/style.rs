//! Colours, fonts and sizes of all charts: Okabe and Ito's colours, which colour-blind people can tell apart, one meaning each.

use plotters::prelude::*;
use plotters::style::register_font;
use std::sync::Once;

pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const TEXT: RGBColor = RGBColor(38, 43, 51);
pub(super) const MUTED: RGBColor = RGBColor(104, 112, 125);
pub(super) const GRID: RGBColor = RGBColor(228, 231, 236);
pub(super) const AXIS: RGBColor = RGBColor(150, 157, 168);

/// Registers the embedded font; without it every text is an error.
pub(super) fn fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for family in ["sans-serif", "sans"] {
            // Refused only for bytes that are no font, which these are not.
            let _ = register_font(family, FontStyle::Normal, notosans::REGULAR_TTF);
            let _ = register_font(family, FontStyle::Bold, notosans::BOLD_TTF);
        }
    });
}

/// How large the pixels of a drawing are, and whether text must be made smaller for SVG: the library measures text by one
/// rule and writes it into an SVG by another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) pixels: f64,
    pub(super) text: f64,
}

impl Scale {
    pub(super) fn px(self, logical: f64) -> i32 {
        (logical * self.pixels) as i32
    }

    pub(super) fn width(self, logical: f64) -> u32 {
        (logical * self.pixels).round().max(1.0) as u32
    }

    pub(super) fn words<'a>(self, size: f64, colour: &'a RGBColor) -> TextStyle<'a> {
        ("sans-serif", size * self.pixels * self.text).into_font().color(colour)
    }

    pub(super) fn bold<'a>(self, size: f64, colour: &'a RGBColor) -> TextStyle<'a> {
        ("sans-serif", size * self.pixels * self.text, FontStyle::Bold).into_font().color(colour)
    }
}
