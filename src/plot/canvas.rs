//! One drawing, two media: a PNG with its density in the file, and an SVG of the same logical size.
//!
//! Lengths are logical pixels (96 to the inch). A picture is a stack of bands, drawn one after the other. For the PNG
//! each band is drawn at [`SUPERSAMPLING`] times its size and averaged in linear light, since lines and text of
//! plotters' bitmaps are only roughly smoothed; memory is that of one band. Curves are filled column by column there:
//! plotters draws thick lines with long spikes at sharp corners.

use super::font::left_bearing_em;
use super::series::Point;
use super::style::{Anchor, Type};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::sync::Once;

/// Why a picture could not be made.
#[derive(Debug)]
pub enum PlotError {
    /// The scale is not between 1 and 8.
    Scale(u32),
    /// Drawing failed; the text is that of the drawing library.
    Draw(String),
    /// The PNG could not be written; the text is that of the encoder.
    Encode(String),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale(scale) => write!(f, "the scale of a picture is 1 to {LARGEST_SCALE}, not {scale}"),
            Self::Draw(why) => write!(f, "the picture could not be drawn: {why}"),
            Self::Encode(why) => write!(f, "the PNG could not be encoded: {why}"),
        }
    }
}

impl std::error::Error for PlotError {}

fn draw_error(why: impl fmt::Display) -> PlotError {
    PlotError::Draw(why.to_string())
}

fn encode_error(why: impl fmt::Display) -> PlotError {
    PlotError::Encode(why.to_string())
}

const LARGEST_SCALE: u32 = 8;
/// Samples per pixel and direction.
const SUPERSAMPLING: u32 = 3;
/// Device units per logical pixel of an SVG: plotters knows whole units only.
const SVG_UNITS: u32 = 4;
const LOGICAL_DPI: f64 = 96.0;
const METRES_PER_INCH: f64 = 0.0254;
const GAMMA: f32 = 2.2;

/// Noto Sans first; the others are about as wide, for SVG readers that lack it.
const FAMILY: &str = "Noto Sans, Arial, Helvetica, sans-serif";
/// From ascent to descent: what `ab_glyph` takes for a size.
const FONT_HEIGHT_EM: f64 = 1.362;
/// The SVG backend divides a size by 1.24 for its em.
const SVG_TEXT: f64 = 1.24 / FONT_HEIGHT_EM;
/// How far capitals stand above the wanted middle, in parts of the size: measured from the backends' baselines, 0.097
/// below the middle in a bitmap and 0.5 ex in an SVG, and from a capital's height of 0.714 em.
const BITMAP_RISE: f64 = 0.165;
const SVG_RISE: f64 = 0.065;

/// What a band is drawn on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Medium {
    Bitmap,
    Vector,
}

/// A band of a picture in logical pixels, (0, 0) at its upper left.
pub struct Sheet<B: DrawingBackend> {
    area: DrawingArea<B, Shift>,
    units_per_px: f64,
    medium: Medium,
    /// Of every text in drawing order, in units.
    text_widths: RefCell<Vec<f64>>,
    /// Rectangles that tell something to whoever points at them, in units.
    tips: RefCell<Vec<([i32; 4], String)>>,
}

impl<B: DrawingBackend> Sheet<B> {
    fn new(area: DrawingArea<B, Shift>, units_per_px: u32, medium: Medium) -> Self {
        register_fonts();
        Self {
            area,
            units_per_px: f64::from(units_per_px),
            medium,
            text_widths: RefCell::default(),
            tips: RefCell::default(),
        }
    }

    /// Width and height.
    pub fn size_px(&self) -> (f64, f64) {
        let (w, h) = self.area.dim_in_pixel();
        (f64::from(w) / self.units_per_px, f64::from(h) / self.units_per_px)
    }

    fn units(&self, px: f64) -> i32 {
        (px * self.units_per_px).round() as i32
    }

    /// A filled rectangle between two corners.
    pub fn rectangle(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        colour: RGBColor,
        opacity: f64,
    ) -> Result<(), PlotError> {
        let corners = [(self.units(left), self.units(top)), (self.units(right), self.units(bottom))];
        self.area.draw(&Rectangle::new(corners, colour.mix(opacity).filled())).map_err(draw_error)
    }

    /// Words for whoever points between two corners. Only an SVG can tell them.
    pub fn tip(&self, (left, top): (f64, f64), (right, bottom): (f64, f64), words: String) {
        if self.medium == Medium::Vector {
            let place = [left, top, right - left, bottom - top].map(|px| self.units(px));
            self.tips.borrow_mut().push((place, words));
        }
    }

    /// A filled shape with straight edges.
    pub fn shape(&self, corners: &[Point], colour: RGBColor, opacity: f64) -> Result<(), PlotError> {
        let shape = Polygon::new(self.whole_units(corners), colour.mix(opacity).filled());
        self.area.draw(&shape).map_err(draw_error)
    }

    /// The four edges of a rectangle, within it.
    pub fn frame(
        &self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        width: f64,
        colour: RGBColor,
    ) -> Result<(), PlotError> {
        self.rectangle((left, top), (right, top + width), colour, 1.0)?;
        self.rectangle((left, bottom - width), (right, bottom), colour, 1.0)?;
        self.rectangle((left, top), (left + width, bottom), colour, 1.0)?;
        self.rectangle((right - width, top), (right, bottom), colour, 1.0)
    }

    /// A horizontal dashed line.
    pub fn dashes(&self, (left, right): (f64, f64), y: f64, width: f64, colour: RGBColor) -> Result<(), PlotError> {
        const DASH_PX: f64 = 6.0;
        const PERIOD_PX: f64 = 10.0;
        let count = ((right - left) / PERIOD_PX).ceil().max(0.0) as u32;
        for i in 0..count {
            let from = left + f64::from(i) * PERIOD_PX;
            let until = (from + DASH_PX).min(right);
            self.rectangle((from, y - width / 2.0), (until, y + width / 2.0), colour, 1.0)?;
        }
        Ok(())
    }

    /// Words with the middle of their capitals at a height.
    pub fn text(&self, words: &str, (x, middle): (f64, f64), look: Type, anchor: Anchor) -> Result<(), PlotError> {
        if words.is_empty() {
            return Ok(());
        }
        match self.medium {
            Medium::Bitmap => self.set_glyphs(words, (x, middle + BITMAP_RISE * look.height_px), look, anchor),
            Medium::Vector => {
                let h_pos = match anchor {
                    Anchor::Start => HPos::Left,
                    Anchor::Middle => HPos::Center,
                    Anchor::End => HPos::Right,
                };
                let style = self.style(look.height_px * SVG_TEXT, look).pos(Pos::new(h_pos, VPos::Center));
                let place = (self.units(x), self.units(middle + SVG_RISE * look.height_px));
                self.text_widths.borrow_mut().push(self.text_width(words, look)? * self.units_per_px);
                self.area.draw_text(words, &style, place).map_err(draw_error)
            }
        }
    }

    /// Glyph by glyph, each with its bearing, which plotters leaves out.
    fn set_glyphs(&self, words: &str, (x, y): (f64, f64), look: Type, anchor: Anchor) -> Result<(), PlotError> {
        let start = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - self.text_width(words, look)? / 2.0,
            Anchor::End => x - self.text_width(words, look)?,
        };
        let font = if look.bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
        let style = self.style(look.height_px, look).pos(Pos::new(HPos::Left, VPos::Center));
        for (at, character) in words.char_indices().filter(|(_, character)| *character != ' ') {
            // The width up to and with the glyph, less its own, holds the kerning in front of it.
            let after = at + character.len_utf8();
            let pen = self.text_width(&words[..after], look)? - self.text_width(&words[at..after], look)?;
            let bearing = left_bearing_em(font, character) * look.height_px / FONT_HEIGHT_EM;
            let place = (self.units(start + pen + bearing), self.units(y));
            self.area.draw_text(&words[at..after], &style, place).map_err(draw_error)?;
        }
        Ok(())
    }

    /// Width of words in the embedded font.
    pub fn text_width(&self, words: &str, look: Type) -> Result<f64, PlotError> {
        let (width, _) = self.area.estimate_text_size(words, &self.style(look.height_px, look)).map_err(draw_error)?;
        Ok(f64::from(width) / self.units_per_px)
    }

    fn style(&self, height_px: f64, look: Type) -> TextStyle<'static> {
        let slope = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
        (FAMILY, height_px * self.units_per_px, slope).into_font().color(&look.colour)
    }

    /// A curve of a given width; its points go from left to right.
    pub fn curve(&self, points: &[Point], width: f64, colour: RGBColor) -> Result<(), PlotError> {
        let width = width * self.units_per_px;
        match self.medium {
            Medium::Vector => {
                let style = colour.stroke_width(width.round() as u32);
                self.area.draw(&PathElement::new(self.whole_units(points), style)).map_err(draw_error)
            }
            Medium::Bitmap => {
                let columns = Columns::touched(&self.scaled(points)).widened(width / 2.0);
                let spans = columns.spans.iter().map(|span| (span.top.round() as i32, span.bottom.round() as i32));
                self.fill_columns(columns.first, spans, colour, 1.0)
            }
        }
    }

    /// The area between two curves over the same stretch, both from left to right.
    pub fn area_between(
        &self,
        upper: &[Point],
        lower: &[Point],
        colour: RGBColor,
        opacity: f64,
    ) -> Result<(), PlotError> {
        match self.medium {
            Medium::Vector => {
                let outline: Vec<Point> = upper.iter().chain(lower.iter().rev()).copied().collect();
                let shape = Polygon::new(self.whole_units(&outline), colour.mix(opacity).filled());
                self.area.draw(&shape).map_err(draw_error)
            }
            Medium::Bitmap => {
                let upper = Columns::touched(&self.scaled(upper));
                let lower = Columns::touched(&self.scaled(lower));
                let spans = upper
                    .spans
                    .iter()
                    .zip(&lower.spans)
                    .map(|(upper, lower)| (upper.top.round() as i32, lower.top.round() as i32));
                self.fill_columns(upper.first, spans, colour, opacity)
            }
        }
    }

    fn scaled(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|(x, y)| (x * self.units_per_px, y * self.units_per_px)).collect()
    }

    fn whole_units(&self, points: &[Point]) -> Vec<(i32, i32)> {
        let mut units: Vec<(i32, i32)> = points.iter().map(|(x, y)| (self.units(*x), self.units(*y))).collect();
        units.dedup();
        units
    }

    /// Fills one span of rows per column. Equal neighbours stay apart: plotters rounds a translucent colour differently
    /// in wide rectangles, which shows as stripes.
    fn fill_columns(
        &self,
        first: i32,
        spans: impl Iterator<Item = (i32, i32)>,
        colour: RGBColor,
        opacity: f64,
    ) -> Result<(), PlotError> {
        let style = colour.mix(opacity).filled();
        for (left, (top, bottom)) in (first..).zip(spans) {
            if top < bottom {
                self.area.draw(&Rectangle::new([(left, top), (left + 1, bottom)], style)).map_err(draw_error)?;
            }
        }
        Ok(())
    }
}

/// What a curve touches of one column of pixels; top above bottom unless it touches nothing.
#[derive(Clone, Copy)]
struct Touched {
    top: f64,
    bottom: f64,
}

impl Touched {
    const NOTHING: Self = Self { top: f64::INFINITY, bottom: f64::NEG_INFINITY };

    fn include(&mut self, top: f64, bottom: f64) {
        self.top = self.top.min(top);
        self.bottom = self.bottom.max(bottom);
    }
}

/// The columns of pixels under a curve, from the first one.
struct Columns {
    first: i32,
    spans: Vec<Touched>,
}

impl Columns {
    /// Of a curve through points that go from left to right.
    fn touched(points: &[Point]) -> Self {
        let (Some(start), Some(end)) = (points.first(), points.last()) else {
            return Self { first: 0, spans: Vec::new() };
        };
        let first = start.0.floor() as i32;
        let last = (end.0.ceil() as i32 - 1).max(first);
        let mut spans = vec![Touched::NOTHING; (last - first + 1) as usize];
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let slope = if x1 > x0 { (y1 - y0) / (x1 - x0) } else { 0.0 };
            let until = (x1.floor() as i32).min(last);
            for column in x0.floor() as i32..=until {
                let from_x = x0.max(f64::from(column));
                let until_x = x1.min(f64::from(column) + 1.0);
                let (a, b) = if x1 > x0 { (y0 + (from_x - x0) * slope, y0 + (until_x - x0) * slope) } else { (y0, y1) };
                if let Some(span) = spans.get_mut((column - first) as usize) {
                    span.include(a.min(b), a.max(b));
                }
            }
        }
        Self { first, spans }
    }

    /// Of the same curve drawn with a round pen of this radius, within the same columns.
    fn widened(&self, radius: f64) -> Self {
        let reach = radius.floor() as i32;
        let rises: Vec<(i32, f64)> =
            (-reach..=reach).map(|d| (d, (radius * radius - f64::from(d * d)).sqrt())).collect();
        let count = self.spans.len() as i32;
        let spans = (0..count)
            .map(|column| {
                let mut wide = Touched::NOTHING;
                for (d, rise) in &rises {
                    let near = column + d;
                    if (0..count).contains(&near) {
                        let span = self.spans[near as usize];
                        wide.include(span.top - rise, span.bottom + rise);
                    }
                }
                wide
            })
            .collect();
        Self { first: self.first, spans }
    }
}

/// Text without a registered font is an error under `ab_glyph`.
fn register_fonts() {
    static FONTS: Once = Once::new();
    FONTS.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, notosans::REGULAR_TTF), (FontStyle::Bold, notosans::BOLD_TTF)] {
            assert!(register_font(FAMILY, style, bytes).is_ok(), "the embedded font is a font");
        }
    });
}

/// Draws bands of the given logical heights, one below another, as a PNG of `scale` pixels per logical pixel. `texts`
/// are keywords and contents for the file's text chunks.
pub fn png(
    width_px: u32,
    band_heights_px: &[u32],
    scale: u32,
    texts: &[(&str, &str)],
    draw: impl Fn(usize, &Sheet<BitMapBackend<'_>>) -> Result<(), PlotError>,
) -> Result<Vec<u8>, PlotError> {
    if !(1..=LARGEST_SCALE).contains(&scale) {
        return Err(PlotError::Scale(scale));
    }
    let units_per_px = scale * SUPERSAMPLING;
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width_px * scale, band_heights_px.iter().sum::<u32>() * scale);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    encoder.set_compression(::png::Compression::Balanced);
    let per_metre = (LOGICAL_DPI * f64::from(scale) / METRES_PER_INCH).round() as u32;
    let density = ::png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: ::png::Unit::Meter };
    encoder.set_pixel_dims(Some(density));
    for (keyword, content) in texts {
        encoder.add_itxt_chunk((*keyword).to_owned(), printable(content)).map_err(encode_error)?;
    }
    let mut writer = encoder.write_header().map_err(encode_error)?;
    let mut rows = writer.stream_writer().map_err(encode_error)?;
    let light = Light::new();
    let width = width_px * units_per_px;
    let tallest = band_heights_px.iter().max().copied().unwrap_or(0) * units_per_px;
    let mut samples = vec![0; (width * tallest) as usize * 3];
    for (number, height_px) in band_heights_px.iter().enumerate() {
        let height = height_px * units_per_px;
        let band = &mut samples[..(width * height) as usize * 3];
        band.fill(u8::MAX);
        let area = BitMapBackend::with_buffer(band, (width, height)).into_drawing_area();
        draw(number, &Sheet::new(area, units_per_px, Medium::Bitmap))?;
        rows.write_all(&light.averaged(band, width as usize)).map_err(encode_error)?;
    }
    rows.finish().map_err(encode_error)?;
    writer.finish().map_err(encode_error)?;
    Ok(file)
}

/// Tables between stored bytes and linear light.
struct Light {
    linear: Vec<u32>,
    stored: Vec<u8>,
}

impl Light {
    fn new() -> Self {
        let full = f32::from(u16::MAX);
        let linear = (0..=u8::MAX).map(|v| ((f32::from(v) / 255.0).powf(GAMMA) * full).round() as u32).collect();
        let stored = (0..=u16::MAX).map(|v| ((f32::from(v) / full).powf(1.0 / GAMMA) * 255.0).round() as u8).collect();
        Self { linear, stored }
    }

    /// One pixel for each square of samples.
    fn averaged(&self, samples: &[u8], width: usize) -> Vec<u8> {
        const SIDE: usize = SUPERSAMPLING as usize;
        const PIXEL: usize = SIDE * 3;
        let row = width * 3;
        let mut pixels = Vec::with_capacity(samples.len() / (SIDE * SIDE));
        for rows in samples.chunks_exact(row * SIDE) {
            for x in (0..row).step_by(PIXEL) {
                let lines: [&[u8]; SIDE] = std::array::from_fn(|i| &rows[i * row + x..i * row + x + PIXEL]);
                let even = lines[0][..PIXEL - 3] == lines[0][3..];
                if even && lines.iter().all(|line| *line == lines[0]) {
                    pixels.extend_from_slice(&lines[0][..3]);
                    continue;
                }
                for colour in 0..3 {
                    let values = lines.iter().flat_map(|line| line[colour..].iter().step_by(3));
                    let sum: u32 = values.map(|v| self.linear[usize::from(*v)]).sum();
                    pixels.push(self.stored[sum as usize / (SIDE * SIDE)]);
                }
            }
        }
        pixels
    }
}

/// Draws the same bands as an SVG.
pub fn svg(
    width_px: u32,
    band_heights_px: &[u32],
    title: &str,
    draw: impl Fn(usize, &Sheet<SVGBackend<'_>>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let height_px: u32 = band_heights_px.iter().sum();
    let (width, height) = (width_px * SVG_UNITS, height_px * SVG_UNITS);
    let mut drawn = String::new();
    let mut text_widths = Vec::new();
    let mut tips = String::new();
    let mut above = 0;
    {
        let root = SVGBackend::with_string(&mut drawn, (width, height)).into_drawing_area();
        root.fill(&WHITE).map_err(draw_error)?;
        let mut rest = root.clone();
        for (number, height_px) in band_heights_px.iter().enumerate() {
            let (band, below) = rest.split_vertically(height_px * SVG_UNITS);
            rest = below;
            let sheet = Sheet::new(band, SVG_UNITS, Medium::Vector);
            draw(number, &sheet)?;
            text_widths.append(&mut sheet.text_widths.borrow_mut());
            for ([x, y, width, height], words) in sheet.tips.borrow().iter() {
                tips += &format!(
                    "<rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{height}\" fill=\"none\" \
                     pointer-events=\"all\"><title>{}</title></rect>\n",
                    y + above,
                    escaped(words)
                );
            }
            above += (height_px * SVG_UNITS) as i32;
        }
        root.present().map_err(draw_error)?;
    }
    // plotters' own head gives the size in units; round joins are inherited by every curve.
    let body = drawn.split_once('>').map_or("", |(_, body)| body);
    let body = with_text_widths(body, &text_widths).replace("</svg>", &format!("{tips}</svg>"));
    let title = escaped(title);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width_px}\" height=\"{height_px}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" stroke-linejoin=\"round\">\n<title>{title}</title>{body}"
    ))
}

/// Every text gets the width that it was given room for: a reader's own font may be wider than the embedded one.
fn with_text_widths(body: &str, widths: &[f64]) -> String {
    const TEXT: &str = "<text ";
    let mut parts = body.split(TEXT);
    let mut wide = parts.next().unwrap_or("").to_owned();
    for (part, width) in parts.zip(widths) {
        wide += &format!("{TEXT}textLength=\"{width:.0}\" lengthAdjust=\"spacingAndGlyphs\" {part}");
    }
    wide
}

/// As much of the words as the room holds, with an ellipsis if some are left out.
pub fn fitted<B: DrawingBackend>(sheet: &Sheet<B>, words: &str, look: Type, room: f64) -> Result<String, PlotError> {
    let mut words = printable(words);
    if sheet.text_width(&words, look)? <= room {
        return Ok(words);
    }
    while !words.is_empty() && sheet.text_width(&words, look)? > room - look.height_px {
        words.pop();
    }
    Ok(format!("{}…", words.trim_end()))
}

/// Without control characters, which neither a picture nor XML can show.
pub fn printable(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn escaped(words: &str) -> String {
    printable(words).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_black_half_white_averages_to_half_the_light() {
        // 3 × 3 samples of which 4 are white: 4/9 of the light, and (4/9)^(1/2.2) × 255 = 176.4.
        let mut samples = vec![0u8; 27];
        samples[..12].fill(255);
        assert_eq!(Light::new().averaged(&samples, 3), [176, 176, 176]);
        assert_eq!(Light::new().averaged(&[7; 27], 3), [7, 7, 7]);
    }

    #[test]
    fn a_curve_touches_every_column_it_crosses() {
        // From (0, 0) down to (4, 8): each column sees two rows; then up a step at x = 4.
        let columns = Columns::touched(&[(0.0, 0.0), (4.0, 8.0), (4.0, 2.0), (5.0, 2.0)]);
        let seen: Vec<(f64, f64)> = columns.spans.iter().map(|s| (s.top, s.bottom)).collect();
        assert_eq!(seen, [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 8.0), (2.0, 8.0)]);
        assert!(Columns::touched(&[]).spans.is_empty());
    }

    #[test]
    fn a_round_pen_is_as_wide_as_asked() {
        // A level line at 10 with radius 2 covers 8 to 12 everywhere.
        let wide = Columns::touched(&[(0.0, 10.0), (9.0, 10.0)]).widened(2.0);
        assert!(wide.spans.iter().all(|s| s.top == 8.0 && s.bottom == 12.0));
    }
}
