//! Built-in signals of a pool and of its pods: rates, means over time and latency quantiles, kept only where an autoscaler
//! reads them.
//!
//! They reach it the cheap way: the mean over a window that ended some time ago. Or Prometheus scrapes the pods: then only
//! their counters are kept here.

use crate::metrics::{LatencyCounts, Page, Series};
use crate::record::Latencies;
use crate::units::{ReplicaId, SimTime, Span};
use std::collections::VecDeque;

/// A number of requests as a function of time, and its integral.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Level {
    now: f64,
    since: SimTime,
    request_s: f64,
}

impl Level {
    fn shift(&mut self, at: SimTime, by: f64) {
        self.request_s = self.integral(at);
        self.since = at;
        self.now += by;
    }

    fn integral(&self, at: SimTime) -> f64 {
        self.request_s + self.now * at.saturating_since(self.since).as_secs_f64()
    }
}

/// What is counted of a pool, or of one pod.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    in_flight: Level,
    queue: Level,
    served: u64,
    /// Of a pod, where Prometheus is asked for them.
    latencies: Option<LatencyCounts>,
}

/// Cumulative figures at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    in_flight_s: f64,
    queue_s: f64,
    served: u64,
}

impl Counts {
    pub fn shift_in_flight(&mut self, at: SimTime, by: f64) {
        self.in_flight.shift(at, by);
    }

    pub fn shift_queue(&mut self, at: SimTime, by: f64) {
        self.queue.shift(at, by);
    }

    pub fn serve(&mut self, latency: Span) {
        self.served += 1;
        if let Some(latencies) = &mut self.latencies {
            latencies.record(latency);
        }
    }

    /// Shows the counters to a scrape.
    pub fn show(&self, page: &mut Page) {
        page.number(Series::Ended, self.served as f64);
        if let Some(latencies) = &self.latencies {
            page.latencies(latencies);
        }
    }

    pub fn read(&self, at: SimTime) -> Reading {
        Reading { in_flight_s: self.in_flight.integral(at), queue_s: self.queue.integral(at), served: self.served }
    }
}

/// A signal of the list that every pool provides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Signal {
    Rps,
    InFlight,
    Queue,
    Latency(f64),
}

impl Signal {
    /// By its metric name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "rps" | "infer_rps" => Self::Rps,
            "in_flight" => Self::InFlight,
            "queue" => Self::Queue,
            "latency_p50" => Self::Latency(0.50),
            "latency_p95" => Self::Latency(0.95),
            "latency_p99" => Self::Latency(0.99),
            _ => return None,
        })
    }
}

/// The taps of one pool.
pub(super) struct Tap {
    pub pool: Counts,
    /// Prometheus scrapes the pods: nobody looks at the pool.
    is_scraped: bool,
    /// It is asked for latencies.
    scrapes_latencies: bool,
    /// Of requests that ended since the last look.
    latency: Latencies,
    looks: VecDeque<Look>,
}

/// One look at a pool.
struct Look {
    at: SimTime,
    pool: Reading,
    pods: Vec<(ReplicaId, Reading)>,
    /// Since the look before.
    latency: Latencies,
}

impl Tap {
    pub fn new(is_scraped: bool) -> Self {
        let start =
            Look { at: SimTime::ZERO, pool: Reading::default(), pods: Vec::new(), latency: Latencies::default() };
        Self {
            pool: Counts::default(),
            is_scraped,
            scrapes_latencies: false,
            latency: Latencies::default(),
            looks: VecDeque::from([start]),
        }
    }

    /// A scaler reads this signal.
    pub fn wants(&mut self, signal: Signal) {
        self.scrapes_latencies |= self.is_scraped && matches!(signal, Signal::Latency(_));
    }

    /// What is counted of a new pod.
    pub fn of_pod(&self) -> Box<Counts> {
        let latencies = self.scrapes_latencies.then(LatencyCounts::default);
        Box::new(Counts { latencies, ..Counts::default() })
    }

    /// Does the cheap pipeline look at it?
    pub fn is_looked_at(&self) -> bool {
        !self.is_scraped
    }

    /// A request ended.
    pub fn ended(&mut self, latency: Span) {
        self.pool.serve(latency);
        if !self.is_scraped {
            self.latency.record(latency);
        }
    }

    /// Remembers how things are; what is older than `keep` is forgotten.
    pub fn look(&mut self, now: SimTime, pods: Vec<(ReplicaId, Reading)>, keep: Span) {
        if self.looks.back().is_some_and(|look| look.at == now) {
            return;
        }
        let latency = std::mem::take(&mut self.latency);
        self.looks.push_back(Look { at: now, pool: self.pool.read(now), pods, latency });
        let oldest = now.saturating_sub(keep);
        while self.looks.len() > 2 && self.looks[1].at < oldest {
            self.looks.pop_front();
        }
    }

    /// The look that was the latest at `at`.
    fn index_at(&self, at: SimTime) -> Option<usize> {
        self.looks.partition_point(|look| look.at <= at).checked_sub(1)
    }

    /// A signal of the pool over (begin, end], with when it was measured.
    pub fn pool_signal(&self, signal: Signal, begin: SimTime, end: SimTime) -> Option<(f64, SimTime)> {
        let (first, last) = (self.index_at(begin)?, self.index_at(end)?);
        if first == last {
            return None;
        }
        if let Signal::Latency(quantile) = signal {
            let mut all = Latencies::default();
            for look in self.looks.range(first + 1..=last) {
                all.merge(&look.latency);
            }
            return all.quantile_s(quantile).map(|latency_s| (latency_s, self.looks[last].at));
        }
        let (from, to) = (&self.looks[first], &self.looks[last]);
        let seconds = to.at.since(from.at).as_secs_f64();
        Some((mean(signal, &from.pool, &to.pool, seconds), to.at))
    }

    /// A signal of each pod that was there at `end`; latency is not kept per pod.
    pub fn pod_signals(
        &self,
        signal: Signal,
        begin: SimTime,
        end: SimTime,
    ) -> Option<(Vec<(ReplicaId, f64)>, SimTime)> {
        let (first, last) = (self.index_at(begin)?, self.index_at(end)?);
        if first == last || matches!(signal, Signal::Latency(_)) {
            return None;
        }
        let (from, to) = (&self.looks[first], &self.looks[last]);
        let seconds = to.at.since(from.at).as_secs_f64();
        let values = to
            .pods
            .iter()
            .map(|(replica, reading)| {
                let place = from.pods.binary_search_by_key(replica, |&(other, _)| other).ok();
                let before = place.map_or(Reading::default(), |place| from.pods[place].1);
                (*replica, mean(signal, &before, reading, seconds))
            })
            .collect();
        Some((values, to.at))
    }
}

fn mean(signal: Signal, from: &Reading, to: &Reading, seconds: f64) -> f64 {
    match signal {
        Signal::Rps => (to.served - from.served) as f64 / seconds,
        Signal::InFlight => (to.in_flight_s - from.in_flight_s) / seconds,
        Signal::Queue | Signal::Latency(_) => (to.queue_s - from.queue_s) / seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_the_window_and_late() {
        let at = SimTime::from_secs;
        let mut tap = Tap::new(false);
        tap.pool.shift_in_flight(at(0), 2.0); // two in flight from 0 to 10, one from 10 to 20
        tap.pool.shift_in_flight(at(10), -1.0);
        for _ in 0..30 {
            tap.ended(Span::from_millis(100));
        }
        tap.look(at(20), Vec::new(), Span::from_secs(600));
        let mean = tap.pool_signal(Signal::InFlight, at(0), at(20)).expect("two looks");
        assert!((mean.0 - 1.5).abs() < 1e-9);
        assert_eq!(tap.pool_signal(Signal::Rps, at(0), at(25)), Some((1.5, at(20))));
        let p50 = tap.pool_signal(Signal::Latency(0.5), at(0), at(20)).expect("a request").0;
        assert!((p50 - 0.1).abs() < 0.001);
        assert_eq!(tap.pool_signal(Signal::Rps, at(20), at(25)), None);
    }
}
