//! A recorder that measures what queueing theory speaks of.

use autosim::record::{Outcome, Recorder, RequestEnd};
use autosim::units::{LoadId, PoolId, SimTime};
use std::collections::BTreeMap;

/// Waits, sojourns and time averages of all requests that arrive after `from`.
pub struct Measure {
    from: SimTime,
    waits: hdrhistogram::Histogram<u64>,
    sojourns: hdrhistogram::Histogram<u64>,
    offered: u64,
    accepted: u64,
    blocked: u64,
    timed_out: u64,
    waited: u64,
    wait_s: f64,
    wait_squared_s2: f64,
    wait_gave_up_s: f64,
    sojourn_s: f64,
    slowdown: f64,
    work_s: f64,
    last: SimTime,
}

impl Measure {
    pub fn new(from: SimTime) -> Self {
        let histogram = || hdrhistogram::Histogram::new_with_bounds(1, 1 << 50, 3).expect("bounds in order");
        Self {
            from,
            waits: histogram(),
            sojourns: histogram(),
            offered: 0,
            accepted: 0,
            blocked: 0,
            timed_out: 0,
            waited: 0,
            wait_s: 0.0,
            wait_squared_s2: 0.0,
            wait_gave_up_s: 0.0,
            sojourn_s: 0.0,
            slowdown: 0.0,
            work_s: 0.0,
            last: SimTime::ZERO,
        }
    }

    /// The figures by the names that the rows use; `servers` is what there was to use.
    pub fn figures(&self, servers: f64) -> BTreeMap<String, f64> {
        let n = self.accepted as f64;
        let span = self.last.saturating_since(self.from).as_secs_f64();
        let throughput = n / span;
        let mut figures = BTreeMap::new();
        let mut put = |name: &str, value: f64| {
            figures.insert(name.to_owned(), value);
        };
        put("utilisation", self.work_s / span / servers);
        put("throughput", throughput);
        put("p_wait", (self.waited + self.timed_out) as f64 / (n + self.timed_out as f64));
        put("p_wait_accepted", self.waited as f64 / n);
        put("p_block", self.blocked as f64 / self.offered as f64);
        put("p_abandon", self.timed_out as f64 / self.offered as f64);
        put("mean_wait", self.wait_s / n);
        put("mean_wait_served", self.wait_s / n);
        put("mean_wait_all", (self.wait_s + self.wait_gave_up_s) / (n + self.timed_out as f64));
        put("var_wait", self.wait_squared_s2 / n - (self.wait_s / n).powi(2));
        put("mean_sojourn", self.sojourn_s / n);
        put("mean_slowdown", self.slowdown / n);
        // Little's law, which a test of its own holds exactly
        put("mean_queue", throughput * self.wait_s / n);
        put("mean_in_system", throughput * self.sojourn_s / n);
        for (name, quantile) in [("p50", 0.50), ("p95", 0.95), ("p99", 0.99)] {
            put(&format!("{name}_wait"), self.waits.value_at_quantile(quantile) as f64 * 1e-9);
            put(&format!("{name}_sojourn"), self.sojourns.value_at_quantile(quantile) as f64 * 1e-9);
        }
        figures
    }
}

impl Recorder for Measure {
    fn arrived(&mut self, now: SimTime, _: LoadId, _: PoolId) {
        self.offered += u64::from(now >= self.from);
    }

    fn ended(&mut self, end: &RequestEnd) {
        if end.arrived < self.from {
            return;
        }
        self.last = end.at;
        match end.outcome {
            Outcome::Rejected => self.blocked += 1,
            Outcome::TimedOut => {
                self.timed_out += 1;
                self.wait_gave_up_s += end.at.since(end.arrived).as_secs_f64();
            }
            Outcome::Done => self.done(end),
            Outcome::Lost | Outcome::Unfinished => {}
        }
    }
}

impl Measure {
    fn done(&mut self, end: &RequestEnd) {
        let wait = end.started.expect("served").since(end.arrived);
        let sojourn = end.at.since(end.arrived);
        self.accepted += 1;
        self.waited += u64::from(!wait.is_zero());
        self.wait_s += wait.as_secs_f64();
        self.wait_squared_s2 += wait.as_secs_f64().powi(2);
        self.sojourn_s += sojourn.as_secs_f64();
        self.work_s += end.demand.as_secs_f64();
        if !end.demand.is_zero() {
            self.slowdown += sojourn.as_secs_f64() / end.demand.as_secs_f64();
        }
        self.waits.saturating_record(wait.as_nanos());
        self.sojourns.saturating_record(sojourn.as_nanos());
    }
}
