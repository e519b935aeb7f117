//! What a timeline's curves stand for, tick by tick, and where its panels are: for a reader that points at an instant.
//!
//! Law: no more instants than such a reader can tell apart. Beyond those, neighbours become one that shows the greatest of
//! each value: a spike of one tick stays.

use super::panel::{LEFT_PX, RIGHT_PX, reach};
use super::server::{ServerBlock, ServerSubject};
use super::style::{BLUE, GREEN, MUTED, ORANGE, PURPLE, SKY, TEXT, VERMILION};
use super::timeline::{Band, PoolFigure, Subject, TimelineFigure, WIDTH_PX, failed};
use crate::record::TimelineRow;
use plotters::style::RGBColor;

/// The values behind a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Where the time axis begins and ends, in logical pixels of the picture.
    pub across_px: (f64, f64),
    /// Width and height of the picture.
    pub size_px: (f64, f64),
    /// What the clock says at time 0.
    pub starts_at_s: f64,
    /// Where the time axis ends.
    pub end_s: f64,
    /// End of each instant that is known.
    pub times_s: Vec<f64>,
    /// Is each the greatest of several ticks?
    pub thinned: bool,
    /// From above.
    pub panels: Vec<PanelReadout>,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelReadout {
    /// What it is about.
    pub title: String,
    /// Top and bottom of the plotting area, in logical pixels of the picture.
    pub down_px: (f64, f64),
    /// Does the time axis stand below it?
    pub has_axis: bool,
    /// In the order of the legend.
    pub curves: Vec<CurveReadout>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveReadout {
    /// As the legend names it.
    pub name: String,
    /// `#0072B2`
    pub colour: String,
    /// What is counted.
    pub kind: Kind,
    /// One per instant.
    pub values: Vec<Option<f64>>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Per second.
    Rate,
    /// Whole things.
    Count,
    /// Seconds.
    Time,
    /// Of a whole.
    Ratio,
    /// Memory.
    Bytes,
}

impl Kind {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Count => "count",
            Self::Time => "time",
            Self::Ratio => "ratio",
            Self::Bytes => "bytes",
        }
    }
}

impl CurveReadout {
    pub(super) fn new(name: &str, colour: RGBColor, kind: Kind, values: Vec<Option<f64>>) -> Self {
        let RGBColor(red, green, blue) = colour;
        let values = values.into_iter().map(|value| value.filter(|value| value.is_finite())).collect();
        Self { name: name.to_owned(), colour: format!("#{red:02X}{green:02X}{blue:02X}"), kind, values }
    }

    fn ever(&self) -> bool {
        self.values.iter().flatten().any(|value| *value > 0.0)
    }
}

/// No reader needs more instants, nor a page more values in all.
const MOST_INSTANTS: usize = 1_440;
const MOST_VALUES: usize = 30_000;
const LEAST_INSTANTS: usize = 200;

impl TimelineFigure<'_> {
    /// The values behind the picture.
    pub fn readout(&self) -> Readout {
        let blocks: Vec<ServerBlock<'_, '_>> = self.servers.iter().map(ServerBlock::new).collect();
        let (bands, heights) = self.bands(&blocks);
        let several = self.pools.len() + self.servers.len() > 1;
        let named = |subject: &str, of: &str| if several { format!("{of}: {subject}") } else { subject.to_owned() };
        let mut panels = Vec::new();
        let mut top = 0.0;
        for (band, height) in bands.iter().zip(&heights) {
            let height = f64::from(*height);
            let found = match band {
                Band::Panel(number, subject) => {
                    let pool = &self.pools[*number];
                    let curves = pool.curves(*subject);
                    Some((named(subject.as_str(), pool.pool), *subject == Subject::Utilization, curves))
                }
                Band::ServerPanel(number, subject) => {
                    let block = &blocks[*number];
                    let curves = block.curves(*subject);
                    Some((named(subject.as_str(), block.name()), *subject == ServerSubject::Memory, curves))
                }
                Band::Head | Band::Heading(_) | Band::ServerHeading(_) | Band::Legend(_) => None,
            };
            if let Some((title, has_axis, curves)) = found {
                let (from, until) = reach(height, has_axis);
                panels.push(PanelReadout { title, down_px: (top + from, top + until), has_axis, curves });
            }
            top += height;
        }
        let longest = self.all_pools().map(|pool| pool.rows).max_by_key(|rows| rows.len()).unwrap_or_default();
        let mut readout = Readout {
            across_px: (LEFT_PX, f64::from(WIDTH_PX) - RIGHT_PX),
            size_px: (f64::from(WIDTH_PX), top),
            starts_at_s: self.starts_at_s,
            end_s: self.shown_s(),
            times_s: longest.iter().map(|row| row.time_s).collect(),
            thinned: false,
            panels,
        };
        readout.thin();
        readout
    }
}

impl Readout {
    /// As many values in every curve as there are instants, and no more of those than there should be.
    fn thin(&mut self) {
        let curves: usize = self.panels.iter().map(|panel| panel.curves.len()).sum();
        let most = (MOST_VALUES / curves.max(1)).clamp(LEAST_INSTANTS, MOST_INSTANTS);
        let instants = self.times_s.len();
        let together = instants.div_ceil(most).max(1);
        self.thinned = together > 1;
        self.times_s = self.times_s.chunks(together).filter_map(|group| group.last().copied()).collect();
        for curve in self.panels.iter_mut().flat_map(|panel| &mut panel.curves) {
            curve.values.resize(instants, None);
            let greatest = |group: &[Option<f64>]| group.iter().flatten().copied().reduce(f64::max);
            curve.values = curve.values.chunks(together).map(greatest).collect();
        }
    }
}

impl PoolFigure<'_> {
    fn curve(
        &self,
        name: &str,
        colour: RGBColor,
        kind: Kind,
        value: impl Fn(&TimelineRow) -> Option<f64>,
    ) -> CurveReadout {
        CurveReadout::new(name, colour, kind, self.rows.iter().map(value).collect())
    }

    /// What the curves of a panel stand for; ways of failing and passing states only where there are any.
    fn curves(&self, subject: Subject) -> Vec<CurveReadout> {
        let count = |value: u32| Some(f64::from(value));
        let (curves, optional) = match subject {
            Subject::Load => (
                vec![
                    self.curve("offered", SKY, Kind::Rate, |row| Some(row.offered_rps)),
                    self.curve("done", BLUE, Kind::Rate, |row| Some(row.done_rps)),
                    self.curve("ready capacity", GREEN, Kind::Rate, |row| Some(row.capacity_rps)),
                ],
                vec![self.curve("failed", VERMILION, Kind::Rate, |row| Some(failed(row)))],
            ),
            Subject::Replicas => (
                vec![
                    self.curve("ready", GREEN, Kind::Count, |row| count(row.replicas_ready)),
                    self.curve("desired", TEXT, Kind::Count, |row| count(row.replicas_desired)),
                ],
                vec![
                    self.curve("starting", ORANGE, Kind::Count, |row| count(row.replicas_starting)),
                    self.curve("draining", MUTED, Kind::Count, |row| count(row.replicas_draining)),
                ],
            ),
            Subject::Latency => (self.latency_curves(), Vec::new()),
            Subject::Utilization => (
                Vec::new(),
                vec![
                    self.curve("true", BLUE, Kind::Ratio, |row| row.utilization_ratio),
                    self.curve("as last seen", PURPLE, Kind::Ratio, |row| row.utilization_seen_ratio),
                    self.curve("waiting", ORANGE, Kind::Count, |row| Some(row.queue as f64)),
                ],
            ),
        };
        curves.into_iter().chain(optional.into_iter().filter(CurveReadout::ever)).collect()
    }

    pub(super) fn latency_curves(&self) -> Vec<CurveReadout> {
        vec![
            self.curve("p50", SKY, Kind::Time, |row| row.latency_p50_s),
            self.curve("p95", BLUE, Kind::Time, |row| row.latency_p95_s),
            self.curve("p99", PURPLE, Kind::Time, |row| row.latency_p99_s),
        ]
    }
}

impl Subject {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "Load",
            Self::Replicas => "Replicas",
            Self::Latency => "Latency",
            Self::Utilization => "Utilization and queue",
        }
    }
}

impl ServerSubject {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "Load",
            Self::Models => "Model replicas",
            Self::Replicas => "Models on the server",
            Self::Latency => "Latency",
            Self::Memory => "Memory",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::tests::quiet_row;
    use super::*;

    fn readout_of(rows: &[TimelineRow]) -> Readout {
        let pool = PoolFigure {
            pool: "chat",
            rows,
            latency_objective_s: None,
            latency_objective_label: String::new(),
            utilization_target: None,
            missed: Vec::new(),
        };
        let duration_s = rows.last().map_or(0.0, |row| row.time_s);
        TimelineFigure { title: "t", result: "r", starts_at_s: 0.0, duration_s, pools: vec![pool], servers: vec![] }
            .readout()
    }

    #[test]
    fn every_curve_has_a_value_per_instant_and_panels_follow_each_other() {
        let rows: Vec<TimelineRow> = (1..=10).map(|i| quiet_row(f64::from(i) * 5.0)).collect();
        let readout = readout_of(&rows);
        assert_eq!(readout.times_s.len(), 10);
        assert!(readout.panels.iter().flat_map(|panel| &panel.curves).all(|curve| curve.values.len() == 10));
        let titles: Vec<&str> = readout.panels.iter().map(|panel| panel.title.as_str()).collect();
        assert_eq!(titles, ["Load", "Replicas", "Latency", "Utilization and queue"]);
        // The head is 60 high, the strip of a panel 28, and 8 are left free below the first of 200.
        assert_eq!(readout.panels[0].down_px, (88.0, 252.0));
        assert!(readout.panels.windows(2).all(|pair| pair[0].down_px.1 < pair[1].down_px.0));
        assert_eq!(readout.size_px, (1_000.0, 900.0));
    }

    #[test]
    fn a_spike_of_one_tick_survives_thinning() {
        let mut rows: Vec<TimelineRow> = (1..=100_000).map(|i| quiet_row(f64::from(i))).collect();
        rows[54_321].offered_rps = 9.0;
        let readout = readout_of(&rows);
        assert!(readout.thinned && readout.times_s.len() <= MOST_INSTANTS, "{}", readout.times_s.len());
        assert_eq!(readout.times_s.last(), Some(&100_000.0));
        let offered = &readout.panels[0].curves[0];
        assert_eq!(offered.values.iter().flatten().copied().fold(0.0, f64::max), 9.0);
    }
}
