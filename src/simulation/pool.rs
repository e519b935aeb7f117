//! A pool as the simulation keeps it: routing, waiting room, size, and the truth about all of that.

use super::signals::Tap;
use crate::random::Stream;
use crate::record::{Outcome, RequestEnd};
use crate::scenario::PoolSpec;
use crate::serving::{Balancer, InQueue, InWait, List, TimeoutClass};
use crate::units::{Id, ReplicaId, Span};

/// A pool of one run.
pub(super) struct Pool {
    /// Its present settings: an intervention may change them.
    pub spec: PoolSpec,
    pub balancer: Balancer,
    /// One draw per routed request.
    pub routing: Stream,
    /// With a central queue: replicas that could serve one more.
    pub free: FreeList,
    pub central: List<InQueue>,
    pub held: List<InQueue>,
    pub queue_timeout: Option<TimeoutClass<InWait>>,
    pub hold_timeout: Option<TimeoutClass<InWait>>,
    /// Replicas that are wanted or exist: not gone.
    pub members: Vec<ReplicaId>,
    /// How many have ever been created: the next one's ordinal.
    pub created: u64,
    /// `spec.replicas` of the scale object.
    pub desired: u32,
    /// Pods that exist and are not deleted.
    pub alive: u32,
    /// Sum of the speeds of all replicas ever created.
    pub speeds: f64,
    /// Work of all requests that arrived, seconds at speed 1.
    pub work_s: f64,
    pub waiting: u64,
    pub waiting_max: u64,
    pub in_flight: u64,
    pub offered: u64,
    pub ended: EndCounts,
    /// Its signals, where an autoscaler reads them.
    pub tap: Option<Box<Tap>>,
    /// Integrals up to the last change of the number of replicas or tick.
    pub books: Books,
}

/// Ended requests of a pool by outcome, and what the built-in signals need.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EndCounts {
    pub done: u64,
    pub failed: u64,
    /// Ended after having reached a replica.
    pub served: u64,
}

/// Time-weighted integrals of one pool since the start of the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Books {
    pub cpu_core_s: f64,
    pub cpu_requested_core_s: f64,
    pub replica_s: f64,
    pub paid_s: f64,
    pub idle_s: f64,
    pub cost_usd: f64,
    pub replicas_min: u32,
    pub replicas_max: u32,
}

impl Pool {
    pub fn new(spec: PoolSpec, routing: Stream) -> Self {
        let hold = (spec.queue.hold > Span::ZERO).then(|| TimeoutClass::new(spec.queue.hold));
        Self {
            balancer: Balancer::new(spec.balancer),
            routing,
            free: FreeList::default(),
            central: List::default(),
            held: List::default(),
            queue_timeout: spec.queue.timeout.map(TimeoutClass::new),
            hold_timeout: hold,
            members: Vec::new(),
            created: 0,
            desired: spec.replicas,
            alive: 0,
            speeds: 0.0,
            work_s: 0.0,
            waiting: 0,
            waiting_max: 0,
            in_flight: 0,
            offered: 0,
            ended: EndCounts::default(),
            tap: None,
            books: Books::default(),
            spec,
        }
    }

    /// Counts the end of a request.
    #[inline]
    pub fn count(&mut self, end: &RequestEnd) {
        match end.outcome {
            Outcome::Done => self.ended.done += 1,
            Outcome::Unfinished => {}
            Outcome::Rejected | Outcome::TimedOut | Outcome::Lost => self.ended.failed += 1,
        }
        self.ended.served += u64::from(end.replica.is_some());
    }

    /// Mean work of a request: of those that arrived, or of the law before any did.
    pub fn mean_work_s(&self) -> f64 {
        if self.offered > 0 {
            return self.work_s / self.offered as f64;
        }
        self.spec.service.as_ref().map_or(0.0, crate::random::Law::mean)
    }

    /// A pod came into existence, or was deleted.
    pub fn alive_changed(&mut self, by: i32) {
        self.alive = self.alive.saturating_add_signed(by);
        self.books.replicas_min = self.books.replicas_min.min(self.alive);
        self.books.replicas_max = self.books.replicas_max.max(self.alive);
    }
}

impl Books {
    /// Adds integrals; the extremes are left alone.
    pub fn add(&mut self, delta: &Self) {
        self.cpu_core_s += delta.cpu_core_s;
        self.cpu_requested_core_s += delta.cpu_requested_core_s;
        self.replica_s += delta.replica_s;
        self.paid_s += delta.paid_s;
        self.idle_s += delta.idle_s;
        self.cost_usd += delta.cost_usd;
    }
}

/// Replicas with a free worker, in no order that matters; one is picked at random.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeList {
    replicas: Vec<ReplicaId>,
    /// Where each replica stands in `replicas`, by its number.
    places: Vec<u32>,
}

/// Stands nowhere.
const NOWHERE: u32 = u32::MAX;

impl FreeList {
    #[inline]
    pub fn pick(&self, draw: u64) -> Option<ReplicaId> {
        let index = ((draw >> 32) * self.replicas.len() as u64) >> 32;
        self.replicas.get(index as usize).copied()
    }

    #[inline]
    pub fn add(&mut self, replica: ReplicaId) {
        let number = replica.index();
        if self.places.len() <= number {
            self.places.resize(number + 1, NOWHERE);
        }
        if self.places[number] == NOWHERE {
            self.places[number] = self.replicas.len() as u32;
            self.replicas.push(replica);
        }
    }

    #[inline]
    pub fn remove(&mut self, replica: ReplicaId) {
        let Some(place) = self.places.get_mut(replica.index()) else { return };
        let index = std::mem::replace(place, NOWHERE);
        if index == NOWHERE {
            return;
        }
        self.replicas.swap_remove(index as usize);
        if let Some(moved) = self.replicas.get(index as usize) {
            self.places[moved.index()] = index;
        }
    }
}
