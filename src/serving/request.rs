//! Requests in the system, in slots that are used again, and the lists they stand in.
//!
//! A request carries its own links, so joining and leaving a queue or a class of timeouts costs a few writes and never
//! allocates.

use crate::units::{LoadId, ModelId, PoolId, ReplicaId, SimTime, Slab, Span};

/// All requests in the system.
pub type Requests = Slab<Request>;

/// A slot in [`Requests`]; no slot is [`NO_SLOT`].
pub type Slot = u32;

/// The end of a list.
pub const NO_SLOT: Slot = u32::MAX;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between two places, within one instant.
    Nowhere,
    /// Waits for an endpoint.
    Held,
    /// On its way through the proxies to a replica that holds its model.
    Travelling,
    /// Waits at its replica until its model is in memory again.
    Reloading,
    /// Waits to be tried again by the proxy.
    BackingOff,
    /// A pipeline's own: the calls of its steps are requests of their own.
    InFlow,
    /// Waits in the pool's central queue.
    Central,
    /// Waits at its replica.
    Waiting,
    /// Is being served by its replica.
    InService,
}

/// A request: class and demand are drawn at birth, so no policy can shift another request's luck.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Public number, from 1 in order of birth.
    pub number: u64,
    /// Birth.
    pub arrived: SimTime,
    /// Start of service, [`SimTime::NEVER`] before.
    pub started: SimTime,
    /// When it began to wait where it waits.
    pub waits_since: SimTime,
    /// Work at speed 1.
    pub demand: Span,
    /// In service: what its discipline knows the end by.
    pub end_mark: u64,
    /// Who sent it.
    pub load: LoadId,
    /// Where it goes.
    pub pool: PoolId,
    /// Who has it, if `place` says that somebody does.
    pub replica: ReplicaId,
    /// Which version of which model it calls, if it calls one.
    pub call: Option<Call>,
    /// The closed-loop user that waits for it, or `u32::MAX`.
    pub user: u32,
    /// Where it is.
    pub place: Place,
    /// True while its client may still give up.
    pub client_waits: bool,
    /// True once its end has been recorded: what is left is zombie work.
    pub ended: bool,
    /// Its neighbours in a queue.
    pub in_queue: Link,
    /// Its neighbours in a class of client timeouts.
    pub in_class: Link,
    /// Its neighbours in a class of waiting times.
    pub in_wait: Link,
}

/// A request's call of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    /// The model.
    pub model: ModelId,
    /// Cores that it keeps busy while it is served.
    pub cpu_fraction: f32,
    /// The version that it was routed to.
    pub version: u32,
    /// Counted by the Envoy that routed it.
    pub routed: bool,
    /// Counted by the agent that received it.
    pub received: bool,
    /// Holds one of its cluster's retries.
    pub retrying: bool,
    /// How often it was tried again.
    pub retries: u8,
    /// Its lag is counted as that of gRPC.
    pub grpc: bool,
    /// The step of a pipeline that waits for it, or `u32::MAX`.
    pub step: u32,
}

/// Neighbours in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    before: Slot,
    after: Slot,
}

impl Link {
    /// In no list.
    pub const NONE: Self = Self { before: NO_SLOT, after: NO_SLOT };

    /// Who stands behind.
    pub const fn next(self) -> Option<Slot> {
        if self.after == NO_SLOT { None } else { Some(self.after) }
    }
}

/// Which of a request's links a list uses.
pub trait Thread {
    /// The link, to change.
    fn link(request: &mut Request) -> &mut Link;
    /// The link.
    fn peek(request: &Request) -> Link;
}

/// Queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct InQueue;
/// Classes of client timeouts.
#[derive(Clone, Copy, Debug, Default)]
pub struct InClass;
/// Classes of waiting times.
#[derive(Clone, Copy, Debug, Default)]
pub struct InWait;

impl Thread for InQueue {
    #[inline]
    fn link(request: &mut Request) -> &mut Link {
        &mut request.in_queue
    }
    fn peek(request: &Request) -> Link {
        request.in_queue
    }
}
impl Thread for InClass {
    #[inline]
    fn link(request: &mut Request) -> &mut Link {
        &mut request.in_class
    }
    fn peek(request: &Request) -> Link {
        request.in_class
    }
}
impl Thread for InWait {
    #[inline]
    fn link(request: &mut Request) -> &mut Link {
        &mut request.in_wait
    }
    fn peek(request: &Request) -> Link {
        request.in_wait
    }
}

/// A first-in first-out list threaded through the requests.
#[derive(Clone, Copy, Debug)]
pub struct List<T> {
    first: Slot,
    last: Slot,
    len: u32,
    thread: std::marker::PhantomData<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { first: NO_SLOT, last: NO_SLOT, len: 0, thread: std::marker::PhantomData }
    }
}

impl<T: Thread> List<T> {
    /// How many stand in it.
    #[inline]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True if nobody does.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Who stands first.
    #[inline]
    pub const fn first(&self) -> Option<Slot> {
        if self.len == 0 { None } else { Some(self.first) }
    }

    /// All, from the first to the last.
    pub fn iter(&self, requests: &Requests) -> impl Iterator<Item = Slot> {
        std::iter::successors(self.first(), |slot| T::peek(&requests[*slot]).next())
    }

    /// Joins at the end.
    #[inline]
    pub fn push(&mut self, slot: Slot, requests: &mut Requests) {
        *T::link(&mut requests[slot]) = Link { before: self.last, after: NO_SLOT };
        if self.len == 0 {
            self.first = slot;
        } else {
            T::link(&mut requests[self.last]).after = slot;
        }
        self.last = slot;
        self.len += 1;
    }

    /// Leaves from wherever it stands.
    #[inline]
    pub fn remove(&mut self, slot: Slot, requests: &mut Requests) {
        let Link { before, after } = *T::link(&mut requests[slot]);
        if before == NO_SLOT {
            self.first = after;
        } else {
            T::link(&mut requests[before]).after = after;
        }
        if after == NO_SLOT {
            self.last = before;
        } else {
            T::link(&mut requests[after]).before = before;
        }
        self.len -= 1;
    }

    /// The first one leaves.
    #[inline]
    pub fn pop(&mut self, requests: &mut Requests) -> Option<Slot> {
        let slot = self.first()?;
        self.remove(slot, requests);
        Some(slot)
    }
}
