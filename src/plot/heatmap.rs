//! A figure over two axes of a sweep: one cell per pair of values, its number in it.
//!
//! The colours are cividis (Nuñez, Anderton and Renslow 2018), which differ in lightness alone for a reader of any colour
//! vision, so the map also holds in grey print.

use super::axis::{Axis, short};
use super::canvas::{self, PlotError, Sheet, fitted};
use super::style::{AXIS, Anchor, GRID, LABEL_PX, MUTED, TEXT, Type, VERMILION};
use plotters::prelude::DrawingBackend;
use plotters::style::{BLACK, RGBColor, WHITE};

/// What a heat map shows.
pub struct HeatmapFigure<'a> {
    /// The figure and its unit.
    pub title: &'a str,
    /// Of what, and how many runs.
    pub subtitle: &'a str,
    /// Name of the axis from left to right.
    pub x: &'a str,
    /// Name of the axis from below.
    pub y: &'a str,
    /// Values on it.
    pub x_labels: &'a [String],
    /// Values on it.
    pub y_labels: &'a [String],
    /// Rows from below, each from left to right; `None` is left blank.
    pub cells: &'a [Vec<Option<f64>>],
    /// The cell with the base scenario's own values.
    pub own: Option<(usize, usize)>,
}

const WIDTH_PX: u32 = 860;
const HEIGHT_PX: u32 = 560;
const TOP_PX: f64 = 86.0;
const BOTTOM_PX: f64 = 490.0;
const RIGHT_PX: f64 = 750.0;
const BAR_PX: (f64, f64) = (776.0, 794.0);
const GAP_PX: f64 = 1.0;
/// Lighter than this the cell's number is dark.
const LIGHT: f64 = 0.55;

const LABEL: Type = Type::regular(LABEL_PX, MUTED);
const NAME: Type = Type::regular(13.0, TEXT);

/// Anchors of cividis from dark to light.
const CIVIDIS: [(u8, u8, u8); 9] = [
    (0, 32, 76),
    (0, 52, 110),
    (61, 76, 107),
    (92, 98, 110),
    (122, 121, 120),
    (153, 145, 119),
    (187, 172, 107),
    (223, 200, 84),
    (255, 233, 69),
];

fn cividis(part: f64) -> RGBColor {
    let place = part.clamp(0.0, 1.0) * (CIVIDIS.len() - 1) as f64;
    let below = (place as usize).min(CIVIDIS.len() - 2);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * (place - below as f64)).round() as u8;
    let (a, b) = (CIVIDIS[below], CIVIDIS[below + 1]);
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// The map as a PNG of `scale` pixels per logical pixel.
pub fn heatmap_png(figure: &HeatmapFigure<'_>, scale: u32) -> Result<Vec<u8>, PlotError> {
    let texts = [("Title", figure.title), ("Comment", figure.subtitle)];
    canvas::png(WIDTH_PX, &[HEIGHT_PX], scale, &texts, |_, sheet| figure.draw(sheet))
}

/// The map as an SVG of the same logical size.
pub fn heatmap_svg(figure: &HeatmapFigure<'_>) -> Result<String, PlotError> {
    canvas::svg(WIDTH_PX, &[HEIGHT_PX], figure.title, |_, sheet| figure.draw(sheet))
}

impl HeatmapFigure<'_> {
    fn draw<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<(), PlotError> {
        let room = f64::from(WIDTH_PX) - 40.0;
        for (words, at, look) in
            [(self.title, 24.0, Type::bold(18.0, TEXT)), (self.subtitle, 46.0, Type::regular(13.0, MUTED))]
        {
            sheet.text(&fitted(sheet, words, look, room)?, (20.0, at), look, Anchor::Start)?;
        }
        let left = self.left(sheet)?;
        sheet.text(&fitted(sheet, self.y, NAME, 500.0)?, (20.0, TOP_PX - 16.0), NAME, Anchor::Start)?;
        let seen = || self.cells.iter().flatten().flatten().copied().filter(|value| value.is_finite());
        let axis = Axis::between(seen().fold(f64::INFINITY, f64::min), seen().fold(f64::NEG_INFINITY, f64::max), 5);
        self.draw_cells(sheet, left, &axis)?;
        self.draw_labels(sheet, left)?;
        draw_bar(sheet, &axis)?;
        if self.own.is_some() {
            let at = BOTTOM_PX + 58.0;
            sheet.frame((left, at - 6.0), (left + 14.0, at + 6.0), 2.0, VERMILION)?;
            let look = Type::regular(LABEL_PX, TEXT);
            sheet.text("the base scenario's own values", (left + 22.0, at), look, Anchor::Start)?;
        }
        Ok(())
    }

    /// Where the cells begin: right of the longest label.
    fn left<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<f64, PlotError> {
        let mut widest: f64 = 0.0;
        for label in self.y_labels {
            widest = widest.max(sheet.text_width(label, LABEL)?);
        }
        Ok((20.0 + widest + 8.0).clamp(64.0, 260.0))
    }

    /// Width and height of a cell.
    fn cell_px(&self, left: f64) -> (f64, f64) {
        let (columns, rows) = (self.x_labels.len().max(1), self.y_labels.len().max(1));
        ((RIGHT_PX - left) / columns as f64, (BOTTOM_PX - TOP_PX) / rows as f64)
    }

    fn draw_cells<B: DrawingBackend>(&self, sheet: &Sheet<B>, left: f64, axis: &Axis) -> Result<(), PlotError> {
        let (width, height) = self.cell_px(left);
        let number = Type::regular(LABEL_PX, TEXT);
        let write = numbers(axis);
        for (row, cells) in self.cells.iter().enumerate() {
            for (column, value) in cells.iter().enumerate() {
                let (x, y) = (left + column as f64 * width, BOTTOM_PX - (row + 1) as f64 * height);
                let (corner, opposite) = ((x, y), (x + width - GAP_PX, y + height - GAP_PX));
                let Some(value) = value.filter(|value| value.is_finite()) else {
                    sheet.rectangle(corner, opposite, GRID, 0.5)?;
                    continue;
                };
                let part = axis.part(value);
                sheet.rectangle(corner, opposite, cividis(part), 1.0)?;
                let words = write(value);
                sheet.tip(corner, opposite, self.tip(column, row, &words));
                if height >= LABEL_PX + 2.0 && sheet.text_width(&words, number)? + 4.0 <= width {
                    let colour = if part < LIGHT { WHITE } else { BLACK };
                    let middle = (x + (width - GAP_PX) / 2.0, y + (height - GAP_PX) / 2.0);
                    sheet.text(&words, middle, Type::regular(LABEL_PX, colour), Anchor::Middle)?;
                }
            }
        }
        if let Some((column, row)) = self.own {
            let (x, y) = (left + column as f64 * width, BOTTOM_PX - (row + 1) as f64 * height);
            sheet.frame((x, y), (x + width - GAP_PX, y + height - GAP_PX), 2.5, VERMILION)?;
        }
        Ok(())
    }

    /// What a cell says to whoever points at it.
    fn tip(&self, column: usize, row: usize, words: &str) -> String {
        let label = |labels: &[String], index: usize| labels.get(index).cloned().unwrap_or_default();
        let (x, y) = (label(self.x_labels, column), label(self.y_labels, row));
        format!("{}: {words} · {} = {x} · {} = {y}", self.title, self.x, self.y)
    }

    fn draw_labels<B: DrawingBackend>(&self, sheet: &Sheet<B>, left: f64) -> Result<(), PlotError> {
        let (width, height) = self.cell_px(left);
        let mut widest: f64 = 0.0;
        for label in self.x_labels {
            widest = widest.max(sheet.text_width(label, LABEL)?.min(140.0));
        }
        // As many labels as have room beside each other.
        let every = ((widest + 6.0) / width).ceil().max(1.0) as usize;
        for (column, label) in self.x_labels.iter().enumerate().step_by(every) {
            let words = fitted(sheet, label, LABEL, width * every as f64)?;
            let at = (left + (column as f64 + 0.5) * width, BOTTOM_PX + 14.0);
            sheet.text(&words, at, LABEL, Anchor::Middle)?;
        }
        let every = ((LABEL_PX + 2.0) / height).ceil().max(1.0) as usize;
        for (row, label) in self.y_labels.iter().enumerate().step_by(every) {
            let words = fitted(sheet, label, LABEL, left - 24.0)?;
            let at = (left - 8.0, BOTTOM_PX - (row as f64 + 0.5) * height);
            sheet.text(&words, at, LABEL, Anchor::End)?;
        }
        let middle = ((left + RIGHT_PX) / 2.0, BOTTOM_PX + 38.0);
        sheet.text(&fitted(sheet, self.x, NAME, RIGHT_PX - left)?, middle, NAME, Anchor::Middle)
    }
}

/// How the numbers in the cells are written: all with the decimals that tell a tenth of the scale's steps apart.
fn numbers(axis: &Axis) -> impl Fn(f64) -> String {
    const LONG: f64 = 10_000.0;
    let reach = axis.hi() - axis.lo();
    let decimals = (1.0 - (reach / 10.0).log10().floor()).clamp(0.0, 4.0) as usize;
    let is_long = axis.hi().abs().max(axis.lo().abs()) >= LONG;
    move |value| if is_long { short(value, reach / 10.0) } else { format!("{value:.decimals$}") }
}

/// The colours and their values.
fn draw_bar<B: DrawingBackend>(sheet: &Sheet<B>, axis: &Axis) -> Result<(), PlotError> {
    const SLICES: u32 = 256;
    let height = BOTTOM_PX - TOP_PX;
    for slice in 0..SLICES {
        let part = f64::from(slice) / f64::from(SLICES);
        let bottom = BOTTOM_PX - part * height;
        let top = bottom - height / f64::from(SLICES);
        sheet.rectangle((BAR_PX.0, top), (BAR_PX.1, bottom), cividis(part), 1.0)?;
    }
    for (value, label) in &axis.ticks {
        let at = BOTTOM_PX - axis.part(*value) * height;
        sheet.rectangle((BAR_PX.1, at - 0.5), (BAR_PX.1 + 4.0, at + 0.5), AXIS, 1.0)?;
        sheet.text(label, (BAR_PX.1 + 8.0, at), LABEL, Anchor::Start)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_run_from_dark_to_light() {
        assert_eq!(cividis(-1.0), RGBColor(0, 32, 76));
        assert_eq!(cividis(0.5), RGBColor(122, 121, 120));
        assert_eq!(cividis(2.0), RGBColor(255, 233, 69));
        let light = |part: f64| {
            let RGBColor(r, g, b) = cividis(part);
            2 * u32::from(r) + 5 * u32::from(g) + u32::from(b)
        };
        assert!((1..=100).all(|part| light(f64::from(part) / 100.0) >= light(f64::from(part - 1) / 100.0)));
    }

    #[test]
    fn numbers_have_the_same_decimals() {
        let written = |low, high, value| numbers(&Axis::between(low, high, 5))(value);
        assert_eq!(written(62.0, 100.0, 88.0), "88.0");
        assert_eq!(written(9.0, 28.0, 15.725), "15.7");
        assert_eq!(written(0.0, 900.0, 12.4), "12");
        assert_eq!(written(0.0, 2_000_000.0, 1_234_567.0), "1.23M");
    }

    #[test]
    fn a_map_is_drawn_in_both_media() {
        let labels = |all: &[&str]| all.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
        let (x, y) = (labels(&["40%", "50%", "60%"]), labels(&["5s", "2m"]));
        let cells = [vec![Some(91.25), Some(80.0), None], vec![Some(75.0), Some(f64::NAN), Some(60.0)]];
        let figure = HeatmapFigure {
            title: "good time, %",
            subtitle: "test",
            x: "hpa.cpu",
            y: "start.load",
            x_labels: &x,
            y_labels: &y,
            cells: &cells,
            own: Some((1, 0)),
        };
        let svg = heatmap_svg(&figure).expect("it can be drawn");
        assert!(svg.starts_with("<svg ") && svg.contains(">hpa.cpu<") || svg.contains("hpa.cpu\n"), "{}", &svg[..400]);
        assert!(["91.2", "40%", "2m", "good time, %"].iter().all(|words| svg.contains(words)));
        let decoder = ::png::Decoder::new(std::io::Cursor::new(heatmap_png(&figure, 1).expect("it can be drawn")));
        let mut reader = decoder.read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (860, 560));
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits")];
        reader.next_frame(&mut pixels).expect("pixels");
        assert!(pixels.iter().any(|&value| value < 90), "nothing is drawn");
    }
}
