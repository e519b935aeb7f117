//! The timeline of a run: per pool four panels over one time axis, from the load down to the queue; per Seldon server five,
//! in which its models stand on it.
//!
//! A reader sees cause above effect: what was offered, how many replicas there were, what users waited, and what the
//! scaler could know of it.

use super::axis::Axis;
use super::canvas::{self, PlotError, Sheet, fitted, printable};
use super::panel::{LEFT_PX, Panel, RIGHT_PX, draw_key};
use super::series::{Point, greatest, held, held_pieces, pieces, sampled};
use super::server::{SERVER_PANELS, ServerBlock, ServerFigure, ServerSubject};
use super::style::{
    Anchor, BLUE, GREEN, GRID, Key, MISSED_OPACITY, MUTED, Mark, ORANGE, PURPLE, SKY, TEXT, Type, VERMILION,
};
use crate::record::TimelineRow;
use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

/// What the chart of a run shows.
pub struct TimelineFigure<'a> {
    /// Scenario and scaler.
    pub title: &'a str,
    /// The result in words, and the seed.
    pub result: &'a str,
    /// What the clock says at time 0.
    pub starts_at_s: f64,
    /// Simulated time shown.
    pub duration_s: f64,
    /// One block of panels each.
    pub pools: Vec<PoolFigure<'a>>,
    /// Seldon servers: one block each, below the pools.
    pub servers: Vec<ServerFigure<'a>>,
}

/// The block of one pool.
pub struct PoolFigure<'a> {
    /// Its name.
    pub pool: &'a str,
    /// Its rows, in time order.
    pub rows: &'a [TimelineRow],
    /// Where the latency objective stands, if there is one.
    pub latency_objective_s: Option<f64>,
    /// The objective in words: `p95 ≤ 500 ms`.
    pub latency_objective_label: String,
    /// The utilization that the scaler aims at.
    pub utilization_target: Option<f64>,
    /// From and until when an objective was missed, in seconds.
    pub missed: Vec<(f64, f64)>,
}

pub(super) const WIDTH_PX: u32 = 1_000;
const HEAD_PX: u32 = 60;
const HEADING_PX: u32 = 30;
/// Panels of a lone block, and of a block that has a heading too: 840 together.
const PANELS_PX: [u32; 4] = [200, 190, 220, 230];
const PANELS_BELOW_HEADING_PX: [u32; 4] = [193, 183, 211, 223];

/// The right-hand scale reaches this at least: a few waiting requests are no flood.
const LEAST_QUEUE: f64 = 10.0;

const OFFERED_OPACITY: f64 = 0.45;
pub(super) const READY_OPACITY: f64 = 0.35;
pub(super) const STARTING_OPACITY: f64 = 0.55;
pub(super) const DRAINING_OPACITY: f64 = 0.35;
const QUEUE_OPACITY: f64 = 0.5;

/// The chart as a PNG of `scale` pixels per logical pixel; 2 is 192 dpi.
pub fn timeline_png(figure: &TimelineFigure<'_>, scale: u32) -> Result<Vec<u8>, PlotError> {
    let blocks: Vec<ServerBlock<'_, '_>> = figure.servers.iter().map(ServerBlock::new).collect();
    let (bands, heights) = figure.bands(&blocks);
    let texts = [("Title", figure.title), ("Comment", figure.result)];
    canvas::png(WIDTH_PX, &heights, scale, &texts, |number, sheet| figure.draw(&blocks, &bands[number], sheet))
}

/// The chart as an SVG of the same logical size.
pub fn timeline_svg(figure: &TimelineFigure<'_>) -> Result<String, PlotError> {
    let blocks: Vec<ServerBlock<'_, '_>> = figure.servers.iter().map(ServerBlock::new).collect();
    let (bands, heights) = figure.bands(&blocks);
    canvas::svg(WIDTH_PX, &heights, figure.title, |number, sheet| figure.draw(&blocks, &bands[number], sheet))
}

/// A horizontal part of the picture.
pub(super) enum Band {
    Head,
    Heading(usize),
    Panel(usize, Subject),
    ServerHeading(usize),
    Legend(usize),
    ServerPanel(usize, ServerSubject),
}

/// What a panel is about, from cause to effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Load,
    Replicas,
    Latency,
    Utilization,
}

const SUBJECTS: [Subject; 4] = [Subject::Load, Subject::Replicas, Subject::Latency, Subject::Utilization];

impl TimelineFigure<'_> {
    pub(super) fn bands(&self, blocks: &[ServerBlock<'_, '_>]) -> (Vec<Band>, Vec<u32>) {
        let mut bands = vec![(Band::Head, HEAD_PX)];
        let several = self.pools.len() + self.servers.len() > 1;
        for number in 0..self.pools.len() {
            if several {
                bands.push((Band::Heading(number), HEADING_PX));
            }
            let heights = if several { PANELS_BELOW_HEADING_PX } else { PANELS_PX };
            bands.extend(SUBJECTS.into_iter().zip(heights).map(|(s, height)| (Band::Panel(number, s), height)));
        }
        for (number, block) in blocks.iter().enumerate() {
            bands.push((Band::ServerHeading(number), HEADING_PX));
            bands.extend(block.legend_px().map(|height| (Band::Legend(number), height)));
            bands.extend(SERVER_PANELS.map(|(subject, height)| (Band::ServerPanel(number, subject), height)));
        }
        bands.into_iter().unzip()
    }

    fn draw<B: DrawingBackend>(
        &self,
        blocks: &[ServerBlock<'_, '_>],
        band: &Band,
        sheet: &Sheet<B>,
    ) -> Result<(), PlotError> {
        match band {
            Band::Head => self.draw_head(sheet),
            Band::Heading(number) => draw_heading(sheet, self.pools[*number].pool),
            Band::Panel(number, subject) => {
                let pool = &self.pools[*number];
                let time = Axis::time(self.starts_at_s, self.shown_s(), 13);
                let panel = Panel::new(sheet, &time, *subject == Subject::Utilization);
                match subject {
                    Subject::Load => pool.draw_load(&panel, time.hi()),
                    Subject::Replicas => pool.draw_replicas(&panel, time.hi()),
                    Subject::Latency => pool.draw_latency(&panel, None),
                    Subject::Utilization => pool.draw_utilization(&panel, time.hi()),
                }
            }
            Band::ServerHeading(number) => draw_heading(sheet, &format!("server {}", blocks[*number].name())),
            Band::Legend(number) => blocks[*number].draw_legend(sheet),
            Band::ServerPanel(number, subject) => {
                let time = Axis::time(self.starts_at_s, self.shown_s(), 13);
                let panel = Panel::new(sheet, &time, *subject == ServerSubject::Memory);
                blocks[*number].draw(*subject, &panel, time.hi())
            }
        }
    }

    /// The duration, or without one the time of the last row.
    pub(super) fn shown_s(&self) -> f64 {
        let last = greatest(self.all_pools().filter_map(|pool| pool.rows.last()).map(|row| row.time_s));
        [self.duration_s, last].into_iter().find(|s| s.is_finite() && *s > 0.0).unwrap_or(1.0)
    }

    /// Pools, those of servers included.
    pub(super) fn all_pools(&self) -> impl Iterator<Item = &PoolFigure<'_>> {
        self.pools.iter().chain(self.servers.iter().map(|server| &server.pool))
    }

    /// Title and result, and what the tint means: beside the result if there is room, else beside the title.
    fn draw_head<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<(), PlotError> {
        const START_PX: f64 = 20.0;
        const LINES_PX: [f64; 2] = [22.0, 45.0];
        let right = sheet.size_px().0 - RIGHT_PX;
        let looks = [Type::bold(19.0, TEXT), Type::regular(13.0, MUTED)];
        let mut room = [right - START_PX; 2];
        if self.all_pools().any(|pool| !pool.missed.is_empty()) {
            let key = Key::new(Mark::Area(MISSED_OPACITY), VERMILION, "objective missed");
            const KEY_PX: f64 = 170.0;
            let line = usize::from(sheet.text_width(self.result, looks[1])? + KEY_PX <= room[1]);
            let start = draw_key(sheet, &key, (right, LINES_PX[line]))?;
            room[line] = start - START_PX - 20.0;
        }
        for (line, words) in [self.title, self.result].into_iter().enumerate() {
            let words = fitted(sheet, words, looks[line], room[line])?;
            sheet.text(&words, (START_PX, LINES_PX[line]), looks[line], Anchor::Start)?;
        }
        Ok(())
    }
}

fn draw_heading<B: DrawingBackend>(sheet: &Sheet<B>, pool: &str) -> Result<(), PlotError> {
    let (width, _) = sheet.size_px();
    sheet.rectangle((20.0, 3.0), (width - RIGHT_PX, 4.0), GRID, 1.0)?;
    let look = Type::bold(15.0, TEXT);
    let words = fitted(sheet, pool, look, width - RIGHT_PX - LEFT_PX)?;
    sheet.text(&words, (20.0, 18.0), look, Anchor::Start)
}

impl PoolFigure<'_> {
    fn greatest(&self, value: impl Fn(&TimelineRow) -> f64) -> f64 {
        greatest(self.rows.iter().map(value))
    }

    fn greatest_some(&self, value: impl Fn(&TimelineRow) -> Option<f64>) -> f64 {
        greatest(self.rows.iter().filter_map(value))
    }

    fn draw_load<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        let mut keys = vec![
            Key::new(Mark::Area(OFFERED_OPACITY), SKY, "offered"),
            Key::new(Mark::Line, BLUE, "done"),
            Key::new(Mark::Line, GREEN, "ready capacity"),
        ];
        keys.extend(self.failure_key());
        panel.strip("Load", "requests/s", &keys)?;
        let y = Axis::from_zero(
            self.greatest(|row| row.offered_rps.max(row.done_rps).max(row.capacity_rps)).max(self.greatest_failed()),
            5,
            false,
        );
        panel.frame(&y, false)?;
        panel.tint(&self.missed)?;
        panel.area(&y, sampled(self.rows, |row| row.offered_rps), None, SKY, OFFERED_OPACITY)?;
        panel.curve(&y, held(self.rows, end_s, |row| row.capacity_rps), GREEN)?;
        panel.curve(&y, sampled(self.rows, |row| row.done_rps), BLUE)?;
        self.draw_failures(panel, &y)?;
        self.remark_without_rows(panel)
    }

    /// Failed requests; not where nothing failed: a line along the axis would look like a failure.
    pub(super) fn draw_failures<B: DrawingBackend>(&self, panel: &Panel<'_, B>, y: &Axis) -> Result<(), PlotError> {
        let bursts = pieces(self.rows, |row| Some(failed(row)).filter(|rate| *rate > 0.0));
        panel.curves(y, bursts.into_iter().map(from_and_to_zero).collect(), VERMILION)
    }

    pub(super) fn greatest_failed(&self) -> f64 {
        self.greatest(failed)
    }

    /// The legend's entry for the ways in which requests failed, if any did.
    pub(super) fn failure_key(&self) -> Option<Key> {
        let failures = self.failures();
        (!failures.is_empty()).then(|| Key::new(Mark::Line, VERMILION, failures.join(" + ")))
    }

    fn remark_without_rows<B: DrawingBackend>(&self, panel: &Panel<'_, B>) -> Result<(), PlotError> {
        if self.rows.is_empty() { panel.remark("nothing was recorded") } else { Ok(()) }
    }

    /// The ways in which requests failed.
    fn failures(&self) -> Vec<&'static str> {
        type Rate = fn(&TimelineRow) -> f64;
        let ways: [(&str, Rate); 3] = [
            ("rejected", |row| row.rejected_rps),
            ("timed out", |row| row.timed_out_rps),
            ("lost", |row| row.lost_rps),
        ];
        ways.into_iter().filter(|(_, rate)| self.greatest(rate) > 0.0).map(|(way, _)| way).collect()
    }

    fn draw_replicas<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        let ready = |row: &TimelineRow| f64::from(row.replicas_ready);
        let up = |row: &TimelineRow| ready(row) + f64::from(row.replicas_starting);
        let all = |row: &TimelineRow| up(row) + f64::from(row.replicas_draining);
        let starting = self.rows.iter().any(|row| row.replicas_starting > 0);
        let draining = self.rows.iter().any(|row| row.replicas_draining > 0);
        let mut keys = vec![Key::new(Mark::Area(READY_OPACITY), GREEN, "ready")];
        if starting {
            keys.push(Key::new(Mark::Area(STARTING_OPACITY), ORANGE, "starting"));
        }
        if draining {
            keys.push(Key::new(Mark::Area(DRAINING_OPACITY), MUTED, "draining"));
        }
        keys.push(Key::new(Mark::Line, TEXT, "desired"));
        panel.strip("Replicas", "count", &keys)?;
        let y = Axis::from_zero(self.greatest(|row| all(row).max(f64::from(row.replicas_desired))), 5, true);
        panel.frame(&y, false)?;
        panel.tint(&self.missed)?;
        panel.area(&y, held(self.rows, end_s, ready), None, GREEN, READY_OPACITY)?;
        if starting {
            panel.area(
                &y,
                held(self.rows, end_s, up),
                Some(held(self.rows, end_s, ready)),
                ORANGE,
                STARTING_OPACITY,
            )?;
        }
        if draining {
            panel.area(&y, held(self.rows, end_s, all), Some(held(self.rows, end_s, up)), MUTED, DRAINING_OPACITY)?;
        }
        panel.curve(&y, held(self.rows, end_s, |row| f64::from(row.replicas_desired)), TEXT)?;
        self.remark_without_rows(panel)
    }

    /// Quantiles of all requests, and the p95 of one model that stands out.
    pub(super) fn draw_latency<B: DrawingBackend>(
        &self,
        panel: &Panel<'_, B>,
        model: Option<(String, Vec<Vec<Point>>)>,
    ) -> Result<(), PlotError> {
        type Quantile = fn(&TimelineRow) -> Option<f64>;
        let curves: [(&str, RGBColor, Quantile); 3] = [
            ("p50", SKY, |row| row.latency_p50_s),
            ("p95", BLUE, |row| row.latency_p95_s),
            ("p99", PURPLE, |row| row.latency_p99_s),
        ];
        let mut keys: Vec<Key> = curves.iter().map(|(name, colour, _)| Key::new(Mark::Line, *colour, *name)).collect();
        if let Some((name, _)) = &model {
            keys.push(Key::new(Mark::Line, TEXT, format!("p95 of {}", printable(name))));
        }
        if self.latency_objective_s.is_some() {
            let words = format!("objective {}", printable(&self.latency_objective_label));
            keys.push(Key::new(Mark::Dashes, VERMILION, words));
        }
        let seen = || self.rows.iter().flat_map(|row| curves.iter().filter_map(|(_, _, quantile)| quantile(row)));
        let of_model = || model.iter().flat_map(|(_, pieces)| pieces.iter().flatten().map(|point| point.1));
        let on_axis = || seen().chain(of_model()).chain(self.latency_objective_s).filter(|s| s.is_finite() && *s > 0.0);
        let y = Axis::log_seconds(on_axis().fold(f64::INFINITY, f64::min), greatest(on_axis()));
        panel.strip("Latency", y.unit, &keys)?;
        panel.frame(&y, false)?;
        panel.tint(&self.missed)?;
        for (_, colour, quantile) in curves.iter().rev() {
            panel.curves(&y, pieces(self.rows, quantile), *colour)?;
        }
        if let Some((_, pieces)) = &model {
            panel.curves(&y, pieces.clone(), TEXT)?;
        }
        if let Some(objective) = self.latency_objective_s {
            panel.dashes(&y, objective, VERMILION)?;
        }
        if seen().next().is_none() {
            panel.remark("no request was done")?;
        }
        Ok(())
    }

    fn draw_utilization<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        let truth = |row: &TimelineRow| row.utilization_ratio.map(percent);
        let seen = |row: &TimelineRow| row.utilization_seen_ratio.map(percent);
        let target = self.utilization_target.map(percent);
        let most = self.greatest_some(truth).max(self.greatest_some(seen)).max(target.unwrap_or(0.0));
        let y = Axis::from_zero(if most > 0.0 { most } else { 100.0 }, 5, false);
        let most_waiting = self.greatest(|row| row.queue as f64);
        let mut keys = Vec::new();
        let measured = self.rows.iter().any(|row| truth(row).is_some());
        if measured {
            keys.push(Key::new(Mark::Line, BLUE, "true"));
        }
        if self.rows.iter().any(|row| seen(row).is_some()) {
            keys.push(Key::new(Mark::Line, PURPLE, "as last seen"));
        }
        if let Some(target) = target {
            keys.push(Key::new(Mark::Dashes, MUTED, format!("target {} %", rounded(target))));
        }
        let unit = if most_waiting > 0.0 {
            keys.push(Key::new(Mark::Area(QUEUE_OPACITY), ORANGE, "requests waiting (right)"));
            "usage, % of request"
        } else {
            "usage, % of request; no request waited"
        };
        panel.strip("Utilization and queue", unit, &keys)?;
        panel.frame(&y, true)?;
        panel.tint(&self.missed)?;
        if most_waiting > 0.0 {
            let waiting = Axis::alongside(most_waiting.max(LEAST_QUEUE), y.intervals());
            panel.right_labels(&waiting)?;
            panel.area(&waiting, sampled(self.rows, |row| row.queue as f64), None, ORANGE, QUEUE_OPACITY)?;
        }
        if let Some(target) = target {
            panel.dashes(&y, target, MUTED)?;
        }
        panel.curves(&y, held_pieces(self.rows, end_s, seen), PURPLE)?;
        panel.curves(&y, pieces(self.rows, truth), BLUE)?;
        if measured { Ok(()) } else { panel.remark("no usage was measured") }
    }
}

/// The same curve, risen from zero at its start and fallen to zero at its end.
pub(super) fn from_and_to_zero(mut points: Vec<Point>) -> Vec<Point> {
    if let (Some(&(start_s, _)), Some(&(end_s, _))) = (points.first(), points.last()) {
        points.insert(0, (start_s, 0.0));
        points.push((end_s, 0.0));
    }
    points
}

pub(super) fn failed(row: &TimelineRow) -> f64 {
    row.rejected_rps + row.timed_out_rps + row.lost_rps
}

fn percent(ratio: f64) -> f64 {
    ratio * 100.0
}

/// With one decimal where it says something.
fn rounded(percent: f64) -> String {
    let digits = format!("{percent:.1}");
    digits.strip_suffix(".0").map_or_else(|| digits.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::series::tests::quiet_row;
    use super::*;

    /// Five times the load in the middle third: replicas follow late, users wait.
    fn spike(count: u32, tick_s: f64) -> Vec<TimelineRow> {
        let row = |i: u32| {
            let busy = i > count / 3 && i < 2 * count / 3;
            let (load, ready, latency_s) = if busy { (500.0, 20, 13.0) } else { (100.0, 6, 0.2) };
            TimelineRow {
                offered_rps: load,
                done_rps: load - 20.0,
                rejected_rps: 20.0,
                queue: if busy { 2_000 } else { 0 },
                replicas_desired: ready + 8,
                replicas_ready: ready,
                replicas_starting: 6,
                replicas_draining: 2,
                capacity_rps: 25.0 * f64::from(ready),
                utilization_ratio: Some(0.7),
                utilization_seen_ratio: (i > 10).then_some(0.65),
                latency_p50_s: (!i.is_multiple_of(9)).then_some(latency_s / 4.0),
                latency_p95_s: Some(latency_s),
                latency_p99_s: Some(latency_s * 2.0),
                ..quiet_row(f64::from(i + 1) * tick_s)
            }
        };
        (0..count).map(row).collect()
    }

    fn figure(rows: &[TimelineRow], duration_s: f64) -> TimelineFigure<'_> {
        let pool = PoolFigure {
            pool: "chat",
            rows,
            latency_objective_s: Some(0.5),
            latency_objective_label: "p95 ≤ 500 ms".to_owned(),
            utilization_target: Some(0.7),
            missed: vec![(duration_s / 3.0, duration_s / 2.0)],
        };
        let (title, result) = ("spike · HPA <v2>", "p95 ≤ 500 ms missed · seed 42");
        TimelineFigure { title, result, starts_at_s: 0.0, duration_s, pools: vec![pool], servers: Vec::new() }
    }

    /// Size and pixels of a PNG that says 96 dpi times the scale.
    fn decoded(file: &[u8], scale: u32) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("it is a PNG");
        let density = reader.info().pixel_dims.expect("it has a density");
        assert_eq!(density.unit, png::Unit::Meter);
        // 192 dpi at scale 2: 192 / 0.0254 = 7559 to the metre.
        assert_eq!((density.xppu, density.yppu), (7_559 * scale / 2, 7_559 * scale / 2));
        let mut pixels = vec![0; reader.output_buffer_size().expect("it fits into memory")];
        let info = reader.next_frame(&mut pixels).expect("it has pixels");
        (info.width, info.height, pixels)
    }

    fn has_colour(pixels: &[u8], colour: RGBColor) -> bool {
        pixels.chunks_exact(3).any(|pixel| pixel == [colour.0, colour.1, colour.2])
    }

    #[test]
    fn a_spike_is_a_png_of_that_size_with_every_curve() {
        let rows = spike(1_440, 5.0);
        let (width, height, pixels) = decoded(&timeline_png(&figure(&rows, 7_200.0), 2).unwrap(), 2);
        assert_eq!((width, height), (2_000, 1_800));
        for colour in [BLUE, SKY, GREEN, VERMILION, PURPLE, TEXT, MUTED, plotters::style::WHITE] {
            assert!(has_colour(&pixels, colour), "{colour:?}");
        }
    }

    #[test]
    fn fifty_thousand_rows_are_drawn_with_bounded_detail() {
        let rows = spike(50_000, 0.144);
        let figure = figure(&rows, 7_200.0);
        let (_, _, pixels) = decoded(&timeline_png(&figure, 2).unwrap(), 2);
        assert!(has_colour(&pixels, BLUE) && has_colour(&pixels, PURPLE));
        assert!(timeline_svg(&figure).unwrap().len() < 500_000);
    }

    #[test]
    fn nothing_to_show_is_still_a_picture() {
        let zeros: Vec<TimelineRow> = (1..100).map(|i| quiet_row(f64::from(i))).collect();
        let zero_latency = vec![TimelineRow { latency_p95_s: Some(0.0), ..quiet_row(5.0) }];
        let endless = vec![TimelineRow { capacity_rps: f64::INFINITY, offered_rps: f64::NAN, ..quiet_row(5.0) }];
        let one_tick = spike(1, 5.0);
        for (rows, duration_s) in [
            (&[][..], 7_200.0),
            (&[], 0.0),
            (&zeros, 99.0),
            (&zero_latency, 5.0),
            (&endless, f64::NAN),
            (&one_tick, 5.0),
        ] {
            let mut figure = figure(rows, duration_s);
            let (_, _, pixels) = decoded(&timeline_png(&figure, 2).unwrap(), 2);
            assert!(has_colour(&pixels, TEXT) && has_colour(&pixels, GRID));
            figure.pools[0].latency_objective_s = None;
            figure.pools[0].utilization_target = None;
            assert!(timeline_svg(&figure).unwrap().ends_with("</svg>\n"));
        }
    }

    #[test]
    fn pools_stand_one_below_another() {
        let rows = spike(100, 5.0);
        let mut figure = figure(&rows, 500.0);
        figure.pools.extend((0..2).map(|_| PoolFigure {
            pool: "embed",
            rows: &rows,
            latency_objective_s: None,
            latency_objective_label: String::new(),
            utilization_target: None,
            missed: Vec::new(),
        }));
        let (width, height, _) = decoded(&timeline_png(&figure, 2).unwrap(), 2);
        assert_eq!((width, height), (2_000, 2 * (60 + 3 * 840)));
        figure.pools.clear();
        assert!(timeline_png(&figure, 2).is_ok());
        assert!(matches!(timeline_png(&figure, 0), Err(PlotError::Scale(0))));
    }

    #[test]
    fn an_svg_has_its_title_and_its_logical_size() {
        let rows = spike(100, 5.0);
        let svg = timeline_svg(&figure(&rows, 500.0)).unwrap();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"900\""));
        assert!(svg.contains("<title>spike · HPA &lt;v2&gt;</title>"));
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("<text textLength=").count(), svg.matches("</text>").count());
        for words in ["offered", "ready capacity", "rejected", "draining", "objective p95 ≤ 500 ms", "target 70 %"] {
            assert!(svg.contains(words), "{words}");
        }
    }

    #[test]
    fn long_words_end_in_an_ellipsis() {
        let rows = spike(10, 5.0);
        let (long_title, long_result) = ("title ".repeat(60), "result ".repeat(60));
        let figure = TimelineFigure { title: &long_title, result: &long_result, ..figure(&rows, 50.0) };
        assert_eq!(timeline_svg(&figure).unwrap().matches('…').count(), 2);
    }
}
