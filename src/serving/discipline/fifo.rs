//! First come first served: each worker serves one request at its full rate, so an end is known at the start.

use crate::serving::Slot;
use crate::units::{SimTime, Span};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Ends of service, earliest first.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    /// The earliest end stands by itself: a replica of one worker never needs the heap.
    next: Option<(SimTime, Slot)>,
    later: BinaryHeap<Reverse<(SimTime, Slot)>>,
}

impl Fifo {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        u32::from(self.next.is_some()) + self.later.len() as u32
    }

    #[inline]
    pub(super) fn start(&mut self, now: SimTime, slot: Slot, time_alone: Span) {
        let end = (now + time_alone, slot);
        match self.next {
            None => self.next = Some(end),
            Some(next) if end < next => {
                self.next = Some(end);
                self.later.push(Reverse(next));
            }
            Some(_) => self.later.push(Reverse(end)),
        }
    }

    #[inline]
    pub(super) fn next_end(&self) -> Option<SimTime> {
        self.next.map(|(at, _)| at)
    }

    #[inline]
    pub(super) fn finish(&mut self, now: SimTime) -> Option<Slot> {
        let (at, slot) = self.next?;
        if at > now {
            return None;
        }
        self.next = self.later.pop().map(|Reverse(end)| end);
        Some(slot)
    }

    pub(super) fn abort(&mut self, slot: Slot) {
        if self.next.is_some_and(|(_, next)| next == slot) {
            self.next = self.later.pop().map(|Reverse(end)| end);
        } else {
            self.later.retain(|Reverse((_, other))| *other != slot);
        }
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        let mut ends: Vec<_> = self.later.iter().map(|Reverse(end)| *end).chain(self.next).collect();
        ends.sort_unstable();
        ends.into_iter().map(|(_, slot)| slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_come_in_order_whatever_the_order_of_starts() {
        let mut fifo = Fifo::default();
        for (slot, secs) in [(1, 5), (2, 3), (3, 9), (4, 1)] {
            fifo.start(SimTime::ZERO, slot, Span::from_secs(secs));
        }
        fifo.abort(4);
        fifo.abort(3);
        assert_eq!((fifo.len(), fifo.slots()), (2, vec![2, 1]));
        assert_eq!(fifo.finish(SimTime::from_secs(2)), None);
        assert_eq!(fifo.finish(SimTime::from_secs(9)), Some(2));
        assert_eq!(fifo.next_end(), Some(SimTime::from_secs(5)));
    }
}
