//! What each point of a sweep costs against what it gives, and the points that no other beats on both.

use super::axis::Axis;
use super::canvas::{self, PlotError, Sheet, fitted};
use super::style::{
    AXIS, Anchor, BLUE, GREEN, GRID, LABEL_PX, LINE_PX, MUTED, ORANGE, PURPLE, SKY, TEXT, Type, VERMILION,
};
use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;
use std::f64::consts::TAU;

/// One point of the sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// From left to right.
    pub cost: f64,
    /// From below.
    pub value: f64,
    /// Which of the groups.
    pub group: usize,
    /// Its number on the front, from 1, if no other point beats it.
    pub front: Option<usize>,
}

/// A place that the chart names, such as where things stand now.
#[derive(Clone, Debug, PartialEq)]
pub struct Landmark {
    /// From left to right.
    pub cost: f64,
    /// From below.
    pub value: f64,
    /// What it is.
    pub words: String,
}

/// How an axis is scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances.
    Linear,
    /// Equal ratios of seconds.
    LogSeconds,
}

/// What a Pareto chart shows.
#[derive(Clone, Copy)]
pub struct ParetoFigure<'a> {
    /// The two figures.
    pub title: &'a str,
    /// Of what, and how many runs.
    pub subtitle: &'a str,
    /// Name and unit of the cost.
    pub x: &'a str,
    /// Name and unit of the other figure.
    pub y: &'a str,
    /// Scale of the other figure.
    pub scale: Scale,
    /// All points.
    pub dots: &'a [Dot],
    /// Places that are named in place of the numbers of the front; empty: those.
    pub landmarks: &'a [Landmark],
    /// What the groups are, where there are several.
    pub groups: &'a [String],
    /// What each point is, in the order of the points; may be empty.
    pub names: &'a [String],
}

const WIDTH_PX: u32 = 900;
const HEIGHT_PX: u32 = 600;
const LEFT_PX: f64 = 72.0;
const TOP_PX: f64 = 110.0;
const RIGHT_PX: f64 = 872.0;
const BOTTOM_PX: f64 = 540.0;
const RADIUS_PX: f64 = 5.0;
const BEATEN_OPACITY: f64 = 0.35;

const LABEL: Type = Type::regular(LABEL_PX, MUTED);
const NAME: Type = Type::regular(13.0, TEXT);
const COLOURS: [RGBColor; 6] = [BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION];

/// The chart as a PNG of `scale` pixels per logical pixel.
pub fn pareto_png(figure: &ParetoFigure<'_>, scale: u32) -> Result<Vec<u8>, PlotError> {
    let texts = [("Title", figure.title), ("Comment", figure.subtitle)];
    canvas::png(WIDTH_PX, &[HEIGHT_PX], scale, &texts, |_, sheet| figure.draw(sheet))
}

/// The chart as an SVG of the same logical size.
pub fn pareto_svg(figure: &ParetoFigure<'_>) -> Result<String, PlotError> {
    canvas::svg(WIDTH_PX, &[HEIGHT_PX], figure.title, |_, sheet| figure.draw(sheet))
}

impl ParetoFigure<'_> {
    fn draw<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<(), PlotError> {
        let room = f64::from(WIDTH_PX) - 40.0;
        for (words, at, look) in
            [(self.title, 24.0, Type::bold(18.0, TEXT)), (self.subtitle, 46.0, Type::regular(13.0, MUTED))]
        {
            sheet.text(&fitted(sheet, words, look, room)?, (20.0, at), look, Anchor::Start)?;
        }
        self.draw_legend(sheet)?;
        let dots: Vec<&Dot> = self.dots.iter().filter(|dot| dot.cost.is_finite() && dot.value.is_finite()).collect();
        let (x, y) = self.axes(&dots);
        self.draw_axes(sheet, &x, &y)?;
        let at = |cost: f64, value: f64| {
            (LEFT_PX + x.part(cost) * (RIGHT_PX - LEFT_PX), BOTTOM_PX - y.part(value) * (BOTTOM_PX - TOP_PX))
        };
        let place = |dot: &Dot| at(dot.cost, dot.value);
        for dot in dots.iter().filter(|dot| dot.front.is_none()) {
            draw_mark(sheet, dot.group, place(dot), BEATEN_OPACITY, false)?;
        }
        let mut front: Vec<(usize, &Dot)> = dots.iter().filter_map(|dot| Some((dot.front?, *dot))).collect();
        front.sort_by_key(|(number, _)| *number);
        let mut stair = Vec::new();
        for (_, dot) in &front {
            let (across, up) = place(dot);
            if let Some(&(_, before)) = stair.last() {
                stair.push((across, before));
            }
            stair.push((across, up));
        }
        if stair.len() > 1 {
            sheet.curve(&stair, LINE_PX, TEXT)?;
        }
        for (dot, name) in self.dots.iter().zip(self.names) {
            if dot.cost.is_finite() && dot.value.is_finite() {
                let ((x, y), reach) = (place(dot), RADIUS_PX + 2.0);
                sheet.tip((x - reach, y - reach), (x + reach, y + reach), name.clone());
            }
        }
        let mut before: Option<(f64, f64)> = None;
        for (number, dot) in &front {
            let (across, up) = place(dot);
            draw_mark(sheet, dot.group, (across, up), 1.0, true)?;
            if !self.landmarks.is_empty() {
                continue;
            }
            // Above its place; below where the number before it stands too near.
            let near = before.is_some_and(|(x, y)| (across - x).abs() < 16.0 && (up - y).abs() < 14.0);
            let (at, anchor) = if near {
                before = None;
                ((across + RADIUS_PX + 2.0, up + RADIUS_PX + 5.0), Anchor::Start)
            } else {
                before = Some((across, up));
                ((across - RADIUS_PX - 2.0, up - RADIUS_PX - 5.0), Anchor::End)
            };
            sheet.text(&number.to_string(), at, Type::regular(11.0, TEXT), anchor)?;
        }
        for landmark in self.landmarks.iter().filter(|landmark| landmark.cost.is_finite() && landmark.value.is_finite())
        {
            draw_landmark(sheet, &landmark.words, at(landmark.cost, landmark.value))?;
        }
        Ok(())
    }

    fn axes(&self, dots: &[&Dot]) -> (Axis, Axis) {
        let landmarks = self.landmarks.iter().map(|landmark| (landmark.cost, landmark.value));
        let places: Vec<(f64, f64)> = dots.iter().map(|dot| (dot.cost, dot.value)).chain(landmarks).collect();
        let ends = |of: fn(&(f64, f64)) -> f64| {
            let values = || places.iter().map(of).filter(|value| value.is_finite());
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let (least, most) = ends(|place| place.0);
        let (low, high) = ends(|place| place.1);
        let y = match self.scale {
            Scale::Linear => Axis::between(low, high, 6),
            Scale::LogSeconds => Axis::log_seconds(low, high),
        };
        (Axis::between(least, most, 8), y)
    }

    fn draw_axes<B: DrawingBackend>(&self, sheet: &Sheet<B>, x: &Axis, y: &Axis) -> Result<(), PlotError> {
        for (value, label) in &x.ticks {
            let at = LEFT_PX + x.part(*value) * (RIGHT_PX - LEFT_PX);
            sheet.rectangle((at - 0.5, TOP_PX), (at + 0.5, BOTTOM_PX), GRID, 1.0)?;
            sheet.rectangle((at - 0.5, BOTTOM_PX), (at + 0.5, BOTTOM_PX + 4.0), AXIS, 1.0)?;
            sheet.text(label, (at, BOTTOM_PX + 14.0), LABEL, Anchor::Middle)?;
        }
        for (value, label) in &y.ticks {
            let at = BOTTOM_PX - y.part(*value) * (BOTTOM_PX - TOP_PX);
            sheet.rectangle((LEFT_PX, at - 0.5), (RIGHT_PX, at + 0.5), GRID, 1.0)?;
            sheet.rectangle((LEFT_PX - 4.0, at - 0.5), (LEFT_PX, at + 0.5), AXIS, 1.0)?;
            sheet.text(label, (LEFT_PX - 8.0, at), LABEL, Anchor::End)?;
        }
        sheet.rectangle((LEFT_PX - 0.5, TOP_PX), (LEFT_PX + 0.5, BOTTOM_PX + 0.5), AXIS, 1.0)?;
        sheet.rectangle((LEFT_PX - 0.5, BOTTOM_PX - 0.5), (RIGHT_PX, BOTTOM_PX + 0.5), AXIS, 1.0)?;
        let name = |words: &str| fitted(sheet, words, NAME, RIGHT_PX - LEFT_PX);
        sheet.text(&name(self.x)?, ((LEFT_PX + RIGHT_PX) / 2.0, BOTTOM_PX + 38.0), NAME, Anchor::Middle)?;
        let y_name = if y.unit.is_empty() { self.y.to_owned() } else { format!("{} ({})", self.y, y.unit) };
        sheet.text(&name(&y_name)?, (20.0, TOP_PX - 16.0), NAME, Anchor::Start)
    }

    /// Groups with their marks, as many as have room.
    fn draw_legend<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<(), PlotError> {
        let look = Type::regular(LABEL_PX, TEXT);
        let mut left = 28.0;
        for (number, group) in self.groups.iter().enumerate().filter(|_| self.groups.len() > 1) {
            let words = fitted(sheet, group, look, 240.0)?;
            let next = left + 11.0 + sheet.text_width(&words, look)? + 23.0;
            if next > RIGHT_PX {
                return sheet.text("…", (left, 70.0), look, Anchor::Start);
            }
            draw_mark(sheet, number, (left, 70.0), 1.0, false)?;
            sheet.text(&words, (left + 11.0, 70.0), look, Anchor::Start)?;
            left = next;
        }
        Ok(())
    }
}

/// A place with its name below it, on the side that has room.
fn draw_landmark<B: DrawingBackend>(sheet: &Sheet<B>, words: &str, (across, up): (f64, f64)) -> Result<(), PlotError> {
    sheet.shape(&outline(0, (across, up), RADIUS_PX + 3.5), TEXT, 1.0)?;
    sheet.shape(&outline(0, (across, up), RADIUS_PX + 1.5), VERMILION, 1.0)?;
    let look = Type::bold(13.0, TEXT);
    let right = across + 12.0 + sheet.text_width(words, look)? < RIGHT_PX;
    let (beside, anchor) = if right { (across + 12.0, Anchor::Start) } else { (across - 12.0, Anchor::End) };
    sheet.text(words, (beside, up + 16.0), look, anchor)
}

/// Colour and shape by group, so that a reader of any colour vision can tell them apart. A filled shape has no gaps at its
/// rim, as plotters' circles have.
fn draw_mark<B: DrawingBackend>(
    sheet: &Sheet<B>,
    group: usize,
    place: (f64, f64),
    opacity: f64,
    edge: bool,
) -> Result<(), PlotError> {
    if edge {
        sheet.shape(&outline(group, place, RADIUS_PX + 1.2), TEXT, 1.0)?;
    }
    sheet.shape(&outline(group, place, RADIUS_PX), COLOURS[group % COLOURS.len()], opacity)
}

fn outline(group: usize, (x, y): (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    let around = |corners: u32, turn: f64, radius: f64| {
        (0..corners)
            .map(|corner| (f64::from(corner) / f64::from(corners) + turn) * TAU)
            .map(|angle| (x + radius * angle.sin(), y - radius * angle.cos()))
            .collect()
    };
    match group % 4 {
        0 => around(32, 0.0, radius),
        1 => around(3, 0.0, radius * 1.3),
        2 => around(4, 0.125, radius * 1.2),
        _ => around(4, 0.0, radius * 1.25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_drawn_in_both_media() {
        let dot = |cost, value, group, front| Dot { cost, value, group, front };
        let dots = [
            dot(10.0, 80.0, 0, Some(1)),
            dot(12.0, 79.0, 1, None),
            dot(15.0, 95.0, 2, Some(2)),
            dot(f64::NAN, 1.0, 3, None),
        ];
        let groups = ["15s", "30s", "60s"].map(str::to_owned);
        let figure = ParetoFigure {
            title: "good time against replica hours",
            subtitle: "test",
            x: "replica hours",
            y: "good time, %",
            scale: Scale::Linear,
            dots: &dots,
            landmarks: &[],
            groups: &groups,
            names: &[],
        };
        let svg = pareto_svg(&figure).expect("it can be drawn");
        assert!(["replica hours", "good time, %", "30s"].iter().all(|words| svg.contains(words)));
        assert!(pareto_png(&figure, 1).is_ok_and(|png| png.starts_with(b"\x89PNG")));
        // With landmarks the front has no numbers.
        let number = ">\n2\n<";
        assert!(svg.contains(number));
        let now = [Landmark { cost: 9.0, value: 70.0, words: "now".to_owned() }];
        let named = pareto_svg(&ParetoFigure { landmarks: &now, ..figure }).expect("it can be drawn");
        assert!(named.contains("now") && !named.contains(number));
        let empty = ParetoFigure { dots: &[], groups: &[], scale: Scale::LogSeconds, ..figure };
        assert!(pareto_svg(&empty).is_ok());
    }

    #[test]
    fn shapes_stand_around_their_place() {
        for group in 0..4 {
            let corners = outline(group, (10.0, 20.0), 5.0);
            let count = corners.len() as f64;
            let middle = corners.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.0 / count, sum.1 + at.1 / count));
            assert!((middle.0 - 10.0).abs() < 1e-9 && (middle.1 - 20.0).abs() < 1e-9);
        }
    }
}
