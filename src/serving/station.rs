//! A station: what one replica serves, who waits there, and what CPU it has burnt.

use super::discipline::Engine;
use super::request::{InQueue, List, Place, Requests, Slot};
use super::spec::{CpuSpec, DisciplineSpec, QueueSpec};
use crate::units::{SimTime, Span};

/// What a station needs to know of its pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StationSpec {
    /// Requests in service at once; `None`: unlimited.
    pub workers: Option<u32>,
    /// When service ends.
    pub discipline: DisciplineSpec,
    /// Waiting room.
    pub queue: QueueSpec,
    /// CPU.
    pub cpu: CpuSpec,
    /// Work per second of service.
    pub speed: f64,
    /// When the quota periods of its container begin.
    pub quota_phase: Span,
}

/// What became of a request that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Its service began.
    Started,
    /// It waits.
    Queued,
    /// No room.
    Full,
}

/// How many requests keep a replica busy.
fn slots(spec: &StationSpec) -> f64 {
    match (spec.workers, spec.discipline) {
        (Some(workers), _) => f64::from(workers),
        (None, DisciplineSpec::ProcessorSharing { cores }) => cores,
        (None, DisciplineSpec::Fifo) => 1.0,
    }
}

/// The serving side of one replica.
#[derive(Clone, Debug)]
pub struct Station {
    engine: Engine,
    queue: List<InQueue>,
    spec: StationSpec,
    limit_cores: f64,
    /// One over the number of requests that keep a replica busy.
    per_slot: f64,
    base_cores: f64,
    /// Ends of service are armed up to here: an earlier end needs a new event, a later one re-arms when this one is popped.
    armed: SimTime,
    epoch: u32,
    changed: SimTime,
    cpu_core_nanos: f64,
    busy_nanos: f64,
    /// Cores of the requests in service beyond `cpu.fraction` each: models on one server differ.
    extra_cores: f64,
}

impl Station {
    /// An idle station.
    pub fn new(now: SimTime, spec: StationSpec) -> Self {
        let limit_cores = spec.cpu.limit_millis.map_or(f64::INFINITY, |millis| millis as f64 / 1000.0);
        let mut station = Self {
            engine: Engine::new(spec.discipline, spec.workers, &spec.cpu, spec.quota_phase),
            queue: List::default(),
            spec,
            limit_cores,
            per_slot: 1.0 / slots(&spec),
            base_cores: 0.0,
            armed: SimTime::NEVER,
            epoch: 0,
            changed: now,
            cpu_core_nanos: 0.0,
            busy_nanos: 0.0,
            extra_cores: 0.0,
        };
        station.engine.set_base(now, 0.0);
        station
    }

    /// How many are in service.
    #[inline]
    pub fn in_service(&self) -> u32 {
        self.engine.len()
    }

    /// How many wait.
    #[inline]
    pub const fn waiting(&self) -> u32 {
        self.queue.len()
    }

    /// Is there a worker for one more?
    #[inline]
    pub fn has_free_worker(&self) -> bool {
        self.spec.workers.is_none_or(|workers| self.engine.len() < workers)
    }

    /// True if nobody waits or is served.
    pub fn is_empty(&self) -> bool {
        self.engine.is_empty() && self.queue.is_empty()
    }

    /// A request arrives here.
    #[inline]
    pub fn offer(&mut self, now: SimTime, slot: Slot, requests: &mut Requests) -> Admission {
        if self.queue.is_empty() && self.has_free_worker() {
            self.start(now, slot, requests);
            return Admission::Started;
        }
        if self.spec.queue.capacity.is_some_and(|capacity| u64::from(self.queue.len()) >= capacity) {
            return Admission::Full;
        }
        requests[slot].place = Place::Waiting;
        self.queue.push(slot, requests);
        Admission::Queued
    }

    /// Service of a request begins; there must be a worker.
    #[inline(always)]
    pub fn start(&mut self, now: SimTime, slot: Slot, requests: &mut Requests) {
        self.settle(now);
        let request = &mut requests[slot];
        request.place = Place::InService;
        request.started = now;
        if let Some(call) = &request.call {
            self.extra_cores += f64::from(call.cpu_fraction) - self.spec.cpu.fraction;
        }
        let time_alone = if self.spec.speed == 1.0 {
            request.demand
        } else {
            Span::from_drawn_secs(request.demand.as_secs_f64() / self.spec.speed)
        };
        request.end_mark = self.engine.start(now, slot, time_alone);
    }

    /// Takes one request whose service has ended by now.
    #[inline(always)]
    pub fn finish(&mut self, now: SimTime) -> Option<Slot> {
        if self.engine.next_end()? > now {
            return None;
        }
        self.settle(now);
        self.engine.finish(now)
    }

    /// A call of a model has left service.
    pub fn lighten(&mut self, cpu_fraction: f32) {
        self.extra_cores -= f64::from(cpu_fraction) - self.spec.cpu.fraction;
        if self.engine.is_empty() {
            self.extra_cores = 0.0; // what rounding has left
        }
    }

    /// Starts the first one that waits, if a worker is free.
    #[inline]
    pub fn pull(&mut self, now: SimTime, requests: &mut Requests) -> Option<Slot> {
        if !self.has_free_worker() {
            return None;
        }
        let slot = self.queue.pop(requests)?;
        self.start(now, slot, requests);
        Some(slot)
    }

    /// A request that waits or is served here is taken away.
    pub fn remove(&mut self, now: SimTime, slot: Slot, requests: &mut Requests) {
        if requests[slot].place == Place::Waiting {
            self.queue.remove(slot, requests);
        } else {
            self.settle(now);
            self.engine.abort(now, slot, requests[slot].end_mark);
            if let Some(call) = requests[slot].call {
                self.lighten(call.cpu_fraction);
            }
        }
        requests[slot].place = Place::Nowhere;
    }

    /// Everybody here, first those in service, then those who wait.
    pub fn everybody(&self, requests: &Requests) -> Vec<Slot> {
        let mut all = self.engine.slots();
        all.extend(self.queue.iter(requests));
        all
    }

    /// The end of service to arm now: `Some` if an event earlier than the armed one is needed, with its epoch.
    #[inline(always)]
    pub fn arm(&mut self) -> Option<(SimTime, u32)> {
        let next = self.engine.next_end()?;
        if next >= self.armed {
            return None;
        }
        self.armed = next;
        self.epoch = self.epoch.wrapping_add(1);
        Some((next, self.epoch))
    }

    /// An armed event was popped: true if it is the latest one armed.
    #[inline]
    pub fn disarm(&mut self, epoch: u32) -> bool {
        let current = epoch == self.epoch;
        if current {
            self.armed = SimTime::NEVER;
        }
        current
    }

    /// The container's use apart from requests changes: starting, idle, stopped.
    pub fn set_base(&mut self, now: SimTime, cores: f64) {
        self.settle(now);
        self.base_cores = cores;
        self.engine.set_base(now, cores);
    }

    /// Cumulative CPU time of the main container at `now`, core-seconds.
    #[inline]
    pub fn cpu_core_s(&self, now: SimTime) -> f64 {
        (self.cpu_core_nanos + self.used_since_change(now)) * 1e-9
    }

    /// Cumulative time × share of busy workers at `now`, seconds.
    pub fn busy_s(&self, now: SimTime) -> f64 {
        (self.busy_nanos + self.busy_since_change(now)) * 1e-9
    }

    #[inline]
    fn used_since_change(&self, now: SimTime) -> f64 {
        let base = self.base_cores + self.extra_cores;
        let used = self.engine.used_since_change(now, self.changed, base, self.spec.cpu.fraction);
        // A quota is spent at full speed and then stops: only a fluid limit bounds every stretch of time.
        if self.engine.has_quota() {
            used
        } else {
            used.min(now.since(self.changed).as_nanos() as f64 * self.limit_cores)
        }
    }

    #[inline]
    fn busy_since_change(&self, now: SimTime) -> f64 {
        let busy = f64::from(self.engine.len()) * self.per_slot;
        now.since(self.changed).as_nanos() as f64 * busy.min(1.0)
    }

    /// Books what was used since the last change.
    #[inline(always)]
    fn settle(&mut self, now: SimTime) {
        if now == self.changed {
            return;
        }
        if let Engine::Fifo(_) = &self.engine {
            // The usual case, told once: workers that nothing slows down.
            let (elapsed, n) = (now.since(self.changed).as_nanos() as f64, f64::from(self.engine.len()));
            let base = self.base_cores + self.extra_cores;
            self.cpu_core_nanos += elapsed * (base + n * self.spec.cpu.fraction).min(self.limit_cores);
            self.busy_nanos += elapsed * (n * self.per_slot).min(1.0);
        } else {
            self.cpu_core_nanos += self.used_since_change(now);
            self.busy_nanos += self.busy_since_change(now);
        }
        self.changed = now;
    }
}
