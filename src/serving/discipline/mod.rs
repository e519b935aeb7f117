//! Disciplines: when does service end, and what CPU does it burn. One file each, and `ends`, the list that they keep.

mod ends;
pub mod fifo;
pub mod processor_sharing;
pub mod quota;

use crate::serving::Slot;
use crate::serving::spec::{Cfs, CpuSpec, DisciplineSpec};
use crate::units::{SimTime, Span};
use fifo::Fifo;
use processor_sharing::Sharing;
use quota::Quota;

/// The requests in service at one replica.
#[derive(Clone, Debug)]
pub enum Engine {
    /// Nobody slows anybody down.
    Fifo(Fifo),
    /// All progress at one common rate that depends on their number.
    Sharing(Sharing),
}

impl Engine {
    /// The engine that these settings call for: workers whose CPU limit can never bind need no common clock.
    pub fn new(discipline: DisciplineSpec, workers: Option<u32>, cpu: &CpuSpec, quota_phase: Span) -> Self {
        let limit = cpu.limit_millis.map(|millis| millis as f64 / 1000.0);
        let bound = limit.is_some_and(|limit| workers.is_none_or(|c| f64::from(c) * cpu.fraction > limit));
        let cores = match discipline {
            DisciplineSpec::Fifo => f64::INFINITY,
            DisciplineSpec::ProcessorSharing { cores } => cores,
        };
        let limit = limit.filter(|_| cpu.fraction > 0.0);
        match (discipline, cpu.cfs, limit) {
            (DisciplineSpec::Fifo, _, _) if !bound => Self::Fifo(Fifo::default()),
            (_, Cfs::Exact, Some(limit)) => {
                Self::Sharing(Sharing::new(cores, f64::INFINITY, Some(Quota::new(limit, quota_phase)), cpu))
            }
            (_, _, limit) => {
                Self::Sharing(Sharing::new(cores, limit.unwrap_or(f64::INFINITY) / cpu.fraction, None, cpu))
            }
        }
    }

    /// How many are in service.
    #[inline]
    pub fn len(&self) -> u32 {
        match self {
            Self::Fifo(fifo) => fifo.len(),
            Self::Sharing(sharing) => sharing.len(),
        }
    }

    /// True if nobody is in service.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Service of `slot` begins: `time_alone` is how long it would take at rate 1. Returns the mark to abort it by.
    #[inline]
    pub fn start(&mut self, now: SimTime, slot: Slot, time_alone: Span) -> u64 {
        match self {
            Self::Fifo(fifo) => fifo.start(now, slot, time_alone),
            Self::Sharing(sharing) => sharing.start(now, slot, time_alone),
        }
    }

    /// When the next service ends, as things are.
    #[inline]
    pub fn next_end(&self) -> Option<SimTime> {
        match self {
            Self::Fifo(fifo) => fifo.next_end(),
            Self::Sharing(sharing) => sharing.next_end(),
        }
    }

    /// Takes one request whose service has ended by now.
    #[inline]
    pub fn finish(&mut self, now: SimTime) -> Option<Slot> {
        match self {
            Self::Fifo(fifo) => fifo.finish(now),
            Self::Sharing(sharing) => sharing.finish(now),
        }
    }

    /// Service of `slot` stops before its end; `mark` is what its start returned.
    pub fn abort(&mut self, now: SimTime, slot: Slot, mark: u64) {
        match self {
            Self::Fifo(fifo) => fifo.abort(slot, mark),
            Self::Sharing(sharing) => sharing.abort(now, slot, mark),
        }
    }

    /// Core-nanoseconds used from the last start, end or change of base until `now`; the limit is not yet applied.
    #[inline]
    pub fn used_since_change(&self, now: SimTime, changed: SimTime, base_cores: f64, fraction: f64) -> f64 {
        match self {
            Self::Fifo(fifo) => now.since(changed).as_nanos() as f64 * (base_cores + f64::from(fifo.len()) * fraction),
            Self::Sharing(sharing) => sharing.used_since_change(now),
        }
    }

    /// Is the limit kept by an exact quota?
    #[inline]
    pub const fn has_quota(&self) -> bool {
        match self {
            Self::Fifo(_) => false,
            Self::Sharing(sharing) => sharing.has_quota(),
        }
    }

    /// The container's use apart from requests changes.
    pub fn set_base(&mut self, now: SimTime, cores: f64) {
        if let Self::Sharing(sharing) = self {
            sharing.set_base(now, cores);
        }
    }

    /// Everybody in service, in no particular order that matters: used when a pod dies.
    pub fn slots(&self) -> Vec<Slot> {
        match self {
            Self::Fifo(fifo) => fifo.slots(),
            Self::Sharing(sharing) => sharing.slots(),
        }
    }
}
