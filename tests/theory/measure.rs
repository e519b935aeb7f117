//! A recorder that measures what queueing theory speaks of.

use autosim::record::{Outcome, PoolSnapshot, Recorder, RequestEnd, Snapshot};
use autosim::units::{Id, LoadId, PoolId, SimTime};
use std::collections::BTreeMap;

/// Figures by the names that the rows use.
pub type Figures = BTreeMap<String, f64>;

/// How many positions of each replica's queue are watched.
const POSITIONS: usize = 3;

/// Customer averages over the requests that arrive at `from` or later, and time averages from then on, both of one pool.
pub struct Measure {
    from: SimTime,
    offered: u64,
    blocked: u64,
    timed_out: u64,
    waited: u64,
    wait_gave_up_s: f64,
    wait: Moments,
    sojourn: Moments,
    demand: Moments,
    gap: Moments,
    waits: hdrhistogram::Histogram<u64>,
    sojourns: hdrhistogram::Histogram<u64>,
    /// One for each load, as far as one has been seen.
    loads: Vec<Class>,
    last_arrival: Option<SimTime>,
    /// In the system now, and since when.
    inside: u64,
    changed: SimTime,
    area_request_nanos: u128,
    empty_nanos: u64,
    /// The simulator's own books at the first tick that is not before `from`, and at the last tick.
    first: Option<(SimTime, PoolSnapshot)>,
    last: (SimTime, PoolSnapshot),
    ladders: Vec<Ladder>,
}

/// Count, sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.n
    }

    fn variance(&self) -> f64 {
        self.squares / self.n - self.mean().powi(2)
    }

    /// Squared coefficient of variation.
    fn scv(&self) -> f64 {
        self.variance() / self.mean().powi(2)
    }
}

/// Requests of one load.
#[derive(Clone, Copy, Default)]
struct Class {
    sojourn: Moments,
    slowdown: Moments,
}

/// The latest departures of one replica that serves one at a time, latest first, and for how long its first, second, ...
/// position has been taken. First come first served, a request steps up at each departure before its own.
#[derive(Clone, Copy, Default)]
struct Ladder {
    departures: [SimTime; POSITIONS],
    taken_s: [f64; POSITIONS],
}

impl Ladder {
    fn departs(&mut self, end: &RequestEnd, from: SimTime) {
        let mut left = end.at;
        for (taken, before) in self.taken_s.iter_mut().zip(self.departures) {
            *taken += left.saturating_since(end.arrived.max(before).max(from)).as_secs_f64();
            left = before;
        }
        self.departures.rotate_right(1);
        self.departures[0] = end.at;
    }
}

impl Measure {
    pub fn new(from: SimTime) -> Self {
        let histogram = || hdrhistogram::Histogram::new_with_bounds(1, 1 << 50, 3).expect("bounds in order");
        Self {
            from,
            offered: 0,
            blocked: 0,
            timed_out: 0,
            waited: 0,
            wait_gave_up_s: 0.0,
            wait: Moments::default(),
            sojourn: Moments::default(),
            demand: Moments::default(),
            gap: Moments::default(),
            waits: histogram(),
            sojourns: histogram(),
            loads: Vec::new(),
            last_arrival: None,
            inside: 0,
            changed: SimTime::ZERO,
            area_request_nanos: 0,
            empty_nanos: 0,
            first: None,
            last: (SimTime::ZERO, PoolSnapshot::default()),
            ladders: Vec::new(),
        }
    }

    /// What all models have in common. Time averages are integrals of their own, not customer averages in disguise.
    pub fn figures(&self) -> Figures {
        let n = self.wait.n;
        let gave_up = self.timed_out as f64;
        let span_s = self.span_s();
        let throughput = n / span_s;
        let mut figures = Figures::new();
        let mut put = |name: &str, value: f64| {
            figures.insert(name.to_owned(), value);
        };
        put("utilisation", self.utilisation());
        put("throughput", throughput);
        put("p_wait", (self.waited as f64 + gave_up) / (n + gave_up));
        put("p_wait_accepted", self.waited as f64 / n);
        put("p_block", self.blocked as f64 / self.offered as f64);
        put("p_abandon", gave_up / self.offered as f64);
        put("p_idle", self.empty_nanos as f64 * 1e-9 / span_s);
        put("mean_wait", self.wait.mean());
        put("mean_wait_served", self.wait.mean());
        put("mean_wait_all", (self.wait.sum + self.wait_gave_up_s) / (n + gave_up));
        put("var_wait", self.wait.variance());
        put("mean_sojourn", self.sojourn.mean());
        put("mean_queue", throughput * self.wait.mean());
        put("mean_in_system", self.area_request_nanos as f64 * 1e-9 / span_s);
        put("service_mean", self.demand.mean());
        put("service_scv", self.demand.scv());
        put("interarrival_scv", self.gap.scv());
        for (name, quantile) in [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)] {
            put(&format!("{name}_wait"), self.waits.value_at_quantile(quantile) as f64 * 1e-9);
            put(&format!("{name}_sojourn"), self.sojourns.value_at_quantile(quantile) as f64 * 1e-9);
        }
        figures
    }

    /// Mean sojourn (seconds) and mean slowdown of the requests of one load.
    pub fn of_load(&self, load: usize) -> (f64, f64) {
        (self.loads[load].sojourn.mean(), self.loads[load].slowdown.mean())
    }

    /// Share of time and replicas in which at least one, two, three are at a replica.
    pub fn at_least(&self, replicas: f64) -> [f64; POSITIONS] {
        let span_s = self.span_s();
        std::array::from_fn(|k| self.ladders.iter().map(|ladder| ladder.taken_s[k]).sum::<f64>() / (span_s * replicas))
    }

    fn span_s(&self) -> f64 {
        self.last.0.since(self.from).as_secs_f64()
    }

    /// The simulator's own account of busy workers.
    fn utilisation(&self) -> f64 {
        let Some((_, first)) = self.first else { return f64::NAN };
        let (_, last) = self.last;
        1.0 - (last.idle_s - first.idle_s) / (last.replica_s - first.replica_s)
    }

    fn settle(&mut self, now: SimTime) {
        let nanos = now.saturating_since(self.changed.max(self.from)).as_nanos();
        self.area_request_nanos += u128::from(self.inside) * u128::from(nanos);
        if self.inside == 0 {
            self.empty_nanos += nanos;
        }
        self.changed = now;
    }

    fn done(&mut self, end: &RequestEnd) {
        let wait = end.started.expect("served").since(end.arrived);
        let sojourn = end.at.since(end.arrived);
        self.waited += u64::from(!wait.is_zero());
        self.wait.add(wait.as_secs_f64());
        self.sojourn.add(sojourn.as_secs_f64());
        self.demand.add(end.demand.as_secs_f64());
        self.waits.saturating_record(wait.as_nanos());
        self.sojourns.saturating_record(sojourn.as_nanos());
        let load = end.load.index();
        if self.loads.len() <= load {
            self.loads.resize(load + 1, Class::default());
        }
        self.loads[load].sojourn.add(sojourn.as_secs_f64());
        if !end.demand.is_zero() {
            self.loads[load].slowdown.add(sojourn.as_secs_f64() / end.demand.as_secs_f64());
        }
    }
}

impl Recorder for Measure {
    fn arrived(&mut self, now: SimTime, _: LoadId, _: PoolId) {
        self.settle(now);
        self.inside += 1;
        if now < self.from {
            return;
        }
        self.offered += 1;
        if let Some(before) = self.last_arrival.replace(now) {
            self.gap.add(now.since(before).as_secs_f64());
        }
    }

    fn ended(&mut self, end: &RequestEnd) {
        self.settle(end.at);
        self.inside -= 1;
        if let (Outcome::Done, Some(replica)) = (end.outcome, end.replica) {
            if self.ladders.len() <= replica.index() {
                self.ladders.resize(replica.index() + 1, Ladder::default());
            }
            self.ladders[replica.index()].departs(end, self.from);
        }
        if end.arrived < self.from {
            return;
        }
        match end.outcome {
            Outcome::Done => self.done(end),
            Outcome::Rejected => self.blocked += 1,
            Outcome::TimedOut => {
                self.timed_out += 1;
                self.wait_gave_up_s += end.at.since(end.arrived).as_secs_f64();
            }
            Outcome::Lost | Outcome::Unfinished => {}
        }
    }

    fn tick(&mut self, now: SimTime, state: &Snapshot<'_>) {
        self.settle(now);
        self.last = (now, state.pools[0]);
        if now >= self.from && self.first.is_none() {
            self.first = Some(self.last);
        }
    }
}
