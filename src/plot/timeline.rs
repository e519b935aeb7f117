//! The timeline of a run: load, replicas, latency, utilization and queue over one clock, a block of four panels per pool.

use super::PlotError;
use super::axis::Axis;
use super::canvas::{Area, png, svg};
use super::style::{AXIS, BLUE, GREEN, GRID, MUTED, ORANGE, PURPLE, SKY, Scale, TEXT, VERMILION};
use crate::record::TimelineRow;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// What is drawn.
#[derive(Clone, Debug)]
pub struct TimelineFigure<'a> {
    /// Scenario and scaler.
    pub title: &'a str,
    /// What came out, in words, and the seed.
    pub result: &'a str,
    /// What the clock says at time 0, seconds since midnight.
    pub starts_at_s: f64,
    /// Simulated time, seconds.
    pub duration_s: f64,
    /// Pools in file order.
    pub pools: Vec<PoolFigure<'a>>,
}

/// One pool's block.
#[derive(Clone, Debug)]
pub struct PoolFigure<'a> {
    /// Its name.
    pub pool: &'a str,
    /// Its rows in order of time.
    pub rows: &'a [TimelineRow],
    /// Latency that it should stay under, seconds.
    pub latency_objective_s: Option<f64>,
    /// That objective in words.
    pub latency_objective_label: String,
    /// The scaler's target, as a ratio of the request.
    pub utilization_target: Option<f64>,
    /// (from, until) in seconds: outside the objective.
    pub missed: Vec<(f64, f64)>,
}

const WIDTH: u32 = 1_000;
const HEAD: u32 = 60;
const BLOCK: u32 = 840;
const PANELS: [f64; 4] = [196.0, 190.0, 218.0, 236.0];
const LEFT: f64 = 64.0;
const RIGHT: f64 = 56.0;

/// Points of a panel that are drawn one by one; of more, the smallest and the largest per pixel column.
const POINTS_MAX: usize = 4_000;

/// The timeline as a PNG of 1000 × 900 logical pixels (840 more per further pool), `scale` real ones each.
///
/// # Errors
/// What the drawing library or the encoder refuses.
pub fn timeline_png(figure: &TimelineFigure<'_>, scale: u32) -> Result<Vec<u8>, PlotError> {
    png(size(figure), scale, figure.title, |root, scale| draw(root, scale, figure))
}

/// The timeline as SVG.
///
/// # Errors
/// What the drawing library refuses.
pub fn timeline_svg(figure: &TimelineFigure<'_>) -> Result<String, PlotError> {
    svg(size(figure), |root, scale| draw(root, scale, figure))
}

fn size(figure: &TimelineFigure<'_>) -> (u32, u32) {
    let blocks = u32::try_from(figure.pools.len().max(1)).unwrap_or(1);
    (WIDTH, HEAD + BLOCK * blocks)
}

fn draw<B: DrawingBackend>(root: &Area<'_, B>, scale: Scale, figure: &TimelineFigure<'_>) -> Result<(), PlotError>
where
    B::ErrorType: 'static,
{
    root.fill(&WHITE).map_err(PlotError::of)?;
    let (head, mut rest) = root.split_vertically(scale.px(f64::from(HEAD)));
    let middle = Pos::new(HPos::Left, VPos::Center);
    let say = |text: &str, style: TextStyle<'_>, y: f64| {
        head.draw_text(text, &style.pos(middle), (scale.px(20.0), scale.px(y))).map_err(PlotError::of)
    };
    say(&fitted(&head, figure.title, &scale.bold(19.0, &TEXT), scale.px(960.0)), scale.bold(19.0, &TEXT), 22.0)?;
    let shaded = figure.pools.iter().any(|pool| !pool.missed.is_empty());
    let room = if shaded { 760.0 } else { 960.0 };
    say(&fitted(&head, figure.result, &scale.words(13.0, &MUTED), scale.px(room)), scale.words(13.0, &MUTED), 45.0)?;
    if shaded {
        let keys = [(Mark::Fill, VERMILION, 0.16, "outside the objective")];
        let (_, strip) = head.split_vertically(scale.px(34.0));
        keys_flush_right(&strip, scale, &keys)?;
    }
    for pool in &figure.pools {
        let (block, below) = rest.split_vertically(scale.px(f64::from(BLOCK)));
        rest = below;
        Block { scale, figure, pool, many: figure.pools.len() > 1 }.draw(&block)?;
    }
    Ok(())
}

/// A text cut to a width.
fn fitted<B: DrawingBackend>(area: &Area<'_, B>, text: &str, style: &TextStyle<'_>, room: i32) -> String
where
    B::ErrorType: 'static,
{
    let width = |text: &str| area.estimate_text_size(text, style).map_or(0, |size| size.0 as i32);
    let mut cut = text.to_owned();
    while width(&cut) > room && cut.chars().count() > 4 {
        let keep = cut.chars().count().saturating_sub(4);
        cut = format!("{}…", cut.chars().take(keep).collect::<String>());
    }
    cut
}

/// How a key looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Line,
    Dash,
    Fill,
}

/// Mark, colour, opacity, words.
type Key<'a> = (Mark, RGBColor, f64, &'a str);

fn keys_flush_right<B: DrawingBackend>(strip: &Area<'_, B>, scale: Scale, keys: &[Key<'_>]) -> Result<(), PlotError>
where
    B::ErrorType: 'static,
{
    let (width, height) = strip.dim_in_pixel();
    let middle = (height / 2) as i32;
    let style = scale.words(12.0, &TEXT).pos(Pos::new(HPos::Right, VPos::Center));
    let mut x = width as i32 - scale.px(RIGHT);
    for (mark, colour, opacity, label) in keys.iter().rev() {
        strip.draw_text(label, &style, (x, middle)).map_err(PlotError::of)?;
        x -= strip.estimate_text_size(label, &style).map_err(PlotError::of)?.0 as i32 + scale.px(6.0);
        let (begin, end) = (x - scale.px(20.0), x);
        let line = colour.mix(*opacity).stroke_width(scale.width(2.2));
        match mark {
            Mark::Line => strip.draw(&PathElement::new(vec![(begin, middle), (end, middle)], line)).map_err(PlotError::of)?,
            Mark::Dash => {
                let fifth = (end - begin) / 5;
                for part in [0, 2, 4] {
                    let ends = vec![(begin + part * fifth, middle), (begin + (part + 1) * fifth, middle)];
                    strip.draw(&PathElement::new(ends, line)).map_err(PlotError::of)?;
                }
            }
            Mark::Fill => {
                let corners = [(begin, middle - scale.px(5.0)), (end, middle + scale.px(5.0))];
                strip.draw(&Rectangle::new(corners, colour.mix(*opacity).filled())).map_err(PlotError::of)?;
            }
        }
        x = begin - scale.px(16.0);
    }
    Ok(())
}

/// Four panels of one pool.
struct Block<'a> {
    scale: Scale,
    figure: &'a TimelineFigure<'a>,
    pool: &'a PoolFigure<'a>,
    /// There are several pools: say whose this is.
    many: bool,
}

type Points = Vec<(f64, f64)>;

/// What a row says, if it says it.
type Column = fn(&TimelineRow) -> Option<f64>;

/// One panel: its words, axis and keys.
struct Panel<'a> {
    title: &'a str,
    unit: &'a str,
    keys: Vec<Key<'a>>,
    axis: Axis,
    label: fn(&f64) -> String,
    last: bool,
}

impl Block<'_> {
    fn draw<B: DrawingBackend>(&self, block: &Area<'_, B>) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let mut rest = block.clone();
        for (number, height) in PANELS.into_iter().enumerate() {
            let (panel, below) = rest.split_vertically(self.scale.px(height));
            rest = below;
            match number {
                0 => self.load(&panel)?,
                1 => self.replicas(&panel)?,
                2 => self.latency(&panel)?,
                _ => self.utilization(&panel)?,
            }
        }
        Ok(())
    }

    /// A column of the rows, thinned to what can be seen.
    fn column(&self, value: impl Fn(&TimelineRow) -> Option<f64>) -> Points {
        let points: Points = self
            .pool
            .rows
            .iter()
            .filter_map(|row| Some((row.time_s, value(row).filter(|value| value.is_finite())?)))
            .collect();
        thinned(points, self.figure.duration_s)
    }

    fn largest(&self, value: impl Fn(&TimelineRow) -> f64) -> f64 {
        self.pool.rows.iter().map(value).filter(|value| value.is_finite()).fold(0.0, f64::max)
    }

    fn load<B: DrawingBackend>(&self, area: &Area<'_, B>) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let failed = |row: &TimelineRow| row.rejected_rps + row.timed_out_rps + row.lost_rps;
        let fails = self.largest(failed) > 0.0;
        let title = if self.many { format!("{}: load", self.pool.pool) } else { "Load".to_owned() };
        let mut keys = vec![
            (Mark::Fill, SKY, 0.45, "offered"),
            (Mark::Line, BLUE, 1.0, "served"),
            (Mark::Dash, GREEN, 1.0, "ready capacity"),
        ];
        if fails {
            keys.push((Mark::Line, VERMILION, 1.0, "failed"));
        }
        // Capacity far above the load would squeeze the load to nothing.
        let offered = self.largest(|row| row.offered_rps);
        let top = self.largest(|row| row.capacity_rps).min(offered * 2.5).max(offered).max(self.largest(|row| row.done_rps));
        let panel =
            Panel { title: &title, unit: "requests/s", keys, axis: Axis::counted(top, 5), label: plain, last: false };
        let mut chart = self.panel(area, &panel)?;
        self.area(&mut chart, self.column(|row| Some(row.offered_rps)), SKY.mix(0.45))?;
        self.line(&mut chart, self.column(|row| Some(row.done_rps)), BLUE, 1.4)?;
        if fails {
            self.line(&mut chart, self.column(|row| Some(failed(row))), VERMILION, 1.4)?;
        }
        self.dashes(&mut chart, steps(&self.column(|row| Some(row.capacity_rps))), GREEN)
    }

    fn replicas<B: DrawingBackend>(&self, area: &Area<'_, B>) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let ready = |row: &TimelineRow| f64::from(row.replicas_ready);
        let up = |row: &TimelineRow| ready(row) + f64::from(row.replicas_starting);
        let all = |row: &TimelineRow| up(row) + f64::from(row.replicas_draining);
        let drains = self.largest(|row| f64::from(row.replicas_draining)) > 0.0;
        let mut keys = vec![(Mark::Fill, GREEN, 0.35, "ready"), (Mark::Fill, ORANGE, 0.55, "starting")];
        if drains {
            keys.push((Mark::Fill, MUTED, 0.35, "terminating"));
        }
        keys.push((Mark::Line, TEXT, 1.0, "desired"));
        let top = self.largest(all).max(self.largest(|row| f64::from(row.replicas_desired)));
        let panel = Panel { title: "Replicas", unit: "count", keys, axis: Axis::whole(top, 5), label: plain, last: false };
        let mut chart = self.panel(area, &panel)?;
        // Painted from the back: each layer covers the one behind with white before it is tinted.
        let layers: [(Points, RGBAColor); 3] = [
            (steps(&self.column(|row| Some(all(row)))), MUTED.mix(0.35)),
            (steps(&self.column(|row| Some(up(row)))), ORANGE.mix(0.55)),
            (steps(&self.column(|row| Some(ready(row)))), GREEN.mix(0.35)),
        ];
        for (points, colour) in layers {
            self.area(&mut chart, points.clone(), WHITE.to_rgba())?;
            self.area(&mut chart, points, colour)?;
        }
        self.line(&mut chart, steps(&self.column(|row| Some(f64::from(row.replicas_desired)))), TEXT, 1.5)
    }

    fn latency<B: DrawingBackend>(&self, area: &Area<'_, B>) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let columns: [(Column, RGBColor, &str); 3] = [
            (|row| row.latency_p99_s, PURPLE, "p99"),
            (|row| row.latency_p95_s, BLUE, "p95"),
            (|row| row.latency_p50_s, SKY, "p50"),
        ];
        let values = self.pool.rows.iter().flat_map(|row| columns.map(|(value, _, _)| value(row))).flatten();
        let (low, high) = values
            .chain(self.pool.latency_objective_s)
            .filter(|value| value.is_finite() && *value > 0.0)
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
        let mut keys: Vec<Key<'_>> = columns.iter().rev().map(|&(_, colour, name)| (Mark::Line, colour, 1.0, name)).collect();
        if self.pool.latency_objective_s.is_some() {
            keys.push((Mark::Dash, VERMILION, 1.0, &self.pool.latency_objective_label));
        }
        let panel = Panel {
            title: "Latency",
            unit: "of done requests, log scale",
            keys,
            axis: Axis::decades(low, high),
            label: seconds,
            last: false,
        };
        let mut chart = self.panel(area, &panel)?;
        for (value, colour, _) in columns {
            for stretch in self.stretches(value) {
                self.line(&mut chart, thinned(stretch, self.figure.duration_s), colour, 1.5)?;
            }
        }
        match self.pool.latency_objective_s {
            Some(limit) => self.dashes(&mut chart, vec![(0.0, limit), (self.figure.duration_s, limit)], VERMILION),
            None => Ok(()),
        }
    }

    /// A column in unbroken stretches: nothing is drawn where there was nothing.
    fn stretches(&self, value: impl Fn(&TimelineRow) -> Option<f64>) -> Vec<Points> {
        let mut stretches = vec![Points::new()];
        for row in self.pool.rows {
            match value(row).filter(|value| value.is_finite()) {
                Some(value) => stretches.last_mut().expect("it begins with one").push((row.time_s, value)),
                None if stretches.last().is_some_and(|stretch| !stretch.is_empty()) => stretches.push(Points::new()),
                None => {}
            }
        }
        stretches
    }

    fn utilization<B: DrawingBackend>(&self, area: &Area<'_, B>) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let mut keys = vec![(Mark::Line, BLUE, 1.0, "true")];
        let seen = self.pool.rows.iter().any(|row| row.utilization_seen_ratio.is_some());
        if seen {
            keys.push((Mark::Line, PURPLE, 1.0, "as the scaler sees it"));
        }
        if self.pool.utilization_target.is_some() {
            keys.push((Mark::Dash, MUTED, 1.0, "target"));
        }
        keys.push((Mark::Fill, ORANGE, 0.5, "queued requests (right)"));
        let percent = |value: Option<f64>| value.map(|ratio| ratio * 100.0);
        let top = self
            .largest(|row| percent(row.utilization_ratio).unwrap_or(0.0))
            .max(self.largest(|row| percent(row.utilization_seen_ratio).unwrap_or(0.0)))
            .max(percent(self.pool.utilization_target).unwrap_or(0.0));
        let axis = Axis::percent(top);
        let queue = Axis::whole(self.largest(|row| row.queue as f64), 2);
        let panel =
            Panel { title: "Utilization", unit: "CPU, % of request", keys, axis: axis.clone(), label: plain, last: true };
        let mut chart = self.panel(area, &panel)?;
        // The queue is drawn on the left-hand axis, stretched to its own.
        let stretch = axis.high() / queue.high();
        self.area(&mut chart, self.column(|row| Some(row.queue as f64 * stretch)), ORANGE.mix(0.5))?;
        self.line(&mut chart, self.column(|row| percent(row.utilization_ratio)), BLUE, 1.5)?;
        if seen {
            let points = steps(&self.column(|row| percent(row.utilization_seen_ratio)));
            self.line(&mut chart, points, PURPLE, 1.5)?;
        }
        if let Some(target) = percent(self.pool.utilization_target) {
            self.dashes(&mut chart, vec![(0.0, target), (self.figure.duration_s, target)], MUTED)?;
        }
        let plane = chart.plotting_area();
        let style = self.scale.words(12.0, &MUTED).pos(Pos::new(HPos::Left, VPos::Center));
        let (x_end, _) = plane.map_coordinate(&(self.figure.duration_s, 0.0));
        let corner = area.get_base_pixel();
        for part in [0.0, 0.5, 1.0] {
            let (_, y) = plane.map_coordinate(&(0.0, part * axis.high()));
            let at = (x_end + self.scale.px(8.0) - corner.0, y - corner.1);
            area.draw_text(&plain(&(part * queue.high())), &style, at).map_err(PlotError::of)?;
        }
        Ok(())
    }

    /// Draws frame, words and the tint of what was missed; all panels share their margins, so their clocks line up.
    fn panel<'b, B: DrawingBackend>(
        &self,
        area: &Area<'b, B>,
        panel: &Panel<'_>,
    ) -> Result<ChartContext<'b, B, Cartesian2d<Axis, Axis>>, PlotError>
    where
        B::ErrorType: 'static,
    {
        let scale = self.scale;
        let (top, plane) = area.split_vertically(scale.px(26.0));
        let middle = Pos::new(HPos::Left, VPos::Center);
        let title = scale.bold(14.0, &TEXT).pos(middle);
        let y = (top.dim_in_pixel().1 / 2) as i32;
        top.draw_text(panel.title, &title, (scale.px(LEFT), y)).map_err(PlotError::of)?;
        let width = top.estimate_text_size(panel.title, &title).map_err(PlotError::of)?.0 as i32;
        let unit = scale.words(12.0, &MUTED).pos(middle);
        top.draw_text(panel.unit, &unit, (scale.px(LEFT) + width + scale.px(7.0), y)).map_err(PlotError::of)?;
        keys_flush_right(&top, scale, &panel.keys)?;
        let clock = Axis::clock(self.figure.duration_s, self.figure.starts_at_s, 13);
        let mut chart = ChartBuilder::on(&plane)
            .margin_left(scale.px(8.0))
            .margin_right(scale.px(RIGHT))
            .margin_top(scale.px(2.0))
            .margin_bottom(scale.px(8.0))
            .y_label_area_size(scale.px(LEFT - 8.0))
            .x_label_area_size(scale.px(if panel.last { 40.0 } else { 0.0 }))
            .build_cartesian_2d(clock, panel.axis.clone())
            .map_err(PlotError::of)?;
        let starts_at_s = self.figure.starts_at_s;
        let time = move |value: &f64| hours(value + starts_at_s);
        let label = scale.words(12.0, &MUTED);
        let mut mesh = chart.configure_mesh();
        mesh.x_labels(64)
            .y_labels(64)
            .max_light_lines(0)
            .bold_line_style(GRID.stroke_width(scale.width(1.0)))
            .axis_style(AXIS.stroke_width(scale.width(1.0)))
            .label_style(label.clone())
            .y_label_formatter(&panel.label)
            .x_label_formatter(&time)
            .set_all_tick_mark_size(scale.px(4.0));
        if panel.last {
            mesh.x_desc(if starts_at_s > 0.0 { "time of day (h:mm)" } else { "simulated time (h:mm)" }).axis_desc_style(label);
        }
        mesh.draw().map_err(PlotError::of)?;
        let (low, high) = (panel.axis.low(), panel.axis.high());
        let tint = VERMILION.mix(0.12).filled();
        let missed = self.pool.missed.iter().map(|&(from, until)| Rectangle::new([(from, low), (until, high)], tint));
        chart.draw_series(missed).map_err(PlotError::of)?;
        Ok(chart)
    }

    fn line<B: DrawingBackend>(
        &self,
        chart: &mut ChartContext<'_, B, Cartesian2d<Axis, Axis>>,
        points: Points,
        colour: RGBColor,
        width: f64,
    ) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        chart.draw_series(LineSeries::new(points, colour.stroke_width(self.scale.width(width)))).map_err(PlotError::of)?;
        Ok(())
    }

    fn area<B: DrawingBackend>(
        &self,
        chart: &mut ChartContext<'_, B, Cartesian2d<Axis, Axis>>,
        points: Points,
        colour: RGBAColor,
    ) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        if points.len() > 1 {
            chart.draw_series(AreaSeries::new(points, 0.0, colour)).map_err(PlotError::of)?;
        }
        Ok(())
    }

    fn dashes<B: DrawingBackend>(
        &self,
        chart: &mut ChartContext<'_, B, Cartesian2d<Axis, Axis>>,
        points: Points,
        colour: RGBColor,
    ) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let style = colour.stroke_width(self.scale.width(1.4));
        let series = DashedLineSeries::new(points, self.scale.width(6.0), self.scale.width(4.0), style);
        chart.draw_series(series).map_err(PlotError::of)?;
        Ok(())
    }
}

/// Of many points the smallest and the largest in each column of pixels, else spikes vanish or the line becomes a band.
fn thinned(points: Points, duration_s: f64) -> Points {
    if points.len() <= POINTS_MAX || duration_s <= 0.0 {
        return points;
    }
    let columns = f64::from(WIDTH) * 1.5;
    let column = |time_s: f64| (time_s / duration_s * columns) as u64;
    let mut kept = Points::new();
    for group in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (group.iter().min_by(by_value), group.iter().max_by(by_value)) else { continue };
        let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
        kept.push(*first);
        if first != second {
            kept.push(*second);
        }
    }
    kept
}

/// A row holds over the tick that ends with it: the points of its step line.
fn steps(points: &[(f64, f64)]) -> Points {
    let mut line = Points::new();
    let mut last_time = 0.0;
    for &(time, value) in points {
        match line.last() {
            Some(&(_, before)) if before == value => {}
            Some(&(_, before)) => line.extend([(last_time, before), (last_time, value)]),
            None => line.push((0.0, value)),
        }
        last_time = time;
    }
    if let Some(&(_, value)) = line.last() {
        line.push((last_time, value));
    }
    line
}

/// A count, in thousands or millions where that is shorter.
fn plain(value: &f64) -> String {
    let value = *value;
    if value >= 1e6 {
        format!("{}M", trimmed(value / 1e6))
    } else if value >= 10_000.0 {
        format!("{}k", trimmed(value / 1e3))
    } else {
        trimmed(value)
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn seconds(value: &f64) -> String {
    let value = *value;
    if value < 0.000_999 {
        format!("{} µs", trimmed(value * 1e6))
    } else if value < 0.999 {
        format!("{} ms", trimmed(value * 1e3))
    } else {
        format!("{} s", trimmed(value))
    }
}

fn hours(value: f64) -> String {
    let minutes = (value / 60.0).floor() as i64;
    let rest = value - minutes as f64 * 60.0;
    if rest > 0.5 { format!("{}:{:02}:{rest:02.0}", minutes / 60, minutes % 60) } else { format!("{}:{:02}", minutes / 60, minutes % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time_s: f64, load: f64) -> TimelineRow {
        TimelineRow {
            time_s,
            pool: "chat".to_owned(),
            offered_rps: load,
            done_rps: load * 0.9,
            rejected_rps: load * 0.1,
            timed_out_rps: 0.0,
            lost_rps: 0.0,
            queue: load as u64,
            in_flight: load as u64,
            replicas_desired: (load / 20.0) as u32,
            replicas_ready: 6,
            replicas_starting: 2,
            replicas_draining: 1,
            capacity_rps: 150.0,
            utilization_ratio: Some(0.7),
            utilization_seen_ratio: Some(0.6),
            utilization_seen_age_s: Some(60.0),
            latency_p50_s: Some(0.07),
            latency_p95_s: Some(load / 100.0),
            latency_p99_s: None,
            cost_usd: 0.0,
        }
    }

    fn figure(rows: &[TimelineRow], duration_s: f64) -> TimelineFigure<'_> {
        let pool = PoolFigure {
            pool: "chat",
            rows,
            latency_objective_s: Some(0.5),
            latency_objective_label: "p95 ≤ 500 ms".to_owned(),
            utilization_target: Some(0.7),
            missed: vec![(10.0, 20.0)],
        };
        TimelineFigure { title: "spike & more", result: "one seed", starts_at_s: 0.0, duration_s, pools: vec![pool] }
    }

    fn decoded(bytes: &[u8]) -> (png::Info<'static>, bool) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        reader.next_frame(&mut pixels).expect("pixels");
        let blank = pixels.iter().all(|&byte| byte == 255);
        (reader.info().clone(), blank)
    }

    #[test]
    fn the_file_is_a_png_of_that_size_and_not_blank() {
        let rows: Vec<TimelineRow> = (1..=200).map(|n| row(f64::from(n) * 5.0, 100.0 + f64::from(n))).collect();
        let (info, blank) = decoded(&timeline_png(&figure(&rows, 1_000.0), 1).expect("a picture"));
        assert_eq!((info.width, info.height, blank), (1_000, 900, false));
        let dims = info.pixel_dims.expect("a resolution");
        assert_eq!((dims.xppu, dims.unit), (3_780, png::Unit::Meter)); // 96 dots an inch at scale 1
    }

    #[test]
    fn little_or_much_data_is_drawn() {
        let none = figure(&[], 10.0);
        assert!(timeline_png(&none, 1).is_ok() && timeline_svg(&none).is_ok());
        let zeros = [row(5.0, 0.0)];
        assert!(timeline_svg(&figure(&zeros, 5.0)).is_ok());
        let many: Vec<TimelineRow> = (1..=50_000).map(|n| row(f64::from(n), 100.0 + f64::from(n % 97))).collect();
        assert!(timeline_svg(&figure(&many, 50_000.0)).expect("a picture").len() < 3_000_000);
        let pools = TimelineFigure { pools: vec![], ..none };
        assert!(timeline_svg(&pools).is_ok());
    }

    #[test]
    fn an_svg_has_the_words() {
        let rows: Vec<TimelineRow> = (1..=20).map(|n| row(f64::from(n) * 5.0, 100.0)).collect();
        let text = timeline_svg(&figure(&rows, 100.0)).expect("a picture");
        assert!(text.contains("spike &amp; more") && text.contains("ready capacity") && text.contains("p95 ≤ 500 ms"));
    }

    #[test]
    fn a_step_line_changes_where_the_tick_begins() {
        assert_eq!(steps(&[(5.0, 1.0), (10.0, 1.0), (15.0, 2.0)]), [(0.0, 1.0), (10.0, 1.0), (10.0, 2.0), (15.0, 2.0)]);
    }

    #[test]
    fn spikes_survive_thinning() {
        let points: Points = (0..100_000).map(|n| (f64::from(n), if n == 54_321 { 9.0 } else { 1.0 })).collect();
        let kept = thinned(points, 100_000.0);
        assert!(kept.len() < 4_000 && kept.iter().any(|&(_, value)| value == 9.0));
    }
}
