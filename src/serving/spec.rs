//! What a pool says about serving, checked.

use crate::units::Span;

/// When service ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DisciplineSpec {
    /// Each worker serves one request, first come first served.
    Fifo,
    /// n requests in service each run at min(1, cores/n).
    ProcessorSharing {
        /// Cores, above 0.
        cores: f64,
    },
}

/// Who gets the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalancerSpec {
    /// Uniform over the endpoints.
    Random,
    /// The next in the list; the position is reset when the list changes.
    RoundRobin,
    /// Fewest in flight of this many random picks without replacement.
    LeastRequest {
        /// Picks, at least 2.
        choices: u32,
    },
    /// Fewest in flight of all.
    LeastRequestFull,
    /// One queue that all replicas pull from.
    CentralQueue,
}

/// Waiting room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// Waiting requests per replica, with a central queue in all; `None`: unlimited.
    pub capacity: Option<u64>,
    /// Waiting longer ends as timed out, unserved.
    pub timeout: Option<Span>,
    /// Wait for an endpoint when none is ready; then rejected.
    pub hold: Span,
    /// Requests that stand there at time 0.
    pub initial: u64,
}

/// CPU of a pool's main container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuSpec {
    /// Request in millicores.
    pub request_millis: Option<u64>,
    /// Limit in millicores.
    pub limit_millis: Option<u64>,
    /// Cores that a request keeps busy while it is served (`per_request` is turned into this).
    pub fraction: f64,
    /// Base load in millicores.
    pub idle_millis: u64,
    /// Use from `runtime` to ready, in millicores.
    pub startup_millis: u64,
    /// How the limit is felt.
    pub cfs: Cfs,
}

/// How a CPU limit is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cfs {
    /// Demand above the limit: all slow down to limit/demand.
    Fluid,
    /// Demand above the limit: all stop for the rest of each 100 ms quota period.
    Exact,
}

/// Memory of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemorySpec {
    /// Request in bytes.
    pub request_bytes: Option<u64>,
    /// Limit in bytes.
    pub limit_bytes: Option<u64>,
    /// Use when idle, bytes.
    pub idle_bytes: u64,
    /// Use per request in flight, bytes.
    pub per_request_bytes: u64,
}
