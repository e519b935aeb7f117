//! CFS bandwidth control: `limit × 100 ms` of CPU in each 100 ms period; when it is used up, everything in the container stops
//! until the next period begins.
//!
//! All threads of a container draw on one account, so between two changes of their number the usable time is a closed form of
//! the elapsed time, and no event per period is needed. Source: Linux `kernel/sched/fair.c` (`cpu.cfs_quota_us`,
//! `cpu.cfs_period_us` 100000, as the kubelet sets it).

use crate::units::{SimTime, Span};

/// The kubelet's `cpuCFSQuotaPeriod`.
pub const PERIOD: Span = Span::from_millis(100);

/// The quota of one container.
#[derive(Clone, Debug)]
pub struct Quota {
    /// CPU of a whole period, core-nanoseconds.
    whole: f64,
    /// What is left of the present one.
    left: f64,
    /// When periods begin, within 0 to [`PERIOD`].
    phase: Span,
}

impl Quota {
    /// A full account under `limit_cores`; periods begin at `phase` modulo 100 ms.
    pub fn new(limit_cores: f64, phase: Span) -> Self {
        let whole = limit_cores * PERIOD.as_nanos() as f64;
        Self { whole, left: whole, phase }
    }

    /// Nanoseconds from `now` to the end of the present period, 1 to [`PERIOD`].
    fn rest_of_period(&self, now: SimTime) -> u64 {
        let period = PERIOD.as_nanos();
        let into = (now.as_nanos() + period - self.phase.as_nanos() % period) % period;
        period - into
    }

    /// Nanoseconds within `elapsed` from `from` in which threads that together use `demand_cores` can run.
    pub fn advance(&mut self, from: SimTime, elapsed: Span, demand_cores: f64) -> f64 {
        let period = PERIOD.as_nanos();
        let rest = self.rest_of_period(from);
        let elapsed = elapsed.as_nanos();
        if elapsed < rest {
            return self.run(elapsed as f64, demand_cores);
        }
        let mut running = self.run(rest as f64, demand_cores);
        let after = elapsed - rest;
        running += (after / period) as f64 * self.per_period(demand_cores);
        self.left = self.whole;
        running + self.run((after % period) as f64, demand_cores)
    }

    /// Nanoseconds from `from` until those threads have run for `running` nanoseconds.
    pub fn time_until(&self, from: SimTime, running: f64, demand_cores: f64) -> f64 {
        let rest = self.rest_of_period(from) as f64;
        let now = rest.min(self.left / demand_cores);
        if running <= now {
            return running;
        }
        let per_period = self.per_period(demand_cores);
        let later = running - now;
        // An end on the last drop of a quota belongs to the period that pours it, not to the next.
        let periods = ((later / per_period) * (1.0 - f64::EPSILON)).floor();
        rest + periods * PERIOD.as_nanos() as f64 + (later - periods * per_period)
    }

    fn per_period(&self, demand_cores: f64) -> f64 {
        (PERIOD.as_nanos() as f64).min(self.whole / demand_cores)
    }

    fn run(&mut self, elapsed: f64, demand_cores: f64) -> f64 {
        if demand_cores <= 0.0 {
            return elapsed; // nobody draws on the account
        }
        let running = elapsed.min(self.left / demand_cores);
        self.left = (self.left - running * demand_cores).max(0.0);
        running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    #[test]
    fn one_thread_alone_stops_when_the_quota_is_gone() {
        // limit 0.5: 50 ms in each 100 ms
        let quota = Quota::new(0.5, Span::ZERO);
        for (work, response) in [(30.0, 30.0), (50.0, 50.0), (60.0, 110.0), (100.0, 150.0), (200.0, 350.0)] {
            let took = quota.time_until(SimTime::ZERO, work * MS, 1.0);
            assert!((took - response * MS).abs() < 1.0, "{work} ms of work took {took} ns");
        }
    }

    #[test]
    fn a_quota_is_poured_again_while_nobody_runs() {
        let mut quota = Quota::new(0.5, Span::ZERO);
        quota.advance(SimTime::ZERO, Span::from_millis(60), 1.0); // spent
        let later = SimTime::ZERO + Span::from_millis(60);
        quota.advance(later, Span::from_millis(1_050), 0.0); // idle until 1,110 ms, ten periods on
        let took = quota.time_until(SimTime::ZERO + Span::from_millis(1_110), 50.0 * MS, 1.0);
        assert!((took - 50.0 * MS).abs() < 1.0, "{took}");
    }

    #[test]
    fn advancing_in_pieces_is_advancing_at_once() {
        let mut whole = Quota::new(0.3, Span::from_millis(40));
        let mut pieces = whole.clone();
        let all = whole.advance(SimTime::ZERO, Span::from_millis(777), 2.0);
        let mut sum = 0.0;
        for step in 0..777 {
            sum += pieces.advance(SimTime::ZERO + Span::from_millis(step), Span::from_millis(1), 2.0);
        }
        assert!((all - sum).abs() < 10.0, "{all} and {sum}");
        // 30 ms of CPU a period on 2 cores run for 15 ms; 0 to 777 ms touches nine periods (they begin at -60, 40, ..., 740 ms),
        // and 37 ms of the last one are enough for its 15
        assert!((all - (9.0 * 15.0) * MS).abs() < 10.0, "{all}");
    }
}
