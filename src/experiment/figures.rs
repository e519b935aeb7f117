//! The figures of a run by name: what comparisons, sweeps and plans speak of.
//!
//! Names are those of objectives (`p95`, `errors`, `cost`). A figure of one pool, model or pipeline has its name before
//! it (`chat.p95`); those of a pool exist where there are several. Unit and direction follow from the name alone, so what
//! was written down can be read again. Latencies are those of done requests.

use crate::record::{Latencies, LatencyTotals, ModelTotals, PipelineTotals, PoolTotals, RunTotals};
use crate::scenario::Scenario;

/// What a figure is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1.
    Share,
    /// Seconds.
    Seconds,
    /// Counts and hours.
    Plain,
    /// USD.
    Money,
}

/// Which direction is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
    /// That depends.
    Neither,
}

/// A figure by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureKey {
    /// `p95`, `chat.p95`.
    pub name: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Which direction is better.
    pub better: Better,
    /// Is it among the few that people look at first?
    pub headline: bool,
}

impl FigureKey {
    /// The figure of this name; `None` if nothing is called so.
    pub fn of(name: &str) -> Option<Self> {
        let (owner, own) = match owner_of(name) {
            Some((owner, own)) => (Some(owner), own),
            None => (None, name),
        };
        let (unit, better, headline) = match (quantile_of(own), owner) {
            (Some(_), _) => (Unit::Seconds, Better::Lower, HEADLINE_QUANTILES.contains(&own)),
            (None, None) => kind_in(RUN_FIGURES, own)?,
            (None, Some(_)) => kind_in(POOL_FIGURES, own)
                .or_else(|| kind_in(MODEL_FIGURES, own))
                .or_else(|| kind_in(PIPELINE_FIGURES, own))?,
        };
        let headline = headline && (owner.is_none() || OWNED_HEADLINES.contains(&own));
        Some(Self { name: name.to_owned(), unit, better, headline })
    }

    /// As people say it: `good time`, `chat p95`.
    pub fn words(&self) -> String {
        match self.name.as_str() {
            "objectives" => "objectives met".to_owned(),
            name if is_quantile(name) => name.to_owned(),
            name => match name.split_once('.') {
                Some((owner, own)) => format!("{owner} {}", own.replace('_', " ")),
                None => name.replace('_', " "),
            },
        }
    }
}

/// Quantiles that every run has.
const QUANTILES: [&str; 3] = ["p50", "p95", "p99"];
const HEADLINE_QUANTILES: [&str; 3] = QUANTILES;
const OWNED_HEADLINES: [&str; 4] = ["p95", "errors", "replica_hours", "cost"];

/// The quantile that a name such as `p95` or `p99.9` speaks of.
pub fn quantile_of(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    digits
        .parse::<f64>()
        .ok()
        .filter(|percent| plain && *percent > 0.0 && *percent < 100.0)
        .map(|percent| percent / 100.0)
}

fn is_quantile(name: &str) -> bool {
    quantile_of(name).is_some()
}

/// Whose figure a name speaks of, and which one: `chat` and `p95`. `None`: the whole run's.
pub fn owner_of(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|_| !is_quantile(name))
}

/// What has figures of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// One of several pools; a server is one too.
    Pool,
    /// A model.
    Model,
    /// A pipeline.
    Pipeline,
}

impl Owner {
    /// Everything that has figures of its own in runs of a scenario.
    pub fn all(scenario: &Scenario) -> Vec<(&str, Self)> {
        let pools = scenario.pools.iter().filter(|_| scenario.pools.len() > 1);
        let models = scenario.seldon.iter().flat_map(|seldon| &seldon.models);
        let pipelines = scenario.seldon.iter().flat_map(|seldon| &seldon.flows);
        let pools = pools.map(|pool| (pool.name.as_str(), Self::Pool));
        let models = models.map(|model| (model.spec.name.as_str(), Self::Model));
        let pipelines = pipelines.map(|pipeline| (pipeline.name.as_str(), Self::Pipeline));
        pools.chain(models).chain(pipelines).collect()
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Model => "model",
            Self::Pipeline => "pipeline",
        }
    }

    /// The names of its figures, without its own.
    pub fn figures(self) -> Vec<&'static str> {
        match self {
            Self::Pool => names_in(POOL_FIGURES),
            Self::Model => names_in(MODEL_FIGURES),
            Self::Pipeline => names_in(PIPELINE_FIGURES),
        }
    }
}

/// Names of a list, with the usual quantiles before the mean.
fn names_in<F>(known: &[Known<F>]) -> Vec<&'static str> {
    let quantiles = |name: &str| if name == "mean" { &QUANTILES[..] } else { &[] };
    known.iter().flat_map(|known| quantiles(known.name).iter().copied().chain([known.name])).collect()
}

fn kind_in<F>(known: &[Known<F>], name: &str) -> Option<(Unit, Better, bool)> {
    known.iter().find(|known| known.name == name).map(|known| (known.unit, known.better, known.headline))
}

/// All names that a run without names of pools can have, but other quantiles than the usual ones.
pub fn known_names() -> Vec<&'static str> {
    names_in(RUN_FIGURES)
}

/// What a run came to, as far as figures need it.
#[derive(Clone, Copy)]
pub struct Whole<'a> {
    /// Its totals.
    pub totals: &'a RunTotals,
    /// Latencies of all pools together; without them a run of several pools has no quantile as a whole.
    pub latencies: Option<&'a Latencies>,
}

/// A figure as a part of the list below.
struct Known<F> {
    name: &'static str,
    unit: Unit,
    better: Better,
    headline: bool,
    value: F,
}

type OfRun = for<'a> fn(Whole<'a>) -> Option<f64>;
type Of<T> = fn(&T) -> Option<f64>;

const fn whole(name: &'static str, unit: Unit, better: Better, headline: bool, value: OfRun) -> Known<OfRun> {
    Known { name, unit, better, headline, value }
}

const fn single<T>(name: &'static str, unit: Unit, better: Better, headline: bool, value: Of<T>) -> Known<Of<T>> {
    Known { name, unit, better, headline, value }
}

/// Figures of a whole run in the order in which they are shown; quantiles stand before the mean.
const RUN_FIGURES: &[Known<OfRun>] = &[
    whole("good_time", Unit::Share, Better::Higher, true, |run| run.totals.good_time_ratio),
    whole("objectives", Unit::Share, Better::Higher, true, |run| {
        let all = &run.totals.objectives;
        (!all.is_empty()).then(|| all.iter().filter(|objective| objective.met).count() as f64 / all.len() as f64)
    }),
    whole("errors", Unit::Share, Better::Lower, true, |run| match (&run.totals.clients, run.only_pool()) {
        (Some(clients), _) => clients.errors_ratio,
        (None, Some(pool)) => pool.requests.errors_ratio,
        (None, None) => {
            let failed = run.sum(|pool| pool.requests.failed() as f64);
            let ended = failed + run.sum(|pool| pool.requests.done as f64);
            (ended > 0.0).then(|| failed / ended)
        }
    }),
    whole("mean", Unit::Seconds, Better::Lower, true, |run| match (&run.totals.clients, run.only_pool()) {
        (Some(clients), _) => clients.latency.map(|latency| latency.mean_s),
        (None, Some(pool)) => pool.requests.latency.map(|latency| latency.mean_s),
        (None, None) => {
            let done = run.sum(|pool| pool.requests.done as f64);
            let total_s =
                run.sum(|pool| pool.requests.latency.map_or(0.0, |latency| latency.mean_s * pool.requests.done as f64));
            (done > 0.0).then(|| total_s / done)
        }
    }),
    whole("utilization", Unit::Share, Better::Neither, false, |run| run.only_pool()?.utilization_ratio),
    whole("queue", Unit::Plain, Better::Lower, false, |run| {
        run.totals.pools.iter().map(|pool| pool.queue_max).max().map(|queue| queue as f64)
    }),
    whole("replicas_max", Unit::Plain, Better::Lower, false, |run| Some(f64::from(run.only_pool()?.replicas_max))),
    whole("replica_hours", Unit::Plain, Better::Lower, true, |run| Some(run.sum(|pool| pool.replica_hours))),
    whole("idle_replica_hours", Unit::Plain, Better::Lower, false, |run| Some(run.sum(|pool| pool.idle_replica_hours))),
    whole("cost", Unit::Money, Better::Lower, true, |run| Some(run.sum(|pool| pool.cost_usd))),
    whole("cost_per_million", Unit::Money, Better::Lower, false, |run| {
        let millions = run.sum(|pool| pool.requests.done as f64) / 1e6;
        (millions > 0.0).then(|| run.sum(|pool| pool.cost_usd) / millions)
    }),
    whole("model_replica_hours", Unit::Plain, Better::Lower, true, |run| {
        let models = &run.totals.models;
        (!models.is_empty()).then(|| models.iter().map(|model| model.model_replica_hours).sum())
    }),
    whole("scale_actions", Unit::Plain, Better::Lower, true, |run| {
        let of_models: u64 = run.totals.models.iter().map(|model| model.scale_actions).sum();
        Some(run.sum(|pool| pool.scale_actions as f64) + of_models as f64)
    }),
    whole("recovery", Unit::Seconds, Better::Lower, false, |run| run.totals.recovery_s),
];

/// Figures of one pool where there are several; quantiles stand before the mean.
const POOL_FIGURES: &[Known<Of<PoolTotals>>] = &[
    single("errors", Unit::Share, Better::Lower, true, |pool| pool.requests.errors_ratio),
    single("mean", Unit::Seconds, Better::Lower, true, |pool| pool.requests.latency.map(|latency| latency.mean_s)),
    single("utilization", Unit::Share, Better::Neither, false, |pool| pool.utilization_ratio),
    single("queue", Unit::Plain, Better::Lower, false, |pool| Some(pool.queue_max as f64)),
    single("replicas_max", Unit::Plain, Better::Lower, false, |pool| Some(f64::from(pool.replicas_max))),
    single("replica_hours", Unit::Plain, Better::Lower, true, |pool| Some(pool.replica_hours)),
    single("idle_replica_hours", Unit::Plain, Better::Lower, false, |pool| Some(pool.idle_replica_hours)),
    single("cost", Unit::Money, Better::Lower, true, |pool| Some(pool.cost_usd)),
    single("cost_per_million", Unit::Money, Better::Lower, false, |pool| pool.cost_per_million_usd),
    single("scale_actions", Unit::Plain, Better::Lower, true, |pool| Some(pool.scale_actions as f64)),
];

/// Figures of one model.
const MODEL_FIGURES: &[Known<Of<ModelTotals>>] = &[
    single("errors", Unit::Share, Better::Lower, true, |model| model.requests.errors_ratio),
    single("mean", Unit::Seconds, Better::Lower, true, |model| model.requests.latency.map(|latency| latency.mean_s)),
    single("queue", Unit::Plain, Better::Lower, false, |model| Some(model.queue_max as f64)),
    single("model_replica_hours", Unit::Plain, Better::Lower, true, |model| Some(model.model_replica_hours)),
    single("reloads", Unit::Plain, Better::Lower, false, |model| Some(model.reloads as f64)),
    single("scale_actions", Unit::Plain, Better::Lower, true, |model| Some(model.scale_actions as f64)),
];

/// Figures of one pipeline.
const PIPELINE_FIGURES: &[Known<Of<PipelineTotals>>] = &[
    single("errors", Unit::Share, Better::Lower, true, |pipeline| pipeline.requests.errors_ratio),
    single("mean", Unit::Seconds, Better::Lower, true, |pipeline| {
        pipeline.requests.latency.map(|latency| latency.mean_s)
    }),
];

impl<'a> Whole<'a> {
    fn only_pool(self) -> Option<&'a PoolTotals> {
        match self.totals.pools.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    fn sum(self, of: impl Fn(&PoolTotals) -> f64) -> f64 {
        self.totals.pools.iter().map(of).sum()
    }

    fn quantile_s(self, quantile: f64) -> Option<f64> {
        if let Some(clients) = &self.totals.clients {
            return clients.latency.and_then(|latency| told_quantile(&latency, quantile));
        }
        let told = self
            .only_pool()
            .and_then(|pool| pool.requests.latency)
            .and_then(|latency| told_quantile(&latency, quantile));
        told.or_else(|| self.latencies?.quantile_s(quantile))
    }
}

/// The quantiles that totals name.
fn told_quantile(latency: &LatencyTotals, quantile: f64) -> Option<f64> {
    let told = [(0.5, latency.p50_s), (0.9, latency.p90_s), (0.95, latency.p95_s), (0.99, latency.p99_s)];
    told.iter().find(|(told, _)| *told == quantile).map(|&(_, value)| value)
}

/// A figure's name and its value, if it has one.
pub type FigureValue = (String, Option<f64>);

/// All figures of a run; `more` are quantiles that somebody asked for by name beside the usual ones.
pub fn figures(run: Whole<'_>, more: &[String]) -> Vec<FigureValue> {
    let mut all: Vec<FigureValue> = Vec::new();
    for known in RUN_FIGURES {
        if known.name == "mean" {
            let own = QUANTILES.iter().map(|name| (*name).to_owned()).chain(more.iter().cloned());
            all.extend(own.map(|name| {
                let value = quantile_of(&name).and_then(|quantile| run.quantile_s(quantile));
                (name, value)
            }));
        }
        all.push((known.name.to_owned(), (known.value)(run)));
    }
    let RunTotals { pools, models, pipelines, .. } = run.totals;
    for pool in pools.iter().filter(|_| pools.len() > 1) {
        add_owned(&mut all, &pool.pool, pool.requests.latency, POOL_FIGURES, pool);
    }
    for model in models {
        add_owned(&mut all, &model.model, model.requests.latency, MODEL_FIGURES, model);
    }
    for pipeline in pipelines {
        add_owned(&mut all, &pipeline.pipeline, pipeline.requests.latency, PIPELINE_FIGURES, pipeline);
    }
    all
}

/// The figures of one owner, whose name stands before theirs.
fn add_owned<T>(
    all: &mut Vec<FigureValue>,
    owner: &str,
    latency: Option<LatencyTotals>,
    known: &[Known<Of<T>>],
    totals: &T,
) {
    for known in known {
        if known.name == "mean" {
            all.extend(QUANTILES.iter().map(|name| {
                let quantile = quantile_of(name).expect("the usual ones are quantiles");
                (format!("{owner}.{name}"), latency.and_then(|latency| told_quantile(&latency, quantile)))
            }));
        }
        all.push((format!("{owner}.{}", known.name), (known.value)(totals)));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::RequestTotals;
    use crate::units::Span;

    pub fn pool(name: &str, done: u64, rejected: u64, mean_s: f64, cost_usd: f64) -> PoolTotals {
        PoolTotals {
            pool: name.to_owned(),
            scaler: "hpa".to_owned(),
            requests: RequestTotals {
                offered: done + rejected,
                done,
                rejected,
                timed_out: 0,
                lost: 0,
                unfinished: 0,
                errors_ratio: Some(rejected as f64 / (done + rejected) as f64),
                latency: Some(LatencyTotals {
                    mean_s,
                    p50_s: mean_s,
                    p90_s: 2.0 * mean_s,
                    p95_s: 3.0 * mean_s,
                    p99_s: 4.0 * mean_s,
                    p999_s: 5.0 * mean_s,
                    max_s: 6.0 * mean_s,
                }),
            },
            replicas_min: 1,
            replicas_mean: 2.0,
            replicas_max: 3,
            utilization_ratio: Some(0.5),
            queue_max: 7,
            replica_hours: 4.0,
            idle_replica_hours: 1.0,
            cost_usd,
            cost_per_million_usd: Some(cost_usd * 1e6 / done as f64),
            decisions: 10,
            scale_actions: 2,
            conditions: Vec::new(),
        }
    }

    pub fn totals(pools: Vec<PoolTotals>) -> RunTotals {
        RunTotals {
            scenario: "test".to_owned(),
            seed: 1,
            duration_s: 60.0,
            warmup_s: 0.0,
            objectives: Vec::new(),
            good_time_ratio: None,
            recovery_s: None,
            clients: None,
            pools,
            models: Vec::new(),
            servers: Vec::new(),
            pipelines: Vec::new(),
            departures: Vec::new(),
            events: 0,
        }
    }

    fn value(all: &[FigureValue], name: &str) -> Option<f64> {
        all.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}")).1
    }

    #[test]
    fn one_pool_is_the_whole() {
        let totals = totals(vec![pool("chat", 90, 10, 0.1, 5.0)]);
        let all = figures(Whole { totals: &totals, latencies: None }, &["p90".to_owned(), "p42".to_owned()]);
        assert_eq!(value(&all, "errors"), Some(0.1));
        assert_eq!((value(&all, "p95"), value(&all, "p90"), value(&all, "p42")), (Some(0.1 * 3.0), Some(0.2), None));
        assert_eq!((value(&all, "replicas_max"), value(&all, "queue")), (Some(3.0), Some(7.0)));
        assert_eq!((value(&all, "good_time"), value(&all, "objectives")), (None, None));
        assert!(all.iter().all(|(name, _)| !name.contains('.')));
    }

    #[test]
    fn several_pools_are_added_and_stand_beside() {
        // 100 of 1,000 ended fail; 300 requests of 0.1 s and 600 of 0.4 s: mean 0.3 s; $9 for 900.
        let totals = totals(vec![pool("a", 300, 0, 0.1, 4.0), pool("b", 600, 100, 0.4, 5.0)]);
        let mut latencies = Latencies::new();
        latencies.record(Span::from_millis(250));
        let all = figures(Whole { totals: &totals, latencies: Some(&latencies) }, &[]);
        assert_eq!(value(&all, "errors"), Some(0.1));
        assert!((value(&all, "mean").expect("some are done") - 0.3).abs() < 1e-12);
        assert_eq!((value(&all, "cost"), value(&all, "replica_hours")), (Some(9.0), Some(8.0)));
        assert!((value(&all, "cost_per_million").expect("some are done") - 10_000.0).abs() < 1e-6);
        assert_eq!((value(&all, "p95"), value(&all, "b.p95")), (Some(0.25), Some(3.0 * 0.4)));
        // Peaks of two pools need not be at the same time.
        assert_eq!((value(&all, "replicas_max"), value(&all, "b.replicas_max")), (None, Some(3.0)));
    }

    #[test]
    fn models_and_pipelines_have_figures_of_their_own() {
        let requests = RequestTotals {
            errors_ratio: Some(0.25),
            latency: pool("m", 1, 0, 0.5, 0.0).requests.latency,
            ..RequestTotals::default()
        };
        let model =
            ModelTotals { model: "rank".to_owned(), requests: requests.clone(), reloads: 3, ..ModelTotals::default() };
        let pipeline = PipelineTotals { pipeline: "chain".to_owned(), requests };
        let totals =
            RunTotals { models: vec![model], pipelines: vec![pipeline], ..totals(vec![pool("a", 3, 1, 0.1, 4.0)]) };
        let all = figures(Whole { totals: &totals, latencies: None }, &[]);
        assert_eq!((value(&all, "rank.errors"), value(&all, "rank.reloads")), (Some(0.25), Some(3.0)));
        assert_eq!((value(&all, "rank.p95"), value(&all, "chain.mean")), (Some(1.5), Some(0.5)));
        assert!(!all.iter().any(|(name, _)| name == "chain.reloads" || name == "a.p95"));
        for (name, _) in all {
            assert!(FigureKey::of(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_figure_is_known_by_its_name() {
        let totals = totals(vec![pool("a", 3, 1, 0.1, 4.0), pool("p9", 6, 1, 0.4, 5.0)]);
        for (name, _) in figures(Whole { totals: &totals, latencies: None }, &["p99.9".to_owned()]) {
            let key = FigureKey::of(&name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(key.name, name);
        }
        let words = |name: &str| FigureKey::of(name).map(|key| key.words());
        assert_eq!(words("p99.9").as_deref(), Some("p99.9"));
        assert_eq!(words("chat.replica_hours").as_deref(), Some("chat replica hours"));
        assert_eq!(words("objectives").as_deref(), Some("objectives met"));
        assert_eq!((words("p100"), words("speed"), words("chat.good_time"), words("p-1")), (None, None, None, None));
        assert!(known_names().windows(2).any(|pair| pair == ["p99", "mean"]));
    }
}
