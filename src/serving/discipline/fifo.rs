//! First come first served: each worker serves one request at its full rate, so an end is known at the start.

use crate::serving::Slot;
use crate::units::{SimTime, Span};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Ends of service, earliest first.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    /// With few workers, the usual case, a heap of one to four entries is as quick as an array.
    ends: BinaryHeap<Reverse<(SimTime, Slot)>>,
}

impl Fifo {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    #[inline]
    pub(super) fn start(&mut self, now: SimTime, slot: Slot, time_alone: Span) {
        self.ends.push(Reverse((now + time_alone, slot)));
    }

    #[inline]
    pub(super) fn next_end(&self) -> Option<SimTime> {
        self.ends.peek().map(|Reverse((at, _))| *at)
    }

    #[inline]
    pub(super) fn finish(&mut self, now: SimTime) -> Option<Slot> {
        if self.next_end()? > now {
            return None;
        }
        self.ends.pop().map(|Reverse((_, slot))| slot)
    }

    pub(super) fn abort(&mut self, slot: Slot) {
        self.ends.retain(|Reverse((_, other))| *other != slot);
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        let mut ends: Vec<_> = self.ends.iter().map(|Reverse(end)| *end).collect();
        ends.sort_unstable();
        ends.into_iter().map(|(_, slot)| slot).collect()
    }
}
