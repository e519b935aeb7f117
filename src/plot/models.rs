//! Rows of `models.csv` as a chart needs them: per server a few models in colour, and all others as one.

use super::series::{Point, Timed};
use super::style::{MODELS, OTHERS};
use crate::record::ModelRow;
use plotters::style::RGBColor;

/// All models of a run, tick by tick.
#[derive(Clone, Debug, Default)]
pub struct ModelTicks {
    servers: Vec<String>,
    models: Vec<Model>,
    /// Rows come in the same order in every tick: where the next one is expected.
    next: usize,
}

#[derive(Clone, Debug)]
struct Model {
    name: String,
    ticks: Vec<ModelTick>,
    /// The first server that had it.
    home: Option<usize>,
}

/// One model in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ModelTick {
    time_s: f64,
    server: Option<usize>,
    pub offered_rps: f64,
    pub done_rps: f64,
    pub wanted: u32,
    pub available: u32,
    pub latency_p95_s: Option<f64>,
}

impl Timed for ModelTick {
    fn time_s(&self) -> f64 {
        self.time_s
    }
}

/// A model, or several that are shown as one, on one server.
pub(super) struct Band {
    pub name: String,
    pub colour: RGBColor,
    pub ticks: Vec<ModelTick>,
}

impl ModelTicks {
    /// Takes in a row; rows of a model come in time order.
    pub fn see(&mut self, row: &ModelRow) {
        let server = (!row.server.is_empty()).then(|| index_of(&mut self.servers, &row.server));
        let expected = self.models.get(self.next).is_some_and(|model| model.name == row.model);
        let index = if expected { Some(self.next) } else { self.models.iter().position(|m| m.name == row.model) };
        let index = index.unwrap_or_else(|| {
            self.models.push(Model { name: row.model.clone(), ticks: Vec::new(), home: None });
            self.models.len() - 1
        });
        let model = &mut self.models[index];
        model.home = model.home.or(server);
        model.ticks.push(ModelTick {
            time_s: row.time_s,
            server,
            offered_rps: row.offered_rps,
            done_rps: row.done_rps,
            wanted: row.wanted,
            available: row.available,
            latency_p95_s: row.latency_p95_s,
        });
        self.next = if index + 1 < self.models.len() { index + 1 } else { 0 };
    }

    /// What stood on a server: each model in the ticks in which the server had it, or in which nobody had it and this is
    /// its first server. Models that never had one are shown on the server that takes the `homeless` in.
    pub(super) fn on(&self, server: &str, homeless: bool) -> Vec<Band> {
        let this = self.servers.iter().position(|known| known == server);
        let mut bands = Vec::new();
        for model in &self.models {
            let at_home = if model.home.is_none() { homeless } else { model.home == this };
            let here = |tick: &ModelTick| if tick.server.is_none() { at_home } else { tick.server == this };
            if !model.ticks.iter().any(here) {
                continue;
            }
            let elsewhere = |tick: &ModelTick| ModelTick { time_s: tick.time_s, ..ModelTick::default() };
            let ticks = model.ticks.iter().map(|tick| if here(tick) { *tick } else { elsewhere(tick) }).collect();
            bands.push(Band { name: model.name.clone(), colour: OTHERS, ticks });
        }
        bands
    }
}

fn index_of(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

/// The bands in their order, in colour as far as colours go: those that were asked most keep a band of their own, the rest
/// become one.
pub(super) fn coloured(bands: Vec<Band>) -> Vec<Band> {
    let asked = |band: &Band| -> (f64, u64) {
        let offered = band.ticks.iter().map(|tick| tick.offered_rps).sum();
        (offered, band.ticks.iter().map(|tick| u64::from(tick.available)).sum())
    };
    let mut ranked: Vec<(usize, (f64, u64))> = bands.iter().map(asked).enumerate().collect();
    ranked.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(b.1.1.cmp(&a.1.1)));
    let mut own: Vec<usize> = ranked.iter().take(MODELS.len()).map(|(index, _)| *index).collect();
    own.sort_unstable();
    let mut shown = Vec::new();
    let mut others: Vec<Band> = Vec::new();
    for (index, band) in bands.into_iter().enumerate() {
        match own.binary_search(&index) {
            Ok(place) => shown.push(Band { colour: MODELS[place], ..band }),
            Err(_) => others.push(band),
        }
    }
    let count = others.len();
    shown.extend(others.into_iter().reduce(merged).map(|all| Band { name: format!("{count} others"), ..all }));
    shown
}

fn merged(mut sum: Band, more: Band) -> Band {
    for (all, tick) in sum.ticks.iter_mut().zip(&more.ticks) {
        all.offered_rps += tick.offered_rps;
        all.done_rps += tick.done_rps;
        all.wanted += tick.wanted;
        all.available += tick.available;
        all.latency_p95_s = None;
    }
    sum
}

/// The sum of a value over the bands, tick by tick.
pub(super) fn summed(bands: &[Band], value: impl Fn(&ModelTick) -> f64) -> Vec<Point> {
    let mut sum: Vec<Point> = Vec::new();
    for band in bands {
        sum = raised(sum, band, &value);
    }
    sum
}

/// A stack one band higher. Without a stack the band stands on zero.
pub(super) fn raised(stack: Vec<Point>, band: &Band, value: impl Fn(&ModelTick) -> f64) -> Vec<Point> {
    let values = band.ticks.iter().map(|tick| (tick.time_s, value(tick)));
    if stack.is_empty() {
        return values.collect();
    }
    stack.into_iter().zip(values).map(|((at, below), (_, value))| (at, below + value)).collect()
}

/// The band whose done calls were slowest on the whole, if there are several to choose from.
pub(super) fn slowest(bands: &[Band]) -> Option<&Band> {
    let weight = |tick: &ModelTick| tick.latency_p95_s.map(|p95| (p95 * tick.done_rps, tick.done_rps));
    let mean = |band: &Band| {
        let sum = band.ticks.iter().filter_map(weight).fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if sum.1 > 0.0 { sum.0 / sum.1 } else { 0.0 }
    };
    if bands.len() < 2 {
        return None;
    }
    let slowest = bands.iter().max_by(|a, b| mean(a).total_cmp(&mean(b)))?;
    (mean(slowest) > 0.0).then_some(slowest)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn row(time_s: f64, model: &str, server: &str, offered_rps: f64, available: u32) -> ModelRow {
        ModelRow {
            time_s,
            model: model.to_owned(),
            server: server.to_owned(),
            state: "ModelAvailable".to_owned(),
            wanted: available + 1,
            available,
            offered_rps,
            done_rps: offered_rps,
            latency_p95_s: (offered_rps > 0.0).then_some(0.1 * f64::from(available + 1)),
            ..ModelRow::default()
        }
    }

    fn of(rows: &[ModelRow]) -> ModelTicks {
        let mut ticks = ModelTicks::default();
        rows.iter().for_each(|row| ticks.see(row));
        ticks
    }

    fn available(band: &Band) -> Vec<u32> {
        band.ticks.iter().map(|tick| tick.available).collect()
    }

    #[test]
    fn a_model_stands_where_it_is_and_without_a_server_where_it_was_first() {
        let ticks = of(&[
            row(1.0, "a", "", 1.0, 0),
            row(1.0, "b", "two", 1.0, 5),
            row(1.0, "c", "", 1.0, 0),
            row(2.0, "a", "one", 1.0, 2),
            row(2.0, "b", "two", 1.0, 5),
            row(2.0, "c", "", 1.0, 0),
            row(3.0, "a", "two", 1.0, 3),
            row(3.0, "b", "two", 1.0, 5),
            row(3.0, "c", "", 1.0, 0),
        ]);
        let (one, two) = (ticks.on("one", true), ticks.on("two", false));
        let names = |bands: &[Band]| bands.iter().map(|band| band.name.clone()).collect::<Vec<_>>();
        assert_eq!(
            (names(&one), names(&two)),
            (vec!["a".to_owned(), "c".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!((available(&one[0]), available(&two[0])), (vec![0, 2, 0], vec![0, 0, 3]));
        let offered: Vec<f64> = one[0].ticks.iter().map(|tick| tick.offered_rps).collect();
        assert_eq!(offered, [1.0, 1.0, 0.0]);
    }

    #[test]
    fn the_most_asked_have_a_colour_and_the_rest_is_one_band() {
        // Twelve models; those with even numbers are asked more.
        let names: Vec<String> = (0..12).map(|number| format!("m{number}")).collect();
        let asked = |number: usize| if number.is_multiple_of(2) { 100.0 } else { 10.0 - number as f64 / 10.0 };
        let rows: Vec<ModelRow> =
            names.iter().enumerate().map(|(number, name)| row(1.0, name, "one", asked(number), 1)).collect();
        let bands = coloured(of(&rows).on("one", true));
        let shown: Vec<&str> = bands.iter().map(|band| &*band.name).collect();
        assert_eq!(shown, ["m0", "m1", "m2", "m3", "m4", "m6", "m8", "m10", "4 others"]);
        let others = bands.last().expect("a band of others");
        assert_eq!((others.ticks[0].available, others.ticks[0].wanted, others.colour), (4, 8, OTHERS));
        assert_eq!(others.ticks[0].offered_rps, 9.5 + 9.3 + 9.1 + 8.9);
        assert_eq!(summed(&bands, |tick| f64::from(tick.available)), [(1.0, 12.0)]);
    }

    #[test]
    fn the_slowest_is_so_on_the_whole() {
        let rows = [
            row(1.0, "rare", "one", 0.1, 40), // 4.1 s, but hardly ever
            row(1.0, "fast", "one", 90.0, 0),
            row(2.0, "rare", "one", 9.9, 0),  // 0.1 s
            row(2.0, "fast", "one", 90.0, 4), // 0.5 s: 0.3 s on the whole
        ];
        let bands = of(&rows).on("one", true);
        assert_eq!(slowest(&bands).map(|band| &*band.name), Some("fast"));
        assert!(slowest(&bands[..1]).is_none());
    }
}
