//! A pool as the simulation keeps it: routing, waiting room, size, and the truth about all of that.

use crate::record::{Outcome, RequestEnd};
use crate::scenario::PoolSpec;
use crate::serving::{Balancer, BalancerSpec, InQueue, InWait, List, TimeoutClass};
use crate::units::{ReplicaId, Span};
use crate::random::Stream;

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
    /// Replicas that exist: created, not gone.
    pub members: Vec<ReplicaId>,
    /// How many have ever been created: the next one's ordinal.
    pub created: u64,
    /// `spec.replicas` of the scale object.
    pub desired: u32,
    /// Ordinals of a StatefulSet wait for their predecessor; pods not yet created.
    pub owed: u32,
    pub waiting: u64,
    pub waiting_max: u64,
    pub in_flight: u64,
    pub offered: u64,
    pub ended: EndCounts,
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
            owed: 0,
            waiting: 0,
            waiting_max: 0,
            in_flight: 0,
            offered: 0,
            ended: EndCounts::default(),
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

    pub fn pulls_centrally(&self) -> bool {
        self.spec.balancer == BalancerSpec::CentralQueue
    }
}

/// Replicas with a free worker, in no order that matters; one is picked at random.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeList {
    replicas: Vec<ReplicaId>,
}

impl FreeList {
    #[inline]
    pub fn pick(&self, draw: u64) -> Option<ReplicaId> {
        let index = ((draw >> 32) * self.replicas.len() as u64) >> 32;
        self.replicas.get(index as usize).copied()
    }

    #[inline]
    pub fn add(&mut self, replica: ReplicaId) {
        if !self.replicas.contains(&replica) {
            self.replicas.push(replica);
        }
    }

    #[inline]
    pub fn remove(&mut self, replica: ReplicaId) {
        if let Some(index) = self.replicas.iter().position(|other| *other == replica) {
            self.replicas.swap_remove(index);
        }
    }
}
