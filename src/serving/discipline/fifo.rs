//! First come first served: each worker serves one request at its full rate, so an end is known at the start.

use super::ends::Ends;
use crate::serving::Slot;
use crate::units::{SimTime, Span};

/// Ends of service, earliest first.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    /// The earliest end stands by itself: a replica of one worker never needs the heap.
    next: Option<(u64, Slot)>,
    /// By nanoseconds since the start of the run.
    later: Ends,
}

impl Fifo {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        u32::from(self.next.is_some()) + self.later.len()
    }

    #[inline]
    pub(super) fn start(&mut self, now: SimTime, slot: Slot, time_alone: Span) -> u64 {
        let end = (now + time_alone).as_nanos();
        match self.next {
            None => self.next = Some((end, slot)),
            Some(next) if (end, slot) < next => {
                self.next = Some((end, slot));
                self.later.push(next.0, next.1);
            }
            Some(_) => self.later.push(end, slot),
        }
        end
    }

    #[inline]
    pub(super) fn next_end(&self) -> Option<SimTime> {
        self.next.map(|(at, _)| SimTime::from_nanos(at))
    }

    #[inline]
    pub(super) fn finish(&mut self, now: SimTime) -> Option<Slot> {
        let (at, slot) = self.next?;
        if at > now.as_nanos() {
            return None;
        }
        self.next = self.later.pop();
        Some(slot)
    }

    pub(super) fn abort(&mut self, slot: Slot, end: u64) {
        if self.next == Some((end, slot)) {
            self.next = self.later.pop();
        } else {
            self.later.strike(end, slot);
        }
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.next.into_iter().chain(self.later.sorted()).map(|(_, slot)| slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_come_in_order_whatever_the_order_of_starts() {
        let mut fifo = Fifo::default();
        for (slot, secs) in [(1, 5), (2, 3), (3, 9), (4, 1)] {
            assert_eq!(fifo.start(SimTime::ZERO, slot, Span::from_secs(secs)), secs * 1_000_000_000);
        }
        fifo.abort(4, 1_000_000_000);
        fifo.abort(3, 9_000_000_000);
        assert_eq!((fifo.len(), fifo.slots()), (2, vec![2, 1]));
        assert_eq!(fifo.finish(SimTime::from_secs(2)), None);
        assert_eq!(fifo.finish(SimTime::from_secs(9)), Some(2));
        assert_eq!(fifo.next_end(), Some(SimTime::from_secs(5)));
    }
}
