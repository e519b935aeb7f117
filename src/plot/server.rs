//! The block of one Seldon server in a timeline: what its models were asked, where their replicas stood, what users waited,
//! and how full its memory was.
//!
//! Models keep their colour through the block, whose legend names them once. In the middle they stand on the server: its
//! replicas below, the replicas of the models above.

use super::axis::Axis;
use super::canvas::{PlotError, Sheet, fitted};
use super::models::{Band, ModelTicks, coloured, raised, slowest, summed};
use super::panel::{LEFT_PX, Panel, RIGHT_PX};
use super::readout::CurveReadout;
use super::series::{Point, Timed, greatest, held, pieces, sampled};
use super::style::{Anchor, BLUE, GREEN, Key, LABEL_PX, MODEL_OPACITY, MUTED, Mark, ORANGE, TEXT, Type, VERMILION};
use super::timeline::{DRAINING_OPACITY, PoolFigure, READY_OPACITY, STARTING_OPACITY, from_and_to_zero};
use crate::record::ServerRow;
use plotters::prelude::DrawingBackend;

/// The block of one server.
pub struct ServerFigure<'a> {
    /// The server as a pool.
    pub pool: PoolFigure<'a>,
    /// Its rows of `servers.csv`, in time order.
    pub rows: &'a [ServerRow],
    /// All models of the run.
    pub models: &'a ModelTicks,
    /// Are models shown here that no server ever had?
    pub homeless: bool,
}

/// What a panel is about, from cause to effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerSubject {
    Load,
    Models,
    Replicas,
    Latency,
    Memory,
}

/// The panels and their heights.
pub(super) const SERVER_PANELS: [(ServerSubject, u32); 5] = [
    (ServerSubject::Load, 180),
    (ServerSubject::Models, 160),
    (ServerSubject::Replicas, 190),
    (ServerSubject::Latency, 190),
    (ServerSubject::Memory, 200),
];

const LEGEND_ROW_PX: u32 = 18;
const LEGEND_COLUMNS: usize = 5;
const MEMORY_OPACITY: f64 = 0.3;
const RELOADS_OPACITY: f64 = 0.5;

/// Evictions and reloads are counted in so many parts of the time: one in a tick of some seconds is no rate.
const RATE_WINDOWS: f64 = 120.0;

/// The right-hand scale reaches this at least: a few reloads are no thrashing.
const LEAST_PER_MINUTE: f64 = 5.0;

/// A block ready to be drawn: what its models come to is worked out once.
pub(super) struct ServerBlock<'a, 'b> {
    figure: &'b ServerFigure<'a>,
    bands: Vec<Band>,
    slowest: Option<(String, Vec<Vec<Point>>)>,
}

impl Timed for ServerRow {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

impl<'a, 'b> ServerBlock<'a, 'b> {
    pub fn new(figure: &'b ServerFigure<'a>) -> Self {
        let all = figure.models.on(figure.pool.pool, figure.homeless);
        let slowest = slowest(&all).map(|band| (band.name.clone(), pieces(&band.ticks, |tick| tick.latency_p95_s)));
        Self { figure, bands: coloured(all), slowest }
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        self.figure.pool.pool
    }

    /// Height of the legend: none without models.
    pub fn legend_px(&self) -> Option<u32> {
        let rows = self.bands.len().div_ceil(LEGEND_COLUMNS) as u32;
        (rows > 0).then_some(rows * LEGEND_ROW_PX + 4)
    }

    /// The models' names and colours, in the order in which they are stacked.
    pub fn draw_legend<B: DrawingBackend>(&self, sheet: &Sheet<B>) -> Result<(), PlotError> {
        const MARK_PX: f64 = 22.0;
        const GAP_PX: f64 = 6.0;
        let room = (sheet.size_px().0 - LEFT_PX - RIGHT_PX) / LEGEND_COLUMNS as f64;
        let look = Type::regular(LABEL_PX, TEXT);
        for (number, band) in self.bands.iter().enumerate() {
            let (row, column) = (number / LEGEND_COLUMNS, number % LEGEND_COLUMNS);
            let left = LEFT_PX + room * column as f64;
            let middle = f64::from(LEGEND_ROW_PX) * (row as f64 + 0.5);
            sheet.rectangle((left, middle - 5.0), (left + MARK_PX, middle + 5.0), band.colour, MODEL_OPACITY)?;
            let words = fitted(sheet, &band.name, look, room - MARK_PX - 2.0 * GAP_PX)?;
            sheet.text(&words, (left + MARK_PX + GAP_PX, middle), look, Anchor::Start)?;
        }
        Ok(())
    }

    pub fn draw<B: DrawingBackend>(
        &self,
        subject: ServerSubject,
        panel: &Panel<'_, B>,
        end_s: f64,
    ) -> Result<(), PlotError> {
        match subject {
            ServerSubject::Load => self.draw_load(panel),
            ServerSubject::Models => self.draw_models(panel, end_s),
            ServerSubject::Replicas => self.draw_replicas(panel, end_s),
            ServerSubject::Latency => self.figure.pool.draw_latency(panel, self.slowest.clone()),
            ServerSubject::Memory => self.draw_memory(panel, end_s),
        }
    }

    /// What the curves of a panel stand for, tick by tick.
    pub fn curves(&self, subject: ServerSubject) -> Vec<CurveReadout> {
        use super::readout::Kind;
        let rows = self.figure.rows;
        let of_rows = |name: &str, colour, kind, value: &dyn Fn(&ServerRow) -> f64| {
            CurveReadout::new(name, colour, kind, rows.iter().map(|row| Some(value(row))).collect())
        };
        let of_bands = |kind, value: fn(&super::models::ModelTick) -> f64| {
            let values = move |band: &Band| band.ticks.iter().map(|tick| Some(value(tick))).collect();
            self.bands.iter().map(move |band| CurveReadout::new(&band.name, band.colour, kind, values(band)))
        };
        let summed = |value: fn(&super::models::ModelTick) -> f64| {
            summed(&self.bands, value).into_iter().map(|point| Some(point.1)).collect()
        };
        match subject {
            ServerSubject::Load => {
                let mut curves: Vec<CurveReadout> = of_bands(Kind::Rate, |tick| tick.offered_rps).collect();
                curves.push(CurveReadout::new("done", BLUE, Kind::Rate, summed(|tick| tick.done_rps)));
                curves
            }
            ServerSubject::Models => {
                let mut curves: Vec<CurveReadout> = of_bands(Kind::Count, |tick| f64::from(tick.available)).collect();
                let wanted = summed(|tick| f64::from(tick.wanted));
                curves.push(CurveReadout::new("wanted in all", TEXT, Kind::Count, wanted));
                curves
            }
            ServerSubject::Replicas => vec![
                of_rows("connected", GREEN, Kind::Count, &|row| f64::from(row.connected)),
                of_rows("starting", ORANGE, Kind::Count, &|row| f64::from(row.starting)),
                of_rows("draining", MUTED, Kind::Count, &|row| f64::from(row.draining)),
                of_rows("expected", TEXT, Kind::Count, &|row| f64::from(row.expected)),
            ],
            ServerSubject::Latency => {
                let mut curves = self.figure.pool.latency_curves();
                let all = self.figure.models.on(self.figure.pool.pool, self.figure.homeless);
                curves.extend(slowest(&all).map(|band| {
                    let values = band.ticks.iter().map(|tick| tick.latency_p95_s).collect();
                    CurveReadout::new(&format!("p95 of {}", band.name), TEXT, Kind::Time, values)
                }));
                curves
            }
            ServerSubject::Memory => vec![
                of_rows("in use by models", BLUE, Kind::Bytes, &|row| row.memory_used_bytes as f64),
                of_rows("of connected replicas", GREEN, Kind::Bytes, &|row| row.memory_bytes as f64),
                of_rows("reloads so far", ORANGE, Kind::Count, &|row| row.reloads as f64),
                of_rows("evictions so far", VERMILION, Kind::Count, &|row| row.evictions as f64),
            ],
        }
    }

    fn draw_load<B: DrawingBackend>(&self, panel: &Panel<'_, B>) -> Result<(), PlotError> {
        let pool = &self.figure.pool;
        let mut keys = vec![Key::new(Mark::Line, BLUE, "done")];
        keys.extend(pool.failure_key());
        panel.strip("Load", "requests/s offered to each model", &keys)?;
        let offered = summed(&self.bands, |tick| tick.offered_rps);
        let done = summed(&self.bands, |tick| tick.done_rps);
        let most = pool.greatest_failed().max(greatest(offered.iter().chain(&done).map(|point| point.1)));
        let y = Axis::from_zero(most, 5, false);
        panel.frame(&y, false)?;
        panel.tint(&pool.missed)?;
        let mut below: Vec<Point> = Vec::new();
        for band in &self.bands {
            let above = raised(below.clone(), band, |tick| tick.offered_rps);
            let floor = (!below.is_empty()).then(|| curve(&below));
            panel.area(&y, curve(&above), floor, band.colour, MODEL_OPACITY)?;
            below = above;
        }
        panel.curve(&y, curve(&done), BLUE)?;
        pool.draw_failures(panel, &y)?;
        self.remark_without_models(panel)
    }

    fn remark_without_models<B: DrawingBackend>(&self, panel: &Panel<'_, B>) -> Result<(), PlotError> {
        if self.bands.is_empty() { panel.remark("no model stood here") } else { Ok(()) }
    }

    fn draw_models<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        panel.strip("Model replicas", "available", &[Key::new(Mark::Line, TEXT, "wanted in all")])?;
        let wanted = summed(&self.bands, |tick| f64::from(tick.wanted));
        let available = summed(&self.bands, |tick| f64::from(tick.available));
        let y = Axis::from_zero(greatest(wanted.iter().chain(&available).map(|point| point.1)), 5, true);
        panel.frame(&y, false)?;
        panel.tint(&self.figure.pool.missed)?;
        self.draw_stack(panel, &y, Vec::new(), end_s)?;
        panel.curve(&y, held(&wanted, end_s, |point| point.1), TEXT)?;
        self.remark_without_models(panel)
    }

    /// The replicas of the models, one above another on a floor.
    fn draw_stack<B: DrawingBackend>(
        &self,
        panel: &Panel<'_, B>,
        y: &Axis,
        floor: Vec<Point>,
        end_s: f64,
    ) -> Result<(), PlotError> {
        let stair = |points: &[Point]| held(points, end_s, |point| point.1);
        let mut below = floor;
        for band in &self.bands {
            let above = raised(below.clone(), band, |tick| f64::from(tick.available));
            let under = (!below.is_empty()).then(|| stair(&below));
            panel.area(y, stair(&above), under, band.colour, MODEL_OPACITY)?;
            below = above;
        }
        Ok(())
    }

    fn draw_replicas<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        let rows = self.figure.rows;
        let connected = |row: &ServerRow| f64::from(row.connected);
        let up = |row: &ServerRow| connected(row) + f64::from(row.starting);
        let all = |row: &ServerRow| up(row) + f64::from(row.draining);
        let stair = |value: &dyn Fn(&ServerRow) -> f64| held(rows, end_s, value);
        let (starting, draining) = (rows.iter().any(|row| row.starting > 0), rows.iter().any(|row| row.draining > 0));
        let mut keys = vec![Key::new(Mark::Area(READY_OPACITY), GREEN, "connected")];
        if starting {
            keys.push(Key::new(Mark::Area(STARTING_OPACITY), ORANGE, "starting"));
        }
        if draining {
            keys.push(Key::new(Mark::Area(DRAINING_OPACITY), MUTED, "draining"));
        }
        keys.push(Key::new(Mark::Line, TEXT, "expected"));
        panel.strip("Models on the server", "its replicas below, theirs above", &keys)?;
        let floor: Vec<Point> = rows.iter().map(|row| (row.time_s, all(row))).collect();
        let stacked = summed(&self.bands, |tick| f64::from(tick.available));
        let heights = floor.iter().enumerate().map(|(i, (_, all))| all + stacked.get(i).map_or(0.0, |point| point.1));
        let most = greatest(heights.chain(rows.iter().map(|row| f64::from(row.expected))));
        let y = Axis::from_zero(most, 5, true);
        panel.frame(&y, false)?;
        panel.tint(&self.figure.pool.missed)?;
        panel.area(&y, stair(&connected), None, GREEN, READY_OPACITY)?;
        if starting {
            panel.area(&y, stair(&up), Some(stair(&connected)), ORANGE, STARTING_OPACITY)?;
        }
        if draining {
            panel.area(&y, stair(&all), Some(stair(&up)), MUTED, DRAINING_OPACITY)?;
        }
        self.draw_stack(panel, &y, floor, end_s)?;
        panel.curve(&y, stair(&|row| f64::from(row.expected)), TEXT)?;
        if rows.is_empty() { panel.remark("nothing was recorded") } else { Ok(()) }
    }

    fn draw_memory<B: DrawingBackend>(&self, panel: &Panel<'_, B>, end_s: f64) -> Result<(), PlotError> {
        let rows = self.figure.rows;
        let rates = |count: fn(&ServerRow) -> u64| per_minute(rows, end_s / RATE_WINDOWS, count);
        let (evicted, reloaded) = (rates(|row| row.evictions), rates(|row| row.reloads));
        let most_per_minute = greatest(evicted.iter().chain(&reloaded).map(|point| point.1));
        let most_bytes = greatest(rows.iter().map(|row| row.memory_bytes.max(row.memory_used_bytes) as f64));
        let (unit, words) = memory_unit(most_bytes);
        let y = Axis::from_zero(most_bytes / unit, 5, false);
        let mut keys = vec![
            Key::new(Mark::Area(MEMORY_OPACITY), BLUE, "in use by models"),
            Key::new(Mark::Line, GREEN, "of connected replicas"),
        ];
        if most_per_minute > 0.0 {
            keys.push(Key::new(Mark::Area(RELOADS_OPACITY), ORANGE, "reloads/min (right)"));
            keys.push(Key::new(Mark::Line, VERMILION, "evictions/min (right)"));
        }
        let unit_words = if most_per_minute > 0.0 { words.to_owned() } else { format!("{words}; nothing was evicted") };
        panel.strip("Memory", &unit_words, &keys)?;
        panel.frame(&y, true)?;
        panel.tint(&self.figure.pool.missed)?;
        let used = |row: &ServerRow| row.memory_used_bytes as f64 / unit;
        panel.area(&y, held(rows, end_s, used), None, BLUE, MEMORY_OPACITY)?;
        if most_per_minute > 0.0 {
            let right = Axis::alongside(most_per_minute.max(LEAST_PER_MINUTE), y.intervals());
            panel.right_labels(&right)?;
            panel.area(&right, reloaded, None, ORANGE, RELOADS_OPACITY)?;
            // Only where there were some: a line along the axis would look like one.
            let bursts = evicted.chunk_by(|a, b| (a.1 > 0.0) == (b.1 > 0.0)).filter(|burst| burst[0].1 > 0.0);
            panel.curves(&right, bursts.map(|burst| from_and_to_zero(burst.to_vec())).collect(), VERMILION)?;
        }
        panel.curve(&y, held(rows, end_s, |row| row.memory_bytes as f64 / unit), GREEN)?;
        if most_bytes > 0.0 { Ok(()) } else { panel.remark("no memory was given") }
    }
}

fn curve(points: &[Point]) -> Vec<Point> {
    sampled(points, |point| point.1)
}

/// The growth of a count per minute, over as many whole ticks as reach the length of a window; the last may be shorter.
/// Both ends of each window, so that a curve through them is a stair.
fn per_minute(rows: &[ServerRow], window_s: f64, count: impl Fn(&ServerRow) -> u64) -> Vec<Point> {
    let (mut before, mut begin_s) = (0, 0.0);
    let mut rates = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let (now, length_s) = (count(row), row.time_s - begin_s);
        let is_last = number + 1 == rows.len();
        // A billionth of slack: ticks of a tenth of a second do not add up exactly.
        if length_s > 0.0 && (is_last || length_s >= window_s * (1.0 - 1e-9)) {
            let rate = now.saturating_sub(before) as f64 * 60.0 / length_s;
            rates.extend([(begin_s, rate), (row.time_s, rate)]);
            (before, begin_s) = (now, row.time_s);
        }
    }
    rates
}

/// The unit in which an amount of memory has few digits.
fn memory_unit(most_bytes: f64) -> (f64, &'static str) {
    const UNITS: [(f64, &str); 3] = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")];
    UNITS.into_iter().find(|(unit, _)| most_bytes >= *unit).unwrap_or((1.0, "bytes"))
}

#[cfg(test)]
mod tests {
    use super::super::models::tests::row;
    use super::super::series::tests::quiet_row;
    use super::super::timeline::{TimelineFigure, timeline_png, timeline_svg};
    use super::*;
    use crate::record::TimelineRow;

    fn server_row(time_s: f64, connected: u32, reloads: u64) -> ServerRow {
        ServerRow {
            time_s,
            server: "mlserver".to_owned(),
            expected: connected + 1,
            connected,
            starting: 1,
            draining: 1,
            memory_bytes: u64::from(connected) << 30,
            memory_used_bytes: u64::from(connected) << 29,
            evictions: reloads,
            reloads,
            ..ServerRow::default()
        }
    }

    fn run(models: usize, ticks: u32) -> (Vec<TimelineRow>, Vec<ServerRow>, ModelTicks) {
        let mut seen = ModelTicks::default();
        let (mut rows, mut servers) = (Vec::new(), Vec::new());
        for tick in 1..=ticks {
            let time_s = f64::from(tick) * 5.0;
            for model in 0..models {
                seen.see(&row(time_s, &format!("model-{model}"), "mlserver", 10.0 + model as f64, 1 + tick % 3));
            }
            rows.push(TimelineRow { latency_p95_s: Some(0.2), rejected_rps: 1.0, ..quiet_row(time_s) });
            servers.push(server_row(time_s, 2 + tick / 10, u64::from(tick)));
        }
        (rows, servers, seen)
    }

    fn figure<'a>(rows: &'a [TimelineRow], servers: &'a [ServerRow], models: &'a ModelTicks) -> TimelineFigure<'a> {
        let pool = PoolFigure {
            pool: "mlserver",
            rows,
            latency_objective_s: Some(0.5),
            latency_objective_label: "p95 ≤ 500 ms".to_owned(),
            utilization_target: None,
            missed: vec![(5.0, 20.0)],
        };
        let server = ServerFigure { pool, rows: servers, models, homeless: true };
        TimelineFigure {
            title: "shared",
            result: "all well",
            starts_at_s: 0.0,
            duration_s: 150.0,
            pools: Vec::new(),
            servers: vec![server],
        }
    }

    fn height(svg: &str) -> u32 {
        let rest = svg.split("height=\"").nth(1).expect("an SVG has a height");
        rest.split('"').next().and_then(|digits| digits.parse().ok()).expect("a number")
    }

    #[test]
    fn the_legend_names_eight_models_and_counts_the_rest() {
        let (rows, servers, models) = run(20, 30);
        let figure = figure(&rows, &servers, &models);
        let svg = timeline_svg(&figure).expect("it can be drawn");
        for words in ["mlserver", "model-12", "model-19", "12 others", "connected", "expected", "p95 of model-", "GiB"]
        {
            assert!(svg.contains(words), "{words}");
        }
        assert!(!svg.contains(">model-3<"));
        // Head, heading, two rows of legend, panels.
        let panels: u32 = SERVER_PANELS.iter().map(|(_, px)| px).sum();
        assert_eq!(height(&svg), 60 + 30 + 2 * 18 + 4 + panels);
        assert!(timeline_png(&figure, 1).is_ok());
    }

    #[test]
    fn a_lone_model_and_none_at_all_are_pictures_too() {
        let (rows, servers, models) = run(1, 30);
        let svg = timeline_svg(&figure(&rows, &servers, &models)).expect("it can be drawn");
        assert!(svg.contains("model-0") && !svg.contains("p95 of"));
        let (none, nothing) = (ModelTicks::default(), run(0, 0));
        assert!(
            timeline_svg(&figure(&nothing.0, &nothing.1, &none)).is_ok_and(|svg| svg.contains("no model stood here"))
        );
        assert!(timeline_png(&figure(&rows, &[], &none), 1).is_ok());
    }

    #[test]
    fn counts_since_the_start_become_rates() {
        let rows = [server_row(15.0, 1, 1), server_row(30.0, 1, 2), server_row(60.0, 1, 2), server_row(70.0, 1, 5)];
        // 2 in half a minute, none in the next, 3 in a sixth.
        assert_eq!(
            per_minute(&rows, 30.0, |row| row.reloads),
            [(0.0, 4.0), (30.0, 4.0), (30.0, 0.0), (60.0, 0.0), (60.0, 18.0), (70.0, 18.0)]
        );
        assert_eq!(per_minute(&rows, 1e3, |row| row.reloads), [(0.0, 300.0 / 70.0), (70.0, 300.0 / 70.0)]);
        assert_eq!((memory_unit(3e9).1, memory_unit(1_048_576.0).1, memory_unit(5.0).1), ("GiB", "MiB", "bytes"));
    }
}
