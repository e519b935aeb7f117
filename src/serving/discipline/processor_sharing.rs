//! Processor sharing: all requests in service progress at one common rate.
//!
//! Virtual time advances at that rate; a request ends when virtual time reaches its own mark, so a change of the rate moves no
//! entry: O(log n) per start and end. Under a CPU limit the rate falls to `limit/demand` (fluid), or runs and stops within
//! each quota period (exact).

use super::ends::Ends;
use super::quota::Quota;
use crate::serving::Slot;
use crate::serving::spec::CpuSpec;
use crate::units::{SimTime, Span};

/// Requests that share a replica.
#[derive(Clone, Debug)]
pub struct Sharing {
    /// Each of n runs at min(1, cores/n) ...
    cores: f64,
    /// ... and under a fluid limit at most at this/n.
    limit_in_requests: f64,
    /// Or under an exact limit only while the quota lasts.
    quota: Option<Quota>,
    /// Cores that a request uses at rate 1.
    fraction: f64,
    /// Cores that the container uses anyway.
    base_cores: f64,
    /// Nanoseconds of progress of a request that has been here since virtual time began.
    virtual_nanos: f64,
    /// When that was true.
    as_of: SimTime,
    /// By virtual end: the bits of a positive float sort as the float does.
    ends: Ends,
}

impl Sharing {
    pub(super) fn new(cores: f64, limit_in_requests: f64, quota: Option<Quota>, cpu: &CpuSpec) -> Self {
        Self {
            cores,
            limit_in_requests,
            quota,
            fraction: cpu.fraction,
            base_cores: cpu.idle_millis as f64 / 1000.0,
            virtual_nanos: 0.0,
            as_of: SimTime::ZERO,
            ends: Ends::default(),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.ends.len()
    }

    /// Rate of each request while it runs.
    #[inline]
    fn rate(&self) -> f64 {
        let n = f64::from(self.len());
        (self.cores.min(self.limit_in_requests) / n).min(1.0)
    }

    /// Cores in use while the container runs.
    #[inline]
    fn demand_cores(&self) -> f64 {
        if self.ends.is_empty() {
            return self.base_cores;
        }
        self.base_cores + f64::from(self.len()) * self.fraction * self.rate()
    }

    /// Core-nanoseconds used from the last change until `now`.
    pub(super) fn used_since_change(&self, now: SimTime) -> f64 {
        let elapsed = now.since(self.as_of);
        let demand = self.demand_cores();
        match &self.quota {
            Some(quota) => quota.clone().advance(self.as_of, elapsed, demand) * demand,
            None => elapsed.as_nanos() as f64 * demand,
        }
    }

    pub(super) const fn has_quota(&self) -> bool {
        self.quota.is_some()
    }

    pub(super) fn set_base(&mut self, now: SimTime, cores: f64) {
        self.advance(now);
        self.base_cores = cores;
    }

    /// Brings virtual time up to `now`.
    fn advance(&mut self, now: SimTime) {
        let elapsed = now.since(self.as_of);
        if elapsed.is_zero() {
            return;
        }
        let demand = self.demand_cores();
        let running = match &mut self.quota {
            Some(quota) => quota.advance(self.as_of, elapsed, demand),
            None => elapsed.as_nanos() as f64,
        };
        self.as_of = now;
        if self.ends.is_empty() {
            self.virtual_nanos = 0.0; // nobody measures by it: begin again, so that precision never wears off
        } else {
            self.virtual_nanos += running * self.rate();
        }
    }

    pub(super) fn start(&mut self, now: SimTime, slot: Slot, time_alone: Span) -> u64 {
        self.advance(now);
        let end = (self.virtual_nanos + time_alone.as_nanos() as f64).to_bits();
        self.ends.push(end, slot);
        end
    }

    pub(super) fn next_end(&self) -> Option<SimTime> {
        let (end, _) = self.ends.peek()?;
        let running = ((f64::from_bits(end) - self.virtual_nanos) / self.rate()).max(0.0);
        let nanos = match &self.quota {
            Some(quota) => quota.time_until(self.as_of, running, self.demand_cores()),
            None => running,
        };
        // A thousandth of a nanosecond of float noise must not cost a whole one.
        Some(self.as_of + Span::from_nanos((nanos - 1e-3).ceil().max(0.0) as u64))
    }

    pub(super) fn finish(&mut self, now: SimTime) -> Option<Slot> {
        self.advance(now);
        if self.next_end()? > now {
            return None;
        }
        let (end, slot) = self.ends.pop()?;
        self.virtual_nanos = self.virtual_nanos.max(f64::from_bits(end));
        Some(slot)
    }

    pub(super) fn abort(&mut self, now: SimTime, slot: Slot, end: u64) {
        self.advance(now);
        self.ends.strike(end, slot);
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.ends.sorted().into_iter().map(|(_, slot)| slot).collect()
    }
}
