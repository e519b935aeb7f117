//! Prometheus and its custom-metrics adapter: targets are scraped, samples are kept for a while, queries see only those.
//!
//! Laws: a target is scraped at a fixed phase of the interval that follows from its name; a query at one instant depends on
//! nothing but the samples that had come by then; memory follows targets, series and windows, never requests.
//!
//! Rules, August 2026: Prometheus `scrape/target.go` (`offset`), `scrape/scrape.go` (staleness), `promql/engine.go`
//! (look-back), `promql/functions.go` (`rate`); prometheus-adapter `pkg/custom-provider`, `pkg/external-provider` (the list
//! of series names, what an unknown name and a failed query answer).
//!
//! Where the model is simpler: a target that vanishes is stale at once, where Prometheus waits for two more intervals; the
//! answer to a scrape shows the target as it was when the scrape began.

#[cfg(test)]
mod tests;

use super::histogram::{LatencyCounts, LatencyRates};
use super::rate::rate;
use super::spec::PrometheusSpec;
use crate::units::id::ModelId;
use crate::units::{PoolId, ReplicaId, SimTime, Span};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// Something that is scraped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A pod, of a pool or of a server.
    Pod(ReplicaId),
    /// What holds a pool's requests before they reach a pod.
    Front(PoolId),
    /// The exporter of a recorded signal.
    Signal(u32),
}

/// A series of numbers, but for its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// Counter: requests that ended after having reached the target.
    Ended,
    /// Gauge: waiting and being served.
    InFlight,
    /// Gauge: waiting.
    Queue,
    /// Counter: `seldon_model_infer_total` of a model on a server's replica.
    Infers(ModelId),
    /// Gauge: a recorded signal.
    Signal(u32),
}

/// A metric name: what the adapter lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Of [`Series::Ended`].
    Ended,
    /// Of [`Series::InFlight`].
    InFlight,
    /// Of [`Series::Queue`].
    Queue,
    /// The histogram of latencies.
    Latency,
    /// Of [`Series::Infers`], for all models.
    Infers,
    /// Of one recorded signal.
    Signal(u32),
}

impl Series {
    /// Its metric name.
    pub const fn family(self) -> Family {
        match self {
            Self::Ended => Family::Ended,
            Self::InFlight => Family::InFlight,
            Self::Queue => Family::Queue,
            Self::Infers(_) => Family::Infers,
            Self::Signal(number) => Family::Signal(number),
        }
    }

    const fn is_counter(self) -> bool {
        matches!(self, Self::Ended | Self::Infers(_))
    }

    /// The inference counters of all models.
    pub const fn infers_of_all() -> RangeInclusive<Self> {
        Self::Infers(ModelId::new(0))..=Self::Infers(ModelId::new(u32::MAX))
    }

    /// This one alone.
    pub const fn alone(self) -> RangeInclusive<Self> {
        self..=self
    }
}

/// What a query asks for; all series that it touches are summed.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// `sum(rate(counter[rate_window]))`.
    Rate(RangeInclusive<Series>),
    /// `sum(gauge)`.
    Latest(RangeInclusive<Series>),
    /// `histogram_quantile(q, sum(rate(latency[rate_window])))`, seconds.
    Quantile(f64),
}

impl Query {
    fn family(&self) -> Family {
        match self {
            Self::Rate(series) | Self::Latest(series) => series.start().family(),
            Self::Quantile(_) => Family::Latency,
        }
    }
}

/// Over which targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// This one.
    Target(Target),
    /// Those of a pool, vanished ones included.
    Pool(PoolId),
    /// All.
    Everything,
}

/// A query's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The value; NaN for a quantile of nothing.
    pub value: f64,
    /// When it was measured: of the targets that are still there, the one that was scraped longest ago.
    pub at: SimTime,
}

/// Why the adapter does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has never heard of this metric.
    NotFound,
    /// Prometheus does not answer.
    Down,
}

/// What a target shows to a scrape.
#[derive(Clone, Debug, Default)]
pub struct Page {
    numbers: Vec<(Series, f64)>,
    latencies: Option<LatencyCounts>,
    has_latencies: bool,
}

impl Page {
    /// Shows a number.
    pub fn number(&mut self, series: Series, value: f64) {
        self.numbers.push((series, value));
    }

    /// Shows the histogram of latencies.
    pub fn latencies(&mut self, counts: &LatencyCounts) {
        self.latencies.get_or_insert_default().copy_from(counts);
        self.has_latencies = true;
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.has_latencies = false;
    }
}

/// How a target takes a scrape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It shows its page after this time.
    After(Span),
    /// It does not answer.
    Refused,
}

/// A sample; without a value: a staleness marker.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: SimTime,
    /// When the answer had come.
    came: SimTime,
    value: Option<f64>,
}

/// A sample of the histogram.
#[derive(Clone, Debug)]
struct LatencySample {
    at: SimTime,
    came: SimTime,
    counts: LatencyCounts,
}

/// A target and what is known of it.
#[derive(Clone, Debug)]
struct Watched {
    pool: Option<PoolId>,
    /// The next scrape, unless it has vanished.
    next: Option<SimTime>,
    numbers: BTreeMap<Series, VecDeque<Sample>>,
    latencies: VecDeque<LatencySample>,
}

/// What falls due, in the order within an instant: the list of names counts what was just scraped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Scrape(Target),
    Relist,
    Forget(Target),
}

/// Prometheus with its adapter. Times are those of the wall clock.
#[derive(Clone, Debug)]
pub struct Prometheus {
    spec: PrometheusSpec,
    /// Tells this server's phases from another one's.
    server: u64,
    up: bool,
    targets: BTreeMap<Target, Watched>,
    agenda: BTreeSet<(SimTime, Due)>,
    /// When a series of each name was stored last.
    stored: BTreeMap<Family, SimTime>,
    /// Names that the adapter knows.
    listed: BTreeSet<Family>,
    page: Page,
}

impl Prometheus {
    /// A server without targets; its adapter makes its next list at `relist`.
    pub fn new(spec: PrometheusSpec, server: u64, relist: SimTime) -> Self {
        Self {
            spec,
            server,
            up: true,
            targets: BTreeMap::new(),
            agenda: BTreeSet::from([(relist, Due::Relist)]),
            stored: BTreeMap::new(),
            listed: BTreeSet::new(),
            page: Page::default(),
        }
    }

    /// The target is in the list of targets from `found` on: its scrapes begin at its phase.
    pub fn discover(&mut self, target: Target, name: &str, pool: Option<PoolId>, found: SimTime) {
        let first = self.first_scrape(name, found);
        let watched = Watched { pool, next: Some(first), numbers: BTreeMap::new(), latencies: VecDeque::new() };
        self.targets.insert(target, watched);
        self.agenda.insert((first, Due::Scrape(target)));
    }

    /// The target has been scraped for as long as anything is kept, and has shown this page all the time; its names are
    /// listed.
    pub fn established(
        &mut self,
        target: Target,
        name: &str,
        pool: Option<PoolId>,
        now: SimTime,
        show: impl FnOnce(&mut Page),
    ) {
        self.discover(target, name, pool, now);
        let mut page = std::mem::take(&mut self.page);
        page.clear();
        show(&mut page);
        let interval = self.spec.scrape_interval;
        let next = self.first_scrape(name, now);
        let scrapes = self.spec.rate_window.as_nanos() / interval.as_nanos() + 1;
        for back in (1..=scrapes).rev() {
            if let Some(at) = next.checked_sub(interval * back) {
                self.store(target, at, at, &page);
            }
        }
        self.listed.extend(page.numbers.iter().map(|(series, _)| series.family()));
        self.listed.extend(page.has_latencies.then_some(Family::Latency));
        self.page = page;
    }

    /// The target is gone: stale at once, though its samples still count in every window that they are in.
    pub fn vanish(&mut self, target: Target, now: SimTime) {
        let Some(watched) = self.targets.get_mut(&target) else { return };
        let Some(next) = watched.next.take() else { return };
        self.agenda.remove(&(next, Due::Scrape(target)));
        if watched.is_empty() {
            self.targets.remove(&target);
            return;
        }
        watched.mark_stale(now);
        self.agenda.insert((now + self.spec.rate_window, Due::Forget(target)));
    }

    /// When something is due next.
    pub fn next(&self) -> Option<SimTime> {
        self.agenda.first().map(|&(at, _)| at)
    }

    /// Does everything that is due by now; `expose` is how a target takes a scrape.
    pub fn advance(&mut self, now: SimTime, expose: &mut dyn FnMut(Target, &mut Page) -> Answer) {
        while let Some(&(at, due)) = self.agenda.first()
            && at <= now
        {
            self.agenda.pop_first();
            match due {
                Due::Scrape(target) => {
                    let next = at + self.spec.scrape_interval;
                    self.agenda.insert((next, due));
                    if let Some(watched) = self.targets.get_mut(&target) {
                        watched.next = Some(next);
                    }
                    if self.up {
                        self.scrape(target, at, expose);
                    }
                }
                Due::Relist => {
                    self.agenda.insert((at + self.spec.metrics_relist_interval, due));
                    self.relist(at);
                }
                Due::Forget(target) => {
                    self.targets.remove(&target);
                }
            }
        }
    }

    /// It stops: nothing is scraped, queries fail.
    pub fn go_down(&mut self) {
        self.up = false;
    }

    /// It is back, with the targets that there are and without a single sample. The adapter has kept its list.
    pub fn come_back(&mut self) {
        self.up = true;
        self.stored.clear();
        self.targets.retain(|_, watched| watched.next.is_some());
        for watched in self.targets.values_mut() {
            watched.numbers.clear();
            watched.latencies.clear();
        }
    }

    /// Does the adapter take this query?
    ///
    /// # Errors
    /// An unknown name, or a server that does not answer.
    pub fn admit(&self, query: &Query) -> Result<(), Refusal> {
        if !self.listed.contains(&query.family()) {
            return Err(Refusal::NotFound);
        }
        if self.up { Ok(()) } else { Err(Refusal::Down) }
    }

    /// Evaluates a query; `None` if it finds no data.
    pub fn query(&self, query: &Query, of: Of, now: SimTime) -> Option<Seen> {
        let mut sum = Sum::default();
        match query {
            Query::Rate(series) => {
                self.each(of, |watched| {
                    for ring in watched.numbers.range(series.clone()).map(|(_, ring)| ring) {
                        sum.add(watched, self.rate_of(ring, now));
                    }
                });
            }
            Query::Latest(series) => {
                self.each(of, |watched| {
                    for ring in watched.numbers.range(series.clone()).map(|(_, ring)| ring) {
                        sum.add(watched, self.latest_of(ring, now));
                    }
                });
            }
            Query::Quantile(quantile) => {
                let mut rates = LatencyRates::default();
                self.each(of, |watched| {
                    let at = self.add_latencies(watched, now, &mut rates);
                    sum.add(watched, at.map(|at| Seen { value: 0.0, at }));
                });
                return sum.seen().map(|seen| Seen { value: rates.quantile_s(*quantile), at: seen.at });
            }
        }
        sum.seen()
    }

    fn each<'a>(&'a self, of: Of, mut visit: impl FnMut(&'a Watched)) {
        match of {
            Of::Target(target) => self.targets.get(&target).into_iter().for_each(visit),
            Of::Pool(pool) => self.targets.values().filter(|watched| watched.pool == Some(pool)).for_each(visit),
            Of::Everything => self.targets.values().for_each(&mut visit),
        }
    }

    fn rate_of(&self, ring: &VecDeque<Sample>, now: SimTime) -> Option<Seen> {
        let window = self.spec.rate_window;
        let begin = now.saturating_sub(window);
        let mut inside = ring.iter().filter(|sample| sample.at > begin && sample.came <= now);
        let samples: Vec<(f64, f64)> =
            inside.clone().filter_map(|sample| Some((sample.at.since(begin).as_secs_f64(), sample.value?))).collect();
        let at = inside.rfind(|sample| sample.value.is_some())?.at;
        let window_s = window.as_secs_f64();
        rate(&samples, window_s, window_s).map(|value| Seen { value, at })
    }

    fn latest_of(&self, ring: &VecDeque<Sample>, now: SimTime) -> Option<Seen> {
        let latest = ring.iter().rfind(|sample| sample.came <= now)?;
        if latest.at + self.spec.lookback_delta <= now {
            return None;
        }
        latest.value.map(|value| Seen { value, at: latest.at })
    }

    /// Adds the rates of a target's buckets; says when it was scraped last.
    fn add_latencies(&self, watched: &Watched, now: SimTime, rates: &mut LatencyRates) -> Option<SimTime> {
        let window = self.spec.rate_window;
        let begin = now.saturating_sub(window);
        let inside: Vec<&LatencySample> =
            watched.latencies.iter().filter(|sample| sample.at > begin && sample.came <= now).collect();
        let counts: Vec<(f64, f64)> =
            inside.iter().map(|sample| (sample.at.since(begin).as_secs_f64(), sample.counts.count() as f64)).collect();
        let window_s = window.as_secs_f64();
        let per_second = rate(&counts, window_s, window_s)?;
        let (first, last) = (inside.first()?, inside.last()?);
        let resets = || inside.windows(2).filter(|pair| pair[1].counts.count() < pair[0].counts.count());
        let lost: u64 = resets().map(|pair| pair[0].counts.count()).sum();
        let increase = (last.counts.count() + lost) as f64 - first.counts.count() as f64;
        if increase > 0.0 {
            let weight = per_second / increase;
            rates.add(&last.counts, weight);
            rates.add(&first.counts, -weight);
            for pair in resets() {
                rates.add(&pair[0].counts, weight);
            }
        }
        Some(last.at)
    }

    fn scrape(&mut self, target: Target, at: SimTime, expose: &mut dyn FnMut(Target, &mut Page) -> Answer) {
        let mut page = std::mem::take(&mut self.page);
        page.clear();
        match expose(target, &mut page) {
            Answer::After(after) if after <= self.spec.scrape_timeout => self.store(target, at, at + after, &page),
            Answer::After(_) | Answer::Refused => {
                if let Some(watched) = self.targets.get_mut(&target) {
                    watched.mark_stale(at);
                }
            }
        }
        self.page = page;
    }

    fn store(&mut self, target: Target, at: SimTime, came: SimTime, page: &Page) {
        let Some(watched) = self.targets.get_mut(&target) else { return };
        let oldest = at.saturating_sub(self.spec.rate_window);
        for &(series, value) in &page.numbers {
            let ring = watched.numbers.entry(series).or_default();
            ring.push_back(Sample { at, came, value: Some(value) });
            self.stored.insert(series.family(), at);
        }
        if page.has_latencies
            && let Some(counts) = &page.latencies
        {
            watched.store_latencies(at, came, counts, oldest);
            self.stored.insert(Family::Latency, at);
        }
        watched.mark_missing(at);
        watched.trim(oldest);
    }

    fn relist(&mut self, now: SimTime) {
        if !self.up {
            return; // the adapter keeps what it had
        }
        let oldest = now.saturating_sub(self.spec.metrics_max_age);
        let recent = self.stored.iter().filter(|&(_, &stored)| stored >= oldest);
        self.listed = recent.map(|(family, _)| *family).collect();
    }

    /// The first time of a target's phase from `from` on.
    fn first_scrape(&self, name: &str, from: SimTime) -> SimTime {
        let interval = self.spec.scrape_interval.as_nanos();
        let phase = hash(name, self.server) % interval;
        let past = from.as_nanos() % interval;
        from + Span::from_nanos((phase + interval - past) % interval)
    }
}

impl Watched {
    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.latencies.is_empty()
    }

    fn mark_stale(&mut self, at: SimTime) {
        for ring in self.numbers.values_mut() {
            mark(ring, at);
        }
    }

    /// A series that a target shows no longer is stale, and forgotten once its samples are.
    fn mark_missing(&mut self, at: SimTime) {
        for ring in self.numbers.values_mut().filter(|ring| ring.back().is_none_or(|sample| sample.at != at)) {
            mark(ring, at);
        }
    }

    /// Of a gauge the latest sample counts, and while its answer is on the way the one before it.
    fn trim(&mut self, oldest: SimTime) {
        const OF_A_GAUGE: usize = 2;
        self.numbers.retain(|series, ring| {
            let is_counter = series.is_counter();
            while ring.front().is_some_and(
                |sample| {
                    if is_counter { sample.at <= oldest } else { ring.len() > OF_A_GAUGE }
                },
            ) {
                ring.pop_front();
            }
            ring.iter().any(|sample| sample.value.is_some())
        });
    }

    fn store_latencies(&mut self, at: SimTime, came: SimTime, counts: &LatencyCounts, oldest: SimTime) {
        let mut spare = None;
        while self.latencies.front().is_some_and(|sample| sample.at <= oldest) {
            spare = self.latencies.pop_front();
        }
        let sample = match spare {
            Some(mut sample) => {
                sample.counts.copy_from(counts);
                LatencySample { at, came, counts: sample.counts }
            }
            None => LatencySample { at, came, counts: counts.clone() },
        };
        self.latencies.push_back(sample);
    }
}

/// Puts a staleness marker, unless there is one.
fn mark(ring: &mut VecDeque<Sample>, at: SimTime) {
    if ring.back().is_some_and(|sample| sample.value.is_some()) {
        ring.push_back(Sample { at, came: at, value: None });
    }
}

/// A sum over series, and how old it is.
#[derive(Default)]
struct Sum {
    value: f64,
    /// The oldest of targets that are still there.
    of_live: Option<SimTime>,
    /// The latest of all.
    of_any: Option<SimTime>,
}

impl Sum {
    fn add(&mut self, watched: &Watched, seen: Option<Seen>) {
        let Some(seen) = seen else { return };
        self.value += seen.value;
        self.of_any = self.of_any.max(Some(seen.at));
        if watched.next.is_some() {
            self.of_live = Some(self.of_live.map_or(seen.at, |at| at.min(seen.at)));
        }
    }

    fn seen(&self) -> Option<Seen> {
        let at = self.of_live.or(self.of_any)?;
        Some(Seen { value: self.value, at })
    }
}

/// FNV-1a of the name, stirred with the server's own number by SplitMix64's finalizer.
fn hash(name: &str, server: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut mixed = hash ^ server;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
